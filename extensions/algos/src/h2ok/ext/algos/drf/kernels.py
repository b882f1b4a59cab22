"""Numba kernels of the random forest. Pure functions on arrays; OUT arrays are written, all others only read.

PERF: items are set one by one. The first assignment to a slice in a process takes the compiler more than two seconds.

``bins`` is uint8[n_cols, n_rows], C order (a column's bins lie side by side), NA in bin 255. A tree in bins is the set of arrays
``feature`` int32 (-1: leaf), ``split_bin`` int32 (last bin on the left; -1 for levels), ``na_left`` int32, ``left``/``right``
int32, ``bits`` uint64[n_nodes, 4] (bins that go left, for levels), ``value`` float64, ``depth`` int32.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["add_out_of_bag", "grow_tree"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


@njit(cache=True, nogil=True)
def _draw(state, below):  # type: ignore[no-untyped-def]
    """A number in 0 .. below - 1, and the next state (SplitMix64)."""
    state = state + _GOLDEN
    z = (state ^ (state >> np.uint64(30))) * _M1
    z = (z ^ (z >> np.uint64(27))) * _M2
    z = z ^ (z >> np.uint64(31))
    return np.int64((z >> np.uint64(32)) * np.uint64(below) >> np.uint64(32)), state


@njit(cache=True, nogil=True)
def _fill(column, rows, begin, end, y, w, counts, sums):  # type: ignore[no-untyped-def]
    """Histogram of the node's rows over one column."""
    for b in range(256):
        counts[b], sums[b] = 0.0, 0.0
    for i in range(begin, end):
        r = rows[i]
        b = column[r]
        counts[b] += w[r]
        sums[b] += w[r] * y[r]


@njit(cache=True, nogil=True, error_model="numpy")
def _split_levels(counts, sums, n, s, base, min_rows, needed, best, order, ratio, bits):  # type: ignore[no-untyped-def]
    """Best two groups of levels, ordered by their mean (Breiman et al. 1984); NA is a level of its own."""
    m = 0
    for b in range(256):
        if counts[b] > 0.0:
            ratio[m] = sums[b] / counts[b]
            order[m] = b
            m += 1
    for a in range(1, m):
        q, o = ratio[a], order[a]
        c = a - 1
        while c >= 0 and ratio[c] > q:
            ratio[c + 1] = ratio[c]
            order[c + 1] = order[c]
            c -= 1
        ratio[c + 1] = q
        order[c + 1] = o
    ln, ls, at = 0.0, 0.0, -1
    weight = 0.0
    for a in range(m - 1):
        ln += counts[order[a]]
        ls += sums[order[a]]
        rn, rs = n - ln, s - ls
        if ln < min_rows or rn < min_rows:
            continue
        gain = ls * ls / ln + rs * rs / rn - base
        if gain > needed and gain > best[0]:
            best[0] = gain
            at = a
            weight = ln
    if at < 0:
        return False
    # Levels that do not occur here go where most rows go.
    rest = weight >= n - weight
    for q in range(4):
        bits[q] = np.uint64(0xFFFFFFFFFFFFFFFF) if rest else np.uint64(0)
    for a in range(m):
        b = order[a]
        one = np.uint64(1) << np.uint64(b & 63)
        if a <= at:
            bits[b >> 6] |= one
        else:
            bits[b >> 6] &= ~one
    best[1] = -1.0
    best[2] = 1.0 if (bits[3] >> np.uint64(63)) & np.uint64(1) else 0.0
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def _split_numbers(counts, sums, n_bins, n, s, base, min_rows, needed, best):  # type: ignore[no-untyped-def]
    """Best threshold, with NA on either side."""
    na_n, na_s = counts[255], sums[255]
    ln, ls, found = 0.0, 0.0, False
    for b in range(n_bins):
        if counts[b] == 0.0 and b < n_bins - 1:
            continue
        ln += counts[b]
        ls += sums[b]
        last = b == n_bins - 1
        for side in range(2):
            if side == 1 and (na_n == 0.0 or last):
                continue
            gn = ln + na_n if side == 1 else ln
            gs = ls + na_s if side == 1 else ls
            rn, rs = n - gn, s - gs
            if gn < min_rows or rn < min_rows or gn <= 0.0 or rn <= 0.0:
                continue
            gain = gs * gs / gn + rs * rs / rn - base
            if gain > needed and gain > best[0]:
                best[0], best[1] = gain, b
                best[2] = side if na_n > 0.0 else (1.0 if gn >= rn else 0.0)
                found = True
    return found


@njit(cache=True, nogil=True)
def _goes_left(b, split_bin, na_left, bits):  # type: ignore[no-untyped-def]
    if split_bin < 0:
        return ((bits[b >> 6] >> np.uint64(b & 63)) & np.uint64(1)) != np.uint64(0)
    return na_left != 0 if b == 255 else b <= split_bin


@njit(cache=True, nogil=True)
def _partition(column, rows, begin, end, split_bin, na_left, bits, spare):  # type: ignore[no-untyped-def]
    """Rows that go left first, both sides in their old order; where the right side begins."""
    at, m = begin, 0
    for i in range(begin, end):
        r = rows[i]
        if _goes_left(column[r], split_bin, na_left, bits):
            rows[at] = r
            at += 1
        else:
            spare[m] = r
            m += 1
    for i in range(m):
        rows[at + i] = spare[i]
    return at


@njit(cache=True, nogil=True, error_model="numpy")
def grow_tree(  # type: ignore[no-untyped-def]
    bins, y, w, rows, n_bins, is_cat, columns, mtries, level_factor, max_depth, min_rows, min_improvement, seed,
    feature, split_bin, na_left, left, right, bits, value, cover, depth, importance,
):  # fmt: skip
    """Grow one tree on the rows ``rows`` int32[m] (reordered in place); its number of nodes.

    Parameters
    ----------
    y, w : float64[n_rows], target and weight (> 0 on ``rows``); columns : int64, columns of this tree (shuffled in place).
    mtries : columns to look at in each node, times ``level_factor`` for each level; columns that are constant in the node do not
        count.
    seed : uint64, state of the draws of this tree.
    feature ... depth : OUT arrays of at least 2 m nodes; bits may have one row when no column has levels.
    importance : float64[n_cols], drop of the squared error, added to.
    """
    counts, sums, ratio = np.empty(256), np.empty(256), np.empty(256)
    order = np.empty(256, dtype=np.int64)
    spare = np.empty(len(rows), dtype=np.int32)
    best, trial_bits, best_bits = np.zeros(3), np.zeros(4, dtype=np.uint64), np.zeros(4, dtype=np.uint64)
    begin, end = np.zeros(len(feature), dtype=np.int32), np.zeros(len(feature), dtype=np.int32)
    begin[0], end[0], depth[0] = 0, len(rows), 0
    n_nodes, p = 1, len(columns)
    k = 0
    # Nodes are numbered as they are made and visited in that order: level by level.
    while k < n_nodes:
        lo, hi = begin[k], end[k]
        n, s, square = 0.0, 0.0, 0.0
        for i in range(lo, hi):
            r = rows[i]
            n += w[r]
            s += w[r] * y[r]
            square += w[r] * y[r] * y[r]
        feature[k], split_bin[k], na_left[k], left[k], right[k] = -1, 0, 0, -1, -1
        value[k] = s / n if n > 0.0 else 0.0
        cover[k] = n
        base = s * s / n if n > 0.0 else 0.0
        error = square - base
        if depth[k] >= max_depth or n < 2.0 * min_rows or hi - lo < 2 or error <= 1e-12 * square:
            k += 1
            continue
        needed = max(min_improvement * error, 1e-12 * square)
        best[0], chosen = 0.0, -1
        tries = min(p, max(1, int(np.rint(mtries * level_factor ** depth[k]))))
        at = 0
        while at < p and tries > 0:
            pick, seed = _draw(seed, p - at)
            j = columns[at + pick]
            columns[at + pick] = columns[at]
            columns[at] = j
            at += 1
            _fill(bins[j], rows, lo, hi, y, w, counts, sums)
            seen = 0
            for b in range(256):
                seen += counts[b] > 0.0
            if seen < 2:
                continue
            tries -= 1
            if is_cat[j]:
                if _split_levels(counts, sums, n, s, base, min_rows, needed, best, order, ratio, trial_bits):
                    chosen = j
                    for q in range(4):
                        best_bits[q] = trial_bits[q]
            elif _split_numbers(counts, sums, n_bins[j], n, s, base, min_rows, needed, best):
                chosen = j
        if chosen >= 0:
            cut, side = int(best[1]), int(best[2])
            middle = _partition(bins[chosen], rows, lo, hi, cut, side, best_bits, spare)
            feature[k], split_bin[k], na_left[k] = chosen, cut, side
            if cut < 0:
                for q in range(4):
                    bits[k, q] = best_bits[q]
            importance[chosen] += best[0]
            left[k], right[k] = n_nodes, n_nodes + 1
            begin[n_nodes], end[n_nodes], depth[n_nodes] = lo, middle, depth[k] + 1
            begin[n_nodes + 1], end[n_nodes + 1], depth[n_nodes + 1] = middle, hi, depth[k] + 1
            n_nodes += 2
        k += 1
    return n_nodes


@njit(cache=True, nogil=True)
def add_out_of_bag(bins, rows, feature, split_bin, na_left, left, right, bits, value, out):  # type: ignore[no-untyped-def]
    """out[i] = value of the leaf row ``rows[i]`` falls into."""
    for i in range(len(rows)):
        r, k = rows[i], 0
        while feature[k] >= 0:
            cut = split_bin[k]
            row_bits = bits[k] if cut < 0 else bits[0]
            k = left[k] if _goes_left(bins[feature[k], r], cut, na_left[k], row_bits) else right[k]
        out[i] = value[k]

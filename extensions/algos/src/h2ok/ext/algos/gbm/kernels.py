"""Numba kernels of the tree stages. Pure functions on arrays; OUT arrays are written or added to, all others only read.

Rows are binned: ``bins`` uint8[n_rows, n_cols], C order, NA in bin 255. ``node`` int32[n_rows] is the row's node on the present
level, or ``-1 - leaf`` once it is in a leaf. Histograms are int64: counts (or scaled weights) and scaled gradients; integer sums
do not depend on their order, so splits are the same for any number of threads, chunks or nodes.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = [
    "NA_BIN",
    "add_leaf_values",
    "apply_splits",
    "bin_column",
    "complete_level",
    "find_splits",
    "gradients",
    "grow_levels",
    "histogram",
    "histogram_weighted",
    "leaf_sums",
    "pack",
    "pack_weighted",
    "predict_trees",
    "route",
    "select_rows",
    "squares",
    "unpack",
]

NA_BIN = 255
#: Position of the row count in a packed value; the scaled gradient lies below.
COUNT_BIT = 40

GAUSSIAN, BERNOULLI, POISSON, GAMMA, TWEEDIE, MULTINOMIAL, LAPLACE, QUANTILE, HUBER = 0, 1, 2, 3, 4, 5, 6, 7, 8


@njit(cache=True, nogil=True)
def bin_column(x, edges, n_edges, out, column):  # type: ignore[no-untyped-def]
    """out[i, column] = number of edges at or below x[i]; NaN goes to the NA bin.

    ``edges``: float64[256], the first ``n_edges`` ascending, infinity after them. PERF: eight steps without a branch take 6.5 ns a
    value where a branching search takes 38.
    """
    for i in range(len(x)):
        v = x[i]
        at = 128 * (edges[127] <= v)
        at += 64 * (edges[at + 63] <= v)
        at += 32 * (edges[at + 31] <= v)
        at += 16 * (edges[at + 15] <= v)
        at += 8 * (edges[at + 7] <= v)
        at += 4 * (edges[at + 3] <= v)
        at += 2 * (edges[at + 1] <= v)
        at += 1 * (edges[at] <= v)
        out[i, column] = NA_BIN if math.isnan(v) else min(at, n_edges)


@njit(cache=True, nogil=True, error_model="numpy")
def gradients(kind, power, y, f, which, out):  # type: ignore[no-untyped-def]
    """Negative gradient of the loss at the scores ``f`` float64[n, k]; its largest absolute value.

    ``which``: the class of this tree (0 unless multinomial). ``power``: of tweedie; alpha of quantile; delta of huber.
    Friedman (2001), doi:10.1214/aos/1013203451.
    """
    largest = 0.0
    n, k = f.shape
    for i in range(n):
        s = f[i, which]
        if kind == GAUSSIAN:
            g = y[i] - s
        elif kind == BERNOULLI:
            g = y[i] - 1.0 / (1.0 + math.exp(-s))
        elif kind == POISSON:
            g = y[i] - math.exp(min(s, 700.0))
        elif kind == GAMMA:
            g = y[i] * math.exp(min(-s, 700.0)) - 1.0
        elif kind == TWEEDIE:
            g = y[i] * math.exp(s * (1.0 - power)) - math.exp(s * (2.0 - power))
        elif kind == LAPLACE:
            g = 0.5 if y[i] > s else -0.5
        elif kind == QUANTILE:
            g = 0.5 * power if y[i] > s else 0.5 * (power - 1.0)
        elif kind == HUBER:
            g = min(max(y[i] - s, -power), power)
        else:
            top = f[i, 0]
            for c in range(1, k):
                top = max(top, f[i, c])
            total = 0.0
            for c in range(k):
                total += math.exp(f[i, c] - top)
            g = (1.0 if y[i] == which else 0.0) - math.exp(s - top) / total
        out[i] = g
        largest = max(largest, abs(g))
    return largest


@njit(cache=True, nogil=True)
def pack(g, w, scale, out):  # type: ignore[no-untyped-def]
    """out[i] = one count and the scaled gradient in one integer; 0 for rows that do not take part."""
    for i in range(len(g)):
        out[i] = (np.int64(1) << COUNT_BIT) + np.int64(np.rint(g[i] * scale)) if w[i] > 0.0 else np.int64(0)


@njit(cache=True, nogil=True)
def pack_weighted(g, w, scale, weight_scale, out):  # type: ignore[no-untyped-def]
    """out[i] = (scaled weight, scaled weight times gradient), int64[n, 2]."""
    for i in range(len(g)):
        out[i, 0] = np.int64(np.rint(w[i] * weight_scale))
        out[i, 1] = np.int64(np.rint(w[i] * g[i] * scale))


@njit(cache=True, nogil=True)
def route(bins, node, feature, go_left, child):  # type: ignore[no-untyped-def]
    """Move every row of an open node to its child, in place.

    ``feature`` int32[n_nodes] (0 for a node that ends as a leaf); ``go_left`` uint8[n_nodes, 256] by bin; ``child``
    int32[n_nodes, 2]: right and left child, a node on the next level or ``-1 - leaf`` (both the same for a leaf).
    PERF: no branch but that for rows in leaves.
    """
    for i in range(len(node)):
        k = node[i]
        if k >= 0:
            node[i] = child[k, go_left[k, bins[i, feature[k]]]]


@njit(cache=True, nogil=True)
def squares(node, g, w, out):  # type: ignore[no-untyped-def]
    """out[k] += w g^2 over the rows of node k."""
    for i in range(len(node)):
        k = node[i]
        if k >= 0:
            out[k] += w[i] * g[i] * g[i]


@njit(cache=True, nogil=True)
def select_rows(node, slot, bag, stride, rows, offsets):  # type: ignore[no-untyped-def]
    """Rows in the bag whose node has a slot: OUT rows, offsets int32[n + 1] of row and start of its slot; their number.

    PERF: written without a branch; which rows take part looks random to the processor.
    """
    m = 0
    for i in range(len(node)):
        k = node[i]
        s = slot[k] if k >= 0 else -1
        rows[m] = i
        offsets[m] = s * stride
        m += (s >= 0) & (bag[i] > 0.0)
    return m


@njit(cache=True, nogil=True)
def histogram(flat_bins, p, rows, offsets, m, packed, work):  # type: ignore[no-untyped-def]
    """Adds the packed values of ``m`` selected rows: ``flat_bins`` uint8[n * p], ``work`` int64[n_slots * p * 256].

    PERF: count and gradient travel in one 64-bit add, half the traffic of two; two rows at a time hide the latency of the adds;
    unsigned indexes spare the test for negative ones.
    """
    one, step, width = np.uint64(1), np.uint64(256), np.uint64(p)
    q = 0
    while q + 1 < m:
        r1, r2 = np.uint64(rows[q]), np.uint64(rows[q + 1])
        v1, v2 = packed[r1], packed[r2]
        o1, o2 = np.uint64(offsets[q]), np.uint64(offsets[q + 1])
        b1, b2 = r1 * width, r2 * width
        for _ in range(p):
            work[o1 + np.uint64(flat_bins[b1])] += v1
            work[o2 + np.uint64(flat_bins[b2])] += v2
            o1 += step
            o2 += step
            b1 += one
            b2 += one
        q += 2
    if q < m:
        r1, o1 = np.uint64(rows[q]), np.uint64(offsets[q])
        v1, b1 = packed[r1], r1 * width
        for _ in range(p):
            work[o1 + np.uint64(flat_bins[b1])] += v1
            o1 += step
            b1 += one


@njit(cache=True, nogil=True)
def unpack(work, counts, gradients):  # type: ignore[no-untyped-def]
    """Split packed sums into counts and scaled gradients; all int64 of equal length."""
    half = np.int64(1) << (COUNT_BIT - 1)
    mask = (np.int64(1) << COUNT_BIT) - 1
    for i in range(len(work)):
        t = work[i]
        q = ((t + half) & mask) - half
        counts[i] = (t - q) >> COUNT_BIT
        gradients[i] = q


@njit(cache=True, nogil=True)
def histogram_weighted(flat_bins, p, rows, offsets, m, packed, weights, gradients):  # type: ignore[no-untyped-def]
    """As ``histogram``, for ``packed`` int64[n, 2] of scaled weights and gradients; sums go to two arrays."""
    for q in range(m):
        r = rows[q]
        w, g = packed[r, 0], packed[r, 1]
        o, b = np.uint64(offsets[q]), np.uint64(r) * np.uint64(p)
        for _ in range(p):
            at = o + np.uint64(flat_bins[b])
            weights[at] += w
            gradients[at] += g
            o += np.uint64(256)
            b += np.uint64(1)


@njit(cache=True, nogil=True)
def _parts(hist, packed, k, j, b):  # type: ignore[no-untyped-def]
    """(count, scaled gradient) of one bin."""
    if packed:
        t = hist[0, k, j, b]
        half = np.int64(1) << (COUNT_BIT - 1)
        q = ((t + half) & ((np.int64(1) << COUNT_BIT) - 1)) - half
        return (t - q) >> COUNT_BIT, q
    return hist[0, k, j, b], hist[1, k, j, b]


@njit(cache=True, nogil=True, error_model="numpy")
def find_splits(hist, unit, gradient_unit, n_bins, is_cat, allowed, total_sq, min_rows, min_improvement, best, go_left):  # type: ignore[no-untyped-def]
    """Best split of each node by the drop of the squared error of the gradients.

    Parameters
    ----------
    hist : int64[1 or 2, n_nodes, n_cols, 256], packed or counts and gradients; ``unit``, ``gradient_unit``: what one stands for.
    n_bins : int32[n_cols], bins in use without the NA bin; is_cat : bool[n_cols].
    allowed : bool[n_nodes, n_cols], columns a node may split on; total_sq : float64[n_nodes], sum of w g^2.
    best : OUT float64[n_nodes, 6]: gain, column, last bin on the left (-1 for levels), NA left, weight left,
        weight right; column -1 for no split.
    go_left : OUT uint8[n_nodes, 256], by bin.
    """
    n_nodes, n_cols = hist.shape[1], hist.shape[2]
    counts, sums, ratio = np.empty(256), np.empty(256), np.empty(256)
    packed = hist.shape[0] == 1
    order, filled = np.empty(256, dtype=np.int64), np.zeros(257, dtype=np.int64)
    for k in range(n_nodes):
        best[k, 0] = 0.0
        best[k, 1] = -1.0
        c_total, g_total = np.int64(0), np.int64(0)
        for b in range(n_bins[0] + 1):
            c_part, g_part = _parts(hist, packed, k, 0, b if b < n_bins[0] else NA_BIN)
            c_total += c_part
            g_total += g_part
        n = c_total * unit
        g = g_total * gradient_unit
        if n < 2.0 * min_rows or n <= 0.0:
            continue
        base = g * g / n
        error = total_sq[k] - base
        if error <= 1e-12 * total_sq[k]:
            continue
        needed = max(min_improvement * error, 1e-12 * total_sq[k])
        for j in range(n_cols):
            if not allowed[k, j]:
                continue
            if is_cat[j]:
                m = 0
                for a in range(n_bins[j] + 1):
                    b = a if a < n_bins[j] else NA_BIN
                    c_part, g_part = _parts(hist, packed, k, j, b)
                    if c_part > 0:
                        counts[b] = c_part * unit
                        sums[b] = g_part * gradient_unit
                        ratio[m] = sums[b] / counts[b]
                        order[m] = b
                        m += 1
                # Insertion sort: stable, and there are 255 levels at most.
                for a in range(1, m):
                    r, o = ratio[a], order[a]
                    c = a - 1
                    while c >= 0 and ratio[c] > r:
                        ratio[c + 1] = ratio[c]
                        order[c + 1] = order[c]
                        c -= 1
                    ratio[c + 1] = r
                    order[c + 1] = o
                ln, lg = 0.0, 0.0
                for a in range(m - 1):
                    b = order[a]
                    ln += counts[b]
                    lg += sums[b]
                    rn = n - ln
                    if ln < min_rows or rn < min_rows:
                        continue
                    rg = g - lg
                    gain = lg * lg / ln + rg * rg / rn - base
                    if gain > needed and gain > best[k, 0]:
                        rest = 1 if ln >= rn else 0
                        best[k, 0], best[k, 1], best[k, 2] = gain, j, -1.0
                        best[k, 4], best[k, 5] = ln, rn
                        for c in range(256):
                            go_left[k, c] = rest
                        for c in range(m):
                            go_left[k, order[c]] = 1 if c <= a else 0
                        best[k, 3] = go_left[k, 255]
                continue
            c_part, g_part = _parts(hist, packed, k, j, NA_BIN)
            na_n, na_g = c_part * unit, g_part * gradient_unit
            ln, lg = 0.0, 0.0
            # PERF: most bins of a small node are empty, and a cut behind one is the cut before it again. They are sorted out
            # without a branch, for which they are looks random to the processor: 12 us for 8 small nodes where a branch takes 58.
            m = 1
            for b in range(1, n_bins[j]):
                filled[m] = b
                m += (hist[0, k, j, b] | hist[-1, k, j, b]) != 0
            for a in range(m):
                b = filled[a]
                c_part, g_part = _parts(hist, packed, k, j, b)
                ln += c_part * unit
                lg += g_part * gradient_unit
                last = b == n_bins[j] - 1
                for na_left in range(2):
                    if na_left == 1 and (na_n == 0.0 or last):
                        continue
                    sn = ln + na_n if na_left == 1 else ln
                    sg = lg + na_g if na_left == 1 else lg
                    rn = n - sn
                    if sn < min_rows or rn < min_rows or rn <= 0.0 or sn <= 0.0:
                        continue
                    rg = g - sg
                    gain = sg * sg / sn + rg * rg / rn - base
                    if gain > needed and gain > best[k, 0]:
                        side = na_left
                        if na_n == 0.0:
                            side = 1 if sn >= rn else 0
                        best[k, 0], best[k, 1], best[k, 2], best[k, 3] = gain, j, b, side
                        best[k, 4], best[k, 5] = sn, rn
        j = int(best[k, 1])
        if j >= 0 and not is_cat[j]:
            last_bin = int(best[k, 2])
            for c in range(255):
                go_left[k, c] = 1 if c <= last_bin else 0
            go_left[k, 255] = 1 if best[k, 3] > 0.0 else 0


@njit(cache=True, nogil=True)
def complete_level(built, slot, parents, parent, out):  # type: ignore[no-untyped-def]
    """The histograms of a level: those that were built, and for the sibling of each what it leaves of their parent.

    Parameters
    ----------
    built : int64[1 or 2, n_slots, n_cols, 256]; slot : int32[n_nodes], where a node stands in it, -1 for what follows; siblings
        are neighbours.
    parents : int64[1 or 2, n_above, n_cols, 256]; parent : int32[n_nodes // 2], which of them is that of a pair.
    out : OUT int64[1 or 2, n_nodes, n_cols, 256].
    """
    for h in range(out.shape[0]):
        for k in range(len(slot)):
            is_built = slot[k] >= 0
            s, q = slot[k] if is_built else slot[k ^ 1], parent[k >> 1]
            for j in range(out.shape[2]):
                for b in range(256):
                    out[h, k, j, b] = built[h, s, j, b] if is_built else parents[h, q, j, b] - built[h, s, j, b]


@njit(cache=True, nogil=True)
def apply_splits(best, go_left, open_nodes, at_end, counts, nodes, reals, sets, leaves, feature, child, below, slot, parent):  # type: ignore[no-untyped-def]
    """Write the splits of a level into a tree; the number of open nodes of the next level.

    Parameters
    ----------
    best, go_left : of ``find_splits``; open_nodes : int32[n], their numbers in the tree; at_end : all children are leaves.
    counts : int64[3], nodes, sets and leaves so far, kept up to date.
    nodes, reals, sets : OUT arrays of ``BinnedTree`` with room for 2 n more nodes and n more sets; leaves : OUT int32, their nodes.
    feature, child : OUT as ``route`` takes them; below : OUT int32[2 n], open nodes of the next level, siblings side by side;
    slot, parent : OUT int32[2 n], int32[n] as ``complete_level`` takes them: the smaller child is built.
    """
    n_nodes, n_sets, n_leaves, m = counts[0], counts[1], counts[2], 0
    for k in range(len(open_nodes)):
        node, column = open_nodes[k], int(best[k, 1])
        feature[k] = max(column, 0)
        if column < 0:
            leaves[n_leaves] = node
            n_leaves += 1
            child[k, 0], child[k, 1] = -n_leaves, -n_leaves
            continue
        cut, a, b = int(best[k, 2]), n_nodes, n_nodes + 1
        n_nodes += 2
        nodes[0, node], nodes[1, node], nodes[2, node], nodes[3, node], nodes[4, node] = column, cut, go_left[k, NA_BIN], a, b
        if cut < 0:
            for q in range(4):
                word = np.uint64(0)
                for c in range(64):
                    word |= np.uint64(go_left[k, 64 * q + c]) << np.uint64(c)
                sets[n_sets, q] = word
            n_sets += 1
        for new in (a, b):
            nodes[0, new], nodes[1, new], nodes[2, new], nodes[3, new], nodes[4, new] = -1, 0, 0, -1, -1
            reals[0, new], reals[2, new] = 0.0, 0.0
        reals[1, a], reals[1, b], reals[2, node] = best[k, 4], best[k, 5], best[k, 0]
        if node == 0:
            reals[1, 0] = best[k, 4] + best[k, 5]
        if at_end:
            leaves[n_leaves], leaves[n_leaves + 1] = a, b
            n_leaves += 2
            child[k, 1], child[k, 0] = 1 - n_leaves, -n_leaves
            continue
        below[m], below[m + 1] = a, b
        left_built = best[k, 4] <= best[k, 5]
        slot[m], slot[m + 1] = (m // 2 if left_built else -1), (-1 if left_built else m // 2)
        parent[m // 2] = k
        child[k, 1], child[k, 0] = m, m + 1
        m += 2
    counts[0], counts[1], counts[2] = n_nodes, n_sets, n_leaves
    return m


@njit(cache=True, nogil=True)
def grow_levels(  # type: ignore[no-untyped-def]
    bins, node, g, bag, packed, n_bins, is_cat, columns, gradient_unit, min_rows, min_improvement, max_depth, most_nodes,
    counts, nodes, reals, sets, leaves,
):  # fmt: skip
    """Grow a tree of rows that are at hand and stand at its root; in the end all are in leaves, unless a level is too large.

    It does what ``Grower`` does level by level for rows elsewhere, by the same kernels. The number of nodes of a level that is too
    large, otherwise 0. PERF: five levels of 380 rows take 70 us; a call for each step of each of them takes 110 us more.

    Parameters
    ----------
    bins, node, g, bag : of the rows; packed : int64[n], with sums of all rows in the packed form.
    n_bins, is_cat, min_rows, min_improvement : see ``find_splits``; columns : bool[n_cols], columns to split on.
    max_depth : 0 for no limit; most_nodes : of a level.
    counts, nodes, reals, sets, leaves : see ``apply_splits``, with room for as many leaves as there are rows.
    """
    n, p = bins.shape
    rows, offsets = np.empty(n + 1, dtype=np.int32), np.empty(n + 1, dtype=np.int32)
    open_nodes, slot, parent = np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int32)
    parents = np.empty((1, 0, p, 256), dtype=np.int64)
    n_slots, depth = 1, 0
    while True:
        m = len(open_nodes)
        built, hist = np.zeros((1, n_slots, p, 256), dtype=np.int64), np.empty((1, m, p, 256), dtype=np.int64)
        total = np.zeros(m)
        chosen = select_rows(node, slot, bag, p * 256, rows, offsets)
        histogram(bins.reshape(-1), p, rows, offsets, chosen, packed, built.reshape(-1))
        squares(node, g, bag, total)
        complete_level(built, slot, parents, parent, hist)
        best, go_left, allowed = np.zeros((m, 6)), np.zeros((m, 256), dtype=np.uint8), np.empty((m, p), dtype=np.bool_)
        for k in range(m):
            for j in range(p):
                allowed[k, j] = columns[j]
        find_splits(hist, 1.0, gradient_unit, n_bins, is_cat, allowed, total, min_rows, min_improvement, best, go_left)
        depth += 1
        feature, child = np.empty(m, dtype=np.int32), np.empty((m, 2), dtype=np.int32)
        below, slot, parent = np.empty(2 * m, dtype=np.int32), np.empty(2 * m, dtype=np.int32), np.empty(m, dtype=np.int32)
        at_end = max_depth > 0 and depth >= max_depth
        m = apply_splits(
            best, go_left, open_nodes, at_end, counts, nodes, reals, sets, leaves, feature, child, below, slot, parent
        )  # fmt: skip
        route(bins, node, feature, go_left, child)
        if m == 0 or m > most_nodes:
            return m
        open_nodes, slot, parents, n_slots = below[:m], slot[:m], hist, m // 2


@njit(cache=True, nogil=True, error_model="numpy")
def leaf_sums(kind, power, node, g, y, f, which, w, out):  # type: ignore[no-untyped-def]
    """Numerator and denominator of each leaf's step: out float64[n_leaves, 2] is added to."""
    for i in range(len(node)):
        if w[i] <= 0.0:
            continue
        leaf = -1 - node[i]
        s = f[i, which]
        if kind == GAUSSIAN:
            top, bottom = g[i], 1.0
        elif kind == BERNOULLI:
            p = y[i] - g[i]
            top, bottom = g[i], p * (1.0 - p)
        elif kind == POISSON:
            top, bottom = y[i], math.exp(min(s, 700.0))
        elif kind == GAMMA:
            top, bottom = y[i] * math.exp(min(-s, 700.0)), 1.0
        elif kind == TWEEDIE:
            top, bottom = y[i] * math.exp(s * (1.0 - power)), math.exp(s * (2.0 - power))
        else:
            a = abs(g[i])
            top, bottom = g[i], a * (1.0 - a)
        out[leaf, 0] += w[i] * top
        out[leaf, 1] += w[i] * bottom


@njit(cache=True, nogil=True)
def add_leaf_values(node, values, f, which):  # type: ignore[no-untyped-def]
    """f[i, which] += value of the row's leaf."""
    for i in range(len(node)):
        f[i, which] += values[-1 - node[i]]


@njit(cache=True, nogil=True)
def predict_trees(x, roots, tree_class, feature, threshold, na_left, left, right, cat_start, cat_size, cat_left, value, f):  # type: ignore[no-untyped-def]
    """Add the leaf values of some trees to the scores: f float64[n, k].

    ``x`` float64[n, n_cols]: numbers and level codes, NA as NaN. Node arrays are those of Forest: ``feature`` -1 for a leaf;
    numbers below ``threshold`` go left; level c goes left when ``cat_left[cat_start + c]`` is set (``cat_start`` -1: numeric).
    PERF: trees outside, rows inside: a tree's nodes stay in the cache.
    """
    for t in range(len(roots)):
        c = tree_class[t]
        root = roots[t]
        for i in range(x.shape[0]):
            k = root
            while feature[k] >= 0:
                v = x[i, feature[k]]
                if math.isnan(v):
                    go = na_left[k]
                elif cat_start[k] >= 0:
                    code = int(v)
                    go = cat_left[cat_start[k] + code] if 0 <= code < cat_size[k] else na_left[k]
                else:
                    go = v < threshold[k]
                k = left[k] if go else right[k]
            f[i, c] += value[k]

"""Numba kernel of the isolation forest. OUT arrays are written, all others only read."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["isolate"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


@njit(cache=True, nogil=True)
def _uniform(state):  # type: ignore[no-untyped-def]
    """A number in [0, 1), and the next state (SplitMix64)."""
    state = state + _GOLDEN
    z = (state ^ (state >> np.uint64(30))) * _M1
    z = (z ^ (z >> np.uint64(27))) * _M2
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53, state


@njit(cache=True, nogil=True)
def isolate(  # type: ignore[no-untyped-def]
    x, is_cat, n_levels, rows, columns, max_depth, min_rows, seed,
    feature, threshold, na_left, left, right, cat_start, cat_size, cat_left, value, depth, size,
):  # fmt: skip
    """Grow one isolation tree (Liu, Ting, Zhou 2008, doi:10.1109/ICDM.2008.17); (nodes, entries of cat_left).

    Parameters
    ----------
    x : float64[n, p], levels as codes, NA as NaN; rows : int32[m], reordered; columns : int64, columns to split on, reordered.
    seed : uint64, state of the draws of this tree.
    feature ... value : OUT arrays of Forest with at least 2 m nodes; ``value`` is the depth of leaves. ``size``: rows of a node.

    A numeric split is uniform between the smallest and the largest value; a categorical one sends each level to either side at
    random, at least one to each. NA goes to a random side.
    """
    spare = np.empty(len(rows), dtype=np.int32)
    begin = np.zeros(len(feature), dtype=np.int64)
    size[0], depth[0] = len(rows), 0
    n_nodes, used, k = 1, 0, 0
    while k < n_nodes:
        lo, hi = begin[k], begin[k] + size[k]
        feature[k], left[k], right[k], cat_start[k], cat_size[k] = -1, -1, -1, -1, 0
        threshold[k], na_left[k] = 0.0, 0
        value[k] = depth[k]
        at = 0 if depth[k] < max_depth and size[k] >= 2 * min_rows and size[k] > 1 else len(columns)
        while at < len(columns):
            u, seed = _uniform(seed)
            pick = at + int(u * (len(columns) - at))
            j = columns[pick]
            columns[pick] = columns[at]
            columns[at] = j
            at += 1
            low, high = np.inf, -np.inf
            for i in range(lo, hi):
                v = x[rows[i], j]
                if not math.isnan(v):
                    low, high = min(low, v), max(high, v)
            if not low < high or math.isinf(high - low):
                continue
            u, seed = _uniform(seed)
            side, seed = _uniform(seed)
            na_left[k] = 1 if side < 0.5 else 0
            cut = low + u * (high - low)
            if cut <= low:
                cut = high
            if is_cat[j]:
                # ``low`` goes left and ``high`` right, all others by the toss of a coin.
                for c in range(n_levels[j]):
                    u, seed = _uniform(seed)
                    cat_left[used + c] = 1 if u < 0.5 else 0
                cat_left[used + int(low)], cat_left[used + int(high)] = 1, 0
            m, middle = 0, lo
            for i in range(lo, hi):
                r = rows[i]
                v = x[r, j]
                if math.isnan(v):
                    go = na_left[k] == 1
                elif is_cat[j]:
                    go = cat_left[used + int(v)] == 1
                else:
                    go = v < cut
                if go:
                    rows[middle] = r
                    middle += 1
                else:
                    spare[m] = r
                    m += 1
            for i in range(m):
                rows[middle + i] = spare[i]
            if middle - lo < min_rows or m < min_rows:
                continue
            feature[k], threshold[k] = j, cut
            if is_cat[j]:
                cat_start[k], cat_size[k] = used, n_levels[j]
                used += n_levels[j]
            left[k], right[k] = n_nodes, n_nodes + 1
            begin[n_nodes], size[n_nodes], depth[n_nodes] = lo, middle - lo, depth[k] + 1
            begin[n_nodes + 1], size[n_nodes + 1], depth[n_nodes + 1] = middle, m, depth[k] + 1
            n_nodes += 2
            break
        k += 1
    return n_nodes, used

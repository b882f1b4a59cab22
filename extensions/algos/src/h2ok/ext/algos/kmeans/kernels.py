"""Numba kernels of K-means. Pure functions on arrays; OUT arrays are written or added to, all others only read.

``x`` float64[n, p], C order: prepared rows, levels as codes. ``centers`` float64[k, p]: means, and the most frequent level where
``is_cat``. The squared distance is the sum of squared differences, plus 1 for each level that differs.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["assign", "closer", "sum_clusters"]


@njit(cache=True, nogil=True)
def assign(x, is_cat, centers, out, distance):  # type: ignore[no-untyped-def]
    """Index of the nearest center, the first among equals, and the squared distance to it."""
    k, p = centers.shape
    for i in range(len(x)):
        best, at = np.inf, 0
        for c in range(k):
            d = 0.0
            for j in range(p):
                if is_cat[j]:
                    d += 1.0 if x[i, j] != centers[c, j] else 0.0
                else:
                    e = x[i, j] - centers[c, j]
                    d += e * e
                if d >= best:
                    break
            if d < best:
                best, at = d, c
        out[i] = at
        distance[i] = best


@njit(cache=True, nogil=True)
def closer(x, is_cat, center, distance):  # type: ignore[no-untyped-def]
    """distance[i] = the smaller one of it and the squared distance to ``center``, in place."""
    for i in range(len(x)):
        d = 0.0
        for j in range(len(center)):
            if is_cat[j]:
                d += 1.0 if x[i, j] != center[j] else 0.0
            else:
                e = x[i, j] - center[j]
                d += e * e
        distance[i] = min(distance[i], d)


@njit(cache=True, nogil=True)
def sum_clusters(x, w, is_cat, first, cluster, distance, sizes, within, sums, counts):  # type: ignore[no-untyped-def]
    """Adds rows with weight to their cluster: sizes, within float64[k], sums float64[k, p] (numbers), counts float64[k, levels].

    ``first`` int64[p]: where the levels of a column begin in ``counts``.
    """
    for i in range(len(x)):
        if w[i] <= 0.0:
            continue
        c = cluster[i]
        sizes[c] += w[i]
        within[c] += w[i] * distance[i]
        for j in range(x.shape[1]):
            if is_cat[j]:
                counts[c, first[j] + int(x[i, j])] += w[i]
            else:
                sums[c, j] += w[i] * x[i, j]

"""Numba kernels of metrics."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["sum_cells", "sum_classes"]


@njit(cache=True, nogil=True)
def sum_cells(p, y, w, floor, shift, base, half, positive, negative, scores):  # type: ignore[no-untyped-def]
    """Weights of positives and negatives and weighted sums of scores by the cell of the score.

    A cell is ``bits(score) >> shift`` less ``base`` below one half, mirrored above; OUT arrays float64[2 * half + 1] are added to.
    PERF: 6 ns a row where three passes of bincount and what they need take 70.
    """
    near = np.empty(256)
    bits = near.view(np.int64)
    for start in range(0, len(p), 256):
        m = min(256, len(p) - start)
        for i in range(m):
            v = p[start + i]
            near[i] = max(v if v < 0.5 else 1.0 - v, floor)
        for i in range(m):
            q = start + i
            v = p[q]
            at = (bits[i] >> shift) - base
            at = min(max(at if v < 0.5 else 2 * half - at, 0), 2 * half)
            positive[at] += w[q] * y[q]
            negative[at] += w[q] * (1.0 - y[q])
            scores[at] += w[q] * v


@njit(cache=True, nogil=True)
def sum_classes(w, y, p, floor, totals, matrix, hits):  # type: ignore[no-untyped-def]
    """Sums over rows of class probabilities.

    Parameters
    ----------
    w : float64[n], weights; y : int64[n], classes; p : float64[n, k]; floor : smallest probability in the logarithm.
    totals : OUT float64[5], added to: w, w y, w y^2, w (1 - p_y)^2, - w log p_y.
    matrix : OUT float64[k, k], weight by actual and predicted class; hits : OUT float64[k], weight by rank of the true class.
        Equal probabilities rank by the lower class.
    """
    n, k = p.shape
    for i in range(n):
        c = y[i]
        own = p[i, c]
        rank, best = 0, 0
        for j in range(k):
            if p[i, j] > p[i, best]:
                best = j
            if p[i, j] > own or (p[i, j] == own and j < c):
                rank += 1
        totals[0] += w[i]
        totals[1] += w[i] * c
        totals[2] += w[i] * c * c
        totals[3] += w[i] * (1.0 - own) * (1.0 - own)
        totals[4] -= w[i] * math.log(max(own, floor))
        matrix[c, best] += w[i]
        hits[rank] += w[i]

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
    (First cell with a score, one past the last); both 0 without scores.
    PERF: 6 ns a row where three passes of bincount and what they need take 70.
    """
    near = np.empty(256)
    bits = near.view(np.int64)
    first, last = 2 * half + 1, -1
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
            first, last = min(first, at), max(last, at)
    return (first, last + 1) if last >= 0 else (0, 0)


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
    w0, w1, w2, squares, logs = totals
    for i in range(n):
        c = y[i]
        own = p[i, c]
        rank, best = 0, 0
        if k == 2:
            other = p[i, 1 - c]
            best = 1 if p[i, 1] > p[i, 0] else 0
            rank = 1 if other > own or (other == own and c == 1) else 0
        else:
            for j in range(k):
                if p[i, j] > p[i, best]:
                    best = j
                if p[i, j] > own or (p[i, j] == own and j < c):
                    rank += 1
        w0 += w[i]
        w1 += w[i] * c
        w2 += w[i] * c * c
        squares += w[i] * (1.0 - own) * (1.0 - own)
        logs -= w[i] * math.log(max(own, floor))
        matrix[c, best] += w[i]
        hits[rank] += w[i]
    totals[0], totals[1], totals[2], totals[3], totals[4] = w0, w1, w2, squares, logs

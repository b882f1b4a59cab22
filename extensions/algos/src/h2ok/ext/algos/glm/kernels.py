"""Numba kernels of GLM. Pure functions on arrays; IN arrays are only read, OUT arrays are only added to or written.

Layout: ``codes`` int32[n, n_cat] holds the expanded column each categorical predictor switches on (-1: none); ``x`` float64[n, d]
holds the dense columns, C order. The Gram over all of them is float64[q, q] with q = n_levels + d, levels first.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["accumulate_gram", "coordinate_descent", "linear_predictor"]


@njit(cache=True, nogil=True)
def linear_predictor(codes, x, beta, n_levels, d, out):  # type: ignore[no-untyped-def]
    """out[i] = sum of the coefficients row i switches on, over the levels and the first ``d`` dense columns."""
    n, n_cat = codes.shape
    for i in range(n):
        s = 0.0
        for c in range(n_cat):
            k = codes[i, c]
            if k >= 0:
                s += beta[k]
        for j in range(d):
            s += beta[n_levels + j] * x[i, j]
        out[i] = s


@njit(cache=True, nogil=True)
def accumulate_gram(codes, x, w, n_levels, gram):  # type: ignore[no-untyped-def]
    """Gram += [levels x]' diag(w) [levels x], lower triangle only.

    PERF: four rows at a time, so that each cell of the dense block is loaded and stored once for four products; the order of the
    additions is fixed, no reassociation.
    """
    n, n_cat = codes.shape
    d = x.shape[1]
    dense = np.zeros((d, d))
    i = 0
    while i + 4 <= n:
        for a in range(d):
            t0 = w[i] * x[i, a]
            t1 = w[i + 1] * x[i + 1, a]
            t2 = w[i + 2] * x[i + 2, a]
            t3 = w[i + 3] * x[i + 3, a]
            for b in range(a + 1):
                dense[a, b] += t0 * x[i, b] + t1 * x[i + 1, b] + t2 * x[i + 2, b] + t3 * x[i + 3, b]
        i += 4
    while i < n:
        for a in range(d):
            t0 = w[i] * x[i, a]
            for b in range(a + 1):
                dense[a, b] += t0 * x[i, b]
        i += 1
    for a in range(d):
        for b in range(a + 1):
            gram[n_levels + a, n_levels + b] += dense[a, b]
    if n_cat > 0:
        mixed = np.zeros((n_levels, d))
        for r in range(n):
            wr = w[r]
            if wr == 0.0:
                continue
            for c in range(n_cat):
                k = codes[r, c]
                if k < 0:
                    continue
                for b in range(d):
                    mixed[k, b] += wr * x[r, b]
                for c2 in range(c + 1):
                    k2 = codes[r, c2]
                    if k2 >= 0:
                        gram[k, k2] += wr
        for k in range(n_levels):
            for b in range(d):
                gram[n_levels + b, k] += mixed[k, b]


@njit(cache=True, nogil=True)
def coordinate_descent(a, c, beta, l1, l2, penalised, low, high, tolerance, max_sweeps):  # type: ignore[no-untyped-def]
    """Minimise 1/2 b'Ab - c'b + l1 |b|_1 + l2/2 |b|^2 in place; number of sweeps.

    ``penalised``: bool[p]; ``low``, ``high``: float64[p], limits of each coefficient. Friedman, Hastie, Tibshirani
    (2010), doi:10.18637/jss.v033.i01, covariance updates. Ends when no coefficient moves by more than ``tolerance`` in units of the
    square root of its own curvature.
    """
    p = len(c)
    gradient = c - a @ beta
    for sweep in range(max_sweeps):
        largest = 0.0
        for j in range(p):
            diag = a[j, j]
            if diag <= 0.0:
                continue
            old = beta[j]
            g = gradient[j] + diag * old
            if penalised[j]:
                if g > l1:
                    new = (g - l1) / (diag + l2)
                elif g < -l1:
                    new = (g + l1) / (diag + l2)
                else:
                    new = 0.0
            else:
                new = g / diag
            new = min(max(new, low[j]), high[j])
            if new != old:
                step = new - old
                # Row j is column j, and lies together in memory.
                for k in range(p):
                    gradient[k] -= a[j, k] * step
                beta[j] = new
                moved = abs(step) * np.sqrt(diag)
                largest = max(largest, moved)
        if largest < tolerance:
            return sweep + 1
    return max_sweeps

"""Numba kernel of the projections. OUT arrays are written, all others only read."""

from __future__ import annotations

from numba import njit

__all__ = ["project"]


@njit(cache=True, nogil=True)
def project(codes, x, vectors, n_levels, out):  # type: ignore[no-untyped-def]
    """out[i] = the row times ``vectors`` float64[n_levels + n_num, k]; ``codes`` int32[n, n_cat] switch levels on, -1 none."""
    k = vectors.shape[1]
    for i in range(len(x)):
        for c in range(k):
            out[i, c] = 0.0
        for a in range(codes.shape[1]):
            if codes[i, a] >= 0:
                for c in range(k):
                    out[i, c] += vectors[codes[i, a], c]
        for j in range(x.shape[1]):
            v = x[i, j]
            for c in range(k):
                out[i, c] += v * vectors[n_levels + j, c]

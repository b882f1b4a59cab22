"""Numba kernels of trees in bins. OUT arrays are written, all others only read."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["expand_levels"]


@njit(cache=True, nogil=True)
def expand_levels(sets, level_bins, first, places, out):  # type: ignore[no-untyped-def]
    """Whether each level goes left, for some splits by levels.

    Parameters
    ----------
    sets : uint64[n, 4], bit b of a split says whether bin b goes left; level_bins : int32, bins of the levels of all columns.
    first : int64[n], where the levels of the split's column begin there.
    places : int64[n + 1], where those of the split begin in ``out``; out : OUT uint8.
    """
    for i in range(len(sets)):
        for at in range(places[i], places[i + 1]):
            b = level_bins[first[i] + at - places[i]]
            out[at] = (sets[i, b >> 6] >> np.uint64(b & 63)) & np.uint64(1)

"""Kernels over trees that are given as arrays."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["average_out"]


@njit(cache=True, nogil=True)
def average_out(x, chosen, roots, feature, threshold, na_left, left, right, value, cover, out):  # type: ignore[no-untyped-def]
    """Adds the sum of the trees at some known predictors, the others averaged with the shares of the training rows.

    Parameters
    ----------
    x : float64[n, m], NA as NaN; chosen : int64[columns], place in x of each predictor, -1 for one that is averaged.
    The other arrays are those of ``WeightedTrees``. out : float64[n].
    """
    # A way down keeps at most one open branch a level, and no tree is deeper than it has nodes.
    nodes = np.empty(len(feature) + 1, dtype=np.int64)
    shares = np.empty(len(feature) + 1)
    for i in range(len(x)):
        total = 0.0
        for root in roots:
            nodes[0], shares[0] = root, 1.0
            open_branches = 1
            while open_branches > 0:
                open_branches -= 1
                k, share = nodes[open_branches], shares[open_branches]
                while feature[k] >= 0:
                    place = chosen[feature[k]]
                    if place >= 0:
                        v = x[i, place]
                        k = left[k] if (na_left[k] if np.isnan(v) else v < threshold[k]) else right[k]
                        continue
                    both = cover[left[k]] + cover[right[k]]
                    part = cover[left[k]] / both if both > 0 else 0.5
                    nodes[open_branches], shares[open_branches] = right[k], share * (1.0 - part)
                    open_branches += 1
                    k, share = left[k], share * part
                total += share * value[k]
        out[i] += total

"""Exact quantiles of a column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids.rows import fetch
from h2ok.kernel import Node, Vec
from numpy.typing import NDArray

__all__ = ["METHODS", "quantiles"]

METHODS = ("interpolate", "average", "low", "high")


def quantiles(node: Node, vec: Vec, probs: Sequence[float], method: str, weights: Vec | None) -> NDArray[np.float64]:
    """Quantiles of the known values, float64[len(probs)]; NaN when there are none.

    Type 7 (linear interpolation between the closest ranks) for ``interpolate``; the lower, upper or average of the two ranks
    for the others. With weights, a row of weight w counts as w rows.

    Raises
    ------
    BadRequestError
        Unknown method, or a probability outside 0..1.
    """
    method = "interpolate" if method.lower() in ("interpolate", "interpolated", "auto") else method.lower()
    if method not in METHODS:
        raise BadRequestError(f"Combine method '{method}' is unknown; it must be one of {', '.join(METHODS)}.")
    p = np.asarray(probs, dtype=np.float64)
    if len(p) and not ((p >= 0) & (p <= 1)).all():
        raise BadRequestError("A probability of quantile must be from 0 to 1.")
    x = fetch(node, vec)
    known = ~np.isnan(x)
    w = fetch(node, node.frames.align([weights], vec.espc)[0]) if weights is not None else None
    if w is not None:
        known &= w > 0
        w = w[known]
    x = x[known]
    if len(x) == 0:
        return np.full(len(p), np.nan)
    order = np.argsort(x, kind="stable")
    x = x[order]
    ends = np.cumsum(w[order]) if w is not None else np.arange(1, len(x) + 1, dtype=np.float64)
    rank = p * (ends[-1] - 1)
    low = np.floor(rank)
    a: NDArray[np.float64] = x[np.minimum(np.searchsorted(ends, low, side="right"), len(x) - 1)]
    b: NDArray[np.float64] = x[np.minimum(np.searchsorted(ends, np.ceil(rank), side="right"), len(x) - 1)]
    if method == "low":
        return a
    if method == "high":
        return b
    with np.errstate(invalid="ignore"):
        between = (a + b) / 2 if method == "average" else a + (rank - low) * (b - a)
    out: NDArray[np.float64] = np.where((rank == low) | (a == b), a, between)
    return out

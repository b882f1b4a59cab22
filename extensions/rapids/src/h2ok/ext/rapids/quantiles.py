"""Quantiles as the language asks for them; the work is the kernel's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.kernel import Node, Vec
from h2ok.kernel.frame.quantiles import CombineMethod
from h2ok.kernel.frame.quantiles import quantiles as kernel_quantiles
from numpy.typing import NDArray

__all__ = ["METHODS", "quantiles"]

METHODS = ("interpolate", "average", "low", "high")


def quantiles(node: Node, vec: Vec, probs: Sequence[float], method: str, weights: Vec | None) -> NDArray[np.float64]:
    """Quantiles of the known values, float64[len(probs)]; NaN when there are none.

    Raises
    ------
    BadRequestError
        Unknown method, or a probability outside 0..1.
    """
    name = "interpolate" if method.lower() in ("interpolated", "auto") else method.lower()
    if name not in METHODS:
        raise BadRequestError(f"Combine method '{method}' is unknown; it must be one of {', '.join(METHODS)}.")
    if not all(0 <= p <= 1 for p in probs):
        raise BadRequestError(f"A probability of quantile must be from 0 to 1, found {list(probs)[:10]}.")
    weight = node.frames.align([weights], vec.espc)[0] if weights is not None else None
    return kernel_quantiles(node, vec, probs, cast(CombineMethod, name), weight)

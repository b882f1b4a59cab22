"""Keys: columns as int64 codes that compare like their values, for grouping, sorting and joining."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from h2ok.ext.rapids.rows import fetch, fetch_codes
from h2ok.kernel import Node, Vec
from numpy.typing import NDArray

__all__ = ["NA_KEY", "decode_keys", "fetch_keys", "order_of", "ordered_codes", "reversed_codes"]

#: The key of a missing number: before all others.
NA_KEY = np.iinfo(np.int64).min


def ordered_codes(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """int64[n] that ascend with the doubles; NaN is NA_KEY, both zeros are equal."""
    bits = np.ascontiguousarray(values + 0.0).view(np.int64)
    out: NDArray[np.int64] = bits ^ ((bits >> 63) & np.int64(2**63 - 1))
    na = np.isnan(values)
    if na.any():
        out[na] = NA_KEY
    return out


def decode_keys(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """The doubles behind ``ordered_codes``."""
    bits = codes ^ ((codes >> 63) & np.int64(2**63 - 1))
    out = bits.view(np.float64).copy()
    out[codes == NA_KEY] = np.nan
    return out


def reversed_codes(codes: NDArray[np.int64], na: int) -> NDArray[np.int64]:
    """Codes that ascend where the others descend; missing ones (``na``) stay first."""
    return np.where(codes == na, NA_KEY, ~codes)


def codes_of(vec: Vec, values: Any) -> NDArray[np.int64]:
    """Keys of decoded values of a column: codes of an enum (NA -1), ordered codes of numbers and times."""
    return values.astype(np.int64) if vec.type == "enum" else ordered_codes(values)


def fetch_keys(node: Node, vec: Vec) -> NDArray[np.int64]:
    """Keys of a whole enum, numeric or time column."""
    return codes_of(vec, fetch_codes(node, vec) if vec.type == "enum" else fetch(node, vec))


def order_of(keys: Sequence[NDArray[np.int64]], n: int) -> NDArray[np.int64]:
    """Row numbers in ascending order of the keys, the first key most significant; stable."""
    from h2ok.ext.rapids.kernels import radix_argsort

    order = np.arange(n, dtype=np.int64)
    for k in reversed(keys):
        order = radix_argsort(np.ascontiguousarray(k), order)
    return order

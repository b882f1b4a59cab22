"""Keys: columns as int64 codes that compare like their values, for grouping, sorting and joining.

A column with whole numbers that no double holds is two keys: the nearest doubles, and a column of what these leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from h2ok.ext.rapids.blocks import blockwise, fold, foldable, map_vecs
from h2ok.ext.rapids.rows import fetch, fetch_codes
from h2ok.kernel import Block, Node, OutputSpec, Vec
from h2ok.kernel.frame.longs import longs_of, rests_of
from numpy.typing import NDArray

__all__ = ["NA_KEY", "decode_keys", "fetch_keys", "order_of", "ordered_codes", "rests_where", "reversed_codes", "with_longs"]

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


def decode_keys(codes: NDArray[np.int64], rests: NDArray[np.int64] | None = None) -> NDArray[Any]:
    """The doubles behind ``ordered_codes``; with the codes of their rests int64 with NA as the smallest, if all are whole."""
    bits = codes ^ ((codes >> 63) & np.int64(2**63 - 1))
    out = bits.view(np.float64).copy()
    out[codes == NA_KEY] = np.nan
    return out if rests is None else longs_of(out, decode_keys(rests))


@foldable(lambda a, b: [x or y for x, y in zip(a, b, strict=True)])
def _have_longs(block: Block, params: dict[str, Any]) -> list[bool]:
    return [block.chunk(j).is_long() for j in range(len(block.vecs))]


def with_longs(node: Node, vecs: Sequence[Vec]) -> list[bool]:
    """Which of some aligned columns have whole numbers that no double holds."""
    numeric = [j for j, v in enumerate(vecs) if v.type == "numeric" and len(v)]
    found = fold(node, _have_longs, [vecs[j] for j in numeric]) if numeric else []
    out = [False] * len(vecs)
    for j, long in zip(numeric, found, strict=True):
        out[j] = long
    return out


@blockwise
def _rests(block: Block, params: dict[str, Any]) -> None:
    for j in range(len(block.vecs)):
        block.write(j, rests_of(block.exact(j)))


def rests_where(node: Node, vecs: Sequence[Vec], wanted: Sequence[bool]) -> list[Vec | None]:
    """For each column that is ``wanted`` what the nearest doubles leave of its numbers, as a column; None for the others."""
    picked = [v for v, w in zip(vecs, wanted, strict=True) if w]
    made = iter(map_vecs(node, _rests, picked, [OutputSpec()] * len(picked)) if picked else ())
    return [next(made) if w else None for w in wanted]


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

"""Longs: whole numbers of 64 bits that no double holds, carried next to doubles without losing a digit.

A double has 53 bits for digits. Values that are all doubles travel as float64 (NA as NaN); where some are not, all of them travel
as int64 (NA as the smallest int64). A long can also be told as two doubles, the nearest one and what that leaves (its *rest*):
pairs compare like the numbers, also with doubles, whose rest is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from h2ok.kernel.frame.chunk import NA_INT64, Chunk
from numpy.typing import NDArray

__all__ = [
    "LARGEST_EXACT", "as_doubles", "exact_values", "is_exact_double", "is_missing", "joined_values", "longs_of", "rests_of",
    "with_value", "with_values",
]  # fmt: skip

#: All whole numbers up to this are doubles.
LARGEST_EXACT = 2**53
_LIMIT = 2.0**63
_SIGN = np.uint64(1 << 63)


def is_exact_double(value: float) -> bool:
    """Whether a number, an int among them, is a double as it is."""
    return not isinstance(value, int) or abs(value) <= LARGEST_EXACT or int(float(value)) == value


def exact_values(chunk: Chunk) -> NDArray[Any]:
    """The numbers of a chunk: float64[n] with NA as NaN; where doubles would round some, int64[n] with NA as the smallest int64."""
    return chunk.int64() if chunk.is_long() else chunk.decode()


def as_doubles(values: NDArray[Any]) -> NDArray[np.float64]:
    """The nearest doubles of float64[n] or int64[n], NA as NaN."""
    if values.dtype.kind != "i":
        return values
    out = values.astype(np.float64)
    out[values == NA_INT64] = np.nan
    return out


def joined_values(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Runs of numbers one after the other: int64 when one of them is and all others are whole, else float64."""
    if not parts:
        return np.empty(0)
    kinds = {p.dtype.kind for p in parts}
    if len(kinds) == 1 or "i" not in kinds:
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
    longs = [_whole(p) for p in parts]
    if any(p is None for p in longs):
        return np.concatenate([as_doubles(p) for p in parts])
    return np.concatenate(longs)  # type: ignore[arg-type]


def _whole(values: NDArray[Any]) -> NDArray[np.int64] | None:
    """int64[n] of values that are all whole numbers of 64 bits or missing, else None."""
    if values.dtype.kind == "i":
        return values
    na = np.isnan(values)
    with np.errstate(invalid="ignore"):
        fits = (np.rint(values) == values) & (np.abs(values) < _LIMIT)
    if not (fits | na).all():
        return None
    return np.where(na, NA_INT64, np.where(na, 0.0, values).astype(np.int64))


def is_missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    """bool[n], true where float64[n] or int64[n] is NA."""
    out: NDArray[np.bool_] = values == NA_INT64 if values.dtype.kind == "i" else np.isnan(values)
    return out


def with_value(values: NDArray[Any], rows: NDArray[Any], value: float) -> NDArray[Any]:
    """A copy with ``value`` (NaN for NA, an int where no double holds it) in ``rows``; doubles when a fraction comes into longs."""
    return with_values(values, rows, np.array([value], dtype=np.float64 if is_exact_double(value) else np.int64))


def with_values(values: NDArray[Any], rows: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
    """A copy with ``new``, one or as many as there are ``rows``, in ``rows``; doubles when a fraction comes into longs."""
    both = joined_values([values, new])
    out = both[: len(values)].copy()
    out[rows] = both[len(values) :]
    return out


def rests_of(values: NDArray[Any]) -> NDArray[np.float64]:
    """What the nearest doubles leave of some numbers, float64[n]: from -512 to 512, 0 for doubles and NA."""
    if values.dtype.kind != "i":
        return np.zeros(len(values))
    rests = (values.view(np.uint64) - _bits_of(values.astype(np.float64))).view(np.int64)
    return np.where(values == NA_INT64, 0.0, rests.astype(np.float64))


def longs_of(doubles: NDArray[np.float64], rests: NDArray[np.float64]) -> NDArray[Any]:
    """The numbers told as nearest doubles (NA as NaN) and what these leave: int64[n], the doubles when one is no long."""
    na = np.isnan(doubles)
    # Both ends of the longs have a double beyond them as the nearest one.
    size = np.abs(doubles)
    inside = (size < _LIMIT) | ((size == _LIMIT) & (np.sign(doubles) == -np.sign(rests)))
    fits = inside & (np.rint(doubles) == doubles)
    if not (fits | na).all():
        return doubles
    whole = _bits_of(np.where(na, 0.0, doubles)) + np.where(na, 0.0, rests).astype(np.int64).view(np.uint64)
    return np.where(na, NA_INT64, whole.view(np.int64))


def _bits_of(doubles: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Whole doubles from -2**63 to 2**63 modulo 2**64: the double next to the largest long is 2**63, which no long is."""
    out: NDArray[np.uint64] = np.where(doubles >= _LIMIT, 0.0, doubles).astype(np.int64).view(np.uint64)
    out[doubles >= _LIMIT] = _SIGN
    return out

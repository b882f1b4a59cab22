"""NewChunk: turns plain buffers into the smallest exact chunk."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from h2ok.kernel.frame.chunk import NA_INT64, Chunk
from h2ok.kernel.frame.codecs import ConstantChunk, FloatChunk, IntegerChunk, SparseChunk, StringChunk, UuidChunk
from numpy.typing import NDArray

__all__ = ["encode", "encode_codes", "encode_int64", "encode_numbers", "encode_strings", "encode_string_buffers", "encode_uuids"]

_POWERS = (1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)
_SAMPLE = 256


def encode(kind: str, values: Any) -> Chunk:
    """A chunk of ``values`` for a vec of type ``kind``: numeric, enum, time, string, uuid or bad.

    ``values``: float64[n] (numeric, bad, time), int32 codes (enum), int64 (time), or a list of text or None (string, uuid).
    An existing Chunk is taken as it is.
    """
    if isinstance(values, Chunk):
        return values
    if kind == "enum":
        return encode_codes(np.asarray(values))
    if kind == "time":
        a = np.asarray(values)
        return encode_int64(a) if a.dtype.kind == "i" else encode_numbers(a.astype(np.float64, copy=False))
    if kind == "string":
        return encode_strings(values)
    if kind == "uuid":
        return encode_uuids(values)
    return encode_numbers(np.asarray(values, dtype=np.float64))


def encode_numbers(values: NDArray[np.float64]) -> Chunk:
    """The smallest exact chunk of float64[n] with NA as NaN.

    Tried in order: constant, sparse zeros, whole numbers, decimals of up to five places, float32, float64. Infinities and
    negative zeros stay reals. Exact: decoding gives the same doubles bit for bit (one NaN stands for all).
    """
    n = len(values)
    if n == 0:
        return ConstantChunk(0, float("nan"))
    na = np.isnan(values)
    n_na = int(na.sum())
    if n_na == n:
        return ConstantChunk(n, float("nan"))
    known = values if n_na == 0 else values[~na]
    lo, hi = float(known.min()), float(known.max())
    if lo == hi and n_na == 0 and not _has_negative_zero(known):
        return ConstantChunk(n, lo)
    sparse = _try_sparse(values)
    if sparse is not None:
        return sparse
    if np.isfinite(lo) and np.isfinite(hi) and not _has_negative_zero(known):
        for divisor in _POWERS:
            chunk = _try_scaled(values, known, na, n_na, divisor)
            if chunk is not None:
                return chunk
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    if np.array_equal(single.astype(np.float64), values, equal_nan=True):
        return FloatChunk(n, single)
    return FloatChunk(n, np.array(values, dtype=np.float64))


def encode_codes(codes: NDArray[Any]) -> Chunk:
    """A chunk of categorical codes, int[n] with NA below zero (or float with NA as NaN)."""
    if codes.dtype.kind == "f":
        codes = np.where(np.isnan(codes), -1, codes).astype(np.int64)
    n = len(codes)
    if n == 0:
        return ConstantChunk(0, float("nan"))
    lo, hi = int(codes.min()), int(codes.max())
    if lo == hi:
        return ConstantChunk(n, float(lo) if lo >= 0 else float("nan"))
    dtype = _smallest_int(0, hi)
    stored = codes.astype(dtype)
    if lo < 0:
        stored[codes < 0] = np.iinfo(dtype).min
    return IntegerChunk(n, stored, 0, 1.0, lo < 0)


def encode_int64(values: NDArray[np.int64]) -> Chunk:
    """A chunk of whole numbers or times, int64[n] with NA as the smallest int64."""
    n = len(values)
    if n == 0:
        return ConstantChunk(0, float("nan"))
    na = values == NA_INT64
    n_na = int(na.sum())
    if n_na == n:
        return ConstantChunk(n, float("nan"))
    known = values if n_na == 0 else values[~na]
    lo, hi = int(known.min()), int(known.max())
    if lo == hi and n_na == 0 and abs(lo) <= 2**53:
        return ConstantChunk(n, float(lo))
    return _biased(values, na, n_na, lo, hi, 1.0)


def encode_strings(values: Sequence[str | None]) -> Chunk:
    """A chunk of text, None for NA."""
    n = len(values)
    raw = [b"" if v is None else v.encode("utf-8", "surrogatepass") for v in values]
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.fromiter((len(b) for b in raw), dtype=np.int64, count=n), out=offsets[1:])
    na = np.fromiter((v is None for v in values), dtype=np.bool_, count=n)
    return encode_string_buffers(offsets, np.frombuffer(b"".join(raw), dtype=np.uint8), na)


def encode_string_buffers(offsets: NDArray[Any], data: NDArray[np.uint8], na: NDArray[np.bool_] | None) -> Chunk:
    """A chunk of text from buffers: ``offsets`` int[n+1] into ``data``, ``na`` bool[n] or None."""
    n = len(offsets) - 1
    if na is not None and n and bool(na.all()):
        return ConstantChunk(n, float("nan"))
    if int(offsets[-1]) < 2**31:
        offsets = offsets.astype(np.int32, copy=False)
    if na is None or not na.any():
        na = np.zeros(0, dtype=np.bool_)
    return StringChunk(n, offsets, data, na)


def encode_uuids(values: Iterable[str | None]) -> Chunk:
    """A chunk of UUIDs from their text, None for NA.

    Raises
    ------
    ValueError
        A text is no UUID.
    """
    items = [None if v is None else uuid.UUID(v).int for v in values]
    halves = np.zeros((len(items), 2), dtype=np.uint64)
    na = np.zeros(len(items), dtype=np.bool_)
    for i, v in enumerate(items):
        if v is None:
            na[i] = True
        else:
            halves[i, 0], halves[i, 1] = v >> 64, v & (2**64 - 1)
    return UuidChunk(len(items), halves, na if na.any() else np.zeros(0, dtype=np.bool_))


def _has_negative_zero(known: NDArray[np.float64]) -> bool:
    zeros = known == 0
    return bool(zeros.any() and np.signbit(known[zeros]).any())


def _try_sparse(values: NDArray[np.float64]) -> Chunk | None:
    n = len(values)
    if n < 64:
        return None
    nonzero = (values != 0) | np.signbit(values)
    count = int(np.count_nonzero(nonzero))
    if count * 8 > n:
        return None
    rows = np.flatnonzero(nonzero).astype(np.int32)
    kept = values[rows]
    with np.errstate(over="ignore"):
        single = kept.astype(np.float32)
    exact = np.array_equal(single.astype(np.float64), kept, equal_nan=True)
    return SparseChunk(n, rows, single if exact else kept)


def _try_scaled(
    values: NDArray[np.float64], known: NDArray[np.float64], na: NDArray[np.bool_], n_na: int, divisor: float
) -> Chunk | None:
    # PERF: most columns that are not decimals fail on the first rows already.
    if not _is_scaled(known[:_SAMPLE], divisor) or not _is_scaled(known, divisor):
        return None
    whole = np.rint(values if divisor == 1.0 else values * divisor)
    finite = whole if n_na == 0 else whole[~na]
    lo, hi = int(finite.min()), int(finite.max())
    chunk = _biased(whole, na, n_na, lo, hi, divisor)
    return chunk if divisor == 1.0 or chunk.nbytes < 8 * len(values) else None


def _is_scaled(known: NDArray[np.float64], divisor: float) -> bool:
    with np.errstate(over="ignore"):
        whole = np.rint(known * divisor)
    if not bool((np.abs(whole) <= 2.0**53).all()):
        return False
    return bool(np.array_equal(whole / divisor, known))


def _biased(values: NDArray[Any], na: NDArray[np.bool_], n_na: int, lo: int, hi: int, divisor: float) -> Chunk:
    dtype = _smallest_int(lo, hi)
    bias = 0
    if dtype.itemsize > 1:
        span = _smallest_int(0, hi - lo, signed_span=True)
        if span.itemsize < dtype.itemsize:
            dtype = span
            bias = lo + 2 ** (8 * dtype.itemsize - 1) - 1
    filled = np.where(na, lo, values) if n_na else values
    stored = (filled.astype(np.int64) - bias).astype(dtype)
    if n_na:
        stored[na] = np.iinfo(dtype).min
    return IntegerChunk(len(values), stored, bias, divisor, n_na > 0)


def _smallest_int(lo: int, hi: int, *, signed_span: bool = False) -> np.dtype[Any]:
    """The narrowest signed integer for [lo, hi], its smallest value kept free for NA; for a span, the width of hi - lo."""
    for dtype in (np.int8, np.int16, np.int32):
        info = np.iinfo(dtype)
        if signed_span and hi < info.max - info.min:
            return np.dtype(dtype)
        if not signed_span and info.min < lo and hi <= info.max:
            return np.dtype(dtype)
    return np.dtype(np.int64)

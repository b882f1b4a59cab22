"""Chunks from values whose makers know much about them: one compiled pass each, no trial. For compiled callers; imports numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.kernel.frame.chunk import NA_INT64, Chunk
from h2ok.kernel.frame.codecs import IntegerChunk
from h2ok.kernel.frame.numeric_encoder import (
    MOST_DIGITS,
    Seen,
    are_codecs_offered,
    encode_codes,
    encode_int64,
    is_sparse,
    layout_of,
)  # fmt: skip
from numba import njit
from numpy.typing import NDArray

__all__ = ["encode_picked_codes", "encode_picked_int64", "pack_decimals", "pack_whole", "see_numbers"]

#: Values that are looked at together, and places after the point that are tried.
_PIECE, _MOST_PLACES = 1024, 5


def pack_decimals(values: NDArray[np.float64], lo: int, hi: int, divisor: float, has_na: bool) -> IntegerChunk:
    """The chunk of float64[n] that are whole numbers between ``lo`` and ``hi``, below 2**50, divided by ``divisor``; NaN for NA."""
    bias, dtype = layout_of(lo, hi)
    stored = np.empty(len(values), dtype=dtype)
    _pack_decimals(values, divisor, bias, int(np.iinfo(dtype).min), has_na, stored)
    return IntegerChunk(len(values), stored, bias, divisor, has_na)


def encode_picked_codes(codes: NDArray[Any], remap: NDArray[np.int32]) -> Chunk:
    """A chunk of ``remap[codes]``, categorical codes with NA below zero; codes of -1 take the last of ``remap``."""
    out = np.empty(len(codes), dtype=np.int32)
    lo, hi = _pick(codes, remap, out)
    if len(codes) and lo < hi and hi > 1:
        dtype = np.dtype(np.int8 if hi <= 127 else np.int16 if hi <= 32767 else np.int32)
        stored = np.empty(len(codes), dtype=dtype)
        _narrow(out, int(np.iinfo(stored.dtype).min), stored)
        return IntegerChunk(len(codes), stored, 0, 1.0, bool(lo < 0))
    return encode_codes(out)


def encode_picked_int64(codes: NDArray[Any], values: NDArray[np.int64]) -> Chunk:
    """A chunk of ``values[codes]``, whole numbers or times with NA as the smallest int64; a code of -1 takes the last value."""
    used = np.zeros(len(values), dtype=np.bool_)
    _mark(codes, used)
    met = values[used]
    known = met[met != NA_INT64]
    lo, hi = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    if lo == hi:
        return encode_int64(values[codes])
    bias, dtype = layout_of(lo, hi)
    small = np.zeros(len(values), dtype=dtype)
    small[used] = np.where(met == NA_INT64, np.iinfo(dtype).min, met - np.int64(bias))
    stored = np.empty(len(codes), dtype=dtype)
    _take(codes, small, stored)
    return IntegerChunk(len(codes), stored, bias, 1.0, len(known) < len(met))


def pack_whole(values: NDArray[np.integer[Any]]) -> Chunk | None:
    """The chunk of some whole numbers; None where they have to be seen as float64: constant, sparse or large ones."""
    if values.dtype == np.uint64 or are_codecs_offered():
        return None
    values = values.astype(np.int64, copy=False)
    lo, hi, zeros = _see_whole(values)
    if lo >= hi or max(-lo, hi) >= MOST_DIGITS or is_sparse(len(values), zeros, lo, hi):
        return None
    if lo >= 0 and hi <= 1:
        return encode_codes(values.astype(np.int8))
    bias, dtype = layout_of(int(lo), int(hi))
    stored = np.empty(len(values), dtype=dtype)
    _shift(values, bias, stored)
    return IntegerChunk(len(values), stored, bias, 1.0, False)


def see_numbers(values: NDArray[np.float64]) -> Seen | None:
    """What one pass over float64[n] tells the encoder; None when it has to look for itself."""
    lo, hi, missing, zeros, places, single, negative_zero = _see(values)
    if lo >= hi or negative_zero or is_sparse(len(values), zeros, lo, hi):
        return None
    if places <= _MOST_PLACES:
        if max(-lo, hi) * 10.0**places >= MOST_DIGITS:
            return None
        return Seen(lo, hi, missing > 0, negative_zero=False, places=int(places))
    return None if single else Seen(lo, hi, missing > 0, negative_zero=False, plain=True)


@njit(cache=True, nogil=True, error_model="numpy")
def _holds(values, power):  # type: ignore[no-untyped-def]
    """Whether all values but NaN are whole numbers divided by ``power``."""
    wrong = 0
    for i in range(len(values)):
        v = values[i]
        wrong += (np.rint(v * power) / power != v) & (v == v)  # noqa: PLR0124 - quicker than isnan here
    return wrong == 0


@njit(cache=True, nogil=True, error_model="numpy")
def _see(values):  # type: ignore[no-untyped-def]
    """(least, greatest, missing, zeros, places needed - 6 for too many -, whether all are floats, whether one is minus zero)."""
    lo, hi = np.inf, -np.inf
    missing, zeros, places, power = 0, 0, 0, 1.0
    single, negative_zero = True, False
    for first in range(0, len(values), _PIECE):
        some = values[first : first + _PIECE]
        wide, signs = 0, 0
        for i in range(len(some)):
            v = some[i]
            missing += np.isnan(v)
            zero = v == 0.0
            zeros += zero
            signs += zero & np.signbit(v)
            wide += (np.float64(np.float32(v)) != v) & (v == v)  # noqa: PLR0124 - as above
            lo = v if v < lo else lo
            hi = v if v > hi else hi
        single = single and wide == 0
        negative_zero = negative_zero or signs > 0
        while places <= _MOST_PLACES and not _holds(some, power):
            places += 1
            power *= 10.0
    return lo, hi, missing, zeros, places, single, negative_zero


@njit(cache=True, nogil=True, error_model="numpy")
def _pack_decimals(values, divisor, bias, na_value, has_na, stored):  # type: ignore[no-untyped-def]
    """``stored`` = values * divisor - bias, all whole; reads values, writes stored."""
    less = np.float64(bias)
    if has_na:
        for i in range(len(values)):
            v = values[i]
            stored[i] = na_value if np.isnan(v) else np.int64(np.rint(v * divisor) - less)
    elif stored.itemsize < 8:
        # PERF: processors turn several doubles at once into 32 bits, few do so into 64.
        for i in range(len(values)):
            stored[i] = np.int32(np.rint(values[i] * divisor) - less)
    else:
        for i in range(len(values)):
            stored[i] = np.int64(np.rint(values[i] * divisor) - less)


@njit(cache=True, nogil=True)
def _pick(codes, remap, out):  # type: ignore[no-untyped-def]
    """(least, greatest) of ``out`` = remap[codes]."""
    last = len(remap) - 1
    lo, hi = np.int32(2**31 - 1), np.int32(-1)
    for i in range(len(codes)):
        code = np.int64(codes[i])
        picked = remap[code if code >= 0 else last]
        out[i] = picked
        lo, hi = min(lo, picked), max(hi, picked)
    return lo, hi


@njit(cache=True, nogil=True)
def _narrow(codes, na_value, stored):  # type: ignore[no-untyped-def]
    """``stored`` = codes, those below zero as ``na_value``."""
    for i in range(len(codes)):
        stored[i] = codes[i] if codes[i] >= 0 else na_value


@njit(cache=True, nogil=True)
def _mark(codes, used):  # type: ignore[no-untyped-def]
    """``used`` where a code says so; -1 is the last."""
    last = len(used) - 1
    for i in range(len(codes)):
        code = np.int64(codes[i])
        used[code if code >= 0 else last] = True


@njit(cache=True, nogil=True)
def _take(codes, values, out):  # type: ignore[no-untyped-def]
    """``out`` = values[codes]; -1 is the last."""
    last = len(values) - 1
    for i in range(len(codes)):
        code = np.int64(codes[i])
        out[i] = values[code if code >= 0 else last]


@njit(cache=True, nogil=True)
def _see_whole(values):  # type: ignore[no-untyped-def]
    """(least, greatest, zeros) as doubles."""
    lo = hi = values[0]
    zeros = 0
    for i in range(len(values)):
        v = values[i]
        lo, hi = min(lo, v), max(hi, v)
        zeros += v == 0
    return np.float64(lo), np.float64(hi), zeros


@njit(cache=True, nogil=True)
def _shift(values, bias, stored):  # type: ignore[no-untyped-def]
    """``stored`` = values - bias, which fits."""
    for i in range(len(values)):
        stored[i] = values[i] - bias

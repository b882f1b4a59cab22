"""Chunks from values whose makers know much about them: one compiled pass each, no trial. For compiled callers; imports numba."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.kernel.frame.chunk import NA_INT64, Chunk
from h2ok.kernel.frame.codecs import IntegerChunk
from h2ok.kernel.frame.numeric_encoder import encode_codes, encode_int64, layout_of
from numba import njit
from numpy.typing import NDArray

__all__ = ["encode_picked_codes", "encode_picked_int64", "pack_decimals"]


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
    out = np.empty(len(codes), dtype=np.int64)
    lo, hi, n_na = _pick_int64(codes, values, out)
    if n_na == len(codes) or lo == hi:
        return encode_int64(out)
    bias, dtype = layout_of(int(lo), int(hi))
    stored = np.empty(len(codes), dtype=dtype)
    _shift(out, bias, np.iinfo(dtype).min, stored)
    return IntegerChunk(len(codes), stored, bias, 1.0, bool(n_na))


@njit(cache=True, nogil=True, error_model="numpy")
def _pack_decimals(values, divisor, bias, na_value, has_na, stored):  # type: ignore[no-untyped-def]
    """``stored`` = values * divisor - bias, all whole; reads values, writes stored."""
    less = np.float64(bias)
    if has_na:
        for i in range(len(values)):
            v = values[i]
            stored[i] = na_value if np.isnan(v) else np.int64(np.rint(v * divisor) - less)
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
def _pick_int64(codes, values, out):  # type: ignore[no-untyped-def]
    """(least, greatest known, number missing) of ``out`` = values[codes]."""
    last = len(values) - 1
    lo, hi = np.int64(2**63 - 1), np.int64(-(2**63) + 1)
    n_na = 0
    for i in range(len(codes)):
        code = np.int64(codes[i])
        picked = values[code if code >= 0 else last]
        out[i] = picked
        if picked == NA_INT64:
            n_na += 1
        else:
            lo, hi = min(lo, picked), max(hi, picked)
    return lo, hi, n_na


@njit(cache=True, nogil=True)
def _shift(values, bias, na_value, stored):  # type: ignore[no-untyped-def]
    """``stored`` = values - bias, NA as ``na_value``."""
    for i in range(len(values)):
        stored[i] = values[i] - bias if values[i] != NA_INT64 else na_value

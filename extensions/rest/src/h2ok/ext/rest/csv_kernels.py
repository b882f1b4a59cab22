"""Kernels of the CSV writer: lengths of cells first, then their bytes, column by column over a few thousand rows.

``lengths`` functions add to size : int32[rows]; ``put`` functions write at at : int64[rows] of out : uint8, and move ``at`` behind the
cell and ``end``, the byte that follows every cell of the column. An integer, decimal or enum cell that is missing has no bytes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = [
    "NO_PLACES",
    "decimals",
    "decimal_lengths",
    "integer_lengths",
    "level_lengths",
    "put_decimals",
    "put_integers",
    "put_levels",
    "put_texts",
    "text_lengths",
]

#: Places of a missing number.
NO_PLACES = 255
_NA = np.iinfo(np.int64).min
_MOST = 1e15
_POWERS = 10.0 ** np.arange(16)
_WHOLE = 10 ** np.arange(19, dtype=np.int64)


@njit(cache=True, nogil=True)
def decimals(values, mantissa, places):  # type: ignore[no-untyped-def]
    """Whether every value is a short decimal that is written without an exponent; then value = mantissa / 10**places.

    A decimal of at most 15 digits that reads back as the double is its shortest text. Writes mantissa : int64, places : uint8.
    """
    for i in range(len(values)):
        v = values[i]
        size = abs(v)
        mantissa[i] = 0
        if np.isnan(v):
            places[i] = NO_PLACES
            continue
        if not (1e-3 <= size < 1e7) and not (size == 0 and not np.signbit(v)):
            return False
        k = 0
        while True:
            m = np.rint(v * _POWERS[k])
            if abs(m) >= _MOST:
                return False
            if m / _POWERS[k] == v:
                break
            k += 1
            if k > 12:
                return False
        mantissa[i] = np.int64(m)
        places[i] = k
    return True


@njit(cache=True, nogil=True)
def _digits(value):  # type: ignore[no-untyped-def]
    """Digits of a whole number from 0."""
    n = 1
    while n < 19 and value >= _WHOLE[n]:
        n += 1
    return n


@njit(cache=True, nogil=True)
def _put_digits(out, at, value, n):  # type: ignore[no-untyped-def]
    for k in range(n - 1, -1, -1):
        out[at + k] = 48 + value % 10
        value //= 10


@njit(cache=True, nogil=True)
def integer_lengths(values, first, size):  # type: ignore[no-untyped-def]
    """Bytes of whole numbers, and one for what follows."""
    for i in range(len(size)):
        v = values[first + i]
        size[i] += 1
        if v != _NA:
            size[i] += _digits(abs(v)) + (v < 0)


@njit(cache=True, nogil=True)
def put_integers(values, first, at, out, end):  # type: ignore[no-untyped-def]
    """Whole numbers."""
    for i in range(len(at)):
        v = values[first + i]
        p = at[i]
        if v != _NA:
            if v < 0:
                out[p] = 45
                p += 1
                v = -v
            n = _digits(v)
            _put_digits(out, p, v, n)
            p += n
        out[p] = end
        at[i] = p + 1


@njit(cache=True, nogil=True)
def decimal_lengths(mantissa, places, first, size):  # type: ignore[no-untyped-def]
    """Bytes of decimals: sign, at least one digit, the point, at least one digit."""
    for i in range(len(size)):
        k = np.int64(places[first + i])
        size[i] += 1
        if k != NO_PLACES:
            m = mantissa[first + i]
            size[i] += _digits(abs(m) // _WHOLE[k]) + 1 + max(k, 1) + (m < 0)


@njit(cache=True, nogil=True)
def put_decimals(mantissa, places, first, at, out, end):  # type: ignore[no-untyped-def]
    """Decimals as Java prints doubles: ``1.0``, ``-0.25``."""
    for i in range(len(at)):
        k = np.int64(places[first + i])
        p = at[i]
        if k != NO_PLACES:
            m = mantissa[first + i]
            if m < 0:
                out[p] = 45
                p += 1
                m = -m
            whole = m // _WHOLE[k]
            n = _digits(whole)
            _put_digits(out, p, whole, n)
            p += n
            out[p] = 46
            _put_digits(out, p + 1, m - whole * _WHOLE[k], max(k, 1))
            p += 1 + max(k, 1)
        out[p] = end
        at[i] = p + 1


@njit(cache=True, nogil=True)
def level_lengths(codes, offsets, first, size):  # type: ignore[no-untyped-def]
    """Bytes of levels."""
    for i in range(len(size)):
        c = codes[first + i]
        size[i] += 1
        if c >= 0:
            size[i] += offsets[c + 1] - offsets[c]


@njit(cache=True, nogil=True)
def put_levels(codes, offsets, data, first, at, out, end):  # type: ignore[no-untyped-def]
    """Levels as they stand in ``data``."""
    for i in range(len(at)):
        c = codes[first + i]
        p = at[i]
        if c >= 0:
            for b in range(offsets[c], offsets[c + 1]):
                out[p] = data[b]
                p += 1
        out[p] = end
        at[i] = p + 1


@njit(cache=True, nogil=True)
def text_lengths(offsets, first, size):  # type: ignore[no-untyped-def]
    """Bytes of texts."""
    for i in range(len(size)):
        size[i] += 1 + offsets[first + i + 1] - offsets[first + i]


@njit(cache=True, nogil=True)
def put_texts(offsets, data, first, at, out, end):  # type: ignore[no-untyped-def]
    """Texts as they stand in ``data``."""
    for i in range(len(at)):
        p = at[i]
        for b in range(offsets[first + i], offsets[first + i + 1]):
            out[p] = data[b]
            p += 1
        out[p] = end
        at[i] = p + 1

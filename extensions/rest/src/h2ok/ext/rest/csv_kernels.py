"""Kernels of the CSV writer: lengths of cells first, then their bytes, column by column over a few thousand rows.

``lengths`` functions add to size : int32[rows]; ``put`` functions write at at : int64[rows] of out : uint8, and move ``at``
behind the cell and ``end``, the byte that follows every cell of the column. A missing integer, decimal or enum has no bytes.
"""

from __future__ import annotations

import numpy as np
from h2ok.ext.rest.csv_doubles import INFINITE, MISSING, NEGATIVE_ZERO, SCIENTIFIC
from h2ok.kernel.words import leading_zeros
from numba import njit

__all__ = [
    "decimal_lengths",
    "integer_lengths",
    "level_lengths",
    "put_decimals",
    "put_integers",
    "put_levels",
    "put_texts",
    "text_lengths",
]

_NA = np.iinfo(np.int64).min
_WHOLE = 10 ** np.arange(19, dtype=np.int64)
_PAIRS = np.frombuffer("".join(f"{k:02d}" for k in range(100)).encode(), dtype=np.uint8)
_HUNDRED, _ONE = np.uint64(100), np.uint64(1)
_INFINITY = np.frombuffer(b"Infinity", dtype=np.uint8)
_NEGATIVE_ZERO = np.frombuffer(b"-0.0", dtype=np.uint8)


@njit(cache=True, nogil=True, inline="always")
def _digits(value):  # type: ignore[no-untyped-def]
    """Digits of a whole number from 0."""
    guess = ((64 - np.int64(leading_zeros(np.uint64(value) | np.uint64(1)))) * 1233) >> 12
    return guess + ((value | 1) >= _WHOLE[guess])


@njit(cache=True, nogil=True)
def _put_digits(out, at, value, n):  # type: ignore[no-untyped-def]
    """The last ``n`` digits of a whole number, two at a time."""
    rest = np.uint64(value)
    k = at + n
    while k - 2 >= at:
        k -= 2
        some = rest % _HUNDRED
        rest //= _HUNDRED
        out[k] = _PAIRS[2 * some]
        out[k + 1] = _PAIRS[2 * some + _ONE]
    if k > at:
        out[at] = 48 + rest % np.uint64(10)


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
def decimal_lengths(mantissa, places, exponents, first, size):  # type: ignore[no-untyped-def]
    """Bytes of what ``find_decimals`` found: sign, at least one digit, the point, at least one digit, perhaps an exponent."""
    for i in range(len(size)):
        k = np.int64(places[first + i])
        m = mantissa[first + i]
        size[i] += 1 + (m < 0)
        m = abs(m)
        if k < NEGATIVE_ZERO:
            size[i] += (_digits(m // _WHOLE[k]) if k < len(_WHOLE) else 1) + 1 + k + (k == 0)
        elif k == SCIENTIFIC:
            e = np.int64(exponents[first + i])
            size[i] += _digits(m) + (m < 10) + 2 + (e < 0) + _digits(abs(e))
        elif k == NEGATIVE_ZERO:
            size[i] += 4
        elif k == INFINITE:
            size[i] += 8


@njit(cache=True, nogil=True)
def _put_odd(out, p, m, k, e):  # type: ignore[no-untyped-def]
    """Position after a number that is not plain."""
    if k == SCIENTIFIC:
        n = _digits(m) + (m < 10)
        _put_digits(out, p + 1, m if m >= 10 else m * 10, n)
        out[p] = out[p + 1]
        out[p + 1] = 46
        p += n + 1
        out[p] = 69
        p += 1
        if e < 0:
            out[p] = 45
            p += 1
        n = _digits(abs(e))
        _put_digits(out, p, abs(e), n)
        return p + n
    word = _NEGATIVE_ZERO if k == NEGATIVE_ZERO else _INFINITY
    for b in range(len(word)):
        out[p + b] = word[b]
    return p + len(word)


@njit(cache=True, nogil=True)
def put_decimals(mantissa, places, exponents, first, at, out, end):  # type: ignore[no-untyped-def]
    """Decimals as Java prints doubles: ``1.0``, ``-0.25``, ``1.5E-7``."""
    for i in range(len(at)):
        k = np.int64(places[first + i])
        p = at[i]
        if k != MISSING:
            m = mantissa[first + i]
            if m < 0:
                out[p] = 45
                p += 1
                m = -m
            if k < NEGATIVE_ZERO:
                whole = m // _WHOLE[k] if k < len(_WHOLE) else 0
                n = _digits(whole)
                _put_digits(out, p, whole, n)
                p += n
                out[p] = 46
                _put_digits(out, p + 1, m - whole * _WHOLE[k] if whole > 0 else m, k + (k == 0))
                p += 1 + k + (k == 0)
            else:
                p = _put_odd(out, p, m, k, np.int64(exponents[first + i]))
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

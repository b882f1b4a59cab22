"""What the encoder wants to know of numbers that were just computed, by compiled loops."""

from __future__ import annotations

import struct

import numpy as np
from h2ok.kernel.frame.newchunk import Seen
from numba import boolean, float64, int64, njit, void
from numpy.typing import NDArray

__all__ = ["look"]

#: Below it all digits of a number of five places fit into a double.
_MOST_DECIMAL = 2.0**53 / 1e5
_SIGN = np.int64(np.iinfo(np.int64).min)
_MOST = np.int64(np.iinfo(np.int64).max)
#: Bits of infinity: those of a NaN are greater without the sign.
_INFINITY = np.int64(0x7FF0000000000000)


def look(values: NDArray[np.float64]) -> Seen:
    """What the encoder wants to know of float64[n], in one pass, or in a part of one when only a chunk of doubles can hold them."""
    if any(map(_is_plain, values[:8].tolist())) and _varied(values):
        return Seen(np.nan, np.nan, True, True, True)
    found = np.array([_MOST, _SIGN, 0, 0], dtype=np.int64)
    _look(values.view(np.int64), found)
    least, most, missing, negative_zero = found.tolist()
    if least > most:
        return Seen(np.nan, np.nan, bool(missing), bool(negative_zero))
    lo, hi = (found[:2] ^ ((found[:2] >> np.int64(63)) & _MOST)).view(np.float64).tolist()
    return Seen(lo, hi, bool(missing), bool(negative_zero))


def _is_plain(x: float) -> bool:
    """Whether a chunk with this value can only be one of doubles: no whole number, no float, not of up to five places."""
    return abs(x) < _MOST_DECIMAL and round(x * 1e5) / 1e5 != x and struct.unpack("f", struct.pack("f", x))[0] != x


@njit(void(int64[::1], int64[::1]), cache=True, nogil=True)
def _look(bits: NDArray[np.int64], seen: NDArray[np.int64]) -> None:
    """Update (least, greatest, any NaN, any -0.0) of doubles by their bits; least and greatest as whole numbers in their order.

    PERF: comparing whole numbers is what the compiler turns into vector code; comparing doubles that may be NaN is not.
    """
    least, most, missing, negative_zero = seen[0], seen[1], seen[2], seen[3]
    for v in bits:
        nan = (v & _MOST) > _INFINITY
        key = v ^ ((v >> np.int64(63)) & _MOST)
        least = min(least, _MOST if nan else key)
        most = max(most, _SIGN if nan else key)
        missing |= np.int64(nan)
        negative_zero |= np.int64(v == _SIGN)
    seen[0], seen[1], seen[2], seen[3] = least, most, missing, negative_zero


@njit(boolean(float64[::1]), cache=True)
def _varied(values: NDArray[np.float64]) -> bool:
    """Whether not all are the same and more than an eighth are not 0; it looks no further than it must."""
    n, some, other = len(values), 0, False
    for lo in range(0, n, 1024):
        for i in range(lo, min(lo + 1024, n)):
            some += values[i] != 0.0
            other |= values[i] != values[0]
        if other and some * 8 > n:
            return True
    return False

"""Doubles as decimals: the fewest digits that read back as the same double, and where the point stands.

Most doubles of data are short decimals, which one division finds. The others are found as in Giulietti, "The Schubfach way to
render doubles" (2020), section 9, with 128 bits of a power of ten.
"""

from __future__ import annotations

import numpy as np
from h2ok.kernel.words import bits_of, high_product
from numba import njit

__all__ = ["INFINITE", "MISSING", "NEGATIVE_ZERO", "SCIENTIFIC", "find_decimals"]

#: Instead of a number of places: nothing, infinity, one digit before the point and an exponent, ``-0.0``.
MISSING, INFINITE, SCIENTIFIC, NEGATIVE_ZERO = 255, 254, 253, 252
_POWERS = 10.0 ** np.arange(8)
_MOST = 1e15
_0, _1, _4, _10, _40 = (np.uint64(k) for k in (0, 1, 4, 10, 40))
_FRACTION = np.uint64((1 << 52) - 1)
_HIDDEN = np.uint64(1 << 52)
_LEAST_POWER, _MOST_POWER = -292, 324


def _ten(power: int) -> int:
    """The 128 leading bits of 10**power, rounded up."""
    if power >= 0:
        value: int = 10**power
        shift = 128 - value.bit_length()
        return value << shift if shift >= 0 else -(-value >> -shift)
    value = 10**-power
    quotient: int = -(-(1 << (127 + value.bit_length())) // value)
    return quotient if quotient.bit_length() <= 128 else -(-quotient >> 1)


_TENS = np.array(
    [[_ten(k) >> 64, _ten(k) & (2**64 - 1)] for k in range(_LEAST_POWER, _MOST_POWER + 1)],
    dtype=np.uint64,
)


@njit(cache=True, nogil=True, inline="always")
def _round_to_odd(high, low, value):  # type: ignore[no-untyped-def]
    """The upper part of the product of a 128-bit and a 64-bit number; its lowest bit tells of what is cut off."""
    carry = high_product(low, value)
    lower = high * value
    upper = high_product(high, value)
    lower += carry
    if lower < carry:
        upper += _1
    return upper | (_1 if lower > _1 else _0)


@njit(cache=True, nogil=True)
def _shortest(bits):  # type: ignore[no-untyped-def]
    """(digits, exponent): positive, finite ``bits`` are the double next to digits * 10**exponent; no zeros at the end of digits."""
    fraction = bits & _FRACTION
    exponent = np.int64(bits >> np.uint64(52))
    c, q = fraction, np.int64(-1074)
    if exponent != 0:
        c, q = fraction | _HIDDEN, exponent - 1075
    odd = c & _1
    closer = fraction == _0 and exponent > 1
    k = (q * 1262611 - (524031 if closer else 0)) >> 22
    shift = np.uint64(q + ((-k * 1741647) >> 19) + 1)
    high, low = _TENS[-k - _LEAST_POWER, 0], _TENS[-k - _LEAST_POWER, 1]
    middle = c << np.uint64(2)
    value = _round_to_odd(high, low, middle << shift)
    least = _round_to_odd(high, low, (middle - (_1 if closer else np.uint64(2))) << shift) + odd
    most = _round_to_odd(high, low, (middle + np.uint64(2)) << shift) - odd
    s = value // _4
    digits = s
    found = False
    if s >= _10:
        tens = s // _10
        below = least <= _40 * tens
        above = _40 * tens + _40 <= most
        if below != above:
            digits = tens + (_1 if above else _0)
            k += 1
            found = True
    if not found:
        below = least <= _4 * s
        above = _4 * s + _4 <= most
        half = _4 * s + np.uint64(2)
        if below != above:
            digits = s + (_1 if above else _0)
        elif value > half or (value == half and (s & _1) == _1):
            digits = s + _1
    while digits % _10 == _0:
        digits //= _10
        k += 1
    return np.int64(digits), k


@njit(cache=True, nogil=True)
def find_decimals(values, mantissa, places, exponents):  # type: ignore[no-untyped-def]
    """The decimals of doubles as Java writes them: plain from 1e-3 to below 1e7, else with an exponent.

    Writes mantissa : int64[n], places : uint8[n] and exponents : int16[n]. A plain value is mantissa / 10**places; with SCIENTIFIC
    the exponent is that of the first digit of the mantissa; infinity has the mantissa 1 or -1.
    """
    for i in range(len(values)):
        v = values[i]
        size = abs(v)
        mantissa[i] = 0
        exponents[i] = 0
        if np.isnan(v):
            places[i] = MISSING
            continue
        if np.isinf(v):
            places[i] = INFINITE
            mantissa[i] = 1 if v > 0 else -1
            continue
        if size == 0:
            places[i] = NEGATIVE_ZERO if np.signbit(v) else 0
            continue
        plain = 1e-3 <= size < 1e7
        if plain:
            # A decimal of at most 15 digits that reads back as the double is its shortest text. PERF: others show at once.
            k = 5
            while k > 0 and abs(v) * _POWERS[k] < _MOST and np.rint(v * _POWERS[k - 1]) / _POWERS[k - 1] == v:
                k -= 1
            if k < 5:
                mantissa[i] = np.int64(np.rint(v * _POWERS[k]))
                places[i] = k
                continue
        digits, power = _shortest(bits_of(size))
        # Plain whole numbers were found above.
        if plain and power <= 0:
            mantissa[i] = digits if v > 0 else -digits
            places[i] = -power
            continue
        n = 0
        rest = digits
        while rest >= 10:
            rest //= 10
            n += 1
        mantissa[i] = digits if v > 0 else -digits
        places[i] = SCIENTIFIC
        exponents[i] = power + n

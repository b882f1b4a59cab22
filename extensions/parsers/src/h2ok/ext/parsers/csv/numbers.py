"""Numbers of the CSV reader: the text of a cell to the nearest double.

Short plain decimals are read eight bytes at a time; everything else byte by byte. The double next to ``digits * 10**scale`` is
found as in Lemire, "Number parsing at a gigabyte per second", doi:10.1002/spe.2984, with 128 bits of a power of five.
"""

from __future__ import annotations

import numpy as np
from h2ok.kernel.words import (
    all_digits,
    byte_index,
    double_of,
    eight_digits,
    has_byte,
    high_product,
    leading_zeros,
    load_word,
)  # fmt: skip
from numba import njit

__all__ = ["number_at", "parse_numbers", "parse_seen"]

_EMPTY, _QUOTED = 0, 2
_BLANK, _TAB = 32, 9
_POWERS = 10.0 ** np.arange(23)
_MAX_MANTISSA = np.uint64(1 << 53)
_TEN, _EIGHT, _HUNDRED_MILLION = np.uint64(10), np.uint64(8), np.uint64(100_000_000)
_0, _1, _3, _52, _55, _56, _63 = (np.uint64(k) for k in (0, 1, 3, 52, 55, 56, 63))
_FULL = np.uint64(2**64 - 1)
_MOST_INT64, _LONG_DIGITS = np.uint64(2**63 - 1), np.uint64(10**18)
#: Doubles from here on do not tell neighbouring whole numbers apart; from there on they do not fit into 64 bits.
_LARGE, _WIDE = 2.0**53, 2.0**63
_POINTS = np.uint64(0x2E2E2E2E2E2E2E2E)
_ZERO_DIGIT = np.uint64(0x30)
#: For texts of 0 to 8 bytes at the end of a word: which bits are theirs, and zero digits before them.
_KEEP = np.array([((1 << (8 * k)) - 1) << (64 - 8 * k) for k in range(9)], dtype=np.uint64)
_FILL = np.array([0x3030303030303030 >> (8 * k) if k < 8 else 0 for k in range(9)], dtype=np.uint64)
_LEAST_POWER, _MOST_POWER = -325, 308


def _five(power: int) -> int:
    """The 128 leading bits of 5**power; rounded up below one as the reciprocals must be."""
    if power >= 0:
        value: int = 5**power
        shift = 128 - value.bit_length()
        return value << shift if shift >= 0 else value >> -shift
    value = 5**-power
    quotient: int = (1 << (value.bit_length() + 127 + (0 if power >= -27 else 128))) // value + 1
    return quotient >> max(0, quotient.bit_length() - 128)


_FIVES = np.array(
    [[_five(q) >> 64, _five(q) & (2**64 - 1)] for q in range(_LEAST_POWER, _MOST_POWER + 1)],
    dtype=np.uint64,
)


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest(digits, scale):  # type: ignore[no-untyped-def]
    """(the double nearest to digits * 10**scale, whether it was found); digits : uint64, not zero."""
    if scale < _LEAST_POWER or scale > _MOST_POWER:
        return np.nan, False
    shift = leading_zeros(digits)
    w = digits << shift
    row = scale - _LEAST_POWER
    high, low = high_product(w, _FIVES[row, 0]), w * _FIVES[row, 0]
    if (high & np.uint64(0x1FF)) == np.uint64(0x1FF):
        more = high_product(w, _FIVES[row, 1])
        low += more
        if low < more:
            high += _1
    top = high >> _63
    mantissa = high >> (top + np.uint64(9))
    power = (((152170 + 65536) * scale) >> 16) + 63 + np.int64(top) - np.int64(shift) + 1023
    if power <= 0:
        return np.nan, False
    if low <= _1 and -4 <= scale <= 23 and (mantissa & _3) == _1 and (mantissa << (top + np.uint64(9))) == high:
        # Exactly between two doubles: the even one.
        mantissa &= ~_1
    mantissa = (mantissa + (mantissa & _1)) >> _1
    if mantissa >= _MAX_MANTISSA:
        mantissa = np.uint64(1 << 52)
        power += 1
    if power >= 0x7FF:
        return np.inf, True
    bits = (mantissa & np.uint64((1 << 52) - 1)) | (np.uint64(power) << _52)
    return double_of(bits), True


@njit(cache=True, nogil=True, error_model="numpy")
def _scaled(digits, scale):  # type: ignore[no-untyped-def]
    """As ``_nearest``, by one exact operation where digits and power are exact doubles."""
    if digits <= _MAX_MANTISSA and -22 <= scale <= 22:
        value = np.float64(np.int64(digits))
        return (value * _POWERS[scale] if scale >= 0 else value / _POWERS[-scale]), True
    return _nearest(digits, scale)


@njit(cache=True, nogil=True, error_model="numpy")
def _whole(digits, places, negative):  # type: ignore[no-untyped-def]
    """(digits / 10**places as int64, whether it is a whole number of at most 63 bits)."""
    while places > 0 and digits % _TEN == _0:
        digits //= _TEN
        places -= 1
    while places < 0 and digits <= _MOST_INT64 // _TEN:
        digits *= _TEN
        places += 1
    if places != 0 or digits > _MOST_INT64:
        return np.int64(0), False
    return (-np.int64(digits) if negative else np.int64(digits)), True


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _without(word, at):  # type: ignore[no-untyped-def]
    """A word without its byte ``at``: the bytes before it move up, a zero digit comes first."""
    bits = np.uint64(8 * at)
    above = (_FULL << bits) << _EIGHT
    return (word & above) | ((word & ~(_FULL << bits)) << _EIGHT) | _ZERO_DIGIT


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _plain_number(data, start, stop):  # type: ignore[no-untyped-def]
    """(value, whether it was found, its digits, its places) of 1 to 16 bytes of digits, at most one point, perhaps a minus."""
    # PERF: indexes without a sign need no look whether they count from the end.
    negative = data[np.uint64(start)] == 45
    n = stop - start - negative
    if n < 1 or n > 16 or stop < 8:
        return np.nan, False, _0, 0
    # PERF: no branch on lengths up to eight; they change from cell to cell.
    m = np.uint64(min(n, 8))
    last = (load_word(data, stop - 8) & _KEEP[m]) | _FILL[m]
    first = _FILL[0]
    if n > 8:
        if stop < 16:
            return np.nan, False, _0, 0
        m = np.uint64(n - 8)
        first = (load_word(data, stop - 16) & _KEEP[m]) | _FILL[m]
    places = 0
    mark = has_byte(last, _POINTS)
    if mark != _0:
        at = byte_index(mark)
        places = 7 - at
        last = (_without(last, at) & ~np.uint64(0xFF)) | (first >> _56)
        first = (first << _EIGHT) | _ZERO_DIGIT
    elif n > 8:
        mark = has_byte(first, _POINTS)
        if mark != _0:
            at = byte_index(mark)
            places = 15 - at
            first = _without(first, at)
    if not all_digits(last) or (n == 1 and mark != _0):
        return np.nan, False, _0, 0
    digits = eight_digits(last)
    if n > 8:
        if not all_digits(first):
            return np.nan, False, _0, 0
        digits += eight_digits(first) * _HUNDRED_MILLION
    if digits <= _MAX_MANTISSA:
        value = np.float64(np.int64(digits)) / _POWERS[np.uint64(places)]
    else:
        value, found = _nearest(digits, -places)
        if not found:
            return np.nan, False, _0, 0
    # H2O: a negative zero is plain zero.
    return (-value + 0.0 if negative else value), True, digits, places


@njit(cache=True, nogil=True, error_model="numpy")
def _long_number(data, start, stop):  # type: ignore[no-untyped-def]
    """As ``_plain_number``, 17 to 20 bytes whose point stands before the last 16 digits, as programs write doubles."""
    i = start
    negative = data[i] == 45
    if negative:
        i += 1
    n = stop - i
    if n < 17 or n > 20 or stop < 24:
        return np.nan, False
    first = (load_word(data, stop - 24) & _KEEP[n - 16]) | _FILL[n - 16]
    mark = has_byte(first, _POINTS)
    if mark == _0:
        return np.nan, False
    at = byte_index(mark)
    first = _without(first, at)
    middle, last = load_word(data, stop - 16), load_word(data, stop - 8)
    if not (all_digits(first) and all_digits(middle) and all_digits(last)):
        return np.nan, False
    digits = (eight_digits(first) * _HUNDRED_MILLION + eight_digits(middle)) * _HUNDRED_MILLION + eight_digits(last)
    if digits == _0:
        return 0.0, True
    value, found = _scaled(digits, at - 23)
    return (-value if negative else value), found


@njit(cache=True, nogil=True, error_model="numpy")
def _word(data, i, stop):  # type: ignore[no-untyped-def]
    """Infinity for ``inf`` and ``infinity`` in any case, else NaN."""
    n = stop - i
    if n not in (3, 8):
        return np.nan
    word = (105, 110, 102, 105, 110, 105, 116, 121)
    for k in range(n):
        if (data[i + k] | 32) != word[k]:
            return np.nan
    return np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _number(data, start, stop, quoted):  # type: ignore[no-untyped-def]
    """(value, whether the text is a number, whether the value still has to be read exactly, its digits, its places).

    Places are -1 where the number is not digits divided by a power of ten.
    """
    i = start
    while not quoted and stop > i and (data[stop - 1] == _BLANK or data[stop - 1] == _TAB):
        stop -= 1
    percent = stop > i and data[stop - 1] == 37
    if percent:
        stop -= 1
        while stop > i and (data[stop - 1] == _BLANK or data[stop - 1] == _TAB):
            stop -= 1
    if i < stop and data[i] == 36:
        i += 1
    negative = i < stop and data[i] == 45
    if i < stop and (data[i] == 45 or data[i] == 43):
        i += 1
    first = i
    mantissa = _0
    digits = 0
    seen = 0
    scale = 0
    exact = True
    point = False
    while i < stop:
        c = data[i]
        if 48 <= c <= 57:
            seen += 1
            if digits < 19:
                mantissa = mantissa * _TEN + np.uint64(c - 48)
                digits += mantissa != _0
                scale -= point
            else:
                exact = exact and c == 48
                scale += not point
        elif c == 46 and not point:
            point = True
        else:
            break
        i += 1
    if seen == 0:
        if i == stop and not percent:
            # A sign or a point alone is a number to H2O's guess; here it has no value.
            return np.nan, stop > start, False, _0, -1
        found = _word(data, first, stop)
        return (-found if negative else found), False, False, _0, -1
    if i < stop and (data[i] | 32) == 101:
        i += 1
        minus = i < stop and data[i] == 45
        if i < stop and (data[i] == 45 or data[i] == 43):
            i += 1
        if i >= stop:
            return np.nan, False, False, _0, -1
        power = 0
        while i < stop and 48 <= data[i] <= 57:
            power = min(power * 10 + (data[i] - 48), 100000)
            i += 1
        scale += -power if minus else power
    if i != stop:
        return np.nan, False, False, _0, -1
    if percent:
        scale -= 2
    if mantissa == _0 and exact:
        return (-0.0 if negative else 0.0) + 0.0, True, False, _0, 0
    if not exact:
        return np.nan, True, True, _0, -1
    value, found = _scaled(mantissa, scale)
    return (-value if negative else value), True, not found, mantissa, -scale


@njit(cache=True, nogil=True, error_model="numpy")
def parse_numbers(data, starts, stops, kinds, row_starts, first, last, skip, columns, out, is_number, slow_cell, slow_at, slow):  # type: ignore[no-untyped-def]
    """Numbers of some columns in rows ``first : last``; what is no number is NaN.

    Writes out : float64[len(columns), rows] from row ``first - skip`` on, and is_number : bool of the same shape, or empty.
    Numbers of more than 19 digits or next to the ends of the doubles are left to the caller: slow_cell (cell), slow_at (position
    in ``out.ravel()``) after the first ``slow``. Returns how many there are.
    """
    want = is_number.shape[0] > 0
    # PERF: a column after the other: what its cells have in common is predicted.
    for k in range(len(columns)):
        j = columns[k]
        for r in range(first, last):
            cell = row_starts[r] + j
            value = np.nan
            good = False
            if cell < row_starts[r + 1] and kinds[cell] != _EMPTY:
                start, stop = np.int64(starts[cell]), np.int64(stops[cell])
                value, good, _, _ = _plain_number(data, start, stop)
                if not good and stop - start > 16:
                    value, good = _long_number(data, start, stop)
                if not good:
                    value, good, hard, _, _ = _number(data, start, stop, kinds[cell] == _QUOTED)
                    if hard:
                        slow_cell[slow] = cell
                        slow_at[slow] = k * out.shape[1] + r - skip
                        slow += 1
            out[k, r - skip] = value
            if want:
                is_number[k, r - skip] = good
    return slow


@njit(cache=True, nogil=True, error_model="numpy")
def parse_seen(  # type: ignore[no-untyped-def]
    data, starts, stops, kinds, row_starts, first, last, skip, columns, out, seen, slow_cell, slow_at, slow, whole, whole_at, wholes
):
    """As ``parse_numbers`` without classifying; adds to seen : float64[len(columns), len(SEEN)] what ``cells.SEEN`` names.

    Whole numbers of 54 to 63 bits are written exactly: whole (the number), whole_at (its position in ``out.ravel()``) after the
    first ``wholes``. Returns how many cells are left to the caller, and how many such numbers there are.
    """
    for k in range(len(columns)):
        j = columns[k]
        lo, hi = seen[k, 0], seen[k, 1]
        missing, zeros = 0, 0
        places, full = np.int64(seen[k, 4]), seen[k, 5] > 0
        # PERF: indexes without a sign need no look whether they count from the end.
        row_out = out[k]
        for at in range(first, last):
            r = np.uint64(at)
            cell = np.uint64(row_starts[r] + j)
            value = np.nan
            if cell < np.uint64(row_starts[r + _1]) and kinds[cell] != _EMPTY:
                start, stop = np.int64(starts[cell]), np.int64(stops[cell])
                value, good, digits, after = _plain_number(data, start, stop)
                if not good and stop - start > 16:
                    value, good = _long_number(data, start, stop)
                    after = -1
                if not good:
                    value, _, hard, digits, after = _number(data, start, stop, kinds[cell] == _QUOTED)
                    if hard:
                        slow_cell[slow] = cell
                        slow_at[slow] = k * out.shape[1] + at - skip
                        slow += 1
                        seen[k, 8] = 1
                if 0 <= after <= 5:
                    if after > places:
                        places, full = after, False
                    if after == places and not full:
                        full = digits % _TEN != _0
                elif not np.isnan(value):
                    seen[k, 6], seen[k, 7] = 1, value
                if value >= _LARGE or value <= -_LARGE:
                    exact, fits = _whole(digits, after, value < 0)
                    if fits and digits != _0:
                        whole[wholes], whole_at[wholes] = exact, k * out.shape[1] + at - skip
                        wholes += 1
                    elif after <= 0 and digits >= _LONG_DIGITS:
                        seen[k, 9] = 1
            row_out[np.uint64(at - skip)] = value
            missing += np.isnan(value)
            zeros += value == 0.0
            # A comparison with NaN is false.
            lo = value if value < lo else lo
            hi = value if value > hi else hi
        seen[k, 0], seen[k, 1] = lo, hi
        seen[k, 2] += missing
        seen[k, 3] += zeros
        seen[k, 4], seen[k, 5] = places, full
    return slow, wholes


@njit(cache=True, nogil=True, error_model="numpy")
def number_at(data, start, stop):  # type: ignore[no-untyped-def]
    """(value or NaN, whether it has to be read exactly, itself if it is whole and large, its kind) of some bytes, at least one.

    Kinds: 0 any double, 1 a whole number of 54 to 63 bits, 2 one that does not fit into 64 bits.
    """
    value, good, digits, places = _plain_number(data, start, stop)
    hard = False
    if not good:
        value, _, hard, digits, places = _number(data, start, stop, True)
    if value >= _LARGE or value <= -_LARGE:
        exact, fits = _whole(digits, places, value < 0)
        if fits and digits != _0:
            return value, hard, exact, 1
        if places <= 0 and digits >= _LONG_DIGITS:
            return value, hard, np.int64(0), 2
    return value, hard, np.int64(0), 0

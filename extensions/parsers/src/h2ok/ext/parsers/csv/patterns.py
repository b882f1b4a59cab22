"""Times after a pattern of letters, as Java's SimpleDateFormat names them."""

from __future__ import annotations

import re

import numpy as np
from h2ok.ext.parsers.csv.times import (
    IN_UTC,
    IS_LOCAL,
    IS_NOT,
    NO_SUCH,
    digits_at,
    fraction_at,
    full_year,
    half_at,
    milliseconds_of,
    month_at,
    zone_at,
)
from h2ok.kernel import NA_INT64, IllegalArgumentError
from numba import njit
from numpy.typing import NDArray

__all__ = ["compile_pattern", "read_patterned"]

_NA = np.int64(NA_INT64)
_LITERAL = 0
_QUOTED = re.compile(r"'((?:[^']|'')*)(?:'|\Z)")
_NUMBERS = "yMdHkhKmsS"
_LETTERS = _NUMBERS + "aEzZX"
_y, _M, _d, _H, _k, _h, _K, _m, _s, _S, _a, _E = map(ord, "yMdHkhKmsSaE")
_MOST_DIGITS, _MOST_LETTERS, _MS_A_MINUTE = 9, 200, 60_000
#: Names of zones beside UTC, GMT and Z, and how many hours they are ahead.
_ZONES = {
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "wet": 0, "west": 1, "cet": 1,
    "cest": 2, "eet": 2, "eest": 3, "msk": 3, "jst": 9,
}  # fmt: skip
_ZONE_NAMES = np.array([list(z.encode().ljust(4, b"\0")) for z in _ZONES], dtype=np.uint8)
_ZONE_HOURS = np.array(list(_ZONES.values()))


def compile_pattern(pattern: str) -> NDArray[np.int64]:
    """int64[n, 2] for ``read_patterned``: letters with the digits they take (0: all there are), or 0 and a byte that stands there.

    Raises
    ------
    IllegalArgumentError
        A letter has no meaning here.
    """
    out: list[tuple[int, int]] = []
    fields: list[tuple[str, int]] = []
    i = 0
    while i < len(pattern):
        c = pattern[i]
        quoted = _QUOTED.match(pattern, i)
        if quoted is not None:
            # Between quotes as outside, two quotes are one.
            fields.append((quoted[1].replace("''", "'") or "'", 0))
            i = quoted.end()
        elif c.isascii() and c.isalpha():
            n = len(pattern[i:]) - len(pattern[i:].lstrip(c))
            if c not in _LETTERS or len(pattern) > _MOST_LETTERS:
                raise IllegalArgumentError(
                    f"The letter '{c}' of the date format '{pattern[:50]}' is not known. Known: {', '.join(_LETTERS)}; other text"
                    " stands in single quotes."
                )
            fields.append((c, n))
            i += n
        else:
            fields.append((c, 0))
            i += 1
    for k, (text, n) in enumerate(fields):
        if not n:
            out += [(_LITERAL, b) for b in text.encode()]
            continue
        is_month_name = text == "M" and n > 2
        touches = k + 1 < len(fields) and fields[k + 1][1] > 0 and fields[k + 1][0] in _NUMBERS
        out.append((ord(text), -1 if is_month_name else n if touches else 0))
    return np.array(out, dtype=np.int64).reshape(-1, 2)


@njit(cache=True, nogil=True)
def _named_zone_at(data, i, stop):  # type: ignore[no-untyped-def]
    """As ``zone_at``, also for names of zones and ``GMT+01:00``."""
    n = 0
    while i + n < stop and 97 <= (data[i + n] | 32) <= 122:
        n += 1
    if n in (3, 4):
        for z in range(len(_ZONE_HOURS)):
            same = n == 4 or _ZONE_NAMES[z, 3] == 0
            for k in range(n):
                same = same and (data[i + k] | 32) == _ZONE_NAMES[z, k]
            if same:
                return _ZONE_HOURS[z] * 60, n
    ahead, k = zone_at(data, i, stop)
    if k == 3 and n == 3 and i + 3 < stop and data[i + 3] in (43, 45):
        more, k = zone_at(data, i + 3, stop)
        return more, k + 3
    return ahead, k


@njit(cache=True, nogil=True)
def _read_one(data, i, stop, program):  # type: ignore[no-untyped-def]
    """(milliseconds since the epoch, what they are) of the text ``data[i:stop]``."""
    year, month, day, hour, minute, second, ms = 1970, 1, 1, 0, 0, 0, 0
    half, ahead, zoned = 0, 0, False
    for step in range(len(program)):
        kind, arg = program[step, 0], program[step, 1]
        if kind == _LITERAL:
            if i >= stop or data[i] != arg:
                return _NA, IS_NOT
            i += 1
            while arg == 32 and i < stop and data[i] == 32:
                i += 1
            continue
        if kind == _a:
            half = half_at(data, i, stop)
            n = 2 if half else 0
        elif kind == _E:
            n = 0
            while i + n < stop and 97 <= (data[i + n] | 32) <= 122:
                n += 1
        elif kind == _S:
            ms, n = fraction_at(data, i, stop if arg <= 0 else min(stop, i + arg))
        elif kind == _M and arg < 0:
            month, n = month_at(data, i, stop)
        elif kind in (_y, _M, _d, _H, _k, _h, _K, _m, _s):
            number, n = digits_at(data, i, stop, arg if arg > 0 else _MOST_DIGITS)
            if kind == _y:
                year = full_year(number, n)
            elif kind == _M:
                month = number
            elif kind == _d:
                day = number
            elif kind in (_H, _K):
                hour = number
            elif kind in (_h, _k):
                hour = 0 if number == (12 if kind == _h else 24) else number
            elif kind == _m:
                minute = number
            else:
                second = number
        else:
            ahead, n = _named_zone_at(data, i, stop)
            zoned = True
        if n == 0:
            return _NA, IS_NOT
        i += n
    if i != stop or year > 9999:
        return _NA, IS_NOT
    if half == 2 and hour < 12:
        hour += 12
    value, what = milliseconds_of(year, month, day, hour, minute, second, ms)
    if what != IS_LOCAL or not zoned:
        return value, what
    return value - ahead * _MS_A_MINUTE, IN_UTC


@njit(cache=True, nogil=True)
def read_patterned(data, offsets, program, out, what):  # type: ignore[no-untyped-def]
    """As ``read_times`` for texts in the form of ``program``."""
    for r in range(len(out)):
        start, stop = offsets[r], offsets[r + 1]
        while start < stop and data[start] == 32:
            start += 1
        while start < stop and data[stop - 1] == 32:
            stop -= 1
        out[r], what[r] = (_NA, NO_SUCH) if start == stop else _read_one(data, start, stop, program)

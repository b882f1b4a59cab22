"""Time kernels of the text formats: bytes of a cell to milliseconds, in the forms everybody writes or after a pattern.

A time is local, or in UTC where its text tells a zone. Fractions of a second of any length are cut to milliseconds.
"""

from __future__ import annotations

import numpy as np
from h2ok.kernel import NA_INT64
from numba import njit

__all__ = ["IN_UTC", "IS_LOCAL", "IS_NOT", "NO_SUCH", "read_times", "see_times"]

#: What a text is: no time, a time that does not exist (30 February), a local time, a time in UTC.
IS_NOT, NO_SUCH, IS_LOCAL, IN_UTC = 0, 1, 2, 3
#: How a date begins: with the year, with the day before the name of a month, with the number of the month.
_YEAR_FIRST, _NAMED, _MONTH_FIRST = 0, 1, 2
#: What ``read_times`` writes for everything that is no time.
_NA = np.int64(NA_INT64)
_BLANK, _TAB, _PLUS, _COMMA, _MINUS, _POINT, _SLASH, _COLON, _A, _P, _M, _T, _Z = map(ord, " \t+,-./:apmtz")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_LONGEST = max(map(len, _MONTHS))
_NAMES = np.array([list(m.encode().ljust(_LONGEST, b"\0")) for m in _MONTHS], dtype=np.uint8)
_NAME_SIZES = np.array([len(m) for m in _MONTHS])
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_MS_A_DAY, _MS_A_MINUTE = 86_400_000, 60_000
#: Two-digit years from here on are of the last century (POSIX).
_PIVOT = 69


@njit(cache=True, nogil=True)
def digits_at(data, i, stop, most):  # type: ignore[no-untyped-def]
    """(number, how many digits it has) of up to ``most`` digits from ``i`` on."""
    value, n = np.int64(0), 0
    while n < most and i + n < stop and 48 <= data[i + n] <= 57:
        value = value * 10 + np.int64(data[i + n] - 48)
        n += 1
    return value, n


@njit(cache=True, nogil=True)
def month_at(data, i, stop):  # type: ignore[no-untyped-def]
    """(month, letters) of an English name of a month, in full or of three letters in any case; (0, 0) when there is none."""
    n = 0
    while i + n < stop and n <= _LONGEST and 97 <= (data[i + n] | 32) <= 122:
        n += 1
    for m in range(12):
        if n not in (3, _NAME_SIZES[m]):
            continue
        same = True
        for k in range(n):
            same = same and (data[i + k] | 32) == _NAMES[m, k]
        if same:
            return m + 1, n
    return 0, 0


@njit(cache=True, nogil=True)
def days_since_epoch(year, month, day):  # type: ignore[no-untyped-def]
    """Days of the Gregorian calendar since 1970-01-01; years begin in March here, so that the leap day ends them."""
    years = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return years * 365 + years // 4 - years // 100 + years // 400 + of_year - 719_468


@njit(cache=True, nogil=True)
def full_year(year, digits):  # type: ignore[no-untyped-def]
    """The year that two digits stand for; others stand for themselves."""
    return year if digits != 2 else year + (1900 if year >= _PIVOT else 2000)


@njit(cache=True, nogil=True)
def milliseconds_of(year, month, day, hour, minute, second, ms):  # type: ignore[no-untyped-def]
    """(milliseconds since the epoch, ``IS_LOCAL``), or what the fields are if not a time."""
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24):
        return _NA, IS_NOT
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    if year < 1 or minute > 59 or second > 59 or day > _DAYS[month] + (leap and month == 2):
        return _NA, NO_SUCH
    seconds = (hour * 60 + minute) * 60 + second
    return days_since_epoch(year, month, day) * _MS_A_DAY + seconds * 1000 + ms, IS_LOCAL


@njit(cache=True, nogil=True)
def half_at(data, i, stop):  # type: ignore[no-untyped-def]
    """1 for AM, 2 for PM at ``i``, else 0."""
    if i + 2 > stop or (data[i + 1] | 32) != _M:
        return 0
    c = data[i] | 32
    return 1 if c == _A else 2 if c == _P else 0


@njit(cache=True, nogil=True)
def zone_at(data, i, stop):  # type: ignore[no-untyped-def]
    """(minutes ahead of UTC, bytes) of ``Z``, ``UTC``, ``GMT``, ``+hh``, ``+hhmm`` or ``+hh:mm`` at ``i``; no bytes for none."""
    if i >= stop:
        return 0, 0
    c = data[i]
    if c in (_PLUS, _MINUS):
        hours, n = digits_at(data, i + 1, stop, 2)
        if n != 2 or hours > 23:
            return 0, 0
        at = i + 3
        minutes, n = digits_at(data, at + (at < stop and data[at] == _COLON), stop, 2)
        if n == 2 and minutes < 60:
            at += 2 + (data[at] == _COLON)
        else:
            minutes = 0
        ahead = hours * 60 + minutes
        return (-ahead if c == _MINUS else ahead), at - i
    if i + 3 <= stop:
        a, b, d = c | 32, data[i + 1] | 32, data[i + 2] | 32
        if (a == 117 and b == _T and d == 99) or (a == 103 and b == _M and d == _T):
            return 0, 3
    return 0, 1 if (c | 32) == _Z else 0


@njit(cache=True, nogil=True)
def fraction_at(data, i, stop):  # type: ignore[no-untyped-def]
    """(milliseconds, digits) of the digits of a fraction of a second."""
    ms, n = digits_at(data, i, stop, 3)
    for _ in range(n, 3):
        ms *= 10
    while n > 0 and i + n < stop and 48 <= data[i + n] <= 57:
        n += 1
    return ms, n


@njit(cache=True, nogil=True)
def _date_at(data, i, stop):  # type: ignore[no-untyped-def]
    """(year, month, day, bytes, how it begins) of a date; no bytes when there is none."""
    first, n = digits_at(data, i, stop, 5)
    at = i + n
    if at >= stop or n == 0:
        return 0, 0, 0, 0, _MONTH_FIRST
    mark = data[at]
    if n == 4 and mark in (_MINUS, _SLASH):
        month, k = digits_at(data, at + 1, stop, 2)
        at += 1 + k
        if at >= stop:
            # H2O: a month alone is its first day.
            return first, month, 1, at - i if k == 2 and mark == _MINUS else 0, _YEAR_FIRST
        day, d = digits_at(data, at + 1, stop, 2)
        return first, month, day, at + 1 + d - i if k and d and data[at] == mark else 0, _YEAR_FIRST
    if n > 2:
        return 0, 0, 0, 0, _MONTH_FIRST
    at += mark in (_MINUS, _SLASH)
    month, k = month_at(data, at, stop)
    if k:
        day, how = first, _NAMED
    else:
        month, how = first, _MONTH_FIRST
        day, k = digits_at(data, at, stop, 2)
    at += k
    marked = mark in (_MINUS, _SLASH)
    if (
        k == 0
        or (marked and (at >= stop or data[at] != mark))
        or (how == _NAMED and mark == _SLASH)
        or (how != _NAMED and not marked)
    ):
        return 0, 0, 0, 0, how
    at += marked
    year, k = digits_at(data, at, stop, 5)
    return full_year(year, k), month, day, at + k - i if k in (2, 4) else 0, how


@njit(cache=True, nogil=True)
def _clock_at(data, i, stop, points):  # type: ignore[no-untyped-def]
    """(hour, minute, second, milliseconds, bytes, whether seconds are told) of ``H:mm[:ss[.fraction]] [AM]``.

    With ``points`` also of ``H.mm.ss...``.
    """
    hour, k = digits_at(data, i, stop, 2)
    at = i + k
    if k == 0 or at >= stop or not (data[at] == _COLON or (points and data[at] == _POINT)):
        return 0, 0, 0, 0, 0, False
    mark = data[at]
    minute, k = digits_at(data, at + 1, stop, 2)
    at += 1 + k
    if k != 2:
        return 0, 0, 0, 0, 0, False
    second, ms = 0, 0
    seconds = at < stop and data[at] == mark
    if seconds:
        second, k = digits_at(data, at + 1, stop, 2)
        at += 1 + k
        if k != 2:
            return 0, 0, 0, 0, 0, False
        if at < stop and data[at] in (_POINT, _COLON, _COMMA):
            ms, k = fraction_at(data, at + 1, stop)
            if k == 0:
                return 0, 0, 0, 0, 0, False
            at += 1 + k
    elif mark == _POINT:
        return 0, 0, 0, 0, 0, False
    gap = at < stop and data[at] == _BLANK
    half = half_at(data, at + gap, stop)
    if half:
        at += gap + 2
        if hour < 24:
            hour = hour % 12 + (12 if half == 2 else 0)
    return hour, minute, second, ms, at - i, seconds


@njit(cache=True, nogil=True)
def read_time(data, start, stop):  # type: ignore[no-untyped-def]
    """(milliseconds since the epoch, what they are) of the text ``data[start:stop]``.

    A date is ``yyyy-MM-dd``, ``yyyy/MM/dd``, ``MM/dd/yy``, ``MM-dd-yy``, ``dd-MMM-yy`` or ``ddMMMyy``, years of two or four digits;
    a clock may follow it after blanks, after a T where the year comes first, else after a colon, and a zone the clock. A clock with
    seconds may stand alone. H2O has no T, no slashes after a year, no zones, and wants seconds.
    """
    year, month, day, n, how = _date_at(data, start, stop)
    at = start + n
    if n > 0 and at < stop:
        mark = data[at]
        if mark == _BLANK:
            while at + 1 < stop and data[at + 1] == _BLANK:
                at += 1
        elif not ((mark | 32) == _T if how == _YEAR_FIRST else mark == _COLON):
            return _NA, IS_NOT
        at += 1
    elif n == 0:
        year, month, day = 1970, 1, 1
    hour, minute, second, ms = 0, 0, 0, 0
    if n == 0 or at < stop or start + n < stop:
        hour, minute, second, ms, k, seconds = _clock_at(data, at, stop, n > 0)
        if k == 0 or (n == 0 and not seconds):
            return _NA, IS_NOT
        at += k
    value, what = milliseconds_of(year, month, day, hour, minute, second, ms)
    if minute > 59 or second > 59 or (how == _NAMED and what == NO_SUCH):
        # H2O: of the days that do not exist only those in figures are times.
        return _NA, IS_NOT
    if at == stop:
        return value, what
    at += data[at] == _BLANK
    ahead, k = zone_at(data, at, stop)
    if n == 0 or k == 0 or at + k != stop:
        return _NA, IS_NOT
    return (value - ahead * _MS_A_MINUTE, IN_UTC) if what == IS_LOCAL else (value, what)


@njit(cache=True, nogil=True)
def read_times(data, offsets, out, what):  # type: ignore[no-untyped-def]
    """Times of the texts between ``offsets`` : int64[n + 1] in ``data`` : uint8[m], without blanks around them.

    Writes out : int64[n] milliseconds since the epoch, local ones as if in UTC, the smallest int64 for what is none;
    what : uint8[n].
    """
    for r in range(len(out)):
        start, stop = offsets[r], offsets[r + 1]
        while start < stop and (data[start] == _BLANK or data[start] == _TAB):
            start += 1
        while start < stop and (data[stop - 1] == _BLANK or data[stop - 1] == _TAB):
            stop -= 1
        out[r], what[r] = read_time(data, start, stop)


@njit(cache=True, nogil=True)
def see_times(data, offsets, out):  # type: ignore[no-untyped-def]
    """Whether the texts between ``offsets`` have the form of a time; blanks around them count. Writes out : bool[n]."""
    for r in range(len(out)):
        _, what = read_time(data, offsets[r], offsets[r + 1])
        out[r] = what != IS_NOT

"""Time texts: the formats H2O recognises, and vectorised reading into milliseconds since the epoch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from h2ok.kernel import NA_INT64
from numpy.typing import NDArray

__all__ = ["is_time", "iso_times", "looks_like_time", "parse_times"]

_MONTHS = {m: i + 1 for i, m in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"))}
_CLOCK = r"(?:[ ](?P<H>\d{1,2}):(?P<M>\d{2}):(?P<S>\d{2})(?:[.:](?P<f>\d{1,9}))?(?:[ ]?(?P<ap>[AaPp][Mm]))?)?"
_DATES = (
    r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})",
    r"(?P<d>\d{1,2})-(?P<b>[A-Za-z]{3})-(?P<y>\d{2}|\d{4})",
    r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{2}|\d{4})",
)
_FORMATS = (
    *(re.compile(date + _CLOCK + r"\Z") for date in _DATES),
    re.compile(r"(?P<d>\d{2})(?P<b>[A-Za-z]{3})(?P<y>\d{2})\Z"),
    re.compile(r"(?P<H>\d{1,2}):(?P<M>\d{2}):(?P<S>\d{2})(?:[.:](?P<f>\d{1,9}))?\Z"),
)
_FIRST = re.compile(r"\d")
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
#: Texts that are looked at together.
_TEXTS = 4096


def is_time(text: str) -> bool:
    """Whether a text is a time in one of the known formats."""
    return bool(_FIRST.match(text)) and _milliseconds(text) is not None


def looks_like_time(text: str) -> bool:
    """Whether a text has the form of a time; its day need not exist (H2O: 30 February is missing, but a time)."""
    if not _FIRST.match(text):
        return False
    for pattern in _FORMATS:
        match = pattern.match(text)
        if match:
            g = match.groupdict()
            month = _MONTHS.get(g["b"].lower(), 0) if g.get("b") else int(g.get("m") or 1)
            return 1 <= month <= 12 and 1 <= int(g.get("d") or 1) <= 31 and int(g.get("H") or 0) < 24
    return False


def parse_times(texts: Sequence[str | None], zone: str = "UTC") -> NDArray[np.int64]:
    """int64[n] milliseconds since the epoch in UTC; NA and texts in no known format are the smallest int64.

    A text is local time in ``zone``. Two-digit years: 00-68 are 2000-2068, 69-99 are 1969-1999 (POSIX). A text without a date
    counts from the epoch.
    """
    out = np.full(len(texts), NA_INT64, dtype=np.int64)
    known: dict[str, int] = {}
    where: tzinfo = UTC if zone == "UTC" else ZoneInfo(zone)
    for i, text in enumerate(texts):
        if text is None:
            continue
        value = known.get(text)
        if value is None:
            parsed = _milliseconds(text.strip(), where)
            value = known[text] = int(NA_INT64) if parsed is None else parsed
        out[i] = value
    return out


def iso_times(offsets: NDArray[np.int64], data: NDArray[np.uint8], zone: str = "UTC") -> NDArray[np.int64]:
    """As ``parse_times`` for ``yyyy-MM-dd`` with or without ``HH:mm:ss`` and a fraction; all other texts are the smallest int64.

    The texts stand one after the other in ``data``, between ``offsets`` int64[n + 1].
    """
    out = np.full(len(offsets) - 1, NA_INT64, dtype=np.int64)
    sizes = np.diff(offsets)
    for size in np.unique(sizes).tolist():
        if size != 10 and not (size == 19 or 21 <= size <= 29):
            continue
        rows = np.flatnonzero(sizes == size)
        for some in np.array_split(rows, len(rows) // _TEXTS + 1):
            found, good = _iso_milliseconds(data[offsets[some, None] + np.arange(size)])
            out[some[good]] = found[good]
    known = np.flatnonzero(out != NA_INT64)
    if zone != "UTC" and len(known):
        out[known] -= _offsets_of(out[known], ZoneInfo(zone))
    return out


def _iso_milliseconds(texts: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(milliseconds since the epoch, whether they are good) of uint8[n, size], texts of one size."""
    size = texts.shape[1]
    digits = texts.astype(np.int64) - ord("0")
    marks = [(4, "-"), (7, "-"), (10, " "), (13, ":"), (16, ":")]
    good = np.ones(len(texts), dtype=np.bool_)
    for at, mark in marks[: 2 if size == 10 else 5]:
        good &= texts[:, at] == ord(mark)
    if size > 19:
        good &= (texts[:, 19] == ord(".")) | (texts[:, 19] == ord(":"))
    plain = np.setdiff1d(np.arange(size), [4, 7, 10, 13, 16, 19])
    good &= ((digits[:, plain] >= 0) & (digits[:, plain] <= 9)).all(axis=1)

    def number(first: int, last: int) -> NDArray[np.int64]:
        return digits[:, first:last] @ (10 ** np.arange(last - first - 1, -1, -1))

    year, month, day = number(0, 4), number(5, 7), number(8, 10)
    good &= (year > 0) & (month >= 1) & (month <= 12) & (day >= 1)
    month[~good] = 1
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    good &= day <= _DAYS[month] + (leap & (month == 2))
    value = _days_since_epoch(year, month, day) * 86_400_000
    if size >= 19:
        hour, minute, second = number(11, 13), number(14, 16), number(17, 19)
        good &= (hour < 24) & (minute < 60) & (second < 60)
        value += ((hour * 60 + minute) * 60 + second) * 1000
    if size > 19:
        places = min(size, 23) - 20
        value += number(20, 20 + places) * 10 ** (3 - places)
    return value, good


def _days_since_epoch(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Days of the Gregorian calendar since 1970-01-01; years begin in March here, so that the leap day ends them."""
    years = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: NDArray[np.int64] = years * 365 + years // 4 - years // 100 + years // 400 + of_year - 719_468
    return days


def _offsets_of(local: NDArray[np.int64], zone: tzinfo) -> NDArray[np.int64]:
    """Milliseconds that local times are ahead of UTC; clocks change at full quarters of an hour."""
    quarters, where = np.unique(local // 900_000, return_inverse=True)
    start = datetime(1970, 1, 1)
    ahead = [(start + timedelta(minutes=15 * q)).replace(tzinfo=zone).utcoffset() or timedelta() for q in quarters.tolist()]
    return np.array([round(a.total_seconds() * 1000) for a in ahead], dtype=np.int64)[where]


def _milliseconds(text: str, zone: tzinfo = UTC) -> int | None:
    for pattern in _FORMATS:
        match = pattern.match(text)
        if match:
            return _of_groups(match.groupdict(), zone)
    return None


def _of_groups(g: dict[str, Any], zone: tzinfo) -> int | None:
    year = int(g["y"]) if "y" in g else 1970
    if "y" in g and len(g["y"]) == 2:
        year += 1900 if year >= 69 else 2000
    month = _MONTHS.get(g["b"].lower(), 0) if g.get("b") else int(g.get("m") or 1)
    hour = int(g.get("H") or 0)
    if g.get("ap"):
        hour = hour % 12 + (12 if g["ap"].lower() == "pm" else 0)
    fraction = int((g.get("f") or "0").ljust(9, "0")[:9]) // 1_000_000
    try:
        at = datetime(year, month, int(g.get("d") or 1), hour, int(g.get("M") or 0), int(g.get("S") or 0), tzinfo=zone)
    except ValueError:
        return None
    return int(at.timestamp()) * 1000 + fraction

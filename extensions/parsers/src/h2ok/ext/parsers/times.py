"""Time texts: the formats H2O recognises, and vectorised reading into milliseconds since the epoch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from h2ok.kernel import NA_INT64
from numpy.typing import NDArray

__all__ = ["is_time", "looks_like_time", "parse_times"]

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

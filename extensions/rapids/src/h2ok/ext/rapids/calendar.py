"""Calendar arithmetic on arrays of milliseconds since the epoch, in the time zone of the cloud."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.settings import TIME_ZONE_KEY
from h2ok.kernel import NA_INT64, Node
from numpy.typing import NDArray

__all__ = ["PARTS", "date_part", "get_time_zone", "set_time_zone", "time_zones", "to_milliseconds", "utc_offsets"]

_DAY = 86_400_000
_QUARTER = 900_000

PARTS = ("year", "month", "day", "dayOfWeek", "hour", "minute", "second", "millis", "week")


def get_time_zone(node: Node) -> str:
    """The time zone of the cloud."""
    value = node.dkv.get(TIME_ZONE_KEY)
    return value if isinstance(value, str) else "UTC"


def time_zones() -> list[str]:
    """All known time zones."""
    return sorted(zoneinfo.available_timezones())


def time_zone_lines() -> list[str]:
    """A heading, then the offset from UTC in standard time and the name of each zone, east of Greenwich first."""
    now = datetime.now(UTC)
    found = []
    for name in time_zones():
        local = now.astimezone(zoneinfo.ZoneInfo(name))
        minutes = round(((local.utcoffset() or timedelta()) - (local.dst() or timedelta())).total_seconds() / 60)
        found.append((minutes < 0, abs(minutes), name))
    lines = [f"{'-' if west else '+'}{m // 60:02d}:{m % 60:02d} {name}" for west, m, name in sorted(found)]
    return ["StandardOffset CanonicalID, Aliases", *lines]


def set_time_zone(node: Node, name: str) -> None:
    """Set the time zone of the cloud.

    Raises
    ------
    BadRequestError
        No such zone.
    """
    if name not in zoneinfo.available_timezones():
        raise BadRequestError(f"Time zone '{name}' is unknown. Known zones: (listTimeZones).", zone=name)
    if name == "UTC":
        node.dkv.remove(TIME_ZONE_KEY)
    else:
        node.dkv.put(TIME_ZONE_KEY, name)


def utc_offsets(ms: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Milliseconds to add to UTC to get local time, int64[n].

    Looked up once for each quarter of an hour that occurs: zones change their offset at such times only.
    """
    if zone == "UTC":
        return np.zeros(len(ms), dtype=np.int64)
    tz = zoneinfo.ZoneInfo(zone)
    quarters, back = np.unique(ms // _QUARTER, return_inverse=True)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    out = np.zeros(len(quarters), dtype=np.int64)
    for i, q in enumerate(quarters.tolist()):
        try:
            offset = (epoch + timedelta(milliseconds=q * _QUARTER)).astimezone(tz).utcoffset()
        except OverflowError:
            offset = None
        out[i] = 0 if offset is None else offset // timedelta(milliseconds=1)
    return out[back]


def to_utc(local: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """UTC of local times; the later offset where a time does not exist, the earlier where it is twice."""
    if zone == "UTC":
        return local
    first = local - utc_offsets(local, zone)
    return local - utc_offsets(first, zone)


def date_part(ms: NDArray[np.int64], part: str, zone: str) -> NDArray[np.float64]:
    """One part of each time, NaN for NA: 1-based month, day and week (ISO), dayOfWeek 0 for Monday."""
    na = ms == NA_INT64
    utc = np.where(na, 0, ms)
    local = utc + utc_offsets(utc, zone)
    days = local // _DAY
    within = local - days * _DAY
    out = _part(days, within, part).astype(np.float64)
    out[na] = np.nan
    return out


def _part(days: NDArray[np.int64], within: NDArray[np.int64], part: str) -> NDArray[Any]:
    if part == "hour":
        return within // 3_600_000
    if part == "minute":
        return within // 60_000 % 60
    if part == "second":
        return within // 1000 % 60
    if part == "millis":
        return within % 1000
    if part == "dayOfWeek":
        return (days + 3) % 7
    dates = days.astype("datetime64[D]")
    if part == "year":
        return dates.astype("datetime64[Y]").astype(np.int64) + 1970
    if part == "month":
        return dates.astype("datetime64[M]").astype(np.int64) % 12 + 1
    if part == "day":
        return days - dates.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + 1
    # ISO 8601: the week of the Thursday of the same week.
    thursday = days - (days + 3) % 7 + 3
    dates = thursday.astype("datetime64[D]")
    return (thursday - dates.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)) // 7 + 1


def to_milliseconds(parts: list[NDArray[np.float64]]) -> NDArray[np.int64]:
    """Times of year, month (1-12), day (1-31), hour, minute, second, millisecond; NA where one is missing or impossible."""
    known = np.ones(len(parts[0]), dtype=np.bool_)
    for p in parts:
        known &= np.abs(p) <= 1e9  # beyond is no part of a date, and 64 bits end at 9e18
    y, mo, d, h, mi, s, ms = (np.where(known, p, 1).astype(np.int64) for p in parts)
    known &= (mo >= 1) & (mo <= 12) & (d >= 1) & (h >= 0) & (h < 24) & (mi >= 0) & (mi < 60) & (s >= 0) & (s < 60)
    known &= (ms >= 0) & (ms < 1000) & (y >= -100_000) & (y <= 100_000)
    y, mo = np.where(known, y, 1970), np.where(known, mo, 1)
    month = ((y - 1970) * 12 + mo - 1).astype("datetime64[M]")
    first = month.astype("datetime64[D]").astype(np.int64)
    length = (month + 1).astype("datetime64[D]").astype(np.int64) - first
    known &= d <= length
    out = (first + d - 1) * _DAY + h * 3_600_000 + mi * 60_000 + s * 1000 + ms
    return np.where(known, out, NA_INT64)

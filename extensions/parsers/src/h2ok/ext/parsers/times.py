"""Time texts: what looks like one, and vectorised reading into milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

__all__ = ["iso_times", "look_like_times", "looks_like_time", "parse_times", "patterned_times"]

#: From here on (1972) clocks change at full quarters of an hour; before, they may at any second.
_BY_QUARTERS = 63_072_000_000
_QUARTER = 900_000


def looks_like_time(text: str) -> bool:
    """Whether a text has the form of a time; its day need not exist (H2O: 30 February is missing, but a time)."""
    return "0" <= text[:1] <= "9" and bool(look_like_times([text])[0])


def look_like_times(texts: Sequence[str]) -> NDArray[np.bool_]:
    """bool[n]: as ``looks_like_time`` for each. PERF: a call costs as much as fifty texts."""
    out = np.zeros(len(texts), dtype=np.bool_)
    # PERF: most texts are told from times by their first character.
    some = [i for i, text in enumerate(texts) if "0" <= text[:1] <= "9"]
    if some:
        from h2ok.ext.parsers.csv.times import see_times

        offsets, data = _bytes_of([texts[i] for i in some])
        seen = np.empty(len(some), dtype=np.bool_)
        see_times(data, offsets, seen)
        out[some] = seen
    return out


def parse_times(texts: Sequence[str | None], zone: str = "UTC") -> NDArray[np.int64]:
    """As ``iso_times`` of texts, None for NA."""
    return iso_times(*_bytes_of(texts), zone)


def iso_times(offsets: NDArray[np.int64], data: NDArray[np.uint8], zone: str = "UTC") -> NDArray[np.int64]:
    """int64[n] milliseconds since the epoch in UTC; NA and texts in no known format are the smallest int64.

    The texts stand one after the other in ``data``, between ``offsets`` int64[n + 1]. A text that tells no zone is local time in
    ``zone``. Two-digit years: 00-68 are 2000-2068, 69-99 are 1969-1999 (POSIX). A text without a date counts from the epoch.
    """
    values, what = _read(offsets, data)
    return _to_utc(values, what, zone)


def patterned_times(offsets: NDArray[np.int64], data: NDArray[np.uint8], pattern: str, zone: str = "UTC") -> NDArray[np.int64]:
    """As ``iso_times`` for texts in the form of a pattern of SimpleDateFormat.

    Raises
    ------
    IllegalArgumentError
        The pattern has a letter that is not known.
    """
    from h2ok.ext.parsers.csv.patterns import compile_pattern, read_patterned

    out = np.empty(len(offsets) - 1, dtype=np.int64)
    what = np.empty(len(out), dtype=np.uint8)
    read_patterned(data, offsets, compile_pattern(pattern), out, what)
    return _to_utc(out, what, zone)


def _to_utc(values: NDArray[np.int64], what: NDArray[np.uint8], zone: str) -> NDArray[np.int64]:
    """Times as the kernels read them, the local ones moved from ``zone`` to UTC."""
    if zone != "UTC":
        from h2ok.ext.parsers.csv.times import IS_LOCAL

        local = np.flatnonzero(what == IS_LOCAL)
        values[local] -= _offsets_of(values[local], ZoneInfo(zone))
    return values


def _bytes_of(texts: Sequence[str | None]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    raw = [b"" if t is None else t.encode("utf-8", "surrogatepass") for t in texts]
    offsets = np.zeros(len(raw) + 1, dtype=np.int64)
    np.cumsum([len(b) for b in raw], out=offsets[1:])
    return offsets, np.array(bytearray(b"".join(raw)), dtype=np.uint8)


def _read(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    from h2ok.ext.parsers.csv.times import read_times

    out = np.empty(len(offsets) - 1, dtype=np.int64)
    what = np.empty(len(out), dtype=np.uint8)
    # The kernel is compiled for arrays that can be written; Arrow's cannot.
    read_times(np.require(data, requirements=["C", "W"]), np.require(offsets, requirements=["C", "W"]), out, what)
    return out, what


def _offsets_of(local: NDArray[np.int64], zone: tzinfo) -> NDArray[np.int64]:
    """Milliseconds that local times are ahead of UTC."""
    step = np.where(local < _BY_QUARTERS, 1000, _QUARTER)
    begins, where = np.unique(local // step * step, return_inverse=True)
    start = datetime(1970, 1, 1)
    ahead = [(start + timedelta(milliseconds=b)).replace(tzinfo=zone).utcoffset() or timedelta() for b in begins.tolist()]
    return np.array([round(a.total_seconds() * 1000) for a in ahead], dtype=np.int64)[where]

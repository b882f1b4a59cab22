"""Times: parts of them, making them, the time zone of the cloud."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import ApiError, BadRequestError
from h2ok.ext.rapids import args, calendar
from h2ok.ext.rapids.blocks import blockwise, map_vecs
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.family import Family
from h2ok.kernel import NA_INT64, Block, Frame, OutputSpec
from numpy.typing import NDArray

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HELP = {
    "year": "Calendar year.",
    "month": "Month, 1 to 12.",
    "day": "Day of the month, 1 to 31.",
    "dayOfWeek": "Day of the week, Mon to Sun.",
    "hour": "Hour, 0 to 23.",
    "minute": "Minute, 0 to 59.",
    "second": "Second, 0 to 59.",
    "millis": "Millisecond, 0 to 999.",
    "week": "Week of the ISO year.",
}


@blockwise
def _date_part(block: Block, params: dict[str, Any]) -> None:
    for j in range(len(block.vecs)):
        out = calendar.date_part(block.chunk(j).int64(), params["part"], params["zone"])
        block.write(j, out)


def _define(part: str) -> None:
    def date_part(env: Env, time: Any) -> Any:
        zone = calendar.get_time_zone(env.node)
        if isinstance(time, int | float):
            ms = np.array([int(time) if abs(time) < 2.0**63 else NA_INT64], dtype=np.int64)
            return float(calendar.date_part(ms, part, zone)[0])
        frame = args.as_frame(time, f"argument of {part}")
        args.require_numeric(frame, part, ("time", "numeric", "bad"))
        spec = OutputSpec("enum", _DAYS) if part == "dayOfWeek" else OutputSpec()
        return Frame("", frame.names, map_vecs(env.node, _date_part, frame, [spec] * frame.n_cols, part=part, zone=zone))

    family.add(part, date_part, ("time",), _HELP[part])


for _part in _HELP:
    _define(_part)


# -- making times ---------------------------------------------------------------------------------------------------------


@blockwise
def _make_times(block: Block, params: dict[str, Any]) -> None:
    parts = [block.numbers(p) if isinstance(p, int) else np.full(block.n_rows, p) for p in params["parts"]]
    if params["zero_based"]:
        parts[1], parts[2] = parts[1] + 1, parts[2] + 1
    ms = calendar.to_milliseconds(parts)
    known = ms != NA_INT64
    block.write(0, ms if params["as_time"] else np.where(known, ms, np.nan).astype(np.float64))


def _make(env: Env, values: tuple[Any, ...], who: str, *, zero_based: bool, as_time: bool) -> Any:
    """A column of times; all-number calls give None, so that the caller decides."""
    frames = [v for v in values if isinstance(v, Frame)]
    for v in frames:
        args.require_numeric(v, who, ("numeric", "bad"))
        args.one_column(v, f"argument of {who}")
    long = next((f for f in frames if f.n_rows != 1), frames[0] if frames else None)
    if long is None:
        return None
    vecs, parts = [], []
    for v in values:
        if isinstance(v, Frame):
            if v.n_rows == 1 and long.n_rows != 1:
                parts.append(v.vecs[0].at(env.node, 0))
                continue
            if v.n_rows != long.n_rows:
                raise BadRequestError(f"{who} needs columns of equal numbers of rows, found {long.n_rows} and {v.n_rows}.")
            vecs.append(env.node.frames.align([v.vecs[0]], long.espc)[0])
            parts.append(len(vecs) - 1)
        elif isinstance(v, int | float):
            parts.append(float(v))
        else:
            raise BadRequestError(f"{who} takes numbers and columns, found {describe(v)}.")
    spec = OutputSpec("time" if as_time else "numeric")
    return map_vecs(env.node, _make_times, vecs, [spec], parts=parts, zero_based=zero_based, as_time=as_time)


@family("moment", "yr mo dy hr mi se ms", "Times (UTC) of their parts; month and day count from 1. Impossible dates are NA.")
def moment(env: Env, *parts: Any) -> Frame:
    vecs = _make(env, parts, "moment", zero_based=False, as_time=True)
    if vecs is None:
        numbers = [np.array([args.as_number(p, "part of a time")]) for p in parts]
        vecs = (env.node.frames.vec_of(calendar.to_milliseconds(numbers), "time"),)
    return Frame("", ("time",), vecs)


@family("mktime", "yr mo dy hr mi se ms", "Milliseconds (UTC) of the parts of a time; month and day count from 0.")
def mktime(env: Env, *parts: Any) -> Any:
    vecs = _make(env, parts, "mktime", zero_based=True, as_time=False)
    if vecs is not None:
        return Frame("", ("msec",), vecs)
    numbers = [np.array([args.as_number(p, "part of a time") + (i in (1, 2))]) for i, p in enumerate(parts)]
    ms = calendar.to_milliseconds(numbers)
    return math.nan if ms[0] == NA_INT64 else float(ms[0])


#: Letters of Java's date patterns as strptime directives, longest first.
_JAVA = (
    ("yyyy", "%Y"), ("yy", "%y"), ("MMMM", "%B"), ("MMM", "%b"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("hh", "%I"),
    ("mm", "%M"), ("ss", "%S"), ("SSS", "%f"), ("EEEE", "%A"), ("EEE", "%a"), ("aa", "%p"), ("a", "%p"), ("Z", "%z"),
    ("y", "%Y"), ("M", "%m"), ("d", "%d"), ("H", "%H"), ("h", "%I"), ("m", "%M"), ("s", "%S"),
)  # fmt: skip


def strptime_format(text: str) -> str:
    """A format with percent signs as it is; a Java pattern translated."""
    if "%" in text:
        return text
    out, i = [], 0
    while i < len(text):
        for letters, directive in _JAVA:
            if text.startswith(letters, i):
                out.append(directive)
                i += len(letters)
                break
        else:
            out.append(text[i])
            i += 1
    return "".join(out)


def _check_format(form: str) -> None:
    """Refuse a format that no text can follow.

    Raises
    ------
    BadRequestError
        A part stands there twice, or is unknown.
    """
    try:
        datetime.strptime("", form)
    except re.error as e:
        raise BadRequestError(f"as.Date: the format '{form}' names a part of a time twice; each may stand there once.") from e
    except ValueError as e:
        if "directive" in str(e) or "stray" in str(e):
            raise BadRequestError(f"as.Date: the format '{form}' is not understood: {e}.") from e


def _parse_time(text: str, form: str, zone: str) -> int:
    try:
        found = datetime.strptime(text, form)
    except ValueError as e:
        raise ApiError(f"as.Date: '{text}' does not follow the format '{form}'.", status=500) from e
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    ms = int((found.replace(tzinfo=found.tzinfo or UTC) - epoch).total_seconds() * 1000)
    return ms if found.tzinfo else int(calendar.to_utc(np.array([ms]), zone)[0])


@blockwise
def _parse_texts(block: Block, params: dict[str, Any]) -> None:
    known: dict[str, int] = {}
    out: NDArray[np.float64] = np.full(block.n_rows, np.nan)
    for i, s in enumerate(block.strings(0)):
        if s is not None:
            if s not in known:
                known[s] = _parse_time(s, params["form"], params["zone"])
            out[i] = known[s]
    block.write(0, out)


@blockwise
def _lookup(block: Block, params: dict[str, Any]) -> None:
    block.write(0, np.append(params["table"], np.nan)[block.codes(0)])


@family("as.Date", "col format", "Milliseconds of texts written in a format, in the cloud's time zone.")
def as_date(env: Env, col: Any, form: Any) -> Frame:
    vec, text = args.one_column(col, "argument of as.Date"), strptime_format(args.as_string(form, "format"))
    _check_format(text)
    zone = calendar.get_time_zone(env.node)
    if vec.type == "string":
        out = map_vecs(env.node, _parse_texts, [vec], [OutputSpec("time")], form=text, zone=zone)
    elif vec.type == "enum":
        table = np.array([_parse_time(level, text, zone) for level in vec.domain or ()], dtype=np.float64)
        out = map_vecs(env.node, _lookup, [vec], [OutputSpec("time")], table=table)
    else:
        raise BadRequestError(f"as.Date needs a string or enum column, found a {vec.type} column.")
    return Frame("", col.names, out)


# -- time zone ------------------------------------------------------------------------------------------------------------


@family("getTimeZone", "", "The time zone of the cloud.")
def get_time_zone(env: Env) -> str:
    return calendar.get_time_zone(env.node)


@family("setTimeZone", "tz", "Set the time zone of the cloud.")
def set_time_zone(env: Env, tz: Any) -> str:
    name = args.as_string(tz, "time zone")
    calendar.set_time_zone(env.node, name)
    return name


@family("listTimeZones", "", "All known time zones with their standard offsets, after a line of headings.")
def list_time_zones(env: Env) -> Frame:
    zones = calendar.time_zone_lines()
    return Frame("", ("Timezones",), (env.node.frames.vec_of(range(len(zones)), "enum", zones),))

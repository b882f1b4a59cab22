"""Rows of Python values to columns: for formats whose readers give values one by one (AVRO, XLS, XLSX)."""

from __future__ import annotations

import datetime as dt
import decimal
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from h2ok.ext.parsers.columns import Columns
from h2ok.ext.parsers.csv.guess import is_number
from h2ok.ext.parsers.times import parse_times
from h2ok.kernel import NA_INT64, Chunk
from h2ok.kernel.frame.newchunk import encode_int64, encode_numbers, encode_strings, encode_uuids
from numpy.typing import NDArray

__all__ = ["columns_of_values", "pass_int64", "text_of"]

#: Milliseconds that are no time: they do not fit into 64 bits. NaN is not below it either.
_PAST_TIMES = 2.0**63
#: Whole numbers up to it, and not beyond, are doubles.
_EXACT = 2**53
_EPOCH, _MILLISECOND = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.timedelta(milliseconds=1)


def columns_of_values(columns: Sequence[Sequence[Any]], types: Sequence[str], n_rows: int) -> Columns:
    """Columns of values (None: missing) as the given types of ParseSetup."""
    out = Columns(n_rows, [None] * len(types), [None] * len(types), [None] * len(types))
    for j, (values, kind) in enumerate(zip(columns, types, strict=True)):
        if kind == "Enum":
            index: dict[str, int] = {}
            texts = (text_of(v) for v in values)
            codes = [-1 if t is None else index.setdefault(t, len(index)) for t in texts]
            out.codes[j], out.levels[j] = np.array(codes, dtype=np.int32), list(index)
        elif kind == "Time":
            out.chunks[j] = encode_int64(_times(values))
        elif kind == "String":
            out.chunks[j] = encode_strings([text_of(v) for v in values])
        elif kind == "UUID":
            out.chunks[j] = encode_uuids(t if (t := text_of(v)) is not None and len(t) == 36 else None for v in values)
        elif kind == "Bad":
            out.chunks[j] = encode_numbers(np.full(n_rows, np.nan))
        else:
            out.chunks[j] = _numbers(values)
    return out


def text_of(value: Any) -> str | None:
    """A value as the text of a level; whole numbers without a point."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2.0**53 else None if math.isnan(value) else repr(value)
    return str(value)


def _numbers(values: Sequence[Any]) -> Chunk:
    """A chunk of numbers; whole ones that a double would round are kept as int64 where all of the column are."""
    if any(_is_exact(v) and abs(v) > _EXACT for v in values):
        whole = _whole_numbers(values)
        if whole is not None:
            return encode_int64(whole)
    return encode_numbers(np.array([_number(v) for v in values], dtype=np.float64))


def _whole_numbers(values: Sequence[Any]) -> NDArray[np.int64] | None:
    """Whole numbers of 64 bits with NA as the smallest; None when some value is none."""
    out = np.full(len(values), NA_INT64, dtype=np.int64)
    for i, v in enumerate(values):
        if v is None:
            continue
        if not _is_exact(v) or abs(v) >= _PAST_TIMES or v != int(v):
            return None
        out[i] = int(v)
    return out


def pass_int64(values: Sequence[Any]) -> bool:
    """Whether some whole number has no place in int64."""
    return any(_is_exact(v) and abs(v) >= _PAST_TIMES for v in values)


def _is_exact(value: Any) -> bool:
    """Whether it has digits that are all its own, as floats have not."""
    return isinstance(value, int) or (isinstance(value, decimal.Decimal) and value.is_finite())


def _number(value: Any) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, (int, float, decimal.Decimal)):
        return float(value)
    if isinstance(value, (dt.date, dt.time, dt.timedelta)):
        return float(_ms(value))
    text = text_of(value) or ""
    return float(text) if is_number(text) and text.lstrip("$")[-1:].isdigit() and not text.startswith("$") else float("nan")


def _times(values: Sequence[Any]) -> Any:
    out = np.full(len(values), NA_INT64, dtype=np.int64)
    texts: list[tuple[int, str]] = []
    for i, v in enumerate(values):
        if isinstance(v, (dt.date, dt.time, dt.timedelta)):
            out[i] = _ms(v)
        elif isinstance(v, str):
            texts.append((i, v))
        elif isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < _PAST_TIMES:
            out[i] = int(v)
    if texts:
        out[[i for i, _ in texts]] = parse_times([t for _, t in texts])
    return out


def _ms(value: dt.date | dt.time | dt.timedelta) -> int:
    """Milliseconds of a duration, since midnight or since the epoch; what is smaller is cut, as everywhere."""
    if isinstance(value, dt.timedelta):
        return value // _MILLISECOND
    if isinstance(value, dt.time):
        return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    at = value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)
    return (at - _EPOCH) // _MILLISECOND

"""Reading one block of lines into columns: pyarrow where it agrees with H2O's rules, plain Python for what it refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.parsers.columns import Columns
from h2ok.ext.parsers.csv.guess import is_number
from h2ok.ext.parsers.csv.tokens import Dialect, split_lines, split_tokens
from h2ok.ext.parsers.times import parse_times
from h2ok.kernel import Chunk
from h2ok.kernel.frame.newchunk import encode_int64, encode_numbers, encode_string_buffers, encode_strings, encode_uuids
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["Layout", "read_block"]

_NUMERIC_NULLS = ["", "NA", "na", "N/A", "n/a", "NaN", "nan", "null", "NULL", "?"]


@wire_type("csv.layout")
@dataclass(frozen=True, slots=True)
class Layout:
    """What a block is read as.

    ``types`` of the file's columns (Numeric, Enum, String, Time, UUID, Bad), their ``na`` texts, and the positions to ``keep``.
    """

    separator: str
    quote: str
    escape: str
    comments: str
    types: tuple[str, ...]
    keep: tuple[int, ...]
    na: tuple[tuple[str, ...], ...]
    #: Time zone of time texts.
    zone: str = "UTC"

    @property
    def dialect(self) -> Dialect:
        return Dialect(self.separator, self.quote, self.escape, self.comments)


def read_block(data: bytes, layout: Layout) -> Columns:
    """Columns of the whole lines in ``data`` (no header line)."""
    data = _without_leading_blanks(_without_comments(data, layout.comments), layout)
    if not data.strip():
        return _empty(layout)
    table = _arrow_columns(data, layout) if layout.separator != " " and b"\r\r" not in data else None
    if table is None:
        table = _python_columns(data, layout)
    n_rows = len(table[0]) if table else 0
    out = Columns(n_rows, [], [], [])
    for j, column in zip(layout.keep, table, strict=True):
        _append(out, layout.types[j], column, layout.na[j], layout.zone)
    return out


def _empty(layout: Layout) -> Columns:
    return Columns(
        0,
        [None if layout.types[j] == "Enum" else encode_numbers(np.empty(0)) for j in layout.keep],
        [np.empty(0, dtype=np.int32) if layout.types[j] == "Enum" else None for j in layout.keep],
        [[] if layout.types[j] == "Enum" else None for j in layout.keep],
    )


def _without_comments(data: bytes, marks: str) -> bytes:
    starts = [m.encode() for m in marks]
    if not any(data.startswith(m) or b"\n" + m in data for m in starts):
        return data
    return b"".join(line for line in data.splitlines(keepends=True) if not line.lstrip().startswith(tuple(starts)))


def _without_leading_blanks(data: bytes, layout: Layout) -> bytes:
    """Blanks after separators dropped, as H2O does for cells without quotes; blocks with quotes are left as they are."""
    gap = layout.separator.encode() + b" "
    if layout.separator == " " or gap not in data or layout.quote.encode() in data:
        return data
    return re.sub(re.escape(layout.separator.encode()) + b" +", layout.separator.encode(), data)


# -- tokenising ------------------------------------------------------------------------------------------------------


def _arrow_columns(data: bytes, layout: Layout) -> list[Any] | None:
    """Arrow arrays of the kept columns, None when pyarrow refuses the block (ragged lines, odd quotes)."""
    import pyarrow as pa

    numeric = [j for j in layout.keep if layout.types[j] == "Numeric" and not layout.na[j]]
    chosen = set(numeric)
    other = [j for j in layout.keep if j not in chosen]
    found: dict[int, Any] = {}
    try:
        if not other:
            found = _arrow_read(data, layout, numeric)
        else:
            try:
                found = _arrow_read(data, layout, [*numeric, *other], text_nulls=True)
            except pa.ArrowInvalid as e:
                if "conversion error" not in str(e):
                    raise
                found = _arrow_read(data, layout, other, text_nulls=True) | _arrow_numbers(data, layout, numeric)
    except pa.ArrowInvalid as e:
        if not other and "conversion error" in str(e):
            found = _arrow_numbers(data, layout, numeric)
        else:
            return None
    return [found[j] for j in layout.keep]


def _arrow_numbers(data: bytes, layout: Layout, columns: list[int]) -> dict[int, Any]:
    """Numeric columns with the usual NA words; those with other text are read as text and converted leniently."""
    import pyarrow as pa

    try:
        return _arrow_read(data, layout, columns)
    except pa.ArrowInvalid as e:
        if "conversion error" not in str(e):
            raise
        return _arrow_read(data, layout, columns, text_nulls=True, as_text=True)


def _arrow_read(
    data: bytes, layout: Layout, columns: list[int], *, text_nulls: bool = False, as_text: bool = False
) -> dict[int, Any]:
    import pyarrow as pa
    from pyarrow import csv

    names = [str(j) for j in range(len(layout.types))]
    types = {}
    for j in columns:
        kind = layout.types[j]
        if kind == "Numeric" and not layout.na[j] and not as_text:
            types[names[j]] = pa.float64()
        elif kind in ("Enum", "Time"):
            types[names[j]] = pa.dictionary(pa.int32(), pa.binary())
        else:
            types[names[j]] = pa.binary()
    table = csv.read_csv(
        pa.py_buffer(data),
        read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
        parse_options=csv.ParseOptions(
            delimiter=layout.separator,
            quote_char=layout.quote or False,
            escape_char=layout.escape or False,
            newlines_in_values=bool(layout.quote) and layout.quote.encode() in data,
        ),
        convert_options=csv.ConvertOptions(
            column_types=types,
            include_columns=[names[j] for j in columns],
            null_values=[""] if text_nulls else _NUMERIC_NULLS,
            strings_can_be_null=True,
            quoted_strings_can_be_null=not text_nulls,
            check_utf8=False,
        ),
    )
    return {j: table.column(k).combine_chunks() for k, j in enumerate(columns)} if columns else {}


def _python_columns(data: bytes, layout: Layout) -> list[list[str | None]]:
    """Cells of the kept columns as text, None where missing; short lines end in missing cells, long lines are cut."""
    dialect = layout.dialect
    rows = [split_tokens(line, dialect) for line in split_lines(data.decode("utf-8", "replace"), dialect)]
    return [[(r[j].text if j < len(r) and (r[j].text or r[j].quoted) else None) for r in rows] for j in layout.keep]


# -- converting ------------------------------------------------------------------------------------------------------


def _append(out: Columns, kind: str, column: Any, na: tuple[str, ...], zone: str) -> None:
    chunk: Chunk | None = None
    codes: NDArray[np.int32] | None = None
    levels: list[str] | None = None
    if kind == "Enum":
        codes, levels = _codes(column, na)
    elif kind == "Numeric":
        chunk = encode_numbers(_numbers(column, na))
    elif kind == "Time":
        chunk = encode_int64(_times(column, na, zone))
    elif kind == "UUID":
        chunk = encode_uuids(_uuid_or_none(t) for t in _texts(column, na))
    elif kind == "String":
        chunk = _string_chunk(column, na)
    else:
        chunk = encode_numbers(np.full(out.n_rows, np.nan))
    out.chunks.append(chunk)
    out.codes.append(codes)
    out.levels.append(levels)


def _texts(column: Any, na: tuple[str, ...]) -> list[str | None]:
    if not isinstance(column, list):
        column = [None if v is None else v.decode("utf-8", "replace") for v in column.to_pylist()]
    return [None if v is None or v in na else v for v in column] if na else column


def _numbers(column: Any, na: tuple[str, ...]) -> NDArray[np.float64]:
    if not isinstance(column, list) and str(column.type) == "double":
        out: NDArray[np.float64] = column.to_numpy(zero_copy_only=False)
        return out
    texts = _texts(column, na)
    return np.fromiter((float("nan") if t is None or not is_number(t.strip()) else float(t) for t in texts), np.float64, len(texts))


def _codes(column: Any, na: tuple[str, ...]) -> tuple[NDArray[np.int32], list[str]]:
    if isinstance(column, list):
        index: dict[str, int] = {}
        codes = np.fromiter((-1 if t is None else index.setdefault(t, len(index)) for t in column), np.int32, len(column))
        levels = list(index)
    else:
        codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        levels = [v.decode("utf-8", "replace") for v in column.dictionary.to_pylist()]
    return _merge_levels(
        codes, [t.strip(" ") if not t.isspace() else t for t in levels] if isinstance(column, list) else levels, na
    )


def _merge_levels(codes: NDArray[np.int32], levels: list[str], na: tuple[str, ...]) -> tuple[NDArray[np.int32], list[str]]:
    """Levels without duplicates (different bytes may decode to one text) and without NA texts."""
    if len(set(levels)) == len(levels) and not any(t in na for t in levels):
        return codes, levels
    final: dict[str, int] = {}
    remap = np.array([-1 if t in na else final.setdefault(t, len(final)) for t in levels] + [-1], dtype=np.int32)
    return remap[codes], list(final)


def _times(column: Any, na: tuple[str, ...], zone: str) -> NDArray[np.int64]:
    if isinstance(column, list):
        return parse_times(_texts(column, na), zone)
    codes, levels = _codes(column, na)
    values = np.append(parse_times(levels, zone), np.iinfo(np.int64).min)
    return values[codes]


def _string_chunk(column: Any, na: tuple[str, ...]) -> Chunk:
    if isinstance(column, list) or na:
        return encode_strings(_texts(column, na))
    _, offsets_buffer, data_buffer = column.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer is not None else np.empty(0, dtype=np.uint8)
    data = data[int(offsets[0]) : int(offsets[-1])]
    missing = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
    return encode_string_buffers(offsets - offsets[0], data.copy(), missing)


def _uuid_or_none(text: str | None) -> str | None:
    return text if text is not None and len(text) == 36 and text.count("-") == 4 else None

"""Reading one block of lines into columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.parsers.columns import Columns
from h2ok.ext.parsers.csv.cells import Cells, Pieces, read_cells
from h2ok.ext.parsers.csv.scratch import Scratch
from h2ok.ext.parsers.csv.tokens import Dialect
from h2ok.ext.parsers.times import iso_times, parse_times
from h2ok.kernel import NA_INT64, Chunk
from h2ok.kernel.frame.newchunk import encode_int64, encode_numbers, encode_string_buffers, encode_strings, encode_uuids
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["Layout", "number_of", "read_block"]

#: Types whose cells are read once for each level of a block.
_CODED = ("Enum", "Numeric", "Time")


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


def read_block(data: Pieces, layout: Layout, *, header: bool = False, scratch: Scratch | None = None) -> Columns:
    """Columns of the whole lines in ``data``; with ``header`` the first line is left out. ``scratch`` is free again afterwards."""
    as_numbers = [k for k, j in enumerate(layout.keep) if layout.types[j] == "Numeric" and not _numbers_in(layout.na[j])]
    done = set(as_numbers)
    as_codes = [k for k, j in enumerate(layout.keep) if layout.types[j] in _CODED and k not in done]
    done.update(as_codes)
    number_columns, code_columns = ([layout.keep[k] for k in ks] for ks in (as_numbers, as_codes))
    found = read_cells(data, layout.dialect, int(header), number_columns, code_columns, scratch)
    n = len(layout.keep)
    out = Columns(found.cells.n_rows, [None] * n, [None] * n, [None] * n)
    for i, k in enumerate(as_numbers):
        out.chunks[k] = encode_numbers(found.numbers[i])
    for (codes, levels), k in zip(found.codes, as_codes, strict=True):
        _read_coded(out, k, found.cells, codes, levels, layout)
    for k, j in enumerate(layout.keep):
        if k not in done:
            out.chunks[k] = _read_texts(found.cells, j, layout)
    return out


def _numbers_in(na: tuple[str, ...]) -> bool:
    """Whether texts for missing values look like numbers; others are none in a numeric column anyway."""
    return any(any(c in "0123456789" or c in "infINF" for c in t) for t in na)


def number_of(cells: Cells, levels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Numbers of some cells, NaN where there is none."""
    one = Cells(
        cells.data, cells.starts[levels], cells.stops[levels], cells.kinds[levels], np.arange(len(levels) + 1), len(levels), 0
    )
    found: NDArray[np.float64] = one.numbers(np.zeros(1, dtype=np.int64))[0][0]
    return found


def _read_coded(out: Columns, k: int, cells: Cells, codes: NDArray[np.int32], levels: NDArray[np.int64], layout: Layout) -> None:
    """Column ``k`` of what is read level by level."""
    j = layout.keep[k]
    kind, na = layout.types[j], layout.na[j]
    texts = cells.texts_of(levels)
    if kind == "Enum":
        out.codes[k], out.levels[k] = _merge_levels(codes, texts, na)
    elif kind == "Numeric":
        values = np.where([t in na for t in texts], np.nan, number_of(cells, levels)) if texts else np.empty(0)
        out.chunks[k] = encode_numbers(np.append(values, np.nan)[codes])
    else:
        out.chunks[k] = encode_int64(_times(cells, codes, levels, texts, na, layout.zone))


def _read_texts(cells: Cells, column: int, layout: Layout) -> Chunk:
    """A column of text, UUIDs or nothing."""
    kind, na = layout.types[column], layout.na[column]
    if kind == "UUID":
        return encode_uuids(_uuid_or_none(t) for t in _texts(cells, column, na))
    return _string_chunk(cells, column, na) if kind == "String" else encode_numbers(np.full(cells.n_rows, np.nan))


def _texts(cells: Cells, column: int, na: tuple[str, ...]) -> list[str | None]:
    found = cells.column_cells(column)
    texts = iter(cells.texts_of(found[found >= 0]))
    out = [next(texts) if there else None for there in (found >= 0).tolist()]
    return [None if t in na else t for t in out] if na else out


def _merge_levels(codes: NDArray[np.int32], levels: list[str], na: tuple[str, ...]) -> tuple[NDArray[Any], list[str]]:
    """Levels without duplicates (different bytes may decode to one text) and without NA texts."""
    if len(set(levels)) == len(levels) and not (na and any(t in na for t in levels)):
        return codes.astype(_code_type(len(levels))), levels
    final: dict[str, int] = {}
    remap = np.array([-1 if t in na else final.setdefault(t, len(final)) for t in levels] + [-1], dtype=np.int32)
    return remap[codes].astype(_code_type(len(final))), list(final)


def _code_type(n_levels: int) -> type[np.signedinteger[Any]]:
    """The narrowest type of codes, which wait in memory until the levels of all blocks are known."""
    return np.int8 if n_levels < 1 << 7 else np.int16 if n_levels < 1 << 15 else np.int32


def _times(
    cells: Cells, codes: NDArray[np.int32], levels: NDArray[np.int64], texts: list[str], na: tuple[str, ...], zone: str
) -> NDArray[np.int64]:
    """H2O: a plain number in a time column is milliseconds already."""
    if not texts:
        return np.full(cells.n_rows, NA_INT64, dtype=np.int64)
    values = iso_times(*cells.packed(levels), zone)
    values[[t in na for t in texts]] = NA_INT64
    rest = np.flatnonzero(values == NA_INT64)
    values[rest] = parse_times([None if texts[i] in na else texts[i] for i in rest.tolist()], zone)
    unknown = rest[values[rest] == NA_INT64]
    if len(unknown):
        numbers = number_of(cells, levels[unknown])
        numbers[[texts[i] in na for i in unknown.tolist()]] = np.nan
        good = ~np.isnan(numbers) & (np.abs(numbers) < 2.0**62)
        values[unknown[good]] = numbers[good].astype(np.int64)
    return np.append(values, NA_INT64)[codes]


def _string_chunk(cells: Cells, column: int, na: tuple[str, ...]) -> Chunk:
    found = cells.column_cells(column)
    offsets, data = cells.packed(found)
    if na or not _is_utf8(data):
        return encode_strings(_texts(cells, column, na))
    return encode_string_buffers(offsets, data, found < 0)


def _is_utf8(data: NDArray[np.uint8]) -> bool:
    if not len(data) or int(data.max()) < 128:
        return True
    try:
        data.tobytes().decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _uuid_or_none(text: str | None) -> str | None:
    return text if text is not None and len(text) == 36 and text.count("-") == 4 and _is_hex(text.replace("-", "")) else None


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in text)

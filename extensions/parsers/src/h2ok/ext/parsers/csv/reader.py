"""Reading one block of lines into columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.ext.parsers.columns import Columns
from h2ok.ext.parsers.csv.cells import Cells, cut_cells
from h2ok.ext.parsers.csv.tokens import Dialect
from h2ok.ext.parsers.times import parse_times
from h2ok.kernel import NA_INT64, Chunk
from h2ok.kernel.frame.newchunk import encode_int64, encode_numbers, encode_string_buffers, encode_strings, encode_uuids
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["Layout", "number_of", "read_block"]


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


def read_block(data: bytes, layout: Layout, *, header: bool = False) -> Columns:
    """Columns of the whole lines in ``data``; with ``header`` the first line is left out."""
    cells = cut_cells(data, layout.dialect)
    if header:
        cells = cells.without_first_row()
    out = Columns(cells.n_rows, [None] * len(layout.keep), [None] * len(layout.keep), [None] * len(layout.keep))
    plain = [k for k, j in enumerate(layout.keep) if layout.types[j] == "Numeric" and not layout.na[j]]
    if plain:
        numbers, _ = cells.numbers(np.array([layout.keep[k] for k in plain], dtype=np.int64))
        for i, k in enumerate(plain):
            out.chunks[k] = encode_numbers(numbers[i])
    done = set(plain)
    for k, j in enumerate(layout.keep):
        if k not in done:
            _read_column(out, k, cells, j, layout)
    return out


def number_of(cells: Cells, levels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Numbers of some cells, NaN where there is none."""
    one = Cells(
        cells.data, cells.starts[levels], cells.stops[levels], cells.kinds[levels], np.arange(len(levels) + 1), len(levels), 0
    )
    found: NDArray[np.float64] = one.numbers(np.zeros(1, dtype=np.int64))[0][0]
    return found


def _read_column(out: Columns, k: int, cells: Cells, j: int, layout: Layout) -> None:
    kind, na = layout.types[j], layout.na[j]
    if kind == "Enum":
        codes, levels = cells.codes(j)
        out.codes[k], out.levels[k] = _merge_levels(codes, cells.texts_of(levels), na)
    elif kind == "Numeric":
        codes, levels = cells.codes(j)
        texts = cells.texts_of(levels)
        values = np.where([t in na for t in texts], np.nan, number_of(cells, levels)) if texts else np.empty(0)
        out.chunks[k] = encode_numbers(np.append(values, np.nan)[codes])
    elif kind == "Time":
        out.chunks[k] = encode_int64(_times(cells, j, na, layout.zone))
    elif kind == "UUID":
        out.chunks[k] = encode_uuids(_uuid_or_none(t) for t in _texts(cells, j, na))
    elif kind == "String":
        out.chunks[k] = _string_chunk(cells, j, na)
    else:
        out.chunks[k] = encode_numbers(np.full(cells.n_rows, np.nan))


def _texts(cells: Cells, column: int, na: tuple[str, ...]) -> list[str | None]:
    found = cells.column_cells(column)
    texts = iter(cells.texts_of(found[found >= 0]))
    out = [next(texts) if there else None for there in (found >= 0).tolist()]
    return [None if t in na else t for t in out] if na else out


def _merge_levels(codes: NDArray[np.int32], levels: list[str], na: tuple[str, ...]) -> tuple[NDArray[np.int32], list[str]]:
    """Levels without duplicates (different bytes may decode to one text) and without NA texts."""
    if len(set(levels)) == len(levels) and not (na and any(t in na for t in levels)):
        return codes, levels
    final: dict[str, int] = {}
    remap = np.array([-1 if t in na else final.setdefault(t, len(final)) for t in levels] + [-1], dtype=np.int32)
    return remap[codes], list(final)


def _times(cells: Cells, column: int, na: tuple[str, ...], zone: str) -> NDArray[np.int64]:
    """H2O: a plain number in a time column is milliseconds already."""
    codes, levels = cells.codes(column)
    if not len(levels):
        return np.full(cells.n_rows, NA_INT64, dtype=np.int64)
    texts = cells.texts_of(levels)
    values = parse_times([None if t in na else t for t in texts], zone)
    unknown = np.flatnonzero(values == NA_INT64)
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

"""Reading one block of lines into columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.ext.parsers.columns import ROUNDED, UNREAD, Columns, code_type
from h2ok.ext.parsers.csv.arff_rows import ArffRows
from h2ok.ext.parsers.csv.cells import SEEN, Cells, exact_number, read_cells
from h2ok.ext.parsers.csv.levels import LevelTable
from h2ok.ext.parsers.csv.scratch import Scratch
from h2ok.ext.parsers.csv.tokens import Dialect
from h2ok.ext.parsers.times import iso_times, patterned_times
from h2ok.kernel import NA_INT64, Chunk
from h2ok.kernel.frame.newchunk import Seen, encode_int64, encode_numbers, encode_string_buffers, encode_strings, encode_uuids
from h2ok.kernel.frame.numeric_encoder import MOST_DIGITS, is_sparse
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["Layout", "read_block"]

#: Types whose cells are read once for each level of a block.
_CODED = ("Enum", "Numeric", "Time")
_WIDE, _LARGE = SEEN.index("wide"), 2.0**53


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
    #: For each column of the file the pattern its times are written in; an empty one, or none at all, for the usual forms.
    patterns: tuple[str, ...] = ()
    #: What makes lines of CSV of the lines of a block.
    rows: ArffRows | None = None

    @property
    def line_quote(self) -> str:
        """The quote that may hold line ends."""
        return "" if self.rows is not None else self.quote

    @property
    def dialect(self) -> Dialect:
        return Dialect(self.separator, self.quote, self.escape, self.comments)


def read_block(
    text: NDArray[np.uint8], layout: Layout, *, header: bool = False, scratch: Scratch | None = None, session: str = ""
) -> Columns:
    """Columns of the whole lines in ``text``, which is changed; with ``header`` the first line is left out.

    ``scratch`` is free again afterwards. Blocks of one ``session`` share the levels that are met in ``scratch``.
    """
    scratch = scratch or Scratch()
    as_numbers = [k for k, j in enumerate(layout.keep) if layout.types[j] == "Numeric" and not _numbers_in(layout.na[j])]
    done = set(as_numbers)
    as_codes = [k for k, j in enumerate(layout.keep) if layout.types[j] in _CODED and k not in done]
    done.update(as_codes)
    number_columns, code_columns = ([layout.keep[k] for k in ks] for ks in (as_numbers, as_codes))
    tables = [scratch.table(session, j, layout.na[j]) for j in code_columns]
    told = [t.n for t in tables]
    n = len(layout.keep)
    texts = len(done) < n
    found = read_cells(text, layout.dialect, int(header), number_columns, code_columns, tables, scratch, keep=texts)
    out = Columns(found.cells.n_rows, [None] * n, [None] * n, [None] * n)
    for i, k in enumerate(as_numbers):
        large = found.whole.get(i)
        out.chunks[k] = encode_large(found.numbers[i], *large) if large else None
        if (large and out.chunks[k] is None) or found.seen[i, _WIDE]:
            out.notes.add((ROUNDED, k))
        if out.chunks[k] is None:
            out.chunks[k] = encode_seen(found.numbers[i], found.seen[i])
    for i, k in enumerate(as_codes):
        kind = layout.types[layout.keep[k]]
        if kind == "Enum":
            out.codes[k] = found.codes[i].astype(code_type(tables[i].n))
            out.levels[k] = tables[i].snapshot()
            out.fresh[k] = tables[i].known(told[i])
        else:
            out.chunks[k], note = _read_levels(kind, found.codes[i], tables[i], layout, layout.keep[k])
            if note:
                out.notes.add((note, k))
    for k, j in enumerate(layout.keep):
        if k not in done:
            out.chunks[k] = _read_texts(found.cells, j, layout)
    return out


def _numbers_in(na: tuple[str, ...]) -> bool:
    """Whether texts for missing values look like numbers; others are none in a numeric column anyway."""
    return any(any(c in "0123456789" or c in "infINF" for c in t) for t in na)


def encode_seen(values: NDArray[np.float64], seen: NDArray[np.float64]) -> Chunk:
    """The chunk of float64[n] numbers of which ``SEEN`` is known."""
    known = dict(zip(SEEN, seen.tolist(), strict=True))
    lo, hi, n, places = known["lo"], known["hi"], len(values), int(known["places"])
    if known["unsure"] or lo >= hi or is_sparse(n, known["zeros"], lo, hi):
        return encode_numbers(values)
    has_na = known["missing"] > 0
    if known["other"]:
        plain = _needs_double(known["sample"])
        return encode_numbers(values, seen=Seen(lo, hi, has_na, False, plain=True) if plain else None)
    if (places and not known["full"]) or max(-lo, hi) * 10.0**places >= MOST_DIGITS:
        return encode_numbers(values)
    return encode_numbers(values, seen=Seen(lo, hi, has_na, False, places=places))


def _needs_double(value: float) -> bool:
    """Whether a number is neither a float nor written with up to five places."""
    with np.errstate(over="ignore"):
        return bool(np.float32(value) != value and np.rint(value * 1e5) / 1e5 != value)


def encode_large(values: NDArray[np.float64], rows: NDArray[np.int64], whole: NDArray[np.int64]) -> Chunk | None:
    """The chunk of float64[n] numbers of which those in some rows are known exactly.

    None when others are no whole numbers of at most 63 bits, so that only doubles can hold them all.
    """
    small = values.copy()
    small[rows] = 0
    missing = np.isnan(small)
    small[missing] = 0
    if (np.abs(small) > _LARGE).any() or (np.rint(small) != small).any():
        return None
    out = small.astype(np.int64)
    out[missing] = NA_INT64
    out[rows] = whole
    return encode_int64(out)


def _read_levels(kind: str, codes: NDArray[np.int32], table: LevelTable, layout: Layout, column: int) -> tuple[Chunk, str]:
    """A column of numbers or times whose levels are read, and what to tell of it."""
    if kind == "Numeric":
        values = table.values(lambda cells: np.append(_numbers_of(cells), np.nan), np.nan)
        exact = _large_levels(table, np.flatnonzero(np.abs(values) >= _LARGE))
        rows = np.flatnonzero(exact[codes])
        chunk = encode_large(values[codes], rows, exact[codes[rows]]) if len(rows) else None
        return chunk or encode_numbers(values[codes]), ROUNDED if len(rows) and chunk is None else ""

    from h2ok.kernel.frame.packing import encode_picked_int64

    pattern = layout.patterns[column] if layout.patterns else ""
    times = table.values(lambda cells: np.append(_times(cells, layout.zone, pattern), NA_INT64), NA_INT64)
    unread = pattern and any(
        t and t not in table.na for t in map(table.decoded().__getitem__, np.flatnonzero(times[:-1] == NA_INT64))
    )
    return encode_picked_int64(codes, times), UNREAD if unread else ""


def _large_levels(table: LevelTable, large: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64[n + 1]: of those levels that are large the whole numbers of at most 63 bits, 0 for all others."""
    out = np.zeros(table.n + 1, dtype=np.int64)
    for k in large.tolist():
        number = exact_number(table.decoded()[k])
        if number == number.to_integral_value() and abs(number) < 2**63:
            out[k] = int(number)
    return out


def _numbers_of(cells: Cells) -> NDArray[np.float64]:
    """Numbers of rows of one cell, NaN where there is none."""
    found: NDArray[np.float64] = cells.numbers(np.zeros(1, dtype=np.int64))[0][0]
    return found


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


def _times(cells: Cells, zone: str, pattern: str) -> NDArray[np.int64]:
    """Times of rows of one cell. H2O: a plain number in a time column is milliseconds already."""
    packed = cells.packed(np.arange(cells.n_rows))
    values = patterned_times(*packed, pattern, zone) if pattern else iso_times(*packed, zone)
    unknown = np.flatnonzero(values == NA_INT64)
    if len(unknown):
        numbers = _numbers_of(cells)[unknown]
        good = ~np.isnan(numbers) & (np.abs(numbers) < 2.0**62)
        values[unknown[good]] = numbers[good].astype(np.int64)
    return values


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

"""Cells: delimited bytes cut into rows and cells, and the columns made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
from h2ok.ext.parsers.csv.levels import LevelTable, decode_text
from h2ok.ext.parsers.csv.scratch import Scratch
from h2ok.ext.parsers.csv.tokens import Dialect, Token
from numpy.typing import NDArray

__all__ = ["SEEN", "Cells", "ReadCells", "cut_cells", "exact_number", "read_cells"]

#: What is noted of a column of numbers while it is read: least, greatest, missing, zeros, most places after the point, whether a
#: number with so many does not end in zero, whether one is not written with digits and up to five places, such a number, whether
#: one had to be read exactly, whether one is written with all its digits but does not fit into 64 bits.
SEEN = ("lo", "hi", "missing", "zeros", "places", "full", "other", "sample", "unsure", "wide")
_WIDE_AT = SEEN.index("wide")
_EMPTY, _QUOTED = 0, 2
_ALL_ROWS = 1 << 62
#: Bytes of text that are read at once.
_TILE = 1 << 18
_NO_FLAGS = np.empty((0, 0), dtype=np.bool_)


@dataclass(frozen=True)
class Cells:
    """Row r holds the cells ``row_starts[r] : row_starts[r + 1]``; cell k is ``data[starts[k] : stops[k]]``.

    ``stop`` is the position after the last row that was read.
    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int32]
    stops: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    row_starts: NDArray[np.int64]
    n_rows: int
    stop: int
    first_row: int = 0

    def without_first_row(self) -> Cells:
        """The same cells, the first row left out."""
        return replace(self, first_row=self.first_row + 1, n_rows=self.n_rows - 1) if self.n_rows else self

    def row(self, index: int) -> list[Token]:
        """The cells of a row as text."""
        a, b = self.row_starts[self.first_row + index : self.first_row + index + 2].tolist()
        return list(map(Token, self.texts_of(np.arange(a, b)), (self.kinds[a:b] == _QUOTED).tolist()))

    def width(self, index: int) -> int:
        """Number of cells of a row."""
        return int(self.row_starts[self.first_row + index + 1] - self.row_starts[self.first_row + index])

    def numbers(self, columns: NDArray[np.int64], *, classify: bool = False) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """float64[len(columns), n_rows] of numbers, NaN for everything else; with ``classify`` also what looks like a number."""
        from h2ok.ext.parsers.csv.numbers import parse_numbers

        out = np.empty((len(columns), self.n_rows))
        flags = np.empty(out.shape if classify else (0, 0), dtype=np.bool_)
        slow_cell, slow_at = np.empty(out.size, dtype=np.int64), np.empty(out.size, dtype=np.int64)
        n = parse_numbers(
            self.data, self.starts, self.stops, self.kinds, self.row_starts, self.first_row, self.first_row + self.n_rows,
            self.first_row, columns, out, flags, slow_cell, slow_at, 0,
        )  # fmt: skip
        self.correct(out, slow_cell[:n], slow_at[:n])
        return out, flags

    def codes(self, column: int, table: LevelTable) -> NDArray[np.int32]:
        """int32[n_rows] codes of a column into the levels of ``table``, -1 for nothing."""
        out = np.empty(self.n_rows, dtype=np.int32)
        cells = self.starts, self.stops, self.kinds, self.row_starts
        table.code(self.data, cells, (self.first_row, self.first_row + self.n_rows, self.first_row), column, out)
        return out

    def correct(self, numbers: NDArray[np.float64], cells: NDArray[np.int64], at: NDArray[np.int64]) -> None:
        """Put the exact numbers of some cells at positions ``at`` of ``numbers.ravel()``."""
        if len(cells):
            numbers.reshape(-1)[at] = self._exact_numbers(cells)

    def texts_of(self, cells: NDArray[np.int64]) -> list[str]:
        """Texts of some cells."""
        if not len(cells):
            return []
        offsets, data = self.packed(cells)
        # PERF: most text is ASCII, where characters are bytes.
        if int(data.max(initial=0)) < 128:
            whole = data.tobytes().decode("ascii")
            bounds = offsets.tolist()
            return [whole[a:b] for a, b in pairwise(bounds)]
        return [self._text(k) for k in cells.tolist()]

    def column_cells(self, column: int) -> NDArray[np.int64]:
        """int64[n_rows]: the cell of each row, -1 where there is nothing."""
        at = self.row_starts[self.first_row : self.first_row + self.n_rows] + column
        there = at < self.row_starts[self.first_row + 1 : self.first_row + self.n_rows + 1]
        there[there] = self.kinds[at[there]] != _EMPTY
        return np.where(there, at, -1)

    def packed(self, cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """(offsets, bytes) of some cells one after the other."""
        from h2ok.ext.parsers.csv.kernels import copy_text

        offsets = np.empty(len(cells) + 1, dtype=np.int64)
        copy_text(self.data, self.starts, self.stops, cells, offsets, np.empty(0, dtype=np.uint8))
        out = np.empty(int(offsets[-1]), dtype=np.uint8)
        if len(out):
            copy_text(self.data, self.starts, self.stops, cells, offsets, out)
        return offsets, out

    def _text(self, cell: int) -> str:
        return decode_text(self.data[self.starts[cell] : self.stops[cell]].tobytes())

    def _exact_numbers(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        import pyarrow as pa
        import pyarrow.compute as pc

        offsets, data = self.packed(cells)
        if not np.isin(data, _PLAIN_NUMBER).all():
            return np.array([_number_of(t) for t in self.texts_of(cells)])
        texts = pa.Array.from_buffers(pa.large_string(), len(cells), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
        try:
            out: NDArray[np.float64] = pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            return np.array([_number_of(t) for t in self.texts_of(cells)])
        return out


#: Bytes of numbers that need no care: digits, minus, point, e.
_PLAIN_NUMBER = np.frombuffer(b"0123456789-.eE", dtype=np.uint8)


def _number_of(text: str) -> float:
    body, percent = _body_of(text)
    return float(Decimal(body).scaleb(-2)) if percent else float(body)


def exact_number(text: str) -> Decimal:
    """The number a text stands for, as it is written."""
    body, percent = _body_of(text)
    return Decimal(body).scaleb(-2) if percent else Decimal(body)


def _body_of(text: str) -> tuple[str, bool]:
    """A number without signs of money and percent, and whether it is a percentage."""
    body = text.strip(" \t")
    percent = body.endswith("%")
    return body.removesuffix("%").strip(" \t").removeprefix("$"), percent


def cut_cells(data: bytes, dialect: Dialect, max_rows: int = _ALL_ROWS) -> Cells:
    """The rows and cells of bytes."""
    from h2ok.ext.parsers.csv.kernels import scan_cells, unescape

    # A copy: quotes are resolved in place.
    view = np.frombuffer(data, dtype=np.uint8).copy()
    arrays = _cell_arrays(len(data), Scratch())
    sep, quote, escape, marks = _bytes_of(dialect)
    rows, used, raw, stop = scan_cells(view, 0, len(data), sep, quote, escape, marks, *arrays, 0, 0, max_rows)
    if raw:
        unescape(view, *arrays[:3], 0, used, quote, escape)
    return Cells(view, *arrays, rows, stop)


@dataclass(frozen=True)
class ReadCells:
    """The cells of a block: float64[k, n_rows] of some columns, what was seen of them, and int32[m, n_rows] codes of others.

    ``seen`` is float64[k, len(SEEN)]. ``whole`` holds the whole numbers of 54 to 63 bits exactly, for the columns that have any:
    int64[j] rows and int64[j] numbers.
    """

    cells: Cells
    numbers: NDArray[np.float64]
    seen: NDArray[np.float64]
    codes: NDArray[np.int32]
    whole: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]


def read_cells(
    text: NDArray[np.uint8],
    dialect: Dialect,
    skip: int,
    numbers: Sequence[int],
    codes: Sequence[int],
    tables: Sequence[LevelTable],
    scratch: Scratch | None = None,
    *,
    keep: bool = True,
) -> ReadCells:
    """As ``cut_cells`` without the first ``skip`` rows, ``Cells.numbers`` and ``Cells.codes``, in one pass over the bytes.

    PERF: text goes in tiles that stay in the processor's cache while cells are cut and read. Without ``keep`` the cells of a tile
    take the place of those before, so that they stay there too; of the cells that are returned only the number counts then.
    What is returned lies in ``scratch``: it is good until that is used again. Quotes are resolved in place, in ``text``.
    """
    from h2ok.ext.parsers.csv.kernels import count_marks, unescape
    from h2ok.ext.parsers.csv.lines import cut_lines
    from h2ok.ext.parsers.csv.numbers import parse_seen

    scratch = scratch or Scratch()
    sep, quote, escape, marks = _bytes_of(dialect)
    room = max(count_marks(text, 0)[0] + 1 - skip, 0)
    arrays = _cell_arrays(len(text), scratch)
    values = scratch.array("numbers", (len(numbers), room), np.float64)
    slow = scratch.array("slow", (2, values.size), np.int64)
    whole = scratch.array("whole", (2, values.size), np.int64)
    coded = scratch.array("codes", (len(codes), room), np.int32)
    number_columns, seen = np.array(numbers, dtype=np.int64), np.zeros((len(numbers), len(SEEN)))
    seen[:, 0], seen[:, 1] = np.inf, -np.inf
    arrays[3][0] = at = rows = n_cells = n_slow = n_whole = 0
    gone = 0
    while at < len(text):
        if not keep:
            gone, rows, n_cells = gone + rows, 0, 0
        # The row of the arrays that is the first one of the result; below zero when its place is taken already.
        first, before, cell = skip - gone, rows, n_cells
        rows, n_cells, raw, at = cut_lines(text, at, at + _TILE, sep, quote, escape, marks, *arrays, rows, n_cells)
        if raw:
            unescape(text, *arrays[:3], cell, n_cells, quote, escape)
        before = max(before, first)
        if numbers:
            n_slow, n_whole = parse_seen(
                text, *arrays, before, rows, first, number_columns, values, seen, *slow, n_slow, *whole, n_whole
            )
        for table, column, out in zip(tables, codes, coded, strict=True):
            table.code(text, arrays, (before, rows, first), column, out)
        if not keep:
            _correct(Cells(text, *arrays, rows, at), values, seen, slow[:, :n_slow])
            n_slow = 0
    rows += gone
    skip = min(skip, rows)
    cells = Cells(text, *arrays, rows - skip, len(text), skip)
    _correct(cells, values, seen, slow[:, :n_slow])
    exact = _by_column(whole[0, :n_whole], whole[1, :n_whole], room)
    return ReadCells(cells, values[:, : cells.n_rows], seen, coded[:, : cells.n_rows], exact)


def _correct(cells: Cells, values: NDArray[np.float64], seen: NDArray[np.float64], slow: NDArray[np.int64]) -> None:
    """Read the numbers that were left out; those that do not fit into 64 bits are noted."""
    cells.correct(values, slow[0], slow[1])
    if slow.shape[1]:
        large = np.abs(values.reshape(-1)[slow[1]]) >= 2.0**63
        seen[np.unique(slow[1][large] // values.shape[1]), _WIDE_AT] = 1


def _by_column(
    whole: NDArray[np.int64], at: NDArray[np.int64], room: int
) -> dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    columns = at // room if len(at) else at
    return {int(k): (at[columns == k] % room, whole[columns == k]) for k in np.unique(columns)}


def _bytes_of(dialect: Dialect) -> tuple[int, int, int, NDArray[np.uint8]]:
    marks = np.frombuffer(dialect.comments.encode("latin-1", "ignore"), dtype=np.uint8)
    return (
        ord(dialect.separator),
        ord(dialect.quote) if dialect.quote else 0,
        ord(dialect.escape) if dialect.escape else 0,
        marks,
    )


def _cell_arrays(n_bytes: int, scratch: Scratch) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Room for the cells of so many bytes: every cell and row ends with a byte of its own."""
    # Those of plain lines are written eight at a time.
    n = n_bytes + 32
    return (
        scratch.array("starts", n, np.int32), scratch.array("stops", n, np.int32),
        scratch.array("kinds", n, np.uint8), scratch.array("rows", n, np.int64),
    )  # fmt: skip

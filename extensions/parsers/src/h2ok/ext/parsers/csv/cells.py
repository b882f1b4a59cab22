"""Cells: delimited bytes cut into rows and cells, and the columns made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from h2ok.ext.parsers.csv.tokens import Dialect, Token
from numpy.typing import NDArray

__all__ = ["Cells", "cut_cells", "decode_text"]

_EMPTY, _QUOTED = 0, 2
_ALL_ROWS = 1 << 62


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
        return [Token(self._text(k), bool(self.kinds[k] == _QUOTED)) for k in range(a, b)]

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
            self.data, self.starts, self.stops, self.kinds, self.row_starts, self.first_row, columns, out, flags, slow_cell, slow_at
        )
        if n:
            out.reshape(-1)[slow_at[:n]] = self._exact_numbers(slow_cell[:n])
        return out, flags

    def codes(self, column: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """(int32[n_rows] codes in order of appearance with -1 for nothing, the first cell of each level)."""
        from h2ok.ext.parsers.csv.kernels import find_codes

        codes = np.empty(self.n_rows, dtype=np.int32)
        cells = np.empty(self.n_rows, dtype=np.int64)
        n = find_codes(self.data, self.starts, self.stops, self.kinds, self.row_starts, self.first_row, column, codes, cells)
        return codes, cells[:n]

    def texts_of(self, cells: NDArray[np.int64]) -> list[str]:
        """Texts of some cells."""
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
    body = text.strip(" \t")
    percent = body.endswith("%")
    body = body.removesuffix("%").strip(" \t").removeprefix("$")
    return float(Decimal(body).scaleb(-2)) if percent else float(body)


def cut_cells(data: bytes, dialect: Dialect, max_rows: int = _ALL_ROWS) -> Cells:
    """The rows and cells of bytes."""
    from h2ok.ext.parsers.csv.kernels import scan_cells, unescape

    view = np.frombuffer(data, dtype=np.uint8)
    sep = ord(dialect.separator)
    # PERF: every cell ends with a byte of its own; pages that are never written cost nothing, counting first does.
    n_cells = len(data) + 2
    starts, stops = np.empty(n_cells, dtype=np.int32), np.empty(n_cells, dtype=np.int32)
    kinds = np.empty(n_cells, dtype=np.uint8)
    row_starts = np.empty(n_cells, dtype=np.int64)
    quote = ord(dialect.quote) if dialect.quote else 0
    escape = ord(dialect.escape) if dialect.escape else 0
    marks = np.frombuffer(dialect.comments.encode("latin-1", "ignore"), dtype=np.uint8)
    rows, used, raw, stop = scan_cells(view, sep, quote, escape, marks, starts, stops, kinds, row_starts, max_rows)
    if raw:
        view = view.copy()
        unescape(view, starts, stops, kinds, used, quote, escape)
    return Cells(view, starts, stops, kinds, row_starts, rows, stop)


def decode_text(data: bytes) -> str:
    """UTF-8 text; runs of bytes that are none are written as H2O does: ``<0xF6>``."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_damaged(data)


def _decode_damaged(data: bytes) -> str:
    parts: list[str] = []
    wrong = b""
    while data:
        try:
            good, bad, data = data.decode("utf-8"), b"", b""
        except UnicodeDecodeError as e:
            good, bad, data = data[: e.start].decode("utf-8"), data[e.start : e.end], data[e.end :]
        if good and wrong:
            parts.append(f"<0x{wrong.hex().upper()}>")
            wrong = b""
        parts.append(good)
        wrong += bad
    if wrong:
        parts.append(f"<0x{wrong.hex().upper()}>")
    return "".join(parts)

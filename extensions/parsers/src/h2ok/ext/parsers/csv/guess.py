"""Guessing the setup of delimited text: separator, header, column names and types, from a sample of lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.ext.parsers.csv.cells import Cells, cut_cells
from h2ok.ext.parsers.csv.levels import LevelTable
from h2ok.ext.parsers.csv.tokens import Dialect, Token, guess_separator, split_lines, split_tokens
from h2ok.ext.parsers.times import look_like_times, looks_like_time

__all__ = ["canonical_type", "guess_csv", "is_number", "type_of_texts"]

#: Lines shown in the preview.
PREVIEW_LINES = 10
#: Columns from which a table is wide, rows wanted in a chunk of it, and the bytes it may have for that.
_WIDE, _WIDE_ROWS, _MAX_CHUNK_BYTES = 1000, 512, 64 << 20
_NUMBER = re.compile(r"[$]?[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?[ \t]*(?:%[ \t]*)?\Z")
_JAVA_NUMBER = re.compile(r"[+-]?(NaN|Infinity|(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?[fFdD]?|0[xX][0-9a-fA-F.]+[pP][+-]?\d+)\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_TYPE_NAMES = {
    "unknown": "Unknown", "numeric": "Numeric", "int": "Numeric", "real": "Numeric", "float": "Numeric", "double": "Numeric",
    "enum": "Enum", "categorical": "Enum", "factor": "Enum", "string": "String", "time": "Time", "uuid": "UUID", "bad": "Bad",
}  # fmt: skip


@dataclass
class CellCounts:
    """How many cells of a column are what. ``words`` are the texts that are neither number, time nor UUID, with their counts."""

    lines: int = 0
    empty: int = 0
    numbers: int = 0
    zeros: int = 0
    times: int = 0
    uuids: int = 0
    words: dict[str, int] | None = None

    def add(self, texts: Sequence[str], counts: Sequence[int]) -> None:
        """Count cells that are no number."""
        for text, count, is_time in zip(texts, counts, look_like_times(texts).tolist(), strict=True):
            if is_time:
                self.times += count
            elif _UUID.match(text):
                self.uuids += count
            else:
                self.words = self.words or {}
                self.words[text] = self.words.get(text, 0) + count


def canonical_type(name: str) -> str | None:
    """H2O's name of a column type from any accepted spelling; None when there is none."""
    return _TYPE_NAMES.get(name.strip().lower())


def is_number(text: str) -> bool:
    """Whether a cell reads as a number."""
    return bool(_NUMBER.match(text))


def guess_csv(sample: bytes, given: ParseSetup, more: Sequence[bytes] = ()) -> ParseSetup | None:
    """The setup of delimited text, or None when the sample is binary. What ``given`` sets is kept.

    ``more`` holds samples of further files, whose lines count for the types.
    """
    if b"\x00" in sample[:4096]:
        return None
    sample = _whole_lines(sample)
    quote = "'" if given.single_quotes else '"'
    escape = chr(given.escapechar) if given.escapechar else ""
    comments = given.custom_non_data_line_markers if given.custom_non_data_line_markers is not None else "#"
    sep = chr(given.separator) if given.separator else _separator(sample, quote, escape, comments)
    dialect = Dialect(sep, quote, escape, comments)
    cells = cut_cells(sample, dialect)
    if cells.n_rows == 0:
        return None
    head = [cells.row(i) for i in range(min(cells.n_rows, 2))]
    header = _has_header(head, given.check_header)
    widths = [cells.width(i) for i in range(min(cells.n_rows, PREVIEW_LINES))]
    # The width most lines have; a longer header names columns that are all missing.
    n_cols = max(widths, key=lambda w: (widths.count(w), -widths.index(w)))
    n_cols = max(n_cols, len(head[0])) if header else n_cols
    if given.column_names and not header:
        n_cols = max(n_cols, len(given.column_names))
    body = cells.without_first_row() if header else cells
    others = [_body_of(cut_cells(_whole_lines(m), dialect), head[0] if header else None) for m in more]
    found = [_count(j, [body, *others]) for j in range(n_cols)] if n_cols < _WIDE else _count_many(n_cols, [body, *others])
    types, na = _types(found, given)
    shown = [body.row(i) for i in range(min(body.n_rows, PREVIEW_LINES - (1 if header else 0)))]
    return replace(
        given, parse_type="CSV", separator=ord(sep), check_header=1 if header else -1, number_columns=n_cols,
        column_names=_names(head[0] if header else None, n_cols, given), column_types=types, na_strings=na,
        data=tuple(tuple(t.text for t in r) for r in shown),
        chunk_size=_chunk_bytes(given.chunk_size, len(sample), cells.n_rows, n_cols),
    )  # fmt: skip


def _chunk_bytes(given: int, n_bytes: int, n_rows: int, n_cols: int) -> int:
    """Bytes of a chunk: more for wide tables, so that it has some hundred rows (each chunk of a column costs 30 microseconds)."""
    if n_cols < _WIDE:
        return given
    return max(given, min(_MAX_CHUNK_BYTES, _WIDE_ROWS * n_bytes // n_rows))


def _whole_lines(sample: bytes) -> bytes:
    """A long sample without its last line, which may be cut."""
    sample = sample.removeprefix(b"\xef\xbb\xbf")
    if len(sample) < (1 << 18) - 3:
        return sample
    end = sample.rfind(b"\n")
    return sample[: end + 1] if end > 0 else sample


def _separator(sample: bytes, quote: str, escape: str, comments: str) -> str:
    end = -1
    for _ in range(2 * PREVIEW_LINES):
        end = sample.find(b"\n", end + 1)
        if end < 0:
            break
    lines = split_lines((sample if end < 0 else sample[:end]).decode("utf-8", "replace"), Dialect(",", quote, escape, comments))
    lines = lines[:PREVIEW_LINES]
    sep = guess_separator(lines, quote, escape)
    return "," if sep == " " and _is_column_of_times(sample, lines[0] if lines else "", comments) else sep


def _is_column_of_times(sample: bytes, first: str, comments: str) -> bool:
    """Whether blanks stand only within times that are whole lines. H2O cuts dates from clocks there.

    Two names above dates and clocks are two columns.
    """
    lines = (b.decode("utf-8", "replace").strip() for b in sample.splitlines())
    cut = [line for line in lines if " " in line and line != first.strip() and line[0] not in comments]
    if not look_like_times(cut[:PREVIEW_LINES]).all() or not look_like_times(cut).all():
        return False
    is_time = looks_like_time(first.strip())
    sizes = {len(line.split()) for line in [*cut, *([first] if is_time else [])]} - {1}
    names = split_tokens(first, Dialect(" "))
    return bool(sizes) and (is_time or len(names) < 2 or sizes != {len(names)})


def _body_of(cells: Cells, header: Sequence[Token] | None) -> Cells:
    """The rows of a further file, without a line that repeats the header."""
    if header is not None and cells.n_rows and [t.text for t in cells.row(0)] == [t.text for t in header]:
        return cells.without_first_row()
    return cells


def _types(found: Sequence[CellCounts], given: ParseSetup) -> tuple[tuple[str, ...], tuple[tuple[str, ...] | None, ...] | None]:
    guessed = [_decide(c) for c in found]
    types = [t for t, _ in guessed]
    na: list[tuple[str, ...] | None] = [v for _, v in guessed]
    if given.column_types:
        # A type the user chose says what the zeros are: no guess about missing values then.
        chosen = given.column_types
        na = [None if j < len(chosen) and chosen[j] != "Unknown" else v for j, v in enumerate(na)]
        types = [chosen[j] if j < len(chosen) and chosen[j] != "Unknown" else t for j, t in enumerate(types)]
    if given.na_strings is not None:
        return tuple(types), given.na_strings
    return tuple(types), tuple(na) if any(na) else None


def _has_header(rows: Sequence[Sequence[Token]], asked: int) -> bool:
    """H2O's rule: the first line is all text and the second is not; a single line of several texts is a header, too."""
    if asked != 0:
        return asked > 0 and bool(rows)
    if not rows or not _all_text(rows[0]):
        return False
    return len(rows[0]) > 1 if len(rows) < 2 else not _all_text(rows[1])


def _all_text(row: Sequence[Token]) -> bool:
    return not any(_JAVA_NUMBER.match(t.text.strip()) or looks_like_time(t.text) or _UUID.match(t.text) for t in row)


def _names(first: Sequence[Token] | None, n_cols: int, given: ParseSetup) -> tuple[str, ...] | None:
    if given.column_names:
        return given.column_names
    if first is None:
        return None
    texts = [t.text for t in first][:n_cols]
    texts += [""] * (n_cols - len(texts))
    return tuple(t or f"C{i + 1}" for i, t in enumerate(texts))


# -- counting cells ---------------------------------------------------------------------------------------------------


def _count_many(n_cols: int, parts: Sequence[Cells]) -> list[CellCounts]:
    """Counts of a wide table: columns whose cells are all numbers need no look at their texts."""
    columns = np.arange(n_cols, dtype=np.int64)
    clear = np.ones(n_cols, dtype=np.bool_)
    numbers = np.zeros(n_cols, dtype=np.int64)
    for part in parts:
        _, flags = part.numbers(columns, classify=True)
        clear &= flags.all(axis=1)
        numbers += flags.sum(axis=1)
    n = sum(p.n_rows for p in parts)
    return [CellCounts(n, 0, int(numbers[j])) if clear[j] else _count(j, parts) for j in range(n_cols)]


def _count(column: int, parts: Sequence[Cells]) -> CellCounts:
    out = CellCounts()
    for part in parts:
        _, flags = part.numbers(np.array([column], dtype=np.int64), classify=True)
        table = LevelTable()
        codes = part.codes(column, table)
        levels = table.decoded()
        known = codes >= 0
        out.lines += part.n_rows
        out.empty += int(part.n_rows - known.sum())
        numeric = flags[0]
        out.numbers += int(numeric.sum())
        counts = np.bincount(codes[known & ~numeric], minlength=len(levels)) if len(levels) else np.empty(0, dtype=np.int64)
        some = np.flatnonzero(counts)
        out.add([levels[k] for k in some.tolist()], counts[some].tolist())
        if out.words:
            zero = [i for i, t in enumerate(levels[:1000]) if t == "0"]
            out.zeros += int((codes == zero[0]).sum()) if zero else 0
    return out


def type_of_texts(texts: Sequence[str]) -> str:
    """The type of a column of a format that knows numbers: texts are Time, UUID, Enum or String, whatever they look like."""
    out = CellCounts(len(texts))
    out.add(texts, [1] * len(texts))
    return _decide(out)[0] if texts else "String"


def _decide(c: CellCounts) -> tuple[str, tuple[str, ...] | None]:
    """The type of a column: facts of H2O's rule, which counts cells.

    One single word beside times or numbers is taken as a missing value; zeros beside repeated words stand for missing values.
    """
    words = c.words or {}
    n_words = sum(words.values())
    plain = c.numbers - c.zeros
    only_na = len(words) == 1 and next(iter(words)).lower() == "na"
    if c.times and not c.uuids and (len(words) <= 1 or c.times > n_words):
        return ("Numeric" if c.numbers >= c.times and not words else "Time"), None
    if c.uuids and not c.times and len(words) != 1 and c.uuids > n_words:
        return ("UUID" if c.uuids > c.numbers else "Numeric"), None
    n_words += c.times + c.uuids if words or not c.numbers or (c.times and c.uuids) else 0
    if not n_words or only_na or plain >= n_words or (len(words) == 1 and c.numbers > n_words):
        return "Numeric", None
    repeats = (len(words) + (1 if c.times + c.uuids else 0)) < 0.95 * n_words
    if c.zeros and repeats and c.zeros + n_words >= c.lines - c.empty - 1:
        return "Enum", ("0",)
    if len(words) == 1 or repeats:
        return "Enum", None
    return ("Numeric" if c.numbers >= n_words else "String"), None

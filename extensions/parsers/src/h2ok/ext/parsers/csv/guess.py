"""Guessing the setup of delimited text: separator, header, column names and types, from a sample of lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.ext.parsers.csv.tokens import Dialect, Token, guess_separator, split_lines, split_tokens
from h2ok.ext.parsers.times import is_time

__all__ = ["canonical_type", "column_type", "guess_csv", "is_number"]

#: Lines shown in the preview.
PREVIEW_LINES = 10
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_WORDS = {"nan", "inf", "-inf", "+inf", "infinity", "-infinity", "+infinity"}
_UUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
_NA_WORDS = {"na", "n/a", "nan", "null", "?"}
_TYPE_NAMES = {
    "unknown": "Unknown", "numeric": "Numeric", "int": "Numeric", "real": "Numeric", "float": "Numeric", "double": "Numeric",
    "enum": "Enum", "categorical": "Enum", "factor": "Enum", "string": "String", "time": "Time", "uuid": "UUID", "bad": "Bad",
}  # fmt: skip


def canonical_type(name: str) -> str | None:
    """H2O's name of a column type from any accepted spelling; None when there is none."""
    return _TYPE_NAMES.get(name.strip().lower())


def is_number(text: str) -> bool:
    """Whether a cell reads as a number."""
    return bool(_NUMBER.match(text)) or text.lower() in _WORDS


def guess_csv(sample: bytes, given: ParseSetup) -> ParseSetup | None:
    """The setup of delimited text, or None when the sample is binary. What ``given`` sets is kept."""
    if b"\x00" in sample[:4096]:
        return None
    text = sample.decode("utf-8-sig", "replace")
    quote = "'" if given.single_quotes else '"'
    escape = chr(given.escapechar) if given.escapechar else ""
    comments = given.custom_non_data_line_markers if given.custom_non_data_line_markers is not None else "#"
    lines = split_lines(text, Dialect(",", quote, escape, comments))
    if len(sample) >= (1 << 18) and len(lines) > 2:
        lines.pop()
    sep = chr(given.separator) if given.separator else guess_separator(lines, quote, escape)
    dialect = Dialect(sep, quote, escape, comments)
    rows = [split_tokens(line, dialect) for line in lines]
    n_cols = (
        len(given.column_names) if given.column_names and len(rows) == 0 else max((len(r) for r in rows[:PREVIEW_LINES]), default=0)
    )
    if rows:
        n_cols = len(rows[0]) if len(rows[0]) > 1 or n_cols <= 1 else n_cols
    header = _has_header(rows, given.check_header)
    body = rows[1:] if header else rows
    names = _names(rows[0] if header else None, n_cols, given)
    na = given.na_strings
    types = []
    guessed_na: list[tuple[str, ...] | None] = [None] * n_cols
    for j in range(n_cols):
        cells = [r[j] for r in body if j < len(r)]
        kind, na_text = column_type(cells, set(na[j] or ()) if na and j < len(na) else set())
        types.append(kind)
        guessed_na[j] = na_text
    if given.column_types:
        # A type the user chose says what the zeros are: no guess about missing values then.
        guessed_na = [None if g != "Unknown" else v for g, v in zip(given.column_types, guessed_na, strict=False)]
        types = [g if g != "Unknown" else t for g, t in zip(given.column_types, types, strict=False)] + types[
            len(given.column_types) :
        ]
    if na is None and any(guessed_na):
        na = tuple(guessed_na)
    preview = tuple(tuple(t.text for t in r) for r in body[: PREVIEW_LINES - (1 if header else 0)])
    return replace(
        given, parse_type="CSV", separator=ord(sep), check_header=1 if header else -1, number_columns=n_cols, column_names=names,
        column_types=tuple(types), na_strings=na, data=preview,
    )  # fmt: skip


def _has_header(rows: Sequence[Sequence[Token]], asked: int) -> bool:
    """H2O's rule: the first line is all text and the second is not."""
    if asked != 0:
        return asked > 0 and bool(rows)
    if len(rows) < 2:
        return False
    return _all_text(rows[0]) and any(not _all_text(r) for r in rows[1:PREVIEW_LINES])


def _all_text(row: Sequence[Token]) -> bool:
    return not any(is_number(t.text) or is_time(t.text) or _UUID.match(t.text) for t in row)


def _names(first: Sequence[Token] | None, n_cols: int, given: ParseSetup) -> tuple[str, ...] | None:
    if given.column_names:
        return given.column_names
    if first is None:
        return None
    texts = [t.text for t in first][:n_cols]
    texts += [""] * (n_cols - len(texts))
    return tuple(t or f"C{i + 1}" for i, t in enumerate(texts))


def column_type(cells: Sequence[Token], na: set[str]) -> tuple[str, tuple[str, ...] | None]:
    """(type, NA texts found): what most known cells are.

    Facts of H2O's rule: no known cell is Numeric; times and UUIDs must make up all known cells; numbers win when they are at least
    as many as texts; texts are an Enum when they repeat (at most 95 % distinct), else String; zeros among repeated texts stand
    for NA.
    """
    known = [c.text for c in cells if (c.text or c.quoted) and c.text not in na]
    numbers = [t for t in known if is_number(t)]
    texts = [t for t in known if not is_number(t)]
    words = [t for t in texts if t.lower() not in _NA_WORDS and t != ""]
    if not known or (not words and (numbers or all(t.lower() in _NA_WORDS for t in texts))):
        return "Numeric", None
    if not numbers and all(is_time(t) for t in words):
        return "Time", None
    if not numbers and all(_UUID.match(t) for t in words):
        return "UUID", None
    distinct = len(set(texts))
    repeats = distinct == 1 or distinct <= 0.95 * len(texts)
    if numbers and all(t == "0" for t in numbers) and repeats and len(texts) > 1:
        return "Enum", ("0",)
    if len(numbers) >= len(words):
        return "Numeric", None
    return ("Enum" if repeats else "String"), None

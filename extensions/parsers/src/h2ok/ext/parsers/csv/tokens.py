"""Tokens of delimited text in plain Python: for guessing from a sample, and for blocks that the fast reader refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Dialect", "guess_separator", "split_lines", "split_tokens"]

#: Candidates in the order they are preferred.
SEPARATORS = ("\x01", ",", ";", "|", "\t", " ")
_DEFAULT_COMMENT = "#"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How text is cut: one character each; empty where there is none."""

    separator: str
    quote: str = '"'
    escape: str = ""
    comments: str = _DEFAULT_COMMENT


@dataclass(frozen=True, slots=True)
class Token:
    """A cell; ``quoted`` keeps ``""`` (an empty text) apart from nothing (missing)."""

    text: str
    quoted: bool = False


def split_lines(text: str, dialect: Dialect) -> list[str]:
    """Data lines without line ends, empty lines and comment lines; a quoted line break does not end a line."""
    lines: list[str] = []
    pending = ""
    for line in re.split(r"\r\n|\n|\r", text):
        if pending:
            pending += "\n" + line
        elif not line.strip() or line.lstrip()[:1] in tuple(dialect.comments):
            continue
        else:
            pending = line
        if dialect.quote and pending.count(dialect.quote) % 2 and len(pending) < 1 << 20:
            continue
        lines.append(pending)
        pending = ""
    if pending:
        lines.append(pending)
    return lines


def split_tokens(line: str, dialect: Dialect) -> list[Token]:
    """Cells of a line. Blanks around unquoted cells are dropped; a doubled quote inside quotes is one quote."""
    sep, quote, escape = dialect.separator, dialect.quote, dialect.escape
    out: list[Token] = []
    i, n = 0, len(line)
    while True:
        while i < n and line[i] == " " and sep != " ":
            i += 1
        if sep == " ":
            while i < n and line[i] == " ":
                i += 1
            if i >= n and out:
                break
        if quote and i < n and line[i] == quote:
            text, i = _quoted(line, i + 1, quote, escape)
            while i < n and line[i] != sep:
                i += 1
            out.append(Token(text, True))
        else:
            end = line.find(sep, i) if sep else -1
            end = n if end < 0 else end
            out.append(Token(line[i:end]))
            i = end
        if i >= n:
            break
        i += 1
        if i >= n:
            if sep != " ":
                out.append(Token(""))
            break
    return out


def guess_separator(lines: list[str], quote: str, escape: str = "") -> str:
    """The separator that cuts the first lines into equally many cells (at least two); a blank when nothing does."""
    counts = {s: [_count_cells(line, s, quote, escape) for line in lines[:10]] for s in SEPARATORS}
    for sep in SEPARATORS:
        c = counts[sep]
        if c and c[0] > 1 and all(x == c[0] for x in c):
            return sep
    for sep in SEPARATORS:
        c = counts[sep]
        if c and c[0] > 1 and max(c) > 1 and sep != " ":
            return sep
    return " " if not lines or not any("," in line for line in lines[:2]) else ","


def _count_cells(line: str, sep: str, quote: str, escape: str) -> int:
    if sep != " " and quote not in line:
        return line.count(sep) + 1
    return len(split_tokens(line, Dialect(sep, quote, escape)))


def _quoted(line: str, i: int, quote: str, escape: str) -> tuple[str, int]:
    parts: list[str] = []
    n = len(line)
    while i < n:
        c = line[i]
        if escape and c == escape and i + 1 < n:
            parts.append(line[i + 1])
            i += 2
        elif c == quote:
            if i + 1 < n and line[i + 1] == quote:
                parts.append(quote)
                i += 2
            else:
                return "".join(parts), i + 1
        else:
            parts.append(c)
            i += 1
    return "".join(parts), i

"""ArffParser: attribute declarations in front of rows of text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.compression import sample_bytes
from h2ok.ext.parsers.csv.arff_rows import ArffRows
from h2ok.ext.parsers.csv.guess import guess_csv
from h2ok.ext.parsers.csv.parser import CsvParser, layout_of
from h2ok.ext.parsers.csv.scratch import Scratch
from h2ok.ext.parsers.guess import SAMPLE_BYTES
from h2ok.ext.parsers.raw import require_raw
from h2ok.kernel import Frame, IllegalArgumentError, JobContext

__all__ = ["ArffParser", "Attribute", "attributes"]

_LINE_END = re.compile(r"\r\n|\n|\r")
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*\"""")
_ATTRIBUTE = re.compile(rf"@attribute\s+(?:({_QUOTED.pattern})\s*|([^\s{{]+)(?:\s+|(?={{)))(.+)\Z", re.IGNORECASE)
_BARE, _GAP = re.compile(r"[^,}]*"), re.compile(r"\s*")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_HEADER_BYTES = 1 << 24
_TYPES = {
    "numeric": "Numeric", "real": "Numeric", "integer": "Numeric", "int": "Numeric", "string": "String", "date": "Time",
    "time": "Time", "enum": "Enum", "categorical": "Enum", "factor": "Enum", "uuid": "UUID",
}  # fmt: skip
#: What a sparse row means by leaving out a column of a type; of an enum its first level, of the others nothing.
_LEFT_OUT = {"Numeric": "0", "Time": "0"}
#: Rows of a sample that are so many times as long when they are written out make chunks of fewer bytes.
_SPARSE_RATIO = 2
_LEAST_CHUNK = 4096
_PREVIEW_LINES = 50


@dataclass(frozen=True, slots=True)
class Attribute:
    """A declared column: its type of ParseSetup, the levels of an enum, the pattern of times (empty: the usual forms)."""

    name: str
    type: str
    levels: tuple[str, ...] | None = None
    pattern: str = ""

    @property
    def left_out(self) -> str:
        """The cell that a sparse row means by leaving the column out."""
        if self.levels:
            return '"' + self.levels[0].replace('"', '""') + '"'
        return _LEFT_OUT.get(self.type, "")


def attributes(text: str) -> list[Attribute] | None:
    """The attributes of a header; None when ``text`` is no ARFF header.

    Raises
    ------
    IllegalArgumentError
        An attribute line cannot be read, or its type is unknown.
    """
    found: list[Attribute] = []
    for number, line in enumerate(map(str.strip, _LINE_END.split(text)), 1):
        if not line or line.startswith("%"):
            continue
        word = line.split(None, 1)[0].lower()
        if word == "@relation":
            continue
        if word == "@data":
            return found or None
        if word != "@attribute":
            return None
        found.append(_attribute(line, number))
    return None


def _attribute(line: str, number: int) -> Attribute:
    match = _ATTRIBUTE.match(line)
    if match is None:
        raise IllegalArgumentError(f"Cannot read line {number} of the ARFF header: '{line[:100]}'. Expected: @attribute name type.")
    name, kind = _unquoted(match.group(1) or match.group(2)), match.group(3).strip()
    if kind.startswith("{"):
        return Attribute(name, "Enum", _levels(kind, line, number))
    word = kind.split()[0]
    known = _TYPES.get(word.lower())
    if known is None:
        raise IllegalArgumentError(
            f"Unknown ARFF type '{kind[:50]}' of attribute '{name}' in line {number}, column {match.start(3) + 1}."
            f" Known: {', '.join(_TYPES)}, {{levels}}."
        )
    return Attribute(name, known, None, _pattern(kind[len(word) :].strip(), number) if known == "Time" else "")


def _levels(kind: str, line: str, number: int) -> tuple[str, ...]:
    levels: list[str] = []
    at = 1
    # SECURITY: one step after the other; a single expression for it would try all ways to share blanks.
    while at < len(kind):
        match = _QUOTED.match(kind, _after_gap(kind, at)) or _BARE.match(kind, _after_gap(kind, at))
        text, at = (match.group().rstrip(), _after_gap(kind, match.end())) if match else ("", at)
        mark = kind[at : at + 1]
        if mark not in (",", "}") or not mark:
            break
        if text or mark == ",":
            levels.append(_unquoted(text))
        if mark == "}":
            return tuple(dict.fromkeys(levels))
        at += 1
    raise IllegalArgumentError(
        f"Cannot read the levels in line {number} of the ARFF header, column {line.find('{') + at + 1}: '{kind[at : at + 50]}'."
        " Expected: {level, 'another level', ...}."
    )


def _after_gap(text: str, at: int) -> int:
    match = _GAP.match(text, at)
    return match.end() if match else at


def _pattern(text: str, number: int) -> str:
    """The pattern behind ``date``; what is none is refused at once, not when the rows are read."""
    from h2ok.ext.parsers.csv.patterns import compile_pattern

    quoted = _QUOTED.match(text)
    pattern = _unquoted(quoted.group()) if quoted else text.partition("%")[0].strip()
    try:
        compile_pattern(pattern)
    except IllegalArgumentError as e:
        raise IllegalArgumentError(f"Line {number} of the ARFF header: {e.message}") from e
    return pattern


def _unquoted(text: str) -> str:
    if text[:1] not in ("'", '"') or text[:1] != text[-1:] or len(text) < 2:
        return text
    return _ESCAPE.sub(lambda m: _ESCAPED.get(m[1], m[1]), text[1:-1].replace(text[0] * 2, text[0]))


class ArffParser(Parser):
    """Names, types, levels and patterns of times come from the header; the rows are made CSV with ``?`` as missing."""

    name = "ARFF"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        text = sample.decode("utf-8-sig", "replace")
        found = attributes(text)
        if found is None:
            return None
        n = len(found)
        marks = "%" if given.custom_non_data_line_markers is None else given.custom_non_data_line_markers
        fixed = replace(
            given, check_header=-1, custom_non_data_line_markers=marks, separator=given.separator or ord(","),
            column_names=given.column_names or tuple(a.name for a in found),
            column_types=given.column_types or tuple(a.type for a in found), na_strings=given.na_strings or (("?",),) * n,
        )  # fmt: skip
        body = re.split(r"(?im)^[ \t]*@data\b.*$", text, maxsplit=1)[-1]
        if len(sample) >= SAMPLE_BYTES:
            # The last line may be cut.
            body = body[: body.rfind("\n") + 1]
        lines = np.array(bytearray("\n".join(body.splitlines()[:_PREVIEW_LINES]).encode()), dtype=np.uint8)
        rows = _rows_of(found, fixed).rewrite(lines, Scratch())
        seen = guess_csv(rows.tobytes(), replace(fixed, separator=ord(","), custom_non_data_line_markers="", single_quotes=False))
        chunk = given.chunk_size
        if len(rows) > _SPARSE_RATIO * len(lines):
            chunk = max(_LEAST_CHUNK, chunk * len(lines) // len(rows))
        return replace(
            fixed, parse_type=self.name, number_columns=n, domains=tuple(a.levels for a in found),
            data=seen.data if seen else (), chunk_size=chunk,
        )  # fmt: skip

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raw = require_raw(job.node, sources[0])
        found = attributes(sample_bytes(self.runtime, raw, _HEADER_BYTES).decode("utf-8-sig", "replace"))
        if found is None:
            raise IllegalArgumentError(f"'{raw.key}' has no ARFF header (@attribute lines, then @data).")
        n = len(found)
        full = replace(
            setup, check_header=-1, number_columns=n, separator=ord(","), single_quotes=False, escapechar=0,
            na_strings=setup.na_strings if setup.na_strings and any(setup.na_strings) else (("?",),) * n,
            column_names=setup.column_names or tuple(a.name for a in found),
            column_types=setup.column_types or tuple(a.type for a in found),
            domains=setup.domains if setup.domains and any(setup.domains) else tuple(a.levels for a in found),
            custom_non_data_line_markers="",
        )  # fmt: skip
        layout, names = layout_of(full)
        layout = replace(layout, rows=_rows_of(found, setup), patterns=tuple(a.pattern for a in found))
        return self.runtime.service(CsvParser).read(job, sources, full, layout, names, dest)


def _rows_of(found: Sequence[Attribute], setup: ParseSetup) -> ArffRows:
    marks = "%" if setup.custom_non_data_line_markers is None else setup.custom_non_data_line_markers
    return ArffRows(tuple(a.left_out for a in found), chr(setup.separator or ord(",")), marks)

"""ArffParser: attribute declarations in front of delimited text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.compression import sample_bytes
from h2ok.ext.parsers.csv.guess import guess_csv
from h2ok.ext.parsers.csv.parser import CsvParser
from h2ok.ext.parsers.csv.tokens import Dialect, split_tokens
from h2ok.ext.parsers.raw import require_raw
from h2ok.kernel import Frame, IllegalArgumentError, JobContext

__all__ = ["ArffParser", "attributes"]

_ATTRIBUTE = re.compile(r"""@attribute\s+('[^']*'|"[^"]*"|\S+)\s+(.*)\Z""", re.IGNORECASE)
_HEADER_BYTES = 1 << 24
_TYPES = {
    "numeric": "Numeric", "real": "Numeric", "integer": "Numeric", "int": "Numeric", "string": "String", "date": "Time",
    "time": "Time", "enum": "Enum", "categorical": "Enum", "factor": "Enum", "uuid": "UUID",
}  # fmt: skip


def attributes(text: str) -> list[tuple[str, str, tuple[str, ...] | None]] | None:
    """(name, type, levels) of each attribute of a header; None when ``text`` is no ARFF header.

    Raises
    ------
    IllegalArgumentError
        An attribute line cannot be read, or its type is unknown.
    """
    found: list[tuple[str, str, tuple[str, ...] | None]] = []
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
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


def _attribute(line: str, number: int) -> tuple[str, str, tuple[str, ...] | None]:
    match = _ATTRIBUTE.match(line)
    if match is None:
        raise IllegalArgumentError(f"Cannot read line {number} of the ARFF header: '{line[:100]}'. Expected: @attribute name type.")
    name, kind = match.group(1).strip("'\""), match.group(2).strip()
    if kind.startswith("{") and kind.endswith("}"):
        quote = "'" if "'" in kind else '"'
        levels = tuple(t.text.strip() for t in split_tokens(kind[1:-1], Dialect(",", quote)))
        return name, "Enum", levels
    known = _TYPES.get(kind.split()[0].lower())
    if known is None:
        raise IllegalArgumentError(
            f"Unknown ARFF type '{kind[:50]}' of attribute '{name}' in line {number}, column {line.find(kind) + 1}. Known: {', '.join(_TYPES)}, {{levels}}."
        )
    return name, known, None


class ArffParser(Parser):
    """Names, types and levels come from the header; the rows are read as CSV with ``?`` as missing."""

    name = "ARFF"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        text = sample.decode("utf-8-sig", "replace")
        found = attributes(text)
        if found is None:
            return None
        n = len(found)
        marks = "%@" if given.custom_non_data_line_markers is None else given.custom_non_data_line_markers
        body = re.split(r"(?im)^@data\b.*$", text, maxsplit=1)[-1]
        single = given.single_quotes or ("'" in text and '"' not in body)
        fixed = replace(
            given, check_header=-1, custom_non_data_line_markers=marks, single_quotes=single, separator=given.separator or ord(","),
            column_names=given.column_names or tuple(a[0] for a in found),
            column_types=given.column_types or tuple(a[1] for a in found), na_strings=given.na_strings or (("?",),) * n,
        )  # fmt: skip
        seen = guess_csv(body.encode(), fixed)
        return replace(
            fixed, parse_type=self.name, number_columns=n, domains=tuple(a[2] for a in found), data=seen.data if seen else ()
        )

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raw = require_raw(job.node, sources[0])
        header = self.guess(sample_bytes(self.runtime, raw, _HEADER_BYTES), ParseSetup(), raw.uri)
        if header is None:
            raise IllegalArgumentError(f"'{raw.key}' has no ARFF header (@attribute lines, then @data).")
        given = setup.na_strings if setup.na_strings and any(setup.na_strings) else header.na_strings
        marks = setup.custom_non_data_line_markers or header.custom_non_data_line_markers
        full = replace(
            setup, check_header=-1, na_strings=given, custom_non_data_line_markers=marks,
            single_quotes=setup.single_quotes or header.single_quotes, separator=setup.separator or header.separator,
            column_names=setup.column_names or header.column_names, column_types=setup.column_types or header.column_types,
            number_columns=header.number_columns,
        )  # fmt: skip
        return self.runtime.service(CsvParser).parse(job, sources, full, dest)

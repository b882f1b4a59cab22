"""FixedWidthParser: a column is what stands between places that are blank in every line.

The first line holds the names. The places are found in the sample, once before reading, and travel to the nodes in the setup's
``custom_non_data_line_markers``, its one free text, as ``fixed:0-8,9-15``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.ext.parsers.lines import LineParser
from h2ok.kernel import IllegalArgumentError

_MARK = "fixed:"
#: Lines that must agree before text counts as fixed-width.
_LEAST = 3


class FixedWidthParser(LineParser):
    """Blank cells are NA."""

    name = "FIXED"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        lines = _lines_of(sample)
        if len(lines) < _LEAST or any("," in line or "\t" in line or ";" in line for line in lines):
            return None
        places = find_places(lines)
        names = [lines[0][a:b].strip() for a, b in places]
        # Columns need blanks to the right of a value somewhere, and every name must fit: else it is just words.
        if len(places) < 2 or not all(names) or len({len(line) for line in lines}) > 1:
            return None
        cells = [[line[a:b].strip() for a, b in places] for line in lines[1:]]
        types = tuple("Numeric" if all(_is_number(row[j]) for row in cells) else "Enum" for j in range(len(places)))
        return replace(
            given,
            parse_type=self.name,
            check_header=1,
            number_columns=len(places),
            column_names=given.column_names or tuple(names),
            column_types=given.column_types or types,
            data=tuple(tuple(row) for row in cells[:10]),
        )

    def prepare(self, sample: bytes, setup: ParseSetup) -> ParseSetup:
        places = find_places(_lines_of(sample))
        if len(places) != len(setup.column_types or ()):
            raise IllegalArgumentError(f"The lines have {len(places)} columns; {len(setup.column_types or ())} were expected.")
        return replace(setup, check_header=1, custom_non_data_line_markers=_MARK + ",".join(f"{a}-{b}" for a, b in places))

    @staticmethod
    def read(lines: list[str], setup: ParseSetup) -> list[Any]:
        places = _places_of(setup)
        if lines and max(map(len, lines)) > places[-1][1]:
            long = next(line for line in lines if len(line) > places[-1][1])
            raise IllegalArgumentError(f"Line {long[:60]!r} has {len(long)} characters; the columns end at {places[-1][1]}.")
        out: list[Any] = []
        for (a, b), kind in zip(places, setup.column_types or (), strict=True):
            cells = [line[a:b].strip() or None for line in lines]
            out.append(_numbers(cells, a) if kind == "Numeric" else cells)
        return out


def _lines_of(sample: bytes) -> list[str]:
    lines = sample.decode("utf-8", "replace").splitlines()
    return [line for line in (lines if sample.endswith(b"\n") else lines[:-1]) if line][:1000]


def find_places(lines: list[str]) -> list[tuple[int, int]]:
    """(first, last + 1) of each column: runs of places that are not blank in all lines; the last one reaches to the end."""
    width = max(map(len, lines), default=0)
    used = np.zeros(width + 1, dtype=np.bool_)
    for line in lines:
        used[: len(line)] |= np.frombuffer(line.encode("utf-32-le"), dtype=np.uint32) != ord(" ")
    edges = np.flatnonzero(np.diff(used.astype(np.int8), prepend=0))
    starts, stops = edges[::2].tolist(), edges[1::2].tolist()
    # A column owns the blanks up to the next one, so that longer values further down stay whole.
    return list(zip(starts, [*starts[1:], stops[-1] if stops else width], strict=True)) if starts else []


def _places_of(setup: ParseSetup) -> list[tuple[int, int]]:
    pairs = (p.split("-") for p in str(setup.custom_non_data_line_markers).removeprefix(_MARK).split(","))
    return [(int(a), int(b)) for a, b in pairs]


def _is_number(text: str) -> bool:
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True


def _numbers(cells: list[str | None], start: int) -> Any:
    try:
        return np.array([np.nan if c is None else float(c) for c in cells], dtype=np.float64)
    except ValueError as e:
        raise IllegalArgumentError(f"The column at place {start} is numeric, but {e}. Make it an Enum: col_types.") from e

"""CsvStyle: how a frame is written as text."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CsvStyle"]


@dataclass(frozen=True, slots=True)
class CsvStyle:
    """How cells are written. ``whole``: for each column whether all its numbers are whole."""

    whole: tuple[bool, ...]
    hex_string: bool = False
    escape_quotes: bool = True
    separator: str = ","
    quote_header: bool = True

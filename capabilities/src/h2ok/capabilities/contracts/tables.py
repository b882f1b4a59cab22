"""TwoDimTable: a titled table with typed columns, as models and metrics report them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from h2ok.capabilities.contracts.schema import to_wire
from h2ok.kernel.wire import wire_type

__all__ = ["Column", "TwoDimTable"]

CellType = Literal["string", "int", "long", "float", "double"]
_FORMATS = {"string": "%s", "int": "%d", "long": "%d", "float": "%.5f", "double": "%.5f"}


@wire_type("table.column")
@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column: ``name``, cell ``type``, printf ``format`` and ``description``."""

    name: str
    type: CellType = "double"
    format: str = ""
    description: str = ""


@wire_type("table")
@dataclass(frozen=True, slots=True)
class TwoDimTable:
    """``data`` is a list of columns, each a list of cells of equal length; None where there is no value."""

    name: str
    description: str
    columns: tuple[Column, ...]
    data: list[Any] = field(default_factory=list)

    @classmethod
    def of_rows(cls, name: str, description: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> TwoDimTable:
        """A table from a list of rows."""
        data = [list(c) for c in zip(*rows, strict=True)] if rows else [[] for _ in columns]
        return cls(name, description, tuple(columns), data)

    @property
    def n_rows(self) -> int:
        return len(self.data[0]) if self.data else 0

    def column(self, name: str) -> list[Any]:
        """Cells of a column by name. Raises KeyError."""
        for c, cells in zip(self.columns, self.data, strict=True):
            if c.name == name:
                out: list[Any] = cells
                return out
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """TwoDimTableV3."""
        return {
            "__meta": {"schema_version": 3, "schema_name": "TwoDimTableV3", "schema_type": "TwoDimTable"},
            "name": self.name,
            "description": self.description,
            "columns": [
                {
                    "__meta": {"schema_version": -1, "schema_name": "ColumnSpecsBase", "schema_type": "Iced"},
                    "name": c.name,
                    "type": c.type,
                    "format": c.format or _FORMATS[c.type],
                    "description": c.description or c.name,
                }
                for c in self.columns
            ],
            "rowcount": self.n_rows,
            "data": to_wire(self.data),
        }

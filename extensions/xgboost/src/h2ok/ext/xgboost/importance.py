"""Variable importances: what the library counted for each column of the matrix, under H2O's names."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.tables import TwoDimTable
from h2ok.ext.models.tables import variable_importances

__all__ = ["KINDS", "importance_tables"]

#: The library's kinds (sums over splits) and the titles of H2O's tables.
KINDS = {
    "total_gain": "Variable Importances",
    "total_cover": "Variable Importances - Cover",
    "weight": "Variable Importances - Frequency",
}


def importance_tables(booster: Any, names: tuple[str, ...]) -> dict[str, TwoDimTable | None]:
    """A table by kind for columns that some tree splits on; None when no tree splits."""
    out: dict[str, TwoDimTable | None] = {}
    for kind, title in KINDS.items():
        found = booster.get_score(importance_type=kind)
        used = sorted((int(name[1:]), value) for name, value in found.items())
        table = variable_importances([names[i] for i, _ in used], [v for _, v in used])
        out[kind] = TwoDimTable(title, table.description, table.columns, table.data) if used else None
    return out

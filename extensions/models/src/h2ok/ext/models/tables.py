"""Tables that several algorithms report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable

__all__ = ["variable_importances"]


def variable_importances(names: Sequence[str], values: Sequence[float]) -> TwoDimTable:
    """The table Variable Importances, most important first; equal ones in the order given."""
    a = np.asarray(values, dtype=np.float64)
    order = np.argsort(-a, kind="stable")
    top, total = float(a.max(initial=0.0)), float(a.sum())
    rows = [
        [names[i], float(a[i]), float(a[i]) / top if top > 0 else 0.0, float(a[i]) / total if total > 0 else 0.0] for i in order
    ]
    columns = (
        Column("variable", "string", "%s", "Variable"),
        Column("relative_importance", "double", "%5f", "Relative Importance"),
        Column("scaled_importance", "double", "%5f", "Scaled Importance"),
        Column("percentage", "double", "%5f", "Percentage"),
    )
    return TwoDimTable.of_rows("Variable Importances", "", columns, rows)

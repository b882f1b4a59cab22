"""ScoringHistory: one row a scoring, as the client plots it."""

from __future__ import annotations

import math
import time
from typing import Any

from h2ok.capabilities.contracts.tables import CellType, Column, TwoDimTable
from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.metrics.task import classification_error, top_group_lift

__all__ = ["ScoringHistory", "format_duration", "metric_cells", "metric_columns"]

_NAMES = {
    "Regression": (("rmse", "RMSE"), ("mae", "MAE"), ("deviance", "Deviance")),
    "Binomial": (
        ("rmse", "RMSE"),
        ("logloss", "LogLoss"),
        ("auc", "AUC"),
        ("pr_auc", "pr_auc"),
        ("lift", "Lift"),
        ("classification_error", "Classification Error"),
    ),
    "Multinomial": (
        ("rmse", "RMSE"),
        ("logloss", "LogLoss"),
        ("classification_error", "Classification Error"),
        ("auc", "AUC"),
        ("pr_auc", "pr_auc"),
    ),
}
_FIELDS = {
    "rmse": "RMSE",
    "mae": "mae",
    "deviance": "mean_residual_deviance",
    "logloss": "logloss",
    "auc": "AUC",
    "pr_auc": "pr_auc",
    "r2": "r2",
}


def metric_columns(prefix: str, category: str) -> list[Column]:
    """Columns of the metrics of one frame; ``prefix`` training or validation."""
    return [Column(f"{prefix}_{n}", "double", "%.5f", f"{prefix.title()} {label}") for n, label in _NAMES.get(category, ())]


def metric_cells(metrics: ModelMetrics | None, category: str) -> list[Any]:
    """The cells for ``metric_columns``."""
    return [metric_cell(metrics, n) for n, _ in _NAMES.get(category, ())]


def metric_cell(metrics: ModelMetrics | None, name: str) -> Any:
    """One metric by its history name; NaN when there are no metrics."""
    if metrics is None:
        return math.nan
    if name == "lift":
        return top_group_lift(metrics)
    if name == "classification_error":
        return classification_error(metrics)
    return metrics.number(_FIELDS[name])


def format_duration(seconds: float) -> str:
    """`` 1.234 sec``, `` 2 min 3.456 sec``, `` 1:02:03.456`` - H2O's spelling."""
    ms = round(seconds * 1000)
    h, ms = divmod(ms, 3_600_000)
    m, ms = divmod(ms, 60_000)
    s, ms = divmod(ms, 1000)
    if h:
        return f"{h:2d}:{m:02d}:{s:02d}.{ms:03d}"
    return f"{m:2d} min {s:2d}.{ms:03d} sec" if m else f"{s:2d}.{ms:03d} sec"


class ScoringHistory:
    """Collects rows; ``table`` gives the TwoDimTable.

    Parameters
    ----------
    own : the algorithm's columns after timestamp and duration: (name, type, description).
    with_validation : add the columns of a validation frame.
    """

    def __init__(self, category: str, own: list[tuple[str, CellType, str]], *, with_validation: bool) -> None:
        self.category = category
        self.start = time.time()
        self._own = own
        self._with_validation = with_validation
        self._rows: list[list[Any]] = []
        self.training: list[ModelMetrics | None] = []
        self.validation: list[ModelMetrics | None] = []

    def add(self, own: list[Any], training: ModelMetrics | None, validation: ModelMetrics | None = None) -> None:
        """One scoring."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        row = ["", stamp, format_duration(now - self.start), *own, *metric_cells(training, self.category)]
        if self._with_validation:
            row += metric_cells(validation, self.category)
        self._rows.append(row)
        self.training.append(training)
        self.validation.append(validation)

    def table(self) -> TwoDimTable:
        """The table ``Scoring History``."""
        columns = [
            Column("", "string"),
            Column("timestamp", "string", "%s", "Timestamp"),
            Column("duration", "string", "%s", "Duration"),
        ]
        columns += [Column(n, t, "%d" if t in ("int", "long") else "", d) for n, t, d in self._own]
        columns += metric_columns("training", self.category)
        if self._with_validation:
            columns += metric_columns("validation", self.category)
        return TwoDimTable.of_rows("Scoring History", "", columns, self._rows)

"""GLMHistory: what a training did, iteration by iteration or lambda by lambda, and FoldPaths: what its folds say about the path."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.algos.glm.path import RegularizationPath
from h2ok.ext.models import ModelMetrics
from h2ok.ext.models.history import format_duration, metric_cell

__all__ = ["FoldPaths", "GLMHistory", "Scored"]

_METRICS = {
    "Regression": (("rmse", "RMSE"), ("deviance", "Deviance"), ("mae", "MAE"), ("r2", "r2")),
    "Binomial": (
        ("rmse", "RMSE"), ("logloss", "LogLoss"), ("r2", "r2"), ("auc", "AUC"), ("pr_auc", "pr_auc"), ("lift", "Lift"),
        ("classification_error", "Classification Error"),
    ),
    "Multinomial": (
        ("rmse", "RMSE"), ("logloss", "LogLoss"), ("r2", "r2"), ("classification_error", "Classification Error"), ("auc", "AUC"),
        ("pr_auc", "pr_auc"),
    ),
}  # fmt: skip


class FoldPaths:
    """Deviances a holdout row of the models of all folds, by alpha and position on the path."""

    def __init__(self, paths: Sequence[RegularizationPath] = ()) -> None:
        self._found: list[dict[float, list[float]]] = []
        for path in paths:
            mine: dict[float, list[float]] = {}
            for alpha, deviance in zip(path.alphas.tolist(), path.deviance_valid.tolist(), strict=True):
                mine.setdefault(alpha, []).append(deviance)
            self._found.append(mine)

    def __bool__(self) -> bool:
        return bool(self._found)

    def deviance(self, alpha: float, position: int) -> tuple[float, float]:
        """(mean over the folds, its standard error); a fold that ended its path earlier counts with its last point."""
        each = np.array([mine[alpha][min(position, len(mine[alpha]) - 1)] for mine in self._found if mine.get(alpha)])
        if len(each) == 0:
            return math.nan, math.nan
        return float(each.mean()), float(each.std(ddof=1) / math.sqrt(len(each))) if len(each) > 1 else math.nan


@dataclass(frozen=True, slots=True)
class Scored:
    """A model on its way: its point of the path and its metrics."""

    iterations: int
    alpha: float
    strength: float
    deviance: float
    training: ModelMetrics | None
    validation: ModelMetrics | None
    #: (mean, standard error) over the folds.
    folds: tuple[float, float] = (math.nan, math.nan)


class GLMHistory:
    """One row an iteration (or a lambda of the path); metrics stand where the model was scored.

    ``detailed``: only scored rows, with the penalty and the deviances beside the metrics (``generate_scoring_history``).
    """

    def __init__(self, category: str, *, path: bool, validation: bool, folds: bool, detailed: bool) -> None:
        self._category, self._path, self._validation = category, path, validation
        self._folds, self._detailed = folds, detailed
        self._start = time.time()
        self._rows: list[tuple[list[Any], Scored | None]] = []

    def add(self, *own: Any, scored: Scored | None = None) -> None:
        """``iterations, likelihood, objective``, or on a path ``iteration, lambda, predictors, deviances, alpha``."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        self._rows.append((["", stamp, format_duration(now - self._start), *own], scored))

    def keep(self, alpha: float) -> None:
        """Forget the rows of a path that belong to other alphas."""
        self._rows = [row for row in self._rows if row[0][-1] == alpha]

    def finish(self, scored: Scored) -> None:
        """The metrics of the finished model, in the last row."""
        own, _ = self._rows[-1]
        self._rows[-1] = own, scored

    def table(self) -> TwoDimTable:
        """The table Scoring History."""
        columns = [
            Column("", "string"),
            Column("timestamp", "string", "%s", "timestamp"),
            Column("duration", "string", "%s", "duration"),
            *(self._path_columns() if self._path else self._iteration_columns()),
        ]
        own = _METRICS.get(self._category, ())
        sides = ["training", "validation"] if self._validation else ["training"]
        columns += [Column(f"{s}_{n}", "double", "%.5f", f"{s.capitalize()} {text}") for s in sides for n, text in own]
        rows = []
        for row, scored in self._rows:
            if scored is None and self._detailed and not self._path:
                continue
            rows.append([*row, *self._middle(scored), *self._metrics(scored, sides)])
        return TwoDimTable.of_rows("Scoring History", "", columns, rows)

    def _path_columns(self) -> list[Column]:
        deviances = ["deviance_train", *(["deviance_test"] if self._validation else [])]
        if self._folds:
            deviances += ["deviance_xval", "deviance_se"]
        return [
            Column("iteration", "int", "%d", "iteration"),
            Column("lambda", "string", "%s", "lambda"),
            Column("predictors", "int", "%d", "predictors"),
            *(Column(n, "double", "%.3f", n) for n in deviances),
            Column("alpha", "double", "%.6f", "alpha"),
            Column("iterations", "int", "%d", "Iterations"),
        ]

    def _iteration_columns(self) -> list[Column]:
        names = ["negative_log_likelihood", "objective"]
        if self._detailed:
            names += ["alpha", "lambda", "deviance_train", *(["deviance_test"] if self._validation else [])]
            names += ["deviance_xval", "deviance_se"] if self._folds else []
        return [Column("iterations", "int", "%d", "iterations"), *(Column(n, "double", "%.5f", n) for n in names)]

    def _middle(self, scored: Scored | None) -> list[Any]:
        if self._path:
            return [None if scored is None else scored.iterations]
        if not self._detailed or scored is None:
            return []
        test = [_deviance(scored.validation)] if self._validation else []
        return [scored.alpha, scored.strength, scored.deviance, *test, *(scored.folds if self._folds else ())]

    def _metrics(self, scored: Scored | None, sides: list[str]) -> list[Any]:
        own = _METRICS.get(self._category, ())
        if scored is None:
            return [None] * (len(own) * len(sides))
        return [metric_cell(getattr(scored, s), n) for s in sides for n, _ in own]


def _deviance(metrics: ModelMetrics | None) -> float:
    """Deviance a row."""
    return math.nan if metrics is None else metrics.number("residual_deviance") / metrics.nobs

"""Leaderboard: models in the order of a measure, as the columns of a frame."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.models.grid import Grid, best_metrics
from h2ok.ext.models.lookup import find_model
from h2ok.ext.models.metrics.measures import MEASURES, larger_is_better, measure
from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.model import Model
from h2ok.ext.models.scoring import score_metrics
from h2ok.kernel import Frame, IllegalArgumentError

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = ["EXTENSIONS", "LeaderboardPlan", "expand_models", "make_leaderboard"]

#: Measures shown for a category; the first is what AUTO sorts by.
_SHOWN = {
    "Binomial": ("auc", "logloss", "aucpr", "mean_per_class_error", "rmse", "mse"),
    "Multinomial": ("mean_per_class_error", "logloss", "rmse", "mse"),
    "Regression": ("rmse", "mse", "mae", "rmsle", "mean_residual_deviance"),
}
#: Columns beside the measures.
EXTENSIONS = ("training_time_ms", "predict_time_per_row_ms", "algo")
_SCORING = ("auto", "train", "valid", "xval")


@dataclass(frozen=True, slots=True)
class LeaderboardPlan:
    """What to show of which models.

    ``frame``: measure on it; without one the metrics that ``scoring`` names (AUTO: cross-validation, else validation, else
    training; the others likewise take the next one where a model has none).
    """

    models: tuple[Model, ...]
    frame: Frame | None = None
    sort_metric: str = "AUTO"
    extensions: tuple[str, ...] = ()
    scoring: str = "AUTO"


def expand_models(node: Node, names: Sequence[str]) -> tuple[Model, ...]:
    """The models of some names, those of grids in their place; each once."""
    found: dict[str, Model] = {}
    for name in names:
        value = node.dkv.get(name)
        for key in value.models if isinstance(value, Grid) else (name,):
            found[key] = find_model(node, key, argument="models")
    return tuple(found.values())


def make_leaderboard(node: Node, plan: LeaderboardPlan) -> tuple[dict[str, Any], dict[str, str]]:
    """Columns and types of the leaderboard.

    Raises
    ------
    IllegalArgumentError
        The models cannot be compared, or have no such measure.
    """
    category = _common_category(plan.models)
    shown, sort_by = _measures(category, plan.sort_metric)
    measured = [_measured(node, m, plan) for m in plan.models]
    values = np.array([[measure(metrics, name) for name in shown] for metrics, _ in measured])
    at = shown.index(sort_by)
    _check_sort_values(plan.models, values[:, at], sort_by, category)
    order = np.argsort(-values[:, at] if larger_is_better(sort_by) else values[:, at], kind="stable")
    columns: dict[str, Any] = {"model_id": [plan.models[i].key for i in order]}
    columns |= {name: values[order, j] for j, name in enumerate(shown)}
    for name in plan.extensions:
        columns[name] = [_extension(name, plan.models[i], measured[i][1]) for i in order]
        if name != "algo":
            columns[name] = np.array(columns[name], dtype=np.float64)
    return columns, {"model_id": "string"} | ({"algo": "string"} if "algo" in columns else {})


def _common_category(models: Sequence[Model]) -> str:
    if not models:
        raise IllegalArgumentError("A leaderboard needs at least one model; the list is empty.")
    first = models[0]
    if first.output.category not in _SHOWN:
        raise IllegalArgumentError(
            f"Model '{first.key}' is {first.output.category}; a leaderboard compares {', '.join(_SHOWN)} models."
        )
    for other in models[1:]:
        if other.output.category != first.output.category:
            raise IllegalArgumentError(
                f"Models of a leaderboard must be of one kind; '{first.key}' is {first.output.category}, "
                f"'{other.key}' is {other.output.category}."
            )
    return first.output.category


def _measures(category: str, sort_metric: str) -> tuple[list[str], str]:
    """The measures shown, the one sorted by in front."""
    usual = _SHOWN[category]
    wanted = usual[0] if sort_metric.upper() == "AUTO" else sort_metric.lower()
    wanted = {"pr_auc": "aucpr", "deviance": "mean_residual_deviance"}.get(wanted, wanted)
    if wanted not in MEASURES:
        raise IllegalArgumentError(f"Cannot sort models by '{sort_metric}'; measures: AUTO, {', '.join(MEASURES)}.")
    return [wanted, *(m for m in usual if m != wanted)], wanted


def _check_sort_values(models: Sequence[Model], values: Any, name: str, category: str) -> None:
    if np.isnan(values).all():
        raise IllegalArgumentError(
            f"No model has the measure '{name}' (the first is '{models[0].key}', {category}); "
            f"usual ones: {', '.join(_SHOWN[category])}."
        )


def _measured(node: Node, model: Model, plan: LeaderboardPlan) -> tuple[ModelMetrics | None, float]:
    """Metrics of a model, and milliseconds a row that measuring took (NaN when nothing was scored)."""
    if plan.frame is None:
        return _held_metrics(model, plan.scoring), math.nan
    start = time.perf_counter()
    metrics = score_metrics(node, model, plan.frame)
    return metrics, (time.perf_counter() - start) * 1000 / max(plan.frame.n_rows, 1)


def _held_metrics(model: Model, scoring: str) -> ModelMetrics | None:
    out = model.output
    if scoring.lower() not in _SCORING:
        raise BadRequestError(f"scoring_data must be one of {', '.join(_SCORING)}; got '{scoring}'.")
    held = {"train": out.training_metrics, "valid": out.validation_metrics, "xval": out.cross_validation_metrics}
    return held.get(scoring.lower()) or best_metrics(model)


def _extension(name: str, model: Model, per_row: float) -> Any:
    if name == "algo":
        return model.schema
    return per_row if name == "predict_time_per_row_ms" else float(model.output.end_time - model.output.start_time)

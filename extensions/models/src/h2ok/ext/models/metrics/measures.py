"""Measures that models can be sorted by, under H2O's names."""

from __future__ import annotations

import math

from h2ok.capabilities.contracts.tables import TwoDimTable
from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.metrics.task import classification_error, top_group_lift

__all__ = ["MEASURES", "larger_is_better", "measure", "measures_of"]

_FIELDS = {
    "auc": "AUC", "aucpr": "pr_auc", "pr_auc": "pr_auc", "logloss": "logloss", "mse": "MSE", "rmse": "RMSE", "mae": "mae",
    "rmsle": "rmsle", "r2": "r2", "residual_deviance": "residual_deviance", "mean_residual_deviance": "mean_residual_deviance",
    "deviance": "mean_residual_deviance", "null_deviance": "null_deviance", "aic": "AIC", "loglikelihood": "loglikelihood",
    "mean_per_class_error": "mean_per_class_error", "gini": "Gini", "tot_withinss": "tot_withinss", "totss": "totss",
    "betweenss": "betweenss",
}  # fmt: skip
#: Best values over all thresholds, by their names in the table of maxima.
_MAXIMA = {
    name: f"max {name}" for name in ("f1", "f2", "f0point5", "accuracy", "precision", "recall", "specificity")
} | {"mcc": "max absolute_mcc", "mean_per_class_accuracy": "max mean_per_class_accuracy"}  # fmt: skip
_OWN = ("err", "err_count", "total_rows", "lift_top_group", "max_per_class_error")
MEASURES = (*_FIELDS, *_MAXIMA, *_OWN)
_LARGER = {"auc", "aucpr", "pr_auc", "r2", "gini", "loglikelihood", "lift_top_group", "betweenss", *_MAXIMA}
#: Of more than two classes, which have no thresholds.
_OF_MATRIX = ("accuracy", "mean_per_class_accuracy")


def larger_is_better(name: str) -> bool:
    """Whether models with large values come first."""
    return name in _LARGER


def measures_of(metrics: ModelMetrics | None) -> tuple[str, ...]:
    """The measures that metrics have, a subset of ``MEASURES``; () without metrics."""
    if metrics is None:
        return ()
    found = {name for name, field in _FIELDS.items() if field in ("MSE", "RMSE") or _field(metrics, field) is not None}
    if metrics.get("cm") is not None:
        two = metrics.get("max_criteria_and_metric_scores") is not None
        found |= {"err", "err_count", "total_rows", "max_per_class_error", *(_MAXIMA if two else _OF_MATRIX)}
        found |= {"lift_top_group"} if two else set()
    return tuple(name for name in MEASURES if name in found)


def _field(metrics: ModelMetrics, field: str) -> str | None:
    """The field that holds a measure, None where there is none."""
    for name in (field, "mean_residual_deviance") if field == "residual_deviance" else (field,):
        if name in metrics.fields:
            return name
    return None


def measure(metrics: ModelMetrics | None, name: str) -> float:
    """The value of a measure (one of ``MEASURES``); NaN where a model has none."""
    if metrics is None:
        return math.nan
    if name in _FIELDS:
        return metrics.number(_field(metrics, _FIELDS[name]) or _FIELDS[name])
    if name == "total_rows":
        return float(metrics.nobs)
    if name in ("err", "err_count"):
        error = classification_error(metrics)
        return error if name == "err" else error * metrics.nobs
    if name == "lift_top_group":
        return top_group_lift(metrics)
    if metrics.get("max_criteria_and_metric_scores") is None:
        return _of_matrix(metrics, name)
    if name == "max_per_class_error":
        return 1 - _maximum(metrics, "max min_per_class_accuracy")
    return _maximum(metrics, _MAXIMA[name])


def _maximum(metrics: ModelMetrics, row: str) -> float:
    table = metrics.get("max_criteria_and_metric_scores")
    if not isinstance(table, TwoDimTable):
        return math.nan
    return float(dict(zip(table.column("metric"), table.column("value"), strict=True)).get(row, math.nan))


def _of_matrix(metrics: ModelMetrics, name: str) -> float:
    """Measures of more than two classes, which have no thresholds: from the confusion matrix."""
    cm = metrics.get("cm")
    if not isinstance(cm, TwoDimTable):
        return math.nan
    if name == "accuracy":
        return 1 - classification_error(metrics)
    if name == "mean_per_class_accuracy":
        return 1 - metrics.number("mean_per_class_error")
    if name == "max_per_class_error":
        errors = [float(e) for e in cm.data[-2][:-1]]
        return max((e for e in errors if not math.isnan(e)), default=math.nan)
    return math.nan

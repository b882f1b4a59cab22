"""Early stopping: H2O's rule on a simple moving average, and the metric it watches."""

from __future__ import annotations

import math
from collections.abc import Sequence

from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.metrics.task import classification_error, top_group_lift

__all__ = ["more_is_better", "should_stop", "stopping_value"]

_FIELDS = {
    "deviance": "mean_residual_deviance",
    "logloss": "logloss",
    "MSE": "MSE",
    "RMSE": "RMSE",
    "MAE": "mae",
    "RMSLE": "rmsle",
    "AUC": "AUC",
    "AUCPR": "pr_auc",
    "mean_per_class_error": "mean_per_class_error",
}
#: Metrics that may decide, in H2O's spelling.
METRICS = ("AUTO", *_FIELDS, "misclassification", "lift_top_group")
_MORE = ("AUC", "AUCPR", "lift_top_group")
_BY_CATEGORY = {
    "Regression": ("deviance", "MSE", "RMSE", "MAE", "RMSLE"),
    "Binomial": ("logloss", "MSE", "RMSE", "AUC", "AUCPR", "lift_top_group", "misclassification", "mean_per_class_error"),
    "Multinomial": ("logloss", "MSE", "RMSE", "misclassification", "mean_per_class_error"),
    "Unknown": ("anomaly_score",),
}


def resolve_metric(name: str, category: str) -> str:
    """AUTO as what it stands for."""
    if name != "AUTO":
        return name
    return "deviance" if category == "Regression" else "logloss"


def fits_category(name: str, category: str) -> bool:
    """Whether a stopping metric exists for a category."""
    return name == "AUTO" or name in _BY_CATEGORY.get(category, ())


def more_is_better(name: str) -> bool:
    return name in _MORE


def stopping_value(metrics: ModelMetrics, name: str) -> float:
    """The watched number of some metrics."""
    if name == "misclassification":
        return classification_error(metrics)
    if name == "lift_top_group":
        return top_group_lift(metrics)
    return metrics.number(_FIELDS[name])


def should_stop(history: Sequence[float], rounds: int, tolerance: float, *, higher: bool) -> bool:
    """Whether the last ``rounds`` scorings brought nothing.

    The mean of each window of ``rounds`` scorings is taken; training stops when the best of the last ``rounds`` windows is not
    better than the window before them by the relative ``tolerance``. The first scoring (nothing trained yet) does not count.
    """
    values = list(history[1:])
    if rounds <= 0 or len(values) < 2 * rounds:
        return False
    recent = values[-2 * rounds :]
    means = [sum(recent[i : i + rounds]) / rounds for i in range(rounds + 1)]
    reference, others = means[0], means[1:]
    if any(math.isnan(m) for m in means) or reference == 0:
        return False
    if higher:
        return max(others) <= reference * (1 + math.copysign(tolerance, reference))
    return min(others) >= reference * (1 - math.copysign(tolerance, reference))

"""Metrics of predictions that stand in arrays on the training node, equal to those the framework computes on the frame."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from h2ok.ext.models import ModelMetrics, RowSpec
from h2ok.ext.models.metrics.task import MetricsTask, exact_for, make_metrics
from h2ok.ext.xgboost.matrix import Matrix
from numpy.typing import NDArray

__all__ = ["matrix_metrics"]


def matrix_metrics(
    matrix: Matrix,
    p: NDArray[np.float64],
    category: str,
    domain: tuple[str, ...] | None,
    deviance: Any,
    gainslift_bins: int,
    auc_type: str = "AUTO",
) -> ModelMetrics:
    """Metrics of predictions float64[n, k] for the rows of a matrix.

    Sums are made chunk by chunk and combined as the cloud combines chunks, so that every bit is that of a later scoring.
    """
    levels = domain or ()
    task = MetricsTask(RowSpec(()), None, category, max(len(levels), 1), deviance, math.nan, exact_for(matrix.n_rows), auc_type)
    parts: list[Any] = []
    for start, stop in zip(matrix.bounds[:-1].tolist(), matrix.bounds[1:].tolist(), strict=True):
        rows = slice(start, stop)
        parts.append(task.sums_of(p[rows], matrix.y[rows], matrix.w[rows]) if stop > start else None)
    while len(parts) > 1:
        pairs = [(parts[i], parts[i + 1] if i + 1 < len(parts) else None) for i in range(0, len(parts), 2)]
        parts = [a if b is None else b if a is None else task.reduce(a, b) for a, b in pairs]
    return make_metrics(category, parts[0], levels, gainslift_bins, auc_type)

"""Metrics of predictions that stand in arrays on the training node, equal to those the framework computes on the frame."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from h2ok.ext.models import ModelMetrics, RowSpec
from h2ok.ext.models.metrics.task import MetricsTask, exact_for, make_metrics
from h2ok.ext.xgboost.matrix import Matrix
from h2ok.kernel.task.tree import ReductionTree
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
    bounds = matrix.bounds.tolist()
    tree = ReductionTree(len(bounds) - 1, task.reduce)
    for i, (start, stop) in enumerate(pairwise(bounds)):
        rows = slice(start, stop)
        tree.add_chunk(i, task.sums_of(p[rows], matrix.y[rows], matrix.w[rows]) if stop > start else None)
    return make_metrics(category, tree.result(), levels, gainslift_bins, auc_type)

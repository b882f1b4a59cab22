"""Eigenvectors of the Gram matrix of transformed rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from h2ok.ext.models import DataInfo, ModelMetrics, Rows, RowsTask, TrainContext, TrainingData
from h2ok.ext.models.datainfo import column_statistics
from h2ok.kernel import OutOfMemoryBudgetError, wire_type
from numpy.typing import NDArray

__all__ = ["Decomposition", "ProjectionState", "decompose"]

#: Largest Gram matrix; each worker thread of a node holds one.
_MAX_BYTES = 2 << 30


@wire_type("pca.state")
@dataclass(frozen=True, slots=True)
class ProjectionState:
    """``vectors``: float64[n_expanded, k]. ``impute``: NA counts as mean or mode; otherwise such rows project to NA.

    ``kind``: stem of the metrics' schema. ``frames``: frames that go with the model.
    """

    info: DataInfo
    vectors: NDArray[np.float64]
    impute: bool
    kind: str
    frames: tuple[str, ...] = ()

    def prediction_names(self) -> list[str]:
        return [f"PC{i + 1}" for i in range(self.vectors.shape[1])]

    def owned_frames(self) -> list[str]:
        return list(self.frames)

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Rows in the new coordinates: float64[n_rows, k]."""
        from h2ok.ext.algos.pca.kernels import project

        out = np.empty((rows.n_rows, self.vectors.shape[1]))
        project(self.info.codes(rows), self.info.numbers(rows), self.vectors, self.info.n_categorical, out)
        if not self.impute:
            out[self.info.missing(rows)] = np.nan
        return out

    def own_metrics(self, data: TrainingData, _predictor: Any, _cancelled: Callable[[], bool] | None) -> ModelMetrics | None:
        """H2O has no numbers here."""
        return ModelMetrics(f"ModelMetrics{self.kind}", "DimReduction", math.nan, data.n_rows, {})


@wire_type("pca.gram_task")
@dataclass(frozen=True)
class _GramTask(RowsTask):
    """(Gram matrix, lower triangle; rows that count)."""

    info: DataInfo
    impute: bool

    def map_rows(self, rows: Rows) -> tuple[Any, float]:
        from h2ok.ext.algos.glm.kernels import accumulate_gram

        w = rows.weights()
        if not self.impute:
            w = np.where(self.info.missing(rows), 0.0, w)
        gram = np.zeros((self.info.n_expanded, self.info.n_expanded))
        accumulate_gram(self.info.codes(rows), self.info.numbers(rows), w, self.info.n_categorical, gram)
        return gram, float(w.sum())

    def reduce(self, left: tuple[Any, float], right: tuple[Any, float]) -> tuple[Any, float]:
        return left[0] + right[0], left[1] + right[1]


@dataclass(frozen=True, slots=True)
class Decomposition:
    """``vectors`` float64[p, k]; ``singular`` float64[k], falling; ``total``: sum of all squared singular values; ``n`` rows."""

    info: DataInfo
    vectors: NDArray[np.float64]
    singular: NDArray[np.float64]
    total: float
    n: float


def transformed(data: TrainingData, transform: str, *, all_levels: bool, impute: bool) -> DataInfo:
    """How rows become vectors; levels stay 0 and 1."""
    stats = column_statistics(data)
    info = DataInfo.of(data.spec, stats, standardize=False, drop_first=not all_levels, impute=impute)
    sigma = stats.sigma()[list(info.numeric)]
    zeros, ones = np.zeros(len(sigma)), np.ones(len(sigma))
    shift = info.means.copy() if transform in ("STANDARDIZE", "NORMALIZE", "DEMEAN") else zeros
    scale = ones
    if transform in ("STANDARDIZE", "DESCALE"):
        scale = np.where(sigma > 0, sigma, 1.0)
    elif transform == "NORMALIZE":
        found = [data.node.rollups(data.frame.vec(data.names[j])) for j in info.numeric]
        spread = np.array([r.max - r.min for r in found])
        scale = np.where(spread > 0, spread, 1.0)
    return replace(info, shift=shift, scale=scale)


def decompose(ctx: TrainContext, k: int, transform: str, *, all_levels: bool, impute: bool) -> Decomposition:
    """The first ``k`` right singular vectors of the transformed rows; of each, the largest component is positive.

    Raises
    ------
    OutOfMemoryBudgetError
        There are too many columns for a Gram matrix.
    ValueError
        No row is left, or there are fewer than ``k`` columns.
    """
    data = ctx.data
    info = transformed(data, transform, all_levels=all_levels, impute=impute)
    size = info.n_expanded**2 * 8
    if size > _MAX_BYTES:
        raise OutOfMemoryBudgetError(
            f"The Gram matrix of {info.n_expanded} expanded columns needs {size / 2**30:.1f} GB, the limit is "
            f"{_MAX_BYTES / 2**30:.0f} GB. Leave out categorical columns with many levels.",
            bytes=size,
        )
    if k > info.n_expanded:
        raise ValueError(f"There are {info.n_expanded} expanded columns, so that at most as many components exist; got k={k}.")
    gram, n = data.do_all(_GramTask(data.spec, info, impute), cancelled=ctx.cancelled).value
    if n == 0:
        raise ValueError("No row is left to train on: every row misses a value. Set impute_missing to replace missing values.")
    if n < data.n_rows and not impute:
        ctx.warn(f"{data.n_rows - n:g} of {data.n_rows} rows miss a value and were left out.")
    values, vectors = np.linalg.eigh(np.tril(gram) + np.tril(gram, -1).T)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    signs = np.sign(vectors[np.argmax(np.abs(vectors), axis=0), np.arange(len(values))])
    return Decomposition(info, np.ascontiguousarray((vectors * signs)[:, :k]), np.sqrt(values[:k]), float(values.sum()), n)

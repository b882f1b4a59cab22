"""What K-means learned: how rows are prepared, the centers, and the metrics of a clustering."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models import ModelMetrics, Rows, RowSpec, RowsTask, TrainingData
from h2ok.ext.models.datainfo import ColumnStatistics
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["KMeansState", "Preparation"]


@wire_type("kmeans.preparation")
@dataclass(frozen=True, slots=True)
class Preparation:
    """Rows as distances see them: NA as mean or most frequent level, numbers minus ``shift`` over ``scale``.

    ``fill``: float64[p], what NA counts as; ``first``: int64[p], where a column's levels begin when all are numbered through.
    """

    is_cat: NDArray[np.bool_]
    fill: NDArray[np.float64]
    shift: NDArray[np.float64]
    scale: NDArray[np.float64]
    first: NDArray[np.int64]
    n_levels: int

    @classmethod
    def of(cls, spec: RowSpec, stats: ColumnStatistics, *, standardize: bool) -> Preparation:
        """From the statistics of the training rows."""
        is_cat = np.array([c.domain is not None for c in spec.columns])
        modes = np.array([float(np.argmax(c)) if len(c) else 0.0 for c in stats.counts])
        sigma = stats.sigma()
        scale = np.where(standardize & ~is_cat & (sigma > 0), sigma, 1.0)
        shift = np.where(standardize & ~is_cat, stats.mean, 0.0)
        sizes = np.array([c.cardinality for c in spec.columns])
        first = np.cumsum(sizes) - sizes
        return cls(is_cat, np.where(is_cat, modes, stats.mean), shift, scale, first.astype(np.int64), int(sizes.sum()))

    def matrix(self, rows: Rows) -> NDArray[np.float64]:
        """float64[n_rows, p], C order."""
        x = rows.matrix()
        x = np.where(np.isnan(x), self.fill, x)
        return np.ascontiguousarray((x - self.shift) / self.scale)

    def grand_mean(self) -> NDArray[np.float64]:
        """The center of all training rows."""
        return (self.fill - self.shift) / self.scale

    def original(self, centers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Centers in the units of the data."""
        return centers * self.scale + self.shift


@wire_type("kmeans.state")
@dataclass(frozen=True, slots=True)
class KMeansState:
    """``centers``: float64[k, p], prepared as rows are."""

    preparation: Preparation
    centers: NDArray[np.float64]

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Index of the nearest center: float64[n_rows, 1]."""
        return self.nearest(rows)[0].astype(np.float64)[:, None]

    def nearest(self, rows: Rows) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """(int32[n_rows] index, float64[n_rows] squared distance)."""
        from h2ok.ext.algos.kmeans.kernels import assign

        x = self.preparation.matrix(rows)
        cluster, distance = np.empty(len(x), dtype=np.int32), np.empty(len(x))
        assign(x, self.preparation.is_cat, self.centers, cluster, distance)
        return cluster, distance

    def own_metrics(self, data: TrainingData, predictor: Any, cancelled: Callable[[], bool] | None) -> ModelMetrics | None:
        """Sums of squares within and between clusters; without those of each cluster when folds have their own."""
        states = getattr(predictor, "states", (self,))
        sums = data.do_all(_Distances(data.spec, tuple(states)), cancelled=cancelled).value
        if sums is None:
            return None
        within, total = float(sums["within"].sum()), float(sums["total"])
        table = None
        if len(states) == 1:
            rows = [["", i + 1, n, v] for i, (n, v) in enumerate(zip(sums["sizes"].tolist(), sums["within"].tolist(), strict=True))]
            table = TwoDimTable.of_rows("Centroid Statistics", "", _CENTROID_COLUMNS, rows)
        fields = {"tot_withinss": within, "totss": total, "betweenss": total - within, "centroid_stats": table}
        return ModelMetrics("ModelMetricsClustering", "Clustering", math.nan, int(sums["n"]), fields)


_CENTROID_COLUMNS = (
    Column("", "string"),
    Column("centroid", "long", "%d", "Centroid"),
    Column("size", "double", "%.5f", "Size"),
    Column("within_cluster_sum_of_squares", "double", "%.5f", "Within Cluster Sum of Squares"),
)


@wire_type("kmeans.distances")
@dataclass(frozen=True)
class _Distances(RowsTask):
    """Sizes and sums of squares of every cluster (of one state), and the total around the grand mean of the first one."""

    states: tuple[KMeansState, ...]

    def map_rows(self, rows: Rows) -> dict[str, Any] | None:
        from h2ok.ext.algos.kmeans.kernels import closer

        w = rows.weights()
        if not (w > 0).any():
            return None
        prepared = self.states[0].preparation
        x = prepared.matrix(rows)
        total = np.full(len(x), np.inf)
        closer(x, prepared.is_cat, prepared.grand_mean(), total)
        out = {"n": int((w > 0).sum()), "total": float((w * total).sum())}
        if len(self.states) == 1:
            cluster, distance = self.states[0].nearest(rows)
            k = len(self.states[0].centers)
            return {**out, "sizes": np.bincount(cluster, w, k), "within": np.bincount(cluster, w * distance, k)}
        fold, within = rows.block.numbers(rows.spec.fold), 0.0
        for i, state in enumerate(self.states):
            distance = state.nearest(rows)[1]
            within += float((w * distance)[fold == i].sum())
        return {**out, "sizes": np.zeros(1), "within": np.array([within])}

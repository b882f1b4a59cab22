"""What an isolation forest predicts: the normalised anomaly score and the mean path length."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.models import ModelMetrics, Rows, RowsTask, TrainingData
from h2ok.kernel import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.models.scoring import Transform
    from h2ok.ext.models.training import ModelColumns

__all__ = ["IsolationForestState", "LengthPass", "anomaly_metrics", "normalised"]


def normalised(lengths: Any, shortest: float, longest: float) -> Any:
    """1 for the shortest path over all trees in training, 0 for the longest one."""
    return (longest - lengths) / (longest - shortest) if longest > shortest else lengths * 0.0 + 1.0


@wire_type("isolationforest.state")
@dataclass(frozen=True, slots=True)
class IsolationForestState:
    """``shortest``/``longest``: path lengths over all trees among the training rows."""

    forest: Forest
    shortest: float
    longest: float

    def prediction_names(self) -> list[str]:
        return ["predict", "mean_length"]

    def transform(self, kind: str, request: Any, columns: ModelColumns) -> Transform:
        """Leaves and frequencies of the trees (see ``Transforms``)."""
        from h2ok.ext.algos.gbm.transforms import Trees, transform

        return transform(Trees("Isolation Forest", self.forest, 1, additive=False), kind, request, columns)

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """float64[n_rows, 2]: anomaly score, mean path length."""
        total = np.zeros((rows.n_rows, 1))
        self.forest.add_to(rows.matrix(), total)
        return np.column_stack([normalised(total[:, 0], self.shortest, self.longest), total[:, 0] / self.forest.n_trees])

    def own_metrics(self, data: TrainingData, predictor: Any, cancelled: Callable[[], bool] | None) -> ModelMetrics | None:
        """Means over the rows."""
        found = data.do_all(_Means(data.spec, predictor), cancelled=cancelled).value
        if found is None or found[0] == 0:
            return None
        return anomaly_metrics(found[0], found[1] / found[0], found[2] / found[0])


def anomaly_metrics(n: float, score: float, length: float) -> ModelMetrics:
    """Metrics of a mean score and a mean path length."""
    fields = {"mean_score": float(length), "mean_normalized_score": float(score)}
    return ModelMetrics("ModelMetricsAnomaly", "AnomalyDetection", math.nan, int(n), fields)


@wire_type("isolationforest.means")
@dataclass(frozen=True)
class _Means(RowsTask):
    """[rows, sum of scores, sum of mean lengths]."""

    predictor: Any

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        keep = rows.weights() > 0
        p = self.predictor.predict(rows)[keep]
        return np.array([len(p), *p.sum(axis=0)])


@wire_type("isolationforest.lengths")
@dataclass(frozen=True)
class LengthPass(RowsTask):
    """Adds trees to the path lengths kept with each chunk; [rows, sum, shortest, longest] over all trees so far."""

    forest: Forest

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        if "total" not in rows.state:
            rows.state["total"], rows.state["x"] = np.zeros((rows.n_rows, 1)), rows.matrix()
        total = rows.state["total"]
        self.forest.add_to(rows.state["x"], total)
        return np.array([rows.n_rows, total.sum(), total.min(initial=np.inf), total.max(initial=-np.inf)])

    def reduce(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([left[0] + right[0], left[1] + right[1], min(left[2], right[2]), max(left[3], right[3])])

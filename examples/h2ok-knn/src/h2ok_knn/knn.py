"""K nearest neighbours (Cover and Hart 1967, doi:10.1109/TIT.1967.1053964): a row is like the rows nearest to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.models import Algorithm, FitFrame, TrainContext, field
from h2ok.ext.models.parameters import at_least
from h2ok.kernel import IllegalArgumentError

#: Distances held at a time: 64 MB.
_CELLS = 8_000_000
_MAX_ROWS = 1_000_000


@dataclass
class Parameters:
    """What users may set."""

    k: int = field(5, "Number of neighbours.", gridable=True, check=at_least(1))
    kernel: str = field("uniform", "How neighbours are weighed.", gridable=True, values=("uniform", "inverse"))


class KNearestNeighbours(Algorithm):
    """Mean of the k nearest rows, by Euclidean distance of the standardised columns; a row of weight w counts as w rows."""

    algo, full_name, schema, categories = "knn", "K-Nearest Neighbours", "Knn", ("Regression", "Binomial", "Multinomial")
    Parameters = Parameters

    def fit(self, ctx: TrainContext, frame: FitFrame, params: Parameters) -> dict[str, Any]:
        """The model is the data."""
        if frame.n_rows > _MAX_ROWS:
            raise IllegalArgumentError(f"knn keeps all rows; {frame.n_rows} are more than {_MAX_ROWS}. Train on a sample.")
        x, y, w = frame.arrays()
        # Targets as columns: the number itself, or an indicator for each class.
        targets = y[:, None] if frame.category == "Regression" else np.eye(frame.n_classes)[y.astype(int)]
        return {"x": x, "targets": targets, "w": w, "k": params.k, "inverse": params.kernel == "inverse"}

    @staticmethod
    def predict(state: dict[str, Any], x: Any) -> Any:
        """Numbers, or the share of each class among the neighbours."""
        targets, step = state["targets"], max(1, _CELLS // max(1, len(state["x"])))
        parts = [_means(state, x[i : i + step]) for i in range(0, len(x), step)]
        out = np.concatenate(parts) if parts else np.zeros((0, targets.shape[1]))
        return out[:, 0] if targets.shape[1] == 1 else out


def _means(state: dict[str, Any], x: Any) -> Any:
    """Mean target of the neighbours: float64[len(x), n_targets]."""
    trained, w = state["x"], state["w"]
    distance = (x**2).sum(axis=1)[:, None] + (trained**2).sum(axis=1)[None] - 2 * x @ trained.T
    # Enough rows to gather a weight of k; rows at the same distance in the order they were trained in.
    n = min(len(trained), int(np.ceil(state["k"] / max(1e-3, w.min()))))
    near = np.sort(np.argpartition(distance, n - 1, axis=1)[:, :n], axis=1)
    order = np.argsort(np.take_along_axis(distance, near, axis=1), axis=1, kind="stable")
    near = np.take_along_axis(near, order, axis=1)
    counted = w[near]
    counted = np.clip(state["k"] - (np.cumsum(counted, axis=1) - counted), 0, counted)
    if state["inverse"]:
        counted = counted / np.sqrt(np.maximum(np.take_along_axis(distance, near, axis=1), 1e-12))
    return np.einsum("ij,ijk->ik", counted, state["targets"][near]) / counted.sum(axis=1, keepdims=True)

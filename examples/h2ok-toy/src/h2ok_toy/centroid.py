"""Nearest centroid: a class is the mean of its rows (Tibshirani et al. 2002, doi:10.1073/pnas.082099299, without shrinking)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.models import Algorithm, RowsTask, field
from h2ok.ext.models.parameters import positive
from h2ok.kernel import wire_type


@wire_type("toy.sums")
@dataclass(frozen=True)
class Sums(RowsTask):
    """Weight and weighted sum of each class: what the rows of every node add up to."""

    info: Any
    n_classes: int

    def map_rows(self, rows: Any) -> tuple[Any, Any]:
        x, y, w = self.info.expand(rows), np.nan_to_num(rows.response()).astype(int), rows.weights()
        sums = np.zeros((self.n_classes, x.shape[1]))
        np.add.at(sums, y, x * w[:, None])
        return np.bincount(y, w, self.n_classes), sums


@dataclass
class Parameters:
    """What users may set."""

    sharpness: float = field(1.0, "How fast probability falls with distance.", gridable=True, check=positive)


class NearestCentroid(Algorithm):
    """Probability of a class: softmax of minus sharpness times the squared distance to its centroid."""

    algo, full_name, categories = "nearestcentroid", "Nearest Centroid", ("Binomial", "Multinomial")
    Parameters = Parameters

    def fit(self, ctx: Any, frame: Any, params: Parameters) -> dict[str, Any]:
        weight, sums = frame.do_all(Sums(frame.data.spec, frame.info, frame.n_classes))
        ctx.update(0.9)
        return {"centroids": sums / np.maximum(weight, 1e-300)[:, None], "sharpness": params.sharpness}

    @staticmethod
    def predict(state: dict[str, Any], x: Any) -> Any:
        distance = ((x[:, None, :] - state["centroids"][None]) ** 2).sum(axis=2)
        score = -state["sharpness"] * (distance - distance.min(axis=1, keepdims=True))
        p = np.exp(score)
        return p / p.sum(axis=1, keepdims=True)

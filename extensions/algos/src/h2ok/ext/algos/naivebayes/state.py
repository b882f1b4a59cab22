"""What Naive Bayes learned, and how it predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from h2ok.ext.models import Rows
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["NaiveBayesState"]


@wire_type("naivebayes.state")
@dataclass(frozen=True, slots=True)
class NaiveBayesState:
    """``apriori``: float64[n_classes]. ``tables[j]``: float64[n_classes, n_levels] probabilities of the levels of predictor j, or
    float64[n_classes, 2] mean and standard deviation of a number (``is_cat`` says which).

    Probabilities and densities up to ``eps_prob`` count as ``min_prob``, standard deviations up to ``eps_sdev`` as ``min_sdev``.
    NA and unknown levels say nothing.
    """

    apriori: NDArray[np.float64]
    tables: tuple[NDArray[np.float64], ...]
    is_cat: tuple[bool, ...]
    min_sdev: float
    eps_sdev: float
    min_prob: float
    eps_prob: float

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Probabilities of the classes: float64[n_rows, n_classes]."""
        with np.errstate(divide="ignore"):
            scores = np.tile(np.log(self.apriori), (rows.n_rows, 1))
        for j, table in enumerate(self.tables):
            if self.is_cat[j]:
                codes = rows.codes(j)
                known = codes >= 0
                scores[known] += self._logs(table.T)[codes[known]]
            else:
                x = rows.numbers(j)
                known = ~np.isnan(x)
                scores[known] += self._logs(self._density(x[known], table))
        top = scores.max(axis=1, keepdims=True) if len(scores) else scores
        e = np.exp(scores - top)
        return np.asarray(e / e.sum(axis=1, keepdims=True))

    def _density(self, x: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.float64]:
        mean, sd = table[:, 0], np.where(table[:, 1] <= self.eps_sdev, self.min_sdev, table[:, 1])
        z = (x[:, None] - mean) / sd
        return np.asarray(np.exp(-0.5 * z * z) / (sd * math.sqrt(2 * math.pi)))

    def _logs(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.log(np.where(p <= self.eps_prob, self.min_prob, p)))

"""Balanced classes: rows of rare classes count several times in training, and probabilities are put back to the real shares.

Elkan (2001), "The Foundations of Cost-Sensitive Learning", theorem 2, for the correction; ``balance_classes`` as in H2O.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from h2ok.ext.models.rows import Rows, RowsTask
from h2ok.ext.models.training import TrainingData
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["CLASS_SHARES", "ClassShares", "Corrected", "balance"]

#: Under this name a model holds the shares of its classes.
CLASS_SHARES = "class_shares"


@wire_type("models.class_shares")
@dataclass(frozen=True, slots=True)
class ClassShares:
    """float64[n_classes] each: shares of the classes among the rows, and among the rows as they were counted in training."""

    prior: NDArray[np.float64]
    model: NDArray[np.float64]


@wire_type("models.corrected")
@dataclass(frozen=True, slots=True)
class Corrected:
    """A predictor of balanced classes with its probabilities corrected: times prior share over share in training, summing to 1."""

    state: Any
    shares: ClassShares

    @property
    def states(self) -> tuple[Any]:
        """What predicts behind it."""
        return (self.state,)

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """float64[n_rows, n_classes]."""
        ratio = np.divide(self.shares.prior, self.shares.model, out=np.zeros_like(self.shares.prior), where=self.shares.model > 0)
        p = self.state.predict(rows) * ratio
        total = p.sum(axis=1, keepdims=True)
        out: NDArray[np.float64] = np.divide(p, total, out=p, where=total > 0)
        return out


def balance(data: TrainingData, factors: list[float] | None, max_size: float, seed: int) -> tuple[TrainingData, ClassShares]:
    """The same rows, those of each class counted as often as its sampling factor says; which ones more often is drawn by row.

    Parameters
    ----------
    factors : of each class; None: so that all are as frequent as the most frequent one.
    max_size : the rows in training, as a multiple of the rows there are; factors are scaled down to keep it.

    Raises
    ------
    ValueError
        No row has a response and a weight.
    """
    counts: NDArray[np.float64] = data.do_all(_Counts(data.spec, data.n_classes)).value
    total = counts.sum()
    if total == 0:
        raise ValueError(f"No row of '{data.key}' has a response and a weight: there is nothing to balance.")
    if factors is None:
        sampling = np.divide(counts.max(), counts, out=np.zeros_like(counts), where=counts > 0)
    else:
        sampling = np.array(factors, dtype=np.float64)
    sampling = sampling * min(1.0, max_size * total / max(float((sampling * counts).sum()), 1e-300))
    spec = replace(data.spec, sampling=tuple(sampling.tolist()), sampling_seed=seed)
    drawn = sampling * counts
    return replace(data, spec=spec), ClassShares(counts / total, drawn / drawn.sum())


@wire_type("models.balance_counts")
@dataclass(frozen=True)
class _Counts(RowsTask):
    """float64[n_classes]: weights by class."""

    n_classes: int

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        w, y = rows.weights(), rows.response()
        keep = w > 0
        out: NDArray[np.float64] = np.bincount(y[keep].astype(np.int64), weights=w[keep], minlength=self.n_classes).astype(float)
        return out

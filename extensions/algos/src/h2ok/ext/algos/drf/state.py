"""What a forest predicts: the mean of its trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.models import Rows, RowsTask
from h2ok.kernel import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.models.scoring import Transform
    from h2ok.ext.models.training import ModelColumns

__all__ = ["DRFState", "SessionMean", "TrainingPart", "ValidationUpdate", "mean_of_trees"]


def mean_of_trees(sums: NDArray[np.float64], count: Any, n_classes: int) -> NDArray[np.float64]:
    """Predictions from sums of leaf values float64[n, k] over ``count`` trees (a number or float64[n]).

    One column for numbers; two for two classes with a single tree of the first class; otherwise the sums of the classes' trees,
    made to add up to 1.
    """
    if n_classes == 1 or sums.shape[1] == 1:
        mean = sums[:, 0] / np.maximum(count, 1)
        return mean[:, None] if n_classes == 1 else np.column_stack([mean, 1 - mean])
    total = sums.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(sums, total, out=np.full_like(sums, 1 / n_classes), where=total > 0))


@wire_type("drf.part")
@dataclass(frozen=True, slots=True)
class TrainingPart:
    """Trees that were grown in one training: their seed, the number of rounds, and the key of the frame."""

    seed: int
    rounds: int
    frame: str


@wire_type("drf.state")
@dataclass(frozen=True, slots=True)
class DRFState:
    """``rounds``: trees of each class; ``k``: trees a round; ``n_classes``: 1 for numbers. ``parts``: where the trees
    come from, in their order.
    """

    forest: Forest
    rounds: int
    k: int
    n_classes: int
    parts: tuple[TrainingPart, ...] = ()

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Probabilities of the classes, or the mean: float64[n_rows, n_classes]."""
        sums = np.zeros((rows.n_rows, self.k))
        self.forest.add_to(rows.matrix(), sums)
        return mean_of_trees(sums, self.rounds, self.n_classes)

    def transform(self, kind: str, request: Any, columns: ModelColumns) -> Transform:
        """Other things than predictions that trees say about rows (see ``Transforms``)."""
        from h2ok.ext.algos.gbm.transforms import Trees, transform

        # Trees of two classes predict the first one, contributions are told for the second.
        start, scale = (0.0, 1 / self.rounds) if self.n_classes == 1 else (1.0, -1 / self.rounds)
        additive = self.k == 1
        return transform(Trees("DRF", self.forest, self.k, start, scale, additive), kind, request, columns)


@wire_type("drf.valid_update")
@dataclass(frozen=True)
class ValidationUpdate(RowsTask):
    """Adds trees to the sums of validation rows, which are kept with their chunk."""

    forest: Forest
    k: int

    def map_rows(self, rows: Rows) -> None:
        x = rows.state.get("x")
        if x is None:
            x = rows.state["x"] = rows.matrix()
            rows.state["f"] = np.zeros((rows.n_rows, self.k))
        self.forest.add_to(x, rows.state["f"])


@wire_type("drf.session_mean")
@dataclass(frozen=True, slots=True)
class SessionMean:
    """Predicts with the sums that training keeps."""

    rounds: int
    n_classes: int

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        return mean_of_trees(rows.state["f"], self.rounds, self.n_classes)

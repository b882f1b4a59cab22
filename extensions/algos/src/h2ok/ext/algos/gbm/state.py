"""GBMState: what a GBM has learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.algos.gbm.forest import Forest, probabilities, start_scores
from h2ok.ext.models import Distribution, Rows
from h2ok.kernel import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.models.h_statistic import WeightedTrees
    from h2ok.ext.models.scoring import Transform
    from h2ok.ext.models.training import ModelColumns

__all__ = ["GBMState"]


@wire_type("gbm.state")
@dataclass(frozen=True, slots=True)
class GBMState:
    """``init``: float64[k], the scores before the first tree."""

    forest: Forest
    distribution: Distribution
    init: NDArray[np.float64]

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Probabilities of the classes, or the mean: float64[n_rows, k]."""
        return probabilities(self.scores(rows), self.distribution)

    def transform(self, kind: str, request: Any, columns: ModelColumns) -> Transform:
        """Other things than predictions that trees say about rows (see ``Transforms``)."""
        from h2ok.ext.algos.gbm.transforms import Trees, transform

        k = len(self.init)
        return transform(Trees("GBM", self.forest, k, float(self.init[0]), additive=k == 1), kind, request, columns)

    def weighted_trees(self) -> WeightedTrees:
        """The trees of a model of one score; see ``HasTrees``."""
        from h2ok.ext.algos.gbm.transforms import weighted_trees

        return weighted_trees(self.forest, len(self.init))

    def scores(self, rows: Rows) -> NDArray[np.float64]:
        """float64[n_rows, k]: scores before the inverse link."""
        f = start_scores(rows, self.init)
        self.forest.add_to(rows.matrix(), f)
        return f

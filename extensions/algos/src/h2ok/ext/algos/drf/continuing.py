"""Continuing a forest: what its trees say about the rows, forests put together, and which models fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.algos.drf.grower import row_draws
from h2ok.ext.algos.drf.state import DRFState
from h2ok.ext.algos.trees import check_kept
from h2ok.ext.models import Model, Rows, RowsTask, TrainingData, Validation
from h2ok.kernel import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.algos.drf.params import DRFParametersV3

__all__ = ["Restore", "check_checkpoint"]


def check_checkpoint(v: Validation, held: Any, p: DRFParametersV3, data: TrainingData) -> None:
    """Findings about a model to continue from."""
    if not isinstance(held, Model) or not isinstance(held.state, DRFState):
        v.error("checkpoint", f"checkpoint '{p.checkpoint}' is not a drf model. Name a model of this algorithm.")
        return
    if p.nfolds > 1 or p.fold_column is not None:
        v.error("checkpoint", "A model cannot be continued with cross-validation. Leave out nfolds and fold_column.")
    if p.ntrees <= held.state.rounds:
        v.error(
            "ntrees",
            f"If checkpoint is specified then requested ntrees must be higher than {held.state.rounds}; got {p.ntrees}.",
        )
    check_kept(v, p, held.parameters)
    old, new = held.output.columns, data.columns
    if (old.names, old.domains, old.response_domain) != (new.names, new.domains, new.response_domain):
        v.error("checkpoint", f"The columns or levels of the training frame are not those of '{p.checkpoint}'.")


@wire_type("drf.restore")
@dataclass(frozen=True)
class Restore(RowsTask):
    """Out-of-bag sums of trees that exist: (first row, sums float64[n, k], counts float64[n]) of each chunk's rows that count.

    Rows of other frames than ``frame`` were never in a bag.
    """

    state: DRFState
    rates: NDArray[np.float64]
    frame: str

    def map_rows(self, rows: Rows) -> list[tuple[int, Any, Any]]:
        keep = np.flatnonzero(rows.weights() > 0)
        x, y, k = rows.matrix()[keep], rows.response()[keep], self.state.k
        rate = self.rates[y.astype(np.int64)] if len(self.rates) > 1 else self.rates[0]
        sums, counts, number = np.zeros((len(keep), k)), np.zeros(len(keep)), 0
        for part in self.state.parts:
            for _ in range(part.rounds):
                out = np.arange(len(keep))
                if part.frame == self.frame:
                    out = np.flatnonzero(row_draws(part.seed, number, rows.start, rows.n_rows)[keep] >= rate)
                found = np.zeros((len(out), k))
                trees = slice(number * k, (number + 1) * k)
                forest = self.state.forest
                replace(forest, roots=forest.roots[trees], tree_class=forest.tree_class[trees]).add_to(x[out], found)
                sums[out] += found
                counts[out] += 1
                number += 1
        return [(rows.start, sums, counts)]

    def reduce(self, left: list[Any], right: list[Any]) -> list[Any]:
        return left + right

"""Cover: how much weight of some rows reaches each node of a forest, for contributions of another population."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from h2ok.ext.algos.gbm.explain import reached
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.models import Rows, RowsTask
from h2ok.ext.models.adaptation import adapt
from h2ok.ext.models.model import Model
from h2ok.kernel import Frame, IllegalArgumentError, Node, wire_type
from numpy.typing import NDArray

__all__ = ["cover_of", "with_cover"]


@wire_type("gbm.cover_task")
@dataclass(frozen=True)
class CoverTask(RowsTask):
    """The weight of the rows that fall into each leaf, float64[n_nodes]; 0 at the other nodes."""

    forest: Forest

    def map_rows(self, rows: Rows) -> Any:
        n = len(self.forest.feature)
        leaves, weights = reached(self.forest, rows.matrix(), None), rows.weights()
        total = np.zeros(n)
        for t in range(leaves.shape[1]):
            total += np.bincount(leaves[:, t], weights, minlength=n)
        return total


def cover_of(forest: Forest, leaves: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cover of all nodes, float64[n_nodes], given that of the leaves."""
    cover = leaves.copy()
    order: list[int] = []
    stack = forest.roots.tolist()
    while stack:
        node = stack.pop()
        if forest.feature[node] >= 0:
            order.append(node)
            stack += (int(forest.left[node]), int(forest.right[node]))
    for node in reversed(order):
        cover[node] = cover[forest.left[node]] + cover[forest.right[node]]
    return cover


def with_cover(node: Node, model: Model, frame: Frame, weights: str) -> Model:
    """The model with the cover that the rows of a frame give its trees; its predictions are the same.

    Raises
    ------
    IllegalArgumentError
        The model has no trees of this kind, or the frame no such numeric column.
    """
    forest = getattr(model.state, "forest", None)
    if not isinstance(forest, Forest):
        raise IllegalArgumentError(f"Model '{model.key}' ({model.algo}) has no trees whose weights can be updated.")
    if weights not in frame.names or frame.vec(weights).type not in ("numeric", "bad"):
        raise IllegalArgumentError(f"Frame '{frame.key}' needs a numeric column of weights named '{weights}'.")
    columns = replace(model.output.columns, response=None, response_domain=None, weights=weights)
    data = adapt(node, columns, frame)
    cover = cover_of(forest, data.do_all(CoverTask(data.spec, forest)).value)
    state = replace(model.state, forest=replace(forest, cover=cover))
    return replace(model, state=state)

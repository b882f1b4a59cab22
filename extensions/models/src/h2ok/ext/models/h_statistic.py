"""Friedman's and Popescu's H: how much of what several predictors do together is not the sum of what they do apart.

Friedman and Popescu (2008), "Predictive learning via rule ensembles", doi:10.1214/07-AOAS148, section 8.1. Partial dependence is
read off the trees: at a split on another column both ways are taken, each with its share of the training rows.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.models.adaptation import adapt
from h2ok.ext.models.model import Model
from h2ok.ext.models.rows import Rows, RowsTask
from h2ok.kernel import Frame, IllegalArgumentError, Node, wire_type
from numpy.typing import NDArray

__all__ = ["HasTrees", "WeightedTrees", "h_statistic"]

_MOST_VARIABLES = 6


@wire_type("models.weighted_trees")
@dataclass(frozen=True, slots=True)
class WeightedTrees:
    """The trees whose sum a model predicts from. ``roots``: int32[n_trees]; the others by node, children by number.

    ``feature``: int32, predictor of the model, -1 for a leaf; a number below ``threshold`` goes left, a missing one where
    ``na_left`` says. ``cover``: float64, weight of the training rows. ``single_precision``: numbers are rounded to
    float32 before they are compared.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    na_left: NDArray[np.uint8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    cover: NDArray[np.float64]
    single_precision: bool = False


@runtime_checkable
class HasTrees(Protocol):
    """A state that predicts from a sum of trees."""

    def weighted_trees(self) -> WeightedTrees:
        """The trees. Raises IllegalArgumentError when the model is no such sum."""


def h_statistic(node: Node, model: Model, frame: Frame, variables: Sequence[str]) -> float:
    """H of ``variables`` over the rows of a frame: 0 without interaction, up to 1; NaN when rounding spoils it, as in H2O.

    Raises
    ------
    IllegalArgumentError
        Fewer than two or too many variables, one that is categorical or no predictor, or a model without trees.
    BadRequestError
        The frame misses a column of the model.
    """
    columns = model.output.columns
    if not isinstance(model.state, HasTrees):
        raise IllegalArgumentError(
            f"H needs a model that sums trees, as GBM and XGBoost do; '{model.key}' is a {model.full_name} model.",
            argument="model_id",
        )
    if not 2 <= len(variables) <= _MOST_VARIABLES or len(set(variables)) < len(variables):
        raise IllegalArgumentError(
            f"H needs 2 to {_MOST_VARIABLES} different variables; got {', '.join(variables) or 'none'}.", argument="variables"
        )
    for name in variables:
        if name not in columns.names:
            raise IllegalArgumentError(
                f"'{name}' is no predictor of '{model.key}'. Predictors: {', '.join(columns.names)}.", argument="variables"
            )
        if columns.domains[columns.names.index(name)] is not None:
            raise IllegalArgumentError(f"'{name}' is categorical; H is for numeric variables.", argument="variables")
    missing = [n for n in columns.sources if frame.find(n) < 0]
    if missing:
        raise BadRequestError(f"{', '.join(missing)} is missing in frame '{frame.key}': H needs all predictors of the model.")
    data = adapt(node, columns, frame)
    task = _HTask(data.spec, model.state.weighted_trees(), tuple(columns.names.index(n) for n in variables))
    _, _, together, _, total = data.do_all(task).value
    if total <= 0 or together >= total:
        return math.nan
    return math.sqrt(together / total)


@wire_type("models.h_task")
@dataclass(frozen=True)
class _HTask(RowsTask):
    """(rows, mean and sum of squared deviations of the pure interaction, the same of the joint dependence)."""

    trees: WeightedTrees
    variables: tuple[int, ...]

    def map_rows(self, rows: Rows) -> tuple[float, ...]:
        x = np.column_stack([rows.numbers(j) for j in self.variables])
        if self.trees.single_precision:
            x = x.astype(np.float32).astype(np.float64)
        m = len(self.variables)
        interaction = np.zeros(rows.n_rows)
        joint = interaction
        for size in range(1, m + 1):
            for some in itertools.combinations(range(m), size):
                joint = partial_dependence(x, [self.variables[i] if i in some else -1 for i in range(m)], self.trees)
                interaction = interaction + (-1) ** (m - size) * joint
        return (float(rows.n_rows), *_moments(interaction), *_moments(joint))

    def reduce(self, left: Any, right: Any) -> Any:
        n = left[0] + right[0]
        merged = [n]
        for i in (1, 3):
            delta = right[i] - left[i]
            merged += [left[i] + delta * right[0] / n, left[i + 1] + right[i + 1] + delta * delta * left[0] * right[0] / n]
        return tuple(merged)


def _moments(values: NDArray[np.float64]) -> tuple[float, float]:
    mean = float(values.mean())
    return mean, float(((values - mean) ** 2).sum())


def partial_dependence(x: NDArray[np.float64], columns: Sequence[int], trees: WeightedTrees) -> NDArray[np.float64]:
    """float64[n]: sum over trees at values x : float64[n, m] of predictors ``columns`` (-1: not looked at), others averaged out."""
    from h2ok.ext.models.tree_kernels import average_out

    chosen = np.full(max(int(trees.feature.max(initial=0)), *columns) + 1, -1, dtype=np.int64)
    for place, column in enumerate(columns):
        if column >= 0:
            chosen[column] = place
    out = np.zeros(len(x))
    t = trees
    average_out(x, chosen, t.roots, t.feature, t.threshold, t.na_left, t.left, t.right, t.value, t.cover, out)
    return out

"""Transforms of tree models: contributions, leaves and frequencies as columns of a frame."""

# ruff: noqa: ARG001 - all transforms take (trees, request, columns)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from h2ok.ext.algos.gbm.explain import ContributionsTask, FrequenciesTask, LeafTask, leaf_names, leaf_paths
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.models.contributions import Ranking, check_request, columns_for
from h2ok.ext.models.h_statistic import WeightedTrees
from h2ok.ext.models.scoring import Transform, no_transform, tree_names
from h2ok.ext.models.training import ModelColumns
from h2ok.kernel import IllegalArgumentError, OutputSpec

__all__ = ["KINDS", "Trees", "transform", "weighted_trees"]


@dataclass(frozen=True, slots=True)
class Trees:
    """A forest and what its sums mean: a prediction is ``start + scale * sum`` when it is ``additive``. ``k``: trees a round."""

    algorithm: str
    forest: Forest
    k: int
    start: float = 0.0
    scale: float = 1.0
    additive: bool = True


def transform(trees: Trees, kind: str, request: Any, columns: ModelColumns) -> Transform:
    """What the flag ``kind`` of a prediction asks for.

    Raises
    ------
    IllegalArgumentError
        The model cannot do it.
    """
    if kind not in KINDS:
        raise no_transform(kind, trees.algorithm, KINDS)
    return KINDS[kind](trees, request, columns)


def weighted_trees(forest: Forest, k: int) -> WeightedTrees:
    """A forest of one score.

    Raises
    ------
    IllegalArgumentError
        There are several scores, or no shares of the training rows.
    """
    if k != 1 or not len(forest.cover):
        raise IllegalArgumentError("H is for models that predict a number or two classes.", argument="model_id")
    f = forest
    return WeightedTrees(f.roots, f.feature, f.threshold, f.na_left, f.left, f.right, f.value, f.cover)


def _contributions(trees: Trees, request: Any, columns: ModelColumns) -> Transform:
    if not trees.additive:
        raise IllegalArgumentError(
            f"Contributions are not available for this {trees.algorithm} model: its predictions are no sums over trees (several "
            "classes, or an anomaly score).",
            argument="predict_contributions",
        )
    check_request(request)
    forest, paths, start, scale = trees.forest, leaf_paths(trees.forest), trees.start, trees.scale
    ranking = Ranking.of(request, len(columns.names))
    names, outputs = columns_for(columns.names, ranking)
    return Transform(names, outputs, lambda spec: ContributionsTask(spec, forest, paths, start, scale, ranking))


def _leaves(trees: Trees, request: Any, columns: ModelColumns) -> Transform:
    forest, k = trees.forest, trees.k
    levels, codes, numbers = leaf_names(forest)
    names = tree_names(forest.tree_class, k, columns)
    as_levels = (request.leaf_node_assignment_type or "Path") == "Path"
    outputs = [OutputSpec("enum", level) if as_levels else OutputSpec() for level in levels]
    return Transform(names, outputs, lambda spec: LeafTask(spec, forest, codes if as_levels else numbers, as_levels))


def _frequencies(trees: Trees, request: Any, columns: ModelColumns) -> Transform:
    outputs = [OutputSpec() for _ in columns.names]
    return Transform(columns.names, outputs, lambda spec: FrequenciesTask(spec, trees.forest))


#: What trees of GBM, DRF and isolation forest can give in place of predictions.
KINDS = {"predict_contributions": _contributions, "leaf_node_assignment": _leaves, "feature_frequencies": _frequencies}

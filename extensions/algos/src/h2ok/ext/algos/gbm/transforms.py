"""Transforms of tree models: contributions, leaves and frequencies as columns of a frame."""

# ruff: noqa: ARG001 - all transforms take (trees, request, columns)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from h2ok.ext.algos.gbm.explain import ContributionsTask, FrequenciesTask, LeafTask, leaf_names, leaf_paths
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.models.scoring import Transform
from h2ok.ext.models.training import ModelColumns
from h2ok.kernel import IllegalArgumentError, OutputSpec

__all__ = ["Trees", "transform"]


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
    makers = {
        "predict_contributions": _contributions,
        "leaf_node_assignment": _leaves,
        "feature_frequencies": _frequencies,
    }
    if kind not in makers:
        raise IllegalArgumentError(
            f"{kind} is not available for {trees.algorithm} models. Available: {', '.join(makers)}.", argument=kind
        )
    return makers[kind](trees, request, columns)


def _contributions(trees: Trees, request: Any, columns: ModelColumns) -> Transform:
    if not trees.additive:
        raise IllegalArgumentError(
            f"Contributions are not available for this {trees.algorithm} model: its predictions are no sums over trees (several "
            "classes, or an anomaly score).",
            argument="predict_contributions",
        )
    if request.background_frame:
        raise IllegalArgumentError(
            "Contributions against a background_frame are not available; leave it out to use the cover of the trees.",
            argument="background_frame",
        )
    if request.output_space:
        raise IllegalArgumentError("output_space needs a background_frame, which is not available.", argument="output_space")
    forest, paths = trees.forest, leaf_paths(trees.forest)
    top, low = _ranks(request.top_n, request.bottom_n, len(columns.names))
    if top == 0 and low == 0:
        names = (*columns.names, "BiasTerm")
        outputs = [OutputSpec() for _ in names]
    else:
        heads = [
            f"{side}_{what}_{i + 1}"
            for side, n in (("top", top), ("bottom", low))
            for i in range(n)
            for what in ("feature", "value")
        ]
        names = (*heads, "BiasTerm")
        outputs = [OutputSpec("enum", columns.names) if "_feature_" in n else OutputSpec() for n in names]
    given = (trees.start, trees.scale, top, low, bool(request.compare_abs))
    return Transform(names, outputs, lambda spec: ContributionsTask(spec, forest, paths, *given))


def _ranks(top: int, low: int, n: int) -> tuple[int, int]:
    """How many contributions from the top and from the bottom; negative numbers ask for all."""
    if top == 0:
        return 0, n if low < 0 else min(low, n)
    if low == 0:
        return n if top < 0 else min(top, n), 0
    return (n, 0) if top < 0 or low < 0 or top + low >= n else (top, low)


def _leaves(trees: Trees, request: Any, columns: ModelColumns) -> Transform:
    forest, k = trees.forest, trees.k
    levels, codes, numbers = leaf_names(forest)
    names = tuple(f"T{t // k + 1}.C{int(c) + 1}" for t, c in enumerate(forest.tree_class))
    as_levels = (request.leaf_node_assignment_type or "Path") == "Path"
    outputs = [OutputSpec("enum", level) if as_levels else OutputSpec() for level in levels]
    return Transform(names, outputs, lambda spec: LeafTask(spec, forest, codes if as_levels else numbers, as_levels))


def _frequencies(trees: Trees, request: Any, columns: ModelColumns) -> Transform:
    outputs = [OutputSpec() for _ in columns.names]
    return Transform(columns.names, outputs, lambda spec: FrequenciesTask(spec, trees.forest))

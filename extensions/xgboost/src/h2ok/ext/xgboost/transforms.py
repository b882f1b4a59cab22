"""Transforms of XGBoost models: contributions and leaves as columns of a frame, as the library tells them."""

# ruff: noqa: ARG001 - all transforms take (state, request, columns)

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.models import Rows, RowsTask
from h2ok.ext.models.contributions import Ranking, check_request, columns_for
from h2ok.ext.models.h_statistic import WeightedTrees
from h2ok.ext.models.scoring import Transform, no_transform, tree_names
from h2ok.kernel import IllegalArgumentError, OutputSpec, wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.models.training import ModelColumns
    from h2ok.ext.xgboost.boosted import Boosted

__all__ = ["KINDS", "ContributionsTask", "LeafTask", "transform"]


@wire_type("xgboost.contributions_task")
@dataclass(frozen=True)
class ContributionsTask(RowsTask):
    """Writes contributions to the margin, of matrix columns or (``compact``) summed over the columns of a predictor."""

    state: Any
    ranking: Ranking
    compact: bool

    def map_rows(self, rows: Rows) -> None:
        if rows.n_rows == 0:
            return
        found = self.state.explained(rows, pred_contribs=True).astype(np.float64)
        phi = self.state.expansion.by_predictor(found[:, :-1]) if self.compact else found[:, :-1]
        self.ranking.write(rows, phi, np.ascontiguousarray(found[:, -1]))


@wire_type("xgboost.leaf_task")
@dataclass(frozen=True)
class LeafTask(RowsTask):
    """Writes for each tree the leaf of each row: its number in the tree, or ``codes[tree][number]``."""

    state: Any
    codes: tuple[NDArray[np.int32], ...] | None

    def map_rows(self, rows: Rows) -> None:
        if rows.n_rows == 0:
            return
        leaves = self.state.explained(rows, pred_leaf=True).reshape(rows.n_rows, -1)
        for t in range(leaves.shape[1]):
            number = leaves[:, t].astype(np.int64)
            rows.block.write(t, number.astype(np.float64) if self.codes is None else self.codes[t][number])


def transform(state: Boosted, kind: str, request: Any, columns: ModelColumns) -> Transform:
    """What the flag ``kind`` of a prediction asks for.

    Raises
    ------
    IllegalArgumentError
        The model cannot do it.
    """
    if kind not in KINDS:
        raise no_transform(kind, "XGBoost", KINDS)
    if state.booster == "gblinear":
        raise IllegalArgumentError(f"{kind} needs trees; this model was trained with booster=gblinear.", argument=kind)
    return KINDS[kind](state, request, columns)


def _contributions(state: Boosted, request: Any, columns: ModelColumns) -> Transform:
    if state.distribution == "multinomial":
        raise IllegalArgumentError(
            "Contributions are not available for models of several classes.", argument="predict_contributions"
        )
    check_request(request)
    form = (request.predict_contributions_output_format or "Original").lower()
    if form not in ("original", "compact"):
        raise IllegalArgumentError(
            f"predict_contributions_output_format must be Original or Compact; got '{form}'.",
            argument="predict_contributions_output_format",
        )
    compact = form == "compact"
    features = state.expansion.predictors if compact else state.expansion.names
    ranking = Ranking.of(request, len(features))
    names, outputs = columns_for(features, ranking)
    return Transform(names, outputs, lambda spec: ContributionsTask(spec, state, ranking, compact))


def _leaves(state: Boosted, request: Any, columns: ModelColumns) -> Transform:
    trees = [json.loads(text) for text in state.dump()]
    k = state.n_classes if state.distribution == "multinomial" else 1
    names = tree_names(np.arange(len(trees)) % k, k, columns)
    if (request.leaf_node_assignment_type or "Path") != "Path":
        return Transform(names, [OutputSpec() for _ in names], lambda spec: LeafTask(spec, state, None))
    named = [_paths(tree) for tree in trees]
    outputs = [OutputSpec("enum", levels) for levels, _ in named]
    return Transform(names, outputs, lambda spec: LeafTask(spec, state, tuple(codes for _, codes in named)))


def weighted_trees(state: Boosted) -> WeightedTrees:
    """The trees of a booster, matrix columns counted for their predictors.

    Raises
    ------
    IllegalArgumentError
        The booster has no trees, or several classes.
    """
    if state.distribution == "multinomial" or state.booster != "gbtree":
        raise IllegalArgumentError("H is for gbtree models that predict a number or two classes.", argument="model_id")
    predictor = {c: j for j in (*state.expansion.categorical, *state.expansion.numeric) for c in state.expansion.columns_of(j)}
    parts: list[tuple[Any, ...]] = []
    roots = []
    for text in state.dump(with_stats=True):
        roots.append(len(parts))
        _add_nodes(json.loads(text), predictor, parts)
    feature, threshold, na_left, left, right, value, cover = zip(*parts, strict=True)
    i32, f64 = np.int32, np.float64
    return WeightedTrees(
        np.array(roots, i32), np.array(feature, i32), np.array(threshold, np.float32).astype(f64), np.array(na_left, np.uint8),
        np.array(left, i32), np.array(right, i32), np.array(value, f64), np.array(cover, f64), True,
    )  # fmt: skip


def _add_nodes(tree: dict[str, Any], predictor: dict[int, int], parts: list[tuple[Any, ...]]) -> None:
    first = len(parts)
    nodes: dict[int, dict[str, Any]] = {}
    stack = [tree]
    while stack:
        node = stack.pop()
        nodes[int(node["nodeid"])] = node
        stack.extend(node.get("children", ()))
    place = {number: first + i for i, number in enumerate(sorted(nodes))}
    for number in sorted(nodes):
        node = nodes[number]
        if "leaf" in node:
            parts.append((-1, 0.0, 0, -1, -1, node["leaf"], node["cover"]))
            continue
        column = int(node["split"].removeprefix("f"))
        missing_left = node["missing"] == node["yes"]
        sides = place[node["yes"]], place[node["no"]]
        parts.append((predictor[column], node["split_condition"], missing_left, *sides, 0.0, node["cover"]))


def _paths(tree: dict[str, Any]) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Ways from the root to the leaves like LRL, sorted; for each node number the way's place (-1: no leaf)."""
    found: dict[int, str] = {}
    stack: list[tuple[dict[str, Any], str]] = [(tree, "")]
    while stack:
        node, way = stack.pop()
        if "leaf" in node:
            found[int(node["nodeid"])] = way
            continue
        for child in node["children"]:
            stack.append((child, way + ("L" if child["nodeid"] == node["yes"] else "R")))
    levels = tuple(sorted(found.values()))
    codes = np.full(max(found) + 1, -1, dtype=np.int32)
    for number, way in found.items():
        codes[number] = levels.index(way)
    return levels, codes


#: What XGBoost models can give in place of predictions.
KINDS = {"predict_contributions": _contributions, "leaf_node_assignment": _leaves}

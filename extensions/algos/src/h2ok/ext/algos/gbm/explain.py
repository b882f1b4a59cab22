"""What a forest says about single rows: Shapley values, leaves, and how often columns decide.

Shapley values given the cover of the nodes: Lundberg et al. (2020), doi:10.1038/s42256-019-0138-9. Here leaf by leaf: the columns
on the way to a leaf are the players, and the weights of the coalitions are the coefficients of a product of linear polynomials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.models import Rows, RowsTask
from h2ok.ext.models.contributions import Ranking
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["ContributionsTask", "FrequenciesTask", "LeafPaths", "LeafTask", "leaf_names", "leaf_paths"]


@wire_type("gbm.leaf_paths")
@dataclass(frozen=True, slots=True)
class LeafPaths:
    """Ways from the roots to the leaves.

    ``tree_leaves`` int64[n_trees + 1]: where the leaves of each tree begin; ``leaf_steps``, ``leaf_players`` int64[n_leaves + 1]:
    where the steps and the players of each leaf begin. A step: its node, whether it goes left, and its player's number within the
    leaf. A player: its column, and the share of the rows that follow its steps.
    """

    tree_leaves: NDArray[np.int64]
    leaf_value: NDArray[np.float64]
    leaf_steps: NDArray[np.int64]
    leaf_players: NDArray[np.int64]
    step_node: NDArray[np.int32]
    step_left: NDArray[np.uint8]
    step_player: NDArray[np.int32]
    player_column: NDArray[np.int32]
    player_share: NDArray[np.float64]
    #: Sum over trees of the mean leaf value.
    bias: float


def leaf_paths(forest: Forest) -> LeafPaths:
    """The ways to all leaves of a forest that knows the cover of its nodes.

    Raises
    ------
    ValueError
        The forest was grown without cover.
    """
    if len(forest.cover) != len(forest.feature):
        raise ValueError("The model does not know how many rows reach its nodes. Train it again with this version.")
    tree_leaves, steps, players = [0], [0], [0]
    value: list[float] = []
    nodes: list[int] = []
    lefts: list[int] = []
    numbers: list[int] = []
    columns: list[int] = []
    shares: list[float] = []
    bias = 0.0
    for root in forest.roots.tolist():
        stack: list[tuple[int, list[tuple[int, int, float]]]] = [(root, [])]
        while stack:
            node, way = stack.pop()
            column = int(forest.feature[node])
            if column >= 0:
                for child, left in ((int(forest.right[node]), 0), (int(forest.left[node]), 1)):
                    share = float(forest.cover[child] / forest.cover[node]) if forest.cover[node] > 0 else 0.5
                    stack.append((child, [*way, (node, left, share)]))
                continue
            own: dict[int, int] = {}
            mine: list[float] = []
            for at, left, share in way:
                c = int(forest.feature[at])
                if c not in own:
                    own[c] = len(mine)
                    mine.append(1.0)
                mine[own[c]] *= share
                nodes.append(at)
                lefts.append(left)
                numbers.append(own[c])
            columns += list(own)
            shares += mine
            value.append(float(forest.value[node]))
            bias += value[-1] * float(np.prod(mine))
            steps.append(len(nodes))
            players.append(len(columns))
        tree_leaves.append(len(value))
    return LeafPaths(
        np.array(tree_leaves, dtype=np.int64), np.array(value), np.array(steps, dtype=np.int64), np.array(players, dtype=np.int64),
        np.array(nodes, dtype=np.int32), np.array(lefts, dtype=np.uint8), np.array(numbers, dtype=np.int32),
        np.array(columns, dtype=np.int32), np.array(shares), bias,
    )  # fmt: skip


def contributions(forest: Forest, paths: LeafPaths, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shapley values float64[n_rows, n_columns] of the sum of the trees."""
    from h2ok.ext.algos.gbm.explain_kernels import shapley

    out = np.zeros(x.shape)
    go = np.empty(len(forest.feature), dtype=np.uint8)
    p = paths
    most = int(np.max(np.diff(p.leaf_players), initial=0))
    shapley(
        x, forest.feature, forest.threshold, forest.na_left, forest.cat_start, forest.cat_size, forest.cat_left, p.leaf_value,
        p.leaf_steps, p.leaf_players, p.step_node, p.step_left, p.step_player, p.player_column, p.player_share, most, go, out,
    )  # fmt: skip
    return out


@wire_type("gbm.contributions_task")
@dataclass(frozen=True)
class ContributionsTask(RowsTask):
    """Writes the contributions to ``start + scale * (sum of the trees)``, as ranked."""

    forest: Forest
    paths: LeafPaths
    start: float
    scale: float
    ranking: Ranking

    def map_rows(self, rows: Rows) -> None:
        phi = contributions(self.forest, self.paths, rows.matrix()) * self.scale
        self.ranking.write(rows, phi, np.full(rows.n_rows, self.start + self.scale * self.paths.bias))


@wire_type("gbm.leaf_task")
@dataclass(frozen=True)
class LeafTask(RowsTask):
    """Writes for each tree the number in ``codes`` (int32, by node) of the leaf each row falls into."""

    forest: Forest
    codes: NDArray[np.int32]
    as_levels: bool

    def map_rows(self, rows: Rows) -> None:
        leaves = reached(self.forest, rows.matrix(), None)
        for t in range(leaves.shape[1]):
            found = self.codes[leaves[:, t]]
            rows.block.write(t, np.ascontiguousarray(found if self.as_levels else found.astype(np.float64)))


@wire_type("gbm.frequencies_task")
@dataclass(frozen=True)
class FrequenciesTask(RowsTask):
    """Writes how often each column decides on the way of a row through all trees."""

    forest: Forest

    def map_rows(self, rows: Rows) -> None:
        counts = np.zeros((rows.n_rows, rows.n_columns))
        reached(self.forest, rows.matrix(), counts)
        for j in range(rows.n_columns):
            rows.block.write(j, np.ascontiguousarray(counts[:, j]))


def reached(forest: Forest, x: NDArray[np.float64], counts: NDArray[np.float64] | None) -> NDArray[np.int32]:
    """int32[n_rows, n_trees]: the leaf of each tree; ``counts`` float64[n_rows, n_columns] is added to."""
    from h2ok.ext.algos.gbm.explain_kernels import walk

    out = np.empty((len(x), forest.n_trees), dtype=np.int32)
    walk(
        x, forest.roots, forest.feature, forest.threshold, forest.na_left, forest.left, forest.right, forest.cat_start,
        forest.cat_size, forest.cat_left, np.zeros((1, 1)) if counts is None else counts, counts is not None, out,
    )  # fmt: skip
    return out


def leaf_names(forest: Forest) -> tuple[list[tuple[str, ...]], NDArray[np.int32], NDArray[np.int32]]:
    """(paths like LRL of the leaves of each tree, sorted; number of each leaf's path; number of each node within its tree)."""
    levels: list[tuple[str, ...]] = []
    codes = np.full(len(forest.feature), -1, dtype=np.int32)
    numbers = np.zeros(len(forest.feature), dtype=np.int32)
    for root in forest.roots.tolist():
        found: dict[str, int] = {}
        stack: list[tuple[int, str]] = [(root, "")]
        while stack:
            node, way = stack.pop()
            numbers[node] = node - root
            if forest.feature[node] < 0:
                found[way] = node
                continue
            stack += [(int(forest.left[node]), way + "L"), (int(forest.right[node]), way + "R")]
        names = tuple(sorted(found))
        for i, name in enumerate(names):
            codes[found[name]] = i
        levels.append(names)
    return levels, codes, numbers

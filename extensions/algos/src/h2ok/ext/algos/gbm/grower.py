"""Growing one tree, level by level: build the smaller child, subtract for its sibling, split, route."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.algos.gbm.binning import BinMapper
from h2ok.ext.algos.gbm.forest import Tree
from h2ok.ext.algos.gbm.passes import Grow, LeafPass, LevelPass, UpdatePass
from h2ok.ext.algos.gbm.robust import ROBUST, ResidualPass, leaf_steps
from h2ok.ext.models import Distribution, TrainContext
from h2ok.ext.models.metrics.task import MetricsTask
from h2ok.kernel import OutOfMemoryBudgetError, uniforms
from numpy.typing import NDArray

__all__ = ["GrowSettings", "Grower"]

_COLUMN_STREAM = 0x434F4C53  # "COLS"
_LOG_LEAF = 19.0
#: Largest histograms of one level; each node of the cloud holds them once for each worker thread.
_MAX_HISTOGRAM_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class GrowSettings:
    """What all trees share; see the parameters of the same names."""

    max_depth: int
    min_rows: float
    min_split_improvement: float
    col_sample_rate: float
    col_sample_rate_per_tree: float
    col_sample_rate_change_per_level: float
    max_abs_leafnode_pred: float
    seed: int
    #: bool[n_groups, n_cols]: columns that may meet on one way through a tree; None for no limits.
    groups: NDArray[np.bool_] | None = None


@dataclass
class _Level:
    """The open nodes of one level: tree nodes, and the routing that led to them."""

    nodes: list[int]
    feature: NDArray[np.int32]
    go_left: NDArray[np.uint8]
    child: NDArray[np.int32]
    #: bool[n_nodes, n_cols]: columns each node may split on; None for all.
    allowed: NDArray[np.bool_] | None = None


class Grower:
    """Grows trees over the rows of one training. ``importance``: float64[n_cols], drop of the squared error by column."""

    def __init__(
        self,
        ctx: TrainContext,
        mapper: BinMapper,
        distribution: Distribution,
        settings: GrowSettings,
        session: str,
        *,
        weighted: bool,
        narrow: bool,
        n_classes: int,
    ) -> None:
        self._ctx, self._mapper, self.distribution, self._settings = ctx, mapper, distribution, settings
        self._session, self._weighted, self._narrow, self._n_classes = session, weighted, narrow, n_classes
        self._n_cols = len(mapper.n_bins)
        self.importance = np.zeros(self._n_cols)
        #: The next tree's start and the sums of its root, once ``update`` has made them.
        self._root: tuple[Grow, tuple[Any, Any]] | None = None

    def grow(self, start: Grow, learn_rate: float) -> tuple[Tree, NDArray[np.float64]]:
        """One tree, and the value of each leaf (learn rate included); nothing is added to the scores yet."""
        s = self._settings
        tree = Tree(start.which)
        level = _Level([tree.add(0)], *_no_routing())
        if s.groups is not None:
            level.allowed = np.atleast_2d(s.groups.any(axis=0))
        parents: NDArray[np.int64] | None = None
        build: list[int] = [0]
        pairs: list[tuple[int, int, int]] = []
        columns = self._tree_columns(start.number)
        leaves: list[int] = []
        depth = 0
        limit = s.max_depth if s.max_depth > 0 else 2**31
        while True:
            hist, squares = self._level(start if depth == 0 else None, level, build, pairs, parents)
            best, go_left = self._splits(hist, squares, start, columns, start.number, depth, level.allowed)
            at_end = depth + 1 >= limit
            level, build, pairs, parents = self._apply(tree, level, best, go_left, hist, leaves, at_end=at_end)
            depth += 1
            if not level.nodes:
                break
        values = self._leaf_values(tree, level, leaves, start, learn_rate)
        return tree, values

    def update(
        self, which: int, values: NDArray[np.float64], *, last: bool, metrics: MetricsTask | None, following: Grow | None
    ) -> tuple[float, Any]:
        """Add a tree to the scores; the largest gradient of the next one, and the sums for ``metrics``.

        ``following``: the next tree where its start is known by now; its root is summed up on the way.
        """
        task = UpdatePass(
            self._ctx.data.spec, self.distribution, which, values, last, metrics, following, self._narrow, session=self._session
        )
        largest, sums, root = self._ctx.data.do_all(task, cancelled=self._ctx.cancelled).value
        self._root = None if following is None else (following, root)
        return float(largest), sums

    def _level(
        self,
        start: Grow | None,
        level: _Level,
        build: list[int],
        pairs: list[tuple[int, int, int]],
        parents: NDArray[np.int64] | None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        n = len(level.nodes)
        self._check_size(n)
        if start is not None and self._root is not None and self._root[0] == start:
            (root, squares), self._root = self._root[1], None
            return root, squares
        slot = np.full(n, -1, dtype=np.int32)
        slot[build] = np.arange(len(build), dtype=np.int32)
        task = LevelPass(
            self._ctx.data.spec, self.distribution, start, level.feature, level.go_left, level.child, slot, len(build),
            self._narrow, session=self._session,
        )  # fmt: skip
        built, squares = self._ctx.data.do_all(task, cancelled=self._ctx.cancelled).value
        hist = np.empty((len(built), n, self._n_cols, 256), dtype=np.int64)
        hist[:, build] = built
        for parent, small, large in pairs:
            assert parents is not None
            np.subtract(parents[:, parent], hist[:, small], out=hist[:, large])
        return hist, squares

    def _check_size(self, n_nodes: int) -> None:
        size = n_nodes * self._n_cols * 256 * 8 * (1 if self._narrow else 2)
        if size > _MAX_HISTOGRAM_BYTES:
            raise OutOfMemoryBudgetError(
                f"The histograms of {n_nodes} nodes and {self._n_cols} columns need {size / 2**30:.1f} GB, the limit is "
                f"{_MAX_HISTOGRAM_BYTES / 2**30:.0f} GB. Lower max_depth, raise min_rows, or use fewer columns.",
                bytes=size,
            )

    def _splits(
        self,
        hist: NDArray[np.int64],
        squares: NDArray[np.float64],
        start: Grow,
        columns: NDArray[np.bool_],
        tree: int,
        depth: int,
        limits: NDArray[np.bool_] | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        from h2ok.ext.algos.gbm.kernels import find_splits

        s, n = self._settings, hist.shape[1]
        best, go_left = np.zeros((n, 6)), np.zeros((n, 256), dtype=np.uint8)
        allowed = self._node_columns(columns, n, tree, depth)
        if limits is not None:
            allowed &= limits
        unit = 1.0 / start.weight_scale if self._weighted else 1.0
        find_splits(
            hist, unit, 1.0 / start.gradient_scale, self._mapper.n_bins, self._mapper.is_cat, allowed, squares, float(s.min_rows),
            s.min_split_improvement, best, go_left,
        )  # fmt: skip
        return best, go_left

    def _apply(
        self,
        tree: Tree,
        level: _Level,
        best: NDArray[np.float64],
        go_left: NDArray[np.uint8],
        hist: NDArray[np.int64],
        leaves: list[int],
        *,
        at_end: bool,
    ) -> tuple[_Level, list[int], list[tuple[int, int, int]], NDArray[np.int64]]:
        """Write the splits into the tree; the next level, which of its nodes to build, and (parent, built, subtracted) triples."""
        n = len(level.nodes)
        feature = np.zeros(n, dtype=np.int32)
        child = np.zeros((n, 2), dtype=np.int32)  # right, left
        nodes: list[int] = []
        build: list[int] = []
        pairs: list[tuple[int, int, int]] = []
        limits: list[NDArray[np.bool_]] = []
        for k, node in enumerate(level.nodes):
            column = int(best[k, 1])
            if column < 0:
                child[k] = self._leaf(node, leaves)
                continue
            feature[k] = column
            self.importance[column] += best[k, 0]
            a, b = self._split_node(tree, node, column, best[k], go_left[k])
            tree.cover[a], tree.cover[b] = float(best[k, 4]), float(best[k, 5])
            if node == 0:
                tree.cover[0] = tree.cover[a] + tree.cover[b]
            if at_end:
                child[k, 1], child[k, 0] = self._leaf(a, leaves), self._leaf(b, leaves)
                continue
            left, right = len(nodes), len(nodes) + 1
            child[k] = right, left
            small, large = (left, right) if best[k, 4] <= best[k, 5] else (right, left)
            build.append(small)
            pairs.append((k, small, large))
            nodes += [a, b]
            limits += self._limits(level, k, column)
        below = np.array(limits) if limits else None
        return _Level(nodes, feature, go_left, child, below), build, pairs, hist

    def _limits(self, level: _Level, k: int, column: int) -> list[NDArray[np.bool_]]:
        """Columns both children of a node may split on, once it splits on ``column``; empty without limits."""
        groups = self._settings.groups
        if groups is None or level.allowed is None:
            return []
        return 2 * [level.allowed[k] & groups[groups[:, column]].any(axis=0)]

    def _split_node(
        self, tree: Tree, node: int, column: int, best: NDArray[np.float64], go_left: NDArray[np.uint8]
    ) -> tuple[int, int]:
        na_left = int(go_left[255])
        if self._mapper.is_cat[column]:
            return tree.split(node, column, 0.0, na_left, go_left[self._mapper.level_bins[column]])
        return tree.split(node, column, self._mapper.threshold(column, int(best[2])), na_left, None)

    @staticmethod
    def _leaf(node: int, leaves: list[int]) -> int:
        leaves.append(node)
        return -len(leaves)

    def _leaf_values(self, tree: Tree, level: _Level, leaves: list[int], start: Grow, learn_rate: float) -> NDArray[np.float64]:
        most = self._settings.max_abs_leafnode_pred
        if self.distribution.name in ROBUST:
            steps = self._robust_steps(level, leaves)
        else:
            steps = self._steps(self._sums(level, leaves, start))
        values = np.clip(steps, -most, most) * learn_rate
        for leaf, value in zip(leaves, values.tolist(), strict=True):
            tree.value[leaf] = value
        return values

    def _robust_steps(self, level: _Level, leaves: list[int]) -> NDArray[np.float64]:
        task = ResidualPass(self._ctx.data.spec, level.feature, level.go_left, level.child, session=self._session)
        return leaf_steps(self.distribution, self._ctx.data.do_all(task, cancelled=self._ctx.cancelled).value, len(leaves))

    def _sums(self, level: _Level, leaves: list[int], start: Grow) -> NDArray[np.float64]:
        task = LeafPass(
            self._ctx.data.spec, self.distribution, start.which, level.feature, level.go_left, level.child,
            len(leaves), session=self._session,
        )  # fmt: skip
        sums: NDArray[np.float64] = self._ctx.data.do_all(task, cancelled=self._ctx.cancelled).value
        return sums

    def _steps(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """The best step of each leaf: one Newton step, or the logarithm of a ratio for log links."""
        top, bottom = sums[:, 0], sums[:, 1]
        if self.distribution.has_log_link:
            with np.errstate(divide="ignore", invalid="ignore"):
                steps = np.log(top) - np.log(bottom)
            return np.asarray(np.clip(np.nan_to_num(steps, nan=0.0, neginf=-_LOG_LEAF, posinf=_LOG_LEAF), -_LOG_LEAF, _LOG_LEAF))
        steps = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 1e-10)
        if self.distribution.name == "multinomial":
            steps = steps * ((self._n_classes - 1) / self._n_classes)
        if self.distribution.name == "gaussian":
            return steps
        return np.asarray(np.clip(steps, -1e4, 1e4))

    def _tree_columns(self, tree: int) -> NDArray[np.bool_]:
        rate = self._settings.col_sample_rate_per_tree
        out = np.ones(self._n_cols, dtype=bool)
        if rate < 1:
            keep = max(1, round(rate * self._n_cols))
            draws = uniforms(self._settings.seed, _COLUMN_STREAM + 2 * tree, 0, self._n_cols)
            out[:] = False
            out[np.argsort(draws, kind="stable")[:keep]] = True
        return out

    def _node_columns(self, columns: NDArray[np.bool_], n_nodes: int, tree: int, depth: int) -> NDArray[np.bool_]:
        s = self._settings
        rate = s.col_sample_rate * s.col_sample_rate_change_per_level**depth
        out = np.repeat(columns[None, :], n_nodes, axis=0)
        if abs(rate - 1) < 1e-12 or rate > 1:
            return out
        have = np.flatnonzero(columns)
        keep = min(len(have), max(1, round(rate * len(have))))
        draws = uniforms(s.seed, _COLUMN_STREAM + 2 * tree + 1, (depth << 40), n_nodes * len(have)).reshape(n_nodes, len(have))
        picked = np.argsort(draws, axis=1, kind="stable")[:, :keep]
        out[:] = False
        np.put_along_axis(out, have[picked], True, axis=1)
        return out


def _no_routing() -> tuple[Any, Any, Any]:
    return np.empty(0, dtype=np.int32), np.empty((0, 256), dtype=np.uint8), np.empty((0, 2), dtype=np.int32)

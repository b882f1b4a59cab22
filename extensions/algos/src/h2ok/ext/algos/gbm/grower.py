"""Growing one tree, level by level: build the smaller child, subtract for its sibling, split, route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.algos.binned_trees import BinnedTree
from h2ok.ext.algos.gbm.binning import BinMapper
from h2ok.ext.algos.gbm.passes import Grow, Level, no_routing
from h2ok.ext.algos.gbm.robust import ROBUST, leaf_steps
from h2ok.ext.algos.gbm.sums import ChunkSums, TreeSums
from h2ok.ext.models import Distribution, Rows, RowsTask
from h2ok.ext.models.metrics.task import MetricsTask
from h2ok.kernel import OutOfMemoryBudgetError, uniforms, wire_type
from numpy.typing import NDArray

__all__ = ["GrowSettings", "Grower", "IterationPass", "grow_iteration"]

_COLUMN_STREAM = 0x434F4C53  # "COLS"
_LOG_LEAF = 19.0
#: Largest histograms of one level; each node of the cloud holds them once for each worker thread.
_MAX_HISTOGRAM_BYTES = 4 << 30


@wire_type("gbm.grow_settings")
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
    groups: NDArray[np.bool_] | None
    n_classes: int
    weighted: bool
    #: Sums of all rows fit the packed form.
    narrow: bool


class _Growing:
    """A tree while it grows: the arrays of ``BinnedTree`` with room for more, and the nodes that are leaves for good."""

    def __init__(self) -> None:
        self.nodes, self.reals = np.zeros((5, 128), np.int32), np.zeros((3, 128))
        self.nodes[0, 0] = self.nodes[3, 0] = self.nodes[4, 0] = -1
        self.sets, self.leaves = np.empty((64, 4), np.uint64), np.empty(128, np.int32)
        #: int64[3]: nodes, sets and leaves so far.
        self.counts = np.array([1, 0, 0])

    @property
    def n_leaves(self) -> int:
        return int(self.counts[2])

    def reserve(self, n_splits: int) -> None:
        """Room for so many splits."""
        nodes, sets, _ = self.counts.tolist()
        if nodes + 2 * n_splits > self.nodes.shape[1]:
            more = nodes + 2 * n_splits
            self.nodes, self.reals = (
                np.concatenate([a, np.empty((len(a), more), a.dtype)], axis=1) for a in (self.nodes, self.reals)
            )
            self.leaves = np.concatenate([self.leaves, np.empty(more, np.int32)])
        if sets + n_splits > len(self.sets):
            self.sets = np.concatenate([self.sets, np.empty((sets + n_splits, 4), np.uint64)])

    def finished(self, which: int, values: NDArray[np.float64]) -> BinnedTree:
        """The tree with the values of its leaves."""
        nodes, sets, leaves = self.counts.tolist()
        self.reals[0, self.leaves[:leaves]] = values
        return BinnedTree(which, self.nodes[:, :nodes].copy(), self.reals[:, :nodes].copy(), self.sets[:sets].copy())


class Grower:
    """Grows trees in the bins of ``mapper``."""

    def __init__(self, mapper: BinMapper, settings: GrowSettings) -> None:
        self._n_bins, self._is_cat, self._settings = (_writable(mapper.n_bins), _writable(mapper.is_cat), settings)
        self._n_cols = len(mapper.n_bins)

    def grow(self, sums: TreeSums, start: Grow, learn_rate: float) -> tuple[BinnedTree, NDArray[np.float64]]:
        """One tree, and the value of each leaf (learn rate included); nothing is added to the scores yet."""
        tree, columns = _Growing(), self._tree_columns(start.number)
        if isinstance(sums, ChunkSums) and self._is_plain:
            level = self._grow_here(sums, tree, start, columns)
        else:
            level = self._grow_levels(sums, tree, start, columns)
        values = self._leaf_values(sums, level, tree.n_leaves, start, learn_rate)
        return tree.finished(start.which, values), values

    @property
    def _is_plain(self) -> bool:
        """Whether all nodes of a tree may split on the same columns, and rows count once."""
        s = self._settings
        return s.narrow and s.groups is None and s.col_sample_rate == 1 and s.col_sample_rate_change_per_level == 1

    def _grow_here(self, sums: ChunkSums, tree: _Growing, start: Grow, columns: NDArray[np.bool_]) -> Level:
        """The splits of a tree, all levels by one kernel; where the rows are then."""
        from h2ok.ext.algos.gbm.kernels import grow_levels

        s, work = self._settings, sums.started(start)
        most = len(work.y) if s.max_depth <= 0 else min(len(work.y), 1 << min(s.max_depth, 31))
        tree.reserve(most)
        large = grow_levels(
            work.bins, work.node, work.g, work.bag, work.packed, self._n_bins, self._is_cat, columns, 1.0 / start.gradient_scale,
            float(s.min_rows), s.min_split_improvement, s.max_depth, _MAX_HISTOGRAM_BYTES // self._node_bytes,
            tree.counts, tree.nodes, tree.reals, tree.sets, tree.leaves,
        )  # fmt: skip
        self._check_size(large)
        return no_routing()

    def _grow_levels(self, sums: TreeSums, tree: _Growing, start: Grow, columns: NDArray[np.bool_]) -> Level:
        """The splits of a tree, level by level; what leads to its last leaves."""
        from h2ok.ext.algos.gbm.kernels import apply_splits

        s = self._settings
        allowed = np.atleast_2d(s.groups.any(axis=0)) if s.groups is not None else None
        open_nodes, depth = np.zeros(1, np.int32), 0
        hist, squares = sums.root(start)
        hist = _writable(hist)
        while True:
            n = len(open_nodes)
            best, go_left = self._splits(hist, _writable(squares), start, columns, depth, allowed)
            depth += 1
            tree.reserve(n)
            feature, child = np.empty(n, np.int32), np.empty((n, 2), np.int32)
            below, slot, parent = np.empty(2 * n, np.int32), np.empty(2 * n, np.int32), np.empty(n, np.int32)
            m = apply_splits(
                best, go_left, open_nodes, 0 < s.max_depth <= depth, tree.counts, tree.nodes, tree.reals, tree.sets, tree.leaves,
                feature, child, below, slot, parent,
            )  # fmt: skip
            level = Level(feature, go_left, child, slot[:m], m // 2)
            if m == 0:
                return level
            if allowed is not None and s.groups is not None:
                allowed = _limits(allowed, s.groups, feature, parent[: m // 2])
            open_nodes = below[:m]
            hist, squares = self._level(sums, level, hist, parent)

    def _level(
        self, sums: TreeSums, level: Level, parents: NDArray[np.int64], parent: NDArray[np.int32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The histograms and sums of squares of all nodes of a level; ``parents``: histograms of the level above."""
        from h2ok.ext.algos.gbm.kernels import complete_level

        n = len(level.slot)
        self._check_size(n)
        built, squares = sums.level(level)
        hist = np.empty((len(built), n, self._n_cols, 256), dtype=np.int64)
        complete_level(_writable(built), level.slot, parents, parent, hist)
        return hist, squares

    @property
    def _node_bytes(self) -> int:
        """Of the histograms of one node."""
        return self._n_cols * 256 * 8 * (1 if self._settings.narrow else 2)

    def _check_size(self, n_nodes: int) -> None:
        size = n_nodes * self._node_bytes
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
        depth: int,
        limits: NDArray[np.bool_] | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        from h2ok.ext.algos.gbm.kernels import find_splits

        s, n = self._settings, hist.shape[1]
        best, go_left = np.zeros((n, 6)), np.zeros((n, 256), dtype=np.uint8)
        allowed = self._node_columns(columns, n, start.number, depth)
        if limits is not None:
            allowed &= limits
        unit = 1.0 / start.weight_scale if s.weighted else 1.0
        find_splits(
            hist, unit, 1.0 / start.gradient_scale, self._n_bins, self._is_cat, allowed, squares, float(s.min_rows),
            s.min_split_improvement, best, go_left,
        )  # fmt: skip
        return best, go_left

    def _leaf_values(self, sums: TreeSums, level: Level, n_leaves: int, start: Grow, learn_rate: float) -> NDArray[np.float64]:
        most, distribution = self._settings.max_abs_leafnode_pred, sums.distribution
        if distribution.name in ROBUST:
            steps = leaf_steps(distribution, sums.residuals(level), n_leaves)
        else:
            steps = _steps(sums.leaves(start.which, level, n_leaves), distribution, self._settings.n_classes)
        # PERF: minimum and maximum take a third of the time of clip, which counts for each of thousands of small trees.
        return np.asarray(np.minimum(np.maximum(steps, -most), most) * learn_rate)

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


def grow_iteration(
    grower: Grower, sums: TreeSums, starts: Sequence[Grow], learn_rate: float, metrics: MetricsTask | None, following: Grow | None
) -> tuple[list[BinnedTree], float, Any]:
    """The trees of one iteration, added to the scores; the largest gradient of the next one, and the sums for ``metrics``.

    ``following``: the first tree of the next iteration where its start is known by now.
    """
    trees = []
    largest, found = 0.0, None
    for i, start in enumerate(starts):
        tree, values = grower.grow(sums, start, learn_rate)
        trees.append(tree)
        last = i == len(starts) - 1
        after = following if last else starts[i + 1]
        largest, found = sums.update(start.which, values, last=last, metrics=metrics if last else None, following=after)
    return trees, largest, found


@wire_type("gbm.iteration")
@dataclass(frozen=True)
class IterationPass(RowsTask):
    """``grow_iteration`` where the only chunk of a frame is. PERF: a small frame needs one task for an iteration then, not one for
    each level of each tree.
    """

    fixed = ("spec", "mapper", "settings")

    mapper: BinMapper
    settings: GrowSettings
    distribution: Distribution
    starts: tuple[Grow, ...]
    learn_rate: float
    metrics: MetricsTask | None

    def map_rows(self, rows: Rows) -> tuple[list[BinnedTree], float, Any]:
        grower = Grower(self.mapper, self.settings)
        sums = ChunkSums(rows, self.distribution, narrow=self.settings.narrow)
        return grow_iteration(grower, sums, self.starts, self.learn_rate, self.metrics, None)


def _steps(sums: NDArray[np.float64], distribution: Distribution, n_classes: int) -> NDArray[np.float64]:
    """The best step of each leaf: one Newton step, or the logarithm of a ratio for log links."""
    top, bottom = sums[:, 0], sums[:, 1]
    if distribution.has_log_link:
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.log(top) - np.log(bottom)
        return np.asarray(np.clip(np.nan_to_num(steps, nan=0.0, neginf=-_LOG_LEAF, posinf=_LOG_LEAF), -_LOG_LEAF, _LOG_LEAF))
    steps = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 1e-10)
    if distribution.name == "multinomial":
        steps = steps * ((n_classes - 1) / n_classes)
    if distribution.name == "gaussian":
        return steps
    return np.asarray(np.minimum(np.maximum(steps, -1e4), 1e4))


def _limits(
    allowed: NDArray[np.bool_], groups: NDArray[np.bool_], feature: NDArray[np.int32], parent: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Columns that the children of some nodes may split on: bool[2 * len(parent), n_cols], once each splits on its column."""
    below = [allowed[k] & groups[groups[:, feature[k]]].any(axis=0) for k in parent.tolist()]
    return np.repeat(np.array(below), 2, axis=0)


def _writable(a: Any) -> Any:
    """The array as kernels take it: what came from another node may be read-only, for which they would be compiled again."""
    return a if a.flags.writeable else a.copy()

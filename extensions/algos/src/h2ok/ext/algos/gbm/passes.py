"""The passes over the rows that grow a tree; working arrays stay in ``Block.state`` on the chunk's home node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.algos.gbm.binning import BinMapper, bin_rows
from h2ok.ext.algos.gbm.forest import Forest, probabilities, start_scores
from h2ok.ext.models import Distribution, Rows, RowsTask
from h2ok.ext.models.metrics.task import MetricsTask
from h2ok.kernel import uniforms, wire_type
from numpy.typing import NDArray

__all__ = [
    "Grow",
    "LeafPass",
    "Level",
    "LevelPass",
    "ResumePass",
    "SessionScores",
    "SetUp",
    "UpdatePass",
    "Work",
    "added",
    "kind_of",
    "leaf_sums",
    "level_sums",
    "no_routing",
    "root_sums",
    "score_sums",
    "start_tree",
    "update_scores",
    "work_of",
]

_KINDS = {
    "gaussian": 0, "bernoulli": 1, "poisson": 2, "gamma": 3, "tweedie": 4, "multinomial": 5,
    "laplace": 6, "quantile": 7, "huber": 8,
}  # fmt: skip
_ROW_STREAM = 0x524F5753  # "ROWS"


def kind_of(distribution: Distribution) -> int:
    """Number of a distribution for the kernels."""
    return _KINDS[distribution.name]


@dataclass(slots=True)
class Work:
    """Arrays of one chunk. ``f`` float64[n, k]; ``g`` of the present tree; ``bag``: weight in the present tree, 0 when left out;
    ``step`` like f: the leaf values of this iteration's trees when there are several.
    """

    bins: NDArray[np.uint8]
    y: NDArray[np.float64]
    w: NDArray[np.float64]
    f: NDArray[np.float64]
    node: NDArray[np.int32]
    g: NDArray[np.float64]
    bag: NDArray[np.float64]
    packed: NDArray[np.int64]
    step: NDArray[np.float64]


def work_of(rows: Rows) -> Work:
    """The chunk's arrays; they exist from ``SetUp`` on."""
    found = rows.state.get("gbm")
    if not isinstance(found, Work):
        raise RuntimeError("The working arrays of a chunk are gone: its node was lost during training. Train again.")
    return found


@wire_type("gbm.setup")
@dataclass(frozen=True)
class SetUp(RowsTask):
    """Bins the rows and sets the scores to their start; (rows that count, largest chunk, largest weight, largest gradient)."""

    mapper: BinMapper
    distribution: Distribution
    init: NDArray[np.float64]
    weighted: bool

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        y = np.nan_to_num(rows.response())
        offset = rows.offset()
        w = np.where(np.isnan(offset), 0.0, rows.weights())
        f = np.nan_to_num(start_scores(rows, self.init))
        n = rows.n_rows
        shape = (n, 2) if self.weighted else (n,)
        rows.state["gbm"] = Work(
            bin_rows(rows, self.mapper),
            np.ascontiguousarray(y),
            w,
            f,
            np.zeros(n, dtype=np.int32),
            np.empty(n),
            w,
            np.empty(shape, dtype=np.int64),
            np.zeros_like(f) if f.shape[1] > 1 else f[:0],
        )
        largest = largest_gradient(rows.state["gbm"], self.distribution)
        return np.array([np.count_nonzero(w), n, w.max(initial=0.0), largest])

    def reduce(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([left[0] + right[0], *np.maximum(left[1:], right[1:])])


def largest_gradient(work: Work, distribution: Distribution) -> float:
    """Largest absolute gradient of the next tree (1 is a bound for classes)."""
    from h2ok.ext.algos.gbm.kernels import gradients

    if distribution.name in ("bernoulli", "multinomial"):
        return 1.0
    g = np.empty(len(work.y))
    gradients(kind_of(distribution), distribution.constant, work.y, work.f, 0, g)
    return float(np.abs(g[work.w > 0]).max(initial=0.0))


@wire_type("gbm.grow")
@dataclass(frozen=True, slots=True)
class Grow:
    """How a tree starts: its class, number (for row sampling), sample rate, and the units of the integers."""

    which: int
    number: int
    sample_rate: float
    seed: int
    gradient_scale: float
    weight_scale: float


@wire_type("gbm.routing")
@dataclass(frozen=True, slots=True)
class Level:
    """The open nodes of one level, and the splits that led to them.

    Parameters
    ----------
    feature, go_left, child : what moves the rows here, see ``kernels.route``; empty at the root.
    slot : int32[n_nodes], where in the sums a node's histogram stands; -1 for nodes whose histogram follows by subtraction.
    n_slots : histograms to build.
    """

    feature: NDArray[np.int32]
    go_left: NDArray[np.uint8]
    child: NDArray[np.int32]
    slot: NDArray[np.int32]
    n_slots: int

    @property
    def routing(self) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32]]:
        """The splits as kernels take them: what came from another node may be read-only, for which they would be compiled again."""
        parts = (self.feature, self.go_left, self.child)
        return tuple(a if a.flags.writeable else a.copy() for a in parts)  # type: ignore[return-value]


def no_routing() -> Level:
    """For rows that are where they belong: at the root, or in leaves."""
    return Level(np.empty(0, np.int32), np.empty((0, 256), np.uint8), np.empty((0, 2), np.int32), np.zeros(1, np.int32), 1)


@wire_type("gbm.level")
@dataclass(frozen=True)
class LevelPass(RowsTask):
    """Routes rows through the splits of the level before and sums up the nodes of this one.

    ``grow`` is given on the first level only: gradients and the bag are made there. ``narrow``: sums of all rows fit the packed
    form, which then stays packed (int64[1, n_slots, n_cols, 256]); otherwise counts and gradients part (int64[2, ...]).
    """

    distribution: Distribution
    grow: Grow | None
    level: Level
    narrow: bool

    def map_rows(self, rows: Rows) -> tuple[Any, Any]:
        work = work_of(rows)
        if self.grow is not None:
            return root_sums(rows, work, self.distribution, self.grow, self.narrow)
        return level_sums(work, self.level, self.narrow)

    def reduce(self, left: tuple[Any, Any], right: tuple[Any, Any]) -> tuple[Any, Any]:
        return added(left, right)


def level_sums(work: Work, level: Level, narrow: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Moves the rows to a level and sums up its nodes; see ``LevelPass``."""
    from h2ok.ext.algos.gbm.kernels import route

    route(work.bins, work.node, *level.routing)
    return node_sums(work, level.slot, level.n_slots, narrow)


def node_sums(work: Work, slot: NDArray[np.int32], n_slots: int, narrow: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Histograms of the nodes that have a slot, and the sum of squares of every node; see ``LevelPass``."""
    from h2ok.ext.algos.gbm import kernels

    n, p = work.bins.shape
    chosen, offsets, squares = np.empty(n + 1, dtype=np.int32), np.empty(n + 1, dtype=np.int32), np.zeros(len(slot))
    m = kernels.select_rows(work.node, slot, work.bag, p * 256, chosen, offsets)
    out = np.zeros((1 if narrow else 2, n_slots, p, 256), dtype=np.int64)
    sums = out.reshape(len(out), -1)
    if work.packed.ndim == 2:
        kernels.histogram_weighted(work.bins.reshape(-1), p, chosen, offsets, m, work.packed, sums[0], sums[1])
    else:
        kernels.histogram(work.bins.reshape(-1), p, chosen, offsets, m, work.packed, sums[0])
        if not narrow:
            kernels.unpack(sums[0], sums[0], sums[1])
    kernels.squares(work.node, work.g, work.bag, squares)
    return out, squares


def root_sums(rows: Rows, work: Work, distribution: Distribution, grow: Grow, narrow: bool) -> tuple[Any, Any]:
    """Starts a tree: the histogram of its root and the root's sum of squares."""
    start_tree(rows, work, distribution, grow)
    return node_sums(work, np.zeros(1, dtype=np.int32), 1, narrow)


def added(left: tuple[Any, Any], right: tuple[Any, Any]) -> tuple[Any, Any]:
    """Histograms and sums of squares of two parts of the rows."""
    if left[0].flags.writeable:  # only this run holds it: add in place
        np.add(left[0], right[0], out=left[0])
        return left[0], left[1] + right[1]
    return left[0] + right[0], left[1] + right[1]


def start_tree(rows: Rows, work: Work, distribution: Distribution, grow: Grow) -> None:
    """Gradients, bag and packed values of a new tree; every row at the root."""
    from h2ok.ext.algos.gbm import kernels

    kernels.gradients(kind_of(distribution), distribution.constant, work.y, work.f, grow.which, work.g)
    work.bag = work.w
    if grow.sample_rate < 1:
        drawn = uniforms(grow.seed, _ROW_STREAM + grow.number, rows.start, rows.n_rows) < grow.sample_rate
        work.bag = np.where(drawn, work.w, 0.0)
    if work.packed.ndim == 2:
        kernels.pack_weighted(work.g, work.bag, grow.gradient_scale, grow.weight_scale, work.packed)
    else:
        kernels.pack(work.g, work.bag, grow.gradient_scale, work.packed)
    work.node[:] = 0


@wire_type("gbm.leaves")
@dataclass(frozen=True)
class LeafPass(RowsTask):
    """Routes rows through the last splits; numerator and denominator of every leaf: float64[n_leaves, 2]."""

    distribution: Distribution
    which: int
    level: Level
    n_leaves: int

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        return leaf_sums(work_of(rows), self.distribution, self.which, self.level, self.n_leaves)


def leaf_sums(work: Work, distribution: Distribution, which: int, level: Level, n_leaves: int) -> NDArray[np.float64]:
    """Moves the rows to their leaves and sums those up; see ``LeafPass``."""
    from h2ok.ext.algos.gbm import kernels

    kernels.route(work.bins, work.node, *level.routing)
    out, kind = np.zeros((n_leaves, 2)), kind_of(distribution)
    kernels.leaf_sums(kind, distribution.tweedie_power, work.node, work.g, work.y, work.f, which, work.bag, out)
    return out


@wire_type("gbm.update")
@dataclass(frozen=True)
class UpdatePass(RowsTask):
    """Adds the tree to the scores; (the largest gradient of the next one, sums for metrics, the next root as of ``LevelPass``).

    With several classes, the trees of an iteration see the same scores: they are added together once the ``last`` one is there.
    ``metrics``: sums of the new scores that are wanted too, ``following``: the next tree where its units are known by now; None for
    none. So a tree takes one round of messages less for each of them.
    """

    distribution: Distribution
    which: int
    values: NDArray[np.float64]
    last: bool
    metrics: MetricsTask | None
    following: Grow | None
    narrow: bool

    def map_rows(self, rows: Rows) -> tuple[float, Any, Any]:
        work = work_of(rows)
        largest = update_scores(work, self.distribution, self.which, self.values, last=self.last)
        sums = None if self.metrics is None else score_sums(rows, work, self.distribution, self.metrics)
        root = None if self.following is None else root_sums(rows, work, self.distribution, self.following, self.narrow)
        return largest, sums, root

    def reduce(self, left: tuple[float, Any, Any], right: tuple[float, Any, Any]) -> tuple[float, Any, Any]:
        sums = left[1] or right[1]
        if self.metrics is not None and left[1] and right[1]:
            sums = self.metrics.reduce(left[1], right[1])
        return max(left[0], right[0]), sums, None if left[2] is None else added(left[2], right[2])


def update_scores(work: Work, distribution: Distribution, which: int, values: NDArray[np.float64], *, last: bool) -> float:
    """Adds the leaf values of a tree to the scores, see ``UpdatePass``; the largest gradient of the next tree."""
    from h2ok.ext.algos.gbm.kernels import add_leaf_values

    if work.f.shape[1] == 1:
        add_leaf_values(work.node, values, work.f, which)
        return largest_gradient(work, distribution)
    add_leaf_values(work.node, values, work.step, which)
    if last:
        work.f += work.step
        work.step[:] = 0.0
    return 1.0


def score_sums(rows: Rows, work: Work, distribution: Distribution, metrics: MetricsTask) -> dict[str, Any] | None:
    """What ``metrics`` sums up for the scores that training keeps; None where no row counts."""
    # Without an offset the training weights are those of the metrics: no column needs to be read.
    plain = rows.spec.offset < 0
    w = work.w if plain else rows.weights()
    y = work.y if plain else rows.response()
    p = probabilities(work.f, distribution)
    keep = w > 0
    if keep.all():
        return metrics.sums_of(p, y, w) if len(w) else None
    return metrics.sums_of(p[keep], y[keep], w[keep]) if keep.any() else None


@wire_type("gbm.resume")
@dataclass(frozen=True)
class ResumePass(RowsTask):
    """Adds the trees of a checkpoint to the scores of the training rows; the largest gradient of the next tree."""

    distribution: Distribution
    forest: Forest

    def map_rows(self, rows: Rows) -> float:
        work = work_of(rows)
        self.forest.add_to(rows.matrix(), work.f)
        return largest_gradient(work, self.distribution)

    def reduce(self, left: float, right: float) -> float:
        return max(left, right)


@wire_type("gbm.valid_update")
@dataclass(frozen=True)
class ValidationUpdate(RowsTask):
    """Adds trees to the scores of validation rows, which are kept with their chunk."""

    forest: Forest
    init: NDArray[np.float64]

    def map_rows(self, rows: Rows) -> None:
        x = rows.state.get("x")
        if x is None:
            x = rows.state["x"] = rows.matrix()
            rows.state["f"] = start_scores(rows, self.init)
        self.forest.add_to(x, rows.state["f"])


@wire_type("gbm.session_scores")
@dataclass(frozen=True, slots=True)
class SessionScores:
    """Predicts with the scores that training keeps: what the model so far would say."""

    distribution: Distribution

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        f = rows.state["f"] if "f" in rows.state else work_of(rows).f
        return probabilities(f, self.distribution)

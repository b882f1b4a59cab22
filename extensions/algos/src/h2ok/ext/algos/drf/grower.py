"""Growing the trees of a forest: binned rows brought to one node, trees on its threads.

A tree looks at few columns a split and grows deep, so its nodes are many and small: histograms of all of them would outweigh the
rows. The rows, a byte a value, are therefore gathered once, and each tree is grown by one thread. What a tree looks like depends on
the seed and its number only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.algos.binned_trees import BinnedTree
from h2ok.ext.algos.gbm.binning import BinMapper, bin_rows
from h2ok.ext.models import Rows, RowsTask, TrainingData
from h2ok.kernel import OutOfMemoryBudgetError, random_bits, uniforms, wire_type
from numpy.typing import NDArray

__all__ = ["BinnedRows", "ForestSettings", "GrownTree", "gather", "grow_trees", "row_draws"]

_ROW_STREAM = 0x524F5753  # "ROWS"
_TREE_STREAM = 0x54524545  # "TREE"
_COLUMN_STREAM = 0x434F4C53  # "COLS"
#: Largest binned data one node holds.
_MAX_BYTES = 16 << 30
#: Binned values below which a tree is grown sooner than threads take turns.
_HANDED_OVER = 20_000


@dataclass(slots=True)
class BinnedRows:
    """The rows that count, in the order of the frame. ``bins`` uint8[n_cols, n]; ``number`` int64[n]: row in the frame."""

    bins: NDArray[np.uint8]
    y: NDArray[np.float64]
    w: NDArray[np.float64]
    number: NDArray[np.int64]
    n_frame: int


@wire_type("drf.gather")
@dataclass(frozen=True)
class _Gather(RowsTask):
    """The binned rows of each chunk."""

    mapper: BinMapper

    def map_rows(self, rows: Rows) -> list[tuple[Any, Any, Any, Any]]:
        w = rows.weights()
        keep = np.flatnonzero(w > 0)
        bins = np.ascontiguousarray(bin_rows(rows, self.mapper)[keep].T)
        return [(bins, rows.response()[keep], w[keep], rows.start + keep)]

    def reduce(self, left: list[Any], right: list[Any]) -> list[Any]:
        return left + right


def gather(data: TrainingData, mapper: BinMapper, cancelled: Any) -> BinnedRows:
    """The binned rows of a frame on this node.

    Raises
    ------
    OutOfMemoryBudgetError
        They are too large for one node.
    """
    size = data.n_rows * (len(mapper.n_bins) + 24)
    if size > _MAX_BYTES:
        raise OutOfMemoryBudgetError(
            f"The binned rows need {size / 2**30:.1f} GB on one node, the limit is {_MAX_BYTES / 2**30:.0f} GB. Train on fewer "
            "columns or a sample of the rows.",
            bytes=size,
        )
    parts = sorted(
        data.do_all(_Gather(data.spec, mapper), cancelled=cancelled).value or [], key=lambda p: int(p[3][0]) if len(p[3]) else -1
    )
    if not any(len(p[1]) for p in parts):
        raise ValueError("No row is left to train on: every row misses its response or has weight 0.")
    joined = [np.concatenate([p[i] for p in parts], axis=1 if i == 0 else 0) for i in range(4)]
    return BinnedRows(joined[0], joined[1], joined[2], joined[3], data.n_rows)


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """What all trees share. ``sample_rates``: float64, share of the rows by class (one entry for all)."""

    max_depth: int
    min_rows: float
    min_split_improvement: float
    mtries: int
    level_factor: float
    columns_per_tree: float
    sample_rates: NDArray[np.float64]
    seed: int


@dataclass(slots=True)
class GrownTree:
    """A tree, what its splits brought each column, float64[n_cols], and what its out-of-bag rows got."""

    tree: BinnedTree
    importance: NDArray[np.float64]
    out_rows: NDArray[np.int32]
    out_values: NDArray[np.float64]


def row_draws(seed: int, number: int, start: int, n: int) -> NDArray[np.float64]:
    """A draw for each of ``n`` rows of the frame; rows below their sample rate are in the bag of round ``number``."""
    return uniforms(seed, _ROW_STREAM + number, start, n)


def bag_of(data: BinnedRows, s: ForestSettings, number: int) -> NDArray[np.bool_]:
    """Rows in the bag of a round."""
    draws = row_draws(s.seed, number, 0, data.n_frame)[data.number]
    rate = s.sample_rates[data.y.astype(np.int64)] if len(s.sample_rates) > 1 else s.sample_rates[0]
    return np.asarray(draws < rate)


def grow_one(data: BinnedRows, mapper: BinMapper, s: ForestSettings, number: int, which: int, k: int, n_classes: int) -> GrownTree:
    """The tree of class ``which`` in round ``number``."""
    from h2ok.ext.algos.drf import kernels

    p = len(mapper.n_bins)
    bag = bag_of(data, s, number)
    rows = np.flatnonzero(bag).astype(np.int32)
    target = data.y if n_classes == 1 else (data.y == which).astype(np.float64)
    columns = np.arange(p)
    if s.columns_per_tree < 1:
        keep = max(1, round(s.columns_per_tree * p))
        columns = np.argsort(uniforms(s.seed, _COLUMN_STREAM + number, 0, p), kind="stable")[:keep]
    size = max(2 * len(rows), 1)
    if s.max_depth < 30:
        size = min(size, 2 ** (s.max_depth + 1))
    nodes, depth, reals = np.empty((5, size), np.int32), np.empty(size, np.int32), np.zeros((3, size))
    feature, split_bin, na_left, left, right = nodes
    bits = np.zeros((size if mapper.is_cat.any() else 1, 4), dtype=np.uint64)
    importance = np.zeros(p)
    state = random_bits(s.seed, _TREE_STREAM, number * k + which, 1)[0]
    n = kernels.grow_tree(
        data.bins, target, data.w, rows, mapper.n_bins, mapper.is_cat, columns, s.mtries, s.level_factor,
        s.max_depth, s.min_rows, s.min_split_improvement, state,
        feature, split_bin, na_left, left, right, bits, reals[0], reals[1], depth, importance,
    )  # fmt: skip
    out_rows = np.flatnonzero(~bag).astype(np.int32)
    out_values = np.empty(len(out_rows))
    kernels.add_out_of_bag(data.bins, out_rows, feature, split_bin, na_left, left, right, bits, reals[0], out_values)
    by_levels = split_bin[:n] < 0
    sets = bits[:n][by_levels] if by_levels.any() else bits[:0]
    return GrownTree(BinnedTree(which, nodes[:, :n].copy(), reals[:, :n].copy(), sets), importance, out_rows, out_values)


def grow_trees(
    data: BinnedRows, mapper: BinMapper, s: ForestSettings, rounds: range, k: int, n_classes: int, nthreads: int
) -> Iterator[list[GrownTree]]:
    """The trees of each round, in order; where they are large a few rounds ahead are in the making. Closing the iterator ends the
    threads.
    """
    if len(data.y) * len(mapper.n_bins) < _HANDED_OVER:
        for number in rounds:
            yield [grow_one(data, mapper, s, number, c, k, n_classes) for c in range(k)]
        return
    ahead = max(1, -(-2 * nthreads // k))
    pool = ThreadPoolExecutor(max(1, nthreads), thread_name_prefix="drf")
    waiting: deque[list[Future[GrownTree]]] = deque()
    try:
        for number in rounds:
            waiting.append([pool.submit(grow_one, data, mapper, s, number, c, k, n_classes) for c in range(k)])
            if len(waiting) > ahead:
                yield [f.result() for f in waiting.popleft()]
        while waiting:
            yield [f.result() for f in waiting.popleft()]
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

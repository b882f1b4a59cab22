"""Growing isolation trees: a few rows a tree, fetched to one node."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.ext.models import Rows, RowsTask, TrainingData
from h2ok.kernel import random_bits, uniforms, wire_type
from numpy.typing import NDArray

__all__ = ["IsolationTree", "fetch", "grow", "sample_rows"]

_ROW_STREAM = 0x49464F52  # "IFOR"
_TREE_STREAM = 0x49545245  # "ITRE"
_COLUMN_STREAM = 0x49434F4C  # "ICOL"


def sample_rows(n: int, size: int, seed: int, tree: int) -> NDArray[np.int64]:
    """``size`` of ``n`` row numbers, ascending, each once."""
    stream = _ROW_STREAM + tree
    if size >= n:
        return np.arange(n)
    if 2 * size > n:
        return np.sort(np.argsort(uniforms(seed, stream, 0, n), kind="stable")[:size])
    found = np.empty(0, dtype=np.int64)
    at = 0
    while len(found) < size:
        drawn = np.floor(uniforms(seed, stream, at, 2 * size) * n).astype(np.int64)
        at += 2 * size
        # The first occurrence of each, in the order of the draws.
        joined = np.concatenate([found, drawn])
        found = joined[np.sort(np.unique(joined, return_index=True)[1])][:size]
    return np.sort(found)


@wire_type("isolationforest.fetch")
@dataclass(frozen=True)
class _Fetch(RowsTask):
    """The chosen rows (``numbers`` ascending) of each chunk."""

    numbers: NDArray[np.int64]

    def map_rows(self, rows: Rows) -> list[tuple[int, NDArray[np.float64]]]:
        first, last = np.searchsorted(self.numbers, [rows.start, rows.start + rows.n_rows])
        return [(rows.start, rows.matrix()[self.numbers[first:last] - rows.start])] if last > first else []

    def reduce(
        self, left: list[tuple[int, NDArray[np.float64]]], right: list[tuple[int, NDArray[np.float64]]]
    ) -> list[tuple[int, NDArray[np.float64]]]:
        return left + right


def fetch(data: TrainingData, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    """The predictors of some rows: float64[len(numbers), p]."""
    parts = sorted(data.do_all(_Fetch(data.spec, numbers)).value, key=lambda p: p[0])
    return np.ascontiguousarray(np.concatenate([x for _, x in parts]))


@dataclass(slots=True)
class IsolationTree:
    """A tree as arrays, ready for ``Forest.of``; ``size``: rows of the sample in each node."""

    which: int
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    na_left: NDArray[np.uint8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    cat_start: NDArray[np.int64]
    cat_size: NDArray[np.int32]
    cat_left: NDArray[np.uint8]
    value: NDArray[np.float64]
    depth: NDArray[np.int32]
    size: NDArray[np.int64]

    @property
    def cover(self) -> NDArray[np.int64]:
        """Rows of the sample in each node."""
        return self.size

    def n_leaves(self) -> int:
        return int((self.feature < 0).sum())


def grow(
    x: NDArray[np.float64], rows: NDArray[np.int32], n_levels: NDArray[np.int64], column_rate: float, max_depth: int,
    min_rows: float, seed: int, tree: int,
) -> IsolationTree:  # fmt: skip
    """A tree on some rows of ``x``; ``n_levels``: 0 for numbers."""
    from h2ok.ext.algos.isolationforest.kernels import isolate

    p = x.shape[1]
    columns = np.arange(p)
    if column_rate < 1:
        columns = np.argsort(uniforms(seed, _COLUMN_STREAM + tree, 0, p), kind="stable")[: max(1, round(column_rate * p))]
    nodes = max(2 * len(rows), 1)
    ints = [np.empty(nodes, dtype=np.int32) for _ in range(5)]
    feature, left, right, cat_size, depth = ints
    threshold, value, na_left = np.empty(nodes), np.empty(nodes), np.empty(nodes, dtype=np.uint8)
    cat_start, size = np.empty(nodes, dtype=np.int64), np.zeros(nodes, dtype=np.int64)
    cat_left = np.zeros(int(n_levels.max(initial=0)) * (len(rows) + 1), dtype=np.uint8)
    state = random_bits(seed, _TREE_STREAM, tree, 1)[0]
    n, used = isolate(
        x, n_levels > 0, n_levels, rows.copy(), columns, max_depth, min_rows, state,
        feature, threshold, na_left, left, right, cat_start, cat_size, cat_left, value, depth, size,
    )  # fmt: skip
    return IsolationTree(
        0, feature[:n].copy(), threshold[:n].copy(), na_left[:n].copy(), left[:n].copy(), right[:n].copy(), cat_start[:n].copy(),
        cat_size[:n].copy(), cat_left[:used].copy(), np.where(feature[:n] < 0, value[:n], 0.0), depth[:n].copy(), size[:n].copy(),
    )  # fmt: skip

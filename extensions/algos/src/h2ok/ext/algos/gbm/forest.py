"""Forest: the trees of a model as flat arrays, and how they predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from h2ok.ext.models import Distribution, Rows
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["Forest", "TreeArrays", "probabilities", "start_scores"]


class TreeArrays(Protocol):
    """One tree as the arrays of ``Forest``, children by index in the tree."""

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

    @property
    def cover(self) -> NDArray[Any]:
        """Weight of the rows at each node."""
        ...


@wire_type("gbm.forest")
@dataclass(frozen=True, slots=True)
class Forest:
    """All nodes of all trees, children by absolute index.

    ``roots``, ``tree_class``: int32[n_trees]. Node arrays: ``feature`` int32 (-1: leaf), ``threshold`` float64, ``na_left`` uint8,
    ``left``/``right`` int32, ``cat_start`` int64 (-1: numeric), ``cat_size`` int32, ``value`` float64. ``cat_left`` uint8: levels
    that go left. ``cover`` float64: weight of the training rows at each node (empty when not known).
    """

    roots: NDArray[np.int32]
    tree_class: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    na_left: NDArray[np.uint8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    cat_start: NDArray[np.int64]
    cat_size: NDArray[np.int32]
    cat_left: NDArray[np.uint8]
    value: NDArray[np.float64]
    cover: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    @property
    def n_trees(self) -> int:
        return len(self.roots)

    @property
    def nbytes(self) -> int:
        """Bytes of the split nodes, leaves and level sets."""
        splits = int((self.feature >= 0).sum())
        return 19 * splits + 8 * (len(self.feature) - splits) + len(self.cat_left) // 8

    @classmethod
    def of(cls, trees: Sequence[TreeArrays]) -> Forest:
        """Trees one after the other."""
        starts = np.concatenate([[0], np.cumsum([len(t.feature) for t in trees])]).astype(np.int64)
        cats = np.concatenate([[0], np.cumsum([len(t.cat_left) for t in trees])]).astype(np.int64)

        def joined(name: str, dtype: Any) -> Any:
            return np.concatenate([getattr(t, name) for t in trees]).astype(dtype, copy=False) if trees else np.empty(0, dtype)

        def moved(name: str, dtype: Any, by: NDArray[np.int64]) -> Any:
            places = joined(name, np.int64)
            return np.where(places >= 0, places + np.repeat(by[:-1], np.diff(starts)), places).astype(dtype)

        return cls(
            starts[:-1].astype(np.int32),
            np.array([t.which for t in trees], dtype=np.int32),
            joined("feature", np.int32),
            joined("threshold", np.float64),
            joined("na_left", np.uint8),
            moved("left", np.int32, starts),
            moved("right", np.int32, starts),
            moved("cat_start", np.int64, cats),
            joined("cat_size", np.int32),
            joined("cat_left", np.uint8),
            joined("value", np.float64),
            joined("cover", np.float64),
        )

    def followed_by(self, other: Forest) -> Forest:
        """The trees of both."""

        def both(name: str, by: int = 0) -> Any:
            a, b = getattr(self, name), getattr(other, name)
            return np.concatenate([a, np.where(b >= 0, b + by, b).astype(b.dtype) if by else b])

        nodes, levels = len(self.feature), len(self.cat_left)
        cover = self.cover if len(self.cover) else np.zeros(nodes)
        return Forest(
            both("roots", nodes), both("tree_class"), both("feature"), both("threshold"), both("na_left"), both("left", nodes),
            both("right", nodes), both("cat_start", levels), both("cat_size"), both("cat_left"), both("value"),
            np.concatenate([cover, other.cover]),
        )  # fmt: skip

    def statistics(self) -> tuple[list[int], list[int]]:
        """(depth, leaves) of each tree."""
        ends = np.append(self.roots[1:], len(self.feature))
        owner = np.repeat(np.arange(self.n_trees), ends - self.roots)
        leaves = np.bincount(owner[self.feature < 0], minlength=self.n_trees)
        depth, level, open_nodes = np.zeros(self.n_trees, dtype=np.int64), 0, self.roots
        while len(open_nodes):
            depth[owner[open_nodes]] = level
            split = open_nodes[self.feature[open_nodes] >= 0]
            open_nodes = np.concatenate([self.left[split], self.right[split]])
            level += 1
        return depth.tolist(), leaves.tolist()

    def add_to(self, x: NDArray[np.float64], f: NDArray[np.float64]) -> None:
        """Add the leaf values of all trees: ``x`` float64[n, n_cols], ``f`` float64[n, k] in place."""
        from h2ok.ext.algos.gbm.kernels import predict_trees

        predict_trees(
            x, self.roots, self.tree_class, self.feature, self.threshold, self.na_left, self.left, self.right, self.cat_start,
            self.cat_size, self.cat_left, self.value, f,
        )  # fmt: skip


def start_scores(rows: Rows, init: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores before the first tree, offset included: float64[n_rows, k]."""
    return np.ascontiguousarray(np.broadcast_to(init, (rows.n_rows, len(init))) + rows.offset()[:, None])


def probabilities(f: NDArray[np.float64], distribution: Distribution) -> NDArray[np.float64]:
    """What scores float64[n, k] stand for."""
    if distribution.name == "multinomial":
        e = np.exp(f - f.max(axis=1, keepdims=True)) if len(f) else f
        return np.asarray(e / e.sum(axis=1, keepdims=True))
    mu = distribution.inverse(f[:, 0])
    return np.column_stack([1 - mu, mu]) if distribution.has_logit_link else mu[:, None].copy()

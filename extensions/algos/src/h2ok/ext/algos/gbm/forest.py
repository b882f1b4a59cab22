"""Forest: the trees of a model as flat arrays, and how they predict."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from h2ok.ext.models import Distribution, Rows
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["Forest", "Tree", "probabilities", "start_scores", "tree_statistics"]


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
    def of(cls, trees: list[Tree]) -> Forest:
        """Trees one after the other."""
        starts = np.concatenate([[0], np.cumsum([len(t.feature) for t in trees])]).astype(np.int64)
        cats = np.concatenate([[0], np.cumsum([len(t.cat_left) for t in trees])]).astype(np.int64)

        def joined(name: str, dtype: Any) -> Any:
            return np.concatenate([np.asarray(getattr(t, name), dtype=dtype) for t in trees]) if trees else np.empty(0, dtype)

        def moved(name: str, dtype: Any, by: NDArray[np.int64]) -> Any:
            parts = [np.asarray(getattr(t, name), dtype=dtype) for t in trees]
            return (
                np.concatenate([np.where(p >= 0, p + b, p) for p, b in zip(parts, by, strict=False)]).astype(dtype)
                if trees
                else np.empty(0, dtype)
            )

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
            joined("cover", np.float64) if all(hasattr(t, "cover") for t in trees) else np.empty(0),
        )

    def trees(self) -> list[Tree]:
        """The trees again, one by one; the inverse of ``of``."""
        ends = [*self.roots.tolist()[1:], len(self.feature)]
        out = []
        for root, end, which in zip(self.roots.tolist(), ends, self.tree_class.tolist(), strict=True):
            at = slice(root, end)
            starts = self.cat_start[at]
            first = int(starts[starts >= 0].min(initial=len(self.cat_left)))
            stop = int((starts + self.cat_size[at])[starts >= 0].max(initial=first))
            tree = Tree(
                which,
                self.feature[at].tolist(),
                self.threshold[at].tolist(),
                self.na_left[at].tolist(),
                np.where(self.left[at] >= 0, self.left[at] - root, -1).tolist(),
                np.where(self.right[at] >= 0, self.right[at] - root, -1).tolist(),
                np.where(starts >= 0, starts - first, -1).tolist(),
                self.cat_size[at].tolist(),
                self.cat_left[first:stop].tolist(),
                self.value[at].tolist(),
                cover=self.cover[at].tolist() if len(self.cover) else [0.0] * (end - root),
            )
            tree.depth = [0] * len(tree.feature)
            for node, column in enumerate(tree.feature):
                if column >= 0:
                    tree.depth[tree.left[node]] = tree.depth[tree.right[node]] = tree.depth[node] + 1
            out.append(tree)
        return out

    def add_to(self, x: NDArray[np.float64], f: NDArray[np.float64]) -> None:
        """Add the leaf values of all trees: ``x`` float64[n, n_cols], ``f`` float64[n, k] in place."""
        from h2ok.ext.algos.gbm.kernels import predict_trees

        predict_trees(
            x, self.roots, self.tree_class, self.feature, self.threshold, self.na_left, self.left, self.right, self.cat_start,
            self.cat_size, self.cat_left, self.value, f,
        )  # fmt: skip


@dataclass
class Tree:
    """One tree while it grows; node 0 is the root. ``which``: the class it belongs to."""

    which: int
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    na_left: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    cat_start: list[int] = field(default_factory=list)
    cat_size: list[int] = field(default_factory=list)
    cat_left: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)
    cover: list[float] = field(default_factory=list)

    def add(self, depth: int, n: int = 1) -> int:
        """``n`` new nodes, leaves until ``split``; the number of the first."""
        first, none, zero, real = len(self.feature), [-1] * n, [0] * n, [0.0] * n
        self.feature += none
        self.threshold += real
        self.na_left += zero
        self.left += none
        self.right += none
        self.cat_start += none
        self.cat_size += zero
        self.value += real
        self.depth += [depth] * n
        self.cover += real
        return first

    def split(self, node: int, feature: int, threshold: float, na_left: int, levels: NDArray[np.uint8] | None) -> tuple[int, int]:
        """Turn a leaf into a split; its children. ``levels``: which levels go left, None for a number."""
        self.feature[node], self.threshold[node], self.na_left[node] = feature, threshold, na_left
        if levels is not None:
            self.cat_start[node], self.cat_size[node] = len(self.cat_left), len(levels)
            self.cat_left.extend(levels.tolist())
        child = self.add(self.depth[node] + 1, 2)
        self.left[node], self.right[node] = child, child + 1
        return child, child + 1

    def n_leaves(self) -> int:
        return sum(f < 0 for f in self.feature)


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


def tree_statistics(trees: list[Tree]) -> tuple[list[int], list[int]]:
    """(depth, leaves) of each tree."""
    return [max(t.depth) for t in trees], [t.n_leaves() for t in trees]

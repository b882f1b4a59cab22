"""Trees in bins, as GBM and DRF grow them, and the forest of thresholds and sets of levels that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from h2ok.ext.algos.gbm.binning import BinMapper
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["BinnedTree", "Unbinning", "add_gains"]


@wire_type("algos.binned_tree")
@dataclass(frozen=True, slots=True)
class BinnedTree:
    """One tree; node 0 is the root, children stand behind their parents.

    Parameters
    ----------
    which : the class it belongs to.
    nodes : int32[5, n]: column (-1: leaf), last bin on the left (-1: a set of levels), whether NA goes left, left and right child.
    reals : float64[3, n]: value, cover, and what a split gains.
    sets : uint64[n_sets, 4], one for each split by levels in the order of the nodes: bit b says whether bin b goes left.
    """

    which: int
    nodes: NDArray[np.int32]
    reals: NDArray[np.float64]
    sets: NDArray[np.uint64]


class Unbinning:
    """Turns trees in the bins of one mapper into forests."""

    def __init__(self, mapper: BinMapper) -> None:
        # All numbers go left of infinity, which follows the edges of each column.
        edges = [np.append(e, np.inf) for e in mapper.edges]
        self._edges, self._edge_start = np.concatenate(edges), _starts([len(e) for e in edges])[:-1]
        self._level_bins = np.concatenate(mapper.level_bins)
        self._level_start = _starts([len(b) for b in mapper.level_bins])

    def forest(self, trees: Sequence[BinnedTree]) -> Forest:
        """The trees one after the other."""
        from h2ok.ext.algos.tree_kernels import expand_levels

        if not trees:
            return Forest.of([])
        starts = _starts([t.nodes.shape[1] for t in trees])
        nodes, reals = (np.concatenate(parts, axis=1) for parts in ([t.nodes for t in trees], [t.reals for t in trees]))
        feature, split_bin, na_left = nodes[:3]
        n = len(feature)
        shift = np.repeat(starts[:-1], np.diff(starts))
        left, right = (np.where(child >= 0, child + shift, -1).astype(np.int32) for child in nodes[3:])
        threshold = np.zeros(n)
        cuts = np.flatnonzero((feature >= 0) & (split_bin >= 0))
        threshold[cuts] = self._edges[self._edge_start[feature[cuts]] + split_bin[cuts]]
        by_levels = np.flatnonzero((feature >= 0) & (split_bin < 0))
        cat_start, cat_size = np.full(n, -1, dtype=np.int64), np.zeros(n, dtype=np.int32)
        cat_size[by_levels] = np.diff(self._level_start)[feature[by_levels]]
        places = _starts(cat_size[by_levels])
        cat_start[by_levels] = places[:-1]
        levels = np.empty(int(places[-1]), dtype=np.uint8)
        if len(by_levels):
            sets = np.concatenate([t.sets for t in trees])
            expand_levels(sets, self._level_bins, self._level_start[feature[by_levels]], places, levels)
        return Forest(
            starts[:-1].astype(np.int32), np.array([t.which for t in trees], dtype=np.int32), feature.copy(), threshold,
            na_left.astype(np.uint8), left, right, cat_start, cat_size, levels, reals[0].copy(), reals[1].copy(),
        )  # fmt: skip


def add_gains(trees: Sequence[BinnedTree], importance: NDArray[np.float64]) -> None:
    """Add what the splits on each column gained, one after the other: ``importance`` float64[n_cols]."""
    for tree in trees:
        feature = tree.nodes[0]
        splits = feature >= 0
        np.add.at(importance, feature[splits], tree.reals[2, splits])


def _starts(sizes: Sequence[int] | NDArray[np.int32]) -> NDArray[np.int64]:
    """Where each of some runs begins, and one past the last: int64[len(sizes) + 1]."""
    out = np.zeros(len(sizes) + 1, dtype=np.int64)
    np.cumsum(sizes, out=out[1:])
    return out

"""Trees in bins: what they become as a forest, against naive twins."""

from __future__ import annotations

import numpy as np
from h2ok.ext.algos.binned_trees import BinnedTree, Unbinning, add_gains
from h2ok.ext.algos.gbm.binning import BinMapper
from h2ok.ext.algos.gbm.forest import Forest

LEVELS = np.array([2, 0, 1, 1, 70], np.int32)
MAPPER = BinMapper(
    (np.array([0.5, 1.5]), np.empty(0)), (np.empty(0, np.int32), LEVELS), np.array([False, True]), np.array([3, 71], np.int32)
)


def tree(which: int, splits: list[tuple[int, int, int, set[int]]]) -> BinnedTree:
    """Each split hangs on the left child of the one before: (column, last bin, NA left, bins that go left)."""
    n = 2 * len(splits) + 1
    nodes, reals = np.zeros((5, n), np.int32), np.arange(3.0 * n).reshape(3, n)
    nodes[[0, 3, 4]] = -1
    for i, (column, last, na, _) in enumerate(splits):
        nodes[:, max(2 * i - 1, 0)] = column, last, na, 2 * i + 1, 2 * i + 2
    sets = [[sum(1 << (b - 64 * q) for b in bins if b // 64 == q) for q in range(4)] for _, last, _, bins in splits if last < 0]
    return BinnedTree(which, nodes, reals, np.array(sets, np.uint64).reshape(-1, 4))


TREES = [
    tree(0, [(0, 0, 1, set()), (1, -1, 0, {1, 70})]),
    tree(1, []),
    tree(0, [(1, -1, 1, {2}), (0, 2, 0, set()), (0, 1, 0, set())]),
]


def test_bins_become_thresholds_and_levels() -> None:
    forest = Unbinning(MAPPER).forest(TREES)
    assert forest.roots.tolist() == [0, 5, 6]
    assert forest.tree_class.tolist() == [0, 1, 0]
    base = 0
    for t in TREES:
        sets = iter(t.sets)
        for i, (column, last, na, left, right) in enumerate(t.nodes.T.tolist()):
            at = base + i
            assert forest.feature[at] == column
            if column < 0:
                assert (forest.left[at], forest.right[at], forest.cat_start[at], forest.threshold[at]) == (-1, -1, -1, 0.0)
                continue
            assert (forest.left[at], forest.right[at], forest.na_left[at]) == (left + base, right + base, na)
            if last >= 0:
                assert forest.threshold[at] == [0.5, 1.5, np.inf][last]
                assert forest.cat_start[at] == -1
                continue
            words = next(sets)
            start = forest.cat_start[at]
            expected = [int(words[b // 64]) >> (b % 64) & 1 for b in LEVELS.tolist()]
            assert forest.cat_left[start : start + forest.cat_size[at]].tolist() == expected
        np.testing.assert_array_equal(forest.value[base : base + t.nodes.shape[1]], t.reals[0])
        np.testing.assert_array_equal(forest.cover[base : base + t.nodes.shape[1]], t.reals[1])
        base += t.nodes.shape[1]


def test_forests_one_after_the_other_are_the_forest_of_all_trees() -> None:
    unbinning = Unbinning(MAPPER)
    both, all_ = unbinning.forest(TREES[:1]).followed_by(unbinning.forest(TREES[1:])), unbinning.forest(TREES)
    for name in Forest.__slots__:
        np.testing.assert_array_equal(getattr(both, name), getattr(all_, name))
    assert all_.statistics() == ([2, 0, 3], [3, 1, 4])


def test_gains_are_added_split_by_split() -> None:
    importance = np.array([0.1, 0.2])
    add_gains(TREES, importance)
    expected = [0.1, 0.2]
    for t in TREES:
        for column, gain in zip(t.nodes[0].tolist(), t.reals[2].tolist(), strict=True):
            if column >= 0:
                expected[column] += gain
    assert importance.tolist() == expected


def test_no_trees_are_an_empty_forest() -> None:
    forest = Unbinning(MAPPER).forest([])
    assert (forest.n_trees, len(forest.feature)) == (0, 0)

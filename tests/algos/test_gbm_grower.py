"""Growing a tree: the kernels between two levels against naive twins, and the two ways to grow a level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.ext.algos.gbm import kernels
from h2ok.ext.algos.gbm.grower import Grower
from h2ok.ext.models.model import Model
from h2ok.kernel.testing import local_cloud

NO_SPLIT = [0.0, -1.0, 0.0, 0.0, 0.0, 0.0]


def test_a_level_is_what_was_built_and_what_is_left_of_the_parents() -> None:
    rng = np.random.default_rng(1)
    built, parents = rng.integers(-99, 99, (2, 2, 3, 256)), rng.integers(-99, 99, (2, 4, 3, 256))
    out = np.empty((2, 4, 3, 256), np.int64)
    kernels.complete_level(built, np.array([0, -1, -1, 1], np.int32), parents, np.array([3, 1], np.int32), out)
    expected = [built[:, 0], parents[:, 3] - built[:, 0], parents[:, 1] - built[:, 1], built[:, 1]]
    np.testing.assert_array_equal(out, np.stack(expected, axis=1))


def test_splits_are_written_into_the_tree() -> None:
    # The root (0) is split into 1 and 2; now 1 is split by a set of levels, and 2 is a leaf.
    best = np.array([[2.5, 1.0, -1.0, 1.0, 7.0, 3.0], NO_SPLIT])
    go_left = np.zeros((2, 256), np.uint8)
    go_left[0, [0, 63, 64, 255]] = 1
    counts, nodes, reals = np.array([3, 0, 0]), np.full((5, 8), 9, np.int32), np.full((3, 8), 9.0)
    sets, leaves = np.zeros((4, 4), np.uint64), np.zeros(8, np.int32)
    feature, child, below, slot, parent = (np.full(s, 9, np.int32) for s in (2, (2, 2), 4, 4, 2))
    level = (best, go_left, np.array([1, 2], np.int32))
    m = kernels.apply_splits(*level, False, counts, nodes, reals, sets, leaves, feature, child, below, slot, parent)
    assert (m, counts.tolist()) == (2, [5, 1, 1])
    assert nodes[:, 1].tolist() == [1, -1, 1, 3, 4]
    assert nodes[:, 3].tolist() == nodes[:, 4].tolist() == [-1, 0, 0, -1, -1]
    assert reals[1, 3:5].tolist() == [7.0, 3.0]
    assert reals[2, [1, 3, 4]].tolist() == [2.5, 0.0, 0.0]
    assert sets[0].tolist() == [1 | 1 << 63, 1, 0, 1 << 63]
    assert (feature.tolist(), child.tolist(), leaves[0]) == ([1, 0], [[1, 0], [-1, -1]], 2)
    # The right child has fewer rows: it is built, and the left one follows.
    assert (below[:2].tolist(), slot[:2].tolist(), parent[0]) == ([3, 4], [-1, 0], 0)


def test_on_the_last_level_both_children_are_leaves() -> None:
    best, counts, leaves = np.array([[1.0, 0.0, 4.0, 0.0, 2.0, 2.0]]), np.array([1, 0, 0]), np.zeros(2, np.int32)
    nodes, reals, child = np.zeros((5, 3), np.int32), np.zeros((3, 3)), np.zeros((1, 2), np.int32)
    one, two = np.zeros(1, np.int32), np.zeros(2, np.int32)
    tree = (counts, nodes, reals, np.zeros((1, 4), np.uint64), leaves)
    level = (best, np.zeros((1, 256), np.uint8), np.zeros(1, np.int32))
    assert kernels.apply_splits(*level, True, *tree, one, child, two, two.copy(), one.copy()) == 0
    assert (counts.tolist(), leaves.tolist(), child.tolist()) == ([3, 0, 2], [1, 2], [[-2, -1]])
    assert (nodes[1, 0], reals[1].tolist()) == (4, [4.0, 2.0, 2.0])


@pytest.mark.parametrize("n_rows", [12, 200])
def test_empty_bins_change_no_split(n_rows: int) -> None:
    # The same rows in 254 bins, most of them empty, and in as many bins as there are values.
    rng = np.random.default_rng(n_rows)
    values, g = rng.integers(0, 254, (n_rows, 2)), rng.normal(size=n_rows)
    values[rng.random((n_rows, 2)) < 0.1] = 255
    found = []
    for dense in (False, True):
        bins = values.astype(np.uint8)
        known = [np.unique(c[c < 255]) for c in values.T]
        if dense:
            bins = np.stack([np.where(c == 255, 255, np.searchsorted(k, c)) for c, k in zip(values.T, known, strict=True)], axis=1)
        hist = np.zeros((2, 1, 2, 256), np.int64)
        for j in range(2):
            np.add.at(hist[0, 0, j], bins[:, j], 1)
            np.add.at(hist[1, 0, j], bins[:, j], np.rint(g * 2**20).astype(np.int64))
        n_bins = np.array([len(k) for k in known] if dense else [254, 254], np.int32)
        best, left = np.zeros((1, 6)), np.zeros((1, 256), np.uint8)
        total, cat, allowed = np.array([(g * g).sum()]), np.zeros(2, bool), np.ones((1, 2), bool)
        kernels.find_splits(hist, 1.0, 2.0**-20, n_bins, cat, allowed, total, 1.0, 0.0, best, left)
        found.append((best[0, [0, 1, 3, 4, 5]].tolist(), left[0, bins[:, int(best[0, 1])]].tolist()))
    assert found[0] == found[1]
    assert found[0][0][1] >= 0


def arrays(model: Model) -> dict[str, bytes]:
    forest = model.state.forest
    return {name: getattr(forest, name).tobytes() for name in forest.__slots__}


@pytest.mark.parametrize(
    ("y", "params"),
    [("y", {}), ("k", {"sample_rate": "0.6"}), ("z", {"max_depth": "0", "min_rows": "1"}), ("z", {"distribution": "laplace"})],
)
def test_both_ways_to_grow_give_the_same_bits(lab: Any, monkeypatch: Any, y: str, params: dict[str, str]) -> None:
    lab.put_frame("one", chunk_rows=10**6)
    found = []
    for plain in (True, False):
        monkeypatch.setattr(Grower, "_is_plain", plain)
        found.append(arrays(lab.train("gbm", y, training_frame="one", ntrees="5", seed="3", **params)))
    assert found[0] == found[1]
    assert len(found[0]["feature"]) > 5 * 4


def test_one_chunk_gives_the_same_bits_wherever_it_is(lab_class: Any) -> None:
    found = []
    for n_nodes in (1, 3):
        with local_cloud(n_nodes) as nodes:
            made = lab_class([nodes[-1], *nodes[:-1]])
            made.put_frame("one", chunk_rows=10**6)
            model = made.train("gbm", "k", training_frame="one", ntrees="4", seed="3", validation_frame="tr")
            found.append((arrays(model), model.output.extra["variable_importances"].data, model.output.training_metrics.mse))
            made.runtime.close()
    assert found[0] == found[1]


def test_an_iteration_of_a_frame_of_one_chunk_is_one_task(lab: Any, monkeypatch: Any) -> None:
    lab.put_frame("one", chunk_rows=10**6)
    tasks, run = [], lab.node.tasks.run
    monkeypatch.setattr(lab.node.tasks, "run", lambda task, *a, **k: (tasks.append(type(task).__name__), run(task, *a, **k))[1])
    lab.train("gbm", "k", training_frame="one", ntrees="7", seed="3")
    assert tasks.count("IterationPass") == 7
    assert len(tasks) < 20

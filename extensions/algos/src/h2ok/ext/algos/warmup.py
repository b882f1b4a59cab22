"""Compiles the kernels into the on-disk cache after the first boot, so that no job waits for the compiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from h2ok.capabilities.precompile import Precompile

__all__ = ["AlgosCore", "warmup"]


def _metrics() -> None:
    from h2ok.ext.models.metrics.kernels import sum_cells, sum_classes

    one = np.ones(1)
    sum_cells(one, one, one, 1e-9, 52, 0, 2000, *np.zeros((3, 4001)))
    sum_classes(np.ones(1), np.zeros(1, np.int64), np.full((1, 2), 0.5), 1e-15, np.zeros(5), np.zeros((2, 2)), np.zeros(2))


def _glm() -> None:
    from h2ok.ext.algos.glm import kernels

    codes, x = np.zeros((1, 1), np.int32), np.ones((1, 2))
    kernels.linear_predictor(codes, x, np.zeros(3), 1, 1, np.empty(1))
    kernels.accumulate_gram(codes, x, np.ones(1), 1, np.zeros((3, 3)))
    both = np.ones(2, dtype=bool)
    kernels.coordinate_descent(np.eye(2), np.ones(2), np.zeros(2), 0.0, 0.0, both, np.zeros(2), np.ones(2), 1e-9, 10)


def _gbm_rows() -> None:
    from h2ok.ext.algos.gbm import kernels

    x, g, w, f = np.zeros(2), np.empty(2), np.ones(2), np.zeros((2, 1))
    bins, node = np.zeros((2, 1), np.uint8), np.zeros(2, np.int32)
    kernels.bin_column(x, np.full(256, np.inf), 0, bins, 0)
    kernels.gradients(kernels.GAUSSIAN, 1.5, x, f, 0, g)
    packed = np.empty(2, np.int64)
    kernels.pack(g, w, 1.0, packed)
    kernels.squares(node, g, w, np.zeros(1))
    rows, offsets = np.empty(3, np.int32), np.empty(3, np.int32)
    m = kernels.select_rows(node, np.zeros(1, np.int32), w, 256, rows, offsets)
    work = np.zeros((2, 256), np.int64)
    kernels.histogram(bins.reshape(-1), 1, rows, offsets, m, packed, work[0])
    kernels.unpack(work[0], work[0], work[1])
    kernels.route(bins, node, np.zeros(1, np.int32), np.zeros((1, 256), np.uint8), np.full((1, 2), -1, np.int32))
    kernels.leaf_sums(kernels.GAUSSIAN, 1.5, node, g, x, f, 0, w, np.zeros((1, 2)))
    kernels.add_leaf_values(node, np.zeros(1), f, 0)


def _gbm_trees() -> None:
    from h2ok.ext.algos.gbm import kernels
    from h2ok.ext.algos.tree_kernels import expand_levels

    hist, best, left = np.zeros((1, 1, 1, 256), np.int64), np.zeros((1, 6)), np.zeros((1, 256), np.uint8)
    bins, cat = np.ones(1, np.int32), np.zeros(1, dtype=bool)
    kernels.find_splits(hist, 1.0, 1.0, bins, cat, np.ones((1, 1), dtype=bool), np.zeros(1), 1.0, 0.0, best, left)
    one, two, allowed = np.zeros(1, np.int32), np.zeros(2, np.int32), np.ones(1, dtype=bool)
    tree = (np.array([1, 0, 0]), np.zeros((5, 3), np.int32), np.zeros((3, 3)), np.zeros((1, 4), np.uint64), two)
    kernels.apply_splits(best, left, one, False, *tree, one, np.zeros((1, 2), np.int32), two, two, one)
    rows = (np.zeros((1, 1), np.uint8), one, np.zeros(1), np.zeros(1), np.zeros(1, np.int64))
    kernels.grow_levels(*rows, bins, cat, allowed, 1.0, 1.0, 0.0, 5, 1, *tree)
    expand_levels(np.zeros((1, 4), np.uint64), one, np.zeros(1, np.int64), np.array([0, 1]), np.empty(1, np.uint8))
    kernels.complete_level(hist, np.array([0, -1], np.int32), hist, np.zeros(1, np.int32), np.empty((1, 2, 1, 256), np.int64))
    _stump().add_to(np.zeros((1, 1)), np.zeros((1, 1)))


def _explanations() -> None:
    from h2ok.ext.algos.gbm.explain import contributions, leaf_paths, reached

    forest, x = _stump(), np.zeros((1, 1))
    contributions(forest, leaf_paths(forest), x)
    reached(forest, x, x.copy())


def _stump() -> Any:
    """A forest of one split of a number."""
    from h2ok.ext.algos.binned_trees import BinnedTree, Unbinning
    from h2ok.ext.algos.gbm.binning import BinMapper

    mapper = BinMapper((np.array([0.5]),), (np.empty(0, np.int32),), np.array([False]), np.array([2], np.int32))
    nodes = np.array([[0, -1, -1], [0, 0, 0], [0, 0, 0], [1, -1, -1], [2, -1, -1]], np.int32)
    reals = np.array([[0.0, 0.0, 0.0], [2.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    return Unbinning(mapper).forest([BinnedTree(0, nodes, reals, np.empty((0, 4), np.uint64))])


def _drf() -> None:
    from h2ok.ext.algos.drf.grower import BinnedRows, ForestSettings, grow_one
    from h2ok.ext.algos.gbm.binning import BinMapper

    none = np.empty(0, np.int32)
    mapper = BinMapper(
        (np.array([0.5]), np.empty(0)), (none, np.arange(2, dtype=np.int32)), np.array([False, True]), np.full(2, 2, np.int32)
    )
    bins = np.array([[0, 1, 0, 1], [0, 0, 1, 1]], np.uint8)
    rows = BinnedRows(bins, np.array([0.0, 1.0, 2.0, 3.0]), np.ones(4), np.arange(4), 4)
    grow_one(rows, mapper, ForestSettings(3, 1.0, 0.0, 2, 1.0, 1.0, np.ones(1), 1), 0, 0, 1, 1)


def _unsupervised() -> None:
    from h2ok.ext.algos.isolationforest.grower import grow
    from h2ok.ext.algos.kmeans import kernels
    from h2ok.ext.algos.pca.kernels import project

    x, is_cat = np.zeros((2, 1)), np.zeros(1, dtype=bool)
    cluster, distance = np.zeros(2, np.int32), np.zeros(2)
    kernels.assign(x, is_cat, x, cluster, distance)
    kernels.closer(x, is_cat, x[0], distance)
    sums = np.zeros((2, 1))
    kernels.sum_clusters(x, np.ones(2), is_cat, np.zeros(1, np.int64), cluster, distance, np.zeros(2), np.zeros(2), sums, sums)
    project(np.zeros((2, 1), np.int32), x, np.zeros((2, 1)), 1, sums)
    grow(np.arange(4.0)[:, None], np.arange(4, dtype=np.int32), np.zeros(1, np.int64), 1.0, 2, 1.0, 1, 0)


STEPS: tuple[Callable[[], None], ...] = (_gbm_trees, _gbm_rows, _metrics, _glm, _drf, _explanations, _unsupervised)


def warmup() -> None:
    """Call every kernel of the common paths once with the types it will see."""
    for step in STEPS:
        step()


class AlgosCore(Precompile):
    """Compiles the kernels of the built-in algorithms."""

    module = "h2ok.ext.algos.warmup"
    order = 10
    packages = (
        "h2ok.ext.algos", "h2ok.ext.algos.drf", "h2ok.ext.algos.gbm", "h2ok.ext.algos.glm", "h2ok.ext.algos.isolationforest",
        "h2ok.ext.algos.kmeans", "h2ok.ext.algos.pca", "h2ok.ext.models.metrics",
    )  # fmt: skip

"""Contributions of another population: the cover of the nodes of trees, computed anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from h2ok.ext.algos.gbm.cover import with_cover
from h2ok.ext.algos.gbm.explain import contributions, leaf_paths
from h2ok.kernel import IllegalArgumentError


@pytest.mark.parametrize("algo", ["gbm", "drf"])
def test_the_rows_of_a_frame_decide(lab: Any, algo: str) -> None:
    node = lab.node
    model = lab.train(algo, "z", ntrees=4, max_depth=4, seed=1, **({"sample_rate": 1.0} if algo == "drf" else {}))
    n = lab.frame.n_rows
    ones = node.frames.from_columns("ones", {"extra": np.ones(n)}, chunk_rows=100)
    twos = node.frames.from_columns("twos", {"extra": np.where(np.arange(n) < n // 2, 2.0, 0.0)}, chunk_rows=100)

    def updated(weights: Any, rows: Any = lab.frame) -> Any:
        names = (*rows.names, "extra")
        return with_cover(node, model, type(rows)("fr", names, (*rows.vecs, weights.vecs[0])), "extra")

    same = updated(ones)
    forest = same.state.forest
    roots = forest.cover[forest.roots]
    np.testing.assert_allclose(roots, n)
    inner = np.flatnonzero(forest.feature >= 0)
    np.testing.assert_allclose(forest.cover[inner], forest.cover[forest.left[inner]] + forest.cover[forest.right[inner]])
    if algo == "gbm":  # which counts every training row
        np.testing.assert_allclose(forest.cover, model.state.forest.cover)
    half = updated(twos)
    np.testing.assert_allclose(half.state.forest.cover[forest.roots], 2 * (n // 2))
    x = np.zeros((3, len(model.output.columns.names)))
    before, after = (contributions(f, leaf_paths(f), x) for f in (same.state.forest, half.state.forest))
    assert not np.allclose(before, after)
    # Whatever the population, contributions and bias add up to the prediction.
    totals = [before.sum(axis=1) + leaf_paths(forest).bias, after.sum(axis=1) + leaf_paths(half.state.forest).bias]
    np.testing.assert_allclose(totals[0], totals[1])
    assert replace(half, state=model.state) == model


def test_what_cannot_be_updated(lab: Any) -> None:
    with pytest.raises(IllegalArgumentError, match="has no trees"):
        with_cover(lab.node, lab.train("glm", "z"), lab.frame, "x1")
    with pytest.raises(IllegalArgumentError, match="named 'nosuch'"):
        with_cover(lab.node, lab.train("gbm", "z", ntrees=1), lab.frame, "nosuch")

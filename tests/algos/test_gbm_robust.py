"""Losses whose leaves are quantiles, against naive twins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.ext.algos.gbm.robust import weighted_quantile
from h2ok.ext.models.scoring import predict_frame
from hypothesis import given
from hypothesis import strategies as st


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(1, 4)), min_size=1, max_size=30),
    st.floats(0, 1),
)
def test_weights_count_as_repetition(pairs: list[tuple[float, int]], probability: float) -> None:
    pairs.sort()
    r, w = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs], dtype=float)
    expected = np.quantile(np.repeat(r, w.astype(int)), probability)
    assert weighted_quantile(r, w, probability) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_no_values_no_step() -> None:
    assert weighted_quantile(np.empty(0), np.empty(0), 0.5) == 0.0


@pytest.mark.parametrize(
    ("distribution", "more", "leaf"),
    [
        ("laplace", {}, lambda r, _: np.median(r)),
        ("quantile", {"quantile_alpha": 0.8}, lambda r, _: np.quantile(r, 0.8)),
        (
            "huber",
            {"huber_alpha": 0.7},
            lambda r, d: np.median(r) + np.clip(r - np.median(r), -d, d).mean(),
        ),
    ],
)
def test_a_leaf_is_what_its_residuals_say(lab: Any, distribution: str, more: dict[str, float], leaf: Any) -> None:
    model = lab.train("gbm", "z", ntrees=1, max_depth=2, learn_rate=1.0, distribution=distribution, seed=1, min_rows=5, **more)
    frame = lab.node.frames.get("tr")
    z = frame.to_numpy(lab.node)[:, frame.names.index("z")]
    p = predict_frame(lab.node, model, frame, "p")[0].to_numpy(lab.node)[:, 0]
    start = np.quantile(z, more.get("quantile_alpha", 0.5))
    assert model.state.init[0] == pytest.approx(start)
    delta = np.quantile(np.abs(z - start), 0.7)
    assert len(np.unique(p)) > 2
    for value in np.unique(p):
        mine = p == value
        assert value == pytest.approx(start + leaf(z[mine] - start, delta))
    assert model.output.training_metrics.number("mean_residual_deviance") < 10


@pytest.mark.parametrize("distribution", ["laplace", "huber", "quantile"])
def test_outliers_hardly_move_the_model(lab: Any, distribution: str) -> None:
    frame = lab.node.frames.get("tr")
    columns = {n: frame.to_numpy(lab.node)[:, frame.names.index(n)] for n in ("x1", "x2", "z")}
    columns["z"] = np.where(np.arange(len(columns["z"])) % 50 == 0, 1e6, columns["z"])
    lab.node.frames.from_columns("wild", columns, chunk_rows=90)
    model = lab.train("gbm", "z", x=("x1", "x2"), training_frame="wild", ntrees=10, distribution=distribution, seed=1)
    p = predict_frame(lab.node, model, lab.node.frames.get("wild"), "p")[0].to_numpy(lab.node)[:, 0]
    assert np.median(np.abs(p)) < 100

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


DISTRIBUTIONS = ("gaussian", "gamma", "tweedie", "huber", "poisson", "laplace", "quantile")


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("weights", [None, 3.0, 1e-300])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_constant_response_is_predicted(lab: Any, name: str, weights: float | None) -> None:
    n = 50
    columns = {"x1": np.arange(n) % 7.0, "v": np.full(n, 5.0)}
    lab.node.frames.from_columns("flat", {**columns, **({"w": np.full(n, weights)} if weights else {})})
    more = {"weights_column": "w"} if weights else {}
    model = lab.train(
        "gbm", "v", ("x1",), training_frame="flat", ntrees=5, seed=1, distribution=name, check_constant_response=False, **more
    )
    p = predict_frame(lab.node, model, lab.node.frames.get("flat"), "p")[0].to_numpy(lab.node)[:, 0]
    np.testing.assert_allclose(p, 5.0, rtol=1e-12)
    assert model.output.training_metrics.mse < 1e-20


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_fold_whose_other_rows_are_constant(lab: Any, name: str) -> None:
    n = 60
    fold = np.arange(n) % 2
    y = np.where(fold == 1, 5.0, 6.0 + np.arange(n))
    lab.node.frames.from_columns("half", {"x1": np.arange(n) % 7.0, "fold": fold * 1.0, "v": y})
    model = lab.train(
        "gbm", "v", ("x1",), training_frame="half", ntrees=3, min_rows=2, seed=1, distribution=name, fold_column="fold",
        keep_cross_validation_predictions=True,
    )  # fmt: skip
    held = lab.node.frames.get(model.output.cross_validation_holdout).to_numpy(lab.node)[:, 0]
    np.testing.assert_allclose(held[fold == 0], 5.0, rtol=1e-12)
    assert np.isfinite(model.output.cross_validation_metrics.mse)


@pytest.mark.parametrize("name", ["gaussian", "tweedie", "poisson", "huber"])
def test_folds_of_a_response_that_is_nearly_always_zero(lab: Any, name: str) -> None:
    n = 60
    y = np.zeros(n)
    y[7] = 9.0
    lab.node.frames.from_columns("zeros", {"x1": np.arange(n) % 7.0, "v": y})
    model = lab.train("gbm", "v", ("x1",), training_frame="zeros", ntrees=3, min_rows=2, seed=1, distribution=name, nfolds=5)
    assert np.isfinite(model.output.cross_validation_metrics.number("mean_residual_deviance"))

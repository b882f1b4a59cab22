"""DRF: the tree kernel against a naive tree, and what a forest must do."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.ext.algos.drf import grower, kernels
from h2ok.ext.algos.drf.state import mean_of_trees
from h2ok.ext.models.scoring import predict_frame

NA = 255


def grow(bins: np.ndarray, y: np.ndarray, w: np.ndarray, is_cat: np.ndarray, mtries: int, depth: int, min_rows: float) -> Any:
    p, n = bins.shape
    ints = [np.empty(2 * n, np.int32) for _ in range(6)]
    feature, split_bin, na_left, left, right, depths = ints
    value, cover = np.empty(2 * n), np.empty(2 * n)
    bits, importance = np.zeros((2 * n, 4), np.uint64), np.zeros(p)
    rows = np.flatnonzero(w > 0).astype(np.int32)
    n_bins = np.array([int(c[c < NA].max(initial=0)) + 1 for c in bins], np.int32)
    m = kernels.grow_tree(
        bins, y, w, rows, n_bins, is_cat, np.arange(p), mtries, 1.0, depth, min_rows, 1e-5, np.uint64(5),
        feature, split_bin, na_left, left, right, bits, value, cover, depths, importance,
    )  # fmt: skip
    out = np.empty(n)
    kernels.add_out_of_bag(bins, np.arange(n, dtype=np.int32), feature, split_bin, na_left, left, right, bits, value, out)
    return m, feature[:m], value[:m], depths[:m], importance, out


def naive(bins: np.ndarray, y: np.ndarray, w: np.ndarray, is_cat: np.ndarray, depth: int, min_rows: float) -> float:
    """Squared error of the greedy tree that tries every threshold (NA on both sides) and every set of levels."""
    mean = (w * y).sum() / w.sum()
    error = float((w * (y - mean) ** 2).sum())
    best, chosen = 0.0, None
    for j in range(len(bins)) if depth > 0 and w.sum() >= 2 * min_rows else ():
        column = bins[j]
        if is_cat[j]:
            levels = np.unique(column)
            sides = [np.isin(column, s) for r in range(1, len(levels)) for s in itertools.combinations(levels, r)]
        else:
            na = column == NA
            sides = [(~na & (column <= b)) | (na & side) for b in range(8) for side in (False, True)]
        for go in sides:
            if min(w[go].sum(), w[~go].sum()) < min_rows:
                continue
            parts = [float((w[s] * (y[s] - (w[s] * y[s]).sum() / w[s].sum()) ** 2).sum()) for s in (go, ~go)]
            if error - sum(parts) > best + 1e-9:
                best, chosen = error - sum(parts), go
    if chosen is None or best <= 1e-5 * error:
        return error
    return sum(naive(bins[:, s], y[s], w[s], is_cat, depth - 1, min_rows) for s in (chosen, ~chosen))


@pytest.mark.parametrize(("seed", "min_rows"), [(0, 1.0), (1, 1.0), (2, 1.0), (3, 4.0), (4, 4.0)])
def test_tree_with_all_columns_is_the_greedy_tree(seed: int, min_rows: float) -> None:
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, 5, size=(3, 60)).astype(np.uint8)
    bins[rng.random(bins.shape) < 0.1] = NA
    y, w = rng.normal(size=60), rng.integers(1, 3, size=60).astype(float)
    # Levels in the order of their means hold the best two groups as long as no group is too small.
    is_cat = np.array([False, min_rows == 1, False])
    m, feature, value, depths, importance, out = grow(bins, y, w, is_cat, 3, 2, min_rows)
    error = float((w * (y - out) ** 2).sum())
    assert error == pytest.approx(naive(bins, y, w, is_cat, 2, min_rows))
    total = float((w * (y - (w * y).sum() / w.sum()) ** 2).sum())
    assert importance.sum() == pytest.approx(total - error)
    assert depths.max() <= 2
    assert m == 2 * (feature < 0).sum() - 1
    assert np.isin(out, value[feature < 0]).all()


def test_constant_columns_do_not_use_up_tries() -> None:
    bins = np.zeros((6, 20), np.uint8)
    bins[4] = np.arange(20) % 2
    _, feature, *_ = grow(bins, np.arange(20) % 2 * 1.0, np.ones(20), np.zeros(6, bool), 1, 5, 1.0)
    assert feature[0] == 4


def test_predictions_are_means_or_shares() -> None:
    sums = np.array([[1.0, 3.0], [0.0, 0.0]])
    np.testing.assert_allclose(mean_of_trees(sums, 4, 2), [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(mean_of_trees(sums[:, :1], 4, 2), [[0.25, 0.75], [0.0, 1.0]])
    np.testing.assert_allclose(mean_of_trees(sums[:, :1], np.array([1.0, 0.0]), 1), [[1.0], [0.0]])


def predictions(lab: Any, model: Any, key: str = "p") -> np.ndarray:
    frame, _ = predict_frame(lab.node, model, lab.frame, key)
    return np.asarray(frame.to_numpy(lab.node))


def test_out_of_bag_error_is_honest(lab: Any) -> None:
    model = lab.train("drf", "z", ntrees="40", seed="3", nfolds="3")
    out = model.output
    fitted = float(((predictions(lab, model)[:, 0] - lab.frame.subframe(["z"]).to_numpy(lab.node)[:, 0]) ** 2).mean())
    assert fitted < 0.6 * out.training_metrics.mse
    assert out.training_metrics.mse == pytest.approx(out.cross_validation_metrics.mse, rel=0.25)
    assert out.training_metrics.description == "Metrics reported on Out-Of-Bag training samples"
    assert out.training_metrics.number("r2") > 0.8


@pytest.mark.parametrize(("y", "trees", "params"), [("y", 1, {}), ("y", 2, {"binomial_double_trees": "true"}), ("k", 3, {})])
def test_trees_of_classes(lab: Any, y: str, trees: int, params: dict[str, str]) -> None:
    model = lab.train("drf", y, ntrees="7", seed="3", **params)
    row = {c.name: v[0] for c, v in zip(model.output.model_summary.columns, model.output.model_summary.data, strict=True)}
    assert (row["number_of_trees"], row["number_of_internal_trees"]) == (7, 7 * trees)
    p = predictions(lab, model)[:, 1:]
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert model.output.training_metrics.number("logloss") > 0


def test_integer_weights_are_repetitions_without_sampling(lab: Any) -> None:
    w = lab.frame.subframe(["w"]).to_numpy(lab.node)[:, 0].astype(int)
    columns = {n: lab.frame.subframe([n]).to_numpy(lab.node)[:, 0] for n in ("x1", "x2", "z")}
    lab.node.frames.from_columns("rep", {n: np.repeat(v, w) for n, v in columns.items()}, chunk_rows=100)
    common = {"ntrees": "1", "mtries": "-2", "sample_rate": "1", "seed": "1", "max_depth": "6", "min_rows": "5"}
    weighted = lab.train("drf", "z", x=("x1", "x2"), weights_column="w", **common)
    repeated = lab.train("drf", "z", x=("x1", "x2"), training_frame="rep", **common)
    np.testing.assert_allclose(predictions(lab, weighted), predictions(lab, repeated, "q"), rtol=1e-9)


@pytest.mark.parametrize("y", ["y", "k", "z"])
def test_without_sampling_there_are_no_training_metrics(lab: Any, y: str) -> None:
    metrics = lab.train("drf", y, ntrees="2", sample_rate="1", seed="1").output.training_metrics
    assert metrics.nobs == 0
    assert np.isnan(metrics.mse)
    assert metrics.get("cm") is None
    assert metrics.to_json()["MSE"] == "NaN"


def test_unseen_levels_and_missing_columns_score(lab: Any) -> None:
    model = lab.train("drf", "y", ntrees="5", seed="3")
    frame = lab.node.frames.from_columns(
        "new", {"x1": np.array([0.0, np.nan]), "c": np.array([0, -1], np.int32)}, domains={"c": ("zz",)}
    )
    found, warnings = predict_frame(lab.node, model, frame, "pn")
    assert not np.isnan(found.to_numpy(lab.node)).any()
    assert any("zz" in w for w in warnings)


def test_early_stopping_and_validation(lab: Any) -> None:
    model = lab.train("drf", "y", ntrees="200", seed="3", stopping_rounds="2", stopping_tolerance="0.05", validation_frame="tr")
    assert model.output.model_summary.column("number_of_trees")[0] < 60
    assert model.output.validation_metrics.number("AUC") > 0.9
    assert model.output.scoring_history.n_rows == model.output.model_summary.column("number_of_trees")[0] + 1


def test_importance_finds_the_signal(lab: Any) -> None:
    table = lab.train("drf", "z", x=("x1", "x2", "c"), ntrees="20", seed="3").output.extra["variable_importances"]
    assert table.column("variable")[0] == "x1"
    assert sum(table.column("percentage")) == pytest.approx(1.0)


@pytest.mark.parametrize("y", ["y", "k", "z"])
def test_a_continued_forest_is_the_one_grown_at_once(lab: Any, y: str) -> None:
    whole = lab.train("drf", y, ntrees="6", seed="3", validation_frame="tr")
    first = lab.train("drf", y, ntrees="2", seed="3", model_id="first")
    lab.train("drf", y, ntrees="4", seed="3", checkpoint=first.key, model_id="second")
    third = lab.train("drf", y, ntrees="6", seed="3", checkpoint="second", validation_frame="tr")
    np.testing.assert_array_equal(predictions(lab, whole), predictions(lab, third, "q"))
    assert third.output.training_metrics.mse == whole.output.training_metrics.mse
    assert third.output.validation_metrics.mse == whole.output.validation_metrics.mse
    assert third.output.model_summary == whole.output.model_summary
    a, b = (m.output.extra["variable_importances"] for m in (whole, third))
    assert a.column("variable") == b.column("variable")
    assert a.column("relative_importance") == pytest.approx(b.column("relative_importance"))


def test_a_checkpoint_must_fit(lab: Any) -> None:
    lab.train("drf", "y", ntrees="3", seed="3", model_id="first")
    with pytest.raises(ModelBuilderError, match="must be higher than 3"):
        lab.train("drf", "y", ntrees="3", checkpoint="first")
    with pytest.raises(ModelBuilderError, match="max_depth cannot be modified"):
        lab.train("drf", "y", ntrees="5", max_depth="3", checkpoint="first")
    with pytest.raises(ModelBuilderError, match="columns or levels"):
        lab.train("drf", "y", x=("x1",), ntrees="5", checkpoint="first")
    with pytest.raises(ModelBuilderError, match="cross-validation"):
        lab.train("drf", "y", ntrees="5", nfolds="3", checkpoint="first")


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"mtries": "4"}, "mtries should be in interval <1,3>"),
        ({"mtries": "0"}, "mtries must be -1, -2"),
        ({"offset_column": "w"}, "offsets in a random forest"),
        ({"distribution": "poisson"}, "poisson"),
        ({"sample_rate": "0"}, "sample_rate"),
        ({"sample_rate_per_class": "[0.5]"}, "sample_rate_per_class"),
        ({"checkpoint": "m"}, "not a drf model"),
    ],
)
def test_wrong_parameters_are_refused(lab: Any, params: dict[str, str], match: str) -> None:
    with pytest.raises(ModelBuilderError, match=match):
        lab.train("drf", "y", **params)


def test_small_forests_are_those_that_threads_grow(lab: Any, monkeypatch: Any) -> None:
    found = []
    for limit in (10**9, 0):
        monkeypatch.setattr(grower, "_HANDED_OVER", limit)
        found.append(lab.train("drf", "k", ntrees="6", seed="3").state.forest)
    for name in found[0].__slots__:
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))
    # What no split sets is not left to chance.
    assert not found[0].na_left[found[0].feature < 0].any()


def test_small_forests_are_grown_on_the_thread_of_the_job(lab: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(grower, "ThreadPoolExecutor", None)
    assert lab.train("drf", "y", ntrees="3", seed="3").state.rounds == 3

"""XGBoost: what a model must do, and equality with the library used alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.ext.models.model import Model
from h2ok.ext.models.scoring import predict_frame, score_metrics
from h2ok.ext.xgboost.params import XGBoostParametersV3, constraint_pairs

xgboost = pytest.importorskip("xgboost")


def predictions(lab: Any, model: Model, frame: Any = None) -> np.ndarray:
    """float64[n, k]; label codes first for classes."""
    found, _ = predict_frame(lab.node, model, frame or lab.frame, "p")
    return np.asarray(found.to_numpy(lab.node), dtype=float)


def columns(lab: Any, *names: str) -> np.ndarray:
    return np.asarray(lab.node.frames.get("tr").subframe(list(names)).to_numpy(lab.node), dtype=float)


def matrix(lab: Any) -> np.ndarray:
    """The predictors c, x1, x2 written out by hand: one column a level, one for missing, the numbers."""
    c, x1, x2 = columns(lab, "c", "x1", "x2").T
    hot = np.column_stack([c == i for i in range(4)] + [~np.isin(c, range(4))])
    return np.column_stack([hot, x1, x2]).astype(np.float32)


NATIVE = {"eta": 0.3, "max_depth": 6, "tree_method": "hist", "base_score": 0.5, "seed": 7, "nthread": 2, "max_bin": 256}
CASES: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    (
        "y",
        {"objective": "binary:logistic"},
        {},
    ),
    (
        "y",
        {"objective": "binary:logistic", "subsample": 0.7, "colsample_bytree": 0.5, "gamma": 0.2},
        {"subsample": "0.7", "col_sample_rate_per_tree": "0.5", "gamma": "0.2"},
    ),
    (
        "y",
        {"objective": "binary:logistic", "scale_pos_weight": 3.0},
        {"scale_pos_weight": "3"},
    ),
    (
        "k",
        {"objective": "multi:softprob", "num_class": 3},
        {},
    ),
    (
        "z",
        {"objective": "reg:squarederror", "lambda": 5.0, "alpha": 0.5},
        {"reg_lambda": "5", "reg_alpha": "0.5"},
    ),
    (
        "z",
        {"objective": "reg:squarederror", "grow_policy": "lossguide", "max_leaves": 5, "max_depth": 0},
        {"grow_policy": "lossguide", "max_leaves": "5", "max_depth": "0"},
    ),
    (
        "z",
        {"objective": "reg:squarederror", "tree_method": "exact", "colsample_bylevel": 0.6},
        {"tree_method": "exact", "col_sample_rate": "0.6"},
    ),
    (
        "z",
        {"objective": "reg:squarederror", "tree_method": "approx", "min_child_weight": 9, "colsample_bynode": 0.8},
        {"tree_method": "approx", "min_rows": "9", "colsample_bynode": "0.8"},
    ),
    (
        "cnt",
        {"objective": "count:poisson", "max_delta_step": 0.0},
        {"distribution": "poisson"},
    ),
    (
        "cnt",
        {"objective": "reg:tweedie", "tweedie_variance_power": 1.3},
        {"distribution": "tweedie", "tweedie_power": "1.3"},
    ),
    (
        "pos",
        {"objective": "reg:gamma", "max_delta_step": 0.3},
        {"distribution": "gamma", "max_abs_leafnode_pred": "0.3"},
    ),
    (
        "y",
        {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.4, "normalize_type": "forest"},
        {"booster": "dart", "rate_drop": "0.4", "normalize_type": "forest"},
    ),
    (
        "z",
        {"objective": "reg:squarederror", "booster": "gblinear", "updater": "coord_descent", "lambda": 1},
        {"booster": "gblinear"},
    ),
]


@pytest.mark.parametrize(("y", "native", "params"), CASES, ids=lambda v: v if isinstance(v, str) else None)
def test_equals_the_library_used_alone(lab: Any, y: str, native: dict[str, Any], params: dict[str, str]) -> None:
    model = lab.train(y, **params)
    given = {**NATIVE, **native}
    if native.get("booster") == "gblinear":
        given = {k: v for k, v in given.items() if k not in ("max_depth", "tree_method", "max_bin")}
    data = xgboost.DMatrix(matrix(lab), columns(lab, y)[:, 0])
    alone = xgboost.train({**given, "verbosity": 0}, data, 5).predict(data)
    found = predictions(lab, model)
    if y == "y":
        np.testing.assert_array_equal(found[:, 2].astype(np.float32), alone)
    else:
        np.testing.assert_array_equal(found[:, 1:] if y == "k" else found[:, 0], alone)


@pytest.mark.parametrize(
    "params", [{}, {"booster": "dart", "rate_drop": "0.3"}, {"booster": "gblinear"}, {"dmatrix_type": "sparse"}]
)
@pytest.mark.parametrize("y", ["y", "k", "z"])
def test_metrics_of_training_are_those_of_a_later_scoring(lab: Any, y: str, params: dict[str, str]) -> None:
    model = lab.train(y, weights_column="w", **params)
    again = score_metrics(lab.node, model, lab.frame)
    assert again is not None
    np.testing.assert_equal(model.output.training_metrics.mse, again.mse)
    for name, value in model.output.training_metrics.fields.items():
        if isinstance(value, float):
            np.testing.assert_equal(value, again.fields[name], err_msg=name)


def test_levels_come_first_and_importances_have_their_names(lab: Any) -> None:
    model = lab.train("y", ("x1", "hi", "c"))
    assert model.output.columns.names == ("hi", "c", "x1")
    assert model.output.extra["sparse"] is True
    names = model.state.expansion.names
    assert names[0] == "hi.L0"
    assert names[60:67] == ("hi.missing(NA)", "c.a", "c.b", "c.cc", "c.d", "c.missing(NA)", "x1")
    tables = [model.output.extra["variable_importances" + s] for s in ("", "_cover", "_frequency")]
    assert [t.name for t in tables] == [
        "Variable Importances",
        "Variable Importances - Cover",
        "Variable Importances - Frequency",
    ]
    assert tables[0].column("variable")[0] == "x1"
    assert tables[0].column("scaled_importance")[0] == 1.0
    assert sum(tables[0].column("percentage")) == pytest.approx(1.0)
    native = dict(zip(*model.output.extra["native_parameters"].data[1:], strict=True))
    assert (native["objective"], native["nround"], native["seed"]) == ("binary:logistic", "5", "7")
    json.dumps(model.output.to_json("XGBoost"), allow_nan=False)


def test_sparse_stores_what_dense_writes_out(lab: Any) -> None:
    dense, sparse = (lab.train("z", ("x1", "x2", "c", "hi"), dmatrix_type=t, tree_method="exact") for t in ("dense", "sparse"))
    assert (dense.state.expansion.sparse, sparse.state.expansion.sparse) == (False, True)
    # Columns of levels are 0/1 and no number is exactly 0: splits are the same, up to where missing numbers go.
    assert np.corrcoef(predictions(lab, dense)[:, 0], predictions(lab, sparse)[:, 0])[0, 1] > 0.99


def test_weights_count_as_repetition(lab: Any) -> None:
    x, w = columns(lab, "x1", "x2", "z"), columns(lab, "w")[:, 0].astype(int)
    repeated = np.repeat(x, w, axis=0)
    lab.node.frames.from_columns("rep", {n: repeated[:, i] for i, n in enumerate(("x1", "x2", "z"))}, chunk_rows=150)
    params = {"max_depth": "3", "tree_method": "exact", "min_rows": "3"}
    a = lab.train("z", ("x1", "x2"), weights_column="w", **params)
    b = lab.train("z", ("x1", "x2"), frame="rep", **params)
    np.testing.assert_allclose(predictions(lab, a)[:, 0], predictions(lab, b)[:, 0], rtol=2e-5, atol=2e-5)
    assert a.output.training_metrics.mse == pytest.approx(b.output.training_metrics.mse, rel=1e-4)


def test_unseen_level_scores_as_missing(lab: Any) -> None:
    model = lab.train("z")
    x = {"x1": np.zeros(2), "x2": np.zeros(2)}
    frame = lab.node.frames.from_columns("te", {**x, "c": np.array([0, -1], np.int32)}, domains={"c": ("new",)})
    p = predictions(lab, model, frame)
    assert p[0] == p[1]
    assert np.isfinite(p).all()


def test_infinities_and_empty_chunks(lab: Any) -> None:
    x = np.concatenate([np.arange(50.0), [np.inf, -np.inf, np.nan, 1e300]])
    y = np.where(np.isnan(x), 0.0, np.clip(x, -5, 60))
    lab.node.frames.from_columns("inf", {"x1": x, "z": y}, chunk_rows=10)
    model = lab.train("z", ("x1",), frame="inf")
    assert np.isfinite(predictions(lab, model, lab.node.frames.get("inf"))).all()
    # Chunks in which no row counts.
    w = np.where(np.arange(54) < 30, 0.0, 1.0)
    lab.node.frames.from_columns("holes", {"x1": x, "z": y, "w": w}, chunk_rows=10)
    assert lab.train("z", ("x1",), frame="holes", weights_column="w").output.training_metrics.nobs == 24


def test_no_row_left(lab: Any) -> None:
    lab.node.frames.from_columns("none", {"x1": np.arange(9.0), "z": np.arange(9.0), "w": np.zeros(9)})
    job = lab.node.jobs.wait(lab.start("z", ("x1",), frame="none", weights_column="w", ignore_const_cols="false").key)
    assert job.status == "FAILED"
    assert "No row is left" in job.exception


def test_offset_replaces_the_start(lab: Any) -> None:
    model = lab.train("z", offset_column="o")
    data = xgboost.DMatrix(matrix(lab), columns(lab, "z")[:, 0], base_margin=columns(lab, "o")[:, 0])
    alone = xgboost.train({**NATIVE, "objective": "reg:squarederror"}, data, 5).predict(data)
    np.testing.assert_array_equal(predictions(lab, model)[:, 0], alone)


def grid_frame(lab: Any) -> np.ndarray:
    """Every pair of 40 values of x1 and 5 of x2; the shape of the predictions on it is (5, 40)."""
    a, b = np.meshgrid(np.linspace(-3, 3, 40), np.linspace(-2, 2, 5))
    lab.node.frames.from_columns("grid", {"x1": a.reshape(-1), "x2": b.reshape(-1)})
    return np.array([5, 40])


@pytest.mark.parametrize("raw", ["[{'key': \"x1\", 'value': 1}]", '[{"key": "x1", "value": 1}]'])
def test_monotone_constraints_hold(lab: Any, raw: str) -> None:
    shape = grid_frame(lab)
    free, bound = (lab.train("z", ("x1", "x2"), ntrees="30", **p) for p in ({}, {"monotone_constraints": raw}))
    steps = [np.diff(predictions(lab, m, lab.node.frames.get("grid"))[:, 0].reshape(shape), axis=1) for m in (free, bound)]
    assert steps[0].min() < 0 <= steps[1].min()
    assert bound.parameters["monotone_constraints"] == [{"key": "x1", "value": 1.0}]


def test_interaction_constraints_make_it_additive(lab: Any) -> None:
    shape = grid_frame(lab)
    free, bound = (lab.train("z", ("x1", "x2"), **p) for p in ({}, {"interaction_constraints": '[["x1"],["x2"]]'}))
    found = [predictions(lab, m, lab.node.frames.get("grid"))[:, 0].reshape(shape) for m in (free, bound)]
    spread = [np.ptp(p - p[:1], axis=1).max() for p in found]
    assert spread[0] > 0.1
    assert spread[1] < 1e-5


def test_early_stopping_watches_the_validation_frame(lab: Any) -> None:
    params = {"stopping_rounds": "2", "stopping_tolerance": "0.01", "ntrees": "200", "validation_frame": "tr", "eta": "0.5"}
    model = lab.train("y", **params)
    assert 4 <= model.state.rounds < 200
    history = model.output.scoring_history
    assert history.column("number_of_trees") == list(range(model.state.rounds + 1))
    assert history.column("training_logloss") == history.column("validation_logloss")
    assert history.column("training_logloss")[0] == pytest.approx(np.log(2), rel=1e-6)
    assert model.output.model_summary.column("number_of_trees") == [model.state.rounds]


def test_folds_decide_the_number_of_trees(lab: Any) -> None:
    params = {"nfolds": "3", "fold_assignment": "Modulo", "stopping_rounds": "2", "stopping_tolerance": "0.05", "ntrees": "200"}
    model = lab.train("y", **params)
    folds = [lab.node.dkv.get(k).state.rounds for k in model.output.cross_validation_models]
    assert model.state.rounds == round(sum(folds) / 3)
    assert model.output.cross_validation_metrics.mse > model.output.training_metrics.mse


@pytest.mark.parametrize("y", ["z", "k"])
def test_checkpoint_continues(lab: Any, y: str) -> None:
    begun = lab.train(y, ntrees="3")
    more, once = lab.train(y, ntrees="8", checkpoint=begun.key), lab.train(y, ntrees="8")
    np.testing.assert_allclose(predictions(lab, more), predictions(lab, once), rtol=1e-5)
    assert more.output.training_metrics.mse == score_metrics(lab.node, more, lab.frame).mse
    with pytest.raises(ModelBuilderError, match="greater than the 8"):
        lab.start(y, ntrees="8", checkpoint=more.key)
    with pytest.raises(ModelBuilderError, match="columns or levels differ"):
        lab.start(y, ("x1",), ntrees="9", checkpoint=more.key)
    with pytest.raises(ModelBuilderError, match="no XGBoost model"):
        lab.start(y, checkpoint="tr")


def test_cancel(lab: Any) -> None:
    job = lab.start("y", ntrees="1000000", score_tree_interval="1000000")
    lab.node.jobs.cancel(job.key)
    assert lab.node.jobs.wait(job.key).status == "CANCELLED"
    assert lab.node.dkv.get(job.dest) is None


def test_time_limit_keeps_what_there_is(lab: Any) -> None:
    model = lab.train("y", ntrees="1000000", max_runtime_secs="0.3", score_tree_interval="1000000")
    assert 0 < model.state.rounds < 1_000_000
    assert len(model.output.scoring_history.column("number_of_trees")) == 2


def test_metric_of_the_library(lab: Any) -> None:
    model = lab.train("y", eval_metric="logloss", validation_frame="tr", score_each_iteration="true")
    history = model.output.scoring_history
    np.testing.assert_allclose(history.column("training_custom"), history.column("training_logloss"), rtol=1e-5)
    assert history.column("training_custom") == history.column("validation_custom")
    only = lab.train("y", eval_metric="logloss", score_eval_metric_only="true", score_each_iteration="true")
    assert np.isnan(only.output.scoring_history.column("training_logloss")[:-1]).all()
    assert only.output.scoring_history.column("training_custom") == history.column("training_custom")
    job = lab.node.jobs.wait(lab.start("y", eval_metric="nosuch").key)
    assert job.status == "FAILED"
    assert "nosuch" in job.exception


def test_aliases(lab: Any) -> None:
    model = lab.train("y", eta="0.1", min_child_weight="3", colsample_bylevel="0.5", col_sample_rate_per_tree="0.9", gamma="0.5")
    actual = model.parameters
    assert (actual["learn_rate"], actual["eta"], actual["min_rows"]) == (0.1, 0.1, 3.0)
    assert (actual["col_sample_rate"], actual["colsample_bytree"], actual["min_split_improvement"]) == (0.5, 0.9, 0.5)
    assert (actual["tree_method"], actual["dmatrix_type"], actual["backend"]) == ("hist", "dense", "cpu")
    found = lab.builder(training_frame="tr", response_column="y", eta="0.1").check()
    assert [m.message for m in found.messages if m.field == "eta"] == [
        "eta=0.1 is taken for learn_rate too: both are names of one parameter."
    ]


BAD: list[tuple[str, dict[str, str], str]] = [
    ("y", {"learn_rate": "0.2", "eta": "0.1"}, "alias eta=0.1 differ"),
    ("y", {"learn_rate": "2"}, r"learn_rate must be in \(0, 1\]"),
    ("y", {"ntrees": "0"}, "ntrees must be at least 1"),
    ("y", {"col_sample_rate": "0"}, "col_sample_rate must be in"),
    ("y", {"backend": "gpu"}, "no GPU backend"),
    ("y", {"gpu_id": "[0]"}, "GPU backend"),
    ("y", {"save_matrix_directory": "d"}, "saving training matrices"),
    ("y", {"calibrate_model": "true"}, "Calibration frame was not specified"),
    ("y", {"categorical_encoding": "Eigen"}, "cannot use categorical_encoding Eigen"),
    ("z", {"distribution": "laplace"}, "laplace is not built"),
    ("z", {"distribution": "bernoulli"}, "2 classes"),
    ("y", {"distribution": "poisson"}, "numeric response"),
    ("z", {"distribution": "gamma"}, "greater than 0"),
    ("z", {"distribution": "poisson"}, "at least 0"),
    ("z", {"scale_pos_weight": "2"}, "needs a response with 2 classes"),
    ("k", {"offset_column": "o"}, "several classes"),
    ("y", {"monotone_constraints": "[{'key': \"c\", 'value': 1}]"}, "Column 'c' is categorical"),
    ("y", {"monotone_constraints": "[{'key': \"q\", 'value': 1}]"}, "column 'q', which the training frame 'tr' does not have"),
    ("y", {"monotone_constraints": "[{'key': \"x1\", 'value': 5}]"}, "must be 1, -1 or 0"),
    ("y", {"monotone_constraints": "[oops]"}, "Cannot read 'oops'"),
    ("y", {"interaction_constraints": '[["x1","q"]]'}, "column 'q', which the training frame 'tr' does not have"),
    ("y", {"grow_policy": "lossguide", "tree_method": "exact"}, "lossguide needs tree_method hist"),
    ("y", {"max_leaves": "4", "tree_method": "exact"}, "max_leaves needs"),
    ("y", {"colsample_bynode": "0.5", "tree_method": "exact"}, "colsample_bynode below 1 needs"),
    ("y", {"rate_drop": "0.5"}, "need booster dart"),
    ("y", {"booster": "gblinear", "interaction_constraints": '[["x1"]]'}, "gblinear has none"),
    ("y", {"score_eval_metric_only": "true"}, "needs eval_metric"),
    ("y", {"stopping_rounds": "2", "stopping_metric": "custom"}, "stopping_metric custom"),
]


@pytest.mark.parametrize(("y", "params", "text"), BAD, ids=[f"{y}-{','.join(p)}" for y, p, _ in BAD])
def test_what_cannot_be_done_is_refused_by_name(lab: Any, y: str, params: dict[str, str], text: str) -> None:
    with pytest.raises(ModelBuilderError, match=text):
        lab.start(y, **params)


def test_constraint_texts() -> None:
    assert constraint_pairs(["{'key': \"a, b\", 'value': -1}", {"key": "c", "value": "1"}]) == [("a, b", -1.0), ("c", 1.0)]
    assert constraint_pairs(None) == []
    with pytest.raises(ValueError, match="both"):
        constraint_pairs([{"key": "a"}])


def test_parameters_are_those_of_h2o() -> None:
    described = XGBoostParametersV3.describe()
    assert len(described) == 74
    assert [p["name"] for p in described][:3] == ["model_id", "training_frame", "validation_frame"]
    assert {p["name"] for p in described if p["gridable"]} >= {"ntrees", "eta", "booster", "reg_lambda", "scale_pos_weight"}

"""The framework around algorithms: validation, ids, jobs, adaptation, scoring, cross-validation, routes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ApiError, BadRequestError, ModelBuilderError, NotFoundError
from h2ok.capabilities.contracts.schema import EnumValueError
from h2ok.ext.models import routes_builders, routes_models, routes_predictions
from h2ok.ext.models.schemas import ModelMetricsListSchemaV3, ModelMetricsMakerSchemaV3
from h2ok.kernel import ClassMismatchError, IllegalArgumentError, KeyNotFoundError

GLM0 = {"lambda": "0"}


def test_all_findings_come_at_once_with_h2o_spelling(lab: Any) -> None:
    with pytest.raises(ModelBuilderError) as e:
        lab.start("gbm", response_column="zzz", ntrees="-1", weights_column="nope", calibrate_model="true")
    fields = {m.field for m in e.value.messages if m.type == "ERRR"}
    assert {"response_column", "ntrees", "weights_column", "calibrate_model"} <= fields
    assert "ERRR on field: _ntrees: " in e.value.message
    assert e.value.status == 412
    assert e.value.error_count >= 4


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"nosuch": "1"}, IllegalArgumentError),
        ({"ntrees": "abc"}, IllegalArgumentError),
        ({"distribution": "nosuch"}, EnumValueError),
        ({"training_frame": "nosuch"}, BadRequestError),
        ({"calibrate_model": "true"}, ModelBuilderError),
        ({"distribution": "laplace"}, ModelBuilderError),
        ({"nfolds": "1"}, ModelBuilderError),
    ],
)
def test_bad_parameters(lab: Any, params: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        lab.builder("gbm", **{"training_frame": "tr", "response_column": "y", **params}).start()


def test_missing_frame_fails_in_the_job(lab: Any) -> None:
    job = lab.node.jobs.wait(lab.builder("gbm", response_column="y").start().key)
    assert job.status == "FAILED"
    assert "training_frame" in (job.exception or "")


def test_a_slash_in_a_model_id_is_replaced_and_told(lab: Any) -> None:
    job = lab.node.jobs.wait(lab.builder("glm", training_frame="tr", response_column="y", model_id="a/b", **GLM0).start().key)
    assert (job.status, job.dest) == ("DONE", "a_b")
    assert job.warnings[0] == "Bad model_id 'a/b': it holds a slash. The model is stored as 'a_b'."
    with pytest.raises(IllegalArgumentError, match="control character"):
        lab.builder("glm", training_frame="tr", response_column="y", model_id="a\nb", **GLM0).start()


def test_constant_and_text_columns_are_left_out_with_a_warning(lab: Any) -> None:
    lab.node.frames.from_columns(
        "t", {"x": np.arange(40.0), "const": np.ones(40), "s": ["a"] * 40, "y": np.arange(40.0) % 7}, {"s": "string"}
    )
    builder = lab.builder("glm", training_frame="t", response_column="y")
    warned = [m.message for m in builder.check().messages if m.type == "WARN"]
    assert any("const" in w for w in warned)
    assert any("[s]" in w for w in warned)
    assert builder.data.names == ("x",)


def test_response_constant(lab: Any) -> None:
    with pytest.raises(ModelBuilderError, match="constant"):
        lab.start("gbm", response_column="const")


def test_ids(lab: Any) -> None:
    job = lab.call(routes_builders.train, {"algo": "glm"}, training_frame="tr", response_column="z")["job"]
    lab.node.jobs.wait(job["key"]["name"])
    stem, n = job["dest"]["name"].rsplit("_", 1)
    assert stem == f"GLM_model_python_{int(lab.node.cloud.started * 1000)}"
    assert n == "1"
    assert lab.builder("glm", model_id="a b/c!").model_key == "a b_c!"
    with pytest.raises(ClassMismatchError):
        lab.start("glm", response_column="z", model_id="tr")


def test_builder_routes(lab: Any) -> None:
    found = lab.call(routes_builders.list_builders)["model_builders"]
    assert set(found) >= {"gbm", "glm"}
    assert len(found["gbm"]["parameters"]) == 64
    assert len(found["glm"]["parameters"]) == 84
    checked = lab.call(routes_builders.validate, {"algo": "gbm"}, training_frame="tr", response_column="y", ntrees="-1")
    assert checked["job"] is None
    assert checked["error_count"] >= 1
    with pytest.raises(NotFoundError):
        lab.call(routes_builders.train, {"algo": "nosuch"})
    with pytest.raises(ApiError) as e:
        lab.call(routes_builders.get_builder, {"algo": "nosuch"})
    assert e.value.status == 500


def test_model_json_and_deletion(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees="3", model_id="m", nfolds="2", keep_cross_validation_predictions="true", seed="1")
    out = lab.call(routes_models.get_model, {"model_id": "m"})["models"][0]
    json.dumps(out, allow_nan=False)
    assert out["__meta"]["schema_name"] == "GBMModelV3"
    assert out["output"]["__meta"]["schema_name"] == "GBMModelOutputV3"
    actual = {p["name"]: p["actual_value"] for p in out["parameters"]}
    assert actual["distribution"] == "bernoulli"
    assert actual["seed"] == 1
    assert actual["response_column"]["column_name"] == "y"
    assert [m["name"] for m in out["output"]["cross_validation_models"]] == ["m_cv_1", "m_cv_2"]
    assert lab.call(routes_models.list_models)["models"][0]["model_id"]["name"] == "m"
    lab.call(routes_models.delete_one, {"model_id": "m"})
    left = lab.node.dkv.keys()
    assert [k for k in left if k != "tr" and not k.startswith("$job")] == []
    assert model.key == "m"
    with pytest.raises(KeyNotFoundError):
        lab.call(routes_models.get_model, {"model_id": "m"})
    with pytest.raises(ClassMismatchError):
        lab.call(routes_models.get_model, {"model_id": "tr"})


def predict(lab: Any, model: str, frame: str) -> Any:
    both = {"model": model, "frame": frame}
    job = lab.call(routes_predictions.predict_async, both, ModelMetricsListSchemaV3())
    done = lab.node.jobs.wait(job["key"]["name"])
    assert done.status == "DONE", done.stacktrace
    return lab.node.frames.get(job["dest"]["name"]), done.warnings


def test_predictions_agree_with_the_metrics(lab: Any) -> None:
    model = lab.train("glm", "y", model_id="g", **GLM0)
    frame, _ = predict(lab, "g", "tr")
    assert frame.names == ("predict", "no", "yes")
    p = frame.to_numpy(lab.node)
    y = lab.frame.vec("y").to_numpy(lab.node)
    m = model.output.training_metrics
    assert m is not None
    assert np.mean((1 - np.where(y == 1, p[:, 2], p[:, 1])) ** 2) == pytest.approx(m.mse, rel=1e-12)
    cm = m.get("cm")
    assert int((p[:, 0] == y).sum()) == cm.data[0][0] + cm.data[1][1]
    again = lab.call(routes_predictions.compute, {"model": "g", "frame": "tr"}, ModelMetricsListSchemaV3())["model_metrics"][0]
    assert again["AUC"] == m.number("AUC")
    listed = lab.call(routes_predictions.list_metrics, {"model": "g", "frame": "tr"})["model_metrics"]
    assert len(listed) == 1


def test_unseen_level_and_missing_column_score_as_na(lab: Any) -> None:
    lab.train("glm", "z", model_id="g", **GLM0)
    lab.node.frames.from_columns("te", {"x1": np.zeros(3), "c": ["a", "new", None]})
    frame, warnings = predict(lab, "g", "te")
    p = frame.to_numpy(lab.node)[:, 0]
    assert p[1] == p[2]
    assert any("x2" in w for w in warnings)
    assert any("new" in w for w in warnings)


def test_frames_that_do_not_fit(lab: Any) -> None:
    lab.train("glm", "z", model_id="g", **GLM0)
    lab.node.frames.from_columns("other", {"q": np.zeros(3)})
    both = {"model": "g", "frame": "other"}
    with pytest.raises(BadRequestError, match="no columns in common"):
        lab.call(routes_predictions.compute, both, ModelMetricsListSchemaV3())
    # As in H2O, the job says it.
    job = lab.call(routes_predictions.predict_async, both, ModelMetricsListSchemaV3())
    job = lab.node.jobs.wait(job["key"]["name"])
    assert job.status == "FAILED"
    assert "no columns in common" in job.exception
    with pytest.raises(KeyNotFoundError) as e:
        lab.call(routes_predictions.predict_async, {"model": "nosuch", "frame": "tr"}, ModelMetricsListSchemaV3())
    assert e.value.values == {"argument": "model", "name": "nosuch", "function": "predict"}
    with pytest.raises(IllegalArgumentError, match="leaf_node_assignment"):
        lab.call(routes_predictions.predict, {"model": "g", "frame": "tr"}, ModelMetricsListSchemaV3(leaf_node_assignment=True))


def test_metrics_of_two_frames(lab: Any) -> None:
    model = lab.train("gbm", "y", model_id="g", ntrees="3", seed="1")
    frame, _ = predict(lab, "g", "tr")
    lab.node.frames.put(frame.subframe(["yes"], "p"))
    lab.node.frames.put(lab.frame.subframe(["y"], "a"))
    request = ModelMetricsMakerSchemaV3(predictions_frame="p", actuals_frame="a", domain=["no", "yes"])
    out = lab.call(routes_predictions.make, {}, request)["model_metrics"]
    assert out["AUC"] == pytest.approx(model.output.training_metrics.number("AUC"), abs=1e-12)
    wrong = ModelMetricsMakerSchemaV3(predictions_frame="tr", actuals_frame="a", domain=["no", "yes"])
    with pytest.raises(BadRequestError, match="do not fit"):
        lab.call(routes_predictions.make, {}, wrong)


@pytest.mark.parametrize(
    "how",
    [
        {"nfolds": "3", "fold_assignment": "Modulo"},
        {"nfolds": "3", "fold_assignment": "Stratified", "seed": "5"},
        {"fold_column": "fold"},
    ],
)
def test_cross_validation_holds_each_row_out_once(lab: Any, how: dict[str, str]) -> None:
    keep = {"keep_cross_validation_predictions": "true", "keep_cross_validation_fold_assignment": "true"}
    model = lab.train("glm", "y", model_id="cv", **how, **keep, **GLM0)
    out = model.output
    assert out.cross_validation_models == ("cv_cv_1", "cv_cv_2", "cv_cv_3")
    fold = lab.node.frames.get("cv_fold_assignment_cv").to_numpy(lab.node)[:, 0]
    assert np.bincount(fold.astype(int)).tolist() == pytest.approx([200, 200, 200], abs=2)
    held = lab.node.frames.get("cv_holdout_prediction_cv").to_numpy(lab.node)
    for i in range(3):
        mine = lab.node.frames.get(f"prediction_cv_cv_{i + 1}").to_numpy(lab.node)
        np.testing.assert_array_equal(mine[fold == i, 1:], held[fold == i, 1:])
        assert (mine[fold != i, 1:] == 0).all()
    cv, train = out.cross_validation_metrics, out.training_metrics
    assert cv is not None
    assert cv.nobs == 600
    assert cv.number("logloss") > train.number("logloss")
    assert out.cross_validation_metrics_summary.n_rows >= 20


def test_cancel_ends_the_job(lab: Any) -> None:
    builder = lab.builder(
        "gbm", training_frame="tr", response_column="y", ntrees="100000", max_depth="8", score_tree_interval="100000"
    )
    job = builder.start()
    lab.node.jobs.cancel(job.key)
    assert lab.node.jobs.wait(job.key).status == "CANCELLED"
    assert lab.node.dkv.get(job.dest) is None
    assert not lab.node.tasks.states.sessions()


def test_time_limit_ends_with_a_model(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees="100000", max_runtime_secs="0.3", score_tree_interval="100000")
    assert 0 < model.output.model_summary.column("number_of_trees")[0] < 100000


def test_nothing_is_left_after_a_training(lab: Any) -> None:
    before = set(lab.node.dkv.local_keys())
    model = lab.train("gbm", "y", ntrees="2", nfolds="2", keep_cross_validation_models="false")
    after = {
        k for k in set(lab.node.dkv.local_keys()) - before if not k.startswith(("$job", "\x01r", "\x01models", "modelmetrics"))
    }
    assert after == {model.key}
    assert not lab.node.tasks.states.sessions()


def test_a_model_tells_what_its_parameters_came_to(lab: Any) -> None:
    """As H2O-3 3.46.0.11 does: what was sent stays in given, the others are those that had effect."""
    sent = {"ntrees": "60", "stopping_rounds": "2", "stopping_tolerance": "0.2", "score_tree_interval": "2", "seed": "1"}
    for algo in ("gbm", "drf"):
        model = lab.train(algo, "y", **sent)
        p, built = model.parameters, model.output.model_summary.column("number_of_trees")[0]
        assert p["ntrees"] == built < 60 == model.given["ntrees"]
        assert (p["stopping_metric"], p["fold_assignment"], p["calibration_method"]) == ("logloss", None, "PlattScaling")
        assert model.given["stopping_metric"] == model.given["fold_assignment"] == "AUTO"
    folded = lab.train("gbm", "z", nfolds="2", **sent).parameters
    # The main model grows the trees that the folds came to.
    assert (folded["stopping_rounds"], folded["stopping_metric"], folded["fold_assignment"]) == (0, None, "Random")
    assert lab.train("gbm", "z", ntrees="1", stopping_metric="MSE").parameters["stopping_metric"] == "MSE"
    assert lab.train("glm", "z").parameters["stopping_metric"] == "AUTO"
    assert [lab.train("drf", y, ntrees="1").parameters["distribution"] for y in ("y", "z")] == ["multinomial", "gaussian"]
    job = lab.node.jobs.wait(lab.builder("isolationforest", training_frame="tr", ntrees="2", sample_size="150").start().key)
    assert lab.node.dkv.get(job.dest).parameters["sample_rate"] == 0.25


@pytest.mark.parametrize(
    ("y", "rows"),
    [
        ("z", "aic loglikelihood mae mean_residual_deviance mse r2 residual_deviance rmse rmsle"),
        ("k", "accuracy aic auc err err_count loglikelihood logloss max_per_class_error mean_per_class_accuracy "
              "mean_per_class_error mse pr_auc r2 rmse"),
    ],
)  # fmt: skip
def test_the_summary_of_cross_validation_has_the_rows_of_h2o(lab: Any, y: str, rows: str) -> None:
    model = lab.train("gbm", y, ntrees="2", nfolds="3", fold_assignment="Modulo", seed="1")
    table = model.output.cross_validation_metrics_summary
    assert table.column("") == rows.split()
    by_row = {r[0]: r[1:] for r in zip(*table.data, strict=True)}
    assert np.isnan(by_row["aic"][0])
    assert by_row["aic"][1] == 0.0
    mean, sd, *cells = by_row["mse"]
    assert all(v == float(str(np.float32(v))) for v in (mean, sd, *cells))
    assert mean == pytest.approx(np.mean(cells), rel=1e-6)
    assert sd == pytest.approx(np.std(cells, ddof=1), rel=1e-4)
    if y == "z":
        assert by_row["residual_deviance"] == by_row["mean_residual_deviance"]

"""Paths, derived models, start values, checkpoints and bounds of GLM."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.algos.glm.path import derived_model
from h2ok.ext.algos.glm.routes import MakeGLMModelV3, make, path
from h2ok.ext.models.scoring import predict_frame


def coefficients(model: Any) -> dict[str, float]:
    table = model.output.extra["coefficients_table"]
    return dict(zip(table.column("names"), table.column("coefficients"), strict=True))


@pytest.mark.parametrize("y", ["y", "k", "z"])
def test_a_model_made_of_the_path_predicts_like_the_model(lab: Any, y: str) -> None:
    model = lab.train("glm", y, alpha="[0.3]", lambda_="[0.01]")
    answer = lab.call(path, model=model.key)
    assert answer["explained_deviance_train"][0] > 0
    names, beta = answer["coefficient_names"], answer["coefficients"][0]
    request = MakeGLMModelV3.parse({"model": model.key, "dest": "made"})
    request.names, request.beta = names, beta
    assert lab.call(make, request=request)["model_id"]["name"] == "made"
    expected = predict_frame(lab.node, model, lab.frame, "p1")[0].to_numpy(lab.node)
    got = predict_frame(lab.node, lab.node.dkv.get("made"), lab.frame, "p2")[0].to_numpy(lab.node)
    np.testing.assert_allclose(got[:, -1], expected[:, -1], atol=1e-10)
    with pytest.raises(BadRequestError, match="length"):
        derived_model(model, {"x1": 1.0}, "bad", 0.5)


def test_the_path_explains_more_as_the_penalty_falls(lab: Any) -> None:
    model = lab.train("glm", "z", alpha="[0.5]", lambda_="[0.5, 0.1, 0.01]")
    answer = lab.call(path, model=model.key)
    assert answer["lambdas"] == [0.5, 0.1, 0.01]
    explained = answer["explained_deviance_train"]
    assert explained == sorted(explained)


def test_a_number_of_two_values_counts_as_two_classes(lab: Any) -> None:
    frame = lab.frame
    codes = frame.subframe(["y"]).to_numpy(lab.node)[:, 0]
    x = frame.subframe(["x1"]).to_numpy(lab.node)[:, 0]
    lab.node.frames.from_columns("numbers", {"x1": x, "y": codes}, chunk_rows=100)
    as_numbers = lab.train("glm", "y", ("x1",), training_frame="numbers", family="binomial", lambda_="[0]")
    as_levels = lab.train("glm", "y", ("x1",), lambda_="[0]")
    assert as_numbers.output.columns.response_domain == ("0", "1")
    assert coefficients(as_numbers) == coefficients(as_levels)


def test_training_goes_on_from_a_checkpoint_or_start_values(lab: Any) -> None:
    whole = lab.train("glm", "y", lambda_="[0]")
    begun = lab.train("glm", "y", lambda_="[0]", max_iterations=1, model_id="begun")
    further = lab.train("glm", "y", lambda_="[0]", checkpoint=begun.key)
    assert coefficients(further)["x1"] == pytest.approx(coefficients(whole)["x1"], abs=1e-4)
    values = [0.1] * (len(coefficients(whole)))
    started = lab.train("glm", "y", lambda_="[0]", startval=str(values))
    assert coefficients(started)["x1"] == pytest.approx(coefficients(whole)["x1"], abs=1e-4)


def test_coefficients_stay_within_their_bounds(lab: Any) -> None:
    lab.node.frames.from_columns(
        "bounds",
        {"names": np.array([0, 1], dtype=np.int32), "lower_bounds": np.array([-0.2, -0.1]), "upper_bounds": np.array([0.5, 1.0])},
        domains={"names": ("x1", "x2")},
    )
    model = lab.train("glm", "z", lambda_="[0]", beta_constraints="bounds")
    found = coefficients(model)
    assert found["x1"] == pytest.approx(0.5)
    assert found["x2"] == pytest.approx(-0.1)


def test_targets_pull_coefficients(lab: Any) -> None:
    lab.node.frames.from_columns(
        "pull",
        {"names": np.zeros(1, dtype=np.int32), "beta_given": np.array([3.0]), "rho": np.array([1e6])},
        domains={"names": ("x1",)},
    )
    model = lab.train("glm", "z", lambda_="[0]", beta_constraints="pull")
    assert coefficients(model)["x1"] == pytest.approx(3.0, abs=1e-3)


def test_variance_inflation_factors(lab: Any) -> None:
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=400), rng.normal(size=400)
    columns = {"a": a, "b": b, "m": a + b + 0.5 * rng.normal(size=400), "y": a - b + rng.normal(size=400)}
    lab.node.frames.from_columns("inflated", columns, chunk_rows=64)
    names = ("a", "b", "m")
    model = lab.train("glm", "y", names, training_frame="inflated", lambda_="[0]", generate_variable_inflation_factors="true")
    found = dict(zip(model.output.extra["vif_predictor_names"], model.output.extra["variable_inflation_factors"], strict=True))
    for name in names:
        others = np.column_stack([np.ones(400), *(columns[n] for n in names if n != name)])
        rest = columns[name] - others @ np.linalg.lstsq(others, columns[name], rcond=None)[0]
        assert found[name] == pytest.approx(columns[name].var() / rest.var(), rel=1e-8)
    table = model.output.extra["coefficients_table"]
    assert np.isnan(table.column("variable_inflation_factor")[0])


@pytest.mark.parametrize("alphas", [[0.0, 0.5], [0.5, 0.0], [0.5]])
@pytest.mark.parametrize("folds", [0, 3])
def test_a_search_over_alphas_tells_what_h2o_tells(lab: Any, alphas: list[float], folds: int) -> None:
    model = lab.train("glm", "z", alpha=str(alphas), lambda_search="true", nlambdas="10", nfolds=str(folds), early_stopping="false")
    extra, actual = model.output.extra, model.parameters
    best = extra["alpha_best"]
    # All alphas take the lambdas of the first; a path that begins with ridge alone goes further down.
    assert actual["lambda_min_ratio"] == pytest.approx(1e-6 if alphas[0] == 0 else 1e-4)
    assert actual["lambda"] == sorted(actual["lambda"], reverse=True)
    assert len(actual["lambda"]) == model.output.scoring_history.n_rows == 10
    assert extra["lambda_max"] == actual["lambda"][0]
    assert set(model.output.scoring_history.column("alpha")) == {best}
    assert actual["alpha"] == ([best] if folds else alphas)
    shown = lab.call(path, model=model.key)
    assert len(shown["lambdas"]) == (10 if folds else 10 * len(alphas))
    assert shown["lambdas"][extra["best_submodel_index"]] == extra["lambda_best"]

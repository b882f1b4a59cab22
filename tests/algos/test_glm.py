"""GLM against closed forms, stationarity conditions and naive twins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.ext.algos.glm.bounds import Bounds
from h2ok.ext.algos.glm.family import Family
from h2ok.ext.algos.glm.inference import gamma_dispersion
from h2ok.ext.algos.glm.kernels import accumulate_gram, coordinate_descent, linear_predictor
from h2ok.ext.algos.glm.output import four_digits, incomplete_beta, p_values
from h2ok.ext.algos.glm.solver import Penalty, independent_columns, solve
from h2ok.ext.models.scoring import predict_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma

L0 = {"lambda": "0"}


def coefficients(model: Any) -> dict[str, float]:
    t = model.output.extra["coefficients_table"]
    return dict(zip(t.data[0], t.column("coefficients"), strict=True))


def design(lab: Any) -> tuple[np.ndarray, list[str]]:
    """The expanded columns with the first level left out, means and modes for NA, and a column of ones."""
    x1, x2 = (lab.frame.vec(n).to_numpy(lab.node) for n in ("x1", "x2"))
    c = lab.frame.vec("c").to_numpy(lab.node)
    mode = np.bincount(c[~np.isnan(c)].astype(int)).argmax()
    c = np.where(np.isnan(c), mode, c)
    x2 = np.where(np.isnan(x2), np.nanmean(x2), x2)
    return np.column_stack([c == 1, c == 2, c == 3, x1, x2, np.ones(len(x1))]).astype(float), [
        "c.b",
        "c.cc",
        "c.d",
        "x1",
        "x2",
        "Intercept",
    ]


@pytest.mark.parametrize("standardize", ["true", "false"])
def test_gaussian_is_least_squares(lab: Any, standardize: str) -> None:
    x, names = design(lab)
    z = lab.frame.vec("z").to_numpy(lab.node)
    expected = np.linalg.lstsq(x, z, rcond=None)[0]
    found = coefficients(lab.train("glm", "z", standardize=standardize, **L0))
    assert [found[n] for n in names] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("family", "y", "more"),
    [
        ("binomial", "y", {}),
        ("poisson", "cnt", {}),
        ("tweedie", "cnt", {"tweedie_variance_power": "1.5", "tweedie_link_power": "0"}),
        ("negativebinomial", "cnt", {"theta": "0.5"}),
    ],
)
def test_unpenalised_fit_makes_the_score_zero(lab: Any, family: str, y: str, more: dict[str, str]) -> None:
    x, names = design(lab)
    t = lab.frame.vec(y).to_numpy(lab.node)
    model = lab.train("glm", y, family=family, beta_epsilon="1e-10", objective_epsilon="1e-14", **more, **L0)
    found = coefficients(model)
    eta = x @ np.array([found[n] for n in names])
    f: Family = model.state.family
    mu = f.linkinv(eta)
    score = x.T @ ((t - mu) * f.slope(eta, mu) / f.variance(mu))
    assert np.abs(score).max() < 1e-5 * len(t)


def test_lasso_meets_its_optimality_conditions(lab: Any) -> None:
    strength = 0.05
    model = lab.train("glm", "z", alpha="1", **{"lambda": str(strength)})
    beta, info = model.state.beta, model.state.info
    x, _ = design(lab)
    level_a = 1 - x[:, :3].sum(axis=1)
    numbers = (x[:, 3:5] - info.shift) / info.scale
    full = np.column_stack([level_a, x[:, :3], numbers, np.ones(len(x))])
    gradient = full.T @ (lab.frame.vec("z").to_numpy(lab.node) - full @ beta) / len(x)
    assert gradient[-1] == pytest.approx(0, abs=1e-8)
    on = beta[:-1] != 0
    assert on.any()
    assert (~on).any()
    np.testing.assert_allclose(gradient[:-1][on], strength * np.sign(beta[:-1][on]), atol=1e-7)
    assert (np.abs(gradient[:-1][~on]) <= strength + 1e-7).all()


def test_weights_count_like_repeated_rows(lab: Any) -> None:
    weighted = coefficients(lab.train("glm", "y", weights_column="w", **L0))
    w = lab.frame.vec("w").to_numpy(lab.node).astype(int)
    rows = np.repeat(np.arange(600), w)
    columns = {n: lab.frame.vec(n).to_numpy(lab.node)[rows] for n in ("x1", "x2", "c", "y")}
    codes = {n: np.where(np.isnan(columns[n]), -1, columns[n]).astype(np.int32) for n in ("c", "y")}
    lab.node.frames.from_columns(
        "rep", {**columns, **codes}, domains={"c": ("a", "b", "cc", "d"), "y": ("no", "yes")}, chunk_rows=256
    )
    repeated = coefficients(lab.train("glm", "y", training_frame="rep", **L0))
    assert weighted == pytest.approx(repeated, rel=1e-6, abs=1e-9)


def test_offset_takes_its_share(lab: Any) -> None:
    plain = coefficients(lab.train("glm", "z", x=("x2",), **L0))
    moved = coefficients(lab.train("glm", "z", x=("x2",), offset_column="x1", **L0))
    z, x1 = lab.frame.vec("z").to_numpy(lab.node), lab.frame.vec("x1").to_numpy(lab.node)
    x2 = lab.frame.vec("x2").to_numpy(lab.node)
    x2 = np.where(np.isnan(x2), np.nanmean(x2), x2)
    expected = np.linalg.lstsq(np.column_stack([x2, np.ones(600)]), z - x1, rcond=None)[0]
    assert [moved["x2"], moved["Intercept"]] == pytest.approx(expected, rel=1e-8)
    assert plain["x2"] != moved["x2"]


def test_p_values_and_collinear_columns(lab: Any) -> None:
    x, names = design(lab)
    z = lab.frame.vec("z").to_numpy(lab.node)
    t = lab.train("glm", "z", compute_p_values="true", **L0).output.extra["coefficients_table"]
    beta = np.linalg.lstsq(x, z, rcond=None)[0]
    dispersion = ((z - x @ beta) ** 2).sum() / (600 - 6)
    errors = np.sqrt(np.diag(np.linalg.inv(x.T @ x)) * dispersion)
    got = dict(zip(t.data[0], t.column("std_error"), strict=True))
    assert [got[n] for n in names] == pytest.approx(errors, rel=1e-8)
    lab.node.frames.from_columns("col", {"a": x[:, 3], "b": 2 * x[:, 3] + 1, "z": z})
    free = lab.train("glm", "z", ("a", "b"), training_frame="col", remove_collinear_columns="true", compute_p_values="true", **L0)
    assert sorted(v == 0 for v in coefficients(free).values()) == [False, False, True]


def test_predictions_tell_their_standard_error_where_p_values_do(lab: Any) -> None:
    x, _ = design(lab)
    z = lab.frame.vec("z").to_numpy(lab.node)
    for standardize in ("true", "false"):
        model = lab.train("glm", "z", compute_p_values="true", standardize=standardize, **L0)
        out = predict_frame(lab.node, model, lab.frame, "p")[0]
        assert out.names == ("predict", "StdErr")
        beta = np.linalg.lstsq(x, z, rcond=None)[0]
        covariance = np.linalg.inv(x.T @ x) * ((z - x @ beta) ** 2).sum() / (600 - 6)
        expected = np.sqrt(np.einsum("ij,jk,ik->i", x, covariance, x))
        np.testing.assert_allclose(out.vec("StdErr").to_numpy(lab.node), expected, rtol=1e-8)
    plain = predict_frame(lab.node, lab.train("glm", "z", **L0), lab.frame, "p")[0]
    assert plain.names == ("predict",)
    classes = lab.train("glm", "y", compute_p_values="true", **L0)
    assert predict_frame(lab.node, classes, lab.frame, "p")[0].names[-1] == "StdErr"


def test_predictions_of_folds_tell_the_standard_error_of_the_model_that_did_not_see_the_row(lab: Any) -> None:
    x = np.column_stack([lab.frame.vec("x1").to_numpy(lab.node), np.ones(600)])
    z = lab.frame.vec("z").to_numpy(lab.node)
    folds = {"nfolds": "3", "fold_assignment": "Modulo", "keep_cross_validation_predictions": "true"}
    model = lab.train("glm", "z", ("x1",), compute_p_values="true", **folds, **L0)
    holdout = lab.node.frames.get(model.output.cross_validation_holdout)
    assert holdout.names == ("predict", "StdErr")
    fold = np.arange(600) % 3
    for i, key in enumerate(model.output.cross_validation_predictions):
        seen, held = x[fold != i], fold == i
        beta = np.linalg.lstsq(seen, z[fold != i], rcond=None)[0]
        covariance = np.linalg.inv(seen.T @ seen) * ((z[fold != i] - seen @ beta) ** 2).sum() / (400 - 2)
        expected = np.sqrt(np.einsum("ij,jk,ik->i", x, covariance, x))
        np.testing.assert_allclose(holdout.vec("StdErr").to_numpy(lab.node)[held], expected[held], rtol=1e-7)
        own = lab.node.frames.get(key).vec("StdErr").to_numpy(lab.node)
        np.testing.assert_allclose(own, np.where(held, expected, 0), rtol=1e-7)


@pytest.mark.parametrize(
    ("more", "alpha", "strengths"),
    [
        ({"lambda": "[0.1,0.3,0.2]"}, [0.5], [0.1, 0.3, 0.2]),
        ({"lambda": "[0.5,0.01]", "alpha": "[0.1,0.9]"}, [0.1, 0.9], [0.5, 0.01]),
        ({"lambda": "[0.5]", "nfolds": "2"}, [0.5], [0.5]),
    ],
)
def test_actual_lambdas_are_those_that_were_given(
    lab: Any, more: dict[str, str], alpha: list[float], strengths: list[float]
) -> None:
    params = lab.train("glm", "z", **more).parameters
    assert (params["alpha"], params["lambda"]) == (alpha, strengths)


#: H2O-3 3.46.0.11 on this table: dispersion, standard error and p-value of x.
GAMMA = {
    "pearson": (0.0560747, 0.0198023, 6.756e-7),
    "deviance": (0.0533751, 0.0193197, 5.369e-7),
    "ml": (0.0441543, 0.0175719, 2.205e-7),
    "fixed": (0.5, 0.0591312, 2.3874e-4),
}


@pytest.mark.parametrize("method", list(GAMMA))
def test_dispersion_of_gamma_is_that_of_h2o(lab: Any, method: str) -> None:
    y = np.array([1.2, 1.9, 2.1, 3.7, 2.9, 6.1, 4.8, 9.5, 7.2, 11.9, 9.8, 16.0])
    lab.node.frames.from_columns("gamma12", {"x": np.arange(1.0, 13.0), "y": y})
    how = {"dispersion_parameter_method": method}
    if method == "fixed":
        how = {"fix_dispersion_parameter": "true", "init_dispersion_parameter": "0.5"}
    model = lab.train(
        "glm", "y", ("x",), training_frame="gamma12", family="gamma", link="log", compute_p_values="true", **L0, **how
    )
    t = model.output.extra["coefficients_table"]
    dispersion, error, p_value = GAMMA[method]
    assert model.output.extra["dispersion"] == pytest.approx(dispersion, rel=1e-5)
    assert t.column("std_error")[1] == pytest.approx(error, rel=1e-5)
    assert t.column("p_value")[1] == pytest.approx(p_value, rel=1e-3)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"fix_dispersion_parameter": "true"}, "fix_dispersion_parameter"),
        (
            {"family": "tweedie", "tweedie_variance_power": "1.5", "dispersion_parameter_method": "ml", "compute_p_values": "true"},
            "dispersion_parameter_method",
        ),
    ],
)
def test_dispersions_that_cannot_be_had_are_refused_by_name(lab: Any, more: dict[str, str], field: str) -> None:
    with pytest.raises(ModelBuilderError, match=field):
        lab.train("glm", "cnt", **L0, **more)


def test_a_perfect_fit_has_no_dispersion() -> None:
    assert gamma_dispersion(0.0) == 0.0
    for shape in (0.05, 0.7, 3.0, 1e4):
        deviance = 2 * (math.log(shape) - float(digamma(shape)))
        assert gamma_dispersion(deviance) == pytest.approx(1 / shape, rel=1e-9)


def test_multinomial_score_is_zero(lab: Any) -> None:
    model = lab.train(
        "glm",
        "k",
        family="multinomial",
        objective_epsilon="1e-12",
        beta_epsilon="1e-8",
        max_iterations="200",
        alpha="0",
        **{"lambda": "0.001"},
    )
    m = model.output.training_metrics
    assert m.schema == "ModelMetricsMultinomialGLM"
    assert m.number("residual_deviance") == pytest.approx(2 * 600 * m.number("logloss"))
    assert m.number("logloss") < m.number("null_deviance") / 1200
    assert model.output.extra["coefficients_table_multinomials_with_class_names"].columns[1].name == "coefs_class_low"


def test_lambda_search_ends_with_the_best(lab: Any) -> None:
    model = lab.train("glm", "y", lambda_search="true", nlambdas="15", nfolds="2", fold_assignment="Modulo")
    e = model.output.extra
    assert e["lambda_max"] > e["lambda_best"] >= e["lambda_min"] > 0
    assert model.output.scoring_history.n_rows <= 15
    assert "nlambda = 15" in model.output.model_summary.column("lambda_search")[0]


def test_skip_leaves_rows_with_na_out(lab: Any) -> None:
    model = lab.train("glm", "z", missing_values_handling="Skip", **L0)
    x2, c = lab.frame.vec("x2").to_numpy(lab.node), lab.frame.vec("c").to_numpy(lab.node)
    assert model.output.training_metrics.number("null_degrees_of_freedom") <= 599
    assert math.isfinite(model.output.training_metrics.mse) == (not (np.isnan(x2) | np.isnan(c)).any())


def test_one_row(lab: Any) -> None:
    lab.node.frames.from_columns("one", {"x": np.array([1.0]), "y": np.array([2.0])})
    with pytest.raises(ModelBuilderError):
        lab.train("glm", "y", ("x",), training_frame="one")
    model = lab.train("glm", "y", ("x",), training_frame="one", ignore_const_cols="false")
    assert model.output.training_metrics.mse == pytest.approx(0)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"response_column": "c", "family": "gaussian"}, "response"),
        ({"response_column": "z", "family": "binomial"}, "family"),
        ({"response_column": "z", "family": "gamma"}, "response_column"),
        ({"response_column": "z", "link": "logit"}, "link"),
        ({"response_column": "z", "family": "ordinal"}, "family"),
        ({"response_column": "z", "interactions": "[x1,x2]"}, "interactions"),
        ({"response_column": "z", "alpha": "[2]"}, "alpha"),
        ({"response_column": "z", "compute_p_values": "true", "lambda": "1"}, "compute_p_values"),
    ],
)
def test_refusals(lab: Any, params: dict[str, str], field: str) -> None:
    with pytest.raises(ModelBuilderError) as e:
        lab.start("glm", **params)
    assert field in {m.field for m in e.value.messages if m.type == "ERRR"}


# -- kernels against naive twins ------------------------------------------------------------------------------------------


def expanded(codes: np.ndarray, x: np.ndarray, n_levels: int) -> np.ndarray:
    out = np.zeros((len(x), n_levels))
    for i, row in enumerate(codes):
        out[i, [k for k in row if k >= 0]] = 1
    return np.column_stack([out, x])


@pytest.mark.parametrize("n", [0, 1, 3, 4, 9, 50])
def test_gram_kernel_equals_matrix_product(n: int) -> None:
    rng = np.random.default_rng(n)
    codes = np.column_stack([rng.integers(-1, 3, n), rng.integers(3, 5, n)]).astype(np.int32)
    x, w = rng.normal(size=(n, 4)), rng.random(n)
    gram = np.zeros((9, 9))
    accumulate_gram(codes, x, w, 5, gram)
    full = expanded(codes, x, 5)
    np.testing.assert_allclose(gram, np.tril(full.T @ (w[:, None] * full)), atol=1e-12)
    beta, out = rng.normal(size=9), np.empty(n)
    linear_predictor(codes, x, beta, 5, 4, out)
    np.testing.assert_allclose(out, full @ beta, atol=1e-12)


def test_coordinate_descent_without_penalty_solves_the_system() -> None:
    rng = np.random.default_rng(1)
    m = rng.normal(size=(30, 5))
    a, c, b = m.T @ m, rng.normal(size=5), np.zeros(5)
    coordinate_descent(a, c, b, 0.0, 0.0, np.ones(5, bool), np.full(5, -np.inf), np.full(5, np.inf), 1e-12, 10_000)
    np.testing.assert_allclose(b, np.linalg.solve(a, c), rtol=1e-8)
    b = np.zeros(5)
    coordinate_descent(a, c, b, 0.0, 0.0, np.ones(5, bool), np.zeros(5), np.full(5, np.inf), 1e-12, 10_000)
    assert (b >= 0).all()


@given(
    p=st.integers(1, 12),
    rows=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    alpha=st.sampled_from([0.0, 0.3, 1.0]),
    strength=st.sampled_from([1e-6, 0.01, 0.3]),
    limited=st.booleans(),
    non_negative=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_the_solution_is_that_of_plain_sweeps(
    p: int, rows: int, seed: int, alpha: float, strength: float, limited: bool, non_negative: bool
) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, p)) @ (np.eye(p) + 0.9 * rng.normal(size=(p, p)))
    full = np.column_stack([x, np.ones(rows), rng.normal(size=rows) + x[:, 0]]) / np.sqrt(rows)
    penalty, size = Penalty.of(alpha, strength), p + 1
    bounds = None
    low, high = np.full(size, -np.inf), np.full(size, np.inf)
    if limited:
        low, high = np.append(np.full(p, -0.1), -np.inf), np.append(np.full(p, 0.2), np.inf)
        bounds = Bounds(low, high, np.zeros(size), np.zeros(size), np.full(size, np.nan))
    if non_negative:
        low = np.append(np.maximum(low[:-1], 0), low[-1])
    got = solve(np.tril(full.T @ full), np.zeros(size), penalty, non_negative=non_negative, bounds=bounds)
    gram = full.T @ full
    a, c, slow, penalised = np.ascontiguousarray(gram[:size, :size]), gram[size, :size], np.zeros(size), np.arange(size) < p
    coordinate_descent(a, c.copy(), slow, penalty.l1, penalty.l2, penalised, low, high, 1e-12, 20_000)

    def value(b: np.ndarray) -> float:
        return float(0.5 * b @ a @ b - c @ b) + penalty.value(b)

    # With fewer rows than columns sweeps creep along a flat valley, and end there.
    near = 1e-9 if rows > p + 1 else 1e-6
    assert value(got) <= value(slow) + near * max(1.0, abs(value(slow)))
    assert ((got >= low) & (got <= high)).all()


def test_independent_columns() -> None:
    x = np.random.default_rng(0).normal(size=(20, 3))
    full = np.column_stack([x[:, 0], x[:, 0] * 2, x[:, 1], np.zeros(20), np.ones(20)])
    assert independent_columns(full.T @ full).tolist() == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("family", "y", "eta"),
    [
        (Family("binomial", "logit"), 1.0, 0.3),
        (Family("poisson", "log"), 3.0, 0.4),
        (Family("gamma", "inverse"), 2.0, 0.7),
        (Family("gamma", "log"), 2.0, 0.7),
        (Family("tweedie", "tweedie", 1.5, 0.0), 2.0, 0.2),
        (Family("tweedie", "tweedie", 1.3, 0.5), 0.0, 1.2),
        (Family("negativebinomial", "log", theta=0.7), 4.0, 0.5),
        (Family("gaussian", "identity"), 1.0, 0.2),
    ],
)
def test_working_response_is_the_gradient_of_the_deviance(family: Family, y: float, eta: float) -> None:
    def half_deviance(e: float) -> float:
        return 0.5 * float(family.deviance(np.ones(1), np.array([y]), family.linkinv(np.array([e])))[0])

    h = 1e-6
    slope = -(half_deviance(eta + h) - half_deviance(eta - h)) / (2 * h)
    e, t = np.array([eta]), np.array([y])
    for observed in (True, False):
        w, step = family.working(e, t, family.linkinv(e), observed=observed)
        assert float(w[0] * step[0]) == pytest.approx(slope, rel=1e-5, abs=1e-8)
    assert family.linkinv(np.array([family.linkfun(0.4)]))[0] == pytest.approx(0.4)


def test_p_values_by_table() -> None:
    assert p_values(np.array([1.959963985]), math.inf)[0] == pytest.approx(0.05, rel=1e-8)
    assert p_values(np.array([2.228138852]), 10)[0] == pytest.approx(0.05, rel=1e-8)
    assert incomplete_beta(2, 3, 0.4) == pytest.approx(0.5248, abs=1e-12)
    assert four_digits(0.00021815944) == "2.182E-4"
    assert four_digits(0.02231253) == "0.02231"

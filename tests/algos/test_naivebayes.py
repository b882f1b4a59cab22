"""Naive Bayes against Bayes' rule written out, and recorded answers of H2O-3."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.ext.models.scoring import predict_frame


def naive(x1: np.ndarray, c: np.ndarray, y: np.ndarray, k: int, laplace: float) -> np.ndarray:
    """Probabilities for every row, NaN and -1 saying nothing; learned from complete rows."""
    whole = ~np.isnan(x1) & (c >= 0)
    out = np.empty((len(y), k))
    for i, j in itertools.product(range(len(y)), range(k)):
        mine = whole & (y == j)
        p = math.log((mine.sum() + laplace) / (whole.sum() + k * laplace))
        if not np.isnan(x1[i]):
            mean, sd = x1[mine].mean(), x1[mine].std(ddof=1)
            p += math.log(math.exp(-0.5 * ((x1[i] - mean) / sd) ** 2) / (sd * math.sqrt(2 * math.pi)))
        if c[i] >= 0:
            p += math.log(((mine & (c == c[i])).sum() + laplace) / (mine.sum() + 4 * laplace))
        out[i, j] = math.exp(p)
    return out / out.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("laplace", [0.0, 2.5])
def test_predictions_follow_bayes(lab: Any, laplace: float) -> None:
    model = lab.train("naivebayes", "k", x=("x2", "c"), laplace=str(laplace))
    frame, _ = predict_frame(lab.node, model, lab.frame, "p")
    found = np.asarray(frame.to_numpy(lab.node))[:, 1:]
    x2, c, y = (lab.frame.subframe([n]).to_numpy(lab.node)[:, 0] for n in ("x2", "c", "k"))
    expected = naive(x2, np.where(np.isnan(c), -1, c).astype(int), y, 3, laplace)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert model.output.training_metrics.nobs == 600


def test_tables_are_those_of_h2o(lab: Any) -> None:
    """Recorded from H2O-3 3.46.0.11 on iris with a column b: sepal length > 5.5, laplace 1."""
    from sklearn.datasets import load_iris

    iris = load_iris()
    columns = {"C1": iris.data[:, 0], "C2": iris.data[:, 1], "b": (iris.data[:, 0] > 5.5).astype(np.int32)}
    domains = {"b": ("lo", "hi"), "C5": ("Iris-setosa", "Iris-versicolor", "Iris-virginica")}
    lab.node.frames.from_columns("iris", {**columns, "C5": iris.target.astype(np.int32)}, domains=domains)
    model = lab.train("naivebayes", "C5", x=("C1", "C2", "b"), training_frame="iris", laplace="1")
    b, c1, _ = (t.to_json() for t in model.output.extra["pcond"])
    assert [t.name for t in model.output.extra["pcond"]] == ["b", "C1", "C2"]
    assert [c["name"] for c in b["columns"]] == ["y_by_b", "lo", "hi"]
    assert b["data"][1] == pytest.approx([0.9230769230769231, 0.23076923076923078, 0.038461538461538464])
    assert c1["data"][1] == pytest.approx([5.006, 5.936, 6.588])
    assert c1["data"][2] == pytest.approx([0.3524896872134512, 0.5161711470638756, 0.6358795932744549])
    assert [c.name for c in model.output.extra["apriori"].columns] == ["", "irissetosa", "irisversicolor", "irisvirginica"]
    assert model.output.to_json("NaiveBayes")["pcond"][0]["name"] == "b"


def test_little_data_takes_the_minimum(lab: Any) -> None:
    x, y = np.array([1.0, 1.0, 2.0, 3.0]), np.array([0, 0, 1, 1], np.int32)
    lab.node.frames.from_columns("small", {"x": x, "y": y}, domains={"y": ("a", "b")})
    model = lab.train("naivebayes", "y", x=("x",), training_frame="small", min_sdev="0.5", compute_metrics="false")
    assert model.output.training_metrics is None
    frame, _ = predict_frame(lab.node, model, lab.node.frames.get("small"), "p")
    sd = math.sqrt(0.5)
    a = math.exp(0.0) / 0.5
    b = math.exp(-0.5 * (1.5 / sd) ** 2) / sd
    assert frame.to_numpy(lab.node)[0, 1] == pytest.approx(a / (a + b))


def test_levels_without_a_row_and_unknown_levels(lab: Any) -> None:
    columns = {"c": np.array([0, 0, 1, 1], np.int32), "y": np.array([0, 0, 1, 1], np.int32)}
    lab.node.frames.from_columns("sure", columns, domains={"c": ("u", "v"), "y": ("a", "b")})
    model = lab.train("naivebayes", "y", x=("c",), training_frame="sure")
    new = lab.node.frames.from_columns("new", {"c": np.array([0, 1, -1], np.int32)}, domains={"c": ("u", "zz")})
    p = predict_frame(lab.node, model, new, "p")[0].to_numpy(lab.node)
    np.testing.assert_allclose(p[:, 1], [1 / 1.001, 0.5, 0.5])


def test_cross_validation(lab: Any) -> None:
    model = lab.train("naivebayes", "y", nfolds="3", seed="1")
    assert model.output.cross_validation_metrics.number("AUC") > 0.8
    assert model.output.cross_validation_metrics_summary.n_rows > 5


@pytest.mark.parametrize(
    ("y", "params", "match"),
    [
        ("y", {"laplace": "-1"}, "laplace must be at least 0"),
        ("y", {"min_sdev": "0"}, "min_sdev"),
        ("z", {}, "cannot build a Regression model"),
        ("y", {"class_sampling_factors": "[1, 2]"}, "needs balance_classes"),
    ],
)
def test_wrong_parameters_are_refused(lab: Any, y: str, params: dict[str, str], match: str) -> None:
    with pytest.raises(ModelBuilderError, match=match):
        lab.train("naivebayes", y, **params)

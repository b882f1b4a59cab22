"""The short way: a stranger's algorithm gets everything from the framework."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.capabilities.contracts.extension import Algo, Extension
from h2ok.ext.models import Algorithm, field
from h2ok.ext.models.parameters import between
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel import H2OKError
from h2ok.kernel.testing import local_cloud


@dataclass
class NearestMeanParameters:
    shrink: float = field(0.0, "Share by which means move to the grand mean.", gridable=True, check=between(0, 1))
    metric: str = field("euclid", "Distance.", values=("euclid", "city"))


class NearestMean(Algorithm):
    """Softmax over the distances to the mean of each class."""

    algo, full_name, categories = "nearestmean", "Nearest Mean", ("Binomial", "Multinomial")
    Parameters = NearestMeanParameters

    def fit(self, ctx: Any, frame: Any, params: Any) -> Any:
        x, y, w = frame.arrays()
        means = np.array([np.average(x[y == k], axis=0, weights=w[y == k]) for k in range(frame.n_classes)])
        ctx.update(0.5, "Means")
        return {"means": (1 - params.shrink) * means, "city": params.metric == "city"}

    @staticmethod
    def predict(state: Any, x: np.ndarray) -> np.ndarray:
        gap = x[:, None, :] - state["means"][None]
        d = np.abs(gap).sum(axis=2) if state["city"] else (gap**2).sum(axis=2)
        e = np.exp(-(d - d.min(axis=1, keepdims=True)))
        return e / e.sum(axis=1, keepdims=True)


@pytest.fixture(params=[1, 3])
def toy(request: Any, lab_class: Any) -> Iterator[Any]:
    target: Any = NearestMean
    with local_cloud(request.param) as nodes:
        made = lab_class(nodes, Extension("toy", (Algo("nearestmean", target),)))
        yield made
        made.runtime.close()


def test_trains_scores_and_validates(toy: Any) -> None:
    model = toy.train("nearestmean", "k", shrink="0.1", nfolds="2", seed="1")
    m = model.output.training_metrics
    assert model.schema == "Nearestmean"
    assert m.number("logloss") < np.log(3)
    assert model.output.cross_validation_metrics.nobs == 600
    assert model.parameters["shrink"] == 0.1
    with pytest.raises(ModelBuilderError, match="shrink"):
        toy.start("nearestmean", response_column="k", shrink="2")
    with pytest.raises(ModelBuilderError, match="cannot build"):
        toy.start("nearestmean", response_column="z")


def nothing(*_: Any) -> dict[str, float]:
    return {}


#: What fit and predict do, and words of the answer.
SLIPS: dict[str, tuple[Any, Any, str]] = {
    "a state of its own class": (lambda *_: object(), lambda _, x: x[:, 0], "can neither travel between nodes nor be saved"),
    "fit raises": (lambda *_: {}["k"], lambda _, x: x[:, 0], "fit of algorithm 'slip' failed: KeyError: 'k'"),
    "predict raises": (nothing, lambda state, _: state["k"], "predict of algorithm 'slip' failed: KeyError: 'k'"),
    "one number": (nothing, lambda *_: 0.5, r"shape \[\] for \d+ rows of a Binomial model"),
    "too few rows": (nothing, lambda _, x: x[1:, 0] * 0, r"shape \[99\] for 100 rows"),
    "too many columns": (nothing, lambda _, x: np.zeros((len(x), 3)), r"\[100, 2\] or \[100\] was expected"),
    "text": (nothing, lambda _, x: np.array(["a"] * len(x)), "could not convert string"),
    "NaN": (nothing, lambda _, x: np.full(len(x), np.nan), "NaN or infinity for 100 of 100 rows .* finite numbers were expected"),
    "infinity": (nothing, lambda _, x: np.where(np.arange(len(x)) == 3, np.inf, 0.5), "NaN or infinity for 1 of 100 rows"),
    "sums": (
        nothing,
        lambda _, x: np.full((len(x), 2), 0.9),
        r"probabilities that sum to 1\.8 in a row .* \(within 1e-05\)",
    ),
    "no probabilities": (nothing, lambda _, x: np.full(len(x), 7.0), "numbers from 7 to 7 .* probabilities from 0 to 1"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_slips_of_authors_end_the_job_in_words(slip: str, lab_class: Any) -> None:
    learn, say, words = SLIPS[slip]

    class Slip(Algorithm):
        algo, full_name, categories = "slip", "Slip", ("Binomial",)
        Parameters = NearestMeanParameters

        def fit(self, ctx: Any, frame: Any, params: Any) -> Any:
            return learn(ctx, frame, params)

        @staticmethod
        def predict(state: Any, x: np.ndarray) -> Any:
            return say(state, x)

    target: Any = Slip
    with local_cloud(1) as nodes:
        lab = lab_class(nodes, Extension("toy", (Algo("slip", target),)))
        job = lab.start("slip", response_column="y")
        assert job.status == "FAILED"
        assert re.search(words, job.exception), job.exception
        lab.runtime.close()


@dataclass
class NoParameters:
    pass


class Shifted(Algorithm):
    """The weighted mean of what the offset leaves, and the offset."""

    algo, full_name, categories = "shifted", "Shifted", ("Regression",)
    Parameters = NoParameters
    offset = True

    def fit(self, ctx: Any, frame: Any, params: Any) -> Any:
        _, y, w = frame.arrays()
        return {"mean": float(np.average(y - frame.offset(), weights=w))}

    @staticmethod
    def predict(state: Any, x: np.ndarray, offset: Any = 0.0) -> np.ndarray:
        assert len(offset) == len(x)
        return state["mean"] + offset


class Plain(Algorithm):
    """Takes neither offset nor weights."""

    algo, full_name, categories = "plain", "Plain", ("Regression",)
    Parameters = NoParameters
    weights = False

    def fit(self, ctx: Any, frame: Any, params: Any) -> Any:
        return {"mean": float(frame.arrays()[1].mean())}

    @staticmethod
    def predict(state: Any, x: np.ndarray) -> np.ndarray:
        return np.full(len(x), state["mean"])


class Gappy(Plain):
    """Says nothing of rows whose input is missing."""

    algo, inputs = "gappy", "raw"

    @staticmethod
    def predict(state: Any, x: np.ndarray) -> np.ndarray:
        return x[:, 0]


@pytest.fixture
def author(lab_class: Any) -> Iterator[Any]:
    found: Any = (Shifted, Plain, Gappy)
    with local_cloud(1) as nodes:
        made = lab_class(nodes, Extension("toy", tuple(Algo(a.algo, a) for a in found)))
        yield made
        made.runtime.close()


def test_an_algorithm_that_takes_an_offset_gets_it(author: Any) -> None:
    n = 40
    offset = np.where(np.arange(n) == 5, np.nan, 100.0 * (np.arange(n) % 3))
    x, y = np.arange(n) * 1.0, np.nan_to_num(offset) + np.arange(n) % 4
    author.node.frames.from_columns("t", {"x": x, "o": offset, "y": y}, chunk_rows=7)
    model = author.train("shifted", "y", ("x",), training_frame="t", offset_column="o")
    known = ~np.isnan(offset)
    mean = (y - offset)[known].mean()
    assert model.state.state["mean"] == pytest.approx(mean)
    p = predict_frame(author.node, model, author.node.frames.get("t"), "p")[0].to_numpy(author.node)[:, 0]
    np.testing.assert_allclose(p, mean + offset)
    assert np.isnan(p[5])
    assert not model.have_mojo
    plain = author.train("shifted", "y", ("x",), training_frame="t")
    assert plain.state.state["mean"] == pytest.approx(y.mean())


@pytest.mark.parametrize("role", ["offset_column", "weights_column", "score_each_iteration", "gainslift_bins", "auc_type"])
def test_what_an_algorithm_would_ignore_is_not_offered(author: Any, role: str) -> None:
    offered = {p["name"] for p in author.builder("plain").describe()["parameters"]}
    assert role not in offered
    with pytest.raises(H2OKError, match=role):
        author.start("plain", response_column="z", **{role: "x1"})
    assert {"offset_column", "weights_column"} <= {p["name"] for p in author.builder("shifted").describe()["parameters"]}


def test_only_rows_with_missing_inputs_may_have_no_prediction(author: Any) -> None:
    x = np.where(np.arange(20) % 4 == 0, np.nan, np.arange(20.0))
    author.node.frames.from_columns("t", {"x": x, "y": np.arange(20.0)})
    model = author.train("gappy", "y", ("x",), training_frame="t")
    p = predict_frame(author.node, model, author.node.frames.get("t"), "p")[0].to_numpy(author.node)[:, 0]
    np.testing.assert_array_equal(p, x)

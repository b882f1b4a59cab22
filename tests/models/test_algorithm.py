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

"""What explains models to people: plots of the official client, with the newest numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from h2ok.client import mend


def table() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    x = pd.DataFrame({"x1": rng.normal(size=300), "x2": rng.normal(size=300), "c": rng.choice(list("abc"), 300)})
    score = x.x1 - x.x2 / 2 + (x.c == "a") + rng.normal(0, 0.5, 300)
    x["two"] = np.where(score > 0, "yes", "no")
    x["three"] = np.where(score > 0.7, "hi", np.where(score < -0.5, "lo", "mid"))
    x["number"] = score
    return x


def test_arrays_of_one_number_are_floats_for_the_client(h2o: Any) -> None:
    from h2o.explanation._explain import NumpyFrame

    mend()
    # More calls change nothing.
    assert mend() == []
    frame = NumpyFrame(h2o.H2OFrame({"a": [1.5], "b": [2.0]}))
    assert float(frame.sum(axis=1)) == 3.5
    assert float(frame["a"]) == 1.5
    with pytest.raises((TypeError, ValueError)):
        float(NumpyFrame(h2o.H2OFrame({"a": [1.5, 2.5]})).sum(axis=1))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("y", ["two", "three", "number"])
@pytest.mark.filterwarnings("default")
def test_explanations_draw(h2o: Any, y: str) -> None:
    import matplotlib as mpl
    from h2o import estimators

    mpl.use("Agg")
    mend()
    frame = h2o.H2OFrame(table(), column_types={"c": "enum", "two": "enum", "three": "enum"})
    models = [
        estimators.H2OGradientBoostingEstimator(ntrees=5, seed=1),
        estimators.H2OGeneralizedLinearEstimator(family={"two": "binomial", "three": "multinomial"}.get(y, "gaussian")),
        estimators.H2ORandomForestEstimator(ntrees=5, seed=1),
    ]
    for model in models:
        model.train(["x1", "x2", "c"], y, frame)
    for what in (*models, models):
        several = isinstance(what, list)
        assert {"leaderboard" if several else "varimp", "pdp"} <= set(h2o.explain(what, frame, render=False))
        assert set(h2o.explain_row(what, frame, 3, render=False))
    trees = h2o.explain_row(models[0], frame, 3, render=False)
    assert ("shap_explain_row" in trees) == (y != "three")

"""XGBoost from the official client, on one node and on three."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .test_frames import as_pandas

pytest.importorskip("xgboost")


def test_train_predict_and_grid(h2o: Any, people_csv: str) -> None:
    from h2o.estimators import H2OXGBoostEstimator
    from h2o.grid import H2OGridSearch

    assert H2OXGBoostEstimator.available()
    frame = h2o.import_file(people_csv)
    frame["buys"], frame["city"] = frame["buys"].asfactor(), frame["city"].asfactor()
    x = ["age", "income", "city"]
    train, test = frame[:2400, :], frame[2400:, :]
    params = {"ntrees": 20, "seed": 1, "learn_rate": 0.2, "monotone_constraints": {"age": 1}, "nfolds": 3}
    model = H2OXGBoostEstimator(**params)
    model.train(x=x, y="buys", training_frame=train, validation_frame=test)
    assert model.auc() > model.auc(xval=True) > 0.7
    assert model.auc(valid=True) == pytest.approx(model.model_performance(test).auc(), abs=1e-12)
    assert model.varimp()[0][0] in ("age", "city.Oslo")
    assert model.actual_params["eta"] == 0.2
    assert len(model.scoring_history()) == 21
    again = H2OXGBoostEstimator(**params)
    again.train(x=x, y="buys", training_frame=train, validation_frame=test)
    found = [as_pandas(m.predict(test))["yes"].to_numpy() for m in (model, again)]
    np.testing.assert_array_equal(found[0], found[1])
    with pytest.warns(RuntimeWarning, match="taken for learn_rate"):
        H2OXGBoostEstimator(ntrees=1, eta=0.2, seed=1).train(x=x, y="score", training_frame=train)
    grid = H2OGridSearch(H2OXGBoostEstimator(ntrees=3, seed=1), {"max_depth": [2, 4], "booster": ["gbtree", "dart"]})
    grid.train(x=x, y="city", training_frame=train)
    assert len(grid.models) == 4


def test_what_cannot_be_done_says_so(h2o: Any, people_csv: str) -> None:
    from h2o.estimators import H2OXGBoostEstimator
    from h2o.exceptions import H2OResponseError

    frame = h2o.import_file(people_csv)
    with pytest.raises(H2OResponseError, match="no GPU backend"):
        H2OXGBoostEstimator(backend="gpu").train(x=["age"], y="score", training_frame=frame)

"""What a GLM reports of its way, and how folds choose its penalty."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from h2ok.ext.algos.glm.history import FoldPaths
from h2ok.ext.algos.glm.path import RegularizationPath


def scored(table: Any, column: str) -> list[bool]:
    return [v is not None for v in table.column(column)]


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({}, lambda i, last: last),
        ({"score_each_iteration": "true"}, lambda i, last: i > 0),
        ({"score_iteration_interval": "2"}, lambda i, last: last or (i > 0 and i % 2 == 0)),
    ],
)
def test_metrics_stand_where_the_model_was_scored(lab: Any, more: dict[str, str], where: Any) -> None:
    model = lab.train("glm", "y", validation_frame="tr", lambda_="0", **more)
    table = model.output.scoring_history
    last = table.n_rows - 1
    for name in ("training_logloss", "validation_auc"):
        assert scored(table, name) == [where(i, i == last) for i in range(table.n_rows)]
    np.testing.assert_allclose(table.column("training_logloss")[-1], model.output.training_metrics.number("logloss"))
    loss = [v for v in table.column("training_logloss") if v is not None]
    assert loss == sorted(loss, reverse=True)


def test_detailed_history_tells_penalty_and_deviances(lab: Any) -> None:
    model = lab.train("glm", "z", validation_frame="tr", lambda_="0.01", nfolds=3, seed=1, generate_scoring_history="true")
    table = model.output.scoring_history
    assert table.n_rows == 1
    assert table.column("lambda") == [0.01]
    assert table.column("deviance_train")[0] == pytest.approx(model.output.training_metrics.number("mean_residual_deviance"))
    assert table.column("deviance_test")[0] == pytest.approx(table.column("deviance_train")[0])
    assert table.column("deviance_xval")[0] > table.column("deviance_train")[0]
    assert 0 < table.column("deviance_se")[0] < 1


def test_the_folds_choose_the_penalty(lab: Any) -> None:
    model = lab.train("glm", "y", lambda_search="true", nlambdas=8, nfolds=4, seed=3)
    table = model.output.scoring_history
    xval = table.column("deviance_xval")
    extra = model.output.extra
    assert extra["best_submodel_index"] == int(np.argmin(xval))
    assert extra["lambda_1se"] >= extra["lambda_best"] > 0
    limit = min(xval) + table.column("deviance_se")[int(np.argmin(xval))]
    path = model.attachments["path"]
    assert extra["lambda_1se"] == max(path.lambdas[i] for i in range(len(xval)) if xval[i] <= limit)


def test_a_fold_that_ends_early_counts_with_its_last_point() -> None:
    def path(alphas: list[float], deviances: list[float]) -> RegularizationPath:
        none = np.empty(0)
        return RegularizationPath(("a",), none, np.array(alphas), none, none, none, none, np.array(deviances))

    folds = FoldPaths([path([0.5, 0.5, 1.0], [3.0, 2.0, 9.0]), path([0.5, 1.0], [5.0, 7.0])])
    assert folds.deviance(0.5, 1) == (3.5, pytest.approx(1.5))
    assert folds.deviance(1.0, 0)[0] == 8.0
    assert all(math.isnan(v) for v in folds.deviance(0.1, 0))
    assert not FoldPaths()

"""Leaderboards, predictions against responses, and fairness: against numbers by hand and those H2O-3 answered."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.testing import Client, local_runtime, local_runtimes
from h2ok.ext.models.fairness import FairnessPlan, fairness_metrics, fisher_exact
from h2ok.ext.models.leaderboard import LeaderboardPlan, expand_models, make_leaderboard
from h2ok.ext.models.predicted_actual import predicted_actual
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel import IllegalArgumentError, KeyNotFoundError


@pytest.mark.parametrize(
    ("response", "first"),
    [("y", "auc"), ("k", "mean_per_class_error"), ("z", "rmse")],
    ids=["binomial", "multinomial", "regression"],
)
def test_models_stand_in_the_order_of_the_measure(lab: Any, response: str, first: str) -> None:
    short = lab.train("gbm", response, ntrees=1, max_depth=2, seed=1)
    long = lab.train("gbm", response, ntrees=20, max_depth=5, seed=1)
    columns, types = make_leaderboard(lab.node, LeaderboardPlan((short, long)))
    assert list(columns)[:2] == ["model_id", first]
    assert columns["model_id"] == [long.key, short.key]
    assert types == {"model_id": "string"}
    assert columns["rmse"].tolist() == [m.output.training_metrics.rmse for m in (long, short)]


def test_a_frame_and_more_columns(lab: Any) -> None:
    model = lab.train("gbm", "z", ntrees=3, seed=1)
    half = lab.frame.subframe(lab.frame.names)
    columns, _ = make_leaderboard(lab.node, LeaderboardPlan((model,), half, "mae", ("algo", "predict_time_per_row_ms")))
    assert list(columns) == [
        "model_id", "mae", "rmse", "mse", "rmsle", "mean_residual_deviance", "algo", "predict_time_per_row_ms",
    ]  # fmt: skip
    assert columns["algo"] == ["GBM"]
    assert columns["predict_time_per_row_ms"][0] > 0
    columns, _ = make_leaderboard(lab.node, LeaderboardPlan((model,), None, "AUTO", ("predict_time_per_row_ms",)))
    assert math.isnan(columns["predict_time_per_row_ms"][0])


def test_what_cannot_be_compared(lab: Any) -> None:
    numbers, classes = lab.train("gbm", "z", ntrees=1, seed=1), lab.train("gbm", "y", ntrees=1, seed=1)
    with pytest.raises(IllegalArgumentError, match="of one kind"):
        make_leaderboard(lab.node, LeaderboardPlan((numbers, classes)))
    with pytest.raises(IllegalArgumentError, match="No model has the measure 'auc'"):
        make_leaderboard(lab.node, LeaderboardPlan((numbers,), None, "AUC"))
    with pytest.raises(IllegalArgumentError, match="Cannot sort models by 'beauty'"):
        make_leaderboard(lab.node, LeaderboardPlan((numbers,), None, "beauty"))
    with pytest.raises(IllegalArgumentError, match="at least one"):
        make_leaderboard(lab.node, LeaderboardPlan(()))
    with pytest.raises(KeyNotFoundError, match="nosuch"):
        expand_models(lab.node, [numbers.key, "nosuch"])


def test_predictions_against_responses_by_level(lab: Any) -> None:
    model, node = lab.train("gbm", "z", ntrees=5, seed=1), lab.node
    p, _ = predict_frame(node, model, lab.frame, "p")
    found = predicted_actual(node, model, lab.frame, "c", p)
    code, y, mu = lab.frame.vec("c").to_numpy(node), lab.frame.vec("z").to_numpy(node), p.vecs[0].to_numpy(node)
    levels = lab.frame.vec("c").domain
    expected = [levels.index(x) if x is not None else math.nan for x in found["c"]]
    for i, at in enumerate(expected):
        mine = np.isnan(code) if math.isnan(at) else code == at
        assert found["predict"][i] == pytest.approx(mu[mine & ~np.isnan(y)].mean())
        assert found["actual"][i] == pytest.approx(np.nanmean(y[mine]))
    with pytest.raises(IllegalArgumentError, match="must be categorical"):
        predicted_actual(node, model, lab.frame, "x1", p)
    with pytest.raises(IllegalArgumentError, match="no column 'nosuch'"):
        predicted_actual(node, model, lab.frame, "nosuch", p)


@pytest.mark.parametrize(
    ("table", "p"),  # as H2O-3 answered for these tables
    [
        ((83, 66, 84, 67), 1.0),
        ((62, 31, 54, 49), 0.058225804807333165),
        ((39, 47, 54, 49), 0.38147823135191106),
        ((35, 13, 27, 26), 0.02637922147113188),
        ((5, 2, 27, 26), 0.43201183448499575),
    ],
)
def test_fisher_exact(table: tuple[int, int, int, int], p: float) -> None:
    assert fisher_exact(*table) == pytest.approx(p, rel=1e-9)


def test_fairness_of_groups(lab: Any) -> None:
    model, node = lab.train("gbm", "y", ntrees=3, seed=1), lab.node
    favorable = model.domain[1]
    found = fairness_metrics(node, FairnessPlan(model, lab.frame, ("c",), (), favorable))
    overview, _ = found.pop("overview")
    predicted, _ = predict_frame(node, model, lab.frame, "p")
    code, label = lab.frame.vec("c").to_numpy(node), predicted.vecs[0].to_numpy(node)
    y = lab.frame.vec("y").to_numpy(node)
    levels = list(lab.frame.vec("c").domain)
    largest = int(np.argmax(overview["total"]))
    for i, level in enumerate(overview["c"]):
        mine = (np.isnan(code) if level is None else code == levels.index(level)) & ~np.isnan(y)
        assert overview["total"][i] == mine.sum()
        assert overview["tp"][i] == (mine & (label == 1) & (y == 1)).sum()
        assert overview["fn"][i] == (mine & (label == 0) & (y == 1)).sum()
        assert overview["selectedRatio"][i] == pytest.approx(label[mine].mean())
    assert overview["AIR_selectedRatio"][largest] == 1.0
    assert overview["p.value"][largest] == pytest.approx(1.0)
    assert len(found) == len(overview["c"])
    assert all(next(iter(columns)) == "Threshold" for columns, _ in found.values())
    flipped, _ = fairness_metrics(node, FairnessPlan(model, lab.frame, ("c",), (), model.domain[0]))["overview"]
    np.testing.assert_array_equal(flipped["tn"], overview["tp"])
    for words, more in (
        ("favorable class", {"favorable": "nosuch"}),
        ("must be a categorical", {"protected": ("x1",)}),
        ("one level for each", {"reference": ("a", "b")}),
        ("No row is of the reference group", {"reference": ("nosuch",)}),
    ):
        settings: dict[str, Any] = {"protected": ("c",), "reference": (), "favorable": favorable, **more}
        with pytest.raises(IllegalArgumentError, match=words):
            fairness_metrics(node, FairnessPlan(model, lab.frame, **settings))


def test_over_rapids_with_the_same_bits_on_three_nodes() -> None:
    rng = np.random.default_rng(2)
    x, s = rng.normal(size=300), rng.choice(["f", "m"], 300)
    y = np.where(x + (s == "m") + rng.normal(size=300) > 0.3, "yes", "no")

    def run(runtime: Any) -> list[Any]:
        client, node = Client.of(runtime), runtime.node
        node.frames.from_columns("tr", {"x": x, "s": s.tolist(), "y": y.tolist()}, chunk_rows=50)
        for key, alpha in (("m1", 0), ("m2", 1)):
            form = {"training_frame": "tr", "response_column": "y", "model_id": key, "family": "binomial", "alpha": alpha}
            assert client.job(client.post("/3/ModelBuilders/glm", **form))["status"] == "DONE"
        client.post("/99/Rapids", ast="(assign lb (makeLeaderboard ['m2' 'm1'] 'tr' 'logloss' ['algo'] 'AUTO'))")
        board = node.frames.get("lb")
        assert board.names == ("model_id", "logloss", "auc", "aucpr", "mean_per_class_error", "rmse", "mse", "algo")
        answer = client.post("/99/Rapids", ast="(fairnessMetrics 'm1' tr ['s'] ['f'] 'yes')")
        names = answer["map_keys"]["string"]
        assert names == ["overview", "thresholds_and_metrics_f", "thresholds_and_metrics_m"]
        shown = node.frames.get(answer["frames"][0]["key"]["name"])
        kept = [v.to_numpy(node) for v in (*board.vecs[1:-1], *shown.vecs)]
        assert board.vecs[0].to_strings(node)[0] in ("m1", "m2")
        return kept

    with local_runtime() as one, local_runtimes(3) as three:
        for a, b in zip(run(one), run(three[0]), strict=True):
            np.testing.assert_array_equal(a, b)

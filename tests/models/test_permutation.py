"""Permutation importance against shuffling by hand, and what may be asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.testing import Client, local_runtime, local_runtimes
from h2ok.ext.models.permutation import PermutationPlan, permutation_importance, table_columns
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel import uniforms
from h2ok.kernel.random import new_seed


def test_it_is_what_shuffling_by_hand_gives(lab: Any) -> None:
    model, node = lab.train("gbm", "z", ntrees=5, seed=1), lab.node
    names, moved = permutation_importance(node, PermutationPlan(model, lab.frame, "RMSE", n_repeats=2, seed=9))
    assert names == ["x1", "x2", "c"]
    y = lab.frame.vec("z").to_numpy(node)

    def rmse(frame: Any) -> float:
        found, _ = predict_frame(node, model, frame, "p")
        return float(np.sqrt(np.mean((found.to_numpy(node)[:, 0] - y) ** 2)))

    before = rmse(lab.frame)
    x1 = lab.frame.vec("x1").to_numpy(node)
    for repeat in range(2):
        order = np.argsort(uniforms(9, repeat, 0, 600), kind="stable")
        made = node.frames.from_columns("shuffled", {"x1": x1[order]}, chunk_rows=100)
        vecs = tuple(made.vecs[0] if n == "x1" else v for n, v in zip(lab.frame.names, lab.frame.vecs, strict=True))
        by_hand = rmse(type(lab.frame)("both", lab.frame.names, vecs))
        assert moved[0, repeat] == pytest.approx(abs(by_hand - before), rel=1e-9)
    assert moved[0].mean() > moved[2].mean()


@pytest.mark.parametrize(
    ("response", "metric"), [("y", "AUTO"), ("y", "AUC"), ("y", "PR_AUC"), ("k", "logloss"), ("k", "mean_per_class_error")]
)
def test_measures_of_every_category(lab: Any, response: str, metric: str) -> None:
    model = lab.train("gbm", response, ntrees=5, seed=1)
    before = set(lab.node.dkv.keys())
    names, moved = permutation_importance(lab.node, PermutationPlan(model, lab.frame, metric, n_samples=300, seed=4))
    assert names[int(np.argmax(moved[:, 0]))] in ("x1", "x2")
    assert {k for k in lab.node.dkv.keys() if "rollup" not in k.lower()} <= before | set(lab.node.dkv.keys("modelmetrics_"))  # noqa: SIM118 - no dict


def test_what_cannot_be_is_refused(lab: Any) -> None:
    model = lab.train("gbm", "z", ntrees=2, seed=1)
    for words, more in (
        ("metric must be one of", {"metric": "beauty"}),
        ("The auc of model .* is no number; .*MSE, RMSE are. Ask for one of these", {"metric": "AUC"}),
        ("nosuch is no predictor", {"features": ("nosuch",)}),
        ("no response column", {"frame": lab.frame.subframe(["x1", "x2", "c"])}),
    ):
        settings: dict[str, Any] = {"frame": lab.frame, **more}
        with pytest.raises(BadRequestError, match=words):
            permutation_importance(lab.node, PermutationPlan(model, settings.pop("frame"), **settings))


def test_rows_without_a_known_response_are_told(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees=2, seed=1)
    x = np.arange(10.0)
    frame = lab.node.frames.from_columns("bare", {"x1": x, "x2": x, "c": np.zeros(10, np.int32), "y": np.full(10, -1, np.int32)},
                                         domains={"c": ("a",), "y": ("no", "yes")})  # fmt: skip
    with pytest.raises(BadRequestError, match=r"The logloss of model .* is no number: no row has .* Fill the column 'y'"):
        permutation_importance(lab.node, PermutationPlan(model, frame))


def test_one_run_is_a_table_of_importances() -> None:
    table = table_columns(["a", "b", "c"], np.array([[1.0], [4.0], [0.0]]))
    assert table["Variable"] == ["b", "a", "c"]
    np.testing.assert_allclose(table["Scaled Importance"], [1, 0.25, 0])
    np.testing.assert_allclose(table["Percentage"], [0.8, 0.2, 0])
    assert list(table_columns(["a"], np.ones((1, 2)))) == ["Variable", "Run 1", "Run 2"]
    assert np.isfinite(table_columns(["a"], np.zeros((1, 1)))["Percentage"]).all()


def test_over_rapids_with_the_same_bits_on_three_nodes() -> None:
    rng = np.random.default_rng(2)
    columns = {"a": rng.normal(size=300), "b": rng.normal(size=300)}
    columns["y"] = columns["a"] * 2 + 0.1 * columns["b"]

    def run(runtime: Any) -> Any:
        client = Client.of(runtime)
        runtime.node.frames.from_columns("tr", columns, chunk_rows=50)
        form = {"training_frame": "tr", "response_column": "y", "model_id": "m", "seed": 1}
        assert client.job(client.post("/3/ModelBuilders/glm", **form))["status"] == "DONE"
        client.post("/99/Rapids", ast='(assign imp (PermutationVarImp "m" tr "AUTO" 100 1 [] 5))')
        frame = runtime.node.frames.get("imp")
        assert frame.names == ("Variable", "Relative Importance", "Scaled Importance", "Percentage")
        return frame.subframe(frame.names[1:]).to_numpy(runtime.node)

    with local_runtime() as one, local_runtimes(3) as three:
        found = run(one)
        assert found[0, 1] == 1.0
        np.testing.assert_array_equal(found, run(three[0]))
    assert new_seed() != new_seed()

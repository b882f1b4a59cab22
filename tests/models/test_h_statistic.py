"""The H statistic against its definition written out, on GBM and XGBoost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.testing import Client, local_runtime, local_runtimes
from h2ok.ext.models.h_statistic import WeightedTrees, partial_dependence

N = 500


def sample(runtime: Any) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    a, b, c = rng.normal(size=(3, N))
    b[::9] = np.nan
    k = rng.integers(0, 3, N).astype(np.int32)
    known = np.nan_to_num(b)
    columns = {"a": a, "b": b, "c": c, "k": k, "y": a * known + c + 0.3 * k + 0.05 * rng.normal(size=N)}
    runtime.node.frames.from_columns("t", columns, domains={"k": ("p", "q", "r")}, chunk_rows=90)
    return columns


def train(client: Client, algo: str, **more: Any) -> None:
    form = {"training_frame": "t", "response_column": "y", "model_id": "m", "ntrees": 15, "max_depth": 4, "seed": 1, **more}
    job = client.job(client.post(f"/3/ModelBuilders/{algo}", **form))
    assert job["status"] == "DONE", job["exception"]


def h(client: Client, *variables: str, **more: Any) -> Any:
    return client.post("/3/FriedmansPopescusH", model_id="m", frame="t", variables=list(variables), **more)


def naive(t: WeightedTrees, k: int, row: dict[int, float]) -> float:
    """The value below node ``k``; predictors that ``row`` lacks are averaged out."""
    if t.feature[k] < 0:
        return float(t.value[k])
    left, right = int(t.left[k]), int(t.right[k])
    v = row.get(int(t.feature[k]))
    if v is None:
        w = t.cover[left] / (t.cover[left] + t.cover[right])
        return w * naive(t, left, row) + (1 - w) * naive(t, right, row)
    goes_left = bool(t.na_left[k]) if math.isnan(v) else v < t.threshold[k]
    return naive(t, left if goes_left else right, row)


@pytest.mark.parametrize("algo", ["gbm", "xgboost"])
def test_it_follows_the_definition(algo: str) -> None:
    with local_runtime() as runtime:
        columns, client = sample(runtime), Client.of(runtime)
        train(client, algo)
        model = runtime.node.dkv.require("m")
        names = model.output.columns.names
        i, j = names.index("a"), names.index("b")
        trees = model.state.weighted_trees()
        x = np.column_stack([columns["a"], columns["b"]])
        if algo == "xgboost":
            # The library compares single precision.
            x = x.astype(np.float32).astype(float)
        found = {}
        for some in ((i,), (j,), (i, j)):
            place = [c if c in some else -1 for c in (i, j)]
            fast = partial_dependence(x, place, trees)
            slow = [
                sum(naive(trees, r, {c: v for c, v in zip((i, j), row, strict=True) if c in some}) for r in trees.roots)
                for row in x[:60]
            ]
            np.testing.assert_allclose(fast[:60], slow, rtol=1e-9)
            found[some] = fast - fast.mean()
        pure = found[(i, j)] - found[(i,)] - found[(j,)]
        expected = math.sqrt((pure**2).sum() / (found[(i, j)] ** 2).sum())
        assert h(client, "a", "b")["h"] == pytest.approx(expected, rel=1e-6)
        assert expected > 0.5
        assert h(client, "a", "c")["h"] < 0.3


def test_the_same_bits_on_three_nodes_and_nothing_is_left() -> None:
    found = []
    for cloud in (1, 3):
        with local_runtimes(cloud) as runtimes:
            sample(runtimes[0])
            client = Client.of(runtimes[0])
            train(client, "gbm")
            before = set(runtimes[0].node.dkv.keys())
            found.append(h(client, "a", "b", "c")["h"])
            assert set(runtimes[0].node.dkv.keys()) == before
    assert found[0] == found[1]


def test_what_has_no_h_is_refused() -> None:
    with local_runtime() as runtime:
        sample(runtime)
        client = Client.of(runtime)
        train(client, "gbm")

        def refused(*variables: str, status: int = 412, **more: Any) -> str:
            form = {"model_id": "m", "frame": "t", "variables": list(variables), **more}
            return str(client.post("/3/FriedmansPopescusH", expect=status, **form)["msg"])

        assert "2 to 6 different variables" in refused("a")
        assert "2 to 6 different variables" in refused("a", "a")
        assert "'nosuch' is no predictor" in refused("a", "nosuch")
        assert "'k' is categorical" in refused("a", "k")
        short = runtime.node.frames.get("t").subframe(["a", "b", "y"])
        runtime.node.frames.put(type(short)("short", short.names, short.vecs))
        assert "c, k is missing" in refused("a", "b", frame="short", status=400)
        job = client.job(client.post("/3/ModelBuilders/glm", training_frame="t", response_column="y", model_id="g"))
        assert job["status"] == "DONE"
        assert "Generalized Linear" in refused("a", "b", model_id="g")

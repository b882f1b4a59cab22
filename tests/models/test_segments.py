"""Segment models: one for each group of rows, equal to those trained on the groups by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.testing import Client, local_runtime, local_runtimes
from h2ok.ext.models.segments import SegmentModels

RNG = np.random.default_rng(4)
N = 600
G = RNG.choice(np.array(["a", "b", "c", None]), N, p=[0.4, 0.3, 0.2, 0.1]).tolist()
K = RNG.integers(0, 2, N).astype(float)
X = RNG.normal(size=N)
Y = X * np.array([{"a": 1.0, "b": -2.0, "c": 3.0}.get(g or "", 0.5) for g in G]) + 0.1 * RNG.normal(size=N) + K
COLUMNS = {"g": G, "k": K, "x": X, "s": [f"t{i}" for i in range(N)], "y": Y}
FORM = {"training_frame": "tr", "response_column": "y", "ignored_columns": '["s"]', "lambda": 0}


def put(runtime: Any) -> Client:
    runtime.node.frames.from_columns("tr", COLUMNS, types={"s": "string"}, chunk_rows=70)
    return Client.of(runtime)


def table(client: Client, runtime: Any, key: str) -> Any:
    client.post("/99/Rapids", ast=f"(assign seg (segment_models_as_frame {key}))")
    return runtime.node.frames.get("seg")


def test_each_group_has_its_model() -> None:
    with local_runtime() as runtime:
        client, node = put(runtime), runtime.node
        job = client.post("/3/SegmentModelsBuilders/glm", **FORM, segment_columns='["g"]', segment_models_id="segs", parallelism=2)
        assert job["dest"]["name"] == "segs"
        assert client.job({"job": job})["status"] == "DONE"
        frame = table(client, runtime, "segs")
        assert frame.names == ("g", "model", "status", "errors", "warnings")
        assert frame.vec("g").to_strings(node) == [None, "a", "b", "c"]
        assert frame.vec("model").to_strings(node) == [f"segs_{i}" for i in range(4)]
        assert frame.vec("status").to_strings(node) == ["SUCCEEDED"] * 4
        for i, level in enumerate((None, "a", "b", "c")):
            mine = np.array([g == level for g in G])
            assert node.dkv.get(f"segs_{i}").output.training_metrics.nobs == mine.sum()
            design = np.column_stack([X[mine], K[mine], np.ones(mine.sum())])
            by_hand = np.linalg.lstsq(design, Y[mine], rcond=None)[0]
            names = ["x", "k", "Intercept"]
            found = node.dkv.get(f"segs_{i}").output.extra["coefficients_table"]
            got = dict(zip(found.column("names"), found.column("coefficients"), strict=True))
            np.testing.assert_allclose([got[n] for n in names], by_hand, rtol=1e-6)
        assert not [k for k in node.dkv.keys() if "_training_frame" in k and not k.startswith("modelmetrics_")]  # noqa: SIM118 - no dict
        held = node.dkv.get("segs")
        assert isinstance(held, SegmentModels)
        client.delete("/3/DKV/segs", cascade=True)
        assert node.dkv.get("segs_1") is None


def test_listed_segments_and_those_that_fail() -> None:
    with local_runtime() as runtime:
        client, node = put(runtime), runtime.node
        node.frames.from_columns("want", {"g": ["b", "zz"], "k": np.array([1.0, 0.0])})
        job = client.post("/3/SegmentModelsBuilders/gbm", **{**FORM, "lambda": None} | {"ntrees": 2}, segments="want")
        assert client.job({"job": job})["status"] == "DONE"
        assert job["dest"]["name"].startswith("GBM_segment_models_")
        frame = table(client, runtime, job["dest"]["name"])
        assert frame.vec("status").to_strings(node) == ["SUCCEEDED", "FAILED"]
        errors = frame.vec("errors").to_strings(node)
        assert errors[0] is None
        assert errors[1]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "columns to segment by"),
        ({"segment_columns": '["nosuch"]'}, "no column 'nosuch'"),
        ({"segment_columns": '["x"]'}, "categorical or of whole numbers"),
        ({"segment_columns": '["g"]', "parallelism": 0}, "positive whole number"),
        ({"segments": "nosuch"}, "nosuch"),
    ],
)
def test_what_cannot_be_segmented(form: dict[str, Any], words: str) -> None:
    with local_runtime() as runtime:
        client = put(runtime)
        answer = client.post("/3/SegmentModelsBuilders/glm", expect=404 if words == "nosuch" else 412, **FORM, **form)
        assert words in answer["msg"]


def test_the_same_bits_on_three_nodes() -> None:
    def run(runtime: Any) -> list[Any]:
        client = put(runtime)
        form = {**FORM, "segment_columns": '["g","k"]', "segment_models_id": "segs"}
        assert client.job({"job": client.post("/3/SegmentModelsBuilders/glm", **form)})["status"] == "DONE"
        models = [runtime.node.dkv.get(f"segs_{i}") for i in range(8)]
        return [m.output.training_metrics.mse for m in models]

    with local_runtime() as one, local_runtimes(3) as three:
        assert run(one) == run(three[0])

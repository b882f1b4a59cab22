"""Encoded predictors against the same columns made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import BadRequestError, ModelBuilderError
from h2ok.ext.models.encoding import EXPLICIT
from h2ok.ext.models.partial_dependence import PartialDependencePlan, compute
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel import Frame

LEVELS = [f"L{i:02d}" for i in range(13)]
N = 700


@pytest.fixture
def codes() -> np.ndarray:
    rng = np.random.default_rng(4)
    found = rng.choice(13, N, p=np.arange(1, 14) / 91)
    found[::17] = -1
    return found.astype(np.int32)


@pytest.fixture
def response(codes: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.where(codes < 0, 1.5, codes % 4) + rng.normal(size=N)


def put(lab: Any, key: str, codes: np.ndarray, response: np.ndarray, levels: list[str] = LEVELS) -> None:
    x = np.random.default_rng(6).normal(size=N)
    lab.node.frames.from_columns(key, {"x": x, "c": codes, "z": response}, domains={"c": levels}, chunk_rows=100)


def by_hand(kind: str, codes: np.ndarray, response: np.ndarray) -> dict[str, np.ndarray]:
    known = codes >= 0
    if kind == "OneHotExplicit":
        out = {f"c.{level}": (codes == i) * 1.0 for i, level in enumerate(LEVELS)}
        return {**out, "c.missing(NA)": (~known) * 1.0}
    if kind == "Binary":
        return {f"c:{i}": ((codes + 1) // 2**i % 2).astype(float) for i in range(4)}
    if kind == "LabelEncoder":
        return {"c": np.where(known, codes, np.nan)}
    counts = np.bincount(codes[known], minlength=13)
    share = counts / counts.sum()
    values, vectors = np.linalg.eigh(np.diag(share) - np.outer(share, share))
    vector = vectors[:, np.argmax(values)]
    vector *= np.sign(vector[np.argmax(abs(vector))])
    return {"c.Eigen": np.where(known, vector[codes], np.nan)}


def predictions(lab: Any, model: Any, key: str) -> np.ndarray:
    frame, _ = predict_frame(lab.node, model, lab.node.frames.get(key), "p")
    return frame.to_numpy(lab.node)


@pytest.mark.parametrize("kind", ["OneHotExplicit", "Binary", "LabelEncoder", "Eigen"])
def test_numbers_made_of_levels(lab: Any, kind: str, codes: np.ndarray, response: np.ndarray) -> None:
    put(lab, "t", codes, response)
    model = lab.train("gbm", "z", ("x", "c"), training_frame="t", ntrees=10, seed=1, categorical_encoding=kind)
    columns = by_hand(kind, codes, response)
    frame = lab.node.frames.get("t")
    x = frame.vec("x").to_numpy(lab.node)
    lab.node.frames.from_columns("h", {"x": x, **columns, "z": response}, chunk_rows=100)
    same = lab.train("gbm", "z", ("x", *columns), training_frame="h", ntrees=10, seed=1)
    assert model.output.columns.names == same.output.columns.names
    assert model.output.columns.original_names() == ["x", "c", "z"]
    np.testing.assert_array_equal(predictions(lab, model, "t"), predictions(lab, same, "h"))


def test_the_most_frequent_levels_and_all_others(lab: Any, codes: np.ndarray, response: np.ndarray) -> None:
    put(lab, "t", codes, response)
    model = lab.train("gbm", "z", ("x", "c"), training_frame="t", ntrees=10, seed=1, categorical_encoding="EnumLimited")
    counts = np.bincount(codes[codes >= 0], minlength=13)
    top = np.argsort(-counts, kind="stable")[:10]
    assert model.output.columns.names == ("x", "c.top_10_levels")
    assert model.output.columns.domains[1] == (*(LEVELS[i] for i in top), "other")
    new = np.full(13, 10)
    new[top] = np.arange(10)
    limited = np.where(codes < 0, -1, new[codes]).astype(np.int32)
    put(lab, "h", limited, response, list(model.output.columns.domains[1] or ()))
    same = lab.train("gbm", "z", ("x", "c"), training_frame="h", ntrees=10, seed=1)
    np.testing.assert_array_equal(predictions(lab, model, "t"), predictions(lab, same, "h"))


def test_levels_sorted_by_the_mean_of_the_response(lab: Any, codes: np.ndarray, response: np.ndarray) -> None:
    put(lab, "t", codes, response)
    model = lab.train("gbm", "z", ("x", "c"), training_frame="t", ntrees=3, seed=1, categorical_encoding="SortByResponse")
    means = [response[codes == LEVELS.index(level)].mean() for level in model.output.columns.domains[1] or ()]
    assert means == sorted(means)
    plain = lab.train("gbm", "z", ("x", "c"), training_frame="t", ntrees=3, seed=1)
    np.testing.assert_allclose(predictions(lab, model, "t"), predictions(lab, plain, "t"), rtol=1e-12)


@pytest.mark.parametrize("kind", EXPLICIT)
def test_a_new_level_counts_as_missing(lab: Any, kind: str, codes: np.ndarray, response: np.ndarray) -> None:
    put(lab, "t", codes, response)
    model = lab.train("gbm", "z", ("x", "c"), training_frame="t", ntrees=5, seed=1, categorical_encoding=kind)
    put(lab, "missing", np.where(codes == 3, -1, codes).astype(np.int32), response)
    put(lab, "new", codes, response, [*LEVELS[:3], "new", *LEVELS[4:]])
    frame, warnings = predict_frame(lab.node, model, lab.node.frames.get("new"), "p")
    assert warnings == ["Test/Validation dataset column 'c' has levels not trained on: [\"new\"]"]
    np.testing.assert_array_equal(frame.to_numpy(lab.node), predictions(lab, model, "missing"))


def test_the_rest_of_the_framework_speaks_of_the_columns_of_the_frame(lab: Any, codes: np.ndarray, response: np.ndarray) -> None:
    put(lab, "t", codes, response)
    model = lab.train(
        "gbm", "z", ("x", "c"), training_frame="t", ntrees=20, seed=1, categorical_encoding="OneHotExplicit", nfolds=2
    )
    frame = lab.node.frames.get("t")
    table = compute(lab.node, PartialDependencePlan(model, frame, ("c",), (), 20))[0]
    mean = {row[0]: row[1] for row in zip(*table.data, strict=True)}
    assert mean["L03"] > mean["L00"] + 1
    with pytest.raises(BadRequestError, match=r"needs some of: x, c\."):
        predict_frame(lab.node, model, Frame("f", ("q",), (frame.vec("z"),)), "p")


def test_what_an_algorithm_cannot_use_is_refused(lab: Any, codes: np.ndarray, response: np.ndarray) -> None:
    put(lab, "t", codes, response)
    for algo, more in (("gbm", {"response_column": "z", "categorical_encoding": "OneHotInternal"}),
                       ("kmeans", {"k": 2, "categorical_encoding": "SortByResponse"})):  # fmt: skip
        with pytest.raises(ModelBuilderError, match=r"cannot use categorical_encoding \w+\. It can use: AUTO, Enum, OneHot"):
            lab.builder(algo, training_frame="t", **more).start()


def test_clusters_and_isolation_of_encoded_columns(lab: Any, codes: np.ndarray, response: np.ndarray) -> None:
    put(lab, "t", codes, response)
    for algo, more in (("kmeans", {"k": 3}), ("isolationforest", {"ntrees": 3})):
        job = lab.builder(algo, training_frame="t", categorical_encoding="Binary", seed=1, **more).start()
        job = lab.node.jobs.wait(job.key)
        assert job.status == "DONE", job.stacktrace
        assert lab.node.dkv.get(job.dest).output.columns.names == ("x", "c:0", "c:1", "c:2", "c:3", "z")

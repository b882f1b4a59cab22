"""Frames whose columns are of another type than the model's, against what H2O-3 answered (``adaptation.json``)."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import BadRequestError, ModelBuilderError
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.ext.models.adaptation import adapt, misfits
from h2ok.ext.models.model import FramePredictor
from h2ok.ext.models.partial_dependence import PartialDependencePlan, compute
from h2ok.ext.models.permutation import PermutationPlan, permutation_importance
from h2ok.ext.models.scoring import PredictTask, score_metrics
from h2ok.ext.models.training import ModelColumns
from h2ok.kernel import OutputSpec

GOLDEN = Path(__file__).parents[1] / "golden" / "models"
CASES = json.loads((GOLDEN / "adaptation.json").read_text())["cases"]


def _recorder() -> Any:
    spec = importlib.util.spec_from_file_location("record_adaptation", GOLDEN / "record_adaptation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RECORD = _recorder()
#: What H2O refuses, since the levels as texts are not in the order of numbers.
READS_MORE = "digits <- known_integers"


def put(node: Any, key: str, columns: dict[str, Any], kind: str) -> None:
    values, domains = columns["c"], {}
    if kind == "enum":
        levels = sorted({v for v in values if v is not None})
        domains["c"] = levels
        values = np.array([-1 if v is None else levels.index(v) for v in values], dtype=np.int32)
    elif kind == "time":
        values = np.array([np.datetime64(v or "NaT", "ms") for v in values])
        values = np.where(np.isnat(values), np.nan, values.astype(np.int64))
    elif kind == "numeric":
        values = np.array(values, dtype=float)
    node.frames.from_columns(key, {**columns, "c": values}, types={"c": kind}, domains=domains, chunk_rows=7)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with local_runtime() as runtime:
        for name, (values, kind) in RECORD.SCORED.items():
            put(runtime.node, f"scored_{name}", RECORD.scored_columns(values), kind)
        found = Client.of(runtime)
        for name, (values, kind) in RECORD.TRAINED.items():
            put(runtime.node, f"trained_{name}", RECORD.training_columns(values), kind)
            form = {"training_frame": f"trained_{name}", "response_column": "y", "model_id": f"reads_{name}"}
            assert found.job(found.post("/3/ModelBuilders/gbm", **form, **RECORD.PARAMETERS))["status"] == "DONE"
        yield found


@pytest.mark.parametrize("case", [c for c in CASES if c != READS_MORE])
def test_reads_what_h2o_reads(client: Client, case: str) -> None:
    expected = CASES[case]
    trained, scored = case.split(" <- ")
    path = f"models/reads_{trained}/frames/scored_{scored}"
    job = client.job(client.post(f"/4/Predictions/{path}", predictions_frame="p"))
    assert job["status"] == expected["job"]
    # H2O makes a level "" of what is missing in a list of Python; here training had none.
    warnings = [w.replace('["", ', "[") for w in expected["warnings"] if not w.endswith('[""]')]
    assert (job["warnings"] or []) == (warnings if trained == "codes" else expected["warnings"])
    if expected["status"] != 200:
        said = client.post(f"/3/Predictions/{path}", expect=400)["msg"]
        # H2O says of texts only that an operation is not allowed on them.
        words = expected["said"] if expected["status"] == 400 else "column 'c' which is real-valued in the training data"
        assert words in said
        assert words in job["exception"]
        return
    found = client.get("/3/Frames/p", row_count=100)["frames"][0]["columns"][0]["data"]
    known = {str(v) for v in RECORD.TRAINED[trained][0]}
    for value, mine, real in zip(RECORD.SCORED[scored][0], found, expected["predictions"], strict=True):
        # Trees send a level they never saw another way than H2O's do.
        if str(value) in known and not scored.startswith("missing_numbers"):
            assert mine == pytest.approx(real, abs=1e-6), value


def test_numbers_stand_for_levels_that_are_whole_numbers(client: Client) -> None:
    found = []
    for scored in ("digits", "known_integers"):
        path = f"/4/Predictions/models/reads_digits/frames/scored_{scored}"
        assert client.job(client.post(path, predictions_frame="p"))["status"] == "DONE"
        found.append(client.get("/3/Frames/p", row_count=100)["frames"][0]["columns"][0]["data"])
    assert found[0][:2] == found[1][:2] == [1.0, 2.0]
    assert found[0][3] == found[1][3]
    said = client.post("/3/Predictions/models/reads_digits/frames/scored_integers", expect=400)["msg"]
    assert "77 is none of its levels. Give levels in frame 'scored_integers': asfactor()" in said


@pytest.mark.parametrize("response", [["0", "1"], ["3", "1", "2"]])
def test_a_response_of_levels_is_measured_on_numbers(response: list[str]) -> None:
    codes = np.arange(60) % len(response)
    x = np.arange(60.0)
    with local_runtime() as runtime:
        frames, asked = runtime.node.frames, Client.of(runtime)
        frames.from_columns("t", {"x": x, "y": codes.astype(np.int32)}, types={"y": "enum"}, domains={"y": response}, chunk_rows=13)
        frames.from_columns("v", {"x": x, "y": np.array(response, dtype=float)[codes]}, chunk_rows=7)
        form = {"training_frame": "t", "validation_frame": "v", "response_column": "y", "ntrees": 3, "min_rows": 1, "seed": 1}
        assert asked.job(asked.post("/3/ModelBuilders/gbm", model_id="m", **form))["status"] == "DONE"
        output = asked.get("/3/Models/m")["models"][0]["output"]
    assert output["validation_metrics"]["logloss"] == pytest.approx(output["training_metrics"]["logloss"], rel=1e-12)
    assert output["validation_metrics"]["nobs"] == 60


@pytest.mark.parametrize("kind", ["predict_contributions", "leaf_node_assignment", "feature_frequencies"])
def test_what_trees_tell_of_rows_is_the_same_for_texts(client: Client, kind: str) -> None:
    found = []
    for scored in ("enum", "string"):
        path = f"/4/Predictions/models/reads_enum/frames/scored_{scored}"
        job = client.job(client.post(path, predictions_frame=f"t_{scored}", **{kind: True}))
        assert job["status"] == "DONE", job["exception"]
        assert job["warnings"] == CASES["enum <- string"]["warnings"]
        columns = client.get(f"/3/Frames/t_{scored}", row_count=10)["frames"][0]["columns"]
        found.append([(c["label"], c["data"], c["string_data"], c["domain"]) for c in columns])
    assert found[0] == found[1]
    job = client.job(client.post("/4/Predictions/models/reads_enum/frames/scored_integers", **{kind: True}))
    assert job["status"] == "FAILED"
    assert "non-categorical column 'c'" in job["exception"]


def columns_of(**levels: tuple[str, ...] | None) -> ModelColumns:
    return ModelColumns(tuple(levels), tuple(levels.values()), tuple("Enum" if d else "Numeric" for d in levels.values()))


def codes_of(data: Any, j: int = 0) -> np.ndarray:
    """The codes a model sees."""
    task = PredictTask(data.spec, FramePredictor(1), "Unknown", 0.5)
    found = data.do_all(task, [OutputSpec()]).vecs[0].to_numpy(data.node)
    return np.where(np.isnan(found), -1, found)


@pytest.mark.parametrize("chunk_rows", [3, 1000])
def test_texts_are_read_by_the_levels_of_the_model(lab: Any, chunk_rows: int) -> None:
    texts = ["b", None, "a", "é", "", "B", "b ", "cc"] * 4
    frame = lab.node.frames.from_columns("f", {"c": texts}, types={"c": "string"}, chunk_rows=chunk_rows)
    data = adapt(lab.node, columns_of(c=("a", "b", "cc", "é"), gone=None), frame)
    index = {"a": 0, "b": 1, "cc": 2, "é": 3}
    np.testing.assert_array_equal(codes_of(data), [index.get(t or "", -1) for t in texts])
    assert misfits(data) == [
        'Test/Validation dataset column \'c\' has levels not trained on: ["", "B", "b "]',
        "Test/Validation dataset is missing column 'gone': substituting in a column of NaN",
    ]


def test_texts_without_end_are_told_by_the_first_and_the_last(lab: Any) -> None:
    texts = [f"id{i:05d}" for i in range(12_000)]
    frame = lab.node.frames.from_columns("f", {"c": texts}, types={"c": "string"}, chunk_rows=3000)
    (said,) = misfits(adapt(lab.node, columns_of(c=("a", "b")), frame))
    assert said.count('"') == 40
    assert '"id00009", ...more than 9980 not listed..., "id11990"' in said


def test_weights_and_offsets_are_numbers(lab: Any) -> None:
    levels = {"w": ("p", "q"), "o": ("p", "q")}
    codes = np.zeros(4, dtype=np.int32)
    frame = lab.node.frames.from_columns("f", {"x": np.arange(4.0), "w": codes, "o": codes}, domains=levels)
    for role, name in (("weights", "w"), ("offset", "o")):
        columns = replace(columns_of(x=None), **{role: name})
        with pytest.raises(BadRequestError, match=f"has categorical column '{name}' which is real-valued in the training data"):
            adapt(lab.node, columns, frame)
    with pytest.raises(BadRequestError, match="is missing offset column 'gone'"):
        adapt(lab.node, replace(columns_of(x=None), offset="gone"), frame)


def test_a_validation_frame_that_does_not_fit_is_refused_before_the_job(lab: Any) -> None:
    n = 30
    x = {"x1": np.arange(n) * 1.0, "x2": np.arange(n) % 7 * 1.0, "z": np.arange(n) * 1.0}
    lab.node.frames.from_columns("numbers", {**x, "c": np.arange(n) * 1.0})
    lab.node.frames.from_columns("bare", {k: v for k, v in x.items() if k != "z"})
    for valid, words in (("numbers", "has a non-categorical column 'c'"), ("bare", "is missing response column 'z'")):
        with pytest.raises(ModelBuilderError, match=f"field: _validation_frame: Test/Validation dataset {words}"):
            lab.train("gbm", "z", ntrees=1, validation_frame=valid)
    texts = ["a", "b", "cc", "d", "new"] * 6
    lab.node.frames.from_columns("texts", {**x, "c": texts}, types={"c": "string"})
    levels = sorted(set(texts))
    codes = np.array([levels.index(t) for t in texts], dtype=np.int32)
    lab.node.frames.from_columns("levels", {**x, "c": codes}, domains={"c": levels})
    found = []
    for valid in ("texts", "levels"):
        builder = lab.builder("gbm", training_frame="tr", response_column="z", ntrees="3", validation_frame=valid, seed="1")
        job = lab.node.jobs.wait(builder.start().key)
        # The other columns of the training frame are not there.
        assert [w for w in job.warnings if "'c'" in w] == [
            "Test/Validation dataset column 'c' has levels not trained on: [\"new\"]"
        ]
        found.append(lab.node.dkv.get(job.dest).output.validation_metrics.mse)
    assert found[0] == found[1]


def test_texts_in_partial_dependence_and_permutation(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees=5, seed=1)
    levels = lab.frame.vec("c").domain
    texts = [levels[int(v)] if v == v else None for v in lab.frame.vec("c").to_numpy(lab.node)]
    x = {n: lab.frame.vec(n).to_numpy(lab.node) for n in ("x1", "x2")}
    labels = [("no", "yes")[int(v)] for v in lab.frame.vec("y").to_numpy(lab.node)]
    types = {"c": "string", "y": "string"}
    said = lab.node.frames.from_columns("texts", {**x, "c": texts, "y": labels}, types=types, chunk_rows=100)
    tables = [compute(lab.node, PartialDependencePlan(model, f, ("c",), (), 20))[0] for f in (lab.frame, said)]
    assert tables[0].data[0] == tables[1].data[0]
    np.testing.assert_array_equal(tables[0].column("mean_response"), tables[1].column("mean_response"))
    runs = [permutation_importance(lab.node, PermutationPlan(model, f, n_repeats=2)) for f in (lab.frame, said)]
    assert runs[0][0] == runs[1][0]
    np.testing.assert_array_equal(runs[0][1], runs[1][1])


def test_a_response_of_two_numbers_may_be_levels_or_texts_later(lab: Any) -> None:
    x = np.linspace(-2, 2, 60)
    y = np.where(np.sin(3 * x) + x > 0, 1.0, 0.0)
    lab.node.frames.from_columns("t", {"x": x, "y": y})
    lab.node.frames.from_columns("texts", {"x": x, "y": [f"{v:.0f}" for v in y]}, types={"y": "string"})
    model = lab.train("glm", "y", ("x",), training_frame="t", family="binomial")
    found = [score_metrics(lab.node, model, lab.node.frames.get(f)).number("logloss") for f in ("t", "texts")]
    assert found[0] == found[1] == model.output.training_metrics.number("logloss")

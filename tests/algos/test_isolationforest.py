"""Isolation forest: samples, trees, and whether anomalies stand out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.ext.algos.isolationforest.grower import grow, sample_rows
from h2ok.ext.models.model import Model
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel.testing import local_cloud


@pytest.mark.parametrize(("n", "size"), [(1000, 20), (100, 80), (10, 10), (5, 20), (40, 20)])
def test_samples_hold_each_row_once(n: int, size: int) -> None:
    a, b = sample_rows(n, size, 3, 0), sample_rows(n, size, 3, 1)
    assert len(np.unique(a)) == len(a) == min(n, size)
    assert a.max() < n
    assert size >= n or not np.array_equal(a, b)


def walk(tree: Any, x: np.ndarray, n_levels: np.ndarray) -> int:
    k = 0
    while tree.feature[k] >= 0:
        j = tree.feature[k]
        if np.isnan(x[j]):
            go = tree.na_left[k]
        elif n_levels[j]:
            go = tree.cat_left[tree.cat_start[k] + int(x[j])]
        else:
            go = x[j] < tree.threshold[k]
        k = tree.left[k] if go else tree.right[k]
    return int(k)


@pytest.mark.parametrize("seed", range(4))
def test_tree_sends_its_rows_where_it_counted_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=40), rng.integers(0, 5, 40), rng.normal(size=40)])
    x[rng.random(x.shape) < 0.1] = np.nan
    levels = np.array([0, 5, 0])
    rows = np.arange(0, 40, 2, dtype=np.int32)
    tree = grow(x, rows, levels, 1.0, 6, 1.0, seed, 0)
    leaves = np.bincount([walk(tree, x[r], levels) for r in rows], minlength=len(tree.feature))
    ends = tree.feature < 0
    np.testing.assert_array_equal(leaves[ends], tree.size[ends])
    assert (tree.value[ends] == tree.depth[ends]).all()
    assert tree.depth.max() <= 6
    assert (tree.size[ends] >= 1).all()


def isolate(lab: Any, frame: str = "tr", x: tuple[str, ...] = ("x1", "x2", "c"), **params: Any) -> Model:
    ignored = [n for n in lab.node.frames.get(frame).names if n not in x]
    job = lab.node.jobs.wait(lab.builder("isolationforest", training_frame=frame, ignored_columns=ignored, **params).start().key)
    assert job.status == "DONE", job.stacktrace
    model = lab.node.dkv.get(job.dest)
    assert isinstance(model, Model)
    return model


def test_anomalies_stand_out(lab: Any) -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=(500, 3)), rng.normal(size=(10, 3)) * 0.2 + [6, -6, 6]])
    lab.node.frames.from_columns("odd", {f"v{j}": x[:, j] for j in range(3)}, chunk_rows=100)
    model = isolate(lab, "odd", ("v0", "v1", "v2"), seed="5", ntrees="60", sample_size="128")
    frame, _ = predict_frame(lab.node, model, lab.node.frames.get("odd"), "p")
    score, length = np.asarray(frame.to_numpy(lab.node)).T
    assert frame.names == ("predict", "mean_length")
    assert set(np.argsort(-score)[:10]) == set(range(500, 510))
    assert (score.min(), score.max()) == (0.0, 1.0)
    m = model.output.training_metrics
    assert m.number("mean_score") == pytest.approx(length.mean())
    assert m.number("mean_normalized_score") == pytest.approx(score.mean())
    assert model.output.category == "AnomalyDetection"
    assert model.output.scoring_history.n_rows == 61


def test_splits_are_counted(lab: Any) -> None:
    table = isolate(lab, seed="5", ntrees="10").output.extra["variable_splits"]
    assert table.column("variable") == ["x1", "x2", "c"]
    assert min(table.column("count")) > 0


def test_early_stopping_and_validation(lab: Any) -> None:
    model = isolate(lab, seed="5", ntrees="200", stopping_rounds="3", stopping_tolerance="0.2", validation_frame="tr")
    assert model.output.model_summary.column("number_of_trees")[0] < 200
    valid = model.output.validation_metrics
    assert valid.number("mean_score") == pytest.approx(model.output.training_metrics.number("mean_score"))


def test_new_frames_with_unknown_levels_are_scored(lab: Any) -> None:
    model = isolate(lab, seed="5", ntrees="5")
    new = {"x1": np.array([0.0, np.nan]), "c": np.array([0, -1], np.int32)}
    frame, _ = predict_frame(lab.node, model, lab.node.frames.from_columns("new", new, domains={"c": ("zz",)}), "p")
    assert not np.isnan(frame.to_numpy(lab.node)).any()


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"sample_rate": "1.5"}, "sample_rate"),
        ({"sample_size": "0"}, "sample_size"),
        ({"mtries": "9"}, "mtries"),
        ({"contamination": "0.1"}, "contamination"),
        ({"stopping_metric": "logloss", "stopping_rounds": "2"}, "logloss"),
    ],
)
def test_wrong_parameters_are_refused(lab: Any, params: dict[str, str], match: str) -> None:
    with pytest.raises(ModelBuilderError, match=match):
        isolate(lab, **params)


def test_bits_do_not_depend_on_nodes_or_threads(lab_class: Any) -> None:
    found = []
    for n, threads in ((1, 1), (3, 2)):
        with local_cloud(n, nthreads=threads) as nodes:
            lab = lab_class(nodes)
            model = isolate(lab, seed="9", ntrees="10", sample_size="100")
            frame, _ = predict_frame(lab.node, model, lab.frame, "p")
            found.append((frame.to_numpy(lab.node), model.output.training_metrics.fields))
            lab.runtime.close()
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]

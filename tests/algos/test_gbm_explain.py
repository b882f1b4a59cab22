"""Contributions, leaves and frequencies of a GBM against naive twins."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.algos.gbm.explain import contributions, leaf_paths
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.algos.gbm.routes import tree, tree_json
from h2ok.ext.models.primitives import reset_threshold
from h2ok.ext.models.routes_predictions import predict
from h2ok.ext.models.schemas import ModelMetricsListSchemaV3
from h2ok.kernel import IllegalArgumentError


def goes_left(f: Forest, k: int, v: float) -> bool:
    if np.isnan(v):
        return bool(f.na_left[k])
    if f.cat_start[k] >= 0:
        return bool(f.cat_left[f.cat_start[k] + int(v)]) if 0 <= v < f.cat_size[k] else bool(f.na_left[k])
    return bool(v < f.threshold[k])


def expected(f: Forest, k: int, x: np.ndarray, known: frozenset[int]) -> float:
    """Mean value of a subtree when only some columns are known."""
    j = int(f.feature[k])
    if j < 0:
        return float(f.value[k])
    a, b = int(f.left[k]), int(f.right[k])
    if j in known:
        return expected(f, a if goes_left(f, k, x[j]) else b, x, known)
    return (f.cover[a] * expected(f, a, x, known) + f.cover[b] * expected(f, b, x, known)) / f.cover[k]


def naive(f: Forest, x: np.ndarray) -> np.ndarray:
    p = len(x)
    out = np.zeros(p)
    for j in range(p):
        others = [i for i in range(p) if i != j]
        for s in range(p):
            for some in combinations(others, s):
                w = factorial(s) * factorial(p - s - 1) / factorial(p)
                for root in f.roots:
                    out[j] += w * (expected(f, root, x, frozenset({*some, j})) - expected(f, root, x, frozenset(some)))
    return out


def asked(lab: Any, model: Any, **flags: Any) -> Any:
    request = ModelMetricsListSchemaV3.parse({"predictions_frame": "out", **{k: str(v) for k, v in flags.items()}})
    lab.call(predict, {"model": model.key, "frame": "tr"}, request)
    return lab.node.frames.get("out")


def test_contributions_are_shapley_values_and_add_up(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees=4, max_depth=4, seed=1, min_rows=5)
    forest = model.state.forest
    x = np.array([[0.3, np.nan, 2.0], [-1.0, 0.5, np.nan], [0.0, 0.0, 0.0]])
    got = contributions(forest, leaf_paths(forest), x)
    for row, phi in zip(x, got, strict=True):
        np.testing.assert_allclose(phi, naive(forest, row), atol=1e-12)
    frame = asked(lab, model, predict_contributions=True)
    assert frame.names == ("x1", "x2", "c", "BiasTerm")
    margin = frame.to_numpy(lab.node).sum(axis=1)
    request = ModelMetricsListSchemaV3.parse({"predictions_frame": "plain"})
    lab.call(predict, {"model": model.key, "frame": "tr"}, request)
    p = lab.node.frames.get("plain").to_numpy(lab.node)[:, 2]
    np.testing.assert_allclose(1 / (1 + np.exp(-margin)), p, atol=1e-10)


@pytest.mark.parametrize(("y", "column"), [("z", 0), ("y", 2)])
def test_contributions_of_a_forest_add_up_to_its_prediction(lab: Any, y: str, column: int) -> None:
    model = lab.train("drf", y, ntrees=5, max_depth=5, seed=1)
    total = asked(lab, model, predict_contributions=True).to_numpy(lab.node).sum(axis=1)
    lab.call(predict, {"model": model.key, "frame": "tr"}, ModelMetricsListSchemaV3.parse({"predictions_frame": "plain"}))
    np.testing.assert_allclose(total, lab.node.frames.get("plain").to_numpy(lab.node)[:, column], atol=1e-10)


def test_leaves_and_frequencies_of_other_forests(lab: Any) -> None:
    forest = lab.train("drf", "k", ntrees=2, max_depth=3, seed=1)
    k = len(forest.domain)
    assert asked(lab, forest, leaf_node_assignment=True).names == tuple(f"T{t}.C{c}" for t in (1, 2) for c in range(1, k + 1))
    with pytest.raises(IllegalArgumentError, match="several"):
        asked(lab, forest, predict_contributions=True)
    isolation = lab.node.dkv.get(lab.start("isolationforest", ntrees=3, max_depth=3, seed=1, ignored_columns=["k"]).dest)
    assert asked(lab, isolation, leaf_node_assignment=True).names == ("T1", "T2", "T3")
    counts = asked(lab, isolation, feature_frequencies=True).to_numpy(lab.node)
    assert counts.sum(axis=1).min() >= 3
    assert counts.sum(axis=1).max() <= 9


def test_ranked_contributions(lab: Any) -> None:
    model = lab.train("gbm", "z", ntrees=3, seed=1)
    plain = asked(lab, model, predict_contributions=True).to_numpy(lab.node)
    ranked = asked(lab, model, predict_contributions=True, top_n=1, bottom_n=1)
    assert ranked.names == ("top_feature_1", "top_value_1", "bottom_feature_1", "bottom_value_1", "BiasTerm")
    values = ranked.to_numpy(lab.node)
    np.testing.assert_array_equal(values[:, 1], plain[:, :3].max(axis=1))
    np.testing.assert_array_equal(values[:, 3], plain[:, :3].min(axis=1))
    np.testing.assert_array_equal(values[:, 0], plain[:, :3].argmax(axis=1))
    assert asked(lab, model, predict_contributions=True, top_n=-1).n_cols == 7


def test_leaves_and_frequencies(lab: Any) -> None:
    model = lab.train("gbm", "k", ntrees=2, max_depth=3, seed=1)
    paths = asked(lab, model, leaf_node_assignment=True)
    assert paths.names == ("T1.C1", "T1.C2", "T1.C3", "T2.C1", "T2.C2", "T2.C3")
    codes = paths.to_numpy(lab.node)
    depth = np.array([[len(v.domain[int(c)]) for v, c in zip(paths.vecs, row, strict=True)] for row in codes])
    counts = asked(lab, model, feature_frequencies=True).to_numpy(lab.node)
    np.testing.assert_array_equal(counts.sum(axis=1), depth.sum(axis=1))
    numbers = asked(lab, model, leaf_node_assignment=True, leaf_node_assignment_type="Node_ID").to_numpy(lab.node)
    assert len({tuple(r) for r in numbers}) == len({tuple(r) for r in codes})
    with pytest.raises(IllegalArgumentError, match="several classes"):
        asked(lab, model, predict_contributions=True)


def test_a_tree_as_arrays(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees=2, max_depth=3, seed=1)
    answer = lab.call(tree, model=model.key, tree_number="1", tree_class="no")
    n = len(answer["left_children"])
    assert all(len(answer[k]) == n for k in ("right_children", "features", "nas", "levels", "predictions", "thresholds"))
    children = [c for c in (*answer["left_children"], *answer["right_children"]) if c >= 0]
    assert sorted(children) == list(range(1, n))
    with pytest.raises(BadRequestError, match="tree_number 2"):
        lab.call(tree, model=model.key, tree_number="2")
    with pytest.raises(BadRequestError, match="no trees for class"):
        lab.call(tree, model=model.key, tree_number="0", tree_class="yes")


def test_a_split_of_missing_against_not_missing_has_no_threshold(lab: Any) -> None:
    a = np.where(np.arange(200) % 2, np.nan, np.arange(200) % 6)
    y = np.where(np.isnan(a), 10.0, a)
    lab.node.frames.from_columns("nas", {"a": a, "z": y})
    for algo in ("gbm", "drf"):
        model = lab.train(algo, "z", ("a",), training_frame="nas", ntrees=2, max_depth=3, min_rows=5, seed=1)
        answer = lab.call(tree, model=model.key, tree_number="0")
        # As on H2O's wire; a client takes any other text for a number.
        assert answer["thresholds"][0] == "NaN"
        assert all(t == "NaN" or isinstance(t, float) for t in answer["thresholds"])
        assert any(isinstance(t, float) for t in answer["thresholds"])
        assert (answer["features"][0], answer["nas"][0]) == ("a", "RIGHT")
        assert "left where a is not NA" in answer["descriptions"][0]
        assert "If (a is NA) Prediction" in answer["tree_decision_path"]


def test_columns_of_different_groups_never_meet(lab: Any) -> None:
    model = lab.train("gbm", "z", ntrees=6, seed=1, interaction_constraints='[["x1","c"],["x2"]]')
    for number in range(6):
        used = {f for f in tree_json(model, number, None)["features"] if f}
        assert used <= {"x1", "c"} or used <= {"x2"}
    with pytest.raises(Exception, match="no predictor"):
        lab.builder("gbm", training_frame="tr", response_column="z", interaction_constraints='[["nope"]]').start()


def test_resetting_the_threshold_changes_labels(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees=2, seed=1)
    before = reset_threshold(lab.runtime, model.key, 0.9).to_numpy(lab.node)[0, 0]
    assert before == model.output.default_threshold
    assert lab.node.dkv.get(model.key).output.default_threshold == 0.9
    with pytest.raises(BadRequestError, match="between 0 and 1"):
        reset_threshold(lab.runtime, model.key, 2.0)


@pytest.mark.parametrize("y", ["y", "k", "z"])
def test_training_from_a_checkpoint_grows_the_same_trees(lab: Any, y: str) -> None:
    whole = lab.train("gbm", y, ntrees=6, seed=7, max_depth=3)
    first = lab.train("gbm", y, ntrees=2, seed=7, max_depth=3)
    more = lab.train("gbm", y, ntrees=6, seed=7, max_depth=3, checkpoint=first.key)
    a, b = whole.state.forest, more.state.forest
    np.testing.assert_array_equal(a.feature, b.feature)
    np.testing.assert_array_equal(a.left, b.left)
    np.testing.assert_array_equal(a.cat_left, b.cat_left)
    np.testing.assert_allclose(a.value, b.value, rtol=1e-9, atol=1e-12)
    with pytest.raises(Exception, match="higher than 2"):
        lab.train("gbm", y, ntrees=2, seed=7, max_depth=3, checkpoint=first.key)


def test_a_checkpoint_keeps_what_shapes_its_trees(lab: Any) -> None:
    first = lab.train("gbm", "y", ntrees=2, seed=1)
    for name, value in (("learn_rate", "0.3"), ("nbins", "99"), ("max_depth", "2")):
        more = {name: value}
        builder = lab.builder("gbm", training_frame="tr", response_column="y", ntrees=4, checkpoint=first.key, **more)
        assert name in {m["field_name"] for m in builder.check().to_json() if m["message_type"] == "ERRR"}

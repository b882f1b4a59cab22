"""K-means: kernels against naive sums, recorded answers of H2O-3, and what a clustering must do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.ext.algos.kmeans import kernels
from h2ok.ext.algos.kmeans.seeding import CandidatePass, Candidates
from h2ok.ext.models import RowSpec
from h2ok.ext.models.model import Model
from h2ok.ext.models.scoring import predict_frame, score_metrics
from h2ok.kernel.testing import local_cloud


def naive_distance(x: np.ndarray, center: np.ndarray, is_cat: np.ndarray) -> np.ndarray:
    return np.where(is_cat, x != center, (x - center) ** 2).sum(axis=1)


def test_kernels_equal_naive_sums() -> None:
    rng = np.random.default_rng(0)
    is_cat = np.array([False, True, False])
    x = np.column_stack([rng.normal(size=50), rng.integers(0, 3, 50), rng.normal(size=50)])
    centers, w = x[:4].copy(), rng.integers(0, 3, 50).astype(float)
    cluster, distance = np.empty(50, np.int32), np.empty(50)
    kernels.assign(x, is_cat, centers, cluster, distance)
    table = np.column_stack([naive_distance(x, c, is_cat) for c in centers])
    assert (cluster == table.argmin(axis=1)).all()
    np.testing.assert_allclose(distance, table.min(axis=1))
    nearest = np.full(50, np.inf)
    kernels.closer(x, is_cat, centers[2], nearest)
    np.testing.assert_allclose(nearest, table[:, 2])
    sizes, within, sums, counts = np.zeros(4), np.zeros(4), np.zeros((4, 3)), np.zeros((4, 3))
    kernels.sum_clusters(x, w, is_cat, np.zeros(3, np.int64), cluster, distance, sizes, within, sums, counts)
    for c in range(4):
        mine = cluster == c
        assert sizes[c] == w[mine].sum()
        assert within[c] == pytest.approx((w * distance)[mine].sum())
        assert sums[c, 2] == pytest.approx((w * x[:, 2])[mine].sum())
        assert counts[c, 1] == w[mine & (x[:, 1] == 1)].sum()


def cluster(lab: Any, frame: str = "tr", x: tuple[str, ...] = ("x1", "x2", "c"), **params: Any) -> Model:
    ignored = [n for n in lab.node.frames.get(frame).names if n not in x and n != params.get("fold_column")]
    job = lab.node.jobs.wait(lab.builder("kmeans", training_frame=frame, ignored_columns=ignored, **params).start().key)
    assert job.status == "DONE", job.stacktrace
    model = lab.node.dkv.get(job.dest)
    assert isinstance(model, Model)
    return model


def blobs(lab: Any, key: str = "blobs") -> np.ndarray:
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(m, 0.3, size=(60, 2)) for m in ((0, 0), (6, 0), (0, 6))])
    lab.node.frames.from_columns(key, {"a": x[:, 0], "b": x[:, 1]}, chunk_rows=50)
    return x


@pytest.mark.parametrize("init", ["Furthest", "PlusPlus"])
def test_blobs_are_found(lab: Any, init: str) -> None:
    x = blobs(lab)
    model = cluster(lab, "blobs", ("a", "b"), k="3", init=init, seed="2", standardize="false")
    m = model.output.training_metrics
    parts = x.reshape(3, 60, 2)
    assert m.number("tot_withinss") == pytest.approx(((parts - parts.mean(axis=1, keepdims=True)) ** 2).sum())
    assert m.number("totss") == pytest.approx(((x - x.mean(axis=0)) ** 2).sum())
    assert m.number("betweenss") == pytest.approx(m.number("totss") - m.number("tot_withinss"))
    assert m.get("centroid_stats").column("size") == [60.0] * 3
    assert model.output.extra["centers_std"] is None
    frame, _ = predict_frame(lab.node, model, lab.node.frames.get("blobs"), "p")
    found = frame.to_numpy(lab.node)[:, 0].reshape(3, 60)
    assert frame.names == ("predict",)
    assert (found == found[:, :1]).all()
    assert sorted(found[:, 0].tolist()) == [0.0, 1.0, 2.0]


def test_estimated_k(lab: Any) -> None:
    x = blobs(lab)
    lab.node.frames.from_columns("four", {f"v{j}": x[:, j % 2] for j in range(4)})
    model = cluster(lab, "four", ("v0", "v1", "v2", "v3"), k="8", estimate_k="true", max_iterations="20", seed="2")
    assert model.output.model_summary.column("number_of_clusters") == [3]


def test_user_points_move_as_in_h2o(lab: Any) -> None:
    """Recorded from H2O-3 3.46.0.11: iris (R. A. Fisher 1936), rows 0, 60 and 120 as first centers, defaults."""
    from sklearn.datasets import load_iris

    x = load_iris().data
    x[34], x[37] = [4.9, 3.1, 1.5, 0.1], [4.9, 3.1, 1.5, 0.1]
    lab.node.frames.from_columns("iris", {f"C{j}": x[:, j] for j in range(4)}, chunk_rows=40)
    lab.node.frames.from_columns("points", {f"P{j}": x[[0, 60, 120], j] for j in range(4)})
    model = cluster(lab, "iris", ("C0", "C1", "C2", "C3"), user_points="points", k="3")
    history = model.output.scoring_history
    np.testing.assert_allclose(
        history.column("within_cluster_sum_of_squares")[1:],
        [269.3159700160865, 149.1792633666094, 145.8920361339529, 142.42637382730817, 141.341107153814, 141.16323288350154],
    )
    assert history.column("number_of_reassigned_observations")[1:6] == [150, 6, 7, 5, 2]
    assert model.output.extra["centers"].data[1] == pytest.approx([5.016326530612245, 5.7043478260869565, 6.696363636363635])
    assert model.parameters["init"] == "User"


@pytest.mark.parametrize("kind", ["enum", "string", "numeric"])
def test_user_points_name_levels_or_number_them(lab: Any, kind: str) -> None:
    """Numbers are codes of levels, as in H2O."""
    levels = lab.frame.vec("c").domain
    codes = np.array([3, 1], np.int32)
    c = {"enum": codes, "string": [levels[3], levels[1]], "numeric": codes * 1.0}
    found = []
    for each in ("enum", kind):
        domains = {"c": levels} if each == "enum" else {}
        lab.node.frames.from_columns("points", {"x1": np.array([0.0, 1.0]), "c": c[each]}, types={"c": each}, domains=domains)
        found.append(cluster(lab, x=("x1", "c"), k="2", user_points="points", max_iterations="2", seed="1").state.centers)
        lab.node.frames.remove("points")
    np.testing.assert_array_equal(*found)
    lab.node.frames.from_columns("wrong", {"x1": np.array([0.0, 1.0]), "c": np.array([0.5, 9.0])})
    with pytest.raises(ModelBuilderError, match=r"_user_points: Column 2 .* their numbers from 0 to 3 were expected"):
        cluster(lab, x=("x1", "c"), k="2", user_points="wrong")


def test_cross_validation_pools_the_folds(lab: Any) -> None:
    model = cluster(lab, k="3", nfolds="3", seed="4")
    cv = model.output.cross_validation_metrics
    assert cv.get("centroid_stats") is None
    assert cv.number("tot_withinss") >= model.output.training_metrics.number("tot_withinss")
    first = lab.node.dkv.get(model.output.cross_validation_models[0])
    assert first.output.training_metrics.get("centroid_stats").n_rows == 3
    assert model.output.cross_validation_metrics_summary.column("") == ["betweenss", "mse", "rmse", "tot_withinss", "totss"]


def test_new_frames_with_unknown_levels_are_scored(lab: Any) -> None:
    model = cluster(lab, k="3", seed="4")
    lab.node.frames.from_columns("new", {"x1": np.array([0.0, np.nan]), "c": np.array([0, -1], np.int32)}, domains={"c": ("zz",)})
    frame, _ = predict_frame(lab.node, model, lab.node.frames.get("new"), "p")
    assert set(frame.to_numpy(lab.node)[:, 0]) <= {0.0, 1.0, 2.0}
    m = score_metrics(lab.node, model, lab.frame)
    assert m is not None
    assert m.number("tot_withinss") == model.output.training_metrics.number("tot_withinss")


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"k": "0"}, "k must be at least 1"),
        ({"k": "601"}, "Cannot make 601 clusters out of 600 rows"),
        ({"init": "User"}, "user_points"),
        ({"user_points": "tr", "k": "3"}, "user-specified points"),
        ({"cluster_size_constraints": "[10, 10]"}, "constrained K-means"),
        ({"categorical_encoding": "SortByResponse"}, "SortByResponse"),
        ({"max_iterations": "0"}, "max_iterations"),
    ],
)
def test_wrong_parameters_are_refused(lab: Any, params: dict[str, str], match: str) -> None:
    with pytest.raises(ModelBuilderError, match=match):
        cluster(lab, **params)


@pytest.mark.parametrize("init", ["Furthest", "PlusPlus", "Random"])
def test_bits_do_not_depend_on_nodes_or_threads(lab_class: Any, init: str) -> None:
    found = []
    for n, threads in ((1, 1), (3, 2)):
        with local_cloud(n, nthreads=threads) as nodes:
            lab = lab_class(nodes)
            model = cluster(lab, k="4", init=init, seed="9", nfolds="2")
            found.append((model.state.centers, model.output.cross_validation_metrics.fields))
            lab.runtime.close()
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def people(n: int = 5000) -> dict[str, np.ndarray]:
    """Ages are even, incomes skewed: the rows furthest apart are a few rich ones."""
    rng = np.random.default_rng(1)
    return {"age": rng.uniform(18, 80, n), "income": rng.lognormal(10, 0.8, n)}


def test_defaults_end_as_well_on_skewed_data_as_in_h2o(lab: Any) -> None:
    lab.node.frames.from_columns("people", people(), chunk_rows=700)
    found = [cluster(lab, "people", ("age", "income"), k="3", seed=str(s)) for s in range(1, 7)]
    # H2O-3 3.46.0.11 with the same seeds: 3893, 6484, 6429, 3886, 6414, 3882; the least known is 3882.
    assert max(m.output.training_metrics.number("tot_withinss") for m in found) < 1.02 * 3882
    assert all(m.output.model_summary.column("number_of_iterations")[0] <= 10 for m in found)


def test_defaults_find_clusters_that_lie_apart(lab: Any) -> None:
    rng = np.random.default_rng(1)
    centers = rng.normal(0, 20, (9, 3))
    x = np.repeat(centers, 50, axis=0) + rng.normal(size=(450, 3))
    lab.node.frames.from_columns("apart", {f"v{j}": x[:, j] for j in range(3)}, chunk_rows=64)
    least = ((x.reshape(9, 50, 3) - x.reshape(9, 50, 3).mean(axis=1, keepdims=True)) ** 2).sum()
    for seed in range(1, 7):
        model = cluster(lab, "apart", ("v0", "v1", "v2"), k="9", seed=str(seed), standardize="false")
        assert model.output.training_metrics.number("tot_withinss") == pytest.approx(least)


def test_more_clusters_than_different_rows(lab: Any) -> None:
    lab.node.frames.from_columns("twice", {"a": np.repeat([1.0, 2.0, 5.0], 20), "b": np.repeat([0.0, 1.0, 0.0], 20)})
    model = cluster(lab, "twice", ("a", "b"), k="5", seed="3")
    assert model.state.centers.shape == (5, 2)
    assert model.output.training_metrics.number("tot_withinss") == pytest.approx(0, abs=1e-20)


def test_candidates_are_the_rows_of_the_largest_keys_however_they_were_merged() -> None:
    rng = np.random.default_rng(0)
    key, row = np.round(rng.normal(size=60), 1), rng.permutation(60)
    parts = [Candidates(key[s], row[s], key[s, None]) for s in (slice(0, 25), slice(25, 40), slice(40, 60))]
    merge = CandidatePass(RowSpec(()), None, np.empty((0, 1)), 0, 12, 1).reduce
    expected = np.lexsort((row, -key))[:12]
    for a, b, c in ((0, 1, 2), (2, 0, 1)):
        found = merge(merge(parts[a], parts[b]), parts[c])
        np.testing.assert_array_equal(found.row, row[expected])
        np.testing.assert_array_equal(found.x[:, 0], key[expected])

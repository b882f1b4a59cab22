"""GBM: kernels against brute force, and what a model must do."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from h2ok.ext.algos.gbm import kernels
from h2ok.ext.algos.gbm.binning import quantile_edges
from h2ok.ext.models.model import Model
from h2ok.ext.models.scoring import predict_frame


def binned(n: int = 200, p: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    bins = rng.integers(0, 6, size=(n, p)).astype(np.uint8)
    bins[rng.random((n, p)) < 0.1] = kernels.NA_BIN
    return bins, rng.normal(size=n)


def build(
    bins: np.ndarray, g: np.ndarray, node: np.ndarray, n_nodes: int, scale: float = 2.0**20, w: np.ndarray | None = None
) -> np.ndarray:
    n, p = bins.shape
    w = np.ones(n) if w is None else w
    packed = np.empty(n, dtype=np.int64)
    kernels.pack(g, w, scale, packed)
    rows, offsets = np.empty(n + 1, np.int32), np.empty(n + 1, np.int32)
    m = kernels.select_rows(node, np.arange(n_nodes, dtype=np.int32), w, p * 256, rows, offsets)
    out = np.zeros((2, n_nodes, p, 256), dtype=np.int64)
    counts, gradients = out.reshape(2, -1)
    kernels.histogram(bins.reshape(-1), p, rows, offsets, m, packed, counts)
    kernels.unpack(counts, counts, gradients)
    return out


def test_bins_are_counts_of_edges_below() -> None:
    x = np.array([-np.inf, -1, 0, 0.5, 1, 2, np.inf, np.nan])
    edges = np.full(256, np.inf)
    edges[:3] = [0.0, 1.0, 2.0]
    out = np.zeros((8, 1), dtype=np.uint8)
    kernels.bin_column(x, edges, 3, out, 0)
    assert out[:, 0].tolist() == [0, 0, 1, 1, 2, 3, 3, 255]


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 1.0, 2.0], [np.nan, 3.0], list(range(1000)), [0.0] * 900 + list(range(100))])
def test_edges_separate_distinct_values(values: list[float]) -> None:
    edges = quantile_edges(np.array(values, dtype=float), 20)
    assert len(edges) <= 19
    assert (np.diff(edges) > 0).all()
    distinct = np.unique([v for v in values if v == v])
    if len(distinct) <= 20:
        assert len(edges) == max(0, len(distinct) - 1)


def test_histogram_equals_naive_sums() -> None:
    bins, g = binned()
    node = (np.arange(200) % 3 - 1).astype(np.int32)
    w = (np.arange(200) % 5 > 0).astype(float)
    hist = build(bins, g, node, 2, w=w)
    for k, j, b in itertools.product(range(2), range(3), [*range(6), 255]):
        rows = (node == k) & (bins[:, j] == b) & (w > 0)
        assert hist[0, k, j, b] == rows.sum()
        assert hist[1, k, j, b] == np.rint(g[rows] * 2.0**20).sum()


def test_packed_sums_survive_negative_totals() -> None:
    bins = np.zeros((1000, 1), dtype=np.uint8)
    hist = build(bins, -np.ones(1000), np.zeros(1000, dtype=np.int32), 1, scale=2.0**28)
    assert hist[0, 0, 0, 0] == 1000
    assert hist[1, 0, 0, 0] == -1000 * 2**28


def test_weighted_histogram_equals_naive_sums() -> None:
    bins, g = binned()
    w = np.random.default_rng(1).random(200)
    packed = np.empty((200, 2), dtype=np.int64)
    kernels.pack_weighted(g, w, 2.0**30, 2.0**30, packed)
    out = np.zeros((2, 1, 3, 256), dtype=np.int64)
    rows, offsets = np.arange(200, dtype=np.int32), np.zeros(200, np.int32)
    kernels.histogram_weighted(bins.reshape(-1), 3, rows, offsets, 200, packed, *out.reshape(2, -1))
    assert out[0, 0, 0, 2] * 2.0**-30 == pytest.approx(w[bins[:, 0] == 2].sum(), rel=1e-7)
    assert out[1, 0, 1, 3] * 2.0**-30 == pytest.approx((w * g)[bins[:, 1] == 3].sum(), abs=1e-6)


def test_route_follows_the_table_of_bins() -> None:
    bins = np.array([[0, 3], [1, 3], [255, 0], [2, 255]], dtype=np.uint8)
    node = np.array([0, 0, 1, -3], dtype=np.int32)
    go_left = np.zeros((2, 256), np.uint8)
    go_left[0, :1] = 1
    kernels.route(bins, node, np.array([0, 0], np.int32), go_left, np.array([[5, 4], [-2, -2]], np.int32))
    assert node.tolist() == [4, 5, -2, -3]


def gain(g: np.ndarray, left: np.ndarray) -> float:
    a, b = g[left], g[~left]
    return float(a.sum() ** 2 / len(a) + b.sum() ** 2 / len(b) - g.sum() ** 2 / len(g))


def brute_force(bins: np.ndarray, g: np.ndarray, is_cat: np.ndarray, min_rows: float) -> float:
    """Best gain over every threshold with NA on either side, and every set of levels."""
    best = 0.0
    for j in range(bins.shape[1]):
        column = bins[:, j]
        if is_cat[j]:
            levels = np.unique(column)
            sets = [np.isin(column, s) for r in range(1, len(levels)) for s in itertools.combinations(levels, r)]
        else:
            na = column == 255
            sets = [(~na & (column <= b)) | (na & side) for b in range(6) for side in (False, True)]
        for left in sets:
            if min(left.sum(), (~left).sum()) >= min_rows:
                best = max(best, gain(g, left))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_split_search_finds_what_brute_force_finds(seed: int) -> None:
    bins, g = binned(80, 3, seed)
    is_cat = np.array([False, True, False])
    scale = 2.0**25
    hist = build(bins, g, np.zeros(80, np.int32), 1, scale)
    best, go_left = np.zeros((1, 6)), np.zeros((1, 256), np.uint8)
    n_bins, allowed = np.full(3, 6, np.int32), np.ones((1, 3), bool)
    kernels.find_splits(hist, 1.0, 1 / scale, n_bins, is_cat, allowed, np.array([(g * g).sum()]), 5.0, 0.0, best, go_left)
    assert best[0, 0] == pytest.approx(brute_force(bins, g, is_cat, 5), rel=1e-6)
    left = go_left[0, bins[:, int(best[0, 1])]].astype(bool)
    assert gain(g, left) == pytest.approx(best[0, 0], rel=1e-6)
    assert (best[0, 4], best[0, 5]) == (left.sum(), (~left).sum())


def test_split_needs_its_rows_and_its_improvement() -> None:
    bins, g = binned(80, 3, 1)
    hist = build(bins, g, np.zeros(80, np.int32), 1)
    for min_rows, improvement in ((41.0, 0.0), (1.0, 0.99)):
        best, go_left = np.zeros((1, 6)), np.zeros((1, 256), np.uint8)
        n_bins, cat, allowed = np.full(3, 6, np.int32), np.zeros(3, bool), np.ones((1, 3), bool)
        kernels.find_splits(
            hist, 1.0, 2.0**-20, n_bins, cat, allowed, np.array([(g * g).sum()]), min_rows, improvement, best, go_left
        )
        assert best[0, 1] == -1


@pytest.mark.parametrize(
    ("kind", "power", "y", "f"), [(0, 0, 2.0, 0.5), (1, 0, 1.0, 0.3), (2, 0, 3.0, 0.2), (3, 0, 2.0, 0.4), (4, 1.5, 2.0, 0.1)]
)
def test_gradients_are_slopes_of_the_loss(kind: int, power: float, y: float, f: float) -> None:
    def loss(s: float) -> float:
        return {
            0: 0.5 * (y - s) ** 2,
            1: math.log1p(math.exp(s)) - y * s,
            2: math.exp(s) - y * s,
            3: y * math.exp(-s) + s,
            4: -y * math.exp(s * (1 - power)) / (1 - power) + math.exp(s * (2 - power)) / (2 - power),
        }[kind]

    g = np.empty(1)
    largest = kernels.gradients(kind, power, np.array([y]), np.array([[f]]), 0, g)
    h = 1e-6
    assert g[0] == pytest.approx(-(loss(f + h) - loss(f - h)) / (2 * h), rel=1e-5)
    assert largest == abs(g[0])


def predictions(lab: Any, model: Model, frame: Any = None) -> np.ndarray:
    out, _ = predict_frame(lab.node, model, frame or lab.frame, "p_out")
    return out.to_numpy(lab.node)


def test_one_tree_predicts_the_means_of_its_leaves(lab: Any) -> None:
    model = lab.train("gbm", "z", ("x1",), ntrees="1", max_depth="1", learn_rate="1", min_rows="1")
    x, z = lab.frame.vec("x1").to_numpy(lab.node), lab.frame.vec("z").to_numpy(lab.node)
    cut = float(model.state.forest.threshold[0])
    expected = np.where(x < cut, z[x < cut].mean(), z[x >= cut].mean())
    np.testing.assert_allclose(predictions(lab, model)[:, 0], expected, rtol=1e-10)
    best = max(gain(z, x < t) for t in np.sort(x)[1:])
    assert gain(z, x < cut) == pytest.approx(best, rel=0.02)


@pytest.mark.parametrize(
    ("y", "distribution", "metric"),
    [
        ("y", "AUTO", "logloss"),
        ("k", "AUTO", "logloss"),
        ("z", "AUTO", "MSE"),
        ("cnt", "poisson", "mean_residual_deviance"),
        ("cnt", "tweedie", "mean_residual_deviance"),
    ],
)
def test_metrics_kept_in_training_are_those_of_the_model(lab: Any, y: str, distribution: str, metric: str) -> None:
    model = lab.train("gbm", y, ntrees="8", distribution=distribution, score_each_iteration="true", seed="1", validation_frame="tr")
    m, v = model.output.training_metrics, model.output.validation_metrics
    assert m.number(metric) == v.number(metric)
    history = model.output.scoring_history
    assert history.n_rows == 9
    name = {"logloss": "training_logloss", "MSE": "training_rmse", "mean_residual_deviance": "training_deviance"}[metric]
    values = history.column(name)
    assert all(b < a for a, b in itertools.pairwise(values))
    p = predictions(lab, model)
    t = lab.frame.vec(y).to_numpy(lab.node).astype(int)
    if metric == "logloss":
        assert -np.log(p[np.arange(600), 1 + t]).mean() == pytest.approx(m.number("logloss"), rel=1e-12)


def test_weights_count_like_repeated_rows(lab: Any) -> None:
    weighted = lab.train("gbm", "z", weights_column="w", ntrees="5", min_rows="20")
    w = lab.frame.vec("w").to_numpy(lab.node).astype(int)
    rows = np.repeat(np.arange(600), w)
    columns = {n: lab.frame.vec(n).to_numpy(lab.node)[rows] for n in ("x1", "x2", "c", "z")}
    codes = np.where(np.isnan(columns["c"]), -1, columns["c"]).astype(np.int32)
    lab.node.frames.from_columns("rep", {**columns, "c": codes}, domains={"c": ("a", "b", "cc", "d")}, chunk_rows=300)
    repeated = lab.train("gbm", "z", training_frame="rep", ntrees="5", min_rows="20")
    a, b = predictions(lab, weighted)[:, 0], predictions(lab, repeated)[:, 0]
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_levels_split_as_sets_and_unseen_levels_follow_na(lab: Any) -> None:
    codes = (np.arange(400) % 4).astype(np.int32)
    y = np.where(np.isin(codes, [0, 2]), 5.0, -5.0)
    lab.node.frames.from_columns("t", {"c": codes, "y": y}, domains={"c": ("a", "b", "cc", "d")})
    model = lab.train("gbm", "y", ("c",), training_frame="t", ntrees="1", max_depth="1", learn_rate="1")
    te = lab.node.frames.from_columns("te", {"c": ["a", "b", "cc", "d", "zz", None]})
    p = predictions(lab, model, te)[:, 0]
    assert p[:4].tolist() == [5, -5, 5, -5]
    assert p[4] == p[5]


def test_na_goes_where_it_helps(lab: Any) -> None:
    x = np.where(np.arange(300) % 3 == 0, np.nan, np.arange(300) % 7)
    y = np.where(np.isnan(x), 10.0, 0.0) + 0.0 * np.arange(300)
    lab.node.frames.from_columns("t", {"x": x, "y": y})
    model = lab.train("gbm", "y", ("x",), training_frame="t", ntrees="1", max_depth="1", learn_rate="1")
    te = lab.node.frames.from_columns("te", {"x": np.array([np.nan, 3.0, 100.0])})
    assert predictions(lab, model, te)[:, 0].tolist() == pytest.approx([10, 0, 0])


def test_wide_sums_grow_the_trees_of_packed_ones(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = predictions(lab, lab.train("gbm", "z", ntrees="5"))
    monkeypatch.setattr("h2ok.ext.algos.gbm.boosting._NARROW_ROWS", 10)
    wide = predictions(lab, lab.train("gbm", "z", ntrees="5"))
    np.testing.assert_allclose(packed, wide, rtol=1e-9)


def test_seed_decides_and_samples(lab: Any) -> None:
    params = {"ntrees": "5", "sample_rate": "0.6", "col_sample_rate": "0.5", "col_sample_rate_per_tree": "0.7"}
    a, b, c = (predictions(lab, lab.train("gbm", "y", seed=s, **params)) for s in ("1", "1", "2"))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_histograms_that_cannot_fit_are_refused(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h2ok.ext.algos.gbm.grower._MAX_HISTOGRAM_BYTES", 10_000)
    with pytest.raises(AssertionError, match="Lower max_depth"):
        lab.train("gbm", "y", ntrees="1")


def test_early_stopping_stops(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees="500", stopping_rounds="2", stopping_tolerance="0.02", learn_rate="0.3")
    grown = model.output.model_summary.column("number_of_trees")[0]
    assert 4 <= grown < 500
    cv = lab.train("gbm", "y", ntrees="500", stopping_rounds="2", stopping_tolerance="0.02", learn_rate="0.3", nfolds="2", seed="1")
    assert cv.output.model_summary.column("number_of_trees")[0] < 500


def test_offset_starts_the_scores(lab: Any) -> None:
    model = lab.train("gbm", "z", ("x2",), offset_column="x1", ntrees="1", max_depth="1")
    z, x1 = lab.frame.vec("z").to_numpy(lab.node), lab.frame.vec("x1").to_numpy(lab.node)
    assert model.output.extra["init_f"] == pytest.approx((z - x1).mean())
    moved = predictions(lab, model)[:, 0] - x1
    assert len(np.unique(np.round(moved, 9))) == 2

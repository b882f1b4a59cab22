"""Metrics against naive statements and hand values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from h2ok.ext.models.metrics import scores
from h2ok.ext.models.metrics.binomial import MAX_BINS, area_under_pr, area_under_roc, distinct, gains_lift, thresholds_of
from h2ok.ext.models.metrics.scores import GridCells, cells_of
from h2ok.ext.models.metrics.task import (
    MetricsTask,
    class_sums,
    classification_error,
    make_metrics,
    regression_sums,
    top_group_lift,
)
from h2ok.ext.models.rows import RowSpec
from h2ok.ext.models.scoring import predict_frame


def naive_auc(p: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    pos, neg = y == 1, y == 0
    wins = (p[pos][:, None] > p[neg][None, :]) + 0.5 * (p[pos][:, None] == p[neg][None, :])
    return float((wins * w[pos][:, None] * w[neg][None, :]).sum() / (w[pos].sum() * w[neg].sum()))


def sample(n: int = 400, seed: int = 1, ties: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    y = (rng.random(n) < p).astype(float)
    return (np.round(p, 1) if ties else p), y, rng.integers(1, 4, size=n).astype(float)


@pytest.mark.parametrize("ties", [True, False])
def test_exact_auc_is_that_of_all_pairs(ties: bool) -> None:
    p, y, w = sample(ties=ties)
    assert area_under_roc(cells_of(p, y, w, exact=True)) == pytest.approx(naive_auc(p, y, w), abs=1e-12)


def test_grid_auc_is_within_the_width_of_a_cell() -> None:
    p, y, w = sample(3000, ties=False)
    cells = cells_of(p, y, w, exact=False)
    assert isinstance(cells, GridCells)
    assert area_under_roc(cells) == pytest.approx(naive_auc(p, y, w), abs=1e-4)


def test_grid_cells_hold_only_scores_at_or_above_their_lower_end() -> None:
    p = np.concatenate([np.linspace(0, 1, 2001), np.nextafter([0.5, 0.25], 0), [1e-12]])
    for v in p:
        cells = cells_of(np.array([v]), np.array([1.0]), np.array([1.0]), exact=False)
        at = int(np.flatnonzero(cells.positive)[0])
        assert cells.low[at] <= v
        assert len(cells.low) == 1
    grid = cells_of(p, np.ones(len(p)), np.ones(len(p)), exact=False)
    assert (np.diff(grid.low) > 0).all()
    for v in p:
        at = int(np.searchsorted(grid.low, v, side="right")) - 1
        assert grid.positive[at] > 0


@pytest.mark.parametrize("cut", [0, 1, 700, 1999, 2000])
def test_merged_grids_equal_one_grid(cut: int) -> None:
    p, y, w = sample(2000, ties=False)
    order = np.argsort(p)
    p, y, w = p[order], y[order], np.round(w[order] * 64) / 64
    whole = cells_of(p, y, w, exact=False)
    parts = cells_of(p[:cut], y[:cut], w[:cut], exact=False), cells_of(p[cut:], y[cut:], w[cut:], exact=False)
    joined = parts[0].merged(parts[1]).compact()  # type: ignore[arg-type]
    np.testing.assert_array_equal(joined.low, whole.compact().low)
    np.testing.assert_allclose(joined.positive, whole.compact().positive, rtol=1e-12)
    np.testing.assert_allclose(joined.scores, whole.compact().scores, rtol=1e-12)


def test_merging_cells_equals_one_block() -> None:
    p, y, w = sample()
    whole = cells_of(p, y, w, exact=True)
    parts = cells_of(p[:150], y[:150], w[:150], exact=True).merged(cells_of(p[150:], y[150:], w[150:], exact=True))
    np.testing.assert_array_equal(whole.low, parts.low)
    np.testing.assert_array_equal(whole.positive, parts.positive)


def test_thresholds_count_the_rows_at_or_above_each() -> None:
    p, y, w = sample(2000, ties=False)
    t = thresholds_of(cells_of(p, y, w, exact=True))
    assert len(t.threshold) <= MAX_BINS
    for i in range(0, len(t.threshold), 37):
        assert t.tps[i] == w[(p >= t.threshold[i]) & (y == 1)].sum()
        assert t.fps[i] == w[(p >= t.threshold[i]) & (y == 0)].sum()
    assert t.tps[-1] == t.p
    assert t.fps[-1] == t.n


def test_maxima_by_hand() -> None:
    p, y = np.array([0.9, 0.8, 0.7, 0.1]), np.array([1.0, 0.0, 1.0, 0.0])
    t = thresholds_of(cells_of(p, y, np.ones(4), exact=True))
    table = t.tables()[1]
    assert table.n_rows == 18
    assert table.data[0][0] == "max f1"
    assert (table.data[1][0], table.data[2][0], table.data[3][0]) == (0.7, pytest.approx(0.8), 2)
    assert table.column("value")[4] == 1.0
    assert area_under_pr(t) == pytest.approx(0.5 * (1 + 1) / 2 + 0.5 * (0.5 + 2 / 3) / 2)


def test_gains_lift_of_perfect_scores() -> None:
    p, y = np.linspace(1, 0, 200), (np.arange(200) < 50).astype(float)
    table = gains_lift(cells_of(p, y, np.ones(200), exact=True))
    assert table is not None
    assert table.n_rows == 16
    assert table.column("lift")[0] == pytest.approx(4.0)
    assert table.column("cumulative_capture_rate")[-1] == 1.0
    assert max(table.column("kolmogorov_smirnov")) == pytest.approx(1 - 10 / 150)
    ten = gains_lift(cells_of(p, y, np.ones(200), exact=True), 10)
    assert ten is not None
    assert ten.n_rows == 10
    assert gains_lift(cells_of(p, y, np.ones(200), exact=True), 0) is None


def test_regression_by_hand() -> None:
    w, y, mu = np.array([1.0, 2.0]), np.array([1.0, 3.0]), np.array([2.0, 2.0])
    m = make_metrics("Regression", regression_sums(w, y, mu, None, math.nan), ())
    assert m.mse == pytest.approx(1.0)
    assert m.number("mae") == pytest.approx(1.0)
    variance = (1 * (1 - 7 / 3) ** 2 + 2 * (3 - 7 / 3) ** 2) / 3
    assert m.number("r2") == pytest.approx(1 - 1 / variance)
    assert m.number("rmsle") == pytest.approx(math.sqrt((math.log(1.5) ** 2 + 2 * math.log(4 / 3) ** 2) / 3))


def test_rmsle_is_nan_for_values_below_minus_one() -> None:
    m = make_metrics("Regression", regression_sums(np.ones(2), np.array([-5.0, 1.0]), np.zeros(2), None, math.nan), ())
    assert math.isnan(m.number("rmsle"))


def test_multinomial_by_hand() -> None:
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.4, 0.4, 0.2]])
    m = make_metrics("Multinomial", class_sums(np.ones(3), np.array([0, 1, 1]), p, 3), ("a", "b", "c"))
    assert m.number("logloss") == pytest.approx(-(math.log(0.7) + math.log(0.2) + math.log(0.4)) / 3)
    assert m.get("hit_ratio_table").data[1] == pytest.approx([1 / 3, 1.0, 1.0])
    cm = m.get("cm")
    assert [cm.data[j][:3] for j in range(3)] == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]
    assert cm.data[4][-1] == "2 / 3"


def test_json_shape_of_binomial_metrics() -> None:
    p, y, w = sample()
    sums = class_sums(w, y.astype(np.int64), np.column_stack([1 - p, p]), 2)
    sums["cells"] = cells_of(p, y, w, exact=True)
    out = make_metrics("Binomial", sums, ("no", "yes")).placed("m", 1, "f", 2, 3).to_json()
    assert list(out)[:14] == [
        "__meta", "model", "model_checksum", "frame", "frame_checksum", "description", "model_category", "scoring_time",
        "predictions", "MSE", "RMSE", "nobs", "custom_metric_name", "custom_metric_value",
    ]  # fmt: skip
    assert out["__meta"]["schema_name"] == "ModelMetricsBinomialV3"
    assert out["cm"]["table"]["columns"][-1]["name"] == "Rate"
    assert len(out["thresholds_and_metric_scores"]["columns"]) == 20
    assert len(out["gains_lift_table"]["columns"]) == 14


def test_exact_limit_is_a_number_of_rows() -> None:
    assert scores.EXACT_ROWS == 131072


def auc_of_pair(positive: np.ndarray, negative: np.ndarray) -> float:
    """The share of pairs in the right order."""
    scores = np.concatenate([positive, negative])
    labels = np.repeat([1, 0], [len(positive), len(negative)])
    return naive_auc(scores, labels, np.ones(len(scores)))


def test_auc_of_several_classes_is_made_of_two_class_aucs(lab: Any) -> None:
    model = lab.train("gbm", "k", ntrees=3, seed=1, auc_type="WEIGHTED_OVO")
    metrics = model.output.training_metrics
    table = metrics.get("multinomial_auc_table")
    frame = lab.node.frames.get("tr")
    y = frame.to_numpy(lab.node)[:, frame.names.index("k")]
    p = predict_frame(lab.node, model, frame, "p")[0].to_numpy(lab.node)[:, 1:]
    k = p.shape[1]
    known = dict(zip(table.column("type"), table.column("auc"), strict=True))
    share = [float((y == i).mean()) for i in range(k)]
    rest = [auc_of_pair(p[y == i, i], p[y != i, i]) for i in range(k)]
    assert [known[f"{name} vs Rest"] for name in model.domain] == pytest.approx(rest)
    assert known["Macro OVR"] == pytest.approx(np.mean(rest))
    assert known["Weighted OVR"] == pytest.approx(np.dot(rest, share))
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    both = [(auc_of_pair(p[y == i, i], p[y == j, i]) + auc_of_pair(p[y == j, j], p[y == i, j])) / 2 for i, j in pairs]
    assert [known[f"Class {model.domain[i]} vs. {model.domain[j]}"] for i, j in pairs] == pytest.approx(both)
    assert known["Macro OVO"] == pytest.approx(np.mean(both))
    weights = [(share[i] + share[j]) / (k - 1) for i, j in pairs]
    assert known["Weighted OVO"] == pytest.approx(np.dot(both, weights))
    assert metrics.number("AUC") == known["Weighted OVO"]
    assert metrics.get("multinomial_aucpr_table").column("type") == table.column("type")
    assert lab.train("gbm", "k", ntrees=1, seed=1).output.training_metrics.get("multinomial_auc_table") is None


@pytest.mark.parametrize("exact", [True, False])
def test_scores_within_1e_8_are_one_threshold(exact: bool) -> None:
    # The same leaves summed in another order differ in the last bits: those between are no thresholds of their own.
    p = np.array([0.932416035892538, 0.9324160358925377, 0.932416035892539, 0.06, 0.06000000000000001])
    y = np.array([1.0, 1.0, 1.0, 0.0, 0.0])
    sums = class_sums(np.ones(5), y.astype(np.int64), np.column_stack([1 - p, p]), 2)
    m = make_metrics("Binomial", {**sums, "cells": cells_of(p, y, np.ones(5), exact=exact)}, ("no", "yes"))
    table, best = m.get("thresholds_and_metric_scores"), m.get("max_criteria_and_metric_scores")
    assert len(table.column("threshold")) == 2
    threshold = best.column("threshold")[0]
    # What a client does: the first row of the table within 1e-8.
    row = next(i for i, t in enumerate(table.column("threshold")) if abs(t - threshold) < 1e-8)
    assert table.column("f1")[row] == best.column("value")[0] == 1.0
    assert [c[:2] for c in m.get("cm").data[:2]] == [[2, 0], [0, 3]]
    assert (p[y == 1] >= threshold).all()


def naive_distinct(ascending: np.ndarray) -> list[int]:
    out = [0]
    for i, v in enumerate(ascending):
        if v - ascending[out[-1]] >= 1e-8:
            out.append(i)
    return out


@pytest.mark.parametrize("seed", range(5))
def test_thresholds_lie_at_least_1e_8_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = np.sort(np.concatenate([rng.random(50), 0.5 + rng.random(300) * 1e-6, rng.random(200) * 3e-8, 1 - rng.random(50) * 1e-12]))
    assert distinct(p).tolist() == naive_distinct(p)
    assert distinct(p[:0]).tolist() == []


def test_near_scores_are_one_threshold_however_they_were_merged() -> None:
    rng = np.random.default_rng(3)
    p = np.round(rng.random(600), 2) + rng.integers(0, 40, 600) * 1e-10
    y = (rng.random(600) < p).astype(float)
    whole = thresholds_of(cells_of(p, y, np.ones(600), exact=True))
    parts = [cells_of(p[s], y[s], np.ones(200), exact=True) for s in (slice(0, 200), slice(200, 400), slice(400, 600))]
    for order in ((0, 1, 2), (2, 0, 1)):
        a, b, c = (parts[i] for i in order)
        found = thresholds_of(a.merged(b.merged(c)).compact())
        np.testing.assert_array_equal(found.threshold, whole.threshold)
        np.testing.assert_array_equal(found.tps, whole.tps)
    assert (np.diff(whole.threshold) <= -1e-8).all()
    assert whole.tps[-1] + whole.fps[-1] == 600


@pytest.mark.parametrize("groups", [-1, 0, 3, 50])
def test_brief_metrics_say_what_the_tables_say(groups: int) -> None:
    rng = np.random.default_rng(4)
    n = 500
    p, w = rng.random(n).round(2), rng.random(n) + 0.5
    y = (rng.random(n) < p).astype(np.float64)
    task = MetricsTask(RowSpec(()), None, "Binomial", 2)
    sums = task.sums_of(np.column_stack([1 - p, p]), y, w)
    full, brief = (make_metrics("Binomial", sums, ("no", "yes"), groups, brief=b) for b in (False, True))
    assert classification_error(brief) == pytest.approx(classification_error(full), rel=1e-14)
    assert top_group_lift(brief) == pytest.approx(top_group_lift(full), rel=1e-14, nan_ok=True)
    assert [brief.number(k) for k in ("AUC", "pr_auc", "logloss")] == [full.number(k) for k in ("AUC", "pr_auc", "logloss")]
    sums = MetricsTask(RowSpec(()), None, "Multinomial", 2).sums_of(np.column_stack([1 - p, p]), y, w)
    full, brief = (make_metrics("Multinomial", sums, ("no", "yes"), brief=b) for b in (False, True))
    assert classification_error(brief) == pytest.approx(classification_error(full), rel=1e-14)

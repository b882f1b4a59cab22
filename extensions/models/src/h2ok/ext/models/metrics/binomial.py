"""Metrics of two classes: AUC, precision-recall, thresholds, maxima, confusion matrix, gains and lift."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models.metrics.scores import Cells
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = [
    "Thresholds",
    "area_under_pr",
    "area_under_roc",
    "confusion_matrix",
    "distinct",
    "gains_lift",
    "thresholds_of",
    "top_lift",
]

#: Rows of the thresholds table, as in H2O.
MAX_BINS = 400
#: Scores less than this apart are one threshold; the clients' precision.
_SAME = 1e-8
_COUNTS = ("tns", "fns", "fps", "tps")


@wire_type("models.thresholds")
@dataclass(frozen=True, slots=True)
class Thresholds:
    """Descending thresholds with the weights at or above each, float64[n]; ``p``, ``n``: weight of all positives, negatives."""

    threshold: NDArray[np.float64]
    tps: NDArray[np.float64]
    fps: NDArray[np.float64]
    p: float
    n: float

    def precision(self) -> NDArray[np.float64]:
        """Share of positives among those at or above each threshold; 0 where there are none."""
        return self.tps / np.where(self.tps + self.fps > 0, self.tps + self.fps, 1.0)

    def f_score(self, b2: float) -> NDArray[np.float64]:
        """F at every threshold; ``b2``: weight of the recall, squared."""
        precision, recall = self.precision(), _ratio(self.tps, self.p)
        bottom = b2 * precision + recall
        return np.asarray((1 + b2) * precision * recall / np.where(bottom > 0, bottom, 1.0))

    def criteria(self) -> dict[str, NDArray[np.float64]]:
        """All criteria at every threshold, by name."""
        tp, fp = self.tps, self.fps
        fn, tn = self.p - tp, self.n - fp
        tpr, tnr = _ratio(tp, self.p), _ratio(tn, self.n)
        bottom = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        return {
            "f1": self.f_score(1.0),
            "f2": self.f_score(4.0),
            "f0point5": self.f_score(0.25),
            "accuracy": (tp + tn) / (self.p + self.n),
            "precision": self.precision(),
            "recall": tpr,
            "specificity": tnr,
            "absolute_mcc": np.abs(tp * tn - fp * fn) / np.where(bottom > 0, bottom, 1.0),
            "min_per_class_accuracy": np.minimum(tpr, tnr),
            "mean_per_class_accuracy": (tpr + tnr) / 2,
            "tns": tn,
            "fns": fn,
            "fps": fp,
            "tps": tp,
            "tnr": tnr,
            "fnr": 1 - tpr,
            "fpr": 1 - tnr,
            "tpr": tpr,
        }

    def best_f1(self) -> int:
        """Index of the largest F1, the highest threshold among equals."""
        return int(np.argmax(self.f_score(1.0)))

    def tables(self) -> tuple[TwoDimTable, TwoDimTable]:
        """(the thresholds table, for each criterion the threshold where it is largest)."""
        criteria = self.criteria()
        return self._table(criteria), self._maxima(criteria)

    def _table(self, criteria: dict[str, NDArray[np.float64]]) -> TwoDimTable:
        columns = [Column("threshold", "double", "%f", "Threshold")]
        data: list[list[float]] = [self.threshold.tolist()]
        for name, values in criteria.items():
            counts = name in _COUNTS
            columns.append(Column(name, "long" if counts else "double", "%d" if counts else "%f", name))
            data.append(_counts(values) if counts else values.tolist())
        columns.append(Column("idx", "int", "%d", "idx"))
        data.append(list(range(len(self.threshold))))
        text = "Binomial metrics as a function of classification thresholds"
        return TwoDimTable("Metrics for Thresholds", text, tuple(columns), data)

    def _maxima(self, criteria: dict[str, NDArray[np.float64]]) -> TwoDimTable:
        rows = []
        for name, values in criteria.items():
            i = int(np.argmax(values))
            rows.append([f"max {name}", float(self.threshold[i]), float(values[i]), i])
        columns = (
            Column("metric", "string", "%s", "Metric"),
            Column("threshold", "double", "%f", "Threshold"),
            Column("value", "double", "%f", "Value"),
            Column("idx", "long", "%d", "idx"),
        )
        return TwoDimTable.of_rows("Maximum Metrics", "Maximum metrics at their respective thresholds", columns, rows)


def _ratio(part: NDArray[np.float64], whole: float) -> NDArray[np.float64]:
    return part / whole if whole > 0 else np.full(len(part), 1.0)


def _counts(values: NDArray[np.float64]) -> list[float]:
    # Weights may be fractions: whole numbers are shown as such, others rounded as H2O's long columns are.
    return [round(v) for v in values.tolist()]


def thresholds_of(cells: Cells) -> Thresholds:
    """At most 400 thresholds, cut where the weight passes equal shares, so that the table is as fine where scores are dense.

    Scores less than 1e-8 apart are one threshold, the lowest of them, for clients look thresholds up to that precision. It is cut
    here, when all cells are there, so that the order in which they were merged does not matter.
    """
    # PERF: small forests make them for each tree, most often of scores that are all apart.
    at = distinct(cells.low)[::-1]
    low, tps, fps = cells.low[::-1], cells.positive[::-1].cumsum(), cells.negative[::-1].cumsum()
    if len(at) < len(low):
        last = len(low) - 1 - at
        low, tps, fps = low[last], tps[last], fps[last]
    if len(low) > MAX_BINS:
        total = float(tps[-1] + fps[-1])
        share = np.floor((tps + fps) / total * MAX_BINS * (1 - 1e-12)).astype(np.int64)
        ends = np.append(np.flatnonzero(share[1:] != share[:-1]), len(low) - 1)
        # The last threshold takes in everything; keep at most MAX_BINS of the rest.
        if len(ends) > MAX_BINS:
            ends = ends[len(ends) - MAX_BINS :]
        low, tps, fps = low[ends], tps[ends], fps[ends]
    p, n = (float(tps[-1]), float(fps[-1])) if len(low) else (0.0, 0.0)
    return Thresholds(np.ascontiguousarray(low), tps, fps, p, n)


def distinct(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices into ascending scores float64[n] of the lowest of each threshold; thresholds are at least 1e-8 apart."""
    n = len(scores)
    apart = scores[1:] - scores[:-1] >= _SAME
    if apart.all():
        return np.arange(n)
    starts = np.append(0, np.flatnonzero(apart) + 1)
    ends = np.append(starts[1:], n)
    more: list[int] = []
    # A run of near neighbours that reaches further than one threshold holds several.
    for run in np.flatnonzero(scores[ends - 1] - scores[starts] >= _SAME).tolist():
        at, end = int(starts[run]), int(ends[run])
        while True:
            low = scores[at]
            at += int(np.searchsorted(scores[at:end], low + _SAME))
            at += int(at < end and scores[at] - low < _SAME)
            if at >= end:
                break
            more.append(at)
    return np.sort(np.append(starts, np.array(more, dtype=np.int64)))


def area_under_roc(cells: Cells) -> float:
    """Probability that a positive scores above a negative, ties counting one half; NaN when a class is missing."""
    below = np.cumsum(cells.negative) - cells.negative
    p, n = float(cells.positive.sum()), float(cells.negative.sum())
    if p <= 0 or n <= 0:
        return math.nan
    return float((cells.positive * (below + 0.5 * cells.negative)).sum() / (p * n))


def area_under_pr(t: Thresholds) -> float:
    """Area under the precision-recall curve by the trapezoid rule over the thresholds; NaN when there is no positive."""
    if t.p <= 0 or len(t.tps) == 0:
        return math.nan
    recall = np.concatenate([[0.0], t.tps / t.p])
    precision = t.precision()
    precision = np.concatenate([[precision[0]], precision])
    return float(((recall[1:] - recall[:-1]) * (precision[1:] + precision[:-1]) / 2).sum())


def confusion_matrix(counts: NDArray[np.float64], domain: Sequence[str]) -> TwoDimTable:
    """The confusion matrix table of float64[k, k] (actual, predicted), with error rates and totals."""
    k = len(domain)
    rows_total, wrong = counts.sum(axis=1), counts.sum(axis=1) - np.diag(counts)
    columns = [Column(d, "long", "%d", d) for d in domain]
    columns += [Column("Error", "double", "%.4f", "Error"), Column("Rate", "string", "= %14s", "Rate")]
    data: list[list[object]] = [[*_counts(counts[:, j]), round(counts[:, j].sum())] for j in range(k)]
    bad, total = float(wrong.sum()), float(counts.sum())
    errors = [float(w / t) if t > 0 else 0.0 for w, t in zip(wrong, rows_total, strict=True)]
    data.append([*errors, bad / total if total > 0 else 0.0])
    rates = [f"{round(w):,} / {round(t):,}" for w, t in zip(wrong, rows_total, strict=True)]
    data.append([*rates, f"{round(bad):,} / {round(total):,}"])
    text = "Row labels: Actual class; Column labels: Predicted class"
    return TwoDimTable("Confusion Matrix", text, tuple(columns), data)


_GROUPS = (0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_GAINS = (
    ("group", "int", "%d", "Group"),
    ("cumulative_data_fraction", "double", "%.8f", "Cumulative Data Fraction"),
    ("lower_threshold", "double", "%5f", "Lower Threshold"),
    ("lift", "double", "%5f", "Lift"),
    ("cumulative_lift", "double", "%5f", "Cumulative Lift"),
    ("response_rate", "double", "%5f", "Response Rate"),
    ("score", "double", "%5f", "Score"),
    ("cumulative_response_rate", "double", "%5f", "Cumulative Response Rate"),
    ("cumulative_score", "double", "%5f", "Cumulative Score"),
    ("capture_rate", "double", "%5f", "Capture Rate"),
    ("cumulative_capture_rate", "double", "%5f", "Cumulative Capture Rate"),
    ("gain", "double", "%5f", "Gain"),
    ("cumulative_gain", "double", "%5f", "Cumulative Gain"),
    ("kolmogorov_smirnov", "double", "%5f", "Kolmogorov Smirnov"),
)


def top_lift(cells: Cells, groups: int = -1) -> float:
    """Lift of the first group of the gains/lift table; NaN where there is none."""
    p, n = float(cells.positive.sum()), float(cells.negative.sum())
    if p <= 0 or n <= 0 or groups == 0:
        return math.nan
    total, share = p + n, _GROUPS[0] if groups < 0 else 1 / groups
    both = np.cumsum((cells.positive + cells.negative)[::-1])
    i = min(int(np.searchsorted(both, share * total * (1 - 1e-12))), len(both) - 1)
    return float(cells.positive[::-1][: i + 1].sum() / both[i] / (p / total))


def gains_lift(cells: Cells, groups: int = -1) -> TwoDimTable | None:
    """The gains/lift table: rows with the highest scores first, cut at shares of the data; None without two classes or groups.

    ``groups``: number of equal groups; -1 for H2O's sixteen.
    """
    p, n = float(cells.positive.sum()), float(cells.negative.sum())
    if p <= 0 or n <= 0 or groups == 0:
        return None
    total = p + n
    shares = _GROUPS if groups < 0 else tuple((i + 1) / groups for i in range(groups))
    low = cells.low[::-1]
    cum_pos, cum_all = np.cumsum(cells.positive[::-1]), np.cumsum((cells.positive + cells.negative)[::-1])
    cum_score = np.cumsum(cells.scores[::-1])
    ends = np.unique(np.minimum(np.searchsorted(cum_all, np.array(shares) * total * (1 - 1e-12)), len(low) - 1))
    rate = p / total
    rows: list[list[float]] = []
    before = (0.0, 0.0, 0.0)
    for group, i in enumerate(ends.tolist(), start=1):
        pos, count, score = float(cum_pos[i]), float(cum_all[i]), float(cum_score[i])
        d_pos, d_count, d_score = pos - before[0], count - before[1], score - before[2]
        before = (pos, count, score)
        response, cum_response = d_pos / d_count, pos / count
        lift, cum_lift = response / rate, cum_response / rate
        rows.append([
            group, count / total, float(low[i]), lift, cum_lift, response, d_score / d_count, cum_response, score / count,
            d_pos / p, pos / p, 100 * (lift - 1), 100 * (cum_lift - 1), pos / p - (count - pos) / n,
        ])  # fmt: skip
    text = f"Avg response rate: {100 * rate:5.2f} %, avg score: {100 * before[2] / total:5.2f} %"
    columns = [Column(*c) for c in _GAINS]  # type: ignore[arg-type]
    return TwoDimTable.of_rows("Gains/Lift Table", text, columns, rows)

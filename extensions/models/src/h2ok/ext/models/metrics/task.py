"""The MRTask behind all metrics: predicts each block and sums what the category needs; then the makers turn sums into metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models.metrics.binomial import area_under_pr, area_under_roc, confusion_matrix, gains_lift, thresholds_of, top_lift
from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.metrics.multinomial_auc import ClassCells, auc_tables, class_cells, wants_auc
from h2ok.ext.models.metrics.scores import EXACT_ROWS, GridCells, ScoreCells, cells_of
from h2ok.ext.models.rows import Rows, RowsTask
from h2ok.kernel import Frame, wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = ["MetricsTask", "compute_metrics", "make_metrics", "regression_sums"]

_EPS = 1e-15
#: Most classes whose confusion matrix is kept in metrics.
_MAX_HITS = 10


@wire_type("models.metrics_task")
@dataclass(frozen=True)
class MetricsTask(RowsTask):
    """Sums for the metrics of a category.

    Parameters
    ----------
    predictor : wire value with ``predict(rows) -> float64[n, k]``: class probabilities, or one column for numbers.
    deviance : wire value with ``deviance(w, y, mu) -> float64[n]``; None: squared error.
    null_mu : prediction of the model without predictors, NaN to leave its deviance out.
    exact : keep every distinct score (see ``scores``).
    auc_type : with several classes, which average of their AUCs is wanted; AUTO and NONE: none.
    """

    predictor: Any
    category: str
    n_classes: int
    deviance: Any = None
    null_mu: float = math.nan
    exact: bool = True
    auc_type: str = "AUTO"

    def map_rows(self, rows: Rows) -> dict[str, Any] | None:
        w = rows.weights()
        keep = w > 0
        if not keep.any():
            return None
        p, y = self.predictor.predict(rows), rows.response()
        if not keep.all():
            p, y, w = p[keep], y[keep], w[keep]
        return self.sums_of(p, y, w)

    def sums_of(self, p: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]) -> dict[str, Any]:
        """The sums of rows that all count: predictions float64[n, k], responses and weights > 0, float64[n]."""
        if self.category == "Regression":
            return regression_sums(w, y, p[:, 0], self.deviance, self.null_mu)
        sums = class_sums(w, y.astype(np.int64), p, self.n_classes)
        if self.category == "Multinomial" and wants_auc(self.auc_type, self.n_classes):
            sums["classes"] = class_cells(p, y.astype(np.int64), w, exact=self.exact)
        if self.category == "Binomial":
            positive = np.ascontiguousarray(p[:, 1])
            sums["cells"] = cells_of(positive, y, w, exact=self.exact)
            if self.deviance is not None:
                sums["deviance"] = float(self.deviance.deviance(w, y, positive).sum())
                sums["null_deviance"] = float(self.deviance.deviance(w, y, np.full(len(y), self.null_mu)).sum())
        return sums

    def reduce(self, left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
        return {
            k: v.merged(right[k]) if isinstance(v, ScoreCells | GridCells | ClassCells) else v + right[k] for k, v in left.items()
        }


def regression_sums(
    w: NDArray[np.float64], y: NDArray[np.float64], mu: NDArray[np.float64], deviance: Any, null_mu: float
) -> dict[str, Any]:
    """Sums of one block of numbers: all arrays float64[n], weights > 0."""
    error = y - mu
    squared = w * error * error
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log1p(mu) - np.log1p(y)
    negative = bool(np.any(mu < -1) or np.any(y < -1))
    return {
        "n": len(y),
        "w": float(w.sum()),
        "wy": float((w * y).sum()),
        "wyy": float((w * y * y).sum()),
        "se": float(squared.sum()),
        "ae": float((w * np.abs(error)).sum()),
        "sle": math.nan if negative else float((w * logs * logs).sum()),
        "deviance": float(squared.sum()) if deviance is None else float(deviance.deviance(w, y, mu).sum()),
        "null_deviance": math.nan
        if deviance is None or math.isnan(null_mu)
        else float(deviance.deviance(w, y, np.full(len(y), null_mu)).sum()),
    }


def class_sums(w: NDArray[np.float64], y: NDArray[np.int64], p: NDArray[np.float64], k: int) -> dict[str, Any]:
    """Sums of one block of classes: ``y`` codes int64[n], ``p`` float64[n, k]."""
    from h2ok.ext.models.metrics.kernels import sum_classes

    totals, matrix, hits = np.zeros(5), np.zeros((k, k)), np.zeros(k)
    sum_classes(w, y, np.ascontiguousarray(p), _EPS, totals, matrix, hits)
    names = ("w", "wy", "wyy", "se", "logloss")
    return {"n": len(y), **dict(zip(names, totals.tolist(), strict=True)), "cm": matrix.reshape(-1), "hits": hits}


def compute_metrics(
    node: Node, frame: Frame, task: MetricsTask, domain: Sequence[str] | None, *, gainslift_bins: int = -1, cancelled: Any = None
) -> tuple[ModelMetrics | None, dict[str, Any]]:
    """Metrics over a frame whose vecs stand as ``task.spec`` says, and the sums they were made of; None when no row counts."""
    sums = node.tasks.do_all(task, frame, cancelled=cancelled).value
    if sums is None:
        return None, {}
    return make_metrics(task.category, sums, tuple(domain or ()), gainslift_bins, task.auc_type), sums


def exact_for(n_rows: int) -> bool:
    """Whether every distinct score of a frame of that size is kept."""
    return n_rows <= EXACT_ROWS


def make_metrics(
    category: str,
    sums: dict[str, Any],
    domain: Sequence[str],
    gainslift_bins: int = -1,
    auc_type: str = "AUTO",
    *,
    brief: bool = False,
) -> ModelMetrics:
    """Metrics of a category from the sums of a MetricsTask; ``brief``: the numbers of a scoring history, no tables."""
    if category == "Regression":
        return _regression(sums)
    if category == "Binomial":
        return _binomial(sums, domain, gainslift_bins, brief=brief)
    return _multinomial(sums, domain, auc_type, brief=brief)


def _r2(sums: dict[str, Any], mse: float) -> float:
    mean = sums["wy"] / sums["w"]
    variance = sums["wyy"] / sums["w"] - mean * mean
    return 1 - mse / variance if variance > 0 else math.nan


def _regression(sums: dict[str, Any]) -> ModelMetrics:
    w = sums["w"]
    mse = sums["se"] / w
    fields = {
        "r2": _r2(sums, mse),
        "mean_residual_deviance": sums["deviance"] / w,
        "mae": sums["ae"] / w,
        "rmsle": math.sqrt(sums["sle"] / w) if not math.isnan(sums["sle"]) else math.nan,
        "loglikelihood": math.nan,
        "AIC": math.nan,
    }
    return ModelMetrics("ModelMetricsRegression", "Regression", mse, sums["n"], fields)


def _binomial(sums: dict[str, Any], domain: Sequence[str], groups: int, *, brief: bool) -> ModelMetrics:
    w = sums["w"]
    cells = sums["cells"].compact()
    t = thresholds_of(cells)
    best = t.best_f1()
    tp, fp = float(t.tps[best]), float(t.fps[best])
    counts = np.array([[t.n - fp, fp], [t.p - tp, tp]])
    auc = area_under_roc(cells)
    mse = sums["se"] / w
    fields = {
        "r2": _r2(sums, mse),
        "logloss": sums["logloss"] / w,
        "loglikelihood": math.nan,
        "AIC": math.nan,
        "AUC": auc,
        "pr_auc": area_under_pr(t),
        "Gini": 2 * auc - 1,
        "mean_per_class_error": _mean_per_class_error(counts),
        "domain": list(domain),
    }
    if brief:
        fields |= {"classification_error": _error(counts), "top_group_lift": top_lift(cells, groups)}
    else:
        fields |= {"cm": confusion_matrix(counts, domain), "gains_lift_table": gains_lift(cells, groups)}
        fields["thresholds_and_metric_scores"], fields["max_criteria_and_metric_scores"] = t.tables()
    return ModelMetrics("ModelMetricsBinomial", "Binomial", mse, sums["n"], fields)


def _multinomial(sums: dict[str, Any], domain: Sequence[str], auc_type: str, *, brief: bool) -> ModelMetrics:
    w, k = sums["w"], len(domain)
    counts = sums["cm"].reshape(k, k)
    mse = sums["se"] / w
    fields: dict[str, Any] = {"r2": _r2(sums, mse)}
    if brief:
        fields["classification_error"] = _error(counts)
    else:
        fields |= {"hit_ratio_table": _hit_ratios(sums), "cm": confusion_matrix(counts, domain)}
    fields |= {
        "logloss": sums["logloss"] / w,
        "loglikelihood": math.nan,
        "AIC": math.nan,
        "mean_per_class_error": _mean_per_class_error(counts),
        "AUC": math.nan,
        "pr_auc": math.nan,
        "multinomial_auc_table": None,
        "multinomial_aucpr_table": None,
    }
    if "classes" in sums:
        fields |= auc_tables(sums["classes"], counts.sum(axis=1), domain, auc_type)
    return ModelMetrics("ModelMetricsMultinomial", "Multinomial", mse, sums["n"], fields)


def _hit_ratios(sums: dict[str, Any]) -> TwoDimTable:
    top = min(_MAX_HITS, len(sums["hits"]))
    hits = np.cumsum(sums["hits"])[:top] / sums["w"]
    columns = (Column("k", "string", "%s", "K"), Column("hit_ratio", "float", "%f", "Hit Ratio"))
    return TwoDimTable.of_rows(f"Top-{top} Hit Ratios", "", columns, [[str(i + 1), float(h)] for i, h in enumerate(hits)])


def _error(counts: NDArray[np.float64]) -> float:
    total = float(counts.sum())
    return float(total - np.trace(counts)) / total if total > 0 else 0.0


def _mean_per_class_error(counts: NDArray[np.float64]) -> float:
    totals = counts.sum(axis=1)
    seen = totals > 0
    return float((1 - np.diag(counts)[seen] / totals[seen]).sum() / len(totals)) if seen.any() else math.nan


def classification_error(metrics: ModelMetrics) -> float:
    """Share of rows whose class is predicted wrong (at the best F1 threshold for two classes)."""
    cm = metrics.get("cm")
    return float(cm.data[-2][-1]) if isinstance(cm, TwoDimTable) else float(metrics.get("classification_error", math.nan))


def top_group_lift(metrics: ModelMetrics) -> float:
    """Lift of the first group of the gains/lift table."""
    table = metrics.get("gains_lift_table")
    if isinstance(table, TwoDimTable) and table.n_rows:
        return float(table.column("lift")[0])
    return float(metrics.get("top_group_lift", math.nan))


def default_threshold(metrics: ModelMetrics | None) -> float:
    """The threshold of the largest F1, one half where there is none."""
    table = metrics.get("max_criteria_and_metric_scores") if metrics is not None else None
    return float(table.column("threshold")[0]) if isinstance(table, TwoDimTable) else 0.5

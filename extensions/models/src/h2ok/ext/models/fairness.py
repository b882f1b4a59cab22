"""Fairness: how a model of two classes treats the groups of protected columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.models.adaptation import adapt, model_numbers
from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.model import FramePredictor, Model
from h2ok.ext.models.rows import ColumnSpec, RowSpec
from h2ok.ext.models.scoring import training_metrics, write_predictions
from h2ok.ext.models.training import ModelColumns, TrainingData
from h2ok.kernel import Frame, IllegalArgumentError
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = ["FairnessPlan", "fairness_metrics", "fisher_exact"]

#: Numbers of a group, in the order of the overview; each has an AIR (its ratio to the reference group's).
_RATES = (
    "accuracy", "precision", "f1", "tpr", "tnr", "fpr", "fnr", "auc", "aucpr", "gini", "selected", "selectedRatio", "logloss",
)  # fmt: skip
_COUNTS = ("tp", "fp", "tn", "fn")
#: Probabilities below this count as this in the log loss.
_EPSILON = 1e-15


@dataclass(frozen=True, slots=True)
class FairnessPlan:
    """``reference``: one level for each protected column; empty: the largest group. ``favorable``: a level of the response."""

    model: Model
    frame: Frame
    protected: tuple[str, ...]
    reference: tuple[str, ...]
    favorable: str


@dataclass(frozen=True)
class _Scored:
    """Rows with a response: group index, probability of the favorable class, whether predicted so, whether so."""

    group: NDArray[np.int64]
    p: NDArray[np.float64]
    selected: NDArray[np.bool_]
    actual: NDArray[np.bool_]


def fairness_metrics(node: Node, plan: FairnessPlan) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Columns and types by name: ``overview`` with a row for each group, and the thresholds of each group.

    Raises
    ------
    IllegalArgumentError
        The model has not two classes, a column is no categorical one, or a level is unknown.
    """
    _check(plan)
    domains = [(*(plan.frame.vec(c).domain or ()), None) for c in plan.protected]
    scored = _score(node, plan, [len(d) for d in domains])
    present = np.unique(scored.group)
    groups = [_levels_of(int(g), domains) for g in present]
    rows: list[dict[str, float]] = []
    out: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for g, levels in zip(present, groups, strict=True):
        mine = scored.group == g
        metrics = _measure(node, scored.p[mine], scored.actual[mine])
        rows.append(_describe(scored, mine, metrics))
        name = "thresholds_and_metrics_" + ",".join("NaN" if x is None else x for x in levels)
        out[name] = (_thresholds(metrics), {})
    at = _reference(plan, groups, [r["total"] for r in rows])
    overview: dict[str, Any] = {c: [levels[i] for levels in groups] for i, c in enumerate(plan.protected)}
    types: dict[str, Any] = dict.fromkeys(plan.protected, "enum")
    for name in (*_COUNTS, "total", "relativeSize", *_RATES):
        overview[name] = np.array([r[name] for r in rows])
    for name in (*_COUNTS, *_RATES):
        overview[f"AIR_{name}"] = np.array([_ratio(r[name], rows[at][name]) for r in rows])
    overview["p.value"] = np.array([_p_value(r, rows[at]) for r in rows])
    return {"overview": (overview, types), **out}


def _check(plan: FairnessPlan) -> None:
    model, frame = plan.model, plan.frame
    if model.output.category != "Binomial":
        raise IllegalArgumentError(f"Fairness metrics need a model of two classes; '{model.key}' is {model.output.category}.")
    if plan.favorable not in (model.domain or ()):
        raise IllegalArgumentError(
            f"The favorable class '{plan.favorable}' is no level of the response; levels: {', '.join(model.domain or ())}."
        )
    if not plan.protected:
        raise IllegalArgumentError("Fairness metrics need at least one protected column.")
    for name in plan.protected:
        if name not in frame.names or frame.vec(name).domain is None:
            raise IllegalArgumentError(f"Protected column '{name}' must be a categorical column of frame '{frame.key}'.")
    if plan.reference and len(plan.reference) != len(plan.protected):
        raise IllegalArgumentError(
            f"The reference group needs one level for each of {len(plan.protected)} protected columns; got {len(plan.reference)}."
        )


def _score(node: Node, plan: FairnessPlan, sizes: Sequence[int]) -> _Scored:
    model = plan.model
    data = adapt(node, model.output.columns, plan.frame, need_response=True)
    predicted = write_predictions(data, model, model.predictor, f"{plan.frame.key}_fairness_{model.key}")
    try:
        label, p0, p1 = (v.to_numpy(node) for v in predicted.vecs)
    finally:
        node.frames.remove(predicted.key)
    y = plan.frame.vec(model.output.columns.response or "")
    if y.type not in ("enum", "string"):
        raise IllegalArgumentError(f"The response of frame '{plan.frame.key}' must be categorical.")
    codes = model_numbers(node, y, model.domain)
    group = np.zeros(len(codes), dtype=np.int64)
    # H2O: the last protected column varies slowest, missing levels come last.
    for name, size in zip(reversed(plan.protected), reversed(sizes), strict=True):
        code = plan.frame.vec(name).to_numpy(node)
        group = group * size + np.where(np.isnan(code), size - 1, code).astype(np.int64)
    known = ~np.isnan(codes)
    level = list(model.domain or ()).index(plan.favorable)
    p = p1 if level == 1 else p0
    return _Scored(group[known], p[known], label[known] == level, codes[known] == level)


def _levels_of(group: int, domains: Sequence[Sequence[str | None]]) -> tuple[str | None, ...]:
    out = []
    for domain in domains:
        out.append(domain[group % len(domain)])
        group //= len(domain)
    return tuple(out)


def _measure(node: Node, p: NDArray[np.float64], actual: NDArray[np.bool_]) -> ModelMetrics | None:
    """Metrics of two classes of some probabilities."""
    with node.scopes.enter():
        frame: Frame = node.frames.from_columns(
            "fairness_group", {"p": p, "actual": actual.astype(np.int32)}, types={"actual": "enum"}, domains={"actual": ("0", "1")}
        )
        spec = RowSpec((ColumnSpec("p", 0),), ColumnSpec("actual", 1, ("0", "1")))
        columns = ModelColumns(("p",), (None,), ("Numeric",), "actual", ("0", "1"))
        data = TrainingData(node, frame.key, frame, spec, columns, frame)
        try:
            return training_metrics(data, FramePredictor(2), "Binomial")
        finally:
            node.frames.remove(frame.key)


def _describe(scored: _Scored, mine: NDArray[np.bool_], metrics: ModelMetrics | None) -> dict[str, float]:
    selected, actual, p = scored.selected[mine], scored.actual[mine], scored.p[mine]
    n = len(p)
    tp, fp = float(np.sum(selected & actual)), float(np.sum(selected & ~actual))
    tn, fn = float(np.sum(~selected & ~actual)), float(np.sum(~selected & actual))
    auc = metrics.number("AUC") if metrics is not None else math.nan
    loss = -np.log(np.maximum(np.where(actual, p, 1 - p), _EPSILON))
    return {
        "tp": tp, "fp": fp, "tn": tn, "fn": fn, "total": float(n), "relativeSize": _ratio(n, len(mine)),
        "accuracy": _ratio(tp + tn, n), "precision": _ratio(tp, tp + fp), "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "tpr": _ratio(tp, tp + fn), "tnr": _ratio(tn, tn + fp), "fpr": _ratio(fp, fp + tn), "fnr": _ratio(fn, fn + tp),
        "auc": auc, "aucpr": metrics.number("pr_auc") if metrics is not None else math.nan, "gini": 2 * auc - 1,
        "selected": tp + fp, "selectedRatio": _ratio(tp + fp, n), "logloss": float(loss.mean()),
    }  # fmt: skip


def _thresholds(metrics: ModelMetrics | None) -> dict[str, Any]:
    table = metrics.get("thresholds_and_metric_scores") if metrics is not None else None
    if table is None:
        return {"Threshold": np.array([])}
    names = [c.name for c in table.columns]
    return {("Threshold" if n == "threshold" else n): np.array(table.column(n), dtype=np.float64) for n in names}


def _reference(plan: FairnessPlan, groups: Sequence[tuple[str | None, ...]], totals: Sequence[float]) -> int:
    if not plan.reference:
        return int(np.argmax(totals))
    if plan.reference not in groups:
        raise IllegalArgumentError(
            f"No row is of the reference group {', '.join(plan.reference)} (of {', '.join(plan.protected)})."
        )
    return list(groups).index(plan.reference)


def _ratio(a: float, b: float) -> float:
    return a / b if b else math.nan


def _p_value(group: dict[str, float], reference: dict[str, float]) -> float:
    """Of the same share of selected rows in both groups."""
    a, b = int(group["selected"]), int(group["total"] - group["selected"])
    c, d = int(reference["selected"]), int(reference["total"] - reference["selected"])
    return fisher_exact(a, b, c, d)


def fisher_exact(a: int, b: int, c: int, d: int) -> float:
    """Two-sided p-value of Fisher's exact test of the table ((a, b), (c, d)): all tables that are no more likely.

    Relative error below 1e-9 for totals up to 1e6.
    """
    row, column, n = a + b, a + c, a + b + c + d
    least, most = max(0, row + column - n), min(row, column)
    logs = _log_factorials(n)
    x = np.arange(least, most + 1)
    log_p = -(logs[x] + logs[row - x] + logs[column - x] + logs[n - row - column + x])
    log_p += logs[row] + logs[n - row] + logs[column] + logs[n - column] - logs[n]
    seen = log_p[a - least]
    return float(min(1.0, np.exp(log_p[log_p <= seen + 1e-7]).sum()))


def _log_factorials(n: int) -> NDArray[np.float64]:
    """log(0!) to log(n!)."""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1, dtype=np.float64)))])

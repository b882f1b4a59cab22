"""Naive Bayes: one pass of counts and moments by class, and the finished model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.algos.naivebayes.params import NaiveBayesParametersV3
from h2ok.ext.algos.naivebayes.state import NaiveBayesState
from h2ok.ext.models import ModelBuilder, Rows, RowsTask, TrainContext, Trained, TrainingData
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["ClassStatistics", "NaiveBayes"]


@wire_type("naivebayes.statistics")
@dataclass(frozen=True, slots=True)
class ClassStatistics:
    """By class: ``weight`` float64[n_classes]; ``parts[j]``: float64[n_classes, n_levels] counts, or float64[n_classes, 2] mean
    and sum of squared deviations of a number (``is_cat`` says which).
    """

    weight: NDArray[np.float64]
    parts: tuple[NDArray[np.float64], ...]
    is_cat: tuple[bool, ...]

    def merged(self, other: ClassStatistics) -> ClassStatistics:
        """Both together (Chan et al. 1979)."""
        total = self.weight + other.weight
        share = np.divide(other.weight, total, out=np.zeros_like(total), where=total > 0)
        parts = []
        for cat, a, b in zip(self.is_cat, self.parts, other.parts, strict=True):
            if cat:
                parts.append(a + b)
                continue
            delta = b[:, 0] - a[:, 0]
            parts.append(np.column_stack([a[:, 0] + delta * share, a[:, 1] + b[:, 1] + delta**2 * self.weight * share]))
        return ClassStatistics(total, tuple(parts), self.is_cat)


@wire_type("naivebayes.statistics_task")
@dataclass(frozen=True)
class _StatisticsTask(RowsTask):
    """Rows with a missing predictor are left out, as in H2O."""

    n_classes: int

    def map_rows(self, rows: Rows) -> ClassStatistics:
        w, k = rows.weights(), self.n_classes
        x = rows.matrix()
        keep = (w > 0) & ~np.isnan(x).any(axis=1)
        x, w, y = x[keep], w[keep], rows.response()[keep].astype(np.int64)
        weight: NDArray[np.float64] = np.bincount(y, w, k).astype(np.float64)
        is_cat = tuple(c.domain is not None for c in rows.spec.columns)
        parts: list[NDArray[np.float64]] = []
        for j, column in enumerate(rows.spec.columns):
            if column.domain is not None:
                size = column.cardinality
                counts = np.bincount(y * size + x[:, j].astype(np.int64), w, k * size)
                parts.append(counts.astype(np.float64).reshape(k, size))
                continue
            mean = np.divide(np.bincount(y, w * x[:, j], k), weight, out=np.zeros(k), where=weight > 0)
            parts.append(np.column_stack([mean, np.bincount(y, w * (x[:, j] - mean[y]) ** 2, k)]))
        return ClassStatistics(weight, tuple(parts), is_cat)

    def reduce(self, left: ClassStatistics, right: ClassStatistics) -> ClassStatistics:
        return left.merged(right)


class NaiveBayes(ModelBuilder):
    """Bayes' rule with predictors that are independent within a class; numbers are normal there."""

    algo = "naivebayes"
    full_name = "Naive Bayes"
    schema = "NaiveBayes"
    parameters = NaiveBayesParametersV3
    can_build = ("Binomial", "Multinomial")
    cats_first = True

    def build(self, ctx: TrainContext) -> Trained:
        p: NaiveBayesParametersV3 = ctx.params
        data, k = ctx.data, ctx.data.n_classes
        ctx.update(0.0, "Counting")
        stats: ClassStatistics = data.do_all(_StatisticsTask(data.spec, k), cancelled=ctx.cancelled).value
        n = float(stats.weight.sum())
        if n == 0:
            raise ValueError("No row is left to train on: every row misses its response or a predictor.")
        apriori = (stats.weight + p.laplace) / (n + k * p.laplace)
        tables = tuple(
            _level_shares(part, stats.weight, p.laplace) if cat else _moments(part, stats.weight)
            for cat, part in zip(stats.is_cat, stats.parts, strict=True)
        )
        state = NaiveBayesState(apriori, tables, stats.is_cat, p.min_sdev, p.eps_sdev, p.min_prob, p.eps_prob)
        extra = {"levels": list(data.domain or ()), "apriori": _apriori_table(data, apriori), "pcond": _tables(data, state)}
        heads = (
            Column("", "string"),
            Column("number_of_response_levels", "long", "%d", "Number of Response Levels"),
            Column("min_apriori_probability", "double", "%.5f", "Min. Apriori Probability"),
            Column("max_apriori_probability", "double", "%.5f", "Max. Apriori Probability"),
        )
        summary = TwoDimTable.of_rows("Model Summary", "", heads, [["", k, float(apriori.min()), float(apriori.max())]])
        return Trained(state, summary, extra=extra, compute_metrics=p.compute_metrics)


def _level_shares(counts: NDArray[np.float64], weight: NDArray[np.float64], laplace: float) -> NDArray[np.float64]:
    total = (weight + counts.shape[1] * laplace)[:, None]
    return np.asarray(np.divide(counts + laplace, total, out=np.zeros_like(counts), where=total > 0))


def _moments(part: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    variance = np.divide(part[:, 1], weight - 1, out=np.zeros(len(part)), where=weight > 1)
    return np.column_stack([part[:, 0], np.sqrt(variance)])


def _head(text: str) -> str:
    """H2O's spelling of free text as the name of a table's column."""
    return re.sub(r"\W", "", text.strip().lower().replace(" ", "_"))


def _apriori_table(data: TrainingData, apriori: NDArray[np.float64]) -> TwoDimTable:
    columns = [Column("", "string"), *(Column(_head(level), "double", "%.5f", level) for level in data.domain or ())]
    return TwoDimTable.of_rows("A Priori Response Probabilities", "", columns, [["", *apriori.tolist()]])


def _tables(data: TrainingData, state: NaiveBayesState) -> list[TwoDimTable]:
    out = []
    for spec, table in zip(data.spec.columns, state.tables, strict=True):
        heads = spec.domain if spec.domain is not None else ("Mean", "Std_Dev")
        columns = [Column(f"y_by_{_head(spec.name)}", "string", "%s", f"Y_by_{spec.name}")]
        columns += [Column(_head(h), "double", "%.5f", h) for h in heads]
        rows: list[list[Any]] = [[level, *row] for level, row in zip(data.domain or (), table.tolist(), strict=True)]
        out.append(TwoDimTable.of_rows(spec.name, "", columns, rows))
    return out

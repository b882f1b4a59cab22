"""PCA: checks, the decomposition, and the tables of a finished model."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.algos.pca.gram import Decomposition, ProjectionState, decompose
from h2ok.ext.algos.pca.params import PCAParametersV3
from h2ok.ext.models import ModelBuilder, TrainContext, Trained, TrainingData, Validation
from h2ok.ext.models.history import format_duration

__all__ = ["PCA", "check_count", "one_step_history"]


class PCA(ModelBuilder):
    """Principal components."""

    algo = "pca"
    full_name = "Principal Components Analysis"
    schema = "PCA"
    parameters = PCAParametersV3
    can_build = ("DimReduction",)
    supervised = False
    cats_first = True

    def validate(self, v: Validation, data: TrainingData | None) -> None:
        p = self.params
        assert isinstance(p, PCAParametersV3)
        if p.pca_method != "GramSVD":
            v.info("pca_method", f"pca_method {p.pca_method} is computed as GramSVD, which finds what it approximates.")
        if data is None:
            return
        check_count(v, "k", p.k, data, all_levels=p.use_all_factor_levels)
        missing = [n for n in data.names if self.node.rollups(data.frame.vec(n)).n_known < data.n_rows]
        if p.pca_method == "GLRM" and missing and not p.impute_missing:
            v.error(
                "pca_method",
                f"pca_method GLRM with missing values ('{missing[0]}') is not built into h2ok yet. Set impute_missing, or use "
                "GramSVD.",
            )

    def build(self, ctx: TrainContext) -> Trained:
        p: PCAParametersV3 = ctx.params
        begin = time.time()
        ctx.update(0.0, "Gram matrix")
        found = decompose(ctx, p.k, p.transform, all_levels=p.use_all_factor_levels, impute=p.impute_missing)
        importance = _importance(found)
        extra = {"importance": importance, "eigenvectors": _vectors(found), "objective": 0.0}
        state = ProjectionState(found.info, found.vectors, p.impute_missing, "PCA")
        return Trained(state, importance, one_step_history(begin), extra, compute_metrics=p.compute_metrics)


def check_count(v: Validation, field: str, k: int, data: TrainingData, *, all_levels: bool) -> None:
    """Not more components than rows or expanded columns."""
    sizes = [1 if c.domain is None else c.cardinality - (not all_levels) for c in data.spec.columns]
    most = min(data.n_rows, sum(sizes))
    if k > most:
        v.error(field, f"{field} must be in [1, {most}], the smaller one of rows and expanded columns; got {k}.")


def one_step_history(begin: float) -> TwoDimTable:
    """The scoring history of a method without rounds."""
    now = time.time()
    columns = (
        Column("", "string"),
        Column("timestamp", "string", "%s", "Timestamp"),
        Column("duration", "string", "%s", "Duration"),
        Column("iterations", "long", "%d", "Iterations"),
    )
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    return TwoDimTable.of_rows("Scoring History", "", columns, [["", stamp, format_duration(now - begin), 1]])


def _heads(k: int) -> list[Column]:
    return [Column("", "string"), *(Column(f"pc{i + 1}", "double", "%.5f", f"PC{i + 1}") for i in range(k))]


def _importance(found: Decomposition) -> TwoDimTable:
    squares = found.singular**2
    share = squares / found.total if found.total > 0 else np.zeros_like(squares)
    deviation = found.singular / np.sqrt(max(found.n - 1, 1))
    rows: list[list[Any]] = [
        ["Standard deviation", *deviation.tolist()],
        ["Proportion of Variance", *share.tolist()],
        ["Cumulative Proportion", *np.cumsum(share).tolist()],
    ]
    return TwoDimTable.of_rows("Importance of components", "", _heads(len(share)), rows)


def _vectors(found: Decomposition) -> TwoDimTable:
    rows = [[name, *row] for name, row in zip(found.info.names, found.vectors.tolist(), strict=True)]
    return TwoDimTable.of_rows("Rotation", "", _heads(found.vectors.shape[1]), rows)

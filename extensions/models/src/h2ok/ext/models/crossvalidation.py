"""Cross-validation: models of the folds without copying data, the combined holdout metrics, and the summary table."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models.context import TrainContext, Trained
from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.metrics.task import classification_error, top_group_lift
from h2ok.ext.models.model import AddsColumns, FoldPredictor, Model
from h2ok.ext.models.rows import Rows, RowsTask
from h2ok.ext.models.scoring import place, training_metrics, write_predictions
from h2ok.ext.models.training import TrainingData
from h2ok.kernel import Frame, OutputSpec, Vec, uniforms, wire_type
from numpy.typing import NDArray

__all__ = ["CrossValidation", "FoldAssignment"]

_STREAM = 0x464F4C44  # "FOLD"


@wire_type("models.fold_assignment")
@dataclass(frozen=True)
class FoldAssignment(RowsTask):
    """Writes the fold of each row, a function of row number (and class, or the values of a column) alone.

    ``before``: int64[n_chunks, n_classes], rows of each class before each chunk (Stratified). ``values``: the distinct values of
    the fold column at ``position``, in order.
    """

    how: str
    nfolds: int
    seed: int = 0
    before: NDArray[np.int64] | None = None
    values: NDArray[np.float64] | None = None
    position: int = -1

    def map_rows(self, rows: Rows) -> None:
        row = np.arange(rows.start, rows.start + rows.n_rows)
        if self.values is not None:
            fold = np.searchsorted(self.values, rows.block.numbers(self.position)).astype(np.float64)
        elif self.how == "Modulo":
            fold = (row % self.nfolds).astype(np.float64)
        elif self.how == "Stratified" and self.before is not None:
            fold = self._stratified(rows, self.before[rows.block.index])
        else:
            fold = np.floor(uniforms(self.seed, _STREAM, rows.start, rows.n_rows) * self.nfolds)
        rows.block.write(0, fold)

    def _stratified(self, rows: Rows, before: NDArray[np.int64]) -> NDArray[np.float64]:
        """Rows of a class go round the folds in turn, each class starting at another fold."""
        y = rows.response()
        out = np.zeros(rows.n_rows)
        start = np.floor(uniforms(self.seed, _STREAM, 0, len(before)) * self.nfolds).astype(np.int64)
        for c in range(len(before)):
            mine = np.flatnonzero(y == c)
            out[mine] = (before[c] + start[c] + np.arange(len(mine))) % self.nfolds
        return out


@wire_type("models.class_counts")
@dataclass(frozen=True)
class _ClassCounts(RowsTask):
    n_classes: int

    def map_rows(self, rows: Rows) -> dict[int, Any]:
        y = rows.response()
        return {rows.block.index: np.bincount(y[~np.isnan(y)].astype(np.int64), minlength=self.n_classes)}


@wire_type("models.distinct")
@dataclass(frozen=True)
class _Distinct(RowsTask):
    position: int

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        x = rows.block.numbers(self.position)
        return np.unique(x[~np.isnan(x)])

    def reduce(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.union1d(left, right)


class Builder(Protocol):
    """What cross-validation needs of a model builder."""

    params: Any

    @property
    def model_key(self) -> str: ...

    def build(self, ctx: TrainContext) -> Trained: ...

    def finish(self, ctx: TrainContext, trained: Trained, begin: float, key: str | None = None) -> Model: ...

    def after_folds(self, params: Any, trained: list[Trained]) -> None: ...


class CrossValidation:
    """One cross-validation inside one job."""

    @staticmethod
    def wanted(builder: Builder) -> bool:
        """Whether the parameters ask for it."""
        return builder.params.value("nfolds", 0) > 1 or builder.params.value("fold_column") is not None

    def __init__(self, builder: Builder, ctx: TrainContext) -> None:
        self._builder = builder
        self._ctx = ctx
        self._node = ctx.node
        self._vec, self.nfolds = self._assign()
        self._data = ctx.data.with_fold(self._vec)
        start, stop = ctx.progress
        self._step = (stop - start) / (self.nfolds + 1)
        self.main_progress = (start + self._step * self.nfolds, stop)
        self._models: list[Model] = []

    def train_folds(self) -> None:
        """Build the models of all folds; what they found is told to the builder."""
        found: list[Trained] = []
        for i in range(self.nfolds):
            begin = time.time()
            start = self._ctx.progress[0] + i * self._step
            ctx = replace(
                self._ctx,
                params=copy.copy(self._ctx.params),
                data=self._data.in_fold(i, holdout=False),
                valid=self._data.in_fold(i, holdout=True),
                progress=(start, start + self._step),
                is_fold=True,
            )
            ctx.update(0.0, f"Cross-validation model {i + 1} of {self.nfolds}")
            trained = ctx.job.survive(partial(self._builder.build, ctx))
            found.append(trained)
            key = f"{self._builder.model_key}_cv_{i + 1}"
            self._models.append(self._builder.finish(ctx, trained, begin, key))
        self._builder.after_folds(self._ctx.params, found)

    def finish(self, model: Model) -> Model:
        """The main model with everything the folds gave; stores fold models and frames as asked."""
        params = self._ctx.params
        predictor = FoldPredictor(tuple(m.predictor for m in self._models))
        data = self._holdout_rows()
        groups = params.value("gainslift_bins", -1)
        metrics = training_metrics(
            data, predictor, model.output.category, model.deviance, model.null_mu, groups, self._ctx.cancelled,
            params.value("auc_type", "AUTO"),
        )  # fmt: skip
        if metrics is not None:
            text = f"{self.nfolds}-fold cross-validation on training data (Metrics computed for combined holdout predictions)"
            metrics = place(metrics, model, data.source, text)
        keep = params.value("keep_cross_validation_models", True)
        output = replace(
            model.output,
            cross_validation_metrics=metrics,
            cross_validation_metrics_summary=summary_table([m.output.validation_metrics for m in self._models]),
            cv_scoring_history=tuple(m.output.scoring_history for m in self._models if m.output.scoring_history is not None),
            cross_validation_models=tuple(m.key for m in self._models) if keep else (),
        )
        if keep:
            for m in self._models:
                self._node.dkv.put(m.key, m)
        if params.value("keep_cross_validation_predictions", False):
            output = replace(output, **self._store_predictions(model, predictor, data))
        if params.value("keep_cross_validation_fold_assignment", False):
            key = f"cv_fold_assignment_{model.key}"
            self._node.frames.put(Frame(key, ("fold_assignment",), (self._vec,)))
            output = replace(output, cross_validation_fold_assignment=key)
        return replace(model, output=output)

    def _holdout_rows(self) -> TrainingData:
        return replace(self._data, spec=replace(self._data.spec, fold_index=-1))

    def _store_predictions(self, model: Model, predictor: FoldPredictor, data: TrainingData) -> dict[str, Any]:
        names = []
        for i, m in enumerate(self._models):
            key = f"prediction_{m.key}"
            write_predictions(data, m, _OneFold(predictor.states[i], i), key, self._ctx.cancelled)
            names.append(key)
        holdout = f"cv_holdout_prediction_{model.key}"
        write_predictions(data, model, predictor, holdout, self._ctx.cancelled)
        return {"cross_validation_predictions": tuple(names), "cross_validation_holdout": holdout}

    def _assign(self) -> tuple[Vec, int]:
        params, data = self._ctx.params, self._ctx.data
        column = params.value("fold_column")
        if column is not None:
            return self._from_column(data, column)
        nfolds, how = params.nfolds, params.fold_assignment
        if how == "AUTO":
            params.fold_assignment = how = "Random"
        before = None
        if how == "Stratified":
            counts = data.do_all(_ClassCounts(data.spec, data.n_classes)).value
            per_chunk = np.array([counts[i] for i in range(data.frame.n_chunks)])
            before = np.cumsum(per_chunk, axis=0) - per_chunk
        task = FoldAssignment(data.spec, how, nfolds, self._ctx.seed, before)
        return data.do_all(task, [OutputSpec()]).vecs[0], nfolds

    def _from_column(self, data: TrainingData, column: str) -> tuple[Vec, int]:
        frame = Frame("", (*data.frame.names, column), (*data.frame.vecs, data.source.vec(column)))
        wide, at = replace(data, frame=frame), len(frame.vecs) - 1
        values = wide.do_all(_Distinct(data.spec, at)).value
        if len(values) < 2:
            raise ValueError(f"fold_column '{column}' has {len(values)} distinct values; cross-validation needs at least 2.")
        task = FoldAssignment(data.spec, "Column", len(values), values=values, position=at)
        return wide.do_all(task, [OutputSpec()]).vecs[0], len(values)


@wire_type("models.one_fold")
@dataclass(frozen=True, slots=True)
class _OneFold:
    """Predictions of one fold's model for its held out rows, zeros elsewhere (H2O fills them so)."""

    state: Any
    index: int

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        p = self.state.predict(rows).copy()
        p[rows.block.numbers(rows.spec.fold) != self.index] = 0.0
        return np.asarray(p)

    def added_names(self) -> tuple[str, ...]:
        """Columns that the fold's model adds to its predictions."""
        return self.state.added_names() if isinstance(self.state, AddsColumns) else ()

    def added_columns(self, rows: Rows) -> list[NDArray[np.float64]]:
        """What the fold's model adds for its held out rows, zeros elsewhere."""
        held = rows.block.numbers(rows.spec.fold) == self.index
        return [np.where(held, c, 0.0) for c in self.state.added_columns(rows)] if self.added_names() else []


def _summary_values(m: ModelMetrics) -> dict[str, float]:
    if m.category not in ("Regression", "Binomial", "Multinomial"):
        return {"mse": m.mse, "rmse": m.rmse, **{k: float(v) for k, v in m.fields.items() if isinstance(v, (int, float))}}
    common = {
        "loglikelihood": m.number("loglikelihood"),
        "mse": m.mse,
        "r2": m.number("r2"),
        "rmse": m.rmse,
        "aic": m.number("AIC"),
    }
    for extra in ("null_deviance", "residual_deviance"):
        if m.get(extra) is not None:
            common[extra] = m.number(extra)
    if m.category == "Regression":
        return {
            "residual_deviance": m.number("mean_residual_deviance"),
            **common,
            "mae": m.number("mae"),
            "mean_residual_deviance": m.number("mean_residual_deviance"),
            "rmsle": m.number("rmsle"),
        }
    error = classification_error(m)
    cm = m.get("cm")
    out = {
        **common,
        "accuracy": 1 - error,
        "auc": m.number("AUC"),
        "err": error,
        "err_count": error * sum(cm.data[j][-1] for j in range(len(cm.data) - 2)),
        "logloss": m.number("logloss"),
        "max_per_class_error": max(cm.data[-2][:-1]),
        "mean_per_class_error": m.number("mean_per_class_error"),
        "mean_per_class_accuracy": 1 - m.number("mean_per_class_error"),
        "pr_auc": m.number("pr_auc"),
    }
    if m.category == "Binomial":
        table = m.get("thresholds_and_metric_scores")
        at = int(m.get("max_criteria_and_metric_scores").column("idx")[0])
        for name in ("f0point5", "f1", "f2", "precision", "recall", "specificity"):
            out[name] = float(table.column(name)[at])
        out["mcc"] = float(table.column("absolute_mcc")[at])
        out["lift_top_group"] = top_group_lift(m)
    return out


def summary_table(folds: list[ModelMetrics | None]) -> TwoDimTable | None:
    """Mean, standard deviation and value in each fold of every metric, by name; None when a fold has no metrics.

    Numbers are of single precision, as in H2O.
    """
    known = [m for m in folds if m is not None]
    if len(known) != len(folds) or not known:
        return None
    values = [_summary_values(m) for m in known]
    rows = []
    for name in sorted(values[0]):
        numbers = [v[name] for v in values]
        mean = sum(numbers) / len(numbers)
        sd = math.sqrt(sum((x - mean) ** 2 for x in numbers) / (len(numbers) - 1)) if len(numbers) > 1 else 0.0
        rows.append([name, *map(_single, (mean, 0.0 if math.isnan(mean) else sd, *numbers))])
    columns = [Column("", "string"), Column("mean", "float", "%f"), Column("sd", "float", "%f")]
    columns += [Column(f"cv_{i + 1}_valid", "float", "%f") for i in range(len(folds))]
    return TwoDimTable.of_rows("Cross-Validation Metrics Summary", "", columns, rows)


def _single(value: float) -> float:
    """The shortest number that is the same in single precision."""
    return float(str(np.float32(value)))

"""Scoring: predictions of a model on a frame, and metrics where the frame has the response."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from h2ok.capabilities.surface import LIST
from h2ok.ext.models.adaptation import adapt, misfits
from h2ok.ext.models.calibration import CALIBRATION
from h2ok.ext.models.metrics.metrics import ModelMetrics, frame_checksum, metrics_key
from h2ok.ext.models.metrics.task import MetricsTask, compute_metrics, exact_for
from h2ok.ext.models.model import AddsColumns, AdjustsMetrics, MeasuresItself, Model
from h2ok.ext.models.rows import Rows, RowSpec, RowsTask
from h2ok.ext.models.training import ModelColumns, TrainingData
from h2ok.kernel import Frame, IllegalArgumentError, OutputSpec, wire_type

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = [
    "PredictTask",
    "Transform",
    "Transforms",
    "no_transform",
    "transform_frame",
    "predict_frame",
    "score_metrics",
    "tree_names",
    "training_metrics",
]

Cancelled = Callable[[], bool]


@wire_type("models.predict_task")
@dataclass(frozen=True)
class PredictTask(RowsTask):
    """Writes the prediction columns: label and probabilities for classes, plain columns otherwise.

    ``threshold``: from this probability on the second of two classes is predicted. ``adds``: what adds columns behind these.
    """

    predictor: Any
    category: str
    threshold: float
    calibration: Any = None
    adds: Any = None

    def map_rows(self, rows: Rows) -> None:
        p = self.predictor.predict(rows)
        if self.category == "Binomial":
            rows.block.write(0, (p[:, 1] >= self.threshold).astype(np.int32))
        elif self.category == "Multinomial":
            rows.block.write(0, np.argmax(p, axis=1).astype(np.int32))
        first = 1 if self.category in ("Binomial", "Multinomial") else 0
        for j in range(p.shape[1]):
            rows.block.write(first + j, np.ascontiguousarray(p[:, j]))
        if self.calibration is not None:
            calibrated = self.calibration.apply(p[:, 1])
            rows.block.write(3, 1 - calibrated)
            rows.block.write(4, calibrated)
        if self.adds is not None:
            before = first + p.shape[1] + 2 * (self.calibration is not None)
            for j, column in enumerate(self.adds.added_columns(rows)):
                rows.block.write(before + j, column)


def predict_frame(node: Node, model: Model, frame: Frame, key: str, cancelled: Cancelled | None = None) -> tuple[Frame, list[str]]:
    """Score a frame and store the predictions under ``key``; the frame and warnings about the data.

    Raises
    ------
    BadRequestError
        The frame does not fit the model.
    """
    data = adapt(node, model.output.columns, frame)
    return write_predictions(data, model, model.predictor, key, cancelled), misfits(data)


@dataclass(frozen=True)
class Transform:
    """Columns a model can make of rows beside its predictions; ``make`` gives the task that writes them."""

    names: tuple[str, ...]
    outputs: list[OutputSpec]
    make: Callable[[RowSpec], RowsTask]


@runtime_checkable
class Transforms(Protocol):
    """A state that does more than predict. Raises IllegalArgumentError for a ``kind`` it cannot do."""

    def transform(self, kind: str, request: Any, columns: ModelColumns) -> Transform:
        """``kind``: the flag of the prediction request, such as predict_contributions."""


def no_transform(kind: str, models: str, available: Iterable[str]) -> IllegalArgumentError:
    """The error for a ``kind`` that models of an algorithm do not have."""
    known = ", ".join(available) or "none"
    text = f"{kind} is not available for {models} models in h2ok. Available: {known}; {LIST}. Ask for plain predictions."
    return IllegalArgumentError(text, argument=kind)


def tree_names(classes: Iterable[int], k: int, columns: ModelColumns) -> tuple[str, ...]:
    """Names of trees as H2O's: T1.C2 is the tree of the second class in the first of rounds of ``k``; T1 without classes."""
    if columns.response_domain is None:
        return tuple(f"T{t // k + 1}" for t, _ in enumerate(classes))
    return tuple(f"T{t // k + 1}.C{int(c) + 1}" for t, c in enumerate(classes))


def transform_frame(
    node: Node, model: Model, frame: Frame, key: str, how: Transform, cancelled: Cancelled | None = None
) -> tuple[Frame, list[str]]:
    """The columns of a transform for a frame, stored under ``key``; the frame and warnings. Raises as ``predict_frame``."""
    data = adapt(node, model.output.columns, frame)
    with node.scopes.enter():
        vecs = data.do_all(how.make(data.spec), how.outputs, cancelled).vecs
        return node.frames.put(Frame(key, how.names, vecs)), misfits(data)


def write_predictions(data: TrainingData, model: Model, predictor: Any, key: str, cancelled: Cancelled | None = None) -> Frame:
    """Predictions of ``predictor`` for adapted rows, stored under ``key``."""
    adds = predictor if isinstance(predictor, AddsColumns) and predictor.added_names() else None
    names = [*model.prediction_names(), *(() if adds is None else adds.added_names())]
    outputs = [OutputSpec() for _ in names]
    if model.is_classifier:
        outputs[0] = OutputSpec("enum", model.domain)
    calibration = model.attachments.get(CALIBRATION)
    task = PredictTask(data.spec, predictor, model.output.category, model.output.default_threshold, calibration, adds)
    with data.node.scopes.enter():
        vecs = data.do_all(task, outputs, cancelled).vecs
        return data.node.frames.put(Frame(key, tuple(names), vecs))


def score_metrics(
    node: Node,
    model: Model,
    frame: Frame,
    *,
    gainslift_bins: int | None = None,
    auc_type: str | None = None,
    cancelled: Cancelled | None = None,
    need_response: bool = True,
) -> ModelMetrics | None:
    """Metrics of a model on a frame, stored in the DKV; None for a model without metrics or a frame without response.

    Raises
    ------
    BadRequestError
        The frame does not fit the model, or has no response while ``need_response``.
    """
    data = adapt(node, model.output.columns, frame, need_response=need_response)
    if data.spec.response is None and not isinstance(model.state, MeasuresItself):
        return None
    groups = model.parameters.get("gainslift_bins", -1) if gainslift_bins is None else gainslift_bins
    wanted = str(model.parameters.get("auc_type") or "AUTO") if auc_type in (None, "AUTO") else str(auc_type)
    metrics = training_metrics(
        data, model.predictor, model.output.category, model.deviance, model.null_mu, groups, cancelled, wanted
    )
    if metrics is None:
        return None
    return store_metrics(node, place(metrics, model, frame))


def training_metrics(
    data: TrainingData,
    predictor: Any,
    category: str,
    deviance: Any = None,
    null_mu: float = float("nan"),
    gainslift_bins: int = -1,
    cancelled: Cancelled | None = None,
    auc_type: str = "AUTO",
) -> ModelMetrics | None:
    """Metrics of a predictor over rows, as its kind of model reports them; not stored."""
    adjuster = predictor
    while hasattr(adjuster, "states"):
        adjuster = adjuster.states[0]
    if isinstance(adjuster, MeasuresItself):
        return adjuster.own_metrics(data, predictor, cancelled)
    if category not in ("Regression", "Binomial", "Multinomial"):
        return None
    task = MetricsTask(data.spec, predictor, category, data.n_classes, deviance, null_mu, exact_for(data.n_rows), auc_type)
    metrics, sums = compute_metrics(data.node, data.frame, task, data.domain, gainslift_bins=gainslift_bins, cancelled=cancelled)
    if metrics is not None and isinstance(adjuster, AdjustsMetrics):
        metrics = adjuster.adjust_metrics(metrics, sums)
    return metrics


def place(metrics: ModelMetrics, model: Model, frame: Frame, description: str | None = None) -> ModelMetrics:
    """The metrics, named as those of a model on a frame."""
    now = int(time.time() * 1000)
    return metrics.placed(model.key, model.checksum, frame.key, frame_checksum(frame), now, description)


def store_metrics(node: Node, metrics: ModelMetrics) -> ModelMetrics:
    """Put metrics under their key; what listings find."""
    node.dkv.put(metrics_key(metrics.model or "", metrics.model_checksum, metrics.frame or "", metrics.frame_checksum), metrics)
    return metrics

"""Model: a trained model as a wire value - parameters, output, and the state that predicts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from h2ok.capabilities.contracts.schema import key_ref, to_wire
from h2ok.capabilities.contracts.tables import TwoDimTable
from h2ok.ext.models.balance import CLASS_SHARES, Corrected
from h2ok.ext.models.calibration import CALIBRATION
from h2ok.ext.models.metrics.metrics import ModelMetrics, checksum
from h2ok.ext.models.rows import Rows
from h2ok.ext.models.training import ModelColumns, TrainingData
from h2ok.kernel import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime

__all__ = ["AddsColumns", "AdjustsMetrics", "FoldPredictor", "FramePredictor", "MeasuresItself", "Model", "ModelOutput", "Predicts"]

#: Output fields every model has, with their help; the algorithm's own come after.
_HELP = {
    "names": "Names of the columns.",
    "column_types": "Types of the columns.",
    "domains": "Levels of the categorical columns.",
    "model_category": "Kind of the model.",
    "model_summary": "The model in one table.",
    "scoring_history": "Metrics during training.",
    "training_metrics": "Metrics on the training frame.",
    "validation_metrics": "Metrics on the validation frame.",
    "cross_validation_metrics": "Metrics of the combined holdout predictions.",
    "cross_validation_metrics_summary": "Metrics of each fold.",
    "default_threshold": "Score from which the second class is predicted.",
    "run_time": "Milliseconds of training.",
}


@runtime_checkable
class Predicts(Protocol):
    """What a model's state can do; states are registered wire types."""

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """float64[n_rows, k]: probabilities of the classes, or one column of numbers. Pure; runs on worker threads."""


@runtime_checkable
class AdjustsMetrics(Protocol):
    """A state that adds to the metrics of its models (deviances, degrees of freedom)."""

    def adjust_metrics(self, metrics: ModelMetrics, sums: dict[str, Any]) -> ModelMetrics:
        """The metrics as this kind of model reports them; ``sums`` as in MetricsTask."""


@runtime_checkable
class AddsColumns(Protocol):
    """A state that tells more of a prediction than those of its category do: a standard error, for one."""

    def added_names(self) -> tuple[str, ...]:
        """Names of the further columns of the prediction frame; empty for none."""

    def added_columns(self, rows: Rows) -> list[NDArray[np.float64]]:
        """The columns, float64[n_rows] each. Pure; runs on worker threads."""


@runtime_checkable
class MeasuresItself(Protocol):
    """A state whose kind of model has metrics of its own (clusters, anomalies)."""

    def own_metrics(self, data: TrainingData, predictor: Any, cancelled: Callable[[], bool] | None) -> ModelMetrics | None:
        """Metrics over rows; ``predictor`` is this state, or a FoldPredictor over states like it. None when no row counts."""


@wire_type("models.output")
@dataclass(frozen=True, slots=True)
class ModelOutput:
    """What a model reports. ``extra``: the algorithm's own fields in wire order (numbers, lists, tables)."""

    columns: ModelColumns
    category: str
    model_summary: TwoDimTable | None = None
    scoring_history: TwoDimTable | None = None
    training_metrics: ModelMetrics | None = None
    validation_metrics: ModelMetrics | None = None
    cross_validation_metrics: ModelMetrics | None = None
    cross_validation_metrics_summary: TwoDimTable | None = None
    cv_scoring_history: tuple[TwoDimTable, ...] = ()
    cross_validation_models: tuple[str, ...] = ()
    cross_validation_predictions: tuple[str, ...] = ()
    cross_validation_holdout: str | None = None
    cross_validation_fold_assignment: str | None = None
    start_time: int = 0
    end_time: int = 0
    default_threshold: float = 0.5
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self, algo_schema: str) -> dict[str, Any]:
        """The *ModelOutputV3 object."""
        out: dict[str, Any] = {
            "__meta": {"schema_version": 3, "schema_name": f"{algo_schema}ModelOutputV3", "schema_type": f"{algo_schema}Output"},
            "names": self.columns.all_names(),
            "original_names": self.columns.original_names(),
            "column_types": self.columns.all_types(),
            "domains": [list(d) if d is not None else None for d in self.columns.all_domains()],
            "cross_validation_models": [key_ref("Model", k) for k in self.cross_validation_models] or None,
            "cross_validation_predictions": [key_ref("Frame", k) for k in self.cross_validation_predictions] or None,
            "cross_validation_holdout_predictions_frame_id": key_ref("Frame", self.cross_validation_holdout),
            "cross_validation_fold_assignment_frame_id": key_ref("Frame", self.cross_validation_fold_assignment),
            "model_category": self.category,
            "model_summary": _json(self.model_summary),
            "scoring_history": _json(self.scoring_history),
            "cv_scoring_history": [t.to_json() for t in self.cv_scoring_history] or None,
            "reproducibility_information_table": None,
            "training_metrics": _json(self.training_metrics),
            "validation_metrics": _json(self.validation_metrics),
            "cross_validation_metrics": _json(self.cross_validation_metrics),
            "cross_validation_metrics_summary": _json(self.cross_validation_metrics_summary),
            "status": None,
            "start_time": self.start_time,
            "end_time": self.end_time,
            "run_time": self.end_time - self.start_time,
            "default_threshold": to_wire(self.default_threshold),
            "help": {**_HELP, **{k: k.replace("_", " ") for k in self.extra}},
        }
        out.update({k: _json(v) for k, v in self.extra.items()})
        return out


@wire_type("models.model")
@dataclass(frozen=True, slots=True)
class Model:
    """A model under its key. ``parameters``: as resolved; ``given``: as the user sent them; both by wire name.

    ``schema``: stem of the schema names (GBM for GBMModelV3). ``state``: predicts (see Predicts).
    """

    key: str
    algo: str
    full_name: str
    schema: str
    frame: str
    parameters: dict[str, Any]
    given: dict[str, Any]
    output: ModelOutput
    state: Any
    timestamp: int = 0
    have_mojo: bool = False
    #: Deviance of the loss, for metrics on other frames; a wire value with ``deviance(w, y, mu)``.
    deviance: Any = None
    null_mu: float = math.nan
    #: What belongs to the model but is not reported, by name: wire values.
    attachments: dict[str, Any] = field(default_factory=dict)

    @property
    def saved_as(self) -> str:
        return "model"

    @property
    def parts(self) -> tuple[str, ...]:
        """Keys of the models of its folds."""
        return tuple(self.output.cross_validation_models)

    @property
    def checksum(self) -> int:
        return checksum(self.key, self.algo, str(self.timestamp), repr(sorted(self.parameters.items(), key=lambda i: i[0])))

    @property
    def domain(self) -> tuple[str, ...] | None:
        return self.output.columns.response_domain

    @property
    def predictor(self) -> Any:
        """What predicts: the state, with the probabilities of balanced classes corrected."""
        shares = self.attachments.get(CLASS_SHARES)
        return self.state if shares is None else Corrected(self.state, shares)

    @property
    def is_classifier(self) -> bool:
        return self.output.category in ("Binomial", "Multinomial")

    def prediction_names(self) -> list[str]:
        """Columns of the prediction frame."""
        own = getattr(self.state, "prediction_names", None)
        if own is not None:
            return list(own())
        if not self.is_classifier:
            return ["predict"]
        # H2O: levels that are whole numbers get a p in front.
        names = [f"p{c}" if c.removeprefix("-").isdigit() else c for c in self.domain or ()]
        calibrated = [f"cal_{n}" for n in names] if CALIBRATION in self.attachments else []
        return ["predict", *names, *calibrated]

    def owned_frames(self) -> list[str]:
        """Frames of its cross-validation, and those its state names."""
        out = self.output
        own: list[str] = getattr(self.state, "owned_frames", list)()
        held = (*out.cross_validation_predictions, out.cross_validation_holdout, out.cross_validation_fold_assignment, *own)
        return [k for k in held if k is not None]

    def retained_keys(self) -> list[str]:
        """What must stay while the model does."""
        return [*self.output.cross_validation_models, *self.owned_frames()]

    def on_remove(self, runtime: Runtime) -> None:
        """Remove its metrics, and the models and frames of its cross-validation."""
        node = runtime.node
        gone = (self.key, *self.output.cross_validation_models)
        metrics = [k for m in gone for k in node.dkv.keys(f"modelmetrics_{m}@")]
        node.dkv.remove_many([*self.output.cross_validation_models, *metrics])
        for key in self.owned_frames():
            node.frames.remove(key)

    def synopsis(self) -> dict[str, Any]:
        """The fields before ``parameters`` in ModelSchemaV3."""
        return {
            "model_id": key_ref("Model", self.key),
            "algo": self.algo,
            "algo_full_name": self.full_name,
            "response_column_name": self.output.columns.response,
            "treatment_column_name": None,
            "data_frame": key_ref("Frame", self.frame),
            "timestamp": self.timestamp,
            "have_pojo": False,
            "have_mojo": self.have_mojo,
        }

    def to_json(self, parameters: list[dict[str, Any]]) -> dict[str, Any]:
        """The *ModelV3 object; ``parameters`` as the builder describes them."""
        meta = {"schema_version": 3, "schema_name": f"{self.schema}ModelV3", "schema_type": f"{self.schema}Model"}
        output = self.output.to_json(self.schema)
        return {"__meta": meta, **self.synopsis(), "parameters": parameters, "output": output, "compatible_frames": None}


@wire_type("models.fold_predictor")
@dataclass(frozen=True, slots=True)
class FoldPredictor:
    """Predicts each row with the model that did not see it: ``states[i]`` for rows of fold i."""

    states: tuple[Any, ...]

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        fold = rows.block.numbers(rows.spec.fold)
        out: NDArray[np.float64] | None = None
        for i, state in enumerate(self.states):
            p = state.predict(rows)
            out = np.full_like(p, np.nan) if out is None else out
            mine = fold == i
            out[mine] = p[mine]
        return out if out is not None else np.full((rows.n_rows, 1), np.nan)

    def added_names(self) -> tuple[str, ...]:
        """Columns that the models of all folds add to their predictions."""
        names = [s.added_names() if isinstance(s, AddsColumns) else () for s in self.states]
        return names[0] if names and len(set(names)) == 1 else ()

    def added_columns(self, rows: Rows) -> list[NDArray[np.float64]]:
        """Of each row what the model adds that did not see it."""
        fold = rows.block.numbers(rows.spec.fold)
        out = [np.full(rows.n_rows, np.nan) for _ in self.added_names()]
        for i, state in enumerate(self.states if out else ()):
            for column, own in zip(out, state.added_columns(rows), strict=True):
                column[fold == i] = own[fold == i]
        return out


@wire_type("models.frame_predictor")
@dataclass(frozen=True, slots=True)
class FramePredictor:
    """Predictions that stand in columns already. ``k`` 2 with one column: the probability of the second class."""

    k: int

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        p = np.column_stack([rows.numbers(j) for j in range(rows.n_columns)])
        if self.k == 2 and p.shape[1] == 1:
            return np.column_stack([1 - p[:, 0], p[:, 0]])
        return p[:, -self.k :] if self.k > 1 else p[:, :1]


def _json(value: Any) -> Any:
    if isinstance(value, (TwoDimTable, ModelMetrics)):
        return value.to_json()
    return [_json(v) for v in value] if isinstance(value, list) else to_wire(value)

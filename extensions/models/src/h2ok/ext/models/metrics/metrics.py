"""ModelMetrics: the numbers and tables of one model on one frame, as a wire value."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from typing import Any

from h2ok.capabilities.contracts.schema import key_ref, to_wire
from h2ok.capabilities.contracts.tables import TwoDimTable
from h2ok.kernel import Frame, wire_type

__all__ = ["ModelMetrics", "checksum", "frame_checksum", "metrics_key"]


@wire_type("models.metrics")
@dataclass(frozen=True, slots=True)
class ModelMetrics:
    """``schema``: name without version (ModelMetricsBinomialGLM). ``fields``: what the category adds, in wire order: numbers,
    lists, tables; ``cm`` is a table shown as a ConfusionMatrixV3.
    """

    schema: str
    category: str
    mse: float
    nobs: int
    fields: dict[str, Any] = field(default_factory=dict)
    model: str | None = None
    model_checksum: int = 0
    frame: str | None = None
    frame_checksum: int = 0
    description: str | None = None
    scoring_time: int = 0

    @property
    def rmse(self) -> float:
        return math.sqrt(self.mse) if self.mse >= 0 else math.nan

    def get(self, name: str, default: Any = None) -> Any:
        """A number or table by its wire name; MSE, RMSE and nobs included."""
        own = {"MSE": self.mse, "RMSE": self.rmse, "nobs": self.nobs}
        return own[name] if name in own else self.fields.get(name, default)

    def number(self, name: str) -> float:
        """A number by its wire name, NaN when there is none."""
        value = self.get(name)
        return float(value) if isinstance(value, (int, float)) else math.nan

    def placed(
        self,
        model: str | None,
        model_checksum: int,
        frame: str | None,
        frame_sum: int,
        time_ms: int,
        description: str | None = None,
    ) -> ModelMetrics:
        """The same, of a model on a frame."""
        return replace(
            self,
            model=model,
            model_checksum=model_checksum,
            frame=frame,
            frame_checksum=frame_sum,
            scoring_time=time_ms,
            description=description,
        )

    def to_json(self) -> dict[str, Any]:
        """The ModelMetrics*V3 object."""
        out: dict[str, Any] = {
            "__meta": {"schema_version": 3, "schema_name": f"{self.schema}V3", "schema_type": self.schema},
            "model": key_ref("Model", self.model),
            "model_checksum": self.model_checksum,
            "frame": key_ref("Frame", self.frame),
            "frame_checksum": self.frame_checksum,
            "description": self.description,
            "model_category": self.category,
            "scoring_time": self.scoring_time,
            "predictions": None,
            "MSE": to_wire(float(self.mse)),
            "RMSE": to_wire(float(self.rmse)),
            "nobs": self.nobs,
            "custom_metric_name": None,
            "custom_metric_value": 0.0,
        }
        for name, value in self.fields.items():
            out[name] = _confusion_matrix(value) if name == "cm" and value is not None else _json(value)
        return out


def _json(value: Any) -> Any:
    return value.to_json() if isinstance(value, TwoDimTable) else to_wire(value)


def _confusion_matrix(table: TwoDimTable) -> dict[str, Any]:
    return {
        "__meta": {"schema_version": 3, "schema_name": "ConfusionMatrixV3", "schema_type": "ConfusionMatrix"},
        "table": table.to_json(),
    }


def checksum(*parts: str) -> int:
    """A 63-bit number that stands for some text."""
    digest = hashlib.blake2b("\x00".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def frame_checksum(frame: Frame) -> int:
    """A number that changes whenever a column of the frame is replaced (vecs are immutable, so their keys say it)."""
    return checksum(*frame.names, *(v.key for v in frame.vecs))


def metrics_key(model: str, model_sum: int, frame: str, frame_sum: int) -> str:
    """Where the metrics of a model on a frame are stored."""
    return f"modelmetrics_{model}@{model_sum}_on_{frame}@{frame_sum}"

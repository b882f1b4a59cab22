"""h2ok.ext.models: the model framework - parameters, builders, scoring, metrics, cross-validation, grids.

An algorithm author imports from here and from ``h2ok.kernel`` only. Names are loaded on first use, so that declaring an extension
stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from h2ok.ext.models.algorithm import Algorithm, FitFrame, field
    from h2ok.ext.models.builder import ModelBuilder
    from h2ok.ext.models.context import TrainContext, Trained
    from h2ok.ext.models.datainfo import DataInfo
    from h2ok.ext.models.distributions import Distribution
    from h2ok.ext.models.metrics.metrics import ModelMetrics
    from h2ok.ext.models.model import Model, ModelOutput
    from h2ok.ext.models.mojo import Mojo
    from h2ok.ext.models.parameters import Parameters, param
    from h2ok.ext.models.rows import Rows, RowSpec, RowsTask
    from h2ok.ext.models.training import TrainingData
    from h2ok.ext.models.validation import Validation

_HOMES = {
    "Algorithm": "algorithm",
    "DataInfo": "datainfo",
    "Distribution": "distributions",
    "FitFrame": "algorithm",
    "Model": "model",
    "ModelBuilder": "builder",
    "ModelMetrics": "metrics.metrics",
    "ModelOutput": "model",
    "Mojo": "mojo",
    "Parameters": "parameters",
    "RowSpec": "rows",
    "Rows": "rows",
    "RowsTask": "rows",
    "TrainContext": "context",
    "Trained": "context",
    "TrainingData": "training",
    "Validation": "validation",
    "field": "algorithm",
    "param": "parameters",
}

__all__ = [
    "Algorithm",
    "DataInfo",
    "Distribution",
    "FitFrame",
    "Model",
    "ModelBuilder",
    "ModelMetrics",
    "ModelOutput",
    "Mojo",
    "Parameters",
    "RowSpec",
    "Rows",
    "RowsTask",
    "TrainContext",
    "Trained",
    "TrainingData",
    "Validation",
    "field",
    "param",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'h2ok.ext.models' has no attribute '{name}'")
    return getattr(import_module(f"h2ok.ext.models.{home}"), name)

"""RegularizationPath: all points of a path of penalties, kept with the model, and models made of coefficients."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.schema import key_ref, to_wire
from h2ok.ext.algos.glm.output import coefficients_table, magnitudes, multinomial_tables
from h2ok.ext.algos.glm.state import GLMState
from h2ok.ext.models import DataInfo, Model
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["RegularizationPath", "coefficient_names", "derived_model"]


@wire_type("glm.path")
@dataclass(frozen=True, slots=True)
class RegularizationPath:
    """One entry a point: ``coefficients`` of the columns as they are, ``standardized`` of scaled ones, float64[n, k]; explained
    deviance of the training rows and (NaN without) of the validation rows.
    """

    names: tuple[str, ...]
    lambdas: NDArray[np.float64]
    alphas: NDArray[np.float64]
    explained: NDArray[np.float64]
    explained_valid: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    standardized: NDArray[np.float64]
    #: Deviance a validation row, NaN without.
    deviance_valid: NDArray[np.float64]

    def to_json(self, model: str) -> dict[str, Any]:
        """GLMRegularizationPathV3."""
        return {
            "__meta": {"schema_version": 3, "schema_name": "GLMRegularizationPathV3", "schema_type": "RegularizationPath"},
            "model": key_ref("Model", model),
            "lambdas": to_wire(self.lambdas.tolist()),
            "alphas": to_wire(self.alphas.tolist()),
            "explained_deviance_train": to_wire(self.explained.tolist()),
            "explained_deviance_valid": None if np.isnan(self.explained_valid).all() else to_wire(self.explained_valid.tolist()),
            "coefficients": to_wire(self.coefficients.tolist()),
            "coefficients_std": to_wire(self.standardized.tolist()),
            "coefficient_names": list(self.names),
            "z_values": None,
            "p_values": None,
            "std_errs": None,
        }


def coefficient_names(info: DataInfo, domain: tuple[str, ...] | None) -> tuple[str, ...]:
    """Names of all coefficients, intercept last; of several classes one class after the other."""
    names = (*info.names, "Intercept")
    return names if domain is None else tuple(f"{n}_{level}" for level in domain for n in names)


def derived_model(model: Model, coefficients: Mapping[str, float], key: str, threshold: float) -> Model:
    """A GLM like ``model`` with other coefficients, given for the columns as they are.

    Raises
    ------
    BadRequestError
        The coefficients are not exactly those of the model.
    """
    state: GLMState = model.state
    several = state.family.name == "multinomial"
    names = coefficient_names(state.info, model.domain if several else None)
    if len(coefficients) != len(names):
        raise BadRequestError(
            f"model coefficient length {len(names)} is different from coefficient provided by user {len(coefficients)}. Give one "
            "value for each coefficient of the model."
        )
    unknown = [n for n in coefficients if n not in names]
    if unknown:
        raise BadRequestError(
            f"Coefficient '{unknown[0]}' does not belong to model '{model.key}'. It has: {', '.join(names[:20])}."
        )
    raw = np.array([float(coefficients[n]) for n in names]).reshape(state.beta.shape)
    info = replace(state.info, shift=np.zeros_like(state.info.shift), scale=np.ones_like(state.info.scale))
    made = replace(state, info=info, beta=raw, rank=int(np.count_nonzero(raw)), covariance=None)
    size, importances = magnitudes(info.names, raw)
    extra = {**model.output.extra, "standardized_coefficient_magnitudes": size, "variable_importances": importances}
    if several:
        plain, named = multinomial_tables(info.names, raw, raw, model.domain or ())
    else:
        plain, named = coefficients_table(info.names, raw, raw, None, math.inf), None
    extra |= {"coefficients_table": plain, "coefficients_table_multinomials_with_class_names": named}
    now = int(time.time() * 1000)
    output = replace(
        model.output, model_summary=None, scoring_history=None, training_metrics=None, validation_metrics=None,
        cross_validation_metrics=None, cross_validation_metrics_summary=None, cv_scoring_history=(), cross_validation_models=(),
        cross_validation_predictions=(), cross_validation_holdout=None, cross_validation_fold_assignment=None, start_time=now,
        end_time=now, default_threshold=threshold, extra=extra,
    )  # fmt: skip
    return replace(model, key=key, output=output, state=made, timestamp=now, attachments={})

"""Rapids primitives about models."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.ext.models.lookup import find_model
from h2ok.ext.models.model import Model
from h2ok.ext.models.permutation import PermutationPlan, permutation_importance, table_columns
from h2ok.kernel import Frame, new_seed

__all__ = ["PRIMITIVES"]


def _model(env: Any, value: Any) -> Model:
    if isinstance(value, Model):
        return value
    return find_model(env.node, str(value), argument="model")


def reset_threshold(env: Any, model: Any, threshold: Any) -> Frame:
    """Set the score from which the second class is predicted; a frame with the one before."""
    held = _model(env, model)
    if held.output.category != "Binomial":
        raise BadRequestError(f"Only models of two classes have a threshold; '{held.key}' is {held.output.category}.")
    if not isinstance(threshold, (int, float)) or math.isnan(threshold) or not 0 <= threshold <= 1:
        raise BadRequestError(f"A threshold lies between 0 and 1; got {threshold!r}.")
    before = held.output.default_threshold
    env.node.dkv.put(held.key, replace(held, output=replace(held.output, default_threshold=float(threshold))))
    made: Frame = env.node.frames.from_columns("", {"C1": np.array([before])})
    return made


def permutation_var_imp(
    env: Any, model: Any, frame: Any, metric: Any, n_samples: Any, n_repeats: Any, features: Any, seed: Any
) -> Frame:
    """How far a measure moves when each column is shuffled; a frame with a row a column."""
    held = _model(env, model)
    if held.output.category not in ("Regression", "Binomial", "Multinomial"):
        raise BadRequestError(f"Permutation importance needs a supervised model; '{held.key}' is {held.output.category}.")
    if not isinstance(frame, Frame):
        raise BadRequestError(f"The second argument of PermutationVarImp is no frame: {frame!r}.")
    if n_samples < -1 or n_samples in (0, 1):
        raise BadRequestError(f"n_samples must be -1 (all rows) or at least 2; got {n_samples:g}.")
    if n_repeats < 1:
        raise BadRequestError(f"n_repeats must be at least 1; got {n_repeats:g}.")
    chosen = tuple(str(f) for f in features) if isinstance(features, list | tuple) else ()
    drawn = new_seed() if seed == -1 else int(seed)
    plan = PermutationPlan(held, frame, str(metric), int(n_samples), int(n_repeats), chosen, drawn)
    made: Frame = env.node.frames.from_columns(
        "", table_columns(*permutation_importance(env.node, plan)), types={"Variable": "string"}
    )
    return made


PRIMITIVES = [
    Primitive(
        "PermutationVarImp",
        permutation_var_imp,
        7,
        ("model", "fr", "metric", "n_samples", "n_repeats", "features", "seed"),
        "Variable importance by permutation.",
    ),
    Primitive(
        "model.reset.threshold",
        reset_threshold,
        2,
        ("model", "threshold"),
        "Set the default threshold of a model of two classes; the one before.",
    ),
]

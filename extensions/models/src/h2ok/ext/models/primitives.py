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
from h2ok.kernel import Frame

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


PRIMITIVES = [
    Primitive(
        "model.reset.threshold",
        reset_threshold,
        2,
        ("model", "threshold"),
        "Set the default threshold of a model of two classes; the one before.",
    ),
]

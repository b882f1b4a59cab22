"""Mean prediction and mean response for each level of a categorical column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.models.adaptation import model_numbers
from h2ok.ext.models.model import Model
from h2ok.kernel import Frame, IllegalArgumentError

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = ["predicted_actual"]


def predicted_actual(node: Node, model: Model, frame: Frame, variable: str, predictions: Frame) -> dict[str, Any]:
    """Columns ``variable``, ``predict`` and ``actual``; weighted, over rows with a response; a last row for a missing level.

    Raises
    ------
    IllegalArgumentError
        The model is of another kind, or the frames do not fit it.
    """
    columns = model.output.columns
    if model.output.category not in ("Regression", "Binomial"):
        raise IllegalArgumentError(
            f"Predicted against actual needs a model of numbers or of two classes; '{model.key}' is {model.output.category}."
        )
    for name, what in ((variable, "variable"), (columns.response, "response"), (columns.weights, "weights")):
        if name is not None and name not in frame.names:
            raise IllegalArgumentError(f"Frame '{frame.key}' has no column '{name}' ({what}).")
    levels = frame.vec(variable).domain
    if levels is None:
        raise IllegalArgumentError(f"Column '{variable}' must be categorical; it is {frame.vec(variable).type}.")
    if predictions.n_rows != frame.n_rows:
        raise IllegalArgumentError(f"{predictions.n_rows} predictions do not fit a frame of {frame.n_rows} rows.")
    y = model_numbers(node, frame.vec(columns.response or ""), model.domain)
    code = frame.vec(variable).to_numpy(node)
    code = np.where(np.isnan(code), len(levels), code).astype(np.int64)
    w = frame.vec(columns.weights).to_numpy(node) if columns.weights is not None else np.ones(len(y))
    p = predictions.vecs[0].to_numpy(node)
    known = ~(np.isnan(y) | np.isnan(w) | np.isnan(p))
    size = len(levels) + bool((code[known] == len(levels)).any())
    sums = [np.bincount(code[known], v[known] * w[known], minlength=size) for v in (np.ones(len(y)), p, y)]
    with np.errstate(invalid="ignore"):
        means = [(s / sums[0])[:size] for s in sums[1:]]
    return {variable: [*levels, None][:size], "predict": means[0], "actual": means[1]}

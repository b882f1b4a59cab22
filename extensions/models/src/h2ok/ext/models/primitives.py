"""Rapids primitives about models."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.primitive import MapOfFrames, Primitive
from h2ok.ext.models.calibration import CALIBRATION
from h2ok.ext.models.fairness import FairnessPlan, fairness_metrics
from h2ok.ext.models.leaderboard import EXTENSIONS, LeaderboardPlan, expand_models, make_leaderboard
from h2ok.ext.models.lookup import find_frame, find_model
from h2ok.ext.models.model import Model
from h2ok.ext.models.permutation import PermutationPlan, permutation_importance, table_columns
from h2ok.ext.models.predicted_actual import predicted_actual
from h2ok.ext.models.segments import SegmentModels, segment_columns
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
    return _unnamed(env, {"C1": np.array([before])}, {})


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
    return _unnamed(env, table_columns(*permutation_importance(env.node, plan)), {"Variable": "string"})


def leaderboard(env: Any, models: Any, frame: Any, sort_metric: Any, extensions: Any, scoring: Any) -> Frame:
    """A table of models in the order of a measure."""
    wanted = _words(extensions, "extensions")
    if [w.upper() for w in wanted] == ["ALL"]:
        wanted = EXTENSIONS
    for word in wanted:
        if word not in EXTENSIONS:
            raise BadRequestError(f"A leaderboard has no column '{word}'; it may have ALL or {', '.join(EXTENSIONS)}.")
    held = models if isinstance(models, Model) else expand_models(env.node, _words(models, "models"))
    plan = LeaderboardPlan(
        (held,) if isinstance(held, Model) else held,
        _frame(env, frame, "lb_frame") if frame != "" else None,
        str(sort_metric),
        tuple(wanted),
        str(scoring),
    )
    return _unnamed(env, *make_leaderboard(env.node, plan))


def predicted_by_variable(env: Any, model: Any, frame: Any, variable: Any, predictions: Any) -> Frame:
    """Mean prediction and mean response by the levels of a column."""
    columns = predicted_actual(
        env.node, _model(env, model), _frame(env, frame, "fr"), str(variable), _frame(env, predictions, "preds")
    )
    return _unnamed(env, columns, {str(variable): "string"})


def fairness(env: Any, model: Any, frame: Any, protected: Any, reference: Any, favorable: Any) -> MapOfFrames:
    """How groups fare with a model of two classes. The frames are kept under names made of those of the model and the frame."""
    held, data = _model(env, model), _frame(env, frame, "fr")
    plan = FairnessPlan(held, data, tuple(_words(protected, "protected")), tuple(_words(reference, "reference")), str(favorable))
    out = {}
    for name, (columns, types) in fairness_metrics(env.node, plan).items():
        key = f"fairness_metrics_{data.key}_for_model_{held.key}"
        if name != "overview":
            key = f"{name}_for_model_{held.key}_for_frame_{data.key}"
        env.node.frames.remove(key)
        out[name] = env.node.frames.from_columns(key, columns, types=types)
    return MapOfFrames(out)


def segment_models(env: Any, held: Any) -> Frame:
    """A table of segment models: their segments, models, what became of them."""
    value = held if isinstance(held, SegmentModels) else env.node.dkv.get(str(held))
    if not isinstance(value, SegmentModels):
        raise BadRequestError(f"segment_models_as_frame needs segment models; '{held}' is {type(value).__name__}.")
    columns, types, domains = segment_columns(value)
    frames = env.node.frames
    return Frame("", tuple(columns), tuple(frames.vec_of(v, types.get(n), domains.get(n)) for n, v in columns.items()))


def _unnamed(env: Any, columns: dict[str, Any], types: dict[str, Any]) -> Frame:
    """A frame that belongs to the expression until it is given a name."""
    return Frame("", tuple(columns), tuple(env.node.frames.vec_of(v, types.get(n)) for n, v in columns.items()))


def _frame(env: Any, value: Any, argument: str) -> Frame:
    return value if isinstance(value, Frame) else find_frame(env.node, str(value), argument=argument)


def _words(value: Any, argument: str) -> tuple[str, ...]:
    """A text or a list of texts as a tuple; an empty list of numbers is an empty tuple."""
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        return tuple(value)
    if hasattr(value, "expand") and not len(value.expand()):
        return ()
    raise BadRequestError(f"Argument {argument} must be a list of texts; got {value!r}.")


def set_calibration(env: Any, model: Any, calibration_model: Any) -> str:
    """Let another model calibrate the probabilities of a binomial one; H2O's answer is a text."""
    held, other = _model(env, model), _model(env, calibration_model)
    if held.output.category != "Binomial":
        raise BadRequestError(f"Only models of two classes are calibrated; '{held.key}' is {held.output.category}.")
    calibration = getattr(other.state, "calibration", None)
    if calibration is None:
        raise BadRequestError(
            f"'{other.key}' is a {other.full_name} model, which cannot calibrate; isotonic regression of the response on the "
            "probability of the second class can."
        )
    attachments = {**held.attachments, CALIBRATION: calibration()}
    env.node.dkv.put(held.key, replace(held, attachments=attachments))
    return "OK"


PRIMITIVES = [
    Primitive(
        "set.calibration.model",
        set_calibration,
        2,
        ("model", "calibration_model"),
        "Calibrate the probabilities of a model by another one.",
    ),
    Primitive(
        "segment_models_as_frame", segment_models, 1, ("key",), "Table of segment models: segment, model, status, errors, warnings."
    ),
    Primitive(
        "makeLeaderboard",
        leaderboard,
        5,
        ("models", "lb_frame", "sort_metric", "extensions", "scoring_data"),
        "Table of models in the order of a measure.",
    ),
    Primitive(
        "predicted.vs.actual.by.var",
        predicted_by_variable,
        4,
        ("model", "fr", "variable", "preds"),
        "Mean prediction and mean response by the levels of a column.",
    ),
    Primitive(
        "fairnessMetrics",
        fairness,
        5,
        ("model", "fr", "protected", "reference", "favorable"),
        "How the groups of protected columns fare with a model of two classes.",
    ),
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

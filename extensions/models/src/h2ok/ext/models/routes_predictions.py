"""Routes that score: predictions, metrics of a model on a frame, metrics of two frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import key_ref
from h2ok.ext.models.distributions import Distribution
from h2ok.ext.models.ids import prediction_key
from h2ok.ext.models.lookup import find_frame, find_model, models
from h2ok.ext.models.metrics.metrics import ModelMetrics, frame_checksum
from h2ok.ext.models.model import FramePredictor, Model
from h2ok.ext.models.rows import ColumnSpec, RowSpec, map_levels
from h2ok.ext.models.schemas import ModelMetricsListSchemaV3, ModelMetricsMakerSchemaV3
from h2ok.ext.models.scoring import (
    Transform,
    Transforms,
    no_transform,
    predict_frame,
    score_metrics,
    training_metrics,
    transform_frame,
)
from h2ok.ext.models.training import ModelColumns, TrainingData
from h2ok.kernel import Frame, JobContext

__all__ = ["compute", "delete_metrics", "list_all", "list_metrics", "make", "predict", "predict_async"]

#: Flags of the prediction routes that need code a model may not have; the model's state offers it under this name.
_FLAGS = (
    "reconstruction_error", "reconstruction_error_per_feature", "reconstruct_train", "project_archetypes", "reverse_transform",
    "leaf_node_assignment", "predict_staged_proba", "predict_contributions", "row_to_tree_assignment", "feature_frequencies",
    "deviances",
)  # fmt: skip


def _answer(model: str | None, frame: str | None, predictions: str | None, metrics: list[Any] | None) -> dict[str, Any]:
    return {
        "__meta": {"schema_version": 3, "schema_name": "ModelMetricsListSchemaV3", "schema_type": "ModelMetricsList"},
        "_exclude_fields": "",
        "model": key_ref("Model", model),
        "frame": key_ref("Frame", frame),
        "predictions_frame": key_ref("Frame", predictions),
        "deviances_frame": None,
        "custom_auuc_thresholds": None,
        "output_per_reference": False,
        "model_metrics": metrics,
    }


def _both(ctx: RequestContext) -> tuple[Model, Frame]:
    model = find_model(ctx.node, ctx.path_params["model"], argument="model", function="predict")
    return model, find_frame(ctx.node, ctx.path_params["frame"], argument="frame", function="predict")


def _transform(model: Model, request: ModelMetricsListSchemaV3) -> Transform | None:
    """What the flags ask for instead of predictions, None for plain predictions."""
    asked = [f for f in _FLAGS if getattr(request, f)]
    if request.deep_features_hidden_layer >= 0 or request.deep_features_hidden_layer_name:
        asked.append("deep_features_hidden_layer")
    if not asked:
        return None
    if not isinstance(model.state, Transforms):
        raise no_transform(asked[0], model.algo, ())
    return model.state.transform(asked[0], request, model.output.columns)


def predict(ctx: RequestContext, request: ModelMetricsListSchemaV3) -> dict[str, Any]:
    """Predictions and metrics at once (version 3)."""
    model, frame = _both(ctx)
    how = _transform(model, request)
    key = request.predictions_frame or prediction_key("predictions", model.key, frame.key)
    if how is not None:
        transform_frame(ctx.node, model, frame, key, how)
        return _answer(model.key, frame.key, key, [])
    predict_frame(ctx.node, model, frame, key)
    metrics = score_metrics(ctx.node, model, frame, auc_type=request.auc_type, need_response=False)
    return _answer(model.key, frame.key, key, [metrics.to_json()] if metrics is not None else [])


def predict_async(ctx: RequestContext, request: ModelMetricsListSchemaV3) -> dict[str, Any]:
    """Predictions as a job (version 4)."""
    model, frame = _both(ctx)
    how = _transform(model, request)
    key = request.predictions_frame or prediction_key("transformation", model.key, frame.key)

    def work(job: JobContext) -> None:
        job.update(0.0, "Scoring")
        if how is not None:
            _, warnings = transform_frame(ctx.node, model, frame, key, how, job.cancelled)
        else:
            _, warnings = predict_frame(ctx.node, model, frame, key, job.cancelled)
        for w in warnings:
            job.warn(w)
        if how is not None:
            return
        score_metrics(ctx.node, model, frame, auc_type=request.auc_type, need_response=False, cancelled=job.cancelled)

    return JobV3.of(ctx.node.jobs.start("transformation", key, "Frame", work)).to_json()


def _stored(ctx: RequestContext) -> list[ModelMetrics]:
    found = ctx.node.dkv.get_many(ctx.node.dkv.keys("modelmetrics_"))
    return [v for _, v in sorted(found.items()) if isinstance(v, ModelMetrics)]


def compute(ctx: RequestContext, request: ModelMetricsListSchemaV3) -> dict[str, Any]:
    """Metrics of a model on a frame, computed now."""
    model, frame = _both(ctx)
    metrics = score_metrics(ctx.node, model, frame, auc_type=request.auc_type)
    return _answer(model.key, frame.key, None, [metrics.to_json()] if metrics is not None else [])


def list_metrics(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Metrics that are stored, of a model, a frame, or both."""
    model, frame = ctx.path_params.get("model"), ctx.path_params.get("frame")
    if model is not None:
        find_model(ctx.node, model, argument="model", function="predict")
    if frame is not None:
        find_frame(ctx.node, frame, argument="frame", function="predict")
    found = [m for m in _stored(ctx) if model in (None, m.model) and frame in (None, m.frame)]
    return _answer(model, frame, None, [m.to_json() for m in found])


def delete_metrics(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Forget metrics of a model, a frame, or both."""
    model, frame = ctx.path_params.get("model"), ctx.path_params.get("frame")
    found = ctx.node.dkv.get_many(ctx.node.dkv.keys("modelmetrics_"))
    dead = [k for k, v in found.items() if isinstance(v, ModelMetrics) and model in (None, v.model) and frame in (None, v.frame)]
    ctx.node.dkv.remove_many(dead)
    return _answer(model, frame, None, [])


def make(ctx: RequestContext, request: ModelMetricsMakerSchemaV3) -> dict[str, Any]:
    """Metrics of predictions against actual values."""
    predictions = find_frame(ctx.node, str(request.predictions_frame), argument="predictions_frame")
    actuals = find_frame(ctx.node, str(request.actuals_frame), argument="actuals_frame")
    weights = find_frame(ctx.node, request.weights_frame, argument="weights_frame") if request.weights_frame else None
    if request.treatment_frame:
        raise BadRequestError("treatment_frame is for uplift models, which h2ok does not have yet. Leave it out.")
    metrics = frame_metrics(ctx, predictions, actuals, weights, request.domain, request.distribution, request.auc_type or "AUTO")
    echo: Mapping[str, Any] = {
        k: getattr(request, k) for k in ("weights_frame", "treatment_frame", "domain", "distribution", "auc_type")
    }
    return {
        "__meta": ModelMetricsMakerSchemaV3.meta(),
        "predictions_frame": predictions.key,
        "actuals_frame": actuals.key,
        **echo,
        "model_metrics": metrics.to_json(),
    }


def frame_metrics(
    ctx: RequestContext,
    predictions: Frame,
    actuals: Frame,
    weights: Frame | None,
    domain: list[str] | None,
    distribution: str | None,
    auc_type: str = "AUTO",
) -> ModelMetrics:
    """Metrics of prediction columns (without a label column) against one column of actual values.

    Raises
    ------
    BadRequestError
        Rows or columns do not fit.
    """
    if actuals.n_cols != 1 or predictions.n_rows != actuals.n_rows:
        raise BadRequestError(
            f"Metrics need one column of actual values and as many rows of predictions; got {actuals.n_cols} columns with "
            f"{actuals.n_rows} rows against {predictions.n_rows} rows of predictions."
        )
    actual = actuals.vecs[0]
    levels = tuple(domain) if domain else actual.domain
    k = len(levels) if levels is not None else 1
    if predictions.n_cols not in ((1, 2, 3) if k == 2 else (1,) if k == 1 else (k, k + 1)):
        raise BadRequestError(f"{predictions.n_cols} prediction columns do not fit {k} classes.")
    node = ctx.node
    espc = actual.espc
    vecs = [*node.frames.align(predictions.vecs, espc), actual, *(node.frames.align(weights.vecs[:1], espc) if weights else ())]
    names = [f"p{i}" for i in range(predictions.n_cols)]
    frame = Frame(actuals.key, (*names, "actual", *(["weight"] if weights else [])), tuple(vecs))
    n = predictions.n_cols
    columns = tuple(ColumnSpec(c, i) for i, c in enumerate(names))
    numeric_actual = levels is not None and actual.domain is None
    mapping = map_levels(actual.domain, levels) if levels is not None and actual.domain is not None else None
    response = ColumnSpec("actual", n, levels, mapping, from_numbers=numeric_actual)
    spec = RowSpec(columns, response, n + 1 if weights else -1)
    data = TrainingData(
        node, actuals.key, frame, spec, ModelColumns(tuple(names), (None,) * n, ("Numeric",) * n, "actual", levels), frame
    )
    known = distribution not in (None, "AUTO", "gaussian", "custom", "ordinal", "multinomial", "bernoulli", "quasibinomial")
    deviance = Distribution(str(distribution)) if known else None
    found = training_metrics(data, FramePredictor(k), data.category, deviance, auc_type=auc_type)
    if found is None:
        raise BadRequestError("No row has an actual value; there is nothing to measure.")
    return found.placed(None, 0, actuals.key, frame_checksum(actuals), 0)


def list_all(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    known = {m.key for m in models(ctx.node)}
    return _answer(None, None, None, [m.to_json() for m in _stored(ctx) if m.model in known])

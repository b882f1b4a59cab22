"""Handlers of models: list, look at, delete."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import key_ref
from h2ok.capabilities.removal import remove_key
from h2ok.ext.models.builders import builder_class
from h2ok.ext.models.lookup import find_model, models
from h2ok.ext.models.model import Model

__all__ = ["delete_all", "delete_one", "get_model", "list_models", "model_json"]


def model_json(ctx: RequestContext, model: Model) -> dict[str, Any]:
    """ModelSchemaV3 of a model; parameters are described by its algorithm, as far as that is installed."""
    if model.algo in ctx.runtime.registry.algos():
        sent = {k: v for k, v in model.given.items() if k != "model_id"}
        described = builder_class(ctx.runtime, model.algo).parameters.describe({**model.parameters, "model_id": model.key}, sent)
    else:
        described = []
    return model.to_json(described)


def _answer(found: list[dict[str, Any]], frames: list[Any] | None = None) -> dict[str, Any]:
    return {
        "__meta": {"schema_version": 3, "schema_name": "ModelsV3", "schema_type": "Models"},
        "_exclude_fields": "",
        "models": found,
        "compatible_frames": frames,
        "export_cross_validation_predictions": False,
    }


def list_models(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Heads of all models."""
    meta = {"schema_version": 3, "schema_name": "ModelSynopsisV3", "schema_type": "Model"}
    return _answer([{"__meta": meta, **m.synopsis()} for m in models(ctx.node)])


def get_model(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """One model."""
    model = find_model(ctx.node, ctx.path_params["model_id"])
    if str(ctx.params.get("find_compatible_frames", "")).lower() not in ("true", "1"):
        return _answer([model_json(ctx, model)])
    fitting = [f for f in ctx.node.frames.list() if set(model.output.columns.sources) <= set(f.names)]
    refs = [
        {"__meta": {"schema_version": 3, "schema_name": "FrameBaseV3", "schema_type": "Frame"}, "frame_id": key_ref("Frame", f.key)}
        for f in fitting
    ]
    return _answer([{**model_json(ctx, model), "compatible_frames": [f.key for f in fitting]}], refs)


def delete_one(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Delete a model."""
    remove_key(ctx.runtime, find_model(ctx.node, ctx.path_params["model_id"]).key)
    return _answer([])


def delete_all(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Delete every model."""
    for model in models(ctx.node):
        remove_key(ctx.runtime, model.key)
    return _answer([])

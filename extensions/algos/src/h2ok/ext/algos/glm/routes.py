"""Routes of GLM: the path of a model, and models made of coefficients."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.algos.glm.path import RegularizationPath, derived_model
from h2ok.ext.algos.glm.state import GLMState
from h2ok.ext.algos.schemas import MakeGLMModelV3
from h2ok.ext.models import Model
from h2ok.ext.models.ids import automatic_id
from h2ok.ext.models.lookup import find_model
from h2ok.ext.models.routes_models import model_json
from h2ok.kernel import ClassMismatchError, IllegalArgumentError

__all__ = ["make", "path"]


def _glm(ctx: RequestContext, key: str | None) -> Model:
    model = find_model(ctx.node, key or "", argument="model")
    if not isinstance(model.state, GLMState):
        raise ClassMismatchError(f"'{model.key}' is a {model.full_name} model, a GLM was expected.", key=model.key)
    return model


def make(ctx: RequestContext, request: MakeGLMModelV3) -> dict[str, Any]:
    """Make a model of given coefficients."""
    model = _glm(ctx, request.model)
    names, beta = request.names or [], request.beta or []
    if len(names) != len(beta):
        raise IllegalArgumentError(f"names and beta must be of equal length; got {len(names)} and {len(beta)}.", argument="beta")
    agent = next((v for k, v in ctx.headers.items() if k.lower() == "user-agent"), "")
    key = request.dest or automatic_id(ctx.node, "GLM", agent)
    made = derived_model(model, dict(zip(names, beta, strict=True)), key, request.threshold)
    ctx.node.dkv.put(key, made)
    return model_json(ctx, made)


def path(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """All points of the path of a model."""
    model = _glm(ctx, ctx.params.get("model"))
    found = model.attachments.get("path")
    if not isinstance(found, RegularizationPath):
        raise IllegalArgumentError(f"Model '{model.key}' was made of coefficients; it has no path of penalties.", argument="model")
    return found.to_json(model.key)

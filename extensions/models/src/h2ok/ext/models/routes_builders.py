"""Handlers of the builders: list, describe, validate, train."""

from __future__ import annotations

import logging
from typing import Any

from h2ok.capabilities.contracts.errors import NotFoundError
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.models.available import why_missing
from h2ok.ext.models.builder import ModelBuilder
from h2ok.ext.models.builders import builder_class

__all__ = ["get_builder", "list_builders", "parse_builder", "request_params", "train", "validate"]


_log = logging.getLogger("h2ok.models")


def _builders(builders: dict[str, Any]) -> dict[str, Any]:
    return {
        "__meta": {"schema_version": 3, "schema_name": "ModelBuildersV3", "schema_type": "Iced"},
        "_exclude_fields": "",
        "model_builders": builders,
    }


def list_builders(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """All algorithms with their parameters; one whose module is broken is left out (its extension reports why)."""
    found = {}
    for name in sorted(ctx.runtime.registry.algos()):
        try:
            found[name] = builder_class(ctx.runtime, name).describe()
        except Exception:
            _log.exception("Algorithm '%s' cannot be described", name)
    return _builders(found)


def get_builder(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """One algorithm with its parameters."""
    algo = ctx.path_params["algo"]
    return _builders({algo: builder_class(ctx.runtime, algo).describe()})


def parse_builder(ctx: RequestContext, params: dict[str, Any]) -> ModelBuilder:
    """The builder a request asks for, with its parameters parsed.

    Raises
    ------
    NotFoundError
        No active extension provides the algorithm.
    IllegalArgumentError
        A parameter is unknown or its value no value of its type.
    """
    algo = ctx.path_params["algo"]
    if algo not in ctx.runtime.registry.algos():
        known = ", ".join(sorted(ctx.runtime.registry.algos()))
        reason = why_missing(ctx.runtime, algo)
        raise NotFoundError(
            f"Resource {ctx.path} not found: algorithm '{algo}' is not available{reason} Installed: {known or 'none'}."
        )
    cls = builder_class(ctx.runtime, algo)
    parsed = cls.parameters.parse(params)
    agent = next((v for k, v in ctx.headers.items() if k.lower() == "user-agent"), "")
    return cls(ctx.runtime, parsed, user_agent=agent)


def request_params(ctx: RequestContext) -> dict[str, Any]:
    """Form and query parameters, without those of the path and the client's bookkeeping. A JSON body plays no role (as in H2O)."""
    if "json" in ctx.content_type:
        return dict(ctx.query)
    return {k: v for k, v in ctx.params.items() if k not in ctx.path_params and k != "_exclude_fields"}


def train(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Start a training job."""
    builder = parse_builder(ctx, request_params(ctx))
    job = builder.start()
    described = builder.parameters.describe({**builder.params.to_dict(), "model_id": builder.model_key}, _sent(builder))
    return builder.describe(described, JobV3.of(job).to_json(), builder.validation)


def validate(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Check parameters without training; always 200."""
    builder = parse_builder(ctx, request_params(ctx))
    builder.check()
    described = builder.parameters.describe(builder.params.to_dict(), _sent(builder))
    return builder.describe(described, None, builder.validation)


def _sent(builder: ModelBuilder) -> dict[str, Any]:
    return {k: v for k, v in builder.given.items() if k != "model_id"}

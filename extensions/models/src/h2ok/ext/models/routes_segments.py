"""Handler of segment models: start their training."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.errors import NotFoundError
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.models.available import why_missing
from h2ok.ext.models.builders import builder_class
from h2ok.ext.models.lenient_json import parse_lenient
from h2ok.ext.models.lookup import find_frame
from h2ok.ext.models.routes_builders import request_params
from h2ok.ext.models.segments import SegmentSearch
from h2ok.kernel import IllegalArgumentError

__all__ = ["train_segments"]

_OWN = ("segments", "segment_columns", "segment_models_id", "parallelism")


def train_segments(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Start a job that trains a model for each segment."""
    algo = ctx.path_params["algo"]
    if algo not in ctx.runtime.registry.algos():
        raise NotFoundError(f"Resource {ctx.path} not found: algorithm '{algo}' is not available{why_missing(ctx.runtime, algo)}")
    given = request_params(ctx)
    own = {k: given.pop(k) for k in _OWN if k in given}
    parallelism = str(own.get("parallelism", 1))
    if not parallelism.isdigit() or int(parallelism) < 1:
        raise IllegalArgumentError(f"parallelism must be a positive whole number; got {parallelism}.", argument="parallelism")
    listed = own.get("segments")
    search = SegmentSearch(
        ctx.runtime,
        builder_class(ctx.runtime, algo),
        given,
        _names(own.get("segment_columns")),
        find_frame(ctx.node, str(listed), argument="segments") if listed else None,
        own.get("segment_models_id"),
        next((v for k, v in ctx.headers.items() if k.lower() == "user-agent"), ""),
    )
    found: dict[str, Any] = JobV3.of(search.start()).to_json()
    return found


def _names(text: Any) -> list[str]:
    """Column names as the clients send them: ``["a","b"]`` or ``[a, b]``."""
    found = parse_lenient(str(text)) if text else []
    return [str(x) for x in (found if isinstance(found, list) else [found])]

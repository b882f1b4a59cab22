"""Handler of the H statistic."""

from __future__ import annotations

from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.models.h_statistic import h_statistic
from h2ok.ext.models.lookup import find_frame, find_model
from h2ok.ext.models.schemas import FriedmanPopescusHV3
from h2ok.kernel import IllegalArgumentError

__all__ = ["compute"]


def compute(ctx: RequestContext, request: FriedmanPopescusHV3) -> FriedmanPopescusHV3:
    """H of some variables of a model over a frame."""
    for name in ("frame", "variables"):
        if not getattr(request, name):
            raise IllegalArgumentError(f"Required field '{name}' of FriedmanPopescusHV3 is not specified.", argument=name)
    model = find_model(ctx.node, request.model_id or "", argument="model_id")
    frame = find_frame(ctx.node, request.frame or "", argument="frame")
    request.h = h_statistic(ctx.node, model, frame, request.variables or ())
    return request

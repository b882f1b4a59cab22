"""GET /3/Count/{frame_id}: the number of cells of a frame."""

from __future__ import annotations

from h2ok.capabilities.contracts.routes import RequestContext, Route
from h2ok.capabilities.contracts.schema import Schema, api


class CountV3(Schema):
    """The request (INPUT) and the answer (OUTPUT)."""

    frame_id: str = api("Key<Frame>", direction="INPUT", required=True, help="Frame to count.")
    cells: int = api("long", 0, direction="OUTPUT", help="Rows times columns.")


def count(ctx: RequestContext, request: CountV3) -> CountV3:
    """Answer; errors of the kernel become H2O's error answers by themselves."""
    frame = ctx.node.frames.get(request.frame_id)
    return CountV3(frame_id=request.frame_id, cells=frame.n_rows * frame.n_cols)


ROUTES = [Route("GET", "/3/Count/{frame_id}", count, CountV3, CountV3, "Count the cells of a frame.")]

"""Node numbers in requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.errors import BadRequestError

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.routes import RequestContext

__all__ = ["member_index"]


def member_index(context: RequestContext, given: Any) -> int:
    """A member's position from a request: a number, -1 or ``self`` for this node, or ``ip:port``.

    Raises
    ------
    BadRequestError
        No such member.
    """
    cloud = context.node.cloud
    text = str(given).strip().lstrip("/")
    if text in ("-1", "self", ""):
        return cloud.self_index
    names = [m.name for m in cloud.members]
    if text in names:
        return names.index(text)
    if text.isdigit() and int(text) < cloud.size:
        return int(text)
    raise BadRequestError(f"There is no node '{given}'. Nodes: 0 to {cloud.size - 1} ({', '.join(names[:10])}).")

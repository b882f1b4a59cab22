"""Members of the cloud as REST sees them: statuses, fetched at most once a second, and node numbers in requests."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rest.remote import node_status

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.routes import RequestContext
    from h2ok.capabilities.runtime import Runtime

__all__ = ["MemberStatuses", "member_index", "member_statuses"]

_FRESH_SECONDS = 1.0
_DEADLINE_SECONDS = 1.0


class MemberStatuses:
    """The last status of each member; None for one that does not answer in time."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._mutex = threading.Lock()
        self._at = 0.0
        self._found: list[dict[str, Any] | None] = []

    def all(self) -> list[dict[str, Any] | None]:
        """Statuses in member order. At most one request a second and node; a silent node costs one second, once."""
        node = self._runtime.node
        with self._mutex:
            if len(self._found) != node.cloud.size or time.monotonic() - self._at > _FRESH_SECONDS:
                self._found = self._fetch()
                self._at = time.monotonic()
            found = list(self._found)
        me = node.cloud.self_index
        if me < len(found):
            found[me] = node_status(self._runtime)
        return found

    def _fetch(self) -> list[dict[str, Any] | None]:
        node = self._runtime.node
        me, size = node.cloud.self_index, node.cloud.size
        futures = [None if i == me else node.rpc.submit(i, "rest.status", None, timeout=_DEADLINE_SECONDS) for i in range(size)]
        out: list[dict[str, Any] | None] = []
        for future in futures:
            if future is None:
                out.append({})
                continue
            try:
                out.append(dict(future.result(timeout=2 * _DEADLINE_SECONDS)))
            except Exception:  # silent, gone or broken: all of it is "not healthy" to a client
                out.append(None)
        return out


def member_statuses(runtime: Runtime) -> list[dict[str, Any] | None]:
    """Status of every member of the cloud, None for those that do not answer."""
    return runtime.service(MemberStatuses).all()


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

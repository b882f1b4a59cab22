"""Rpc: named services that the nodes of a cloud call on each other, over any Transport."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from h2ok.kernel.errors import IllegalArgumentError

if TYPE_CHECKING:
    from h2ok.kernel.cloud.cloud import Cloud
    from h2ok.kernel.transport.base import Transport

__all__ = ["DEFAULT_TIMEOUT", "Rpc"]

#: Seconds until a call to another node is given up.
DEFAULT_TIMEOUT = 60.0


class Rpc:
    """Calls by service name. A call to the own node runs in place, in the calling thread, without encoding."""

    def __init__(self, cloud: Cloud, transport: Transport | None) -> None:
        self._cloud = cloud
        self._transport = transport
        self._services: dict[str, Callable[[Any], Any]] = {}

    def register(self, name: str, service: Callable[[Any], Any]) -> None:
        """Offer ``service(payload) -> reply`` under ``name``; payload and reply are wire values."""
        self._services[name] = service

    def serve(self, name: str, payload: Any) -> Any:
        """Run a service of this node (the transport calls this for requests from other nodes)."""
        service = self._services.get(name)
        if service is None:
            raise IllegalArgumentError(f"Unknown service '{name}'. The nodes run different versions of h2ok.")
        return service(payload)

    def submit(self, member: int, name: str, payload: Any, timeout: float = DEFAULT_TIMEOUT) -> Future[Any]:
        """Start a call to a member by index; its future ends with the reply, NodeLostError or the error of the service."""
        try:
            if member == self._cloud.self_index or self._transport is None:
                return _ended(self.serve(name, payload))
            self._cloud.check_alive(member, name)
            return self._transport.submit(self._cloud.members[member], name, payload, timeout)
        except Exception as e:  # the caller gets it through the future
            future: Future[Any] = Future()
            future.set_exception(e)
            return future

    def call(self, member: int, name: str, payload: Any, timeout: float = DEFAULT_TIMEOUT) -> Any:
        """Call a service of one member and wait.

        Raises
        ------
        NodeLostError
            No answer within ``timeout`` seconds, or the member is gone.
        RemoteError
            The service raised an error that has no counterpart here.
        """
        return self.submit(member, name, payload, timeout).result()

    def call_all(self, name: str, payload: Any, timeout: float = DEFAULT_TIMEOUT) -> list[Any]:
        """Call a service of every member (this node included) at once; replies in member order.

        Raises
        ------
        NodeLostError
            A member is lost or did not answer.
        """
        me = self._cloud.self_index
        futures = [self.submit(i, name, payload, timeout) if i != me else None for i in range(self._cloud.size)]
        own = self.serve(name, payload)
        return [own if f is None else f.result() for f in futures]

    def tell_all(self, name: str, payload: Any, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Call a service of every member that is not lost, and do not mind failures: for clean-up."""
        me = self._cloud.self_index
        others = [i for i in range(self._cloud.size) if i != me and not self._cloud.is_lost(i)]
        futures = [self.submit(i, name, payload, timeout) for i in others]
        self.serve(name, payload)
        for f in futures:
            f.exception()


def _ended(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future

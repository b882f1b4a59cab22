"""The Transport contract: requests with deadlines between nodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from h2ok.kernel.cloud.cloud import H2ONode

__all__ = ["Serve", "Transport"]

#: serve(service name, payload) -> reply; may raise.
Serve = Callable[[str, Any], Any]


class Transport(ABC):
    """Carries wire values between nodes. Implementations are thread-safe.

    An error of the service comes back as the same H2OKError class, or as RemoteError naming the node.
    """

    #: Called (on a thread of the transport) when a peer's process is certainly gone: its port refuses connections.
    on_refused: Callable[[H2ONode], None] | None = None

    #: Services that answer at once, and call ``may_wait`` before they wait for anything or begin to work.
    short: frozenset[str] = frozenset()

    @abstractmethod
    def start(self, serve: Serve) -> None:
        """Begin to accept requests and answer them with ``serve`` on worker threads of the transport."""

    @abstractmethod
    def submit(self, to: H2ONode, name: str, payload: Any, timeout: float) -> Future[Any]:
        """Send a request; the future ends with the reply, NodeLostError after ``timeout`` seconds, or the remote error."""

    def ask(self, to: H2ONode, name: str, payload: Any, timeout: float) -> Future[Any]:
        """As ``submit``, for a caller that will certainly wait for the result: it may have to take it in itself."""
        return self.submit(to, name, payload, timeout)

    def may_wait(self) -> None:
        """The calling thread may wait or work long from here on: it must not be the one that all others' messages depend on."""
        return

    @abstractmethod
    def drop_peer(self, node: H2ONode, reason: str) -> None:
        """End open requests to ``node`` with NodeLostError and free what was kept to reach it."""

    @abstractmethod
    def close(self) -> None:
        """Stop; open futures end with NodeLostError. No thread or socket stays behind."""

    @property
    def active(self) -> int:
        """Requests that wait for an answer."""
        return 0

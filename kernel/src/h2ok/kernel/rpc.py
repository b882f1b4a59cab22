"""Rpc: named services that the nodes of a cloud call on each other, over any Transport."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from h2ok.kernel.errors import IllegalArgumentError, NodeLostError

if TYPE_CHECKING:
    from h2ok.kernel.cloud.cloud import Cloud, H2ONode
    from h2ok.kernel.transport.base import Transport

__all__ = ["DEFAULT_TIMEOUT", "LOSS_SECONDS", "Rpc"]

#: Seconds until a call to another node is given up.
DEFAULT_TIMEOUT = 60.0
#: How long a caller waits for the cloud to agree on who takes over from a member that does not answer.
LOSS_SECONDS = 30.0
#: Between two tries of a listing while keys move.
_LISTING_SECONDS = 0.01
#: Calls remembered for the timeline.
_RECENT = 1024


class Rpc:
    """Calls by service name. A call to the own node runs in place, in the calling thread, without encoding."""

    def __init__(self, cloud: Cloud, transport: Transport | None) -> None:
        self._cloud = cloud
        self._transport = transport
        self._services: dict[str, Callable[[Any], Any]] = {}
        #: The latest calls to other nodes: (nanoseconds since the epoch, member, service).
        self.recent: deque[tuple[int, str, str]] = deque(maxlen=_RECENT)
        #: Calls to other nodes so far.
        self.sent = 0

    def register(self, name: str, service: Callable[[Any], Any], *, short: bool = False) -> None:
        """Offer ``service(payload) -> reply`` under ``name``; payload and reply are wire values.

        ``short``: it answers at once, and calls ``may_wait`` before it waits for anything or begins to work. Such a service runs on
        the thread that receives messages, which saves waking another one.
        """
        self._services[name] = service
        if short and self._transport is not None:
            self._transport.short |= {name}

    def may_wait(self) -> None:
        """To be called by a short service before it waits for a lock, a call or the disk, or begins what takes long."""
        if self._transport is not None:
            self._transport.may_wait()

    def register_listing(self, name: str, service: Callable[[Any], Any]) -> None:
        """Offer a service that tells what this node is home to, for ``list_all``."""
        self._services[name] = lambda payload: (self._cloud.placement.epoch, service(payload))

    def list_all(self, name: str, payload: Any) -> list[Any]:
        """The replies of every living member to a listing service, all of one placement: nothing is missing or moved meanwhile.

        Raises
        ------
        NodeLostError
            The members did not come to one placement in time.
        """
        deadline = time.monotonic() + LOSS_SECONDS
        while True:
            replies = self.call_all(name, payload)
            if not self._cloud.locked or len({epoch for epoch, _ in replies}) == 1:
                return [reply for _, reply in replies]
            if time.monotonic() > deadline:
                raise NodeLostError("The nodes of the cloud do not agree who holds what. Ask again in a moment.")
            time.sleep(_LISTING_SECONDS)

    def serve(self, name: str, payload: Any) -> Any:
        """Run a service of this node (the transport calls this for requests from other nodes)."""
        service = self._services.get(name)
        if service is None:
            raise IllegalArgumentError(f"Unknown service '{name}'. The nodes run different versions of h2ok.")
        return service(payload)

    def submit(
        self, member: int | H2ONode, name: str, payload: Any, timeout: float = DEFAULT_TIMEOUT, *, awaited: bool = False
    ) -> Future[Any]:
        """Start a call to a member; its future ends with the reply, NodeLostError or the error of the service.

        ``awaited``: this caller will certainly ask the future for its result, which is quicker then.
        """
        try:
            to = self._cloud.node(member)
            if to == self._cloud.me or self._transport is None:
                return _ended(self.serve(name, payload))
            self._cloud.check_alive(to, name)
            self.note_sent(to, name)
            send = self._transport.ask if awaited else self._transport.submit
            future = send(to, name, payload, timeout)
            # It may have gone just before this call was among those that end with it.
            gone = self._cloud.gone_reason(to)
            if gone:
                self._transport.drop_peer(to, gone)
            return future
        except Exception as e:  # the caller gets it through the future
            failed: Future[Any] = Future()
            failed.set_exception(e)
            return failed

    def note_sent(self, to: H2ONode, name: str) -> None:
        """Count a call that goes out, and remember it for the timeline."""
        self.sent += 1
        self.recent.append((time.time_ns(), to.name, name))

    def call(self, member: int | H2ONode, name: str, payload: Any, timeout: float = DEFAULT_TIMEOUT) -> Any:
        """Call a service of one member and wait.

        Raises
        ------
        NodeLostError
            No answer within ``timeout`` seconds, or the member is gone.
        RemoteError
            The service raised an error that has no counterpart here.
        """
        return self.submit(member, name, payload, timeout, awaited=True).result()

    def call_all(self, name: str, payload: Any, timeout: float = DEFAULT_TIMEOUT) -> list[Any]:
        """Call a service of every member that is not lost (this node included) at once; replies in member order.

        Services called this way must bear to be called twice: when a member is lost meanwhile the others are asked again, so that
        the replies tell of one placement.

        Raises
        ------
        NodeLostError
            A member did not answer and was not declared dead either.
        """
        deadline = time.monotonic() + timeout
        while True:
            cloud = self._cloud
            epoch = cloud.placement.epoch
            nodes = [m for m in cloud.members if not cloud.is_lost(m)]
            futures = [None if m == cloud.me else self.submit(m, name, payload, timeout) for m in nodes]
            own = self.serve(name, payload)
            try:
                return [own if f is None else f.result() for f in futures]
            except NodeLostError:
                settled = partial(_moved_on, cloud, epoch)
                if cloud.failure or not cloud.wait_until(settled, min(LOSS_SECONDS, max(0.0, deadline - time.monotonic()))):
                    raise

    def tell_all(self, name: str, payload: Any, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Call a service of every member that is not lost, and do not mind failures: for clean-up."""
        cloud = self._cloud
        others = [m for m in cloud.members if m != cloud.me and not cloud.is_lost(m)]
        futures = [self.submit(m, name, payload, timeout) for m in others]
        self.serve(name, payload)
        for f in futures:
            f.exception()


def _moved_on(cloud: Cloud, epoch: int) -> bool:
    return cloud.placement.epoch > epoch or bool(cloud.failure)


def _ended(value: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future

"""The in-process transport: several nodes in one process, as isolated from each other as real ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from h2ok.kernel.errors import NodeLostError
from h2ok.kernel.threads import ElasticPool
from h2ok.kernel.transport.base import Serve, Transport
from h2ok.kernel.transport.pending import PendingCalls, settle
from h2ok.kernel.transport.remote_errors import finish, reply_of
from h2ok.kernel.wire import decode, encode

if TYPE_CHECKING:
    from h2ok.kernel.cloud.cloud import H2ONode

__all__ = ["InprocHub", "InprocTransport"]


class InprocHub:
    """The nodes of this process that can reach each other; also the place to break things in tests."""

    def __init__(self) -> None:
        self._transports: dict[H2ONode, InprocTransport] = {}
        self._cut: set[frozenset[H2ONode]] = set()
        #: Called when a node is killed, so that it stops to think it is part of a cloud.
        self.on_kill: dict[H2ONode, Callable[[], None]] = {}

    def transport(self, me: H2ONode) -> InprocTransport:
        """The transport of node ``me``."""
        made = self._transports[me] = InprocTransport(self, me)
        return made

    def find(self, node: H2ONode) -> InprocTransport | None:
        return self._transports.get(node)

    def kill(self, node: H2ONode) -> None:
        """Make ``node`` vanish as a killed process does: its connections close, new ones are refused."""
        gone = self._transports.pop(node, None)
        if gone is None:
            return
        if node in self.on_kill:
            self.on_kill[node]()
        for name, other in list(self._transports.items()):
            gone.drop_peer(name, "this node was killed")
            other.drop_peer(node, "its connection was closed")
            if other.on_refused is not None:
                other.on_refused(node)

    def cut(self, a: H2ONode, b: H2ONode) -> None:
        """Lose every message between two nodes from now on."""
        self._cut.add(frozenset((a, b)))

    def heal(self, a: H2ONode, b: H2ONode) -> None:
        """Undo ``cut``; lost messages stay lost."""
        self._cut.discard(frozenset((a, b)))

    def is_cut(self, a: H2ONode, b: H2ONode) -> bool:
        return frozenset((a, b)) in self._cut


class InprocTransport(Transport):
    """Every message goes through the wire format and is copied, so that nodes share nothing by accident."""

    def __init__(self, hub: InprocHub, me: H2ONode) -> None:
        self._hub = hub
        self._me = me
        self._serve: Serve | None = None
        self._handlers = ElasticPool(f"h2ok-{me.port}-handler")
        self._pending = PendingCalls()
        self._wake = threading.Condition()
        self._closed = False
        self._clock: threading.Thread | None = None

    @property
    def active(self) -> int:
        return len(self._pending)

    def start(self, serve: Serve) -> None:
        self._serve = serve
        self._clock = threading.Thread(target=self._watch_deadlines, name=f"h2ok-{self._me.port}-deadlines", daemon=True)
        self._clock.start()

    def submit(self, to: H2ONode, name: str, payload: Any, timeout: float) -> Future[Any]:
        frames = _copied(encode(payload))
        number, future, nearest = self._pending.add(to, name, timeout)
        if nearest:
            with self._wake:
                self._wake.notify()
        target = self._hub.find(to) if self._hub.find(self._me) is self else None
        if target is None or not target.accept(self, number, name, frames):
            self._pending.pop(number)
            text = f"Node {to.name} does not accept connections; asked for '{name}'."
            settle(future, error=NodeLostError(text, node=to.name, service=name))
        return future

    def accept(self, sender: InprocTransport, number: int, name: str, frames: list[bytearray]) -> bool:
        """Take a request from another node; false when this one is not there."""
        if self._serve is None or self._closed:
            return False
        if self._hub.is_cut(self._me, sender._me):
            return True
        return self._handlers.submit(partial(self._answer, sender, number, name, frames))

    def _answer(self, sender: InprocTransport, number: int, name: str, frames: list[bytearray]) -> None:
        try:
            assert self._serve is not None
            reply = _copied(encode(self._serve(name, decode(frames))))
        except BaseException as e:  # goes to the caller
            reply = _copied(encode(reply_of(e, self._me.name)))
        if self._hub.find(self._me) is self and not self._hub.is_cut(self._me, sender._me):
            sender._settle(number, reply)

    def _settle(self, number: int, frames: list[bytearray]) -> None:
        call = self._pending.pop(number)
        if call is not None:
            finish(call.future, frames)

    def drop_peer(self, node: H2ONode, reason: str) -> None:
        self._pending.fail_node(node, reason)

    def close(self) -> None:
        self._closed = True
        if self._hub.find(self._me) is self:
            self._hub.kill(self._me)
        self._pending.close()
        with self._wake:
            self._wake.notify()
        if self._clock is not None:
            self._clock.join(5.0)
        self._handlers.close()

    def _watch_deadlines(self) -> None:
        while not self._closed:
            self._pending.expire(time.monotonic())
            with self._wake:
                deadline = self._pending.next_deadline()
                if not self._closed and (deadline is None or deadline > time.monotonic()):
                    self._wake.wait(None if deadline is None else deadline - time.monotonic())


def _copied(frames: list[memoryview | bytes]) -> list[bytearray]:
    return [bytearray(f) for f in frames]

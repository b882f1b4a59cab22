"""The ZeroMQ transport: one ROUTER that answers, one DEALER for each peer asked, one thread at a time that receives.

A message is ``[header, frame, frame...]``: the header a msgpack array, the frames those of ``h2ok.kernel.wire``. Threads send by
themselves, each socket under its lock. The thread that receives hands this role on and answers what it received itself, so that
no other thread has to wake up between a request and its answer.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import msgspec
import zmq
from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.errors import H2OKError, NodeLostError
from h2ok.kernel.threads import ElasticPool
from h2ok.kernel.transport.base import Serve, Transport
from h2ok.kernel.transport.lines import AWAKE_SECONDS, CALL_AWAKE_SECONDS, Line, LineCall, Patience
from h2ok.kernel.transport.message import ERROR, REPLY, REQUEST, Header, buffers_of, header_of, is_quick, message_of
from h2ok.kernel.transport.peers import Peer, Peers
from h2ok.kernel.transport.pending import PendingCalls, settle
from h2ok.kernel.transport.remote_errors import finish, reply_of
from h2ok.kernel.transport.sockets import MAX_FRAME_BYTES, Sockets
from h2ok.kernel.wire import decode, encode

__all__ = ["ZmqTransport"]

_log = logging.getLogger(__name__)
#: Messages taken from one socket before the others get their turn.
_BURST = 64
#: Seconds the receiver waits at most before it looks at the deadlines.
_LONGEST_WAIT = 1.0

_NOTHING: tuple[str, None] = ("", None)


class ZmqTransport(Transport):
    """Binds at once, so that a taken port is known before anything else starts.

    Parameters
    ----------
    ip, port : where to listen; port 0 lets the system choose (see ``port``).
    secret : when set, traffic is encrypted by CURVE and only nodes with the same secret can connect.
    max_frame : bytes of the longest array or text that is taken from others; ZeroMQ closes the connection of who sends more.

    Raises
    ------
    PortInUseError
        The port cannot be bound.
    """

    def __init__(self, ip: str, port: int, *, label: str = "", secret: str = "", max_frame: int = MAX_FRAME_BYTES) -> None:
        self.name = label or f"{ip}:{port}"
        self._sockets = Sockets(secret, max_frame)
        self._router = self._sockets.router(ip, port)
        self.port = int(self._router.getsockopt_string(zmq.LAST_ENDPOINT).rsplit(":", 1)[1])
        self._listener = Line(self._router)
        self._serve: Serve | None = None
        self._peers = Peers(self._sockets)
        self._pending = PendingCalls()
        #: Messages to peers that have no socket yet.
        self._outbox: deque[tuple[H2ONode, list[Any]]] = deque()
        self._drops: deque[tuple[H2ONode, str]] = deque()
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_out, False)
        os.set_blocking(self._wake_in, False)
        self._awake = False
        self._closing = False
        self._poller = select.poll()
        #: What to do when a file descriptor tells of something.
        self._watched: dict[int, Callable[[], None]] = {}
        #: Lines that may have messages without a word from their descriptor.
        self._unread: deque[Line] = deque()
        #: A request that the receiver answers itself once another thread receives.
        self._next: tuple[str, Callable[[], None] | None] = _NOTHING
        #: Of the receiver, and of those who wait for an answer.
        self._patience, self._call_patience = Patience(AWAKE_SECONDS), Patience(CALL_AWAKE_SECONDS)
        #: Whether the last request was a short one.
        self._lively = False
        #: The thread that receives.
        self._receiver = 0
        self._started = False
        self._ended = threading.Event()
        self._handlers = ElasticPool(f"h2ok-{self.port}-handler")
        self._complaints = 0

    @property
    def active(self) -> int:
        return len(self._pending)

    # -- any thread ---------------------------------------------------------------------------------------------------

    def start(self, serve: Serve) -> None:
        self._serve = serve
        self._watch(self._wake_out, self._emptied)
        self._watch(self._listener.fd, partial(self._receive, self._listener))
        self._unread.append(self._listener)
        self._started = self._handlers.submit(self._run)

    def submit(self, to: H2ONode, name: str, payload: Any, timeout: float) -> Future[Any]:
        frames = encode(payload)
        number, future, nearest = self._pending.add(to, name, timeout)
        message = message_of(REQUEST, number, frames, name, timeout)
        peer = self._peers.get(to)
        if peer is None or not self._send(peer.line, message):
            self._outbox.append((to, message))
            self._wake()
        elif nearest and timeout < _LONGEST_WAIT:
            self._wake()
        return future

    def ask(self, to: H2ONode, name: str, payload: Any, timeout: float) -> Future[Any]:
        frames = encode(payload)
        peer = self._peers.get(to)
        line = self._peers.take_line(peer) if peer is not None and peer.connected else None
        if peer is None or line is None:
            return self.submit(to, name, payload, timeout)
        call = LineCall(line, self._call_patience, partial(self._take, self._take_reply), partial(self._peers.give_back, peer))
        number, future, nearest = self._pending.add(to, name, timeout, call)
        line.send(message_of(REQUEST, number, frames, name, timeout), watched=False)
        if line.closed and self._pending.pop(number) is not None:
            return self.submit(to, name, payload, timeout)
        if nearest and timeout < _LONGEST_WAIT:
            self._wake()
        return future

    def drop_peer(self, node: H2ONode, reason: str) -> None:
        self._pending.fail_node(node, reason)
        self._drops.append((node, reason))
        self._wake()

    def close(self) -> None:
        """End the receiver and all sockets; replies already sent still leave (for at most half a second)."""
        if self._closing:
            return
        self._closing = True
        self._pending.close()
        if self._started:
            self._wake()
            self._ended.wait(5.0)
        else:
            self._close_sockets()
        self._handlers.close()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def _send(self, line: Line, message: list[Any]) -> bool:
        """Send now; false when the line is closed."""
        try:
            if line.send(message):
                self._unread.append(line)
                self._wake()
        except zmq.ZMQError as e:
            _log.warning("Node %s could not send a message: %s", self.name, e)
        return not line.closed

    def _wake(self) -> None:
        # One byte in the pipe is enough; the receiver clears the flag before it empties the queues.
        if not self._awake:
            self._awake = True
            with contextlib.suppress(OSError):
                os.write(self._wake_in, b"\0")

    # -- the receiver: one thread at a time ---------------------------------------------------------------------------

    def _run(self) -> None:
        self._receiver = threading.get_ident()
        while not self._closing:
            try:
                self._turn()
            except Exception:  # one bad message or socket must not end the node's traffic
                _log.exception("The receiver of node %s met an error", self.name)
            if not self._answer_next():
                return
        self._connect_new()
        self._close_sockets()
        self._ended.set()

    def _answer_next(self) -> bool:
        """Answer the request that was received last; whether this thread is still the receiver."""
        (name, answer), self._next = self._next, _NOTHING
        if answer is not None:
            self._lively = name in self.short
            if not self._lively:
                self.may_wait()
            answer()
        return self._receiver == threading.get_ident()

    def may_wait(self) -> None:
        if self._receiver == threading.get_ident():
            self._receiver = 0
            # What takes its time is followed by nothing soon, and may need the processor.
            self._lively = False
            if not self._handlers.submit(self._run):
                # Nobody else can receive: this thread goes on with it, and what it waits for here must come from elsewhere.
                self._receiver = threading.get_ident()
                _log.error("Node %s has no thread left to receive with; calls run into their deadlines.", self.name)

    def _turn(self) -> None:
        deadline = self._pending.next_deadline()
        wait = _LONGEST_WAIT if deadline is None else min(_LONGEST_WAIT, max(0.0, deadline - time.monotonic()))
        # Who asked for something short often asks for more.
        poll = partial(self._patience.poll, self._poller) if self._lively and not self._unread else self._poller.poll
        self._lively = False
        for fd, _ in poll(0 if self._unread else math.ceil(1000 * wait)):
            act = self._watched.get(fd)
            if act is not None:
                act()
        self._awake = False
        for _ in range(len(self._unread)):
            self._receive(self._unread.popleft())
        while self._drops:
            node, reason = self._drops.popleft()
            self._forget(node)
            # What was sent since ``drop_peer`` may have gone with the socket.
            self._pending.fail_node(node, reason)
        self._connect_new()
        for call in self._pending.expire(time.monotonic()):
            # Nothing may pile up in the queue of a peer that never answered a connection; what others sent there still counts.
            late = self._peers.get(call.to)
            if late is not None and not late.connected and not self._pending.awaits(call.to):
                self._forget(call.to)

    def _watch(self, fd: int, act: Callable[[], None]) -> None:
        self._watched[fd] = act
        self._poller.register(fd, select.POLLIN)

    def _emptied(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_out, 4096)

    def _connect_new(self) -> None:
        """Send what waits for a peer's first socket."""
        while self._outbox:
            to, message = self._outbox.popleft()
            self._send(self._peer(to).line, message)

    def _receive(self, line: Line) -> None:
        """Take what a line has; the rest of a long burst after the others had their turn."""
        take = self._take_request if line is self._listener else self._take_reply
        for _ in range(_BURST):
            frames = line.receive()
            if frames is None:
                return
            self._take(take, frames)
        self._unread.append(line)

    def _take(self, take: Callable[[list[zmq.Frame]], None], frames: list[zmq.Frame]) -> None:
        try:
            take(frames)
        except (H2OKError, msgspec.MsgspecError, ValueError, IndexError) as e:
            self._complain(e)

    def _complain(self, error: Exception) -> None:
        """Log a dropped message: the first ones, then every thousandth."""
        self._complaints += 1
        if self._complaints <= 10 or self._complaints % 1000 == 0:
            _log.warning("Node %s dropped malformed message %d: %s", self.name, self._complaints, error)

    def _take_request(self, frames: list[zmq.Frame]) -> None:
        header = header_of(frames, 1)
        if header.kind != REQUEST:
            raise ValueError(f"kind {header.kind} is not a request")
        deadline = time.monotonic() + header.timeout
        (_, earlier), answer = self._next, partial(self._answer, frames[0].bytes, header, frames[2:], deadline)
        self._next = (header.service if is_quick(frames[2:]) else "", answer)
        if earlier is not None and not self._handlers.submit(earlier) and not self._closing:
            _log.error("Node %s has no thread left for a request; the caller runs into its deadline.", self.name)

    def _take_reply(self, frames: list[zmq.Frame]) -> None:
        header = header_of(frames, 0)
        call = self._pending.pop(header.number)
        if call is None:
            return
        if isinstance(call.future, LineCall) or is_quick(frames[1:]):
            finish(call.future, buffers_of(frames[1:]))
        elif not self._handlers.submit(partial(finish, call.future, buffers_of(frames[1:]))):
            text = f"This node closed before the answer of node {call.to.name} to '{call.service}' was read."
            settle(call.future, error=NodeLostError(text, node=call.to.name))

    def _peer(self, node: H2ONode) -> Peer:
        peer = self._peers.get(node)
        if peer is None:
            peer = self._peers.add(node)
            self._watch(peer.line.fd, partial(self._receive, peer.line))
            self._watch(peer.monitor_fd, partial(self._follow, peer))
            self._unread.append(peer.line)
            self._follow(peer)
        return peer

    def _follow(self, peer: Peer) -> None:
        """Follow the connection: requests on a closed one are lost, a refused one means the process is gone."""
        for event in peer.events():
            if event == zmq.Event.DISCONNECTED:
                self._pending.fail_node(peer.node, "its connection was closed")
            elif event == zmq.Event.CLOSED and peer.was_connected and not peer.connected:
                self._forget(peer.node)
                self._pending.fail_node(peer.node, "it refuses connections")
                if self.on_refused is not None:
                    self._handlers.submit(partial(self.on_refused, peer.node))
                return

    def _forget(self, node: H2ONode) -> None:
        peer = self._peers.pop(node)
        if peer is None:
            return
        for fd in (peer.line.fd, peer.monitor_fd):
            self._poller.unregister(fd)
            del self._watched[fd]
        self._peers.close(peer)

    def _close_sockets(self) -> None:
        for node in self._peers:
            self._forget(node)
        self._listener.close(500)
        self._sockets.context.term()

    # -- handler threads ----------------------------------------------------------------------------------------------

    def _answer(self, identity: bytes, header: Header, frames: list[zmq.Frame], deadline: float) -> None:
        if time.monotonic() > deadline or self._closing:
            return
        kind = REPLY
        try:
            assert self._serve is not None
            reply = encode(self._serve(header.service, decode(buffers_of(frames), self.may_wait)))
        except BaseException as e:  # goes to the caller
            kind, reply = ERROR, encode(reply_of(e, self.name))
        if not self._closing:
            self._send(self._listener, [identity, *message_of(kind, header.number, reply)])

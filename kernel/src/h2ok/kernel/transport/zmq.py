"""The ZeroMQ transport: one ROUTER that answers, one DEALER for each peer asked, one thread at a time that receives.

A message is ``[header, frame, frame...]``: the header a msgpack array, the frames those of ``h2ok.kernel.wire``. Threads send by
themselves, each socket under its lock. The thread that receives hands this role on and answers what it received itself, so that
no other thread has to wake up between a request and its answer.
"""

from __future__ import annotations

import contextlib
import hashlib
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
from h2ok.kernel.errors import H2OKError, NodeLostError, PortInUseError
from h2ok.kernel.threads import ElasticPool
from h2ok.kernel.transport.base import Serve, Transport
from h2ok.kernel.transport.lines import COPY_BYTES, Line, LineCall, Patience
from h2ok.kernel.transport.pending import PendingCalls, settle
from h2ok.kernel.transport.remote_errors import finish, reply_of
from h2ok.kernel.wire import decode, encode
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

__all__ = ["MAX_FRAME_BYTES", "ZmqTransport"]

_log = logging.getLogger(__name__)
#: Changes when messages of older nodes cannot be read any more.
_WIRE_VERSION = 2
_REQUEST, _REPLY, _ERROR = 0, 1, 2
#: Default bound of one frame; ZeroMQ closes a connection that sends more.
MAX_FRAME_BYTES = 2 << 30
_MAX_FRAMES = 1 << 20
#: Messages taken from one socket before the others get their turn.
_BURST = 64
#: Lines of its own that a peer's calls may have at once; further ones share one.
_LINES = 8
#: The same for all peers together: each line takes two file descriptors on both sides.
_ALL_LINES = 96
#: Seconds the receiver waits at most before it looks at the deadlines.
_LONGEST_WAIT = 1.0
_MONITORED = zmq.Event.CONNECTED | zmq.Event.DISCONNECTED | zmq.Event.CLOSED


_NOTHING: tuple[str, None] = ("", None)


class _Header(msgspec.Struct, array_like=True):
    """``timeout``: seconds the caller still waits when it sends (clocks of nodes differ)."""

    version: int
    kind: int
    number: int
    service: str
    timeout: float


class _Peer:
    """A peer that was asked: the way to it, and what is known of the connection."""

    def __init__(self, node: H2ONode, line: Line, monitor: zmq.Socket[bytes]) -> None:
        self.node = node
        self.line = line
        self.monitor = monitor
        self.monitor_fd = int(monitor.getsockopt(zmq.FD))
        self.connected = False
        self.was_connected = False
        #: Lines for single calls that nobody uses now.
        self.idle: deque[Line] = deque()
        self.lines: set[Line] = set()
        self.address = f"tcp://{_host(node.ip)}:{node.node_port}"


class ZmqTransport(Transport):
    """Binds at once, so that a taken port is known before anything else starts.

    Parameters
    ----------
    ip, port : where to listen; port 0 lets the system choose (see ``port``).
    secret : when set, traffic is encrypted by CURVE and only nodes with the same secret can connect.

    Raises
    ------
    PortInUseError
        The port cannot be bound.
    """

    def __init__(self, ip: str, port: int, *, label: str = "", secret: str = "", max_frame: int = MAX_FRAME_BYTES) -> None:
        self.name = label or f"{ip}:{port}"
        self._keys = _curve_keys(secret) if secret else None
        self._max_frame = max_frame
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._router = self._socket(zmq.ROUTER)
        if self._keys is not None:
            self._router.curve_server = True
            self._router.curve_publickey, self._router.curve_secretkey = self._keys
        try:
            self._router.bind(f"tcp://{_host(ip)}:{port or '*'}")
        except zmq.ZMQError as e:
            self._router.close()
            self._context.term()
            raise PortInUseError(
                f"Cannot listen for other nodes on {ip}:{port}: {e.strerror}. A free port on an address of this machine was "
                "expected. Choose another --port (the node port is the REST port + 1) or --ip.",
                ip=ip,
                port=port,
            ) from e
        self.port = int(self._router.getsockopt_string(zmq.LAST_ENDPOINT).rsplit(":", 1)[1])
        self._listener = Line(self._router)
        self._serve: Serve | None = None
        self._peers: dict[H2ONode, _Peer] = {}
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
        self._patience, self._call_patience = Patience(), Patience()
        #: Whether the last request was a short one.
        self._lively = False
        #: The thread that receives.
        self._receiver = 0
        self._lines_lock = threading.Lock()
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
        message = [msgspec.msgpack.encode(_Header(_WIRE_VERSION, _REQUEST, number, name, timeout)), *frames]
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
        line = self._own_line(peer) if peer is not None and peer.connected else None
        if peer is None or line is None:
            return self.submit(to, name, payload, timeout)
        call = LineCall(line, self._call_patience, partial(self._take, self._take_reply), partial(self._end_of_call, peer))
        number, future, nearest = self._pending.add(to, name, timeout, call)
        line.send([msgspec.msgpack.encode(_Header(_WIRE_VERSION, _REQUEST, number, name, timeout)), *frames], watched=False)
        if line.closed and self._pending.pop(number) is not None:
            return self.submit(to, name, payload, timeout)
        if nearest and timeout < _LONGEST_WAIT:
            self._wake()
        return future

    def _own_line(self, peer: _Peer) -> Line | None:
        """A line for one call; None when there are too many, or the peer was forgotten just now."""
        try:
            return peer.idle.pop()
        except IndexError:
            pass
        with self._lines_lock:
            full = len(peer.lines) >= _LINES or sum(len(p.lines) for p in list(self._peers.values())) >= _ALL_LINES
            if full or self._closing or peer.line.closed:
                return None
            socket = self._dealer()
            socket.connect(peer.address)
            line = Line(socket)
            peer.lines.add(line)
            return line

    def _end_of_call(self, peer: _Peer, line: Line, clean: bool) -> None:
        """A call ended; its line serves again unless an answer may still come."""
        if clean and not line.closed:
            peer.idle.append(line)
            return
        with self._lines_lock:
            peer.lines.discard(line)
        line.close()

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
        header = _header(frames, 1)
        if header.kind != _REQUEST:
            raise ValueError(f"kind {header.kind} is not a request")
        deadline = time.monotonic() + header.timeout
        (_, earlier), answer = self._next, partial(self._answer, frames[0].bytes, header, frames[2:], deadline)
        # A long message takes its time to read.
        self._next = (header.service if sum(map(len, frames)) <= COPY_BYTES else "", answer)
        if earlier is not None and not self._handlers.submit(earlier) and not self._closing:
            _log.error("Node %s has no thread left for a request; the caller runs into its deadline.", self.name)

    def _take_reply(self, frames: list[zmq.Frame]) -> None:
        header = _header(frames, 0)
        call = self._pending.pop(header.number)
        if call is None:
            return
        if isinstance(call.future, LineCall) or sum(map(len, frames)) <= COPY_BYTES:
            finish(call.future, _buffers(frames[1:]))
        elif not self._handlers.submit(partial(finish, call.future, _buffers(frames[1:]))):
            text = f"This node closed before the answer of node {call.to.name} to '{call.service}' was read."
            settle(call.future, error=NodeLostError(text, node=call.to.name))

    def _peer(self, node: H2ONode) -> _Peer:
        peer = self._peers.get(node)
        if peer is None:
            socket = self._dealer()
            monitor: zmq.Socket[bytes] = socket.get_monitor_socket(_MONITORED)
            peer = _Peer(node, Line(socket), monitor)
            self._watch(peer.line.fd, partial(self._receive, peer.line))
            self._watch(peer.monitor_fd, partial(self._follow, peer))
            socket.connect(peer.address)
            # Others may send on it from here on.
            self._peers[node] = peer
            self._unread.append(peer.line)
            self._follow(peer)
        return peer

    def _follow(self, peer: _Peer) -> None:
        """Follow the connection: requests on a closed one are lost, a refused one means the process is gone."""
        while not peer.monitor.closed:
            try:
                event = parse_monitor_message(peer.monitor.recv_multipart(zmq.NOBLOCK))["event"]
            except zmq.Again:
                return
            if event == zmq.Event.CONNECTED:
                peer.connected = peer.was_connected = True
            elif event == zmq.Event.DISCONNECTED:
                peer.connected = False
                self._pending.fail_node(peer.node, "its connection was closed")
            elif event == zmq.Event.CLOSED and peer.was_connected and not peer.connected:
                self._forget(peer.node)
                self._pending.fail_node(peer.node, "it refuses connections")
                if self.on_refused is not None:
                    self._handlers.submit(partial(self.on_refused, peer.node))
                return

    def _forget(self, node: H2ONode) -> None:
        peer = self._peers.pop(node, None)
        if peer is None:
            return
        for fd in (peer.line.fd, peer.monitor_fd):
            self._poller.unregister(fd)
            del self._watched[fd]
        with self._lines_lock:
            lines, peer.lines = peer.lines, set()
            peer.line.close()
        for line in lines:
            line.close()
        peer.monitor.close(0)

    def _close_sockets(self) -> None:
        for node in list(self._peers):
            self._forget(node)
        self._listener.close(500)
        self._context.term()

    def _dealer(self) -> zmq.Socket[bytes]:
        socket = self._socket(zmq.DEALER)
        socket.setsockopt(zmq.RECONNECT_IVL, 50)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        if self._keys is not None:
            socket.curve_serverkey = self._keys[0]
            socket.curve_publickey, socket.curve_secretkey = self._keys
        return socket

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        # Requests and replies are bounded by their callers; a full queue here would only lose replies.
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, self._max_frame)
        socket.setsockopt(zmq.IPV6, 1)
        return socket

    # -- handler threads ----------------------------------------------------------------------------------------------

    def _answer(self, identity: bytes, header: _Header, frames: list[zmq.Frame], deadline: float) -> None:
        if time.monotonic() > deadline or self._closing:
            return
        kind = _REPLY
        try:
            assert self._serve is not None
            reply = encode(self._serve(header.service, decode(_buffers(frames))))
        except BaseException as e:  # goes to the caller
            kind, reply = _ERROR, encode(reply_of(e, self.name))
        if not self._closing:
            answer = _Header(_WIRE_VERSION, kind, header.number, "", 0.0)
            self._send(self._listener, [identity, msgspec.msgpack.encode(answer), *reply])


def _buffers(frames: list[zmq.Frame]) -> list[Any]:
    """Frames as buffers that arrays can stand on: small ones as copies, so that they do not keep a receive buffer alive."""
    return [f.buffer if len(f) > COPY_BYTES else bytearray(f.buffer) for f in frames]


def _header(frames: list[zmq.Frame], at: int) -> _Header:
    if not at + 1 < len(frames) <= _MAX_FRAMES:
        raise ValueError(f"a message of {len(frames)} frames")
    header = msgspec.msgpack.decode(frames[at].buffer, type=_Header)
    if header.version != _WIRE_VERSION:
        raise ValueError(f"wire version {header.version} where {_WIRE_VERSION} was expected; run the same h2ok on all nodes")
    return header


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _curve_keys(secret: str) -> tuple[bytes, bytes]:
    """(public, secret) CURVE key of the whole cloud, made of its shared secret.

    SECURITY: a client must know the server's public key to connect at all, and it is never sent; only who has the secret can
    make it. So one pair for all nodes both encrypts and authenticates.
    """
    raw = hashlib.scrypt(secret.encode(), salt=b"h2ok.cluster", n=2**14, r=8, p=1, dklen=32)
    private = z85.encode(raw)
    return zmq.curve_public(private), private

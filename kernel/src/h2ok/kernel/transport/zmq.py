"""The ZeroMQ transport: one ROUTER that answers, one DEALER for each peer asked, all owned by one I/O thread.

A message is ``[header, frame, frame...]``: the header a msgpack array, the frames those of ``h2ok.kernel.wire``. Threads that
call only queue messages and wake the I/O thread through a pipe; requests are answered on an elastic pool.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import os
import threading
import time
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import Any

import msgspec
import zmq
from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.errors import H2OKError, NodeLostError, PortInUseError
from h2ok.kernel.threads import ElasticPool
from h2ok.kernel.transport.base import Serve, Transport
from h2ok.kernel.transport.pending import PendingCalls, settle
from h2ok.kernel.transport.remote_errors import finish, reply_of
from h2ok.kernel.wire import decode, encode
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

__all__ = ["MAX_FRAME_BYTES", "ZmqTransport"]

_log = logging.getLogger(__name__)
#: Changes when messages of older nodes cannot be read any more.
_WIRE_VERSION = 1
_REQUEST, _REPLY, _ERROR = 0, 1, 2
#: Default bound of one frame; ZeroMQ closes a connection that sends more.
MAX_FRAME_BYTES = 2 << 30
_MAX_FRAMES = 1 << 20
#: Frames up to this size are copied (cheaper than tracking them).
_COPY_BYTES = 1 << 16
#: Messages taken from one socket before the others get their turn.
_BURST = 64
_MONITORED = zmq.Event.CONNECTED | zmq.Event.DISCONNECTED | zmq.Event.CLOSED


class _Header(msgspec.Struct, array_like=True):
    """``timeout``: seconds the caller still waits when it sends (clocks of nodes differ)."""

    version: int
    kind: int
    number: int
    service: str
    timeout: float


class _Peer:
    """The I/O thread's side of one peer."""

    def __init__(self, node: H2ONode, socket: zmq.Socket[bytes], monitor: zmq.Socket[bytes]) -> None:
        self.node = node
        self.socket = socket
        self.monitor = monitor
        self.connected = False
        self.was_connected = False


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
        self._serve: Serve | None = None
        self._peers: dict[H2ONode, _Peer] = {}
        self._by_socket: dict[zmq.Socket[bytes], _Peer] = {}
        self._pending = PendingCalls()
        self._outbox: deque[tuple[H2ONode | bytes, list[Any]]] = deque()
        self._drops: deque[tuple[H2ONode, str]] = deque()
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_out, False)
        os.set_blocking(self._wake_in, False)
        self._awake = False
        self._closing = False
        self._poller = zmq.Poller()
        self._handlers = ElasticPool(f"h2ok-{self.port}-handler")
        self._thread = threading.Thread(target=self._run, name=f"h2ok-{self.port}-io", daemon=True)
        self._complaints = 0

    @property
    def active(self) -> int:
        return len(self._pending)

    # -- any thread ---------------------------------------------------------------------------------------------------

    def start(self, serve: Serve) -> None:
        self._serve = serve
        self._thread.start()

    def submit(self, to: H2ONode, name: str, payload: Any, timeout: float) -> Future[Any]:
        frames = encode(payload)
        number, future, _ = self._pending.add(to, name, timeout)
        self._post(to, _Header(_WIRE_VERSION, _REQUEST, number, name, timeout), frames)
        return future

    def drop_peer(self, node: H2ONode, reason: str) -> None:
        self._pending.fail_node(node, reason)
        self._drops.append((node, reason))
        self._wake()

    def close(self) -> None:
        """End the I/O thread and all sockets; replies already queued are still sent (for at most half a second)."""
        if self._closing:
            return
        self._closing = True
        self._pending.close()
        if self._thread.is_alive():
            self._wake()
            self._thread.join(5.0)
        else:
            self._close_sockets()
        self._handlers.close()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def _post(self, to: H2ONode | bytes, header: _Header, frames: list[Any]) -> None:
        self._outbox.append((to, [msgspec.msgpack.encode(header), *frames]))
        self._wake()

    def _wake(self) -> None:
        # One byte in the pipe is enough; the I/O thread clears the flag before it empties the queues.
        if not self._awake:
            self._awake = True
            with contextlib.suppress(OSError):
                os.write(self._wake_in, b"\0")

    # -- the I/O thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        self._poller.register(self._wake_out, zmq.POLLIN)
        self._poller.register(self._router, zmq.POLLIN)
        while not self._closing:
            try:
                self._turn()
            except Exception:  # one bad message or socket must not end the node's traffic
                _log.exception("The I/O thread of node %s met an error", self.name)
        self._flush()
        self._close_sockets()

    def _turn(self) -> None:
        deadline = self._pending.next_deadline()
        wait = 1000 if deadline is None else math.ceil(min(1000.0, max(0.0, (deadline - time.monotonic()) * 1000)))
        ready = self._poller.poll(wait)
        for source, _ in ready:
            if source == self._wake_out:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_out, 4096)
            elif source is self._router:
                self._receive(self._router, self._take_request)
            elif isinstance(source, zmq.Socket) and source in self._by_socket:
                peer = self._by_socket[source]
                if source is peer.socket:
                    self._receive(source, self._take_reply)
                else:
                    self._watch(peer)
        self._awake = False
        while self._drops:
            node, reason = self._drops.popleft()
            self._forget(node)
            # What was sent since ``drop_peer`` may have gone with the socket.
            self._pending.fail_node(node, reason)
        self._flush()
        for call in self._pending.expire(time.monotonic()):
            # Nothing may pile up in the queue of a peer that never answered a connection; but what still waits there is not lost.
            late = self._peers.get(call.to)
            if late is not None and not late.connected and not self._pending.any_for(call.to):
                self._forget(call.to)

    def _flush(self) -> None:
        while self._outbox:
            to, frames = self._outbox.popleft()
            try:
                if isinstance(to, bytes):
                    _send(self._router, [to, *frames])
                else:
                    _send(self._peer(to).socket, frames)
            except zmq.ZMQError as e:
                _log.warning("Node %s could not send a message: %s", self.name, e)

    def _receive(self, socket: zmq.Socket[bytes], take: Any) -> None:
        for _ in range(_BURST):
            try:
                frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
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
        job = partial(self._answer, frames[0].bytes, header, frames[2:], deadline)
        if not self._handlers.submit(job) and not self._closing:
            _log.error("Node %s has no thread left for '%s'; the caller runs into its deadline.", self.name, header.service)

    def _take_reply(self, frames: list[zmq.Frame]) -> None:
        header = _header(frames, 0)
        call = self._pending.pop(header.number)
        if call is None:
            return
        if sum(map(len, frames)) <= _COPY_BYTES:
            finish(call.future, _buffers(frames[1:]))
        elif not self._handlers.submit(partial(finish, call.future, _buffers(frames[1:]))):
            text = f"This node closed before the answer of node {call.to.name} to '{call.service}' was read."
            settle(call.future, error=NodeLostError(text, node=call.to.name))

    def _peer(self, node: H2ONode) -> _Peer:
        peer = self._peers.get(node)
        if peer is None:
            socket = self._socket(zmq.DEALER)
            socket.setsockopt(zmq.RECONNECT_IVL, 50)
            socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
            if self._keys is not None:
                socket.curve_serverkey = self._keys[0]
                socket.curve_publickey, socket.curve_secretkey = self._keys
            monitor: zmq.Socket[bytes] = socket.get_monitor_socket(_MONITORED)
            peer = self._peers[node] = _Peer(node, socket, monitor)
            for s in (socket, monitor):
                self._by_socket[s] = peer
                self._poller.register(s, zmq.POLLIN)
            socket.connect(f"tcp://{_host(node.ip)}:{node.node_port}")
        return peer

    def _watch(self, peer: _Peer) -> None:
        """Follow the connection: requests on a closed one are lost, a refused one means the process is gone."""
        while True:
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
        for s in (peer.socket, peer.monitor):
            self._poller.unregister(s)
            del self._by_socket[s]
        peer.socket.disable_monitor()
        peer.monitor.close(0)
        peer.socket.close(0)

    def _close_sockets(self) -> None:
        for node in list(self._peers):
            self._forget(node)
        self._router.close(500)
        self._context.term()

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
            self._post(identity, _Header(_WIRE_VERSION, kind, header.number, "", 0.0), reply)


def _send(socket: zmq.Socket[bytes], frames: list[Any]) -> None:
    last = len(frames) - 1
    for i, frame in enumerate(frames):
        flags = zmq.NOBLOCK if i == last else zmq.NOBLOCK | zmq.SNDMORE
        size = frame.nbytes if isinstance(frame, memoryview) else len(frame)
        socket.send(frame, flags, copy=size <= _COPY_BYTES)


def _buffers(frames: list[zmq.Frame]) -> list[Any]:
    """Frames as buffers that arrays can stand on: small ones as copies, so that they do not keep a receive buffer alive."""
    return [f.buffer if len(f) > _COPY_BYTES else bytearray(f.buffer) for f in frames]


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

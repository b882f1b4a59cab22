"""Peers: the nodes that were asked, the ways to them, and what is known of the connections."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

import zmq
from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.transport.lines import Line
from h2ok.kernel.transport.sockets import Sockets, host_of
from zmq.utils.monitor import parse_monitor_message

__all__ = ["Peer", "Peers"]

#: Lines of its own that a peer's calls may have at once; further ones share one.
_LINES = 8
#: The same for all peers together: each line takes two file descriptors on both sides.
_ALL_LINES = 96
_MONITORED = zmq.Event.CONNECTED | zmq.Event.DISCONNECTED | zmq.Event.CLOSED


class Peer:
    """A peer that was asked. ``line`` is shared by all calls without one of their own."""

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
        self.address = f"tcp://{host_of(node.ip)}:{node.node_port}"

    def events(self) -> Iterator[int]:
        """What happened to the connection since the last look, kept in ``connected`` and ``was_connected``."""
        while not self.monitor.closed:
            try:
                event = parse_monitor_message(self.monitor.recv_multipart(zmq.NOBLOCK))["event"]
            except zmq.Again:
                return
            if event == zmq.Event.CONNECTED:
                self.connected = self.was_connected = True
            elif event == zmq.Event.DISCONNECTED:
                self.connected = False
            yield event


class Peers:
    """By node. Peers come and go with the thread that receives; all threads take lines and give them back."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._peers: dict[H2ONode, Peer] = {}
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[H2ONode]:
        return iter(list(self._peers))

    def get(self, node: H2ONode) -> Peer | None:
        return self._peers.get(node)

    def add(self, node: H2ONode) -> Peer:
        """A new peer, about to be connected; others may send on its line from here on."""
        socket = self._sockets.dealer()
        monitor: zmq.Socket[bytes] = socket.get_monitor_socket(_MONITORED)
        peer = Peer(node, Line(socket), monitor)
        socket.connect(peer.address)
        self._peers[node] = peer
        return peer

    def pop(self, node: H2ONode) -> Peer | None:
        """Take a peer out, for ``close``; None when it is not there."""
        return self._peers.pop(node, None)

    def close(self, peer: Peer) -> None:
        """Close all ways to a peer that was taken out."""
        with self._lock:
            lines, peer.lines = peer.lines, set()
            peer.line.close()
        for line in lines:
            line.close()
        peer.monitor.close(0)

    def take_line(self, peer: Peer) -> Line | None:
        """A line for one call; None when there are too many, or the peer was forgotten just now."""
        try:
            return peer.idle.pop()
        except IndexError:
            pass
        with self._lock:
            full = len(peer.lines) >= _LINES or sum(len(p.lines) for p in list(self._peers.values())) >= _ALL_LINES
            if full or peer.line.closed:
                return None
            socket = self._sockets.dealer()
            socket.connect(peer.address)
            line = Line(socket)
            peer.lines.add(line)
            return line

    def give_back(self, peer: Peer, line: Line, clean: bool) -> None:
        """A call ended; its line serves again unless an answer may still come."""
        if clean and not line.closed:
            peer.idle.append(line)
            return
        with self._lock:
            peer.lines.discard(line)
        line.close()

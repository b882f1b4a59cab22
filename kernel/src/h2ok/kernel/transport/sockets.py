"""Sockets: the ZeroMQ sockets of one transport, all with the same options and, where there is a secret, encrypted."""

from __future__ import annotations

import hashlib

import zmq
from h2ok.kernel.errors import PortInUseError
from zmq.utils import z85

__all__ = ["MAX_FRAME_BYTES", "Sockets", "host_of"]

#: Milliseconds between two tries to connect: at first, and at most.
_RECONNECT, _LONGEST_RECONNECT = 50, 200
#: Bound of one frame; ZeroMQ closes a connection that sends more.
MAX_FRAME_BYTES = 2 << 30


class Sockets:
    """Makes sockets in a context of its own.

    Parameters
    ----------
    secret : of the cloud; empty for plain traffic.
    max_frame : bytes of the longest frame that is taken.
    """

    def __init__(self, secret: str, max_frame: int = MAX_FRAME_BYTES) -> None:
        self._max_frame = max_frame
        self._keys = _curve_keys(secret) if secret else None
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()

    def router(self, ip: str, port: int) -> zmq.Socket[bytes]:
        """The socket that answers, bound; port 0 lets the system choose.

        Raises
        ------
        PortInUseError
            The port cannot be bound; the context is closed.
        """
        socket = self._socket(zmq.ROUTER)
        if self._keys is not None:
            socket.curve_server = True
            socket.curve_publickey, socket.curve_secretkey = self._keys
        try:
            socket.bind(f"tcp://{host_of(ip)}:{port or '*'}")
        except zmq.ZMQError as e:
            socket.close()
            self.context.term()
            raise PortInUseError(
                f"Cannot listen for other nodes on {ip}:{port}: {e.strerror}. A free port on an address of this machine was "
                "expected. Choose another --port (the node port is the REST port + 1) or --ip.",
                ip=ip,
                port=port,
            ) from e
        return socket

    def dealer(self) -> zmq.Socket[bytes]:
        """A socket that asks; not connected yet."""
        socket = self._socket(zmq.DEALER)
        socket.setsockopt(zmq.RECONNECT_IVL, _RECONNECT)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, _LONGEST_RECONNECT)
        if self._keys is not None:
            socket.curve_serverkey = self._keys[0]
            socket.curve_publickey, socket.curve_secretkey = self._keys
        return socket

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        socket = self.context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        # Requests and replies are bounded by their callers; a full queue here would only lose replies.
        socket.setsockopt(zmq.SNDHWM, 0)
        socket.setsockopt(zmq.RCVHWM, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, self._max_frame)
        socket.setsockopt(zmq.IPV6, 1)
        return socket


def host_of(ip: str) -> str:
    """An address as it stands in an URL."""
    return f"[{ip}]" if ":" in ip else ip


def _curve_keys(secret: str) -> tuple[bytes, bytes]:
    """(public, secret) CURVE key of the whole cloud, made of its shared secret.

    SECURITY: a client must know the server's public key to connect at all, and it is never sent; only who has the secret can
    make it. So one pair for all nodes both encrypts and authenticates.
    """
    raw = hashlib.scrypt(secret.encode(), salt=b"h2ok.cluster", n=2**14, r=8, p=1, dklen=32)
    private = z85.encode(raw)
    return zmq.curve_public(private), private

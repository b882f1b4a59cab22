"""BufferResponse: gunicorn's response, which also sends buffers as they are."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from gunicorn.http import wsgi

__all__ = ["BufferResponse", "send_parts"]


#: Buffers that are sent together at most: what systems take at once.
_MOST_PARTS = 256


class BufferResponse(wsgi.Response):  # type: ignore[misc]
    """Takes tuples of buffers beside bytes. PERF: to join them, with the head and tail of a chunk, would copy all that is sent."""

    def write(self, arg: Any) -> None:
        """Send a piece of the body."""
        if not isinstance(arg, tuple) or not self.is_chunked() or self.req.method == "HEAD":
            super().write(b"".join(arg) if isinstance(arg, tuple) else arg)
            return
        self.send_headers()
        size = sum(map(len, arg))
        if size:
            self.sent += size
            send_parts(self.sock, [b"%X\r\n" % size, *arg, b"\r\n"])


def send_parts(sock: socket.socket, parts: Sequence[bytes | memoryview]) -> None:
    """Send buffers one after the other, together where the socket can."""
    for first in range(0, len(parts), _MOST_PARTS):
        some = parts[first : first + _MOST_PARTS]
        sent = 0
        if type(sock) is socket.socket and hasattr(sock, "sendmsg"):  # not over TLS, not on Windows
            sent = sock.sendmsg(some)
        for part in some:
            size = len(part)
            if sent < size:
                sock.sendall(memoryview(part)[sent:])
            sent = max(sent - size, 0)

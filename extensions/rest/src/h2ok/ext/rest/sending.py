"""BufferResponse: gunicorn's response, which also sends buffers as they are."""

from __future__ import annotations

import socket
from typing import Any

from gunicorn.http import wsgi

__all__ = ["BufferResponse", "send_parts"]


class BufferResponse(wsgi.Response):  # type: ignore[misc]
    """Takes memoryviews beside bytes. PERF: gunicorn would join each with its chunk's head and tail, a copy of all that is sent."""

    def write(self, arg: Any) -> None:
        """Send a piece of the body."""
        if not isinstance(arg, memoryview) or not self.is_chunked() or self.req.method == "HEAD":
            super().write(bytes(arg) if isinstance(arg, memoryview) else arg)
            return
        self.send_headers()
        if arg.nbytes:
            self.sent += arg.nbytes
            send_parts(self.sock, [b"%X\r\n" % arg.nbytes, arg, b"\r\n"])


def send_parts(sock: socket.socket, parts: list[bytes | memoryview]) -> None:
    """Send buffers one after the other, together where the socket can."""
    sent = 0
    if type(sock) is socket.socket and hasattr(sock, "sendmsg"):  # not over TLS, not on Windows
        sent = sock.sendmsg(parts)
    for part in parts:
        size = len(part)
        if sent < size:
            sock.sendall(memoryview(part)[sent:])
        sent = max(sent - size, 0)

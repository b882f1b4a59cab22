"""Bodies sent as buffers, over a real socket."""

from __future__ import annotations

import socket
import threading

import pytest
from h2ok.ext.rest.sending import send_parts


class _Reluctant(socket.socket):
    """Knows no sendmsg, as sockets over TLS."""


@pytest.mark.parametrize("size", [0, 1, 70_000, 9_000_000])
@pytest.mark.parametrize("whole", [True, False])
def test_parts_arrive_one_after_the_other(size: int, whole: bool) -> None:
    left, right = socket.socketpair()
    if not whole:
        left = _Reluctant(fileno=left.detach())
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    got: list[bytes] = []

    def receive() -> None:
        while piece := right.recv(1 << 16):
            got.append(piece)

    reader = threading.Thread(target=receive)
    reader.start()
    with left:
        send_parts(left, [b"head ", memoryview(body), b" tail"])
    reader.join()
    right.close()
    assert b"".join(got) == b"head " + body + b" tail"

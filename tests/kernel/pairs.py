"""Two ZeroMQ transports that ask each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.testing import no_new_threads
from h2ok.kernel.transport.sockets import MAX_FRAME_BYTES
from h2ok.kernel.transport.zmq import ZmqTransport


class Pair:
    """Transports ``a`` and ``b``, which echo; a subclass may serve more, and wait for ``release`` in it."""

    def __init__(self, secret: str = "", max_frame: int = MAX_FRAME_BYTES) -> None:
        self.a = ZmqTransport("127.0.0.1", 0, secret=secret, max_frame=max_frame)
        self.b = ZmqTransport("127.0.0.1", 0, secret=secret, max_frame=max_frame, label="node-b")
        self.at_a = H2ONode("127.0.0.1", 1, self.a.port)
        self.at_b = H2ONode("127.0.0.1", 2, self.b.port)
        self.release = threading.Event()

    def serve(self, name: str, payload: Any) -> Any:
        return payload

    def start(self) -> None:
        self.a.start(self.serve)
        self.b.start(self.serve)

    def close(self) -> None:
        self.release.set()
        self.a.close()
        self.b.close()

    @classmethod
    @contextmanager
    def running(cls, secret: str = "", max_frame: int = MAX_FRAME_BYTES) -> Iterator[Self]:
        """A pair that is started; no thread of it is left afterwards."""
        with no_new_threads():
            made = cls(secret, max_frame)
            made.start()
            try:
                yield made
            finally:
                made.close()

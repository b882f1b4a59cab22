"""Lines: sockets that threads use in turn, and calls whose caller waits for the answer at the socket itself."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import zmq

__all__ = ["AWAKE_SECONDS", "CALL_AWAKE_SECONDS", "COPY_BYTES", "Line", "LineCall", "Patience"]

#: Frames up to this size are copied (cheaper than tracking them).
COPY_BYTES = 1 << 16
#: Seconds until a caller that waits at its line looks whether the call ended otherwise (the node is lost, the deadline over).
_LOOK_SECONDS = 0.1
#: Seconds that a wait may last without sleep. PERF: to wake a processor takes 0.05 ms, a short service answers within 0.2.
AWAKE_SECONDS = 0.0005
#: The same for one who awaits an answer. PERF: nodes that share the work of a task end it within 2 ms of each other; two nodes
#: train a GBM in 3 % less time so.
CALL_AWAKE_SECONDS = 0.003
#: A gap between two looks that tells that other threads want the processor.
_GAP_SECONDS = 0.0002
#: Seconds to wait as usual after waiting awake was of no use: at first, and at most.
_REST_SECONDS, _LONGEST_REST = 0.001, 0.02


class Patience:
    """Waits for file descriptors: the first moment awake, as long as that pays.

    On a machine with idle processors a message is noticed earlier so. Where others need the processor, the one who should bring
    the message among them, staying awake would only hold it up: after a wait in vain it is not tried again for a while.

    Parameters
    ----------
    awake : seconds of that first moment.
    """

    def __init__(self, awake: float) -> None:
        self._awake = awake
        self._again_at = 0.0
        self._rest = _REST_SECONDS

    def poll(self, poller: select.poll, milliseconds: float) -> list[tuple[int, int]]:
        """``poller.poll(milliseconds)``."""
        now = time.perf_counter()
        if now >= self._again_at:
            end = now + self._awake
            while now < end:
                found = poller.poll(0)
                if found:
                    self._rest = _REST_SECONDS
                    return found
                # Threads of ZeroMQ, which bring the message, may stand behind this one on its processor.
                os.sched_yield()
                before, now = now, time.perf_counter()
                if now - before > _GAP_SECONDS:
                    break
            self._again_at = now + self._rest
            self._rest = min(2 * self._rest, _LONGEST_REST)
        return poller.poll(milliseconds)


class Line:
    """A socket that all threads use in turn.

    ZeroMQ's sockets are no thread's own as long as a lock orders their use. What the receiver waits on (``fd``) only tells of
    changes, and a send may swallow that news: so it looks for messages afterwards.
    """

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.socket = socket
        self.fd = int(socket.getsockopt(zmq.FD))
        self.closed = False
        self._lock = threading.Lock()

    def send(self, frames: list[Any], *, watched: bool = True) -> bool:
        """Send a message; whether there is something to receive on a ``watched`` line. False on a closed line, see ``closed``."""
        with self._lock:
            if self.closed:
                return False
            last = len(frames) - 1
            for i, frame in enumerate(frames):
                flags = zmq.NOBLOCK if i == last else zmq.NOBLOCK | zmq.SNDMORE
                size = frame.nbytes if isinstance(frame, memoryview) else len(frame)
                self.socket.send(frame, flags, copy=size <= COPY_BYTES)
            return watched and bool(int(self.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)

    def receive(self) -> list[zmq.Frame] | None:
        """The next message, None when there is none."""
        with self._lock:
            if self.closed:
                return None
            try:
                return self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return None

    def close(self, linger: int = 0) -> None:
        with self._lock:
            if self.closed:
                return
            self.closed = True
            self.socket.disable_monitor()
            self.socket.close(linger)


class LineCall(Future[Any]):
    """The future of a call that has a line of its own until it ends. Its caller must ask for the result.

    PERF: where another thread receives, two threads have to wake up for one answer, which takes 0.1 of 0.3 ms.
    """

    def __init__(
        self, line: Line, patience: Patience, take: Callable[[list[zmq.Frame]], None], end: Callable[[Line, bool], None]
    ) -> None:
        super().__init__()
        self._line = line
        #: For the first wait; who waits on does so for long.
        self._patience: Patience | None = patience
        self._take = take
        self._end = end
        self._answered = False
        self._ended = False
        self._turn = threading.Lock()

    def look(self, seconds: float) -> bool:
        """Take the answer when it comes within ``seconds``; whether the call has ended."""
        if not super().done():
            with self._turn:
                if not super().done():
                    self._receive(seconds)
        ended = super().done()
        # What is called back at the end may ask again while the first one still has its turn.
        if ended and not self._ended and self._turn.acquire(blocking=False):
            first, self._ended = not self._ended, True
            self._turn.release()
            if first:
                self._end(self._line, self._answered)
        return ended

    def _receive(self, seconds: float) -> None:
        frames = self._line.receive()
        if frames is None and seconds > 0:
            waiter = select.poll()
            waiter.register(self._line.fd, select.POLLIN)
            if self._patience is not None:
                self._patience.poll(waiter, 1000 * seconds)
                self._patience = None
            else:
                waiter.poll(1000 * seconds)
            frames = self._line.receive()
        if frames is not None:
            # Before others hear of it: they may look themselves.
            self._answered = True
            self._take(frames)
            self._answered = super().done()

    def done(self) -> bool:
        return self.look(0.0)

    def result(self, timeout: float | None = None) -> Any:
        self._await(timeout)
        return super().result(0.0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._await(timeout)
        return super().exception(0.0)

    def __del__(self) -> None:
        if not self._ended:
            self._end(self._line, False)

    def _await(self, timeout: float | None) -> None:
        """Wait until the call has ended, or ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            wait = _LOOK_SECONDS if deadline is None else min(_LOOK_SECONDS, deadline - time.monotonic())
            if self.look(max(0.0, wait)) or wait <= 0:
                return

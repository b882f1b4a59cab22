"""PendingCalls: the requests of a node that have no answer yet, with their deadlines."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from concurrent.futures import Future, InvalidStateError
from typing import TYPE_CHECKING, Any, NamedTuple

from h2ok.kernel.errors import NodeLostError

if TYPE_CHECKING:
    from h2ok.kernel.cloud.cloud import H2ONode

__all__ = ["PendingCall", "PendingCalls", "settle"]


class PendingCall(NamedTuple):
    """One open request."""

    future: Future[Any]
    to: H2ONode
    service: str
    deadline: float
    timeout: float


class PendingCalls:
    """Open requests by id. Thread-safe; every future that is added ends through one of the methods here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._calls: dict[int, PendingCall] = {}
        self._heap: list[tuple[float, int]] = []
        self._closed = False

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, to: H2ONode, service: str, timeout: float, future: Future[Any] | None = None) -> tuple[int, Future[Any], bool]:
        """(request id, future, whether this deadline is now the nearest one).

        Raises
        ------
        NodeLostError
            This node is closing.
        """
        call = PendingCall(Future() if future is None else future, to, service, time.monotonic() + timeout, timeout)
        with self._lock:
            if self._closed:
                raise NodeLostError(f"Cannot ask node {to.name} for '{service}': this node is closing.", node=to.name)
            number = next(self._ids)
            self._calls[number] = call
            nearest = not self._heap or call.deadline < self._heap[0][0]
            heapq.heappush(self._heap, (call.deadline, number))
            if len(self._heap) > 2 * len(self._calls) + 1000:
                self._heap = [(c.deadline, i) for i, c in self._calls.items()]
                heapq.heapify(self._heap)
        return number, call.future, nearest

    def pop(self, number: int) -> PendingCall | None:
        """Take out one call, None when it ended already."""
        with self._lock:
            return self._calls.pop(number, None)

    def awaits(self, node: H2ONode) -> bool:
        """Whether a call to ``node`` is open."""
        with self._lock:
            return any(c.to == node for c in self._calls.values())

    def next_deadline(self) -> float | None:
        """Monotonic time of the nearest deadline."""
        with self._lock:
            while self._heap and self._heap[0][1] not in self._calls:
                heapq.heappop(self._heap)
            return self._heap[0][0] if self._heap else None

    def expire(self, now: float) -> list[PendingCall]:
        """End all calls whose deadline has passed; returns them."""
        late: list[PendingCall] = []
        with self._lock:
            while self._heap and self._heap[0][0] <= now:
                call = self._calls.pop(heapq.heappop(self._heap)[1], None)
                if call is not None:
                    late.append(call)
        for call in late:
            text = f"Node {call.to.name} did not answer '{call.service}' within {call.timeout:g} s."
            settle(call.future, error=NodeLostError(text, node=call.to.name, service=call.service))
        return late

    def fail_node(self, node: H2ONode, reason: str) -> int:
        """End all calls to ``node`` with NodeLostError; how many there were."""
        with self._lock:
            numbers = [i for i, c in self._calls.items() if c.to == node]
            calls = [self._calls.pop(i) for i in numbers]
        for c in calls:
            text = f"Node {node.name} was lost while it worked on '{c.service}': {reason}"
            settle(c.future, error=NodeLostError(text, node=node.name, service=c.service))
        return len(calls)

    def close(self) -> None:
        """End every call and take no more."""
        with self._lock:
            self._closed = True
            calls = list(self._calls.values())
            self._calls.clear()
        for c in calls:
            text = f"This node closed before node {c.to.name} answered '{c.service}'."
            settle(c.future, error=NodeLostError(text, node=c.to.name, service=c.service))


def settle(future: Future[Any], value: Any = None, error: BaseException | None = None) -> None:
    """End a future that may have ended already (or was cancelled by its owner)."""
    try:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)
    except InvalidStateError:
        return

"""ForeignWork: what a node does for runs that other nodes asked for, and its end when the process that asked is lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

__all__ = ["ForeignWork"]


class ForeignWork:
    """Counts the work in hand by the process it is done for. Thread-safe."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()
        #: Processes that nothing is done for any more.
        self._lost: frozenset[str] = frozenset()

    @contextmanager
    def working_for(self, maker: str) -> Iterator[Callable[[], bool]]:
        """While this node works for a process of another one; what it gives tells whether that process is lost."""
        with self._changed:
            self._running[maker] += 1
        try:
            yield lambda: maker in self._lost
        finally:
            with self._changed:
                self._running[maker] -= 1
                if not self._running[maker]:
                    del self._running[maker]
                self._changed.notify_all()

    def abandon(self, processes: Collection[str]) -> None:
        """Let what is done for lost processes stop at its next look."""
        self._lost |= frozenset(processes)

    def await_end(self, processes: Collection[str], timeout: float) -> bool:
        """Wait up to ``timeout`` seconds; whether nothing is done for the processes any more."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._running[p] for p in processes), timeout)

"""RunWatch: when a run of an MRTask must stop, and how far it has come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.errors import TaskTimeoutError

__all__ = ["RunWatch"]


class RunWatch:
    """Of the node that asked. Thread-safe."""

    def __init__(
        self, n_chunks: int, cancelled: Callable[[], bool] | None, timeout: float, progress: Callable[[float], None] | None
    ) -> None:
        self._n_chunks = n_chunks
        self._cancelled = cancelled
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout if timeout else float("inf")
        self._progress = progress
        self._lock = threading.Lock()
        self._ended = 0
        self._counts: dict[H2ONode, int] = {}

    @property
    def watches(self) -> bool:
        """Whether anything may stop the run or wants to know of it."""
        return self._cancelled is not None or self._progress is not None or bool(self._timeout)

    @property
    def wants_progress(self) -> bool:
        return self._progress is not None

    def stopped(self) -> bool:
        """Whether the run must stop at the next chunk."""
        return time.monotonic() > self._deadline or (self._cancelled is not None and self._cancelled())

    def count(self, node: H2ONode, chunks: int) -> None:
        """A node has done so many chunks of its part."""
        with self._lock:
            self._counts[node] = max(chunks, self._counts.get(node, 0))
            self._tell()

    def end_round(self, chunks: int) -> None:
        """So many chunks more are done for good; what lost nodes did is done again."""
        with self._lock:
            self._ended += chunks
            self._counts.clear()
            self._tell()

    def raise_if_late(self, task: str) -> None:
        """Raise TaskTimeoutError when it was the time that stopped the run."""
        if time.monotonic() > self._deadline:
            raise TaskTimeoutError(
                f"{task} did not end within {self._timeout:g} s and was stopped. Allow more time, or give it less data.",
                seconds=self._timeout,
            )

    def _tell(self) -> None:
        if self._progress is not None and self._n_chunks:
            self._progress(min(1.0, (self._ended + sum(self._counts.values())) / self._n_chunks))

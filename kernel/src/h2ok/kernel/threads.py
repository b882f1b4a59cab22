"""ElasticPool: threads for work that may wait for other nodes; grows while all of them wait, shrinks when idle."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

__all__ = ["ElasticPool"]

_log = logging.getLogger(__name__)
_Job = Callable[[], None]


class ElasticPool:
    """Runs every job at once on an idle thread or a new one.

    A job may itself call another node and wait, and that node may call back: a pool of fixed size would deadlock. Past
    ``limit`` threads a job is refused instead of queued, for the same reason.
    """

    def __init__(self, name: str, limit: int = 1024, idle_seconds: float = 10.0) -> None:
        self._name = name
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        #: Waiting threads that no queued job is meant for yet.
        self._idle = 0
        self._threads: set[threading.Thread] = set()
        self._made = 0
        self._closed = False

    def submit(self, job: _Job) -> bool:
        """Run ``job``; false when the pool is closed or at its limit. The job handles its own errors."""
        with self._lock:
            if self._closed:
                return False
            if self._idle > 0:
                self._idle -= 1
                self._jobs.put(job)
                return True
            if len(self._threads) >= self._limit:
                return False
            self._made += 1
            thread = threading.Thread(target=self._run, args=(job,), name=f"{self._name}-{self._made}", daemon=True)
            self._threads.add(thread)
            # With the lock held, so that ``close`` joins no thread before it began.
            thread.start()
        return True

    def close(self, timeout: float = 5.0) -> None:
        """Refuse new jobs, wait for running ones up to ``timeout`` seconds in all."""
        with self._lock:
            self._closed = True
            threads = list(self._threads)
            for _ in threads:
                self._jobs.put(None)
        end = time.monotonic() + timeout
        for t in threads:
            if t is not threading.current_thread():
                t.join(max(0.0, end - time.monotonic()))

    def _run(self, job: _Job | None) -> None:
        while job is not None:
            try:
                job()
            except BaseException:  # a thread of the pool outlives what it ran
                _log.exception("A job of thread pool %s failed", self._name)
            job = self._next()
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _next(self) -> _Job | None:
        with self._lock:
            if self._closed:
                return None
            self._idle += 1
        while True:
            try:
                return self._jobs.get(timeout=self._idle_seconds)
            except queue.Empty:
                with self._lock:
                    if self._idle > 0:
                        self._idle -= 1
                        return None
                # A job was promised to this thread in the meantime: take it.

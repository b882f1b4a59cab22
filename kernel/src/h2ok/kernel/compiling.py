"""Compiling: tells in the log which kernels are compiled, for a user waits for each that is not in the on-disk cache yet.

numba calls ``watch`` through the entry point ``numba_extensions`` when it is first used in a process, so that nothing has to import
it before.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["listening", "watch"]

_log = logging.getLogger(__name__)
#: Told (module, function, None) where compiling begins and (module, function, seconds) where it has ended.
Hear = Callable[[str, str, float | None], None]
_hearers: list[Hear] = []
_watched = threading.Event()


class _Outermost:
    """Of each thread, the kernel that is compiled: it may have those compiled that it calls."""

    def __init__(self) -> None:
        self._local = threading.local()

    def begin(self, event: Any) -> None:
        """The compiler starts with a kernel."""
        self._local.depth = getattr(self._local, "depth", 0) + 1
        if self._local.depth == 1:
            self._local.began = time.monotonic()
            _tell(event, None)

    def end(self, event: Any) -> None:
        """It is done with it."""
        self._local.depth = max(getattr(self._local, "depth", 1) - 1, 0)
        if self._local.depth == 0:
            _tell(event, time.monotonic() - self._local.began)


def _tell(event: Any, seconds: float | None) -> None:
    function = getattr(event.data.get("dispatcher"), "py_func", None)
    for hear in list(_hearers):
        hear(getattr(function, "__module__", "?"), getattr(function, "__name__", "?"), seconds)


def watch() -> None:
    """Listen to numba's compiler in this process; more calls change nothing."""
    if _watched.is_set():
        return
    _watched.set()
    from numba.core import event

    outermost = _Outermost()

    class Listener(event.Listener):  # type: ignore[misc]
        def on_start(self, event: Any) -> None:
            outermost.begin(event)

        def on_end(self, event: Any) -> None:
            outermost.end(event)

    event.register("numba:compile", Listener())


@contextmanager
def listening(hear: Hear) -> Iterator[None]:
    """Call ``hear`` for each kernel that is compiled meanwhile, from the thread that compiles it."""
    _hearers.append(hear)
    try:
        yield
    finally:
        _hearers.remove(hear)


def log_compiling(module: str, function: str, seconds: float | None) -> None:
    """One line when a kernel of ours begins to be compiled: a job waits for it, once on this machine."""
    if not module.startswith("h2ok"):
        return
    if seconds is None:
        _log.info("Compiling %s.%s: the first use on this machine waits for it (h2ok warmup does so in advance)", module, function)
    else:
        _log.info("Compiled %s.%s in %.1f s", module, function, seconds)


_hearers.append(log_compiling)

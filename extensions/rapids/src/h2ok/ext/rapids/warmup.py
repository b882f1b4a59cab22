"""Compiles (or loads from the cache) the kernels of group-by, sort and merge in the background after boot."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from h2ok.capabilities.hookspecs import hookimpl

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime

__all__ = ["RapidsCore", "warmup"]

_log = logging.getLogger(__name__)
#: Seconds after boot, so that the first requests are not slowed down by the compiler.
_DELAY = 2.0


def warmup() -> None:
    """Call every kernel once with the types it will see."""
    import numpy as np
    from h2ok.ext.rapids.kernels import group_rows, group_statistics, radix_argsort

    keys = np.array([[1], [0]], dtype=np.int64)
    ids, _ = group_rows(keys)
    group_statistics(ids, np.zeros(2), 2)
    radix_argsort(np.ascontiguousarray(keys[:, 0]), np.arange(2, dtype=np.int64))


class RapidsCore:
    """Warms the kernels of a node up. ``H2OK_WARMUP=0`` in the environment leaves them cold."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @hookimpl
    def on_ready(self, runtime: Runtime) -> None:
        """Starts in the background; expressions need not wait for it."""
        if os.environ.get("H2OK_WARMUP", "1") == "0":
            return
        self._thread = threading.Thread(target=self._run, name=f"{runtime.node.label}-warmup-rapids", daemon=True)
        self._thread.start()

    @hookimpl
    def on_stop(self, runtime: Runtime) -> None:
        """Ends after the kernel that is compiled just now."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(30.0)

    def _run(self) -> None:
        if self._stopped.wait(_DELAY):
            return
        try:
            warmup()
        except Exception:  # a node without kernels ready still works
            _log.warning("Cannot compile the kernels in advance", exc_info=True)

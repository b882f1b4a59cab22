"""Compiles the kernels into the on-disk cache after the first boot, so that no job waits for the compiler."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from h2ok.capabilities.hookspecs import hookimpl

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime

__all__ = ["AlgosCore", "stamp", "warmup"]

_log = logging.getLogger(__name__)
#: Seconds after boot, so that the first requests are not slowed down by the compiler.
_DELAY = 1.0


def _metrics() -> None:
    from h2ok.ext.models.metrics.kernels import sum_classes

    sum_classes(np.ones(1), np.zeros(1, np.int64), np.full((1, 2), 0.5), 1e-15, np.zeros(5), np.zeros((2, 2)), np.zeros(2))


def _glm() -> None:
    from h2ok.ext.algos.glm import kernels

    codes, x = np.zeros((1, 1), np.int32), np.ones((1, 2))
    kernels.linear_predictor(codes, x, np.zeros(3), 1, 1, np.empty(1))
    kernels.accumulate_gram(codes, x, np.ones(1), 1, np.zeros((3, 3)))
    both = np.ones(2, dtype=bool)
    kernels.coordinate_descent(np.eye(2), np.ones(2), np.zeros(2), 0.0, 0.0, both, np.zeros(2), np.ones(2), 1e-9, 10)


def _gbm_rows() -> None:
    from h2ok.ext.algos.gbm import kernels

    x, g, w, f = np.zeros(2), np.empty(2), np.ones(2), np.zeros((2, 1))
    bins, node = np.zeros((2, 1), np.uint8), np.zeros(2, np.int32)
    kernels.bin_column(x, np.full(256, np.inf), 0, bins, 0)
    kernels.gradients(kernels.GAUSSIAN, 1.5, x, f, 0, g)
    packed = np.empty(2, np.int64)
    kernels.pack(g, w, 1.0, packed)
    kernels.squares(node, g, w, np.zeros(1))
    rows, offsets = np.empty(3, np.int32), np.empty(3, np.int32)
    m = kernels.select_rows(node, np.zeros(1, np.int32), w, 256, rows, offsets)
    work = np.zeros((2, 256), np.int64)
    kernels.histogram(bins.reshape(-1), 1, rows, offsets, m, packed, work[0])
    kernels.unpack(work[0], work[0], work[1])
    kernels.route(bins, node, np.zeros(1, np.int32), np.zeros((1, 256), np.uint8), np.full((1, 2), -1, np.int32))
    kernels.leaf_sums(kernels.GAUSSIAN, 1.5, node, g, x, f, 0, w, np.zeros((1, 2)))
    kernels.add_leaf_values(node, np.zeros(1), f, 0)


def _gbm_trees() -> None:
    from h2ok.ext.algos.gbm import kernels
    from h2ok.ext.algos.gbm.forest import Forest, Tree

    hist, best, left = np.zeros((1, 1, 1, 256), np.int64), np.zeros((1, 6)), np.zeros((1, 256), np.uint8)
    bins, cat = np.ones(1, np.int32), np.zeros(1, dtype=bool)
    kernels.find_splits(hist, 1.0, 1.0, bins, cat, np.ones((1, 1), dtype=bool), np.zeros(1), 1.0, 0.0, best, left)
    tree = Tree(0)
    tree.add(0)
    Forest.of([tree]).add_to(np.zeros((1, 1)), np.zeros((1, 1)))


STEPS: tuple[Callable[[], None], ...] = (_metrics, _glm, _gbm_rows, _gbm_trees)


def warmup(stopped: threading.Event | None = None) -> float:
    """Call every kernel of the common paths once with the types it will see; seconds it took. ``stopped`` ends it early."""
    begin = time.monotonic()
    for step in STEPS:
        if stopped is not None and stopped.is_set():
            break
        step()
    return time.monotonic() - begin


def stamp() -> Path:
    """A file that exists once these very kernels were compiled for this interpreter and compiler."""
    from h2ok.ext.algos import gbm, glm

    sources = sorted(p for m in (gbm, glm) for p in Path(m.__path__[0]).glob("*.py"))
    parts = [sys.version, version("numba"), version("numpy"), *(f"{p} {p.stat().st_mtime_ns}" for p in sources)]
    name = hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "h2ok", f"warm-{name}")


class AlgosCore:
    """Has the kernels compiled into the on-disk cache, once after an installation. ``H2OK_WARMUP=0`` leaves them cold.

    A child process of low priority does it and ends: the node itself loads the compiler with the first job that needs it, so an
    idle node stays small.
    """

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @hookimpl
    def on_ready(self, runtime: Runtime) -> None:
        """Starts in the background; jobs need not wait for it."""
        if os.environ.get("H2OK_WARMUP", "1") == "0" or stamp().exists():
            return
        self._thread = threading.Thread(target=self._run, name=f"{runtime.node.label}-warmup", daemon=True)
        self._thread.start()

    @hookimpl
    def on_stop(self, runtime: Runtime) -> None:
        """Ends the child too."""
        self._stopped.set()
        child = self._child
        if child is not None:
            child.terminate()
        if self._thread is not None:
            self._thread.join(30.0)

    def _run(self) -> None:
        if self._stopped.wait(_DELAY):
            return
        begin = time.monotonic()
        command = [sys.executable, "-m", "h2ok.ext.algos.warmup"]
        self._child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own module
        if self._stopped.is_set():
            self._child.terminate()
        if self._child.wait() == 0:
            _log.info("Kernels were compiled in %.1f s", time.monotonic() - begin)
        elif not self._stopped.is_set():
            _log.warning("Cannot compile the kernels in advance; the first job of each kind compiles its own")


def main() -> None:
    """Compile, and leave the stamp (what the child process runs)."""
    with contextlib.suppress(OSError):
        os.nice(10)
    warmup()
    mark = stamp()
    with contextlib.suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


if __name__ == "__main__":
    main()

"""Precompile: has an extension's numba kernels compiled into their on-disk cache once after an installation.

A child process of low priority compiles and ends. The node itself loads the compiler only with the first job that needs it, so an
idle node stays small, and no job waits for the compiler. ``H2OK_WARMUP=0`` in the environment leaves the kernels cold.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from h2ok.capabilities.hookspecs import hookimpl

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Precompile", "stamp"]

_log = logging.getLogger(__name__)
#: Seconds after boot, so that the first requests are not slowed down by the compiler.
_DELAY = 1.0
#: A terminal sends Ctrl-C to the compiler too, which may end before the node does.
_ENDED = (-signal.SIGINT, -signal.SIGTERM)


def stamp(packages: tuple[str, ...]) -> Path:
    """A file that exists once the kernels in ``packages`` were compiled, as they are now, for this interpreter and compiler."""
    folders = [Path(str(spec.origin)).parent for p in packages if (spec := find_spec(p)) is not None and spec.origin]
    sources = sorted(p for folder in folders for p in folder.glob("*.py"))
    parts = [sys.version, version("numba"), version("numpy"), *(f"{p} {p.stat().st_mtime_ns}" for p in sources)]
    name = hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "h2ok", f"warm-{name}")


class Precompile:
    """A core extension to inherit from.

    ``module`` has a function ``warmup()`` that calls every kernel once with the types it will see; ``packages`` hold the kernels.
    """

    module: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @hookimpl
    def on_ready(self, runtime: Runtime) -> None:
        """Starts in the background; jobs need not wait for it."""
        if os.environ.get("H2OK_WARMUP", "1") == "0" or stamp(self.packages).exists():
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
        command = [sys.executable, "-m", "h2ok.capabilities.precompile", self.module, *self.packages]
        self._child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - our own module
        if self._stopped.is_set():
            self._child.terminate()
        status = self._child.wait()
        if status == 0:
            _log.info("Kernels of %s were compiled in %.1f s", self.packages[0], time.monotonic() - begin)
        elif not self._stopped.is_set() and status not in _ENDED:
            _log.warning("Cannot compile the kernels of %s in advance; the first job of each kind does it", self.packages[0])


def main() -> None:
    """``python -m h2ok.capabilities.precompile MODULE PACKAGE...``: compile, and leave the stamp."""
    module, packages = sys.argv[1], tuple(sys.argv[2:])
    with contextlib.suppress(OSError):
        os.nice(10)
    import_module(module).warmup()
    mark = stamp(packages)
    with contextlib.suppress(OSError):
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


if __name__ == "__main__":
    main()

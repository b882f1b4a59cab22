"""Precompile: has extensions' numba kernels compiled into their on-disk cache once after an installation.

One child process of low priority compiles for all extensions of a node, those first that are needed first, and ends. The node
itself loads the compiler only with the first job that needs it, so an idle node stays small, and few jobs wait for the compiler.
``h2ok warmup`` does the same in the foreground, for images. ``H2OK_WARMUP=0`` in the environment leaves the kernels cold.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from h2ok.capabilities.hookspecs import hookimpl

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Precompile", "compile_once", "stamp"]

_log = logging.getLogger(__name__)
#: Seconds after boot, so that the first requests are not slowed down by the start of a process.
_DELAY = 0.2
_END_SECONDS = 30.0
#: A terminal sends Ctrl-C to the compiler too, which may end before the node does.
_ENDED = (-signal.SIGINT, -signal.SIGTERM)


def stamp(packages: tuple[str, ...]) -> Path:
    """A file that exists once the kernels in ``packages`` were compiled, as they are now, for this interpreter and compiler."""
    folders = [Path(str(spec.origin)).parent for p in packages if (spec := find_spec(p)) is not None and spec.origin]
    sources = sorted(p for folder in folders for p in folder.glob("*.py"))
    parts = [sys.version, version("numba"), version("numpy"), *(f"{p} {p.stat().st_mtime_ns}" for p in sources)]
    parts.append(os.environ.get("NUMBA_CACHE_DIR", ""))
    name = hashlib.blake2b("\n".join(parts).encode(), digest_size=12).hexdigest()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "h2ok", f"warm-{name}")


def compile_once(module: str, packages: tuple[str, ...], *, again: bool = False) -> float | None:
    """Run ``module.warmup()`` and leave the stamp of ``packages``; seconds it took, None where the stamp is there already.

    Several processes wait for the one that compiles. A cache that cannot be written is no failure: it is done again next time.
    """
    begin = time.monotonic()
    mark = stamp(packages)
    with _alone(mark):
        if mark.exists() and not again:
            return None
        import_module(module).warmup()
        with contextlib.suppress(OSError):
            mark.touch()
    return time.monotonic() - begin


@contextlib.contextmanager
def _alone(mark: Path) -> Iterator[None]:
    """Hold the lock beside a stamp."""
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(mark.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        yield
        return
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


class Precompile:
    """A core extension to inherit from.

    ``module`` has a function ``warmup()`` that calls every kernel once with the types it will see; ``packages`` hold the kernels.
    ``order``: low for what is compiled first. That is not what a user needs first, which compiles itself meanwhile. ``early``: a
    function of the module that compiles what a first job needs last; it is called before all others.
    """

    module: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    order: ClassVar[int] = 50
    early: ClassVar[str] = ""

    @hookimpl
    def on_ready(self, runtime: Runtime) -> None:
        """Starts in the background; jobs need not wait for it."""
        if os.environ.get("H2OK_WARMUP", "1") != "0" and not stamp(self.packages).exists():
            runtime.service(Warmups).ask(self)

    @hookimpl
    def on_stop(self, runtime: Runtime) -> None:
        """Ends the child too."""
        runtime.service(Warmups).stop()


class Warmups:
    """The child process of a node that compiles what its core extensions ask for, one after the other."""

    def __init__(self, runtime: Runtime) -> None:
        self._label = runtime.node.label
        self._lock = threading.Lock()
        self._asked: list[Precompile] = []
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._child: subprocess.Popen[str] | None = None

    def ask(self, core: Precompile) -> None:
        """Have the kernels of a core extension compiled."""
        with self._lock:
            self._asked.append(core)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"{self._label}-warmup", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the child and the thread that waits for it."""
        self._stopped.set()
        child = self._child
        if child is not None:
            child.terminate()
        if self._thread is not None:
            self._thread.join(_END_SECONDS)

    def _run(self) -> None:
        if self._stopped.wait(_DELAY):
            return
        with self._lock:
            asked = sorted(self._asked, key=lambda core: (core.order, core.module))
        work = [f"{core.module}:{core.early}" for core in asked if core.early]
        work += [f"{core.module}={','.join(core.packages)}" for core in asked]
        command = [sys.executable, "-m", "h2ok.capabilities.precompile", *work]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603 - ours
        if self._stopped.is_set():
            self._child.terminate()
        done = 0
        for line in self._child.stdout or ():
            done += 1
            _log.info("%s", line.strip())
        status = self._child.wait()
        if status and status not in _ENDED and not self._stopped.is_set():
            failed = asked[min(done, len(asked) - 1)].module
            _log.warning("Cannot compile the kernels of %s in advance; the first job of each kind does it", failed)


def main() -> None:
    """``python -m h2ok.capabilities.precompile [MODULE:FUNCTION ...] MODULE=PACKAGE,... ...``: compile, and say so in lines."""
    with contextlib.suppress(OSError):
        os.nice(10)
    for work in sys.argv[1:]:
        module, _, packages = work.partition("=")
        if not packages:
            module, _, function = work.partition(":")
            getattr(import_module(module), function)()
            continue
        seconds = compile_once(module, tuple(packages.split(",")))
        took = "had been compiled" if seconds is None else f"were compiled in {seconds:.1f} s"
        print(f"Kernels of {module.rpartition('.')[0]} {took}", flush=True)


if __name__ == "__main__":
    main()

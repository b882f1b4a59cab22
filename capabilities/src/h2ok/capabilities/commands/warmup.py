"""h2ok warmup: compiles all kernels now, so that no first use has to."""

from __future__ import annotations

import argparse
import threading
import time
from typing import Self

from h2ok.capabilities.contracts.extension import CoreExtension
from h2ok.capabilities.precompile import Precompile, compile_once
from h2ok.capabilities.registry import Registry, resolve
from h2ok.kernel.compiling import listening, watch

__all__ = ["Warmup"]

#: Seconds without a line until one says that it goes on.
_QUIET = 1.5


class Warmup:
    """Compile the kernels of all extensions into their on-disk cache, and say which."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare options."""
        parser.add_argument("--again", action="store_true", help="also where it was done before")
        parser.add_argument("--ext", action="append", default=[], metavar="NAME", help="only of these core extensions")

    def run(self, args: argparse.Namespace) -> int:
        """0 when all were compiled, or had been; 1 when one fails."""
        begin = time.monotonic()
        wanted = {name.lower() for name in args.ext}
        known = _cores()
        cores = [(name, core) for name, core in known if not wanted or name.lower() in wanted]
        if not cores:
            names = ", ".join(name for name, _ in known) or "none"
            print(f"There is nothing to compile. Core extensions with kernels: {names}.")
            return int(bool(wanted))
        failed = False
        for name, core in sorted(cores, key=lambda c: (c[1].order, c[0])):
            print(f"Kernels of {name}", flush=True)
            with _Progress() as progress, listening(progress.hear):
                watch()
                try:
                    seconds = compile_once(core.module, core.packages, again=args.again)
                except Exception as e:  # whatever an extension's kernels fail with
                    failed = True
                    print(f"  failed: {type(e).__name__}: {e}", flush=True)
                    continue
            print("  compiled before" if seconds is None else f"  done in {seconds:.1f} s", flush=True)
        print(f"Ready after {time.monotonic() - begin:.1f} s.")
        return int(failed)


def _cores() -> list[tuple[str, type[Precompile]]]:
    """(name, class) of the core extensions that have kernels."""
    found = []
    for item in Registry.discover().provided(CoreExtension):
        target = resolve(item.target)
        if isinstance(target, type) and issubclass(target, Precompile):
            found.append((item.name, target))
    return found


class _Progress:
    """Says which kernel is compiled, and every few seconds that it still is."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._spoken = time.monotonic()
        self._at = ""

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._tick, name="warmup-progress", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def hear(self, module: str, function: str, seconds: float | None) -> None:
        """What the compiler does."""
        if seconds is None:
            self._at = f"{module.removeprefix('h2ok.')}.{function}"
            self._say(f"  {self._at}")

    def _tick(self) -> None:
        while not self._ended.wait(0.25):
            if time.monotonic() - self._spoken > _QUIET:
                self._say(f"  {self._at or 'loading the compiler'} ...")

    def _say(self, text: str) -> None:
        self._spoken = time.monotonic()
        print(text, flush=True)

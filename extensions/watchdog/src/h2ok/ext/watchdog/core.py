"""WatchdogCore: options, and a thread that asks the rules once a second. The worked example of a core extension."""

from __future__ import annotations

import argparse
import logging
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from h2ok.capabilities.hookspecs import hookimpl
from h2ok.ext.watchdog.rules import Facts, MemoryRule, OrphanRule, Rule, UnhealthyRule

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.kernel import Node

__all__ = ["Watchdog", "WatchdogCore"]

_log = logging.getLogger("h2ok.watchdog")


class Watchdog:
    """Asks its rules until one gives a reason; then the node is asked to end, as by a signal."""

    def __init__(self, runtime: Runtime, rules: Sequence[Rule], seconds: float = 1.0) -> None:
        self._runtime, self._rules, self._seconds = runtime, list(rules), seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{runtime.node.label}-watchdog", daemon=True)
        #: Why the node was ended; empty while it lives.
        self.reason = ""

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._ended.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(5)

    def look(self, facts: Facts) -> str:
        """The first reason a rule gives."""
        return next((reason for rule in self._rules if (reason := rule(facts))), "")

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            self.reason = self.look(read_facts(self._runtime.node))
            if self.reason:
                _log.error("The watchdog ends this node: %s.", self.reason)
                self._runtime.report("watchdog", reason=self.reason)
                self._runtime.request_stop()
                return


def read_facts(node: Node) -> Facts:
    """The facts of this moment."""
    return Facts(time.monotonic(), os.getppid(), bool(node.cloud.healthy), resident_bytes())


def resident_bytes() -> int:
    """Memory of this process in RAM; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


class WatchdogCore:
    """Life cycle: options, a check of them, and the watchdog of each node."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._watchdogs: dict[int, Watchdog] = {}

    @hookimpl
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Rules are off unless asked for."""
        group = parser.add_argument_group("watchdog")
        group.add_argument("--watchdog-orphan", action="store_true", help="end when the process that started the node is gone")
        group.add_argument(
            "--watchdog-unhealthy", type=float, default=0.0, metavar="SECONDS", help="end when the cloud is unhealthy for so long"
        )
        group.add_argument(
            "--watchdog-memory", type=float, default=0.0, metavar="GB", help="end when the process uses more memory than this"
        )

    @hookimpl
    def validate_arguments(self, args: argparse.Namespace) -> None:
        """Make the rules. Raises ValueError when a number is negative."""
        for name in ("watchdog_unhealthy", "watchdog_memory"):
            if getattr(args, name) < 0:
                raise ValueError(
                    f"--{name.replace('_', '-')} must be at least 0; got {getattr(args, name):g}. 0 switches the rule off."
                )
        self._rules = [OrphanRule(os.getppid())] if args.watchdog_orphan else []
        if args.watchdog_unhealthy:
            self._rules.append(UnhealthyRule(args.watchdog_unhealthy))
        if args.watchdog_memory:
            self._rules.append(MemoryRule(int(args.watchdog_memory * (1 << 30))))

    @hookimpl
    def on_ready(self, runtime: Runtime) -> None:
        """Watch, when there is a rule."""
        if self._rules:
            watchdog = self._watchdogs[id(runtime)] = Watchdog(runtime, self._rules)
            watchdog.start()

    @hookimpl
    def on_stop(self, runtime: Runtime) -> None:
        """Leave no thread behind."""
        found = self._watchdogs.pop(id(runtime), None)
        if found is not None:
            found.close()

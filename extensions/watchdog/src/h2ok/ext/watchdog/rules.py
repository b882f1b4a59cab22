"""Rules: when a node should end. Pure: facts in, a reason or nothing out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Facts", "MemoryRule", "OrphanRule", "Rule", "UnhealthyRule"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known at one moment. ``now``: seconds of a clock that only goes forward; ``resident``: bytes, 0 when not known."""

    now: float
    parent: int
    healthy: bool
    resident: int


#: A rule is asked again and again; the text it gives is the reason to end.
Rule = Callable[[Facts], str]


class OrphanRule:
    """The process that started this one is gone: its children are handed to another process."""

    def __init__(self, parent: int) -> None:
        self._parent = parent

    def __call__(self, facts: Facts) -> str:
        if facts.parent == self._parent:
            return ""
        return f"the process {self._parent} that started this node has ended"


class UnhealthyRule:
    """The cloud has been unhealthy for longer than ``seconds`` without a break."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def __call__(self, facts: Facts) -> str:
        if facts.healthy:
            self._since = None
            return ""
        if self._since is None:
            self._since = facts.now
        spent = facts.now - self._since
        if spent < self._seconds:
            return ""
        return f"the cloud has been unhealthy for {spent:.0f} s; {self._seconds:.0f} s are allowed (--watchdog-unhealthy)"


class MemoryRule:
    """The process uses more than ``limit`` bytes, ``times`` times in a row: a short peak is no reason."""

    def __init__(self, limit: int, times: int = 3) -> None:
        self._limit, self._times, self._seen = limit, times, 0

    def __call__(self, facts: Facts) -> str:
        self._seen = self._seen + 1 if facts.resident > self._limit else 0
        if self._seen < self._times:
            return ""
        return f"the process uses {facts.resident} bytes; {self._limit} are allowed (--watchdog-memory)"

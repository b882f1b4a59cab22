"""Cloud: the members of the set of nodes, in one order on every node, and whether it is locked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from h2ok.kernel.key import home_index
from h2ok.kernel.wire import wire_type

__all__ = ["Cloud", "H2ONode"]


@wire_type("node")
@dataclass(frozen=True, slots=True, order=True)
class H2ONode:
    """Address of a member. Members are ordered by (ip, port); ``port`` is the REST port, ``node_port`` the ZeroMQ port."""

    ip: str
    port: int
    node_port: int

    @property
    def name(self) -> str:
        """``ip:port``, as H2O names nodes."""
        return f"{self.ip}:{self.port}"


class Cloud:
    """The membership this node works with. Thread-safe; members only change through ``set_members`` before the lock."""

    def __init__(self, name: str, me: H2ONode) -> None:
        self.name = name
        self.me = me
        self.started = time.time()
        self._members: tuple[H2ONode, ...] = (me,)
        self._self_index = 0
        self._locked = False
        self._lock_reason = ""
        self._mutex = threading.Lock()
        #: Set by the membership service: takes the cluster-wide decision to lock; returns when it holds.
        self.lock_service: Callable[[str], None] | None = None
        self.consensus = True

    @property
    def members(self) -> tuple[H2ONode, ...]:
        return self._members

    @property
    def size(self) -> int:
        return len(self._members)

    @property
    def self_index(self) -> int:
        return self._self_index

    @property
    def locked(self) -> bool:
        return self._locked

    @property
    def lock_reason(self) -> str:
        return self._lock_reason

    def home(self, key: str) -> H2ONode:
        """The member that is home to ``key``."""
        return self._members[home_index(key, len(self._members))]

    def set_members(self, members: tuple[H2ONode, ...]) -> None:
        """Take over an agreed membership (sorted here)."""
        with self._mutex:
            ordered = tuple(sorted(members))
            self._self_index = ordered.index(self.me)
            self._members = ordered

    def lock(self, reason: str) -> None:
        """Fix the membership; cheap when it is fixed already. Blocks until the whole cloud agreed."""
        if self._locked:
            return
        if self.lock_service is not None:
            self.lock_service(reason)
        self.mark_locked(reason)

    def mark_locked(self, reason: str) -> None:
        """Note that the cloud is locked (the decision was taken elsewhere)."""
        with self._mutex:
            if not self._locked:
                self._locked, self._lock_reason = True, reason

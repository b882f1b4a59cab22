"""Cloud: the members of the set of nodes, in one order on every node, and whether it is locked and healthy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from h2ok.kernel.cloud.stats import NodeStats
from h2ok.kernel.errors import CloudLockedError, CloudTimeoutError, NodeLostError
from h2ok.kernel.key import home_index
from h2ok.kernel.wire import wire_type

__all__ = ["Cloud", "H2ONode", "MemberInfo"]


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


@dataclass(frozen=True, slots=True)
class MemberInfo:
    """What this node knows of a member. ``last_heard``: milliseconds since the epoch, UTC, of the last sign of life."""

    node: H2ONode
    healthy: bool
    lost: bool
    last_heard: int
    stats: NodeStats


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
        self._failure = ""
        #: The latest problem with membership, for people; empty when there was none.
        self.last_problem = ""
        self._lost: dict[H2ONode, str] = {}
        self._suspect: frozenset[H2ONode] = frozenset()
        self._heard: dict[H2ONode, tuple[int, NodeStats]] = {}
        self._changed = threading.Condition()
        self._consensus = True
        #: Set by the membership service: takes the cluster-wide decision to lock; returns when it holds.
        self.lock_service: Callable[[str], None] | None = None
        #: Numbers of this node for /3/Cloud; set by the node.
        self.own_stats: Callable[[], NodeStats] = NodeStats
        #: Called with (node, reason) when a member is lost, and with the reason when this node may not take part. Must be quick.
        self.on_lost: list[Callable[[H2ONode, str], None]] = []
        self.on_failure: list[Callable[[str], None]] = []

    # -- what holds now -----------------------------------------------------------------------------------------------

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

    @property
    def consensus(self) -> bool:
        """Whether all members agree on the same set of members."""
        return self._consensus

    @consensus.setter
    def consensus(self, value: bool) -> None:
        with self._changed:
            self._consensus = value
            self._changed.notify_all()

    @property
    def failure(self) -> str:
        """Why this node may not take part in the cloud (refused, declared dead); empty when all is well."""
        return self._failure

    @property
    def bad_nodes(self) -> int:
        """Members that are suspect or lost."""
        return sum(not self.is_healthy(i) for i in range(self.size))

    @property
    def healthy(self) -> bool:
        return self.bad_nodes == 0 and not self._failure

    def is_lost(self, member: int) -> bool:
        """Whether a member (by index) was declared dead; that is final."""
        return self._members[member] in self._lost

    def is_healthy(self, member: int) -> bool:
        """Whether a member (by index) answers as it should."""
        node = self._members[member]
        return node not in self._lost and node not in self._suspect and not (node == self.me and self._failure)

    def home(self, key: str) -> H2ONode:
        """The member that is home to ``key``."""
        return self._members[home_index(key, len(self._members))]

    def member_infos(self) -> list[MemberInfo]:
        """State and numbers of all members, in member order."""
        now = int(time.time() * 1000)
        infos = []
        for i, node in enumerate(self._members):
            last, stats = (now, self.own_stats()) if node == self.me else self._heard.get(node, (0, NodeStats()))
            infos.append(MemberInfo(node, self.is_healthy(i), node in self._lost, last, stats))
        return infos

    def check_alive(self, member: int, purpose: str = "") -> None:
        """Raise NodeLostError when a member (by index) is lost or this node itself was shut out."""
        node = self._members[member]
        reason = self._lost.get(node)
        what = f" It was needed for '{purpose}'." if purpose else ""
        if reason is not None:
            raise NodeLostError(
                f"Node {node.name} of cloud '{self.name}' is lost: {reason}.{what} "
                "What was stored there is gone until the cloud is restarted.",
                node=node.name,
            )
        if self._failure:
            raise NodeLostError(f"This node ({self.me.name}) is not part of the cloud any more: {self._failure}", node=self.me.name)

    # -- waiting ------------------------------------------------------------------------------------------------------

    def wait_for_size(self, n: int, timeout: float = 60.0) -> None:
        """Wait until ``n`` nodes agree that they are the cloud.

        Raises
        ------
        CloudLockedError
            The cloud refused this node; the message says why and what to do.
        CloudTimeoutError
            Not enough nodes agreed in time.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._failure or (self.size >= n and self._consensus), timeout)
            if self._failure:
                raise CloudLockedError(self._failure, cloud=self.name)
            if self.size < n or not self._consensus:
                names = ", ".join(m.name for m in self._members)
                raise CloudTimeoutError(
                    f"Cloud '{self.name}' has {self.size} of {n} nodes after {timeout:g} s"
                    f"{'' if self._consensus else ', and they do not agree yet'}: {names}. "
                    f"{self.last_problem + ' ' if self.last_problem else ''}"
                    "Check that all nodes run, share --name and flatfile, and reach each other's node port (REST port + 1).",
                    size=self.size,
                    wanted=n,
                )

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until ``condition`` holds; it is looked at after every change of the cloud."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    # -- changes ------------------------------------------------------------------------------------------------------

    def set_members(self, members: tuple[H2ONode, ...], *, consensus: bool = True) -> None:
        """Take over a membership (sorted here)."""
        with self._changed:
            ordered = tuple(sorted(members))
            self._self_index = ordered.index(self.me)
            self._members = ordered
            self._consensus = consensus
            self._changed.notify_all()

    def lock(self, reason: str) -> None:
        """Fix the membership; cheap when it is fixed already. Blocks until the whole cloud agreed."""
        if self._locked:
            return
        if self.lock_service is not None:
            self.lock_service(reason)
        self.mark_locked(reason)

    def mark_locked(self, reason: str) -> None:
        """Note that the cloud is locked (the decision was taken elsewhere)."""
        with self._changed:
            if not self._locked:
                self._locked, self._lock_reason = True, reason
                self._changed.notify_all()

    def mark_lost(self, node: H2ONode, reason: str) -> None:
        """Note that a member is dead, and tell everyone who waits for it."""
        with self._changed:
            if node in self._lost:
                return
            self._lost[node] = reason
            self._changed.notify_all()
        for tell in list(self.on_lost):
            tell(node, reason)

    def mark_suspect(self, nodes: frozenset[H2ONode]) -> None:
        """Note which members have been silent for a while."""
        with self._changed:
            self._suspect = nodes
            self._changed.notify_all()

    def mark_heard(self, node: H2ONode, stats: NodeStats) -> None:
        """Note a sign of life of a member and its numbers."""
        self._heard[node] = (int(time.time() * 1000), stats)

    def mark_failed(self, reason: str) -> None:
        """Note that this node may not take part."""
        with self._changed:
            if self._failure:
                return
            self._failure = reason
            self._changed.notify_all()
        for tell in list(self.on_failure):
            tell(reason)

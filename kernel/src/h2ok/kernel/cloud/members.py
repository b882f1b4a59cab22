"""Members: the values that name the nodes of a cloud, and what is told of them."""

from __future__ import annotations

from dataclasses import dataclass

from h2ok.kernel.cloud.stats import NodeStats
from h2ok.kernel.wire import wire_type

__all__ = ["H2ONode", "LostNode", "Member", "MemberInfo"]


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


@wire_type("cloud.member")
@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A node and which of its lives: a restarted process is another member. ``incarnation``: empty when it is not known."""

    node: H2ONode
    incarnation: str


@dataclass(frozen=True, slots=True)
class LostNode:
    """A member that was lost and is not back. ``at``: milliseconds since the epoch, UTC."""

    node: H2ONode
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class MemberInfo:
    """What this node knows of a member. ``last_heard``: milliseconds since the epoch, UTC, of the last sign of life."""

    node: H2ONode
    healthy: bool
    lost: bool
    last_heard: int
    stats: NodeStats

"""What nodes say to each other about membership, and what the membership asks its driver to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from h2ok.kernel.cloud.cloud import H2ONode, Member
from h2ok.kernel.cloud.stats import NodeStats
from h2ok.kernel.wire import wire_type

__all__ = [
    "Action",
    "ConsensusChanged",
    "Fail",
    "Heard",
    "Heartbeat",
    "HeartbeatReply",
    "Identity",
    "Join",
    "Lock",
    "LockReply",
    "LockRequest",
    "Log",
    "Lose",
    "Member",
    "SendHeartbeat",
    "SendLock",
    "SetMembers",
    "Suspect",
    "Welcome",
]


@wire_type("cloud.identity")
@dataclass(frozen=True, slots=True)
class Identity:
    """What must be equal on all nodes of a cloud. ``extensions``: ``name==version`` of each, to tell the difference."""

    cloud: str
    version: str
    extension_hash: str = ""
    extensions: tuple[str, ...] = ()
    replicas: int = 0

    def difference(self, other: Identity) -> str:
        """What is different in ``other``, in words; empty when both may be in one cloud."""
        if self.cloud != other.cloud:
            return f"its cloud name is '{other.cloud}', this cloud is '{self.cloud}'. Start it with --name {self.cloud}"
        if self.version != other.version:
            return f"it runs h2ok {other.version}, this cloud runs {self.version}. Install the same version on all nodes"
        if self.extension_hash != other.extension_hash or self.extensions != other.extensions:
            mine, theirs = set(self.extensions), set(other.extensions)
            missing, surplus = ", ".join(sorted(mine - theirs)), ", ".join(sorted(theirs - mine))
            parts = [f"it lacks {missing}" if missing else "", f"only it has {surplus}" if surplus else ""]
            text = " and ".join(p for p in parts if p) or f"{other.extension_hash} against {self.extension_hash}"
            return f"its extensions differ: {text}. Install the same extensions on all nodes"
        if self.replicas != other.replicas:
            return f"it keeps {other.replicas} replicas, this cloud {self.replicas}. Start it with --replicas {self.replicas}"
        return ""


@wire_type("cloud.heartbeat")
@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life. ``view``: the members as the sender sees them; ``lost``: those it knows dead, ``left``: those of them that
    were shut down; ``round``: the latest lock round it leads or led, ``round_open`` while that one is undecided.
    """

    sender: Member
    identity: Identity
    view: tuple[Member, ...]
    locked: bool
    lock_reason: str
    lost: tuple[Member, ...]
    round: int
    round_open: bool
    stats: NodeStats
    #: Epoch of the placement the sender works with; above 1 once homes moved after the lock.
    epoch: int = 1
    left: tuple[Member, ...] = ()


@wire_type("cloud.heartbeat_reply")
@dataclass(frozen=True, slots=True)
class HeartbeatReply:
    """``ok`` with the answering node's own heartbeat; ``wait`` while a lock is decided or room is made, with what failed so far;
    ``refused`` (the cloud is locked), ``mismatch`` (the nodes do not fit together) and ``dead`` (the sender was given up) with a
    reason; ``self`` to oneself.
    """

    kind: Literal["ok", "wait", "refused", "mismatch", "dead", "self"]
    reason: str = ""
    heartbeat: Heartbeat | None = None


@wire_type("cloud.lock_request")
@dataclass(frozen=True, slots=True)
class LockRequest:
    """A step of the lock. ``want``: a member asks the leader; ``prepare`` and ``commit``: the leader asks all."""

    kind: Literal["want", "prepare", "commit"]
    sender: Member
    reason: str
    round: int = 0
    members: tuple[Member, ...] = ()


@wire_type("cloud.lock_reply")
@dataclass(frozen=True, slots=True)
class LockReply:
    """Whether the step was accepted; ``round`` is the highest round the member knows."""

    accepted: bool
    round: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SendHeartbeat:
    """Send this node's heartbeat to an address."""

    to: H2ONode


@dataclass(frozen=True, slots=True)
class SendLock:
    """Send a step of the lock to a member."""

    to: Member
    request: LockRequest


@dataclass(frozen=True, slots=True)
class SetMembers:
    """The view changed."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class ConsensusChanged:
    """All members agree now, or do not any more."""

    consensus: bool


@dataclass(frozen=True, slots=True)
class Lock:
    """The membership is fixed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Lose:
    """A member is dead for good."""

    member: Member
    reason: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """A member that is new to this node, at an address that may have had another life before."""

    member: Member


@dataclass(frozen=True, slots=True)
class Join:
    """A node asks to be taken into the locked cloud."""

    member: Member


@dataclass(frozen=True, slots=True)
class Suspect:
    """Members that have been silent for a while (all of them; an empty set when none is)."""

    nodes: frozenset[H2ONode]


@dataclass(frozen=True, slots=True)
class Heard:
    """A member gave a sign of life."""

    node: H2ONode
    stats: NodeStats


@dataclass(frozen=True, slots=True)
class Fail:
    """The node may not take part."""

    reason: str


@dataclass(frozen=True, slots=True)
class Log:
    """Something people should read; ``problem`` when they should do something about it."""

    message: str
    problem: bool = True


Action = SendHeartbeat | SendLock | SetMembers | ConsensusChanged | Lock | Lose | Welcome | Join | Suspect | Heard | Fail | Log

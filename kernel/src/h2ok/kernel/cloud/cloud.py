"""Cloud: the members of the set of nodes, in one order on every node, and whether it is locked and healthy."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from h2ok.kernel.cloud.members import H2ONode, LostNode, Member, MemberInfo
from h2ok.kernel.cloud.stats import NodeStats
from h2ok.kernel.errors import CloudLockedError, CloudTimeoutError, NodeLostError
from h2ok.kernel.key import chunk_slot, slot_of

if TYPE_CHECKING:
    from h2ok.kernel.cloud.placement import Placement

__all__ = ["Cloud", "H2ONode", "LostNode", "Member", "MemberInfo"]


class Cloud:
    """The membership this node works with. Thread-safe; members change through ``set_members`` before the lock, afterwards with
    the placement (``fence``, then ``install`` on every node).

    Parameters
    ----------
    replicas : copies of every value beside the primary one, where there are enough members.
    """

    def __init__(self, name: str, me: H2ONode, replicas: int = 0) -> None:
        self.name = name
        self.me = me
        self.replicas = replicas
        self.started = time.time()
        #: Who holds what; before the lock only a guess. ``pending``: agreed upon, not in force yet.
        self._placement: Placement | None = None
        self._pending: Placement | None = None
        #: Called with the new placement once it is in force on this node. Must be quick.
        self.on_placed: list[Callable[[Placement], None]] = []
        self._members: tuple[H2ONode, ...] = (me,)
        self._self_index = 0
        self._locked = False
        self._lock_reason = ""
        self._failure = ""
        #: The latest problem with membership, for people; empty when there was none.
        self.last_problem = ""
        #: The latest life of each address. What is said of an address below is said of this life.
        self._lives: dict[H2ONode, str] = {}
        self._lost: dict[H2ONode, str] = {}
        #: Whoever was a member and is none any more.
        self._gone: dict[H2ONode, str] = {}
        #: Who was lost and neither came back nor was replaced, for people to see; the oldest first.
        self._missed: dict[H2ONode, LostNode] = {}
        self._outside = ""
        #: Whether that is because a cloud that was formed lets this node wait.
        self._waits = False
        #: Members declared dead so far.
        self.losses = 0
        self._suspect: frozenset[H2ONode] = frozenset()
        self._heard: dict[H2ONode, tuple[int, NodeStats]] = {}
        self._changed = threading.Condition()
        self._consensus = True
        #: Until when (time.monotonic) this node may answer from what it holds; set by the membership service.
        self.lease = math.inf
        #: Set by the membership service: takes the cluster-wide decision to lock; returns when it holds.
        self.lock_service: Callable[[str], None] | None = None
        #: Set by the membership service: takes notice of nodes that may be of the same cloud.
        self.meet_service: Callable[[list[H2ONode]], None] | None = None
        #: Numbers of this node for /3/Cloud; set by the node.
        self.own_stats: Callable[[], NodeStats] = NodeStats
        #: Called with (node, reason) when a member is lost, and with the reason when this node may not take part. Must be quick.
        self.on_lost: list[Callable[[H2ONode, str], None]] = []
        #: Called when the cloud is locked. Must be quick.
        self.on_locked: list[Callable[[], None]] = []
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
        """Whether all members agree on the same set of members, and this node is one of them."""
        return self._consensus and not self.outside

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
    def outside(self) -> str:
        """Why this node is not in the cloud it looks for, though it may get there by itself; empty when it is in its cloud."""
        return "" if self._locked else self._outside

    @property
    def waits(self) -> bool:
        """Whether a cloud that was formed lets this node wait; it may also be ``outside`` because it still looks for one."""
        return self._waits and not self._locked

    @property
    def lost_nodes(self) -> list[LostNode]:
        """Members that were lost, until they are back or other nodes have taken their place; the oldest loss first."""
        return list(self._missed.values())

    @property
    def current(self) -> bool:
        """Whether no other node can have taken over from this one; false after a long pause until most members answered again."""
        return time.monotonic() <= self.lease

    @property
    def bad_nodes(self) -> int:
        """Members that are suspect or lost."""
        return sum(not self.is_healthy(m) for m in self._members)

    @property
    def healthy(self) -> bool:
        return self.bad_nodes == 0 and not self._failure

    @property
    def placement(self) -> Placement:
        """Who holds what now."""
        found = self._placement
        return self._first_placement() if found is None else found

    @property
    def pending(self) -> Placement | None:
        """The placement that is about to be in force."""
        return self._pending

    @property
    def newest(self) -> Placement:
        """The pending placement, or the one in force."""
        return self._pending or self.placement

    @property
    def copies_missing(self) -> int:
        """Copies of slots that are still to be made until everything is held as often as it should be."""
        return self.placement.missing(self.replicas) if self.size > 1 else 0

    def node(self, member: int | H2ONode) -> H2ONode:
        """A member by its position."""
        return member if isinstance(member, H2ONode) else self._members[member]

    def life(self, node: H2ONode) -> str:
        """The latest life of an address (its incarnation) that this node knows of; empty when it knows none."""
        return self._lives.get(node, "")

    def member(self, node: H2ONode) -> Member:
        """A node in the life it has now. Another one of the same address has nothing of what this one kept."""
        return Member(node, self._lives.get(node, ""))

    def is_lost(self, member: int | H2ONode) -> bool:
        """Whether a member was declared dead; that is final for this life of it."""
        return self.node(member) in self._lost

    def gone_reason(self, node: H2ONode) -> str:
        """Why a former member is none any more; empty for everyone else, and for who was started again and asks to join.

        Also when its loss is forgotten, as that of a member whose keys all had copies.
        """
        return self._gone.get(node, "")

    def lost_reason(self, node: H2ONode) -> str:
        """Why a member is dead; empty when it is not."""
        return self._lost.get(node, "")

    def is_healthy(self, member: int | H2ONode) -> bool:
        """Whether a member answers as it should. Positions may change at any time: ask for nodes in loops."""
        node = self.node(member)
        return node not in self._lost and node not in self._suspect and not (node == self.me and self._failure)

    def serves(self, slot: int) -> bool:
        """Whether this node answers for a slot now: it is its primary and stays that."""
        if not self._locked:
            # SAFETY: whoever still takes this address for the member that was here before must not read that nothing is stored.
            return not self._outside
        pending = self._pending
        return self.placement.primaries[slot] == self.me and (pending is None or pending.primaries[slot] == self.me)

    def home(self, key: str) -> H2ONode:
        """The member that answers for ``key``."""
        return self.placement.primaries[slot_of(key)] if self.size > 1 else self.me

    def chunk_home(self, index: int, n_chunks: int) -> H2ONode:
        """The member that answers for chunk ``index`` of a vec of ``n_chunks``."""
        return self.placement.primaries[chunk_slot(index, n_chunks)] if self.size > 1 else self.me

    def damage(self, key: str) -> str:
        """The lost node that may have held ``key`` without a copy elsewhere; empty when there is none."""
        placement = self._placement
        return placement.damage(slot_of(key)) if placement is not None and placement.lost else ""

    def member_infos(self) -> list[MemberInfo]:
        """State and numbers of all members, in member order."""
        now = int(time.time() * 1000)
        infos = []
        for node in self._members:
            last, stats = (now, self.own_stats()) if node == self.me else self._heard.get(node, (0, NodeStats()))
            infos.append(MemberInfo(node, self.is_healthy(node), node in self._lost, last, stats))
        return infos

    def check_alive(self, member: int | H2ONode, purpose: str = "") -> None:
        """Raise NodeLostError when a member is lost or this node itself was shut out."""
        node = self.node(member)
        reason = self._lost.get(node)
        what = f" It was needed for '{purpose}'." if purpose else ""
        if reason is not None:
            raise NodeLostError(
                f"Node {node.name} of cloud '{self.name}' is lost: {reason}.{what} "
                "Try again: the other nodes take over what they have copies of (--replicas).",
                node=node.name,
                service=purpose,
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
            self._changed.wait_for(lambda: self._failure or (self.size >= n and self._consensus and not self.outside), timeout)
            if self._failure:
                raise CloudLockedError(self._failure, cloud=self.name)
            if self.outside:
                text = f"Node {self.me.name} is not in cloud '{self.name}' after {timeout:g} s: {self.outside}"
                raise CloudTimeoutError(text, size=self.size, wanted=n)
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
            self._placement = None
            self._consensus = consensus
            self._changed.notify_all()

    def _first_placement(self) -> Placement:
        from h2ok.kernel.cloud.placement import Placement

        with self._changed:
            if self._placement is None:
                self._placement = Placement.first(self._members, self.replicas)
            return self._placement

    def fence(self, placement: Placement) -> bool:
        """Stop to answer for what ``placement`` gives to others; false when a newer one is known."""
        with self._changed:
            if placement.epoch < self.newest.epoch:
                return False
            self._pending = placement
            return True

    def install(self, placement: Placement) -> bool:
        """Put a placement in force; false when a newer one is."""
        with self._changed:
            if self._locked and placement.epoch <= self.placement.epoch:
                return placement.epoch == self.placement.epoch
            self._placement = placement
            if not self._locked:
                self._locked, self._lock_reason = True, "this node joined a cloud with data"
            if self._pending is not None and self._pending.epoch <= placement.epoch:
                self._pending = None
            # Who went without loss is forgotten; who took data along stays in the list, for people to see.
            known = [*self._members, *(m for m in placement.members if m not in self._members)]
            kept = [m for m in known if m in placement.members or m.name in placement.lost or m == self.me]
            # A loss that was noted while this placement was agreed upon stays: only another life of the address ends it.
            self._lost = {n: why for n, why in self._lost.items() if n in kept}
            self._suspect = frozenset(n for n in self._suspect if n in placement.members)
            self._gone |= {m: "it left the cloud" for m in self._members if m not in placement.members and m not in self._gone}
            self._note_return([m for m in placement.members if m not in self._lost])
            self._members = tuple(kept)
            self._self_index = kept.index(self.me)
            self._changed.notify_all()
        for tell in list(self.on_placed):
            tell(placement)
        return True

    def _note_return(self, living: Sequence[H2ONode]) -> None:
        """Who is back is missed no more; nor is one lost node for each other one that came in its stead."""
        back = [m for m in living if m in self._missed]
        others = sum(m not in self._members and m not in back for m in living)
        replaced = [m for m in self._missed if m not in back][:others]
        for node in (*back, *replaced):
            del self._missed[node]

    def welcome(self, member: Member) -> None:
        """Note that an address has begun another life: what was said of the one before is forgotten."""
        with self._changed:
            if self._lives.get(member.node, "") == member.incarnation:
                return
            self._lives[member.node] = member.incarnation
            self._lost.pop(member.node, None)
            self._gone.pop(member.node, None)
            self._changed.notify_all()

    def lock(self, reason: str) -> None:
        """Fix the membership; cheap when it is fixed already. Blocks until the whole cloud agreed."""
        if self._locked:
            return
        if self.lock_service is not None:
            self.lock_service(reason)
        self.mark_locked(reason)

    def meet(self, addresses: Sequence[str]) -> None:
        """Take notice of ``host:port`` (REST) of nodes that may belong to this cloud; from any thread."""
        from h2ok.kernel.cloud.flatfile import parse_flatfile

        if self.meet_service is not None:
            self.meet_service(parse_flatfile(addresses))

    def mark_locked(self, reason: str) -> None:
        """Note that the cloud is locked (the decision was taken elsewhere)."""
        with self._changed:
            if self._locked:
                return
            self._locked, self._lock_reason = True, reason
            self._changed.notify_all()
        for tell in list(self.on_locked):
            tell()

    def mark_lost(self, node: H2ONode, reason: str, life: str = "") -> None:
        """Note that a member is dead, and tell everyone who waits for it. ``life``: which one; an earlier one is over anyway."""
        with self._changed:
            if node in self._lost or (life and self._lives.get(node, life) != life):
                return
            self._lost[node] = self._gone[node] = reason
            self._missed[node] = LostNode(node, reason, int(time.time() * 1000))
            self.losses += 1
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

    def mark_outside(self, reason: str, *, waits: bool = False) -> None:
        """Note why this node is not in its cloud yet, or that it is (with an empty reason)."""
        with self._changed:
            if (reason, waits) != (self._outside, self._waits):
                self._outside, self._waits = reason, waits
                self._changed.notify_all()

    def mark_failed(self, reason: str) -> None:
        """Note that this node may not take part."""
        with self._changed:
            if self._failure:
                return
            self._failure = reason
            self._changed.notify_all()
        for tell in list(self.on_failure):
            tell(reason)

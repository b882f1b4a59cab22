"""Membership: which nodes are the cloud, as a state machine without sockets, threads or clocks: event in, actions out.

Forming. Every node sends heartbeats to the addresses of its flatfile and to every member it has heard of; a heartbeat carries the
sender's view, so one shared address is enough for all to meet. A node's view is itself and all compatible nodes it hears
directly. There is consensus when all members of the view report the same view.

Locking. The lowest member leads. It opens a round (a number higher than any it has seen) and asks all members to prepare: a
member accepts when its view is the proposed one, and then takes no newcomer in until the round is decided. When all have
accepted, the leader locks itself first and then asks all to commit; heartbeats of locked members carry the decision to whoever
missed that. A member that accepted a higher round refuses the commit of a lower one, so two memberships that share a living
member cannot both be decided. A round that is given up is closed in the leader's heartbeats.

Losing. A member that is silent for ``suspect`` seconds is suspect, for ``dead`` seconds dead; one whose port refuses connections is
dead at once. Before the lock the dead leave the view; after it, death is final, told to all, and told to the dead if they return.
With ``quorum`` silence alone kills only those outside a majority: a node that hears no more than half of the others (the half
without the lowest member, when it is exactly half) gives itself up, so that two parts of a cut cloud never both go on.

Leases. Whoever slept or was cut off does not know that it was declared dead meanwhile. A node may answer from what it holds only
until ``lease``: the time a majority, itself included, would need to take it for dead after the latest heartbeats they answered.

Growing. A locked cloud that is ``elastic`` lets a newcomer wait and tells its driver (``Join``) with each heartbeat of the newcomer
until it is taken in; the leader then widens the view of all members, and the newcomer takes part once a placement names it. Others
are refused with the reason. A node that was lost and is started again at its address is a newcomer: its address is the same, but
a member is an address and an incarnation, and what was said of the earlier one does not hold for it. A node that waits says so
(``outside``) and neither locks nor serves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from h2ok.kernel.cloud.ballot import Ballot
from h2ok.kernel.cloud.cloud import H2ONode, Member
from h2ok.kernel.cloud.entry import Entry
from h2ok.kernel.cloud.messages import (
    Action,
    ConsensusChanged,
    Fail,
    Heard,
    Heartbeat,
    HeartbeatReply,
    Identity,
    Join,
    Lock,
    LockReply,
    LockRequest,
    Log,
    Lose,
    SendHeartbeat,
    SetMembers,
    Suspect,
    Welcome,
)
from h2ok.kernel.cloud.peer import MembershipSettings, Peer
from h2ok.kernel.cloud.reasons import SHUT_DOWN, cut_off_text, dead_text, late_text
from h2ok.kernel.cloud.stats import NodeStats

__all__ = ["Membership", "MembershipSettings"]

#: Seconds until an address that only gossip named and that never answered is forgotten.
_FORGET_SECONDS = 60.0
#: Between two tries to reach everyone while the cloud is forming.
_FORMING_SECONDS = 0.25


class Membership:
    """One node's part. Not thread-safe; the driver serialises events. ``now`` is any clock in seconds that does not go back."""

    def __init__(
        self, me: Member, identity: Identity, flatfile: Iterable[H2ONode], now: float, settings: MembershipSettings | None = None
    ) -> None:
        self.me = me
        self.identity = identity
        self.settings = settings or MembershipSettings()
        self.view: tuple[Member, ...] = (me,)
        self.consensus = True
        self.locked = False
        self.lock_reason = ""
        self.failure = ""
        self.lost: dict[Member, str] = {}
        self.stats = NodeStats()
        self._ballot = Ballot(me, now, self.settings.lock_round)
        #: Epoch of the placement in force.
        self.epoch = 1
        self._entry = Entry(identity.cloud, now, self.settings.heartbeat, self.settings.dead)
        #: Why newcomers could not be taken in when this node tried.
        self._join_problems: dict[Member, str] = {}
        self._left = False
        self._complained: set[tuple[Member, str]] = set()
        self._suspects: frozenset[H2ONode] = frozenset()
        self._last_tick = now
        self._peers: dict[H2ONode, Peer] = {}
        for node in flatfile:
            if node != me.node:
                self._peers[node] = Peer(node, now, configured=True)

    # -- events -------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Action]:
        """Time has passed; to be called a few times a heartbeat."""
        if self.failure or self._left:
            return []
        actions: list[Action] = []
        gap = now - self._last_tick
        self._last_tick = now
        if gap > 1.5 * self.settings.heartbeat:
            # This node slept, not the others: their silence in the meantime says nothing.
            for p in self._peers.values():
                p.heard += gap
        self._check_silence(now, actions)
        if not self.locked:
            gives_up = self._entry.tick(now, alone=len(self.view) == 1, actions=actions)
            if gives_up:
                self._fail(gives_up, actions)
                return actions
        actions += self._heartbeats(now)
        self._drive_lock(now, actions)
        return actions

    def heartbeat(self, message: Heartbeat, now: float) -> tuple[HeartbeatReply, list[Action]]:
        """A heartbeat came in; the reply to it."""
        actions: list[Action] = []
        if message.sender == self.me:
            return HeartbeatReply("self"), actions
        if self.failure:
            return HeartbeatReply("mismatch", f"Node {self.me.node.name} is not part of a cloud itself: {self.failure}"), actions
        reason = self.lost.get(message.sender)
        if reason is not None:
            return HeartbeatReply("dead", dead_text(message.sender, reason)), actions
        difference = self.identity.difference(message.identity)
        if difference:
            text = f"Node {message.sender.node.name} cannot join the cloud of {self.me.node.name}: {difference}."
            self._complain(message.sender, text, actions)
            return HeartbeatReply("mismatch", text), actions
        if self.locked and message.sender not in self.view:
            return self._meet_latecomer(message, actions), actions
        if self.locked and self.settings.elastic and not message.locked:
            # It was to be taken in, but does not take part yet: perhaps that failed.
            actions.append(Join(message.sender))
        if self._ballot.frozen and message.sender not in self.view:
            return HeartbeatReply("wait"), actions
        self._take(message, now, actions)
        return HeartbeatReply("ok", heartbeat=self.own_heartbeat()), actions

    def reply(self, to: H2ONode, reply: HeartbeatReply, now: float, sent: float) -> list[Action]:
        """The answer to a heartbeat that this node sent at ``sent``."""
        actions: list[Action] = []
        if self.failure:
            return actions
        if to in self._peers:
            self._peers[to].tried = True
        if reply.kind == "self":
            self._peers.pop(to, None)
        elif reply.kind == "wait" and not self.locked:
            self._entry.waits(to, reply.reason, now, actions)
        elif reply.kind == "dead" or (reply.kind == "refused" and not self.locked):
            self._fail(reply.reason, actions)
        elif reply.kind in ("refused", "mismatch"):
            self._entry.misfits(reply.reason, now)
            self._complain(Member(to, ""), reply.reason, actions)
        elif reply.heartbeat is not None:
            _, more = self.heartbeat(reply.heartbeat, now)
            actions += more
            peer = self._peers.get(to)
            if peer is not None and peer.member == reply.heartbeat.sender:
                peer.answered = max(peer.answered, sent)
        return actions

    def no_answer(self, to: H2ONode) -> None:
        """A heartbeat of this node was not answered."""
        if to in self._peers:
            self._peers[to].tried = True

    def outside(self, now: float) -> str:
        """Why this node is not in the cloud it looks for, though it may get there by itself; empty when it is in its cloud."""
        if self.locked or self.failure:
            return ""
        seeks = self.settings.seeks
        sought = [p.node for p in self._peers.values() if (p.configured or seeks) and not p.tried]
        looks = bool(sought) or (seeks and not self._peers)
        return self._entry.outside(now, sought, looks=looks, alone=len(self.view) == 1)

    @property
    def waits(self) -> bool:
        """Whether a cloud that was formed lets this node wait."""
        return not self.locked and not self.failure and self._entry.waiting

    def lease(self) -> float:
        """Until when this node may answer from what it holds without asking anyone."""
        if self.failure:
            return -math.inf
        others = [m for m in self.view if m != self.me and m not in self.lost]
        needed = (len(others) + 1) // 2
        if not self.locked or not needed:
            return math.inf
        answered = sorted((self._peers[m.node].answered for m in others if m.node in self._peers), reverse=True)
        return answered[needed - 1] + self.settings.dead if len(answered) >= needed else -math.inf

    def connection_refused(self, node: H2ONode, now: float) -> list[Action]:
        """The port of a node that was connected refuses connections: its process is gone."""
        self._entry.met(node)
        return self._gone(node, "its process ended (connection refused)", now)

    def leaving(self, member: Member, now: float) -> list[Action]:
        """A member says that it shuts down."""
        peer = self._peers.get(member.node)
        if peer is None or peer.member != member:
            return []
        return self._gone(member.node, SHUT_DOWN, now)

    def meet(self, nodes: Iterable[H2ONode], now: float) -> list[Action]:
        """Addresses that discovery found. A locked cloud waits until newcomers ask."""
        actions: list[Action] = []
        if self.failure or self.locked:
            return actions
        for node in nodes:
            if node != self.me.node and node not in self._peers:
                self._peers[node] = Peer(node, now, configured=False)
                actions.append(SendHeartbeat(node))
        return actions

    def want_lock(self, reason: str, now: float) -> list[Action]:
        """Ask for the cloud to be locked, on behalf of this node."""
        actions: list[Action] = []
        self._ballot.want(reason, now)
        self._drive_lock(now, actions)
        return actions

    def lock_request(self, request: LockRequest, now: float) -> tuple[LockReply, list[Action]]:
        """A step of the lock from another member; the reply to it."""
        actions: list[Action] = []
        if self.failure:
            return LockReply(False, request.round, self.failure), actions
        if request.kind == "want":
            return LockReply(True), self.want_lock(request.reason, now)
        if self.locked:
            return LockReply(request.members == self.view, request.round, "already locked"), actions
        reply = self._ballot.asked(request, self.view)
        if reply.accepted and request.kind == "commit":
            self._lock(request.reason, actions)
        return reply, actions

    def lock_reply(self, member: Member, request: LockRequest, reply: LockReply, now: float) -> list[Action]:
        """The answer of a member to a step of the round this node leads."""
        if self.failure:
            return []
        actions = self._ballot.answered(member, request, reply)
        self._decide(actions)
        return actions

    def own_heartbeat(self) -> Heartbeat:
        """The sign of life of this node."""
        return Heartbeat(
            self.me,
            self.identity,
            self.view,
            self.locked,
            self.lock_reason,
            tuple(self.lost),
            self._ballot.led,
            self._ballot.open,
            self.stats,
            self.epoch,
            tuple(m for m, why in self.lost.items() if why == SHUT_DOWN),
        )

    # -- hearing ------------------------------------------------------------------------------------------------------

    def _take(self, message: Heartbeat, now: float, actions: list[Action]) -> None:
        """Learn from the heartbeat of a compatible node."""
        sender = message.sender
        if message.locked and not self.locked and self.me not in message.view:
            # It may take the earlier life of this address for a member still. The answer to this node's own heartbeat decides.
            self._entry.waits(sender.node, "", now, actions)
            return
        peer = self._peers.setdefault(sender.node, Peer(sender.node, now, configured=False))
        if peer.member is not None and peer.member != sender:
            if self.locked:
                self._lose(peer.member, "its process was restarted", actions)
                return
            actions.append(Log(f"Node {sender.node.name} was restarted."))
        peer.member, peer.view, peer.heard = sender, message.view, now
        actions.append(Heard(sender.node, message.stats))
        if message.locked and not self.locked:
            # Later than the first placement the cloud has data: this node takes part when it is given its share.
            if message.epoch == 1:
                self._adopt(message, actions)
            else:
                self._entry.offer = (message.view, message.lock_reason)
            return
        if not self.locked:
            self._entry.met(sender.node)
            for m in message.view:
                if m.node != self.me.node and m.node not in self._peers:
                    self._peers[m.node] = Peer(m.node, now, configured=False)
        self._ballot.heard(message)
        for m in message.lost:
            if m == self.me:
                self._fail(dead_text(m, f"node {sender.node.name} said so"), actions)
                return
            if self.locked and m in self.view:
                self._lose(m, SHUT_DOWN if m in message.left else f"node {sender.node.name} lost it", actions)
        self._update(now, actions)

    def _adopt(self, message: Heartbeat, actions: list[Action]) -> None:
        """Learn from a locked member that the cloud this node belongs to was locked."""
        if self.view != message.view:
            self.view = message.view
            actions.append(SetMembers(self.view))
        self._lock(message.lock_reason, actions)

    def _meet_latecomer(self, message: Heartbeat, actions: list[Action]) -> HeartbeatReply:
        known = self._peers.get(message.sender.node)
        if known is not None and known.member in self.view and known.member != message.sender:
            self._lose(known.member, "its process was restarted", actions)  # type: ignore[arg-type]
        if self.settings.elastic and not message.locked:
            actions.append(Join(message.sender))
            return HeartbeatReply("wait", self._join_problems.get(message.sender, ""))
        text = f"Node {message.sender.node.name} asked to join; it was refused, the cloud is locked."
        self._complain(message.sender, text, actions)
        return HeartbeatReply("refused", late_text(self.identity.cloud, self.lock_reason, self.view))

    def _update(self, now: float, actions: list[Action]) -> None:
        """Make the view what is heard now, and look whether all agree."""
        if not self.locked and not self._ballot.frozen:
            heard = [p.member for p in self._peers.values() if p.member is not None]
            view = tuple(sorted([self.me, *heard]))
            if view != self.view:
                self.view = view
                actions.append(SetMembers(view))
                actions += [SendHeartbeat(m.node) for m in view if m != self.me]
        others = [self._peers[m.node] for m in self.view if m != self.me and m not in self.lost and m.node in self._peers]
        agreed = self.locked or (all(p.view == self.view for p in others) and len(others) == len(self.view) - 1)
        if agreed != self.consensus:
            self.consensus = agreed
            actions.append(ConsensusChanged(agreed))
            # The others may have to hear this node's latest view to see the same.
            actions += [SendHeartbeat(p.node) for p in others]
        self._drive_lock(now, actions)

    # -- silence ------------------------------------------------------------------------------------------------------

    def _check_silence(self, now: float, actions: list[Action]) -> None:
        suspects = set()
        for peer in list(self._peers.values()):
            if peer.member is None:
                if not peer.configured and now - peer.since > _FORGET_SECONDS:
                    del self._peers[peer.node]
                continue
            if peer.member in self.lost:
                continue
            silent = now - peer.heard
            if silent >= self.settings.dead:
                if self.locked and not self._has_quorum(now):
                    silent_ones = tuple(m for m in self.view if m not in self.lost and m != self.me)
                    self._fail(cut_off_text(self.me, silent_ones), actions)
                    return
                actions += self._gone(peer.node, f"no sign of life for {silent:.0f} s", now)
            elif silent >= self.settings.suspect:
                suspects.add(peer.node)
        if suspects != self._suspects:
            self._suspects = frozenset(suspects)
            actions.append(Suspect(self._suspects))

    def _has_quorum(self, now: float) -> bool:
        """Whether this node hears enough of the cloud to go on without the rest."""
        if not self.settings.quorum:
            return True
        living = [m for m in self.view if m not in self.lost]
        heard = [m for m in living if m == self.me or now - self._peers[m.node].heard < self.settings.suspect]
        return 2 * len(heard) > len(living) or (2 * len(heard) == len(living) and min(living) in heard)

    def widened(self, newcomers: Iterable[Member]) -> tuple[tuple[Member, ...], str]:
        """(the view with newcomers inside, why the cloud is locked): what a leader that takes them in tells all."""
        added = tuple(dict.fromkeys(newcomers))
        places = {m.node for m in added}
        return (*(m for m in self.view if m not in self.lost and m.node not in places), *added), self.lock_reason

    def widen(self, view: tuple[Member, ...], reason: str, now: float) -> tuple[bool, list[Action]]:
        """A leader takes a newcomer in: all hear each other from now on. Tells whether this node, in this life, is one of them."""
        actions: list[Action] = []
        if self.failure or self.me not in view:
            return False, actions
        # An address that is taken again tells for good that its earlier lives are over.
        places = {m.node: m for m in view}
        self.lost = {m: why for m, why in self.lost.items() if places.get(m.node, m) == m}
        for m in self.view:
            if places.get(m.node, m) != m:
                self._lose(m, "its process was restarted", actions)
        known = set(self.view)
        for m in view:
            if m != self.me and m not in self.lost:
                peer = self._peers.setdefault(m.node, Peer(m.node, now, configured=False))
                if peer.member != m:
                    peer.member, peer.heard, peer.answered = m, now, -math.inf
                if m not in known:
                    self._join_problems.pop(m, None)
                    actions.append(Welcome(m))
        if self.locked:
            self.view = tuple(m for m in view if m not in self.lost)
            # This view is not that of the lock any more: whoever did not hear of the lock yet must wait for the placement.
            self.epoch = max(self.epoch, 2)
        else:
            self._entry.offer = (view, reason)
        return True, actions + [SendHeartbeat(m.node) for m in view if m != self.me and m not in self.lost]

    def join_failed(self, member: Member, problem: str) -> None:
        """Note that this node, which leads, could not take a newcomer in: the answer to its next heartbeat says so."""
        self._join_problems = {m: t for m, t in self._join_problems.items() if m.node != member.node} | {member: problem}

    def placed(self, nodes: tuple[H2ONode, ...], epoch: int) -> list[Action]:
        """A placement is in force: the view is its members, death stays final for the others."""
        actions: list[Action] = []
        self.epoch = epoch
        if self.locked and self.me.node not in nodes:
            self._left = True
        elif self.locked:
            gone = [m for m in self.view if m.node not in nodes and m not in self.lost]
            self.view = tuple(m for m in self.view if m.node in nodes)
            for m in gone:
                self._peers.pop(m.node, None)
        elif self._entry.offer is not None:
            self.view = tuple(m for m in self._entry.offer[0] if m.node in nodes)
            self._lock(self._entry.offer[1], actions)
        return actions

    def _gone(self, node: H2ONode, reason: str, now: float) -> list[Action]:
        actions: list[Action] = []
        peer = self._peers.get(node)
        if peer is None or peer.member is None or self.failure:
            return actions
        if self.locked:
            if peer.member in self.view:
                self._lose(peer.member, reason, actions)
        else:
            actions.append(Log(f"Node {node.name} left the forming cloud: {reason}.", problem=reason != SHUT_DOWN))
            if peer.member in self.view:
                self._ballot.gone(peer.member)
            peer.member, peer.view, peer.since = None, (), now
            self._entry.lost(node, alone=not any(p.member for p in self._peers.values()))
        self._update(now, actions)
        return actions

    def _lose(self, member: Member, reason: str, actions: list[Action]) -> None:
        if member in self.lost or member == self.me:
            return
        self.lost[member] = reason
        actions += [Lose(member, reason), Log(f"Node {member.node.name} is lost: {reason}.", problem=reason != SHUT_DOWN)]
        actions += [SendHeartbeat(m.node) for m in self.view if m != self.me and m not in self.lost]

    def _heartbeats(self, now: float) -> list[Action]:
        actions: list[Action] = []
        forming = not self.locked and (not self.consensus or any(p.member is None for p in self._peers.values()))
        for peer in self._peers.values():
            if self.locked and (peer.member is None or peer.member not in self.view or peer.member in self.lost):
                continue
            if now - peer.sent >= (_FORMING_SECONDS if forming else self.settings.heartbeat) - 0.01:
                peer.sent = now
                actions.append(SendHeartbeat(peer.node))
        return actions

    # -- locking ------------------------------------------------------------------------------------------------------

    def _drive_lock(self, now: float, actions: list[Action]) -> None:
        if not self.locked and not self.failure and not self.outside(now):
            actions += self._ballot.drive(self.view, self.consensus, now)
            self._decide(actions)

    def _decide(self, actions: list[Action]) -> None:
        """Lock when all members of the round accepted: itself first, then everyone else."""
        commits = self._ballot.decide()
        if commits is not None:
            self._lock(self._ballot.wanted, actions)
            actions += commits

    def _lock(self, reason: str, actions: list[Action]) -> None:
        self.locked, self.lock_reason = True, reason
        self._ballot.finish()
        for node in [n for n, p in self._peers.items() if p.member not in self.view]:
            del self._peers[node]
        if not self.consensus:
            self.consensus = True
            actions.append(ConsensusChanged(True))
        actions += [
            Lock(reason),
            Log(f"Cloud '{self.identity.cloud}' of {len(self.view)} nodes is locked: {reason}.", problem=False),
        ]

    def _complain(self, about: Member, text: str, actions: list[Action]) -> None:
        """Log once what would come with every heartbeat."""
        if (about, text) not in self._complained:
            self._complained.add((about, text))
            actions.append(Log(text))

    def _fail(self, reason: str, actions: list[Action]) -> None:
        self.failure = reason
        actions += [Fail(reason), Log(reason)]

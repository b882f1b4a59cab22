"""Ballot: one node's part in the decision to lock the cloud; see ``Membership`` for the whole picture. No sockets, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from h2ok.kernel.cloud.messages import Action, Heartbeat, LockReply, LockRequest, Log, Member, SendLock

__all__ = ["Ballot"]

#: Between two tries to lock.
_RETRY_SECONDS = 0.25


@dataclass(slots=True)
class _Round:
    """A round this node leads."""

    number: int
    members: tuple[Member, ...]
    since: float
    accepted: set[Member] = field(default_factory=set)
    decided: bool = False


class Ballot:
    """Rounds led and promises given. A promise freezes the view until its round is decided or given up."""

    def __init__(self, me: Member, now: float, round_seconds: float) -> None:
        self._me = me
        self._round_seconds = round_seconds
        #: Why this node wants the lock; empty when it does not.
        self.wanted = ""
        #: The latest round this node leads or led.
        self.led = 0
        self._highest = 0
        self._retry = now
        self._round: _Round | None = None
        self._promised: tuple[int, Member] | None = None

    @property
    def frozen(self) -> bool:
        """Whether a promise keeps the view as it is."""
        return self._promised is not None

    @property
    def open(self) -> bool:
        """Whether this node leads an undecided round."""
        return self._round is not None and not self._round.decided

    def want(self, reason: str, now: float) -> None:
        """Have the lock from now on in mind."""
        self.wanted = self.wanted or reason
        self._retry = now

    def drive(self, view: tuple[Member, ...], consensus: bool, now: float) -> list[Action]:
        """Lead a round, or ask the leader for one, while the lock is wanted."""
        if not self.wanted:
            return []
        if self._round is not None and now - self._round.since > self._round_seconds:
            self._give_up()
        if not consensus or now < self._retry:
            return []
        self._retry = now + _RETRY_SECONDS
        leader = view[0]
        if leader != self._me:
            if self._promised is not None and self._promised[1] == leader:
                return []
            return [SendLock(leader, LockRequest("want", self._me, self.wanted))]
        if self._round is not None:
            return []
        self._highest += 1
        self.led = self._highest
        self._round = _Round(self.led, view, now, {self._me})
        self._promised = (self.led, self._me)
        request = LockRequest("prepare", self._me, self.wanted, self.led, view)
        return [SendLock(m, request) for m in view if m != self._me]

    def decide(self) -> list[Action] | None:
        """When all members of the open round accepted: what tells them so. None while it is undecided."""
        current = self._round
        if current is None or current.decided or current.accepted != set(current.members):
            return None
        current.decided = True
        request = LockRequest("commit", self._me, self.wanted, current.number, current.members)
        return [SendLock(m, request) for m in current.members if m != self._me]

    def asked(self, request: LockRequest, view: tuple[Member, ...]) -> LockReply:
        """A leader's prepare or commit while this node is not locked; an accepted one is a promise."""
        self._highest = max(self._highest, request.round)
        if self._promised is not None and request.round < self._promised[0]:
            return LockReply(False, self._highest, "a later round is open")
        if request.members != view or request.sender != view[0]:
            shown = ", ".join(m.node.name for m in view[:8])
            return LockReply(False, self._highest, f"it sees {len(view)} nodes ({shown})")
        self._promised = (request.round, request.sender)
        return LockReply(True, self._highest)

    def answered(self, member: Member, request: LockRequest, reply: LockReply) -> list[Action]:
        """A member's answer to a step of a round of this node."""
        self._highest = max(self._highest, reply.round)
        current = self._round
        if current is None or request.round != current.number or request.kind != "prepare" or current.decided:
            return []
        if reply.accepted:
            current.accepted.add(member)
            return []
        self._give_up()
        return [Log(f"Node {member.node.name} does not agree to lock the cloud yet: {reply.reason}.")]

    def heard(self, message: Heartbeat) -> None:
        """Forget a promise when its leader's heartbeat shows that the round was given up."""
        if self._promised is None or self._promised[1] != message.sender or message.locked:
            return
        number = self._promised[0]
        if message.round > number or (message.round == number and not message.round_open):
            self._promised = None

    def gone(self, member: Member) -> None:
        """A member of the view died: neither a round with it nor a promise to it can come to an end."""
        if self._promised is not None and self._promised[1] == member:
            self._promised = None
        self._give_up()

    def finish(self) -> None:
        """The cloud is locked."""
        self._promised = None

    def _give_up(self) -> None:
        if self._round is None:
            return
        self._round = None
        if self._promised is not None and self._promised[1] == self._me:
            self._promised = None

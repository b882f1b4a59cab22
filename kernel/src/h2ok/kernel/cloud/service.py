"""MembershipService: drives the membership state machine with time and messages, and carries out what it asks for."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from functools import partial
from typing import TYPE_CHECKING, Any

from h2ok.kernel.cloud.cloud import H2ONode, Member
from h2ok.kernel.cloud.membership import Membership, MembershipSettings
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
    SendLock,
    SetMembers,
    Suspect,
    Welcome,
)
from h2ok.kernel.errors import CloudLockedError, CloudTimeoutError
from h2ok.kernel.key import maker_of, process_token

if TYPE_CHECKING:
    from h2ok.kernel.node import Node
    from h2ok.kernel.transport.base import Transport

__all__ = ["MembershipService"]

_log = logging.getLogger(__name__)
_TICK_SECONDS = 0.25
#: How long a write waits for the whole cloud to agree on the lock.
LOCK_TIMEOUT = 60.0


class MembershipService:
    """Joins a node to its cloud: one heartbeat thread, and services that answer the other nodes."""

    def __init__(
        self, node: Node, transport: Transport, identity: Identity, flatfile: Iterable[H2ONode], *, seeks: bool = False
    ) -> None:
        self._cloud = node.cloud
        self._transport = transport
        config = node.config
        settings = MembershipSettings(
            config.heartbeat_seconds,
            config.suspect_seconds,
            config.dead_seconds,
            quorum=config.replicas > 0,
            elastic=config.elastic,
            seeks=seeks,
        )
        self.me = Member(node.cloud.me, f"{process_token()}{secrets.token_hex(8)}")
        node.cloud.welcome(self.me)
        self._settings = settings
        self._state = Membership(self.me, identity, flatfile, time.monotonic(), settings)
        self._mutex = threading.RLock()
        #: Open heartbeats by address; true when another one should follow at once.
        self._open: dict[H2ONode, bool] = {}
        self._stop = threading.Event()
        self._stats_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name=f"{node.label}-heartbeat", daemon=True)
        node.rpc.register("cloud.heartbeat", self._answer_heartbeat)
        node.rpc.register("cloud.lock", self._answer_lock)
        node.rpc.register("cloud.leave", self._member_leaves)
        node.rpc.register("cloud.widen", self._widen)
        node.cloud.lock_service = self._lock
        node.cloud.meet_service = lambda nodes: self._event(lambda s, now: s.meet(nodes, now))
        self._rehoming = node.rehoming
        self._orphans = node.orphans
        self._note_sent = node.rpc.note_sent
        node.rehoming.widened = self._widened
        node.rehoming.join_failed = self._join_failed
        node.cloud.on_placed.append(lambda p: self._event(lambda s, _: s.placed(p.members, p.epoch)))
        self._look_outside(time.monotonic())
        transport.on_refused = lambda n: self._event(lambda s, now: s.connection_refused(n, now))
        node.closers.append(self.close)

    def start(self) -> None:
        """Send the first heartbeats now, then regularly."""
        self._thread.start()

    def close(self) -> None:
        """Tell the others that this node leaves, and stop."""
        if self._stop.is_set():
            return
        self._stop.set()
        others = [m for m in self._cloud.members if m != self._cloud.me and not self._cloud.is_lost(m)]
        wait_for([self._send(m, "cloud.leave", self.me, 1.0) for m in others], timeout=1.0)
        if self._thread.is_alive():
            self._thread.join(5.0)

    # -- events -------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._event(Membership.tick)
            if self._stop.wait(min(_TICK_SECONDS, self._settings.heartbeat / 4)):
                return

    def _event(self, event: Callable[[Membership, float], list[Action]]) -> None:
        """Feed one event; actions are carried out in order before the next event."""
        with self._mutex:
            now = time.monotonic()
            for action in event(self._state, now):
                try:
                    self._act(action)
                except Exception:  # membership must go on, whatever a listener does
                    _log.exception("Node %s could not carry out %s", self.me.node.name, type(action).__name__)
            self._cloud.lease = self._state.lease()
            self._look_outside(now)

    def _look_outside(self, now: float) -> None:
        self._cloud.mark_outside(self._state.outside(now), waits=self._state.waits)

    def _answer_heartbeat(self, message: Heartbeat) -> HeartbeatReply:
        reply: list[HeartbeatReply] = []

        def event(state: Membership, now: float) -> list[Action]:
            self._refresh_stats(now)
            answer, actions = state.heartbeat(message, now)
            reply.append(answer)
            return actions

        self._event(event)
        return reply[0]

    def _member_leaves(self, member: Member) -> None:
        self._event(lambda s, now: s.leaving(member, now))
        if member.node not in self._cloud.newest.members:
            # It handed over before; what was still asked of it ends here.
            self._transport.drop_peer(member.node, "it left the cloud")

    def _answer_lock(self, request: LockRequest) -> LockReply:
        reply: list[LockReply] = []

        def event(state: Membership, now: float) -> list[Action]:
            answer, actions = state.lock_request(request, now)
            reply.append(answer)
            return actions

        self._event(event)
        return reply[0]

    def _lock(self, reason: str) -> None:
        """The cluster-wide decision, for ``Cloud.lock``."""
        self._event(lambda s, now: s.want_lock(reason, now))
        if not self._cloud.wait_until(lambda: self._cloud.locked or bool(self._cloud.failure), LOCK_TIMEOUT):
            disagreement = f"its {self._cloud.size} nodes do not agree who is in it. {self._cloud.last_problem}"
            raise CloudTimeoutError(
                f"Cloud '{self._cloud.name}' could not be locked within {LOCK_TIMEOUT:g} s: {self._cloud.outside or disagreement} "
                "Check that every node reaches every other one.",
                size=self._cloud.size,
            )
        if self._cloud.failure:
            raise CloudLockedError(self._cloud.failure, cloud=self._cloud.name)

    def _widened(self, newcomers: Iterable[Member]) -> tuple[tuple[Member, ...], str]:
        """(the view with newcomers inside, why the cloud is locked), for a leader that takes them in."""
        with self._mutex:
            return self._state.widened(newcomers)

    def _widen(self, offer: tuple[tuple[Member, ...], str]) -> bool:
        taken: list[bool] = []

        def event(state: Membership, now: float) -> list[Action]:
            accepted, actions = state.widen(*offer, now)
            taken.append(accepted)
            return actions

        self._event(event)
        return taken[0]

    def _join_failed(self, member: Member, problem: str) -> None:
        with self._mutex:
            self._state.join_failed(member, problem)

    # -- actions ------------------------------------------------------------------------------------------------------

    def _act(self, action: Action) -> None:
        cloud = self._cloud
        match action:
            case SendHeartbeat(to):
                self._send_heartbeat(to)
            case SendLock(to, request):
                future = self._send(to.node, "cloud.lock", request, self._state.settings.lock_round)
                future.add_done_callback(partial(self._lock_answered, to, request))
            case SetMembers(members):
                for member in members:
                    cloud.welcome(member)
                cloud.set_members(tuple(m.node for m in members), consensus=False)
                _log.info("Cloud of %d nodes: %s", len(members), ", ".join(m.node.name for m in members))
            case ConsensusChanged(consensus):
                cloud.consensus = consensus
            case Lock(reason):
                cloud.mark_locked(reason)
            case Lose(member, reason):
                self._note_orphans(member)
                cloud.mark_lost(member.node, reason, member.incarnation)
            case Welcome(member):
                cloud.welcome(member)
            case Join(member):
                self._rehoming.join(member)
            case Suspect(nodes):
                cloud.mark_suspect(nodes)
            case Heard(node, stats):
                cloud.mark_heard(node, stats)
            case Fail(reason):
                cloud.mark_failed(reason)
            case Log(message, problem):
                if problem:
                    cloud.last_problem = message
                # The others end with this node, mostly, and some go before they have said so.
                _log.log(logging.WARNING if problem and not self._rehoming.ending else logging.INFO, "%s", message)
        if isinstance(action, SetMembers):
            cloud.consensus = self._state.consensus

    def _note_orphans(self, lost: Member) -> None:
        """What the process of a lost node was making belongs to nobody, unless another node lives in it too (tests)."""
        living = {maker_of(m.incarnation) for m in self._state.view if m not in self._state.lost and m != lost}
        if maker_of(lost.incarnation) not in living:
            self._orphans.note(maker_of(lost.incarnation))

    def _send(self, to: H2ONode, service: str, payload: Any, timeout: float) -> Future[Any]:
        try:
            return self._transport.submit(to, service, payload, timeout)
        except Exception as e:  # a closing transport; the future tells
            future: Future[Any] = Future()
            future.set_exception(e)
            return future

    def _send_heartbeat(self, to: H2ONode) -> None:
        if self._stop.is_set():
            return
        if to in self._open:
            self._open[to] = True
            return
        self._open[to] = False
        now = time.monotonic()
        self._refresh_stats(now)
        self._note_sent(to, "cloud.heartbeat")
        future = self._send(to, "cloud.heartbeat", self._state.own_heartbeat(), 2 * self._settings.heartbeat)
        future.add_done_callback(partial(self._heartbeat_answered, to, now))

    def _heartbeat_answered(self, to: H2ONode, sent: float, future: Future[Any]) -> None:
        with self._mutex:
            again = self._open.pop(to, False)
            if future.exception() is None:
                self._event(lambda s, now: s.reply(to, future.result(), now, sent))
                if again:
                    self._send_heartbeat(to)
            else:
                self._state.no_answer(to)
                self._look_outside(time.monotonic())

    def _lock_answered(self, to: Member, request: LockRequest, future: Future[Any]) -> None:
        if future.exception() is None:
            self._event(lambda s, now: s.lock_reply(to, request, future.result(), now))

    def _refresh_stats(self, now: float) -> None:
        if now - self._stats_at >= self._settings.heartbeat:
            self._stats_at = now
            self._state.stats = self._cloud.own_stats()

"""Rehoming: moves the homes of keys when members are lost, join or leave, and brings copies back to their number.

The first living member leads. It asks all members for the newest placement they know, takes the lost ones out and has all agree on
the result in two steps. *Fence*: every member stops to answer for what it will not hold any more, forgets what it has read, and
waits for its changes under way. *Install*: the new homes begin to answer. A placement that any member has in force was fenced
by all, so a leader that follows a lost one finds it and goes on from there. Copies are filled in the background in between: new
holders first get every change, then all that was there before, and count as holders when that is complete.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from h2ok.kernel.cloud.cloud import H2ONode, Member
from h2ok.kernel.cloud.placement import Placement
from h2ok.kernel.cloud.reasons import SHUT_DOWN
from h2ok.kernel.errors import CloudTimeoutError, H2OKError, NodeLostError
from h2ok.kernel.key import slot_of
from h2ok.kernel.wire import sizeof

if TYPE_CHECKING:
    from h2ok.kernel.dkv.home import Change
    from h2ok.kernel.node import Node

__all__ = ["Rehoming"]

_log = logging.getLogger(__name__)
#: Bytes of values sent to a new holder in one message.
_BATCH_BYTES = 8 << 20
#: Seconds a member may take to come to a new placement; to send its copies.
_AGREE_SECONDS, _SYNC_SECONDS = 60.0, 3600.0
_RETRY_SECONDS = 0.1
#: How long a newcomer may take to answer.
_JOIN_SECONDS = 10.0


class Rehoming:
    """One node's part: answers the leader, and leads when it is the first living member."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._cloud = node.cloud
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._dirty = False
        self._thread: threading.Thread | None = None
        self._leaving: set[H2ONode] = set()
        self._joining: dict[H2ONode, Member] = {}
        #: Set by the membership service: the view with newcomers inside, and why the cloud is locked; takes note that one of them
        #: could not be taken in.
        self.widened: Callable[[Iterable[Member]], tuple[tuple[Member, ...], str]] | None = None
        self.join_failed: Callable[[Member, str], None] | None = None
        node.cloud.on_lost.append(lambda *_: self.kick())
        # Who was lost while the cloud was being locked is still in its first placement.
        node.cloud.on_locked.append(lambda: self.kick() if node.cloud.bad_nodes else None)
        node.cloud.on_placed.append(self._clean)
        node.rpc.register("place.state", lambda _: (node.cloud.placement, node.cloud.pending))
        node.rpc.register("place.fence", self._fence)
        node.rpc.register("place.install", self._install)
        node.rpc.register("place.sync", self._sync_local)
        node.rpc.register("place.join", self.join)
        node.rpc.register("place.leave", self._let_go)

    def kick(self) -> None:
        """Have a look whether homes must move; returns at once."""
        if self._stop.is_set() or not self._cloud.locked or self._cloud.failure or not self._leads():
            return
        with self._lock:
            self._dirty = True
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name=f"{self._node.label}-rehoming", daemon=True)
                self._thread.start()

    def join(self, newcomer: Member) -> None:
        """Have a node take its share of a locked cloud; returns at once. It may ask as often as it likes.

        Where an earlier life of its address is a member still, that one must go first.
        """
        if newcomer.node in self._cloud.newest.members:
            return
        leader = self._leader()
        if leader == self._cloud.me:
            if self._joining.get(newcomer.node) != newcomer or not self.busy:
                self._joining[newcomer.node] = newcomer
                self.kick()
        elif leader is not None:
            self._node.rpc.submit(leader, "place.join", newcomer, _AGREE_SECONDS)

    def leave(self, timeout: float = _SYNC_SECONDS) -> None:
        """Hand over everything this node holds; it is no member any more when this returns.

        Raises
        ------
        CloudTimeoutError
            The others did not take over in time, or there are none.
        """
        cloud = self._cloud
        deadline = time.monotonic() + timeout
        while cloud.me in cloud.placement.members:
            leader = self._leader()
            if cloud.size == 1 or leader is None or time.monotonic() > deadline:
                why = "no other node takes it" if cloud.size == 1 else "time is up"
                raise CloudTimeoutError(
                    f"Node {cloud.me.name} cannot hand over what it holds: {why}. Shut the cloud down to end its last node.",
                    node=cloud.me.name,
                )
            with contextlib.suppress(NodeLostError):
                self._node.rpc.call(leader, "place.leave", cloud.me, _AGREE_SECONDS)
            cloud.wait_until(lambda: cloud.me not in cloud.placement.members, 1.0)

    def _let_go(self, node: H2ONode) -> None:
        self._leaving.add(node)
        self.kick()

    def stop_leading(self) -> None:
        """Begin nothing new: this node is about to end. What was begun is left to the next leader."""
        self._stop.set()

    def close(self) -> None:
        """Stop; what was begun is left to the next leader."""
        with self._lock:
            self._stop.set()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(5.0)

    @property
    def ending(self) -> bool:
        """Whether this node is about to end."""
        return self._stop.is_set()

    @property
    def busy(self) -> bool:
        """Whether this node is leading a change of placement."""
        return self._thread is not None

    # -- the leader ---------------------------------------------------------------------------------------------------

    def _leader(self) -> H2ONode | None:
        return next((m for m in self._cloud.newest.members if not self._cloud.is_lost(m)), None)

    def _leads(self) -> bool:
        return self._leader() == self._cloud.me

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._dirty or self._stop.is_set() or self._cloud.failure:
                    self._thread = None
                    return
                self._dirty = False
            try:
                self._settle()
            except H2OKError as e:
                # A member went meanwhile, or is about to be declared lost: look again.
                _log.info("Homes of keys are looked at again: %s", e)
                self._dirty = True
                self._stop.wait(_RETRY_SECONDS)
            except Exception:  # what happened must be seen, and the cloud must not stay half way
                _log.exception("Cannot move the homes of keys")
                self._stop.wait(1.0)

    def _settle(self) -> None:
        cloud = self._cloud
        base, settled = self._newest()
        gone = [m for m in base.members if cloud.is_lost(m)]
        if gone or not settled:
            expected = {cloud.lost_reason(m) for m in gone} == {SHUT_DOWN}
            before, base = base, self._agree(base, base.without(gone))
            if gone:
                level = logging.INFO if expected and base.lost == before.lost else logging.WARNING
                _log.log(level, "%s: keys are served by %s.%s", _names(gone), _names(base.members), _damage_text(base))
        old, base = base, self._with_newcomers(base)
        leaving = {m for m in self._leaving if m in base.members}
        if len(leaving) == len(base.members):
            leaving = set()
        target = base.target(cloud.replicas, leaving)
        if base.is_at(target) and not leaving:
            self._leaving.clear()
            return
        base = self._agree(old, base.moving_to(target))
        self._sync(base)
        base = self._agree(base, base.moved_to(target, leaving))
        self._joining = {n: m for n, m in self._joining.items() if n not in base.members}
        self._leaving -= leaving
        _log.info("Keys are held by %s, %d copies of each.", _names(base.members), target.shape[1])

    def _with_newcomers(self, base: Placement) -> Placement:
        """Have the members hear the nodes that want to join; the placement with them, still without a share."""
        found = {n: m for n, m in self._joining.items() if n not in base.members}
        if not found or self.widened is None:
            return base
        offer = self.widened(found.values())
        if not all(self._ask_all(base.members, "cloud.widen", offer)):
            raise NodeLostError("A member was started again, or is leaving.")
        for node, member in list(found.items()):
            problem = self._invite(member, offer)
            if problem:
                # It goes on asking, and is invited again then.
                _log.warning("Node %s cannot join: %s", node.name, problem)
                if self.join_failed is not None:
                    self.join_failed(member, f"could not take it in: {problem}")
                found.pop(node)
                self._joining.pop(node, None)
        if found:
            _log.info("%s: takes a share of the keys.", _names(found))
        return base.with_members(found) if found else base

    def _invite(self, newcomer: Member, offer: tuple[tuple[Member, ...], str]) -> str:
        """Have a newcomer hear the members; why that failed, if it did."""
        try:
            accepted = self._node.rpc.call(newcomer.node, "cloud.widen", offer, _JOIN_SECONDS)
        except H2OKError as e:
            return str(e)
        return "" if accepted else "its process was restarted"

    def _newest(self) -> tuple[Placement, bool]:
        """(the newest placement any living member knows, whether all have it in force)."""
        known: list[Placement] = []
        active: set[int] = set()
        for placement, pending in self._ask_all(self._cloud.newest.members, "place.state", None):
            known += [placement] if pending is None else [placement, pending]
            active.add(placement.epoch)
        newest = max(known, key=lambda p: p.epoch)
        return newest, active == {newest.epoch}

    def _agree(self, old: Placement, new: Placement) -> Placement:
        """Bring all members of both placements to the new one."""
        everyone = tuple(dict.fromkeys((*old.members, *new.members)))
        # SAFETY: another process at the address of a member has agreed to nothing, and holds nothing of what that one held.
        agreed = (new, tuple(self._cloud.member(m) for m in everyone))
        if not all(self._ask_all(everyone, "place.fence", agreed)):
            raise NodeLostError("A member knows a newer placement.")
        self._ask_all(everyone, "place.install", agreed)
        return new

    def _sync(self, placement: Placement) -> None:
        """Fill the incoming holders."""
        self._ask_all(placement.members, "place.sync", placement.epoch, _SYNC_SECONDS)

    def _ask_all(self, members: Iterable[H2ONode], service: str, payload: Any, timeout: float = _AGREE_SECONDS) -> list[Any]:
        """Replies of the living ones; NodeLostError when one does not answer."""
        living = [m for m in members if not self._cloud.is_lost(m)]
        others = [self._node.rpc.submit(m, service, payload, timeout) for m in living if m != self._cloud.me]
        replies = [self._node.rpc.serve(service, payload)] if self._cloud.me in living else []
        return replies + [f.result() for f in others]

    # -- every member -------------------------------------------------------------------------------------------------

    def _fence(self, agreed: tuple[Placement, tuple[Member, ...]]) -> bool:
        cloud, placement = self._cloud, self._addressed(agreed)
        if not cloud.fence(placement):
            return False
        if not self._node.dkv.fenced():
            raise NodeLostError(f"Changes under way on node {cloud.me.name} do not end.", node=cloud.me.name)
        return True

    def _install(self, agreed: tuple[Placement, tuple[Member, ...]]) -> bool:
        return self._cloud.install(self._addressed(agreed))

    def _addressed(self, agreed: tuple[Placement, tuple[Member, ...]]) -> Placement:
        """The placement of a message to this node in its present life."""
        cloud, (placement, members) = self._cloud, agreed
        meant = next((m.incarnation for m in members if m.node == cloud.me), "")
        if meant and cloud.life(cloud.me) and meant != cloud.life(cloud.me):
            raise NodeLostError(f"Node {cloud.me.name} was started again since.", node=cloud.me.name)
        return placement

    def _sync_local(self, epoch: int) -> int:
        """Send what this node is primary of to the incoming holders; how many values went."""
        cloud, store = self._cloud, self._node.dkv.store
        placement = cloud.placement
        if placement.epoch != epoch:
            raise NodeLostError(f"Node {cloud.me.name} is at placement {placement.epoch}, not {epoch}.", node=cloud.me.name)
        incoming = [tuple(placement.members[i] for i in row if i >= 0) for row in placement.incoming.tolist()]
        sent, size = 0, 0
        batch: dict[H2ONode, list[Change]] = defaultdict(list)
        for key in store:
            slot = slot_of(key)
            if not incoming[slot] or placement.primaries[slot] != cloud.me:
                continue
            value, version = store.entry(key)
            if value is None:
                continue
            for node in incoming[slot]:
                batch[node].append((key, max(1, version), value, "", None))
            sent, size = sent + 1, size + sizeof(value)
            if size >= _BATCH_BYTES:
                self._send(placement, batch)
                batch, size = defaultdict(list), 0
        self._send(placement, batch)
        self._send_results(placement, incoming)
        return sent

    def _send_results(self, placement: Placement, incoming: list[tuple[H2ONode, ...]]) -> None:
        """What changes gave that were made before the incoming holders were told of changes."""
        results: dict[H2ONode, list[tuple[str, Any]]] = defaultdict(list)
        for operation, result in self._node.dkv.store.results():
            slot = slot_of(operation.partition("/")[2])
            if placement.primaries[slot] == self._cloud.me:
                for node in incoming[slot]:
                    results[node].append((operation, result))
        self._node.dkv.send_results(results)

    def _send(self, placement: Placement, batch: dict[H2ONode, list[Change]]) -> None:
        if self._stop.is_set() or self._cloud.newest is not placement:
            raise NodeLostError("The placement changed while copies were sent.")
        self._node.dkv.send_copies(placement, batch)

    def _clean(self, placement: Placement) -> None:
        """Drop what this node does not hold any more."""
        held = placement.held_by(self._cloud.me)
        if bool(held.all()):
            return
        store = self._node.dkv.store
        for key in store:
            if self._cloud.newest is not placement:
                return
            if not held[slot_of(key)]:
                store.drop(key)


def _names(members: Iterable[H2ONode]) -> str:
    return ", ".join(m.name for m in members)


def _damage_text(placement: Placement) -> str:
    if not placement.lost:
        return " No key is lost."
    return f" What only {', '.join(placement.lost)} held is lost (--replicas)."

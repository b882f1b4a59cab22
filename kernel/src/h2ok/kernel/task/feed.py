"""Feeding: a run over blocks that come one after the other with their data, each worked on by the node that has the least to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from h2ok.kernel.cloud.cloud import H2ONode, Member
from h2ok.kernel.errors import JobCancelledError, NodeLostError, StateLostError
from h2ok.kernel.key import maker_of, random_key
from h2ok.kernel.task.mrtask import Block, MRTask
from h2ok.kernel.wire import wire_type

if TYPE_CHECKING:
    from h2ok.kernel.node import Node
    from h2ok.kernel.task.engine import TaskEngine

__all__ = ["Feeder"]

#: Blocks that wait for a thread of a node, beside those that are worked on.
_WAITING = 2
#: Seconds a node may take for a block.
_SECONDS = 3600.0


@wire_type("task.feed")
@dataclass(frozen=True, slots=True)
class _Feed:
    run: str
    task: Any
    index: int
    payload: Any


class Feeder:
    """Runs ``MRTask.feed``. What blocks stash stays where they were worked on; later tasks of the session find it there."""

    def __init__(self, node: Node, engine: TaskEngine) -> None:
        self._node, self._engine = node, engine
        node.rpc.register("task.feed", self._feed_for_others)
        node.rpc.register("task.fed", lambda task: task.close_local(node))

    def run(self, task: MRTask, payloads: Iterable[Any], cancelled: Callable[[], bool] | None) -> tuple[int, Any]:
        """See ``TaskEngine.feed``."""
        node, me = self._node, self._node.cloud.me
        asked = {m: node.cloud.member(m) for m in node.cloud.members}
        room = {m: self._engine.nthreads + _WAITING for m in asked if not node.cloud.is_lost(m)}
        fed: list[tuple[H2ONode, Future[Any]]] = []
        busy: dict[Future[Any], H2ONode] = {}
        run = random_key()
        pool = ThreadPoolExecutor(self._engine.nthreads, thread_name_prefix=f"{node.label}-feed")
        failed = False
        try:
            for index, payload in enumerate(payloads):
                failed = not _await_room(busy, room)
                if failed or (cancelled is not None and cancelled()):
                    break
                # This node also brings the data, so others come first.
                member = max(room, key=lambda m: (room[m], m != me, m.name))
                room[member] -= 1
                feed = _Feed(run, task, index, payload)
                future = pool.submit(self._map, feed) if member == me else node.rpc.submit(member, "task.feed", feed, _SECONDS)
                busy[future] = member
                fed.append((member, future))
        finally:
            wait(busy)
            pool.shutdown(wait=True)
            self._end(task, {m for m, _ in fed})
        if not failed and cancelled is not None and cancelled():
            raise JobCancelledError("The task was cancelled.")
        return len(fed), self._collect(task, [(asked[m], future) for m, future in fed])

    def _collect(self, task: MRTask, fed: list[tuple[Member, Future[Any]]]) -> Any:
        """What all partials make; each block's node is noted for later tasks of the session."""
        session: str = getattr(task, "session", "")
        placed, value = {}, None
        for index, (member, future) in enumerate(fed):
            try:
                part = future.result()
            except NodeLostError as e:
                if e.values.get("service") != "task.feed":
                    raise
                text = f"Node {member.node.name} is lost with what it kept for this work. Start the work again."
                raise StateLostError(text, node=member.node.name) from e
            placed[index] = member
            value = part if value is None else task.reduce(value, part) if part is not None else value
        self._engine.note_placed(session, placed)
        return value

    def _end(self, task: MRTask, members: set[H2ONode]) -> None:
        for m in members:
            if m == self._node.cloud.me:
                task.close_local(self._node)
            elif not self._node.cloud.is_lost(m):
                self._node.rpc.submit(m, "task.fed", task)

    def _feed_for_others(self, feed: _Feed) -> Any:
        with self._engine.foreign.working_for(maker_of(feed.run)) as abandoned:
            if abandoned():
                raise JobCancelledError("The node that asked for this work is lost.")
            return self._map(feed)

    def _map(self, feed: _Feed) -> Any:
        i, session = feed.index, getattr(feed.task, "session", "")
        block = Block(self._node, i, i, 1, (), self._engine.states.of(session, i), session)
        return feed.task.feed(block, feed.payload)


def _await_room(busy: dict[Future[Any], H2ONode], room: dict[H2ONode, int]) -> bool:
    """Wait until some node has room; false when a block failed."""
    while True:
        for future in [f for f in busy if f.done()]:
            room[busy.pop(future)] += 1
            if future.exception() is not None:
                return False
        if any(n > 0 for n in room.values()):
            return True
        wait(busy, return_when=FIRST_COMPLETED)

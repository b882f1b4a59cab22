"""TaskEngine: runs MRTasks over the cloud: every node maps its own chunks on its worker pool, the caller reduces the rest."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.kernel.cloud.cloud import H2ONode, Member
from h2ok.kernel.errors import IllegalArgumentError, JobCancelledError, NodeLostError, StateLostError
from h2ok.kernel.frame.vec import Vec, new_vec_key
from h2ok.kernel.key import chunk_key, maker_of, random_key
from h2ok.kernel.rpc import LOSS_SECONDS
from h2ok.kernel.task.feed import Feeder
from h2ok.kernel.task.foreign import ForeignWork
from h2ok.kernel.task.local_runs import LocalRuns
from h2ok.kernel.task.mrtask import MRTask, OutputSpec, TaskResult
from h2ok.kernel.task.request import Grounds, Message, Output, Reply, Request
from h2ok.kernel.task.states import BlockStates
from h2ok.kernel.task.tree import ReductionTree
from h2ok.kernel.task.watch import RunWatch
from h2ok.kernel.threads import ElasticPool
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel.frame.frame import Frame
    from h2ok.kernel.node import Node

__all__ = ["TaskEngine"]

#: Seconds a node may take for its part of one MRTask.
TASK_TIMEOUT = 24 * 3600.0
#: Between two looks for answers that came while this node works on its own part.
_ANSWER_SECONDS = 0.05
#: Between two questions how far another node has come.
_PROGRESS_SECONDS = 0.5


class TaskEngine:
    """``do_all`` blocks; ``dfork`` returns a future. Worker threads are shared by all runs of the node.

    The thread that asks always works on chunks itself, with idle workers beside it. So a run never waits for a free worker: a
    ``map`` may start another run, on any number of nodes, and small runs change no thread.
    """

    def __init__(self, node: Node, nthreads: int) -> None:
        self._node = node
        self.nthreads = nthreads
        self.states = BlockStates(node)
        self._local = LocalRuns(node, nthreads, self.states)
        self._callers = ElasticPool(f"{node.label}-dfork")
        self._cancelled: set[str] = set()
        #: What this node does for runs of others.
        self.foreign = ForeignWork()
        #: For runs of this node: the nodes that keep the state of each session, by chunk.
        self._placed: dict[str, dict[int, Member]] = {}
        self._grounds = Grounds()
        self._feeder = Feeder(node, self)
        node.rpc.register("task.run", self._run_local, short=True)
        #: Chunks done so far of runs that other nodes asked for.
        self._mapped: dict[str, int] = {}
        node.rpc.register("task.done", lambda run: self._mapped.get(run, 0), short=True)
        node.rpc.register("task.cancel", self._cancelled.add, short=True)
        node.rpc.register("task.forget", self._cancelled.discard, short=True)
        node.rpc.register("task.free_state", self._free_local)

    def do_all(
        self,
        task: MRTask,
        over: Frame | Sequence[Vec],
        outputs: Sequence[OutputSpec] = (),
        cancelled: Callable[[], bool] | None = None,
        *,
        timeout: float = 0.0,
        progress: Callable[[float], None] | None = None,
    ) -> TaskResult:
        """Run ``task`` over all chunks of a frame or of aligned vecs.

        Parameters
        ----------
        outputs : output vecs to make; their chunks have the homes of the input chunks.
        cancelled : asked now and then; true stops the run at the next chunk.
        timeout : seconds the run may take; it stops at the next chunk then. 0 for no limit.
        progress : told the share of chunks that are done, from 0 to 1, now and then and from any thread. Must be quick.

        Raises
        ------
        JobCancelledError
            ``cancelled`` said so. Output chunks already written are removed.
        TaskTimeoutError
            The run took longer than ``timeout``. Output chunks already written are removed.
        Exception
            What ``map`` or ``reduce`` raised first. Output chunks already written are removed.
        """
        vecs = tuple(over) if isinstance(over, (tuple, list)) else tuple(over.vecs)  # type: ignore[union-attr]
        if not vecs:
            raise IllegalArgumentError("An MRTask needs at least one column to run over.")
        espc = vecs[0].espc
        for v in vecs[1:]:
            if not v.aligned_with(vecs[0]):
                raise IllegalArgumentError("An MRTask needs columns with equal row boundaries; align them first.")
        return self.run(task, vecs, espc, outputs, cancelled, timeout=timeout, progress=progress)

    def run(
        self,
        task: MRTask,
        vecs: Sequence[Vec],
        espc: NDArray[np.int64],
        outputs: Sequence[OutputSpec] = (),
        cancelled: Callable[[], bool] | None = None,
        *,
        timeout: float = 0.0,
        progress: Callable[[float], None] | None = None,
    ) -> TaskResult:
        """Like ``do_all``, over row boundaries that need no input vec (making columns out of nothing)."""
        outs = tuple(Output(new_vec_key(), o.type, o.domain) for o in outputs)
        if outs:
            self._node.cloud.lock("first write to the DKV")
        n_chunks = len(espc) - 1
        request = Request(random_key(), task, tuple(vecs), espc, outs, np.arange(n_chunks, dtype=np.int64))
        watch = RunWatch(n_chunks, cancelled, timeout, progress)
        try:
            replies = self._fan_out(request, watch)
        except BaseException as e:
            self._drop_outputs(outs, n_chunks)
            if isinstance(e, JobCancelledError):
                watch.raise_if_late(type(task).__name__)
            raise
        tree = ReductionTree(n_chunks, task.reduce)
        sizes: dict[int, int] = {}
        for reply in replies:
            tree.add_parts(reply.parts)
            sizes.update(reply.sizes)
        value = task.post_global(self._node, tree.result())
        out_espc = self._espc_of(espc, sizes) if outs else espc
        made = tuple(Vec(o.key, o.type, out_espc, o.domain) for o in outs)  # type: ignore[arg-type]
        self._node.scopes.track(made)
        return TaskResult(value, made)

    def dfork(self, task: MRTask, over: Frame | Sequence[Vec], outputs: Sequence[OutputSpec] = ()) -> Future[TaskResult]:
        """Start ``do_all`` in the background; output vecs belong to the scope this is called in."""
        future: Future[TaskResult] = Future()
        scope = self._node.scopes.current()

        def work() -> None:
            try:
                result = self.do_all(task, over, outputs)
                if scope is not None:
                    scope.track(result.vecs)
                future.set_result(result)
            except BaseException as e:  # goes to whoever asks the future
                future.set_exception(e)

        if not self._callers.submit(work):
            future.set_exception(IllegalArgumentError("The node is closing or runs too many tasks in the background."))
        return future

    def each_node(self, service: str, payload: Any) -> list[Any]:
        """Call a service once on every node; replies in member order."""
        return self._node.rpc.call_all(service, payload, TASK_TIMEOUT)

    def feed(self, task: MRTask, payloads: Iterable[Any], cancelled: Callable[[], bool] | None = None) -> tuple[int, Any]:
        """Run ``task.feed`` on blocks that come one after the other; (their number, what ``task.reduce`` makes of the partials).

        Payloads are wire values. They are taken when a node has room for one more, and go to whichever has the least to do, so
        neither partials nor what blocks stash may depend on the node. Later tasks of the session find each block where it was.

        Raises
        ------
        JobCancelledError
            ``cancelled`` said so.
        StateLostError
            A node was lost with what it kept; the work can be started again.
        """
        return self._feeder.run(task, payloads, cancelled)

    def free_state(self, session: str) -> None:
        """Drop the per-chunk state of ``session`` on every node."""
        self._placed.pop(session, None)
        self._node.rpc.tell_all("task.free_state", session)

    def close(self) -> None:
        """End the worker threads."""
        self._local.close()
        self._callers.close()

    # -- the calling node ---------------------------------------------------------------------------------------------

    def _fan_out(self, request: Request, watch: RunWatch) -> list[Reply]:
        """Run the request on the homes of its chunks; what a lost node did not finish is run again by those that take over."""
        if self._node.cloud.size == 1 and self._holds_state(request):
            return [self._run_alone(request, watch)]
        replies: list[Reply] = []
        todo = request.indexes
        while len(todo):
            parts = self._assign(request if todo is request.indexes else request.part(todo))
            asked = {n: self._node.cloud.member(n) for n in parts}
            done, lost = self._run_parts(parts, asked, watch)
            replies += done
            watch.end_round(sum(len(p.indexes) for n, p in parts.items() if n not in lost))
            todo = np.sort(np.concatenate([parts[n].indexes for n in lost])) if lost else todo[:0]
            for node, error in lost.items():
                self._await_takeover(asked[node], error)
        return replies

    def _holds_state(self, request: Request) -> bool:
        """Whether what the request's session kept so far, if anything, is on this node."""
        placed, cloud = self._placed.get(request.session), self._node.cloud
        return not placed or set(placed.values()) == {cloud.member(cloud.me)}

    def _run_alone(self, request: Request, watch: RunWatch) -> Reply:
        """PERF: a cloud of one node asks, awaits and loses nobody; small frames take thousands of runs for a few models."""
        me = self._node.cloud.me
        reply = self._local.run(request, watch.stopped, partial(watch.count, me) if watch.wants_progress else None)
        self.note_placed(request.session, dict.fromkeys(request.indexes.tolist(), self._node.cloud.member(me)))
        if watch.wants_progress:
            watch.end_round(len(request.indexes))
        return reply

    def _assign(self, request: Request) -> dict[H2ONode, Request]:
        """The part of each node: chunks go to their homes, or to where the session keeps its state."""
        cloud, n = self._node.cloud, request.n_chunks
        session = request.session
        placed = self._placed.setdefault(session, {}) if session else {}
        groups: dict[H2ONode, list[int]] = defaultdict(list)
        last: Member | H2ONode | None = None
        group: list[int] = []
        for i in request.indexes.tolist():
            where: Member | H2ONode = placed.get(i) or cloud.chunk_home(i, n)
            # Neighbours mostly have the same home, which is seen to live already.
            if where is last:
                group.append(i)
                continue
            node = where.node if isinstance(where, Member) else where
            member = cloud.member(node)
            if cloud.is_lost(node) or node not in cloud.members or (where is not node and where != member):
                if i in placed:
                    raise StateLostError(
                        f"Node {node.name} is lost with what it kept for this work. Start the work again.", node=node.name
                    )
                self._await_takeover(member, NodeLostError(f"Node {node.name} is lost.", node=node.name))
                where = node = cloud.chunk_home(i, n)
            last, group = where, groups[node]
            group.append(i)
        return {m: request.part(np.array(v, dtype=np.int64)) for m, v in groups.items()}

    def _await_takeover(self, lost: Member, error: Exception) -> None:
        """Wait until others hold what was the part of ``lost``; raise ``error`` when that does not come."""
        cloud = self._node.cloud

        def settled() -> bool:
            # Whoever was welcomed at its address came when others held it already.
            return bool(cloud.failure) or lost.node not in cloud.placement.members or cloud.member(lost.node) != lost

        if not cloud.wait_until(settled, LOSS_SECONDS) or cloud.failure:
            raise error

    def _run_parts(
        self, parts: dict[H2ONode, Request], asked: dict[H2ONode, Member], watch: RunWatch
    ) -> tuple[list[Reply], dict[H2ONode, Exception]]:
        """(replies, nodes lost on the way); the first real failure stops the others and is raised."""
        me, rpc = self._node.cloud.me, self._node.rpc
        stop = threading.Event()
        messages = {m: self._grounds.pack(part, asked[m]) for m, part in parts.items() if m != me}
        futures = {m: rpc.submit(m, "task.run", message, TASK_TIMEOUT, awaited=True) for m, (message, _) in messages.items()}
        for m, f in futures.items():
            f.add_done_callback(partial(_stop_on_failure, stop, m))
        failures: list[BaseException] = []
        replies: list[Reply] = []
        lost: dict[H2ONode, Exception] = {}
        run = next(iter(parts.values())).run

        def collect(node: H2ONode, part: Callable[[], Reply]) -> None:
            try:
                reply = part()
                replies.append(reply)
                self._note_state(asked[node], parts[node])
            except BaseException as e:
                if isinstance(e, NodeLostError) and _is_loss_of(node, e):
                    lost[node] = e
                    return
                failures.append(e)
                if len(failures) == 1 and futures:
                    rpc.tell_all("task.cancel", run)

        if me in parts:
            count = partial(watch.count, me) if watch.wants_progress else None
            collect(
                me, lambda: self._local.run(parts[me], partial(_must_stop, stop, watch, _Answers(list(futures.values()))), count)
            )
        for m, f in futures.items():
            collect(m, partial(self._await, f, parts[m], m, watch))
            if f.done() and f.exception() is None:
                messages[m][1]()
        if failures:
            if futures:
                rpc.tell_all("task.forget", run)
            raise next((e for e in failures if not isinstance(e, JobCancelledError)), failures[0])
        return replies, lost

    def _note_state(self, member: Member, part: Request) -> None:
        if part.session in self._placed:
            self.note_placed(part.session, dict.fromkeys(part.indexes.tolist(), member))

    def _await(self, future: Future[Any], request: Request, node: H2ONode, watch: RunWatch) -> Reply:
        asked = time.monotonic()
        while watch.watches:
            try:
                reply: Reply = future.result(timeout=0.05)
                return reply
            except TimeoutError:
                if future.done():
                    raise
            if watch.stopped():
                self._node.rpc.tell_all("task.cancel", request.run)
                break
            if watch.wants_progress and time.monotonic() - asked > _PROGRESS_SECONDS:
                asked = time.monotonic()
                done = self._node.rpc.submit(node, "task.done", request.run)
                done.add_done_callback(partial(_count_answer, watch, node))
        done_reply: Reply = future.result()
        return done_reply

    def _drop_outputs(self, outs: Sequence[Output], n_chunks: int) -> None:
        self._node.dkv.remove_many((chunk_key(o.key, i, n_chunks) for o in outs for i in range(n_chunks)), lost_ok=True)

    def _espc_of(self, espc: NDArray[np.int64], sizes: dict[int, int]) -> NDArray[np.int64]:
        out = np.zeros(len(espc), dtype=np.int64)
        np.cumsum([sizes[i] for i in range(len(espc) - 1)], out=out[1:])
        return espc if np.array_equal(out, espc) else out

    # -- every node ---------------------------------------------------------------------------------------------------

    def _run_local(self, message: Message) -> Reply:
        """The service: this node's part of a run that another node asked for."""
        count = partial(self._mapped.__setitem__, message.run)
        with self.foreign.working_for(maker_of(message.run)) as abandoned:
            try:
                request = self._grounds.unpack(message)
                # PERF: not before, so that the next receiver wakes while this thread computes without the interpreter.
                self._node.rpc.may_wait()
                return self._local.run(request, lambda: request.run in self._cancelled or abandoned(), count)
            finally:
                self._mapped.pop(message.run, None)

    def note_placed(self, session: str, placed: Mapping[int, Member]) -> None:
        """Remember which nodes keep the state of blocks, and in which of their lives."""
        if session:
            self._placed.setdefault(session, {}).update(placed)

    def abandon(self, processes: Collection[str], timeout: float) -> bool:
        """Stop what is done for lost processes at the next chunk and drop its state; whether all of it has stopped in time."""
        self.foreign.abandon(processes)
        for session in {*self.states.sessions(), *self._grounds.sessions()}:
            if any(p in session for p in processes):
                self._free_local(session)
        return self.foreign.await_end(processes, timeout)

    def _free_local(self, session: str) -> None:
        self._grounds.free(session)
        self.states.free(session)


def _is_loss_of(node: H2ONode, error: NodeLostError) -> bool:
    """Whether a call failed because ``node`` itself is gone, not because its work met a lost node."""
    return error.values.get("service") == "task.run" and error.values.get("node") == node.name


def _stop_on_failure(stop: threading.Event, node: H2ONode, future: Future[Any]) -> None:
    """Stop this node's own part when another one's failed; a lost node's part is only run again."""
    error = future.exception()
    if error is not None and not (isinstance(error, NodeLostError) and _is_loss_of(node, error)):
        stop.set()


class _Answers:
    """Takes in the answers of other nodes now and then, so that a failure of theirs stops this node too."""

    def __init__(self, futures: list[Future[Any]]) -> None:
        self._futures = futures
        self._next = time.monotonic() + _ANSWER_SECONDS

    def look(self) -> None:
        now = time.monotonic()
        if self._futures and now > self._next:
            self._next = now + _ANSWER_SECONDS
            for future in self._futures:
                future.done()


def _must_stop(stop: threading.Event, watch: RunWatch, answers: _Answers) -> bool:
    answers.look()
    return stop.is_set() or watch.stopped()


def _count_answer(watch: RunWatch, node: H2ONode, answer: Future[Any]) -> None:
    if answer.exception() is None:
        watch.count(node, answer.result())

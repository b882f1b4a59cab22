"""Job: long work with a key, progress, warnings, cancel; always ends in DONE, CANCELLED or FAILED."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

from h2ok.kernel.errors import H2OKError, JobCancelledError, KeyNotFoundError, StateLostError
from h2ok.kernel.frame.store import HOLDS
from h2ok.kernel.key import random_key
from h2ok.kernel.wire import wire_type

if TYPE_CHECKING:
    from h2ok.kernel.cloud.placement import Placement
    from h2ok.kernel.frame.frame import Frame
    from h2ok.kernel.node import Node

__all__ = ["Job", "JobContext", "JobPlan", "JobStatus", "Jobs"]

JobStatus = Literal["CREATED", "RUNNING", "DONE", "CANCELLED", "FAILED"]
_log = logging.getLogger(__name__)
#: Seconds between two writes of progress to the DKV, and between two looks for a cancel.
_UPDATE_SECONDS = 0.1
#: How often work is begun that loses its state with a node.
_TRIES = 4
#: Jobs of a node that have ended and can be asked for; older ones are forgotten.
_ENDED_JOBS = 10_000
#: Prefix of the keys under which plans wait for the loss of the node that carries them out.
_PLAN = "\x01j"
T = TypeVar("T")


@wire_type("job")
@dataclass(frozen=True, slots=True)
class Job:
    """The state of a job at one moment. Times in milliseconds since the epoch UTC; ``progress`` from 0 to 1."""

    key: str
    description: str
    dest: str
    dest_type: str
    status: JobStatus
    progress: float
    progress_msg: str
    start_time: int
    end_time: int
    warnings: tuple[str, ...] = ()
    exception: str | None = None
    stacktrace: str | None = None
    cancel_requested: bool = False
    #: True once a partial result may be looked at under ``dest``.
    ready_for_view: bool = True
    #: The node that does the work, ``ip:port``.
    node: str = ""
    #: Which life of that node (its incarnation): one that was started again does not run what the earlier one ran.
    life: str = ""

    @property
    def runner(self) -> tuple[str, str]:
        """The node that runs it and which life of it."""
        return self.node, self.life

    @property
    def is_running(self) -> bool:
        return self.status in ("CREATED", "RUNNING")

    @property
    def msec(self) -> int:
        """Run time so far."""
        return (self.end_time or _now()) - self.start_time


@wire_type("job.cancel")
@dataclass(frozen=True, slots=True)
class _Cancel:
    def apply(self, old: Any) -> tuple[Any, bool]:
        if not isinstance(old, Job):
            return old, False
        return (replace(old, cancel_requested=True) if old.is_running else old), True


@wire_type("job.update")
@dataclass(frozen=True, slots=True)
class _Update:
    """``known``: the state to go on from where the one in the DKV was lost with a node, None to leave a removed job alone."""

    changes: dict[str, Any]
    warning: str | None = None
    known: Job | None = None
    #: Only when this one runs the job still.
    of: tuple[str, str] | None = None

    def apply(self, old: Any) -> tuple[Any, bool]:
        """Change fields of a running job; the result tells whether it was asked to stop."""
        old = old if isinstance(old, Job) else self.known
        if not isinstance(old, Job):
            return old, True
        if self.of is not None and (old.runner != tuple(self.of) or not old.is_running):
            return old, old.cancel_requested
        new = replace(old, **self.changes)
        if self.warning is not None and self.warning not in new.warnings:
            new = replace(new, warnings=(*new.warnings, self.warning))
        return new, new.cancel_requested


@wire_type("job.take_over")
@dataclass(frozen=True, slots=True)
class _TakeOver:
    """A job goes from a lost node to another one; the result tells whether it was still there to be taken."""

    lost: tuple[str, str]
    node: str
    life: str

    def apply(self, old: Any) -> tuple[Any, bool]:
        if not isinstance(old, Job) or not old.is_running or old.runner != tuple(self.lost) or old.cancel_requested:
            return old, False
        text = f"Node {old.node}, which ran this job, is lost. Node {self.node} started it again from its beginning."
        return replace(old, node=self.node, life=self.life, progress=0.0, warnings=(*old.warnings, text)), True


@runtime_checkable
class JobPlan(Protocol):
    """Work of a job as a value: a registered wire type. With copies of keys another node runs it when the first one is lost.

    It must leave the same behind when it is run again after having been broken off anywhere.
    """

    def run(self, job: JobContext) -> Any:
        """The work."""


class JobContext:
    """What the work of a job gets: progress, warnings, cancel."""

    def __init__(self, node: Node, key: str, dest: str) -> None:
        self.node = node
        self.key = key
        self.dest = dest
        self._last = 0.0
        self._cancel = False
        self._held: set[str] = set()

    def update(self, progress: float, message: str = "") -> None:
        """Report progress (0 to 1); raises JobCancelledError when a stop was asked for. Cheap: writes ten times a second."""
        now = time.monotonic()
        if now - self._last >= _UPDATE_SECONDS:
            self._last = now
            changes: dict[str, Any] = {"progress": min(max(progress, 0.0), 1.0)}
            if message:
                changes["progress_msg"] = message
            known = self.node.jobs.known(self.key)
            self._cancel = bool(self.node.dkv.atomic(self.key, _Update(changes, known=known)))
        if self._cancel or self.node.jobs.closing:
            raise JobCancelledError(f"Job '{self.key}' was cancelled.")

    def cancelled(self) -> bool:
        """Whether a stop was asked for; cheap enough for every chunk."""
        if self.node.jobs.closing:
            return True
        now = time.monotonic()
        if now - self._last >= _UPDATE_SECONDS:
            self._last = now
            job = self.node.dkv.get(self.key)
            if not isinstance(job, Job) and self.node.cloud.damage(self.key):
                job = self.node.jobs.known(self.key)
            self._cancel = not isinstance(job, Job) or job.cancel_requested
        return self._cancel

    def check(self) -> None:
        """Raise JobCancelledError when a stop was asked for."""
        if self.cancelled():
            raise JobCancelledError(f"Job '{self.key}' was cancelled.")

    def hold(self, *frames: Frame | None) -> None:
        """Keep the columns of frames alive until the job ends, whatever becomes of the frames meanwhile."""
        for frame in frames:
            if frame is not None:
                self._held.add(self.node.frames.hold(frame, self.key))

    def release(self) -> None:
        """Let go of what is held."""
        while self._held:
            self.node.frames.remove(self._held.pop())

    def warn(self, message: str) -> None:
        """Add a warning that the client shows at the end."""
        self.node.dkv.atomic(self.key, _Update({}, message, self.node.jobs.known(self.key)))

    def survive(self, work: Callable[[], T]) -> T:
        """``work()``; from its beginning once more when a lost node took along what it kept between two tasks.

        ``work`` must leave nothing behind when it raises and give the same result again, as work of one seed does.

        Raises
        ------
        StateLostError
            A node was lost in every try.
        """
        for _ in range(_TRIES - 1):
            try:
                return work()
            except StateLostError as e:
                self.warn(f"{e} It was started again on the nodes that are left.")
        return work()


class Jobs:
    """Starts and finds jobs. Each runs on a thread of its own on the node that was asked."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._threads: dict[str, threading.Thread] = {}
        #: True once the node closes: every job of it is cancelled then.
        self.closing = False
        #: The jobs running here, in the state they were last given.
        self._known: dict[str, Job] = {}
        #: Keys of those that ran here and have ended, oldest first.
        self._ended: deque[str] = deque()
        node.rpc.register("jobs.known", self.known)
        node.cloud.on_placed.append(self._placed)

    def start(self, description: str, dest: str, dest_type: str, work: Callable[[JobContext], Any] | JobPlan) -> Job:
        """Run ``work(context)`` as a job; returns at once.

        Parameters
        ----------
        dest : key of the result; ``dest_type`` its kind: Frame, Model, Grid, ...
        work : may raise; JobCancelledError ends the job CANCELLED, anything else FAILED. Runs inside a Scope. A JobPlan outlives
            the loss of this node where there are copies (``--replicas``); with any other work the job FAILS then.
        """
        cloud = self._node.cloud
        key = "$" + random_key("job")
        life = cloud.life(cloud.me)
        job = Job(key, description, dest, dest_type, "RUNNING", 0.0, "", _now(), 0, node=cloud.me.name, life=life)
        items: dict[str, Any] = {job.key: job}
        if isinstance(work, JobPlan) and self._node.cloud.replicas:
            items[_PLAN + job.key] = work
        self._node.dkv.put_many(items)
        self._begin(job, work.run if isinstance(work, JobPlan) else work)
        return job

    def _begin(self, job: Job, work: Callable[[JobContext], Any]) -> None:
        self._known[job.key] = job
        thread = threading.Thread(target=self._run, args=(job, work), name=f"{self._node.label}-{job.key}", daemon=True)
        self._threads[job.key] = thread
        thread.start()

    @property
    def running(self) -> int:
        """Jobs this node works on."""
        return len(self._threads)

    def known(self, key: str) -> Job | None:
        """The first state of a job that runs on this node."""
        return self._known.get(key)

    def get(self, key: str) -> Job:
        """The job under ``key``; one whose state was lost with a node, and which nobody runs, is told as FAILED.

        Raises
        ------
        KeyNotFoundError
            No such job.
        """
        job = self._node.dkv.get(key)
        if not isinstance(job, Job):
            # The node that runs it is about to store the state again.
            job = self._running(key) or self._lost(key)
        if not isinstance(job, Job):
            raise KeyNotFoundError(f"Job '{key}' not found. {self._node.dkv.loss_of(key)}Jobs: GET /3/Jobs.", key=key)
        return job

    def _running(self, key: str) -> Job | None:
        """The first state of a job that still runs though its state was lost with a node."""
        if not self._node.cloud.damage(key):
            return None
        return next((j for j in self._node.rpc.call_all("jobs.known", key) if j is not None), None)

    def _lost(self, key: str) -> Job | None:
        """What can be told of a job whose state was lost with a node."""
        lost = self._node.cloud.damage(key) if key.startswith("$job") else ""
        if not lost:
            return None
        text = f"The state of this job was on node {lost}, which is lost with what had no copy (--replicas). Start the job again."
        now = _now()
        return Job(key, "Lost job", "", "", "FAILED", 1.0, "Failed.", now, now, exception=text, stacktrace=text, node=lost)

    def list(self) -> list[Job]:
        """All jobs, oldest first."""
        found = self._node.dkv.get_many(self._node.dkv.keys("$job"))
        return sorted((v for v in found.values() if isinstance(v, Job)), key=lambda j: (j.start_time, j.key))

    def cancel(self, key: str) -> None:
        """Ask a job to stop; it ends at its next safe point.

        Raises
        ------
        KeyNotFoundError
            No such job.
        """
        if self._node.dkv.atomic(key, _Cancel()):
            return
        # Its state may be lost with a node while it still runs.
        known = self._running(key)
        if known is None and self._lost(key) is not None:
            return
        if known is None or self._node.dkv.atomic(key, _Update({"cancel_requested": True}, known=known)) is None:
            raise KeyNotFoundError(f"Job '{key}' not found. Jobs: GET /3/Jobs.", key=key)

    def wait(self, key: str, timeout: float | None = None) -> Job:
        """Wait for a job started on this node and return its last state."""
        thread = self._threads.get(key)
        if thread is not None:
            thread.join(timeout)
        return self.get(key)

    def close(self) -> None:
        """Stop every job of this node at its next safe point and wait a little for each."""
        self.closing = True
        for thread in list(self._threads.values()):
            thread.join(5.0)

    def _placed(self, placement: Placement) -> None:
        """Homes moved: look after the jobs of this node and after those whose state it holds, in the background."""
        if not self.closing:
            name = f"{self._node.label}-lost-jobs"
            threading.Thread(target=self._look_after, args=(placement,), name=name, daemon=True).start()

    def _look_after(self, placement: Placement) -> None:
        """Store the state of own jobs again where it was lost, and end the jobs of nodes that are gone."""
        node = self._node
        living = {m.name: node.cloud.life(m) for m in placement.members}
        try:
            for job in list(self._known.values()):
                if node.cloud.damage(job.key):
                    node.dkv.atomic(job.key, _Update({}, known=job))
            for key in [k for k in node.dkv.local_keys() if k.startswith("$job")]:
                job = node.dkv.get(key)
                if isinstance(job, Job) and job.is_running and job.node and not _lives(job, living):
                    if self._take_over(job):
                        continue
                    if job.cancel_requested:
                        end = {"status": "CANCELLED", "progress_msg": "Cancelled.", "end_time": _now()}
                        node.dkv.atomic(key, _Update(end, of=job.runner))
                        node.dkv.remove(_PLAN + key)
                        continue
                    text = f"Node {job.node}, which ran this job, is lost. Start the job again."
                    end = {"status": "FAILED", "exception": text, "stacktrace": text, "progress_msg": "Failed.", "end_time": _now()}
                    node.dkv.atomic(key, _Update(end, of=job.runner))
            self._drop_leftovers()
        except H2OKError as e:  # another loss; its placement comes with another look
            _log.info("Jobs are looked at again later: %s", e)

    def _drop_leftovers(self) -> None:
        """Remove the plans of jobs that have ended, and let go of what they held: their nodes were lost before they could."""
        node = self._node
        for key in [k for k in node.dkv.local_keys() if k.startswith((_PLAN, HOLDS))]:
            job = node.dkv.get(key[len(_PLAN) :].partition("/")[0])
            if isinstance(job, Job) and job.is_running:
                continue
            if key.startswith(HOLDS):
                node.frames.remove(key)
            else:
                node.dkv.remove(key)

    def _take_over(self, job: Job) -> bool:
        """Begin a lost node's job again here; false when nothing tells how."""
        node = self._node
        plan = node.dkv.get(_PLAN + job.key)
        if not isinstance(plan, JobPlan) or not node.dkv.atomic(job.key, self._taking_over(job)):
            return False
        _log.warning("Job %s (%s) of lost node %s is started again", job.key, job.description, job.node)
        self._begin(self.get(job.key), plan.run)
        return True

    def _taking_over(self, job: Job) -> _TakeOver:
        cloud = self._node.cloud
        return _TakeOver(job.runner, cloud.me.name, cloud.life(cloud.me))

    def _run(self, job: Job, work: Callable[[JobContext], Any]) -> None:
        changes: dict[str, Any]
        try:
            with self._node.scopes.enter():
                context = JobContext(self._node, job.key, job.dest)
                try:
                    work(context)
                finally:
                    context.release()
            changes = {"status": "DONE", "progress": 1.0, "progress_msg": "Done."}
        except JobCancelledError:
            changes = {"status": "CANCELLED", "progress_msg": "Cancelled."}
        except BaseException as e:  # a job must end, whatever happened
            _log.warning("Job %s (%s) failed", job.key, job.description, exc_info=True)
            changes = {"status": "FAILED", "exception": f"{e}", "stacktrace": traceback.format_exc(), "progress_msg": "Failed."}
        try:
            self._node.dkv.atomic(job.key, _Update({**changes, "end_time": _now()}, known=self._known[job.key]))
            if self._node.cloud.replicas:
                self._node.dkv.remove(_PLAN + job.key)
            self._ended.append(job.key)
            if len(self._ended) > _ENDED_JOBS:
                self._node.dkv.remove_many([self._ended.popleft()], lost_ok=True)
        except Exception:  # the job's home is gone; nobody can read the state any more
            _log.exception("Cannot record the end of job %s", job.key)
        finally:
            self._known.pop(job.key, None)
            # Last, so that whoever waits for the thread reads the final state.
            self._threads.pop(job.key, None)


def _now() -> int:
    return int(time.time() * 1000)


def _lives(job: Job, living: dict[str, str]) -> bool:
    """Whether the node that runs a job is a member, in the same life. ``living``: the lives of the members by name."""
    life = living.get(job.node)
    return life is not None and life in ("", job.life)

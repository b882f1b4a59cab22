"""Jobs always end: done, cancelled, failed, or failed because their node was lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from h2ok.kernel import Job, JobContext, KeyNotFoundError, Node
from h2ok.kernel.testing import assert_no_keys, local_cloud, no_new_threads
from h2ok.kernel.transport.inproc import InprocHub

from .sample_tasks import Gate, GatedPlan


def ended(node: Node, key: str) -> Job:
    """The job once it has ended; looks again whenever the thread that runs it or looks after it has moved on."""
    done = threading.Event()
    for _ in range(1000):
        job = node.jobs.get(key)
        if not job.is_running:
            return job
        done.wait(0.01)
    raise AssertionError(f"job {key} did not end")


@pytest.mark.parametrize("n", [1, 3])
def test_every_way_a_job_ends(n: int) -> None:
    def fail(context: JobContext) -> None:
        raise ValueError("as planned")

    def wait(context: JobContext) -> None:
        while True:
            context.check()
            threading.Event().wait(0.005)

    def work(context: JobContext) -> None:
        context.update(0.5, "half")
        context.warn("careful")
        context.node.frames.vec_of(np.arange(10.0))

    with no_new_threads(), local_cloud(n) as nodes:
        jobs: dict[str, Callable[[JobContext], None]] = {"work": work, "fail": fail, "wait": wait}
        started = {k: nodes[-1].jobs.start(k, "dest", "Frame", w) for k, w in jobs.items()}
        nodes[0].jobs.cancel(started["wait"].key)
        last = {k: nodes[-1].jobs.wait(j.key, 30) for k, j in started.items()}
        assert [last[k].status for k in jobs] == ["DONE", "FAILED", "CANCELLED"]
        assert last["work"].warnings == ("careful",)
        assert last["work"].progress == 1.0
        assert last["fail"].exception == "as planned"
        assert {j.key for j in nodes[0].jobs.list()} == {j.key for j in started.values()}
        with pytest.raises(KeyNotFoundError):
            nodes[0].jobs.cancel("$job_nothing")
        assert_no_keys(nodes)


def test_a_job_of_a_lost_node_fails_with_its_name() -> None:
    hub = InprocHub()
    release = threading.Event()
    with no_new_threads(), local_cloud(3, hub=hub) as nodes:
        jobs = [nodes[2].jobs.start("wait", "dest", "Frame", lambda c: release.wait(30)) for _ in range(12)]
        lost = nodes[2].cloud.me
        hub.kill(lost)
        assert nodes[0].cloud.wait_until(lambda: lost not in nodes[0].cloud.placement.members, 30)
        # The state of some was on other nodes, that of the others went with the node.
        assert {nodes[0].cloud.damage(j.key) == "" for j in jobs} == {True, False}
        seen = [ended(nodes[0], j.key) for j in jobs]
        assert {j.status for j in seen} == {"FAILED"}
        assert all(lost.name in (j.exception or "") for j in seen)
        nodes[0].jobs.cancel(next(j.key for j in jobs if nodes[0].cloud.damage(j.key)))
        with pytest.raises(KeyNotFoundError):
            nodes[0].jobs.get("nosuch")
        release.set()


def test_a_job_goes_on_when_the_node_with_its_state_is_lost() -> None:
    hub = InprocHub()
    release = threading.Event()
    with no_new_threads(), local_cloud(3, hub=hub) as nodes:
        started = [nodes[0].jobs.start("wait", "dest", "Frame", lambda c: release.wait(30)) for _ in range(12)]
        hub.kill(nodes[1].cloud.me)
        assert {nodes[2].jobs.get(j.key).status for j in started} == {"RUNNING"}
        for j in started:
            nodes[2].jobs.cancel(j.key)
        assert all(nodes[0].jobs.get(j.key).cancel_requested for j in started)
        release.set()
        assert {ended(nodes[2], j.key).status for j in started} == {"DONE"}


@pytest.mark.parametrize("cancel", [False, True])
def test_a_plan_outlives_the_node_that_carries_it_out(cancel: bool) -> None:
    hub, gate = InprocHub(), Gate(f"plan{cancel}")
    with no_new_threads(), local_cloud(3, hub=hub, replicas=1) as nodes:
        job = nodes[2].jobs.start("wait", "dest", "Frame", GatedPlan(f"plan{cancel}", "who"))
        assert gate.entered.wait(30)
        if cancel:
            nodes[0].jobs.cancel(job.key)
        hub.kill(nodes[2].cloud.me)
        if not cancel:
            gate.open.set()
        end = ended(nodes[0], job.key)
        if cancel:
            assert end.status == "CANCELLED"
            assert nodes[0].dkv.get("who") is None
        else:
            assert end.status == "DONE"
            assert "is lost. Node 127.0.0.1:" in end.warnings[0]
            assert nodes[0].dkv.get("who") in (nodes[0].label, nodes[1].label)
        assert end.node in {n.cloud.me.name for n in nodes[: 3 if cancel else 2]}
        end_at = time.monotonic() + 10
        while any(k.startswith("\x01j") for n in nodes[:2] for k in n.dkv.store) and time.monotonic() < end_at:
            time.sleep(0.01)
        assert not [k for n in nodes[:2] for k in n.dkv.store if k.startswith("\x01j")]


def test_only_the_latest_ended_jobs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h2ok.kernel.job._ENDED_JOBS", 3)
    gate = Gate("kept")
    with no_new_threads(), local_cloud(2) as nodes:
        jobs = nodes[1].jobs
        running = jobs.start("long", "dest", "Frame", lambda _: gate.open.wait(30))
        ended_keys = [jobs.wait(jobs.start("short", "dest", "Frame", lambda _: None).key).key for _ in range(5)]
        assert [j.key for j in nodes[0].jobs.list()] == [running.key, *ended_keys[2:]]
        with pytest.raises(KeyNotFoundError):
            nodes[0].jobs.get(ended_keys[0])
        gate.open.set()
        assert ended(nodes[0], running.key).status == "DONE"


def test_what_a_job_holds_stays_until_it_ends() -> None:
    gate = Gate("hold")
    sums: list[float] = []
    with no_new_threads(), local_cloud(3, replicas=1) as nodes:
        frame = nodes[0].frames.from_columns("f", {"x": np.arange(60.0)}, chunk_rows=10)

        def work(context: JobContext) -> None:
            context.hold(frame, None)
            gate.entered.set()
            assert gate.open.wait(30)
            sums.append(float(frame.vecs[0].to_numpy(nodes[1]).sum()))

        job = nodes[1].jobs.start("read", "dest", "Frame", work)
        assert gate.entered.wait(30)
        nodes[2].frames.remove("f")
        assert nodes[0].frames.list() == []
        assert [f.vecs[0].key for f in nodes[0].frames.held()] == [frame.vecs[0].key]
        assert not any(n.orphans.wrong_counts() for n in nodes)
        gate.open.set()
        assert (ended(nodes[0], job.key).status, sums) == ("DONE", [1770.0])
        assert_no_keys(nodes)


def test_what_a_lost_job_held_is_let_go() -> None:
    hub, gate = InprocHub(), Gate("lost hold")
    with no_new_threads(), local_cloud(3, hub=hub, replicas=1) as nodes:
        frame = nodes[0].frames.from_columns("f", {"x": np.arange(60.0)}, chunk_rows=10)

        def work(context: JobContext) -> None:
            context.hold(frame)
            gate.entered.set()
            gate.open.wait(30)

        nodes[2].jobs.start("read", "dest", "Frame", work)
        assert gate.entered.wait(30)
        nodes[0].frames.remove("f")
        hub.kill(nodes[2].cloud.me)
        end = time.monotonic() + 20
        while any(not k.startswith("$job") for n in nodes[:2] for k in n.dkv.local_keys()) and time.monotonic() < end:
            time.sleep(0.01)
        gate.open.set()
        assert_no_keys(nodes[:2])

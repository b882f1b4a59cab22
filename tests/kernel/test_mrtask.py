"""MRTasks over 1, 2 and 3 nodes: the same bits everywhere, failures and cancels end cleanly."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from h2ok.kernel import (
    Frame,
    IllegalArgumentError,
    JobCancelledError,
    Node,
    NodeLostError,
    OutputSpec,
    RemoteError,
    TaskTimeoutError,
)
from h2ok.kernel.testing import assert_no_keys, local_cloud, no_new_threads
from h2ok.kernel.transport.inproc import InprocHub

from .sample_tasks import DoubleTask, FailTask, Gate, GatedSumTask, GateTask, LifeTask, NestedTask, StateTask, SumTask

X = np.random.default_rng(7).normal(size=30_011) * 1e3


@pytest.fixture
def cloud() -> Iterator[list[Node]]:
    with no_new_threads(), local_cloud(3) as nodes:
        yield nodes


def frame_on(node: Node, key: str = "f") -> Frame:
    return node.frames.from_columns(key, {"x": X}, chunk_rows=1000)


def test_results_are_the_same_bits_on_any_cloud() -> None:
    seen = set()
    for n in (1, 2, 3):
        for threads in (1, 2, 4):
            with local_cloud(n, threads) as nodes:
                frame_on(nodes[0])
                for node in nodes:
                    frame = node.frames.get("f")
                    stats = node.rollups(frame.vecs[0])
                    seen.add((node.tasks.do_all(SumTask(), frame).value.hex(), stats.mean.hex(), stats.sigma.hex(), stats.checksum))
    assert len(seen) == 1


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_map_may_run_tasks(n: int) -> None:
    with local_cloud(n, nthreads=2) as nodes:
        frame = nodes[-1].frames.from_columns("f", {"x": np.arange(100.0)}, chunk_rows=10)
        assert nodes[0].tasks.do_all(NestedTask(frame.vecs[0]), frame).value == 10 * 4950.0


def test_many_nested_runs_at_once_do_not_starve(cloud: list[Node]) -> None:
    frame = cloud[0].frames.from_columns("f", {"x": np.arange(90.0)}, chunk_rows=10)
    futures = [node.tasks.dfork(NestedTask(frame.vecs[0]), frame) for node in cloud for _ in range(10)]
    assert {f.result(60).value for f in futures} == {9 * 4005.0}


def test_outputs_go_to_the_homes_of_their_inputs(cloud: list[Node]) -> None:
    frame = frame_on(cloud[1])
    out = cloud[2].tasks.do_all(DoubleTask(), frame, [OutputSpec()]).vecs[0]
    np.testing.assert_array_equal(out.to_numpy(cloud[0]), X * 2)
    for i, node in enumerate(cloud):
        held = {k for k in node.dkv.local_keys() if k.endswith(out.key)}
        assert held == {k for k in out.chunk_keys() if node.dkv.home(k) == i}


def test_blocks_of_a_thread_are_stored_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with local_cloud(1, nthreads=1) as (node,):
        frame = node.frames.from_columns("f", {"x": X}, chunk_rows=500)
        stored: list[int] = []
        put_many = node.dkv.put_many
        monkeypatch.setattr(node.dkv, "put_many", lambda items: (stored.append(len(items)), put_many(items)))
        out = node.tasks.do_all(DoubleTask(), frame, [OutputSpec()]).vecs[0]
        np.testing.assert_array_equal(out.to_numpy(node), X * 2)
        assert sum(stored) >= len(out.chunk_keys()) > 3 * len(stored)


def test_dfork_results_belong_to_the_scope_of_the_caller(cloud: list[Node]) -> None:
    frame = frame_on(cloud[0])
    with cloud[0].scopes.enter():
        vec = cloud[0].tasks.dfork(DoubleTask(), frame, [OutputSpec()]).result(60).vecs[0]
        assert len(vec) == len(X)
    cloud[0].frames.remove("f")
    assert_no_keys(cloud)


@pytest.mark.parametrize("at", [0, 15, 30])
def test_a_failure_on_any_node_keeps_its_class_and_leaves_no_output(cloud: list[Node], at: int) -> None:
    frame = frame_on(cloud[0])
    before = [set(n.dkv.local_keys()) for n in cloud]
    with pytest.raises(IllegalArgumentError, match="chunk refused") as caught:
        cloud[0].tasks.do_all(FailTask(at, "h2ok"), frame, [OutputSpec()])
    assert caught.value.values["chunk"] == at
    assert [set(n.dkv.local_keys()) for n in cloud] == before


def test_a_foreign_error_names_the_node(cloud: list[Node]) -> None:
    frame = frame_on(cloud[0])
    with pytest.raises(RemoteError, match=r"127\.0\.0\.1:54325 failed: ZeroDivisionError: by nothing"):
        cloud[0].tasks.do_all(FailTask(30, "other"), frame, [OutputSpec()])


def test_cancel_stops_every_node_at_the_next_chunk(cloud: list[Node]) -> None:
    frame = frame_on(cloud[0])
    gate, stop = Gate("cancel"), threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            cloud[0].tasks.do_all(GateTask("cancel"), frame, cancelled=stop.is_set)
        except BaseException as e:
            errors.append(e)

    thread = threading.Thread(target=run)
    thread.start()
    assert gate.entered.wait(30)
    stop.set()
    gate.open.set()
    thread.join(30)
    assert [type(e) for e in errors] == [JobCancelledError]


def test_a_deadline_stops_every_node_and_leaves_no_output(cloud: list[Node]) -> None:
    frame = frame_on(cloud[0])
    before = sorted(k for n in cloud for k in n.dkv.local_keys())
    gate = Gate("late")
    threading.Timer(0.3, gate.open.set).start()
    with pytest.raises(TaskTimeoutError, match=r"GatedSumTask did not end within 0\.1 s"):
        cloud[0].tasks.do_all(GatedSumTask("late"), frame, [OutputSpec()], timeout=0.1)
    assert sorted(k for n in cloud for k in n.dkv.local_keys()) == before
    assert cloud[0].tasks.do_all(SumTask(), frame, timeout=60).value == cloud[1].tasks.do_all(SumTask(), frame).value


def test_every_node_sets_up_and_closes_once_and_the_caller_finishes(cloud: list[Node]) -> None:
    frame, seen = frame_on(cloud[0]), LifeTask.seen
    seen.clear()
    assert cloud[1].tasks.do_all(LifeTask(), frame).value == (cloud[1].label, frame.n_chunks)
    assert sorted(seen) == sorted((what, n.label) for n in cloud for what in ("setup", "close"))
    assert all(seen.index(("setup", n.label)) < seen.index(("close", n.label)) for n in cloud)
    seen.clear()
    with pytest.raises(RemoteError, match="ZeroDivisionError"):
        cloud[0].tasks.do_all(LifeTask(at=frame.n_chunks - 1), frame)
    assert ("close", cloud[2].label) in seen


def test_progress_only_grows_and_ends_at_one(cloud: list[Node]) -> None:
    frame, seen = frame_on(cloud[0]), []
    cloud[0].tasks.do_all(SumTask(), frame, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 3


def test_a_node_lost_in_the_middle_without_copies_ends_the_run_with_its_name() -> None:
    hub = InprocHub()
    with local_cloud(3, hub=hub) as nodes:
        frame = frame_on(nodes[0])
        gate = Gate("lost")
        future = nodes[0].tasks.dfork(GatedSumTask("lost"), frame)
        assert gate.entered.wait(30)
        hub.kill(nodes[2].cloud.me)
        gate.open.set()
        with pytest.raises(NodeLostError, match=r"127\.0\.0\.1:54325"):
            future.result(30)


def test_block_state_stays_between_tasks_and_can_be_freed(cloud: list[Node]) -> None:
    frame = cloud[0].frames.from_columns("f", {"x": np.arange(60.0)}, chunk_rows=10)
    task = StateTask("s1")
    assert [cloud[i % 3].tasks.do_all(task, frame).value for i in range(3)] == [6, 12, 18]
    cloud[1].tasks.free_state("s1")
    assert cloud[0].tasks.do_all(task, frame).value == 6

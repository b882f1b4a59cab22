"""Histories of concurrent clients: every key behaves as if its operations were one after another, each while it was under way."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from h2ok.kernel import Node
from h2ok.kernel.testing import local_cloud, zmq_cloud
from h2ok.kernel.transport.inproc import InprocHub

from .histories import Operation, Recorder, broken_connections, is_linearizable, killed_history


def test_the_checker_knows_right_from_wrong() -> None:
    def op(kind: str, argument: int, result: object, began: int, ended: int) -> Operation:
        return Operation(kind, argument, result, began, ended)

    put = op("put", 1, None, 0, 3)
    assert is_linearizable([put, op("get", 0, None, 1, 2), op("get", 0, 1, 2, 4)])
    assert not is_linearizable([put, op("get", 0, 1, 1, 2), op("get", 0, None, 4, 5)])
    assert not is_linearizable([put, op("get", 0, None, 4, 5)])
    assert not is_linearizable([op("add", 1, 1, 0, 5), op("add", 1, 1, 1, 6)])
    assert is_linearizable([op("add", 1, 2, 0, 5), op("add", 1, 1, 1, 6), op("remove", 0, True, 7, 8)])


def test_what_has_no_end_may_have_had_its_effect_or_not() -> None:
    lost = Operation("add", 5, None, 1, math.inf)
    for seen in (None, 5):
        assert is_linearizable([lost, Operation("get", 0, seen, 2, 3)])
    assert not is_linearizable([lost, Operation("get", 0, 5, 2, 3), Operation("get", 0, None, 4, 5)])
    assert not is_linearizable([lost, Operation("get", 0, 10, 2, 3)])


@pytest.fixture(params=[0, 1], ids=["no-copies", "one-copy"], scope="module")
def cloud(request: pytest.FixtureRequest) -> Iterator[list[Node]]:
    with local_cloud(3, nthreads=1, replicas=request.param) as nodes:
        yield nodes


def test_random_histories_of_three_nodes_are_linearizable(cloud: list[Node]) -> None:
    keys = [f"key{i}" for i in range(100)]
    for seed in range(10):
        recorder = Recorder(cloud, [f"{k}-{seed}" for k in keys], seed)
        recorder.run(clients=6, count=200)
        wrong = [k for k, h in recorder.histories.items() if not is_linearizable(h)]
        assert not wrong, recorder.histories[wrong[0]]


def test_histories_with_a_lost_node_are_linearizable() -> None:
    for seed in range(5):
        hub = InprocHub()
        with local_cloud(3, nthreads=1, replicas=1, hub=hub) as nodes:
            recorder = Recorder(nodes[:2], [f"key{i}" for i in range(60)], seed)
            killer = threading.Timer(0.05, hub.kill, [nodes[2].cloud.me])
            killer.start()
            recorder.run(clients=4, count=200)
            killer.join(10)
            wrong = [k for k, h in recorder.histories.items() if not is_linearizable(h)]
            assert not wrong, recorder.histories[wrong[0]]


@pytest.fixture(params=[(0, ""), (1, ""), (1, "a secret")], ids=["no-copies", "one-copy", "curve"], scope="module")
def zmq_nodes(request: pytest.FixtureRequest) -> Iterator[list[Node]]:
    replicas, secret = request.param
    with zmq_cloud(3, replicas=replicas, secret=secret) as nodes:
        yield nodes


def test_histories_over_zeromq_are_linearizable(zmq_nodes: list[Node]) -> None:
    recorder = Recorder(zmq_nodes, [f"key{i}" for i in range(100)], 1)
    recorder.run(clients=6, count=200)
    _check(recorder.histories, 1200)


def test_connections_that_close_neither_lose_nor_double_a_change(zmq_nodes: list[Node]) -> None:
    recorder = Recorder(zmq_nodes, [f"broken{i}" for i in range(100)], 2)
    stop = threading.Event()
    breaker = broken_connections(zmq_nodes, stop, 3)
    try:
        recorder.run(clients=6, count=60)
    finally:
        stop.set()
        breaker.join()
    _check(recorder.histories, 360)


@pytest.mark.parametrize(("replicas", "secret"), [(0, ""), (1, "a secret")], ids=["no-copies", "one-copy-curve"])
def test_histories_of_processes_with_one_killed_are_linearizable(tmp_path: Path, replicas: int, secret: str) -> None:
    histories, _ = killed_history(tmp_path, 3, replicas=replicas, secret=secret)
    _check(histories, 1600)


def _check(histories: dict[str, list[Operation]], wanted: int) -> None:
    assert sum(map(len, histories.values())) >= wanted, "a client failed or hangs"
    wrong = [k for k, h in histories.items() if not is_linearizable(h)]
    assert not wrong, histories[wrong[0]]

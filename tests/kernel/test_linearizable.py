"""Histories of concurrent clients: every key behaves as if its operations were one after another, each while it was under way."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from h2ok.kernel import Node
from h2ok.kernel.testing import local_cloud
from h2ok.kernel.transport.inproc import InprocHub

from .sample_tasks import Add


@dataclass(frozen=True, slots=True)
class Operation:
    """What one client did to one key; ``began`` and ``ended`` are ticks of one counter."""

    kind: str
    argument: int
    result: object
    began: int
    ended: int

    def step(self, value: int | None) -> tuple[bool, int | None]:
        """(whether the result fits the value before, the value after)."""
        if self.kind == "get":
            return self.result == value, value
        if self.kind == "put":
            return True, self.argument
        if self.kind == "remove":
            return self.result == (value is not None), None
        new = (value or 0) + self.argument
        return self.result == new, new


def is_linearizable(history: Sequence[Operation]) -> bool:
    """Wing and Gong's search for an order, with Lowe's memory of states seen (doi:10.1002/cpe.3928), for one register."""
    seen: set[tuple[int, int | None]] = set()
    whole = (1 << len(history)) - 1
    todo: list[tuple[int, int | None]] = [(0, None)]
    while todo:
        done, value = todo.pop()
        if done == whole:
            return True
        left = [i for i in range(len(history)) if not done >> i & 1]
        horizon = min(history[i].ended for i in left)
        for i in left:
            if history[i].began < horizon:
                fits, after = history[i].step(value)
                state = (done | 1 << i, after)
                if fits and state not in seen:
                    seen.add(state)
                    todo.append(state)
    return False


def test_the_checker_knows_right_from_wrong() -> None:
    def op(kind: str, argument: int, result: object, began: int, ended: int) -> Operation:
        return Operation(kind, argument, result, began, ended)

    put = op("put", 1, None, 0, 3)
    assert is_linearizable([put, op("get", 0, None, 1, 2), op("get", 0, 1, 2, 4)])
    assert not is_linearizable([put, op("get", 0, 1, 1, 2), op("get", 0, None, 4, 5)])
    assert not is_linearizable([put, op("get", 0, None, 4, 5)])
    assert not is_linearizable([op("add", 1, 1, 0, 5), op("add", 1, 1, 1, 6)])
    assert is_linearizable([op("add", 1, 2, 0, 5), op("add", 1, 1, 1, 6), op("remove", 0, True, 7, 8)])


class Recorder:
    """Random operations of several clients on some keys, with the times they took."""

    def __init__(self, nodes: Sequence[Node], keys: Sequence[str], seed: int) -> None:
        self.nodes, self.keys, self.seed = nodes, keys, seed
        self._ticks = itertools.count()
        self.histories: dict[str, list[Operation]] = {k: [] for k in keys}

    def client(self, number: int, count: int) -> None:
        rng = np.random.default_rng((self.seed, number))
        dkv = self.nodes[number % len(self.nodes)].dkv
        for _ in range(count):
            key = self.keys[int(rng.integers(len(self.keys)))]
            kind = ("get", "get", "put", "remove", "add")[int(rng.integers(5))]
            argument = int(rng.integers(1000))
            began = next(self._ticks)
            result: object = None
            if kind == "get":
                result = dkv.get(key)
            elif kind == "put":
                dkv.put(key, argument)
            elif kind == "remove":
                result = dkv.remove(key)
            else:
                result = dkv.atomic(key, Add(argument))
            self.histories[key].append(Operation(kind, argument, result, began, next(self._ticks)))

    def run(self, clients: int, count: int) -> None:
        threads = [threading.Thread(target=self.client, args=(i, count)) for i in range(clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)


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

"""Histories: what concurrent clients did to keys of the DKV, and whether one order of it explains what they saw.

Clients may live in several processes of one machine: they take the time from its monotonic clock, and write down what they begin
and what came of it, so that the work of a process that is killed is known too.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from h2ok.kernel import Node, wire_type
from h2ok.kernel.dkv import DKV
from h2ok.kernel.testing import process_cloud


@wire_type("test.add_to_history")
@dataclass(frozen=True)
class Add:
    """Adds to a number in the DKV."""

    amount: int

    def apply(self, old: Any) -> tuple[Any, Any]:
        new = (old or 0) + self.amount
        return new, new


@dataclass(frozen=True, slots=True)
class Operation:
    """What one client did to one key; ``began`` and ``ended`` are times of one clock. What has no end may have had its effect at
    any time since, or never."""

    kind: str
    argument: int
    result: object
    began: int
    ended: float

    def step(self, value: int | None) -> tuple[bool, int | None]:
        """(whether the result fits the value before, the value after)."""
        known = self.ended < math.inf
        if self.kind == "get":
            return self.result == value, value
        if self.kind == "put":
            return True, self.argument
        if self.kind == "remove":
            return not known or self.result == (value is not None), None
        new = (value or 0) + self.argument
        return not known or self.result == new, new


def is_linearizable(history: Sequence[Operation]) -> bool:
    """Wing and Gong's search for an order, with Lowe's memory of states seen (doi:10.1002/cpe.3928), for one register."""
    seen: set[tuple[int, int | None]] = set()
    # A read without an answer says nothing.
    history = [op for op in history if op.ended < math.inf or op.kind != "get"]
    whole = sum(1 << i for i, op in enumerate(history) if op.ended < math.inf)
    todo: list[tuple[int, int | None]] = [(0, None)]
    while todo:
        done, value = todo.pop()
        if done & whole == whole:
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


class Recorder:
    """Random operations of several clients on some keys, with the times they took."""

    def __init__(self, nodes: Sequence[Node], keys: Sequence[str], seed: int) -> None:
        self.nodes, self.keys, self.seed = nodes, keys, seed
        self.histories: dict[str, list[Operation]] = {k: [] for k in keys}

    def client(self, number: int, count: int, log: FileIO | None = None) -> None:
        rng = np.random.default_rng((self.seed, number))
        dkv = self.nodes[number % len(self.nodes)].dkv
        for i in range(count):
            key = self.keys[int(rng.integers(len(self.keys)))]
            kind = ("get", "get", "put", "remove", "add")[int(rng.integers(5))]
            argument = int(rng.integers(1000))
            name = f"{number}/{i}"
            began = time.monotonic_ns()
            if log is not None:
                log.write(_line(name, key, kind, argument, began))
            result = _done(dkv, kind, key, argument)
            ended = time.monotonic_ns()
            if log is not None:
                log.write(_line(name, result, ended))
            self.histories[key].append(Operation(kind, argument, result, began, ended))

    def run(self, clients: int, count: int) -> None:
        threads = [threading.Thread(target=self.client, args=(i, count)) for i in range(clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)


def _line(*fields: object) -> bytes:
    """One line of a log; written by one call, so that threads and the end of the process leave whole lines."""
    return json.dumps(fields).encode() + b"\n"


def _done(dkv: DKV, kind: str, key: str, argument: int) -> object:
    if kind == "get":
        return dkv.get(key)
    if kind == "put":
        dkv.put(key, argument)
        return None
    return dkv.remove(key) if kind == "remove" else dkv.atomic(key, Add(argument))


# -- clients in the processes of other nodes --------------------------------------------------------------------------


def serve(node: Node) -> None:
    """Offer clients that run on this node and write what they do to a file."""

    def clients(payload: tuple[str, list[str], int, list[int], int]) -> None:
        file, keys, seed, numbers, count = payload
        with FileIO(file, "w") as log:
            recorder = Recorder([node], keys, seed)
            threads = [threading.Thread(target=recorder.client, args=(i, count, log)) for i in numbers]
            for t in threads:
                t.start()
            for t in threads:
                t.join(100)

    node.rpc.register("test.clients", clients)


def read_log(file: Path, histories: dict[str, list[Operation]]) -> int:
    """Add what the clients of one process did; how many operations have no end."""
    begun: dict[str, tuple[str, str, int, int]] = {}
    for line in file.read_text().splitlines(keepends=True):
        if line.endswith("\n"):
            name, *rest = json.loads(line)
            if len(rest) == 4:
                begun[name] = (rest[0], rest[1], rest[2], rest[3])
            else:
                key, kind, argument, began = begun.pop(name)
                histories[key].append(Operation(kind, argument, rest[0], began, rest[1]))
    for key, kind, argument, began in begun.values():
        histories[key].append(Operation(kind, argument, None, began, math.inf))
    return len(begun)


def broken_connections(nodes: Sequence[Node], stop: threading.Event, seed: int) -> threading.Thread:
    """Close connections between nodes now and then, as a network does, until ``stop`` is set."""

    def run() -> None:
        rng = np.random.default_rng(seed)
        while not stop.wait(0.005):
            one, other = (nodes[i] for i in rng.choice(len(nodes), 2, replace=False))
            assert one.transport is not None
            one.transport.drop_peer(other.cloud.me, "a test closed its connection")

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def killed_history(folder: Path, seed: int, *, replicas: int, secret: str = "", keys: int = 60) -> tuple[dict[str, Any], int]:
    """(histories of clients in three processes, one of which is killed meanwhile; operations that never ended).

    Without copies, of the keys only that the lost node was not home to.
    """
    here = str(Path(__file__).parent)
    names = [f"key{i}" for i in range(keys)]
    with process_cloud(3, modules=["histories"], paths=[here], secret=secret, replicas=replicas) as cloud:
        node, victim = cloud.node, max(cloud.processes)
        node.dkv.put("first", 1)
        others = [m for m in node.cloud.members if m != node.cloud.me]
        lost = next(m for m in others if m.port == victim)
        kept = [k for k in names if replicas or node.cloud.home(k) != lost]
        logs = [folder / f"{seed}-{m.port}" for m in others]
        asked = [
            node.rpc.submit(m, "test.clients", (str(log), kept, seed, [2 * i + 2, 2 * i + 3], 400), 100)
            for i, (m, log) in enumerate(zip(others, logs, strict=True))
        ]
        recorder = Recorder([node], kept, seed)
        killer = threading.Timer(0.1 + 0.02 * (seed % 10), cloud.kill, [victim])
        killer.start()
        recorder.run(2, 400)
        killer.join()
        for member, future in zip(others, asked, strict=True):
            if member != lost:
                future.result(100)
            else:
                future.exception(100)
    return recorder.histories, sum(read_log(log, recorder.histories) for log in logs)

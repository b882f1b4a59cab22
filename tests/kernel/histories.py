"""Histories: what concurrent clients did to keys of the DKV, and whether one order of it explains what they saw."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.kernel import Node, wire_type


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

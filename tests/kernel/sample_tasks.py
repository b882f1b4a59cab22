"""Small MRTasks that the tests of this folder share."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from h2ok.kernel import Block, IllegalArgumentError, JobContext, MRTask, Node, Vec, wire_type


@wire_type("test.sum")
@dataclass(frozen=True)
class SumTask(MRTask):
    """Sum of column 0."""

    def map(self, block: Block) -> float:
        return float(block.numbers(0).sum())


@wire_type("test.nested")
@dataclass(frozen=True)
class NestedTask(MRTask):
    """Every map runs a whole task again."""

    vec: Vec

    def map(self, block: Block) -> float:
        value: float = block.node.tasks.do_all(SumTask(), [self.vec]).value
        return value


@wire_type("test.double")
@dataclass(frozen=True)
class DoubleTask(MRTask):
    """Writes twice the input."""

    def map(self, block: Block) -> None:
        block.write(0, block.numbers(0) * 2)


@wire_type("test.fail")
@dataclass(frozen=True)
class FailTask(MRTask):
    """Writes an output, and fails on one chunk."""

    at: int
    kind: str

    def map(self, block: Block) -> None:
        block.write(0, block.numbers(0))
        if block.index == self.at:
            if self.kind == "h2ok":
                raise IllegalArgumentError("chunk refused", chunk=block.index)
            raise ZeroDivisionError("by nothing")


@wire_type("test.state")
@dataclass(frozen=True)
class StateTask(MRTask):
    """Counts how often its chunk was visited in the session."""

    session: str = ""

    def map(self, block: Block) -> Any:
        block.state["visits"] = block.state.get("visits", 0) + 1
        return block.state["visits"]


@wire_type("test.slow")
@dataclass(frozen=True)
class GateTask(MRTask):
    """Waits in every map until the test opens the gate of its name."""

    gate: str

    def map(self, block: Block) -> int:
        gates[self.gate].nodes.add(block.node.label)
        gates[self.gate].entered.set()
        assert gates[self.gate].open.wait(30)
        return 1


@wire_type("test.slow_sum")
@dataclass(frozen=True)
class GatedSumTask(MRTask):
    """Sum of column 0, once the gate is open, and three times the input."""

    gate: str

    def map(self, block: Block) -> float:
        gates[self.gate].entered.set()
        assert gates[self.gate].open.wait(30)
        values = block.numbers(0)
        block.write(0, values * 3)
        return float(values.sum())


@wire_type("test.life")
@dataclass(frozen=True)
class LifeTask(MRTask):
    """Counts chunks; tells when nodes set up and close. Fails at chunk ``at``."""

    seen: ClassVar[list[tuple[str, str]]] = []
    at: int = -1

    def setup_local(self, node: Node) -> None:
        self.seen.append(("setup", node.label))

    def close_local(self, node: Node) -> None:
        self.seen.append(("close", node.label))

    def map(self, block: Block) -> int:
        assert ("setup", block.node.label) in self.seen
        return 1 // (block.index != self.at)

    def post_global(self, node: Node, result: Any) -> Any:
        return node.label, result


@wire_type("test.add")
@dataclass(frozen=True)
class Add:
    """Adds to a number in the DKV."""

    amount: int

    def apply(self, old: Any) -> tuple[Any, Any]:
        new = (old or 0) + self.amount
        return new, new


class Gate:
    """Two events: a map has begun; maps may go on."""

    def __init__(self, name: str) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()
        #: Labels of the nodes whose maps have begun.
        self.nodes: set[str] = set()
        gates[name] = self


gates: dict[str, Gate] = {}


@wire_type("test.plan")
@dataclass(frozen=True)
class GatedPlan:
    """Work of a job: waits for the gate, then stores who did it."""

    gate: str
    key: str

    def run(self, job: JobContext) -> None:
        gates[self.gate].entered.set()
        while not gates[self.gate].open.wait(0.01):
            job.check()
        job.node.dkv.put(self.key, job.node.label)


@wire_type("test.feed")
@dataclass(frozen=True)
class FeedTask(MRTask):
    """Stashes what it is fed with; ``map`` takes it out again. Numbers below zero wait at the ``gate``."""

    session: str
    gate: str = ""

    def feed(self, block: Block, payload: Any) -> Any:
        values = np.asarray(payload)
        if self.gate and values.min() < 0:
            gates[self.gate].nodes.add(block.node.label)
            gates[self.gate].entered.set()
            assert gates[self.gate].open.wait(30)
        if values.max() > 1e6:
            raise IllegalArgumentError(f"block {block.index} refused")
        block.stash("fed", values)
        return [float(values.sum()), {block.index: block.node.label}]

    def map(self, block: Block) -> Any:
        return [float(block.unstash("fed").sum()), {block.index: block.node.label}]

"""Tasks that other processes import by the name of this module."""

from __future__ import annotations

import time
from dataclasses import dataclass

from h2ok.kernel import Block, MRTask, wire_type


@wire_type("test.nap")
@dataclass(frozen=True)
class NapTask(MRTask):
    """Takes ``seconds`` in all on the last node, nothing elsewhere."""

    seconds: float

    def map(self, block: Block) -> int:
        if block.node.cloud.self_index == block.node.cloud.size - 1:
            time.sleep(self.seconds)
        return 1


@wire_type("test.slow_mean")
@dataclass(frozen=True)
class SlowSumTask(MRTask):
    """Sum of column 0; every map takes ``seconds``."""

    seconds: float

    def map(self, block: Block) -> float:
        time.sleep(self.seconds)
        return float(block.numbers(0).sum())

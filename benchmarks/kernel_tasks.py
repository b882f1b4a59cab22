"""Tasks of benchmarks/kernel.py, imported by name in every process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.kernel import Block, MRTask, wire_type
from numpy.typing import NDArray


@wire_type("bench.empty")
@dataclass(frozen=True)
class EmptyTask(MRTask):
    """Does nothing to every chunk."""

    def map(self, block: Block) -> int:
        return 1


@wire_type("bench.carry")
@dataclass(frozen=True)
class CarryTask(MRTask):
    """Goes to every node with an array."""

    data: NDArray[np.float64]

    def map(self, block: Block) -> int:
        return len(self.data)

    def reduce(self, left: Any, right: Any) -> Any:
        return max(left, right)


@wire_type("bench.gather")
@dataclass(frozen=True)
class GatherTask(MRTask):
    """Makes an array of ``n`` numbers for every chunk; they are added up."""

    n: int

    def map(self, block: Block) -> NDArray[np.float64]:
        return np.full(self.n, 1.0)

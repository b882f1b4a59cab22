"""(clip fr low high): values moved into a range. Replace ``map`` by what your primitive does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.kernel import Block, Frame, MRTask, OutputSpec, wire_type


@wire_type("clip.task")
@dataclass(frozen=True)
class ClipTask(MRTask):
    """Runs on the node where a chunk lives; NA is NaN."""

    low: float
    high: float

    def map(self, block: Block) -> None:
        for j in range(len(block.vecs)):
            block.write(j, np.clip(block.numbers(j), self.low, self.high))


def clip(env: Any, frame: Frame, low: float, high: float) -> Frame:
    """A new frame with the same names."""
    vecs = env.node.tasks.do_all(ClipTask(low, high), frame, [OutputSpec()] * frame.n_cols).vecs
    return Frame("", frame.names, vecs)


PRIMITIVES = [Primitive("clip", clip, 3, ("fr", "low", "high"), "Values moved into a range.")]

"""(zscore fr): every numeric column less its mean, divided by its standard deviation; NA stays NA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.kernel import Block, Frame, MRTask, OutputSpec, wire_type


@wire_type("toy.zscore")
@dataclass(frozen=True)
class Standardise(MRTask):
    """Chunk by chunk, where the chunks live."""

    means: Any
    sigmas: Any

    def map(self, block: Block) -> None:
        for j in range(len(block.vecs)):
            block.write(j, (block.numbers(j) - self.means[j]) / self.sigmas[j])


def zscore(env: Any, frame: Frame) -> Frame:
    """The standardised frame, with the same names."""
    stats = [env.node.rollups(v) for v in frame.vecs]
    task = Standardise(np.array([s.mean for s in stats]), np.array([s.sigma or 1.0 for s in stats]))
    vecs = env.node.tasks.do_all(task, frame, [OutputSpec()] * frame.n_cols).vecs
    return Frame("", frame.names, vecs)


PRIMITIVES = [Primitive("zscore", zscore, 1, ("fr",), "Columns as standard scores.")]

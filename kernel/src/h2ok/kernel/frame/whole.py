"""Whole numbers that 64 bits can hold: which columns may leave as int64 without losing a digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from h2ok.kernel.frame.chunk import NA_INT64
from h2ok.kernel.frame.rollups import rollups_many
from h2ok.kernel.frame.vec import Vec
from h2ok.kernel.task.mrtask import Block, MRTask
from h2ok.kernel.wire import wire_type

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["are_whole"]

_PAST_INT64 = 2.0**63


def are_whole(node: Node, vecs: Sequence[Vec]) -> list[bool]:
    """Whether each numeric column holds whole numbers only, all of which int64 can hold; true when nothing is known of it."""
    out = []
    for vec, stats in zip(vecs, rollups_many(node, vecs), strict=True):
        size = max(-stats.min, stats.max) if stats.n_known else 0.0
        whole = vec.type == "numeric" and stats.is_int and size <= _PAST_INT64
        # The greatest int64 and the double after it look alike in statistics, which are doubles.
        if whole and size == _PAST_INT64:
            whole = bool(node.tasks.run(_AreExact(), [vec], vec.espc).value)
        out.append(bool(whole))
    return out


@wire_type("frame.are_exact")
@dataclass(frozen=True)
class _AreExact(MRTask):
    """Whether every known value of a column is an int64."""

    def map(self, block: Block) -> bool:
        chunk = block.chunk(0)
        return bool(np.array_equal(chunk.int64() == NA_INT64, chunk.is_na()))

    def reduce(self, left: bool, right: bool) -> bool:
        return left and right

"""Rechunk: the rows of a vec under other row boundaries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.kernel.errors import IllegalArgumentError
from h2ok.kernel.frame.longs import exact_values, joined_values
from h2ok.kernel.frame.vec import Vec
from h2ok.kernel.task.mrtask import Block, MRTask, OutputSpec
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["read_rows", "rechunk"]


def read_rows(node: Node, vec: Vec, start: int, stop: int) -> Any:
    """Values of rows ``start:stop`` in the form ``newchunk.encode`` takes for the vec's type; chunks are fetched as needed."""
    parts: list[Any] = []
    index = vec.chunk_index_for_row(start) if stop > start else vec.n_chunks
    while index < vec.n_chunks and int(vec.espc[index]) < stop:
        lo, hi = max(start - int(vec.espc[index]), 0), min(stop, int(vec.espc[index + 1])) - int(vec.espc[index])
        chunk = vec.chunk(node, index)
        if vec.type in ("string", "uuid"):
            parts.append(chunk.strings()[lo:hi])
        elif vec.type == "enum":
            parts.append(chunk.codes()[lo:hi])
        elif vec.type == "time":
            parts.append(chunk.int64()[lo:hi])
        else:
            parts.append(exact_values(chunk)[lo:hi])
        index += 1
    if vec.type in ("string", "uuid"):
        return [v for p in parts for v in p]
    dtype = np.int32 if vec.type == "enum" else np.int64 if vec.type == "time" else np.float64
    return joined_values(parts) if parts else np.empty(0, dtype=dtype)


@wire_type("task.rechunk")
@dataclass(frozen=True)
class _Rechunk(MRTask):
    vec: Vec

    def map(self, block: Block) -> None:
        block.write(0, read_rows(block.node, self.vec, block.start, block.start + block.n_rows))


def rechunk(node: Node, vec: Vec, espc: NDArray[np.int64]) -> Vec:
    """A copy of ``vec`` with the row boundaries ``espc``.

    Raises
    ------
    IllegalArgumentError
        The number of rows differs.
    """
    if len(vec) != int(espc[-1]):
        raise IllegalArgumentError(f"Cannot align a column of {len(vec)} rows with one of {int(espc[-1])} rows.")
    return node.tasks.run(_Rechunk(vec), (), espc, [OutputSpec(vec.type, vec.domain)]).vecs[0]

"""Chunk summary of a frame: which codecs hold its data, and how it is spread over the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from h2ok.kernel.frame.frame import Frame
from h2ok.kernel.task.mrtask import Block, MRTask
from h2ok.kernel.wire import wire_type

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["ChunkSummary", "CodecShare", "NodeShare", "chunk_summary"]


@dataclass(frozen=True, slots=True)
class CodecShare:
    """One codec: H2O's short name, what it holds, how many chunks, their bytes; percent of all chunks and bytes."""

    chunk_type: str
    chunk_name: str
    count: int
    count_percentage: float
    size: int
    size_percentage: float


@dataclass(frozen=True, slots=True)
class NodeShare:
    """One node (``ip:port``), or ``mean``, ``min``, ``max``, ``stddev``, ``total`` over the nodes. ``size`` in bytes."""

    name: str
    size: float
    number_of_rows: float
    number_of_chunks_per_column: float
    number_of_chunks: float


@dataclass(frozen=True, slots=True)
class ChunkSummary:
    """``codecs``: sorted by their short names; ``nodes``: every member in order, then mean, min, max, stddev, total."""

    codecs: tuple[CodecShare, ...]
    nodes: tuple[NodeShare, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all chunks."""
        return sum(c.size for c in self.codecs)


@wire_type("summary.task")
@dataclass(frozen=True)
class _Survey(MRTask):
    """{(codec, its name, node): (chunks, bytes)} and {node: (rows, chunks a column)}."""

    def map(self, block: Block) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
        me = block.node.cloud.self_index
        codecs: dict[str, tuple[int, int]] = {}
        for j in range(len(block.vecs)):
            chunk = block.chunk(j)
            key = "\0".join((*chunk.describe(), str(me)))
            count, size = codecs.get(key, (0, 0))
            codecs[key] = (count + 1, size + chunk.nbytes)
        return codecs, {str(me): (block.n_rows, 1)}


def chunk_summary(node: Node, frame: Frame) -> ChunkSummary:
    """The chunk summary of ``frame``; empty for a frame without columns."""
    if not frame.vecs:
        return ChunkSummary((), ())
    codecs, rows = node.tasks.do_all(_Survey(), frame).value
    count: dict[tuple[str, str], int] = {}
    size: dict[tuple[str, str], int] = {}
    sizes = np.zeros(node.cloud.size)
    for key, (n, nbytes) in codecs.items():
        name, words, member = key.split("\0")
        count[name, words] = count.get((name, words), 0) + n
        size[name, words] = size.get((name, words), 0) + nbytes
        sizes[int(member)] += nbytes
    chunks, nbytes = sum(count.values()), max(1, sum(size.values()))
    shares = tuple(
        CodecShare(k[0], k[1], count[k], 100.0 * count[k] / chunks, size[k], 100.0 * size[k] / nbytes) for k in sorted(count)
    )
    held = np.array([rows.get(str(i), (0, 0)) for i in range(node.cloud.size)], dtype=np.float64)
    table = np.column_stack([sizes, held, held[:, 1] * frame.n_cols])
    named = [NodeShare(m.name, *row) for m, row in zip(node.cloud.members, table.tolist(), strict=True)]
    spread = table.std(axis=0, ddof=1) if len(table) > 1 else np.zeros(4)
    for label, row in (
        ("mean", table.mean(axis=0)),
        ("min", table.min(axis=0)),
        ("max", table.max(axis=0)),
        ("stddev", spread),
        ("total", table.sum(axis=0)),
    ):
        named.append(NodeShare(label, *row.tolist()))
    return ChunkSummary(shares, tuple(named))

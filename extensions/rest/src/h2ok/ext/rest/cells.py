"""Cells: the values of a run of rows, column by column, however many columns there are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from h2ok.kernel import NA_INT64, Chunk, Node, Vec
from h2ok.kernel.frame.longs import exact_values
from h2ok.kernel.key import chunk_key
from numpy.typing import NDArray

__all__ = ["read_cells"]

#: Chunks asked for at once: what lies on other nodes comes in one message a node, and does not stay.
_BATCH = 64
#: A chunk of a vec by its index, and its rows inside the window.
_Span = tuple[int, int, int]


def read_cells(node: Node, vecs: Sequence[Vec], offset: int, count: int) -> list[list[Any]]:
    """The rows ``offset`` to ``offset + count`` of each vec; only the chunks that hold them are read.

    Returns
    -------
    One list a vec: doubles, NA as NaN, level indexes of an enum; ints where a chunk has whole numbers that no double holds; text of
    string and UUID vecs, None for NA.

    Raises
    ------
    KeyNotFoundError, NodeLostError
        A vec was removed, or went with a node.
    """
    out: list[list[Any]] = []
    spans: list[_Span] = []
    espc: NDArray[np.int64] | None = None
    batch: list[tuple[Vec, list[_Span]]] = []
    waiting = 0
    for vec in vecs:
        if vec.espc is not espc:
            espc, spans = vec.espc, _spans(vec.espc, offset, count)
        batch.append((vec, spans))
        waiting += len(spans)
        if waiting >= _BATCH:
            out += _read(node, batch)
            batch, waiting = [], 0
    return out + _read(node, batch)


def _spans(espc: NDArray[np.int64], offset: int, count: int) -> list[_Span]:
    """(chunk, first row, last row) of the chunks a window touches."""
    if count <= 0:
        return []
    first = int(np.searchsorted(espc, offset, side="right")) - 1
    last = int(np.searchsorted(espc, offset + count, side="left"))
    bounds = espc[first : last + 1].tolist()
    spans = [(max(offset - a, 0), min(offset + count, b) - a) for a, b in pairwise(bounds)]
    return [(first + i, lo, hi) for i, (lo, hi) in enumerate(spans) if hi > lo]


def _read(node: Node, batch: Sequence[tuple[Vec, Sequence[_Span]]]) -> list[list[Any]]:
    keys = [chunk_key(v.key, i, v.n_chunks) for v, spans in batch for i, _, _ in spans]
    found = node.dkv.get_many(keys)
    out = []
    key = iter(keys)
    for vec, spans in batch:
        cells: list[Any] = []
        for i, lo, hi in spans:
            chunk = found[next(key)]
            if not isinstance(chunk, Chunk):
                # Says what became of it.
                chunk = vec.chunk(node, i)
            cells += chunk.strings()[lo:hi] if vec.type in ("string", "uuid") else _numbers(chunk, lo, hi)
        out.append(cells)
    return out


def _numbers(chunk: Chunk, lo: int, hi: int) -> list[float]:
    values = exact_values(chunk)[lo:hi]
    if values.dtype.kind != "i":
        return values.tolist()  # type: ignore[no-any-return]
    return [float("nan") if v == NA_INT64 else v for v in values.tolist()]

"""Rows: whole columns as arrays, any selection of rows as new columns, and columns one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from h2ok.ext.rapids.blocks import blockwise, map_vecs
from h2ok.kernel import (
    NA_CODE,
    NA_INT64,
    Block,
    Chunk,
    Frame,
    KeyNotFoundError,
    MRTask,
    Node,
    OutputSpec,
    Vec,
    even_espc,
    wire_type,
)
from h2ok.kernel.frame.codecs import ConstantChunk, FloatChunk, IntegerChunk, StringChunk, UuidChunk
from h2ok.kernel.frame.longs import exact_values, joined_values
from h2ok.kernel.frame.newchunk import encode_numbers, encode_string_buffers
from numpy.typing import NDArray

__all__ = [
    "NO_ROW",
    "Text",
    "chunk_rows",
    "fetch",
    "fetch_codes",
    "fetch_exact",
    "fetch_text",
    "filter_rows",
    "spec_of",
    "take_rows",
    "take_vecs",
]

#: PERF: from so many rows on, rows of a chunk keep its codec instead of being decoded and encoded again.
_KEEP_CODEC = 1024
#: In a selection of rows: no such row, the result is missing.
NO_ROW = -1


def spec_of(vec: Vec) -> OutputSpec:
    """The output spec of a column like ``vec``."""
    return OutputSpec(vec.type, vec.domain)


@dataclass(slots=True)
class Text:
    """A run of texts as buffers: row i is ``data[offsets[i]:offsets[i+1]]`` in UTF-8, missing where ``na[i]``."""

    offsets: NDArray[np.int64]
    data: NDArray[np.uint8]
    na: NDArray[np.bool_]

    @classmethod
    def of(cls, chunks: Sequence[Chunk]) -> Text:
        """The texts of consecutive chunks."""
        lengths, datas, nas = [], [], []
        for c in chunks:
            if isinstance(c, StringChunk):
                offsets = c.offsets.astype(np.int64)
                lengths.append(np.diff(offsets))
                datas.append(c.data[offsets[0] : offsets[-1]])
                nas.append(c.is_na())
            else:
                lengths.append(np.zeros(c.n, dtype=np.int64))
                nas.append(np.ones(c.n, dtype=np.bool_))
        total = np.concatenate([np.zeros(1, dtype=np.int64), *lengths])
        data = np.concatenate(datas) if datas else np.zeros(0, dtype=np.uint8)
        return cls(np.cumsum(total), data, np.concatenate(nas) if nas else np.zeros(0, dtype=np.bool_))

    def take(self, rows: NDArray[np.int64]) -> Chunk:
        """A chunk of the texts in ``rows``; NO_ROW gives a missing one."""
        missing = rows < 0
        if len(self.na) == 0:
            return ConstantChunk(len(rows), float("nan"))
        safe = np.where(missing, 0, rows)
        starts = self.offsets[safe]
        lengths = np.where(missing, 0, self.offsets[safe + 1] - starts)
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(lengths, out=offsets[1:])
        where = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
        return encode_string_buffers(offsets, self.data[where], self.na[safe] | missing)

    def to_list(self) -> list[str | None]:
        """The texts as Python strings."""
        return StringChunk(len(self.na), self.offsets, self.data, self.na).strings()


def _chunks(node: Node, vec: Vec, indexes: Sequence[int]) -> list[Chunk]:
    keys = vec.chunk_keys()
    found = node.dkv.get_many([keys[i] for i in indexes])
    out = [found[keys[i]] for i in indexes]
    if any(not isinstance(c, Chunk) for c in out):
        raise KeyNotFoundError("A frame was removed while its rows were being read; run the expression again.", vec=vec.key)
    return out


def _decode(kind: str, chunk: Chunk) -> Any:
    if kind == "enum":
        return chunk.codes()
    return chunk.int64() if kind == "time" else exact_values(chunk)


def fetch(node: Node, vec: Vec) -> NDArray[np.float64]:
    """All values on this node, float64[n], NA as NaN."""
    out = np.empty(len(vec))
    for i, chunk in enumerate(_chunks(node, vec, range(vec.n_chunks))):
        chunk.decode_into(out[vec.espc[i] : vec.espc[i + 1]])
    return out


def fetch_exact(node: Node, vec: Vec) -> NDArray[Any]:
    """As ``fetch``; int64[n] with NA as the smallest int64 where some values are whole numbers that no double holds."""
    return joined_values([exact_values(c) for c in _chunks(node, vec, range(vec.n_chunks))])


def fetch_codes(node: Node, vec: Vec) -> NDArray[np.int32]:
    """All codes of an enum on this node, int32[n], NA as -1."""
    return np.concatenate([c.codes() for c in _chunks(node, vec, range(vec.n_chunks))])


def fetch_text(node: Node, vec: Vec) -> Text:
    """All texts of a string column on this node."""
    return Text.of(_chunks(node, vec, range(vec.n_chunks)))


@wire_type("rapids.take")
@dataclass
class TakeTask(MRTask):
    """Writes rows ``rows[start:stop]`` of a column for the output block of rows ``start:stop``."""

    vec: Vec
    rows: NDArray[np.int64]
    _source: Any = field(default=None, metadata={"wire": False})

    def setup_local(self, node: Node) -> None:
        """Decode the chunks that hold asked rows once for all blocks of this node."""
        vec, rows = self.vec, self.rows
        wanted = rows[rows >= 0]
        first = vec.chunk_index_for_row(int(wanted.min())) if len(wanted) else 0
        last = vec.chunk_index_for_row(int(wanted.max())) if len(wanted) else -1
        offset = int(vec.espc[first])
        chunks = _chunks(node, vec, range(first, last + 1))
        if vec.type == "string":
            self._source = (Text.of(chunks), offset)
        elif vec.type == "uuid":
            halves = [c.halves if isinstance(c, UuidChunk) else np.zeros((c.n, 2), dtype=np.uint64) for c in chunks]
            na = [c.is_na() for c in chunks]
            self._source = ((np.concatenate(halves) if halves else None, np.concatenate(na) if na else None), offset)
        else:
            self._source = (joined_values([_decode(vec.type, c) for c in chunks]), offset)

    def map(self, block: Block) -> None:
        source, offset = self._source
        rows = self.rows[block.start : block.start + block.n_rows]
        missing = rows < 0
        local = np.where(missing, NO_ROW, rows - offset)
        if self.vec.type == "string":
            block.write(0, source.take(local))
        elif missing.all() and len(missing):
            block.write(0, ConstantChunk(len(rows), float("nan")))
        elif self.vec.type == "uuid":
            halves, na = source
            block.write(0, UuidChunk(len(rows), halves[local], na[local] | missing))
        else:
            values = source[local] if len(source) else np.empty(0)
            if missing.any():
                values[missing] = NA_INT64 if values.dtype == np.int64 else _na_of(self.vec.type)
            # Taking rows by number made a fresh array.
            block.write(0, encode_numbers(values, owned=True) if values.dtype == np.float64 else values)

    def close_local(self, node: Node) -> None:
        self._source = None


def _na_of(kind: str) -> Any:
    return NA_CODE if kind == "enum" else np.nan


def take_vecs(node: Node, vecs: Sequence[Vec], rows: NDArray[np.int64]) -> tuple[Vec, ...]:
    """Columns of the rows ``rows`` (any order, repeats allowed, NO_ROW for missing), cut into fresh chunks."""
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    espc = even_espc(len(rows))
    # One column at a time: the decoded source of one column is in memory, not of all.
    return tuple(node.tasks.run(TakeTask(v, rows), (), espc, [spec_of(v)]).vecs[0] for v in vecs)


def take_rows(node: Node, frame: Frame, rows: NDArray[np.int64]) -> Frame:
    """A frame of the rows ``rows``; see ``take_vecs``."""
    return Frame("", frame.names, take_vecs(node, frame.vecs, rows))


def chunk_rows(vec: Vec, chunk: Chunk, rows: NDArray[np.int64]) -> Any:
    """What to write for some rows of one chunk."""
    if vec.type == "string":
        return Text.of([chunk]).take(rows)
    if isinstance(chunk, UuidChunk):
        na = chunk.is_na()[rows]
        return UuidChunk(len(rows), chunk.halves[rows], na if na.any() else np.zeros(0, dtype=np.bool_))
    if isinstance(chunk, ConstantChunk):
        return ConstantChunk(len(rows), chunk.value)
    if len(rows) >= _KEEP_CODEC and isinstance(chunk, FloatChunk):
        return FloatChunk(len(rows), chunk.values[rows])
    if len(rows) >= _KEEP_CODEC and isinstance(chunk, IntegerChunk):
        return IntegerChunk(len(rows), chunk.stored[rows], chunk.bias, chunk.divisor, chunk.has_na)
    return _decode(vec.type, chunk)[rows]


def _true_rows(chunk: Chunk) -> NDArray[np.int64]:
    """The rows of a chunk that are 1."""
    if isinstance(chunk, IntegerChunk) and chunk.divisor == 1.0 and abs(chunk.bias) < np.iinfo(chunk.stored.dtype).max:
        return np.flatnonzero(chunk.stored == chunk.stored.dtype.type(1 - chunk.bias))
    return np.flatnonzero(chunk.decode() == 1)


@blockwise
def _filter(block: Block, params: dict[str, Any]) -> None:
    rows = _true_rows(block.chunk(0))
    for j in range(1, len(block.vecs)):
        block.write(j - 1, chunk_rows(block.vecs[j], block.chunk(j), rows))


def filter_rows(node: Node, frame: Frame, predicate: Vec) -> Frame:
    """The rows where an aligned predicate is 1; chunks keep their places and shrink."""
    vecs = map_vecs(node, _filter, (predicate, *frame.vecs), [spec_of(v) for v in frame.vecs])
    return Frame("", frame.names, vecs)

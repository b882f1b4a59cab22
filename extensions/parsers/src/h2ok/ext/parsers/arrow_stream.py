"""Arrow out: a frame as a stream of record batches, one a chunk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.parsers.columns import code_type
from h2ok.kernel import NA_INT64, Block, Frame, IllegalArgumentError, Node, RollupStats, Vec
from h2ok.kernel.frame.codecs import IntegerChunk, StringChunk
from h2ok.kernel.frame.rollups import are_int64, rollups_many

if TYPE_CHECKING:
    from h2ok.kernel import Chunk

__all__ = ["COMPRESSIONS", "arrow_pieces"]

COMPRESSIONS = ("none", "lz4", "zstd")
#: Batches converted ahead of the one being sent.
_AHEAD = 2
#: Bytes below which a buffer is copied to be sent together with its neighbours.
_SMALL = 1 << 15


def arrow_pieces(node: Node, frame: Frame, compression: str = "none") -> Iterator[tuple[bytes | memoryview, ...]]:
    """The buffers of an IPC stream, a tuple for each chunk: memory stays bounded however large the frame is.

    Whole numbers are int32 or int64, other numbers double, enums dictionary<int8 to int32, string>, times timestamp[ms, UTC],
    text large_string, UUIDs string; missing values are null.

    Raises
    ------
    IllegalArgumentError
        The compression is none of ``COMPRESSIONS``.
    """
    import pyarrow as pa

    if compression not in COMPRESSIONS:
        raise IllegalArgumentError(
            f"compression must be one of {', '.join(COMPRESSIONS)}; got '{compression}'.", argument="compression"
        )
    stats = rollups_many(node, frame.vecs)
    levels = [None if v.domain is None else pa.array(list(v.domain), type=pa.string()) for v in frame.vecs]
    whole = are_int64(node, frame.vecs)
    kinds = [_kind(pa, v, s, w) for v, s, w in zip(frame.vecs, stats, whole, strict=True)]
    schema = pa.schema(list(zip(frame.names, kinds, strict=True)))
    full = [s.na_count == 0 for s in stats]
    return _written(node, frame, schema, levels, full, None if compression == "none" else compression)


def _written(
    node: Node, frame: Frame, schema: Any, levels: list[Any], full: list[bool], compression: str | None
) -> Iterator[tuple[bytes | memoryview, ...]]:
    import pyarrow as pa

    sink = _Sink()
    options = pa.ipc.IpcWriteOptions(compression=compression)

    def convert(i: int) -> Any:
        start, stop = int(frame.espc[i]), int(frame.espc[i + 1])
        block = Block(node, i, start, stop - start, frame.vecs, {})
        arrays = [_array(pa, block.chunk(j), kind, levels[j], full=full[j]) for j, kind in enumerate(schema.types)]
        return pa.record_batch(arrays, schema=schema)

    with (
        ThreadPoolExecutor(_AHEAD, thread_name_prefix=f"{node.label}-arrow") as pool,
        pa.ipc.new_stream(pa.PythonFile(sink, "w"), schema, options=options) as writer,
    ):
        pending: deque[Future[Any]] = deque()
        for i in range(frame.n_chunks if frame.vecs else 0):
            pending.append(pool.submit(convert, i))
            if len(pending) > _AHEAD:
                writer.write_batch(pending.popleft().result())
                yield sink.take()
        while pending:
            writer.write_batch(pending.popleft().result())
            yield sink.take()
    yield sink.take()


class _Sink:
    """Collects what the IPC writer writes: large buffers as they are, small ones together."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview] = []
        self._small: list[bytes] = []

    def write(self, data: Any) -> int:
        view = memoryview(data)
        if view.nbytes < _SMALL:
            self._small.append(view.tobytes())
        else:
            self._join()
            self._parts.append(view.cast("B"))
        return view.nbytes

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The parts stay to be taken."""

    def take(self) -> tuple[bytes | memoryview, ...]:
        """What was written since the last call."""
        self._join()
        parts, self._parts = self._parts, []
        return tuple(parts)

    def _join(self) -> None:
        if self._small:
            self._parts.append(b"".join(self._small))
            self._small = []


def _kind(pa: Any, vec: Vec, stats: RollupStats, whole: bool) -> Any:
    if vec.domain is not None:
        return pa.dictionary(pa.from_numpy_dtype(code_type(len(vec.domain))), pa.string())
    if vec.type == "string":
        return pa.large_string()
    if vec.type == "uuid":
        return pa.string()
    if vec.type == "time":
        return pa.timestamp("ms", tz="UTC")
    if not whole or not stats.n_known:
        return pa.float64()
    return pa.int32() if max(-stats.min, stats.max) < 2**31 else pa.int64()


def _array(pa: Any, chunk: Chunk, kind: Any, levels: Any, *, full: bool) -> Any:
    """The array of a chunk; ``full``: nothing is missing in the column."""
    if (full or (isinstance(chunk, IntegerChunk) and not chunk.has_na)) and kind not in (pa.string(), pa.large_string()):
        return _full_array(pa, chunk, kind, levels)
    if levels is not None:
        codes = chunk.codes()
        missing = codes < 0
        indices = pa.array(codes.astype(kind.index_type.to_pandas_dtype()), mask=missing if missing.any() else None)
        return pa.DictionaryArray.from_arrays(indices, levels)
    if kind == pa.large_string():
        return _texts(pa, chunk)
    if kind == pa.string():
        return pa.array(chunk.strings(), type=kind)
    if kind == pa.float64():
        return pa.array(chunk.decode(), from_pandas=True)
    values = chunk.int64()
    missing = values == NA_INT64
    array = pa.array(values, mask=missing if missing.any() else None)
    return array.cast(kind, safe=False) if kind == pa.int32() else array.view(kind)


def _full_array(pa: Any, chunk: Chunk, kind: Any, levels: Any) -> Any:
    """The array of a chunk without missing values: nothing to look for."""
    if levels is not None:
        # Mostly the chunk's own memory.
        stored = chunk.stored if isinstance(chunk, IntegerChunk) and not chunk.bias and chunk.divisor == 1.0 else chunk.codes()
        codes = np.ascontiguousarray(stored, dtype=kind.index_type.to_pandas_dtype())
        indices = pa.Array.from_buffers(kind.index_type, chunk.n, [None, pa.py_buffer(codes)])
        return pa.DictionaryArray.from_arrays(indices, levels, safe=False)
    values: Any
    if kind == pa.float64():
        values = chunk.decode()
    else:
        dtype = np.int32 if kind == pa.int32() else np.int64
        if isinstance(chunk, IntegerChunk) and chunk.divisor == 1.0:
            values = np.add(chunk.stored, chunk.bias, dtype=dtype, casting="unsafe")
        else:
            values = chunk.int64().astype(dtype, copy=False)
    return pa.Array.from_buffers(kind, chunk.n, [None, pa.py_buffer(np.ascontiguousarray(values))])


def _texts(pa: Any, chunk: Chunk) -> Any:
    if not isinstance(chunk, StringChunk):
        return pa.array(chunk.strings(), type=pa.large_string())
    missing = pa.py_buffer(np.packbits(~chunk.na, bitorder="little")) if len(chunk.na) else None
    offsets = pa.py_buffer(np.ascontiguousarray(chunk.offsets, dtype=np.int64))
    data = pa.py_buffer(np.ascontiguousarray(chunk.data))
    return pa.Array.from_buffers(pa.large_string(), chunk.n, [missing, offsets, data])

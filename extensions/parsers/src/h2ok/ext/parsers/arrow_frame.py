"""Arrow in: a stream of record batches as a frame; and the handlers of both directions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from h2ok.capabilities.contracts.routes import RequestContext, Response
from h2ok.capabilities.contracts.schema import Schema, api
from h2ok.ext.parsers.arrow_columns import columns_of_table, damage_of, rounded
from h2ok.ext.parsers.arrow_stream import arrow_pieces
from h2ok.ext.parsers.arrow_types import NUMBERS, TIMES, kind_of_field, may_pass_int64, name_of
from h2ok.ext.parsers.columns import Columns, check_names, vec_type
from h2ok.kernel import Frame, IllegalArgumentError, Node, Vec, given_key
from h2ok.kernel.frame.newchunk import encode_codes
from h2ok.kernel.frame.vec import DEFAULT_CHUNK_ROWS, new_vec_key
from h2ok.kernel.key import chunk_key

if TYPE_CHECKING:
    from h2ok.kernel import Chunk

__all__ = ["ArrowFrameV3", "FrameMaker", "frame_of_stream", "get_arrow", "post_arrow"]

MEDIA_TYPE = "application/vnd.apache.arrow.stream"


class ArrowFrameV3(Schema):
    """GET and POST /3/Frames/{frame_id}/arrow."""

    schema_type = "Iced"
    frame_id: str = api("string", required=True, help="Key of the frame.")
    compression: str = api("string", "none", direction="INPUT", help="Compression of the buffers: none, lz4 or zstd.")


def get_arrow(ctx: RequestContext, request: ArrowFrameV3) -> Response:
    """GET /3/Frames/{frame_id}/arrow: the frame as an IPC stream."""
    frame = ctx.node.frames.get(request.frame_id)
    return Response(arrow_pieces(ctx.node, frame, request.compression or "none"), content_type=MEDIA_TYPE)


def post_arrow(ctx: RequestContext, _: Any) -> Response:
    """POST /3/Frames/{frame_id}/arrow: an IPC stream becomes the frame."""
    if ctx.body is None:
        raise IllegalArgumentError("The body is empty; an Arrow IPC stream was expected.")
    frame, warnings = frame_of_stream(ctx.node, ctx.body, given_key(ctx.path_params["frame_id"], "frame_id"))
    answer = {"frame_id": {"name": frame.key, "type": "Key<Frame>"}, "rows": frame.n_rows, "num_columns": frame.n_cols}
    answer["warnings"] = warnings
    return Response(json.dumps(answer), content_type="application/json")


def frame_of_stream(node: Node, stream: BinaryIO, key: str) -> tuple[Frame, list[str]]:
    """Store the record batches of an IPC stream as the frame ``key``; the frame, and what the user should know of it.

    Dictionaries become enums with their levels in this order (what later batches add comes after), booleans become enums, text
    stays text, times of day and durations become milliseconds. A failure leaves nothing behind.

    Raises
    ------
    IllegalArgumentError
        The stream is damaged, a column is nested, or two columns have one name.
    """
    import pyarrow as pa

    with damage_of("The body", "Arrow IPC stream"), pa.ipc.open_stream(pa.PythonFile(_Source(stream), "r")) as reader:
        schema = reader.schema
        check_names(schema.names)
        made = FrameMaker(schema.names, [_type_of(pa, f) for f in schema])
        for table in _runs(pa, reader):
            made.add(columns_of_table(table, schema.names, made.types))
    frame = made.store(node, key)
    return frame, rounded(node, frame, [f.name for f in schema if may_pass_int64(f.type)], "send it as text")


class _Source:
    """A body that is read in full pieces: sockets return short ones, and the stream of a server is no file."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, n: int) -> bytes:
        """``n`` bytes, fewer only at the end."""
        parts: list[bytes] = []
        while n > 0 and (piece := self._stream.read(n)):
            parts.append(piece)
            n -= len(piece)
        return b"".join(parts)

    def close(self) -> None:
        """The server closes the stream."""


def _runs(pa: Any, reader: Any) -> Iterator[Any]:
    """The batches as tables of ``DEFAULT_CHUNK_ROWS`` rows."""
    waiting: list[Any] = []
    n = 0
    for batch in reader:
        # SECURITY: offsets and codes of a damaged stream point outside their buffers.
        batch.validate(full=True)
        waiting.append(batch)
        n += batch.num_rows
        if n < DEFAULT_CHUNK_ROWS:
            continue
        table = pa.Table.from_batches(waiting).unify_dictionaries()
        at = 0
        while n - at >= DEFAULT_CHUNK_ROWS:
            yield table.slice(at, DEFAULT_CHUNK_ROWS)
            at += DEFAULT_CHUNK_ROWS
        waiting = table.slice(at).to_batches() if at < n else []
        n -= at
    yield pa.Table.from_batches(waiting, schema=reader.schema).unify_dictionaries()


def _type_of(pa: Any, field: Any) -> str:
    kind = kind_of_field(field)
    if kind == "boolean" or (kind and pa.types.is_dictionary(field.type)):
        return "Enum"
    found = "Numeric" if kind in NUMBERS else "Time" if kind in TIMES else {"text": "String", "uuid": "UUID"}.get(kind)
    if found is None:
        raise IllegalArgumentError(
            f"Column '{field.name}' is of Arrow type {name_of(field)}, which cannot be a column. Cast it or leave it out before "
            "sending."
        )
    return found


class FrameMaker:
    """Encoded chunks of all columns, kept until the number of chunks is known."""

    def __init__(self, names: list[str], types: list[str]) -> None:
        self.names, self.types = names, types
        self._runs: list[Columns] = []
        self._levels: list[dict[str, int]] = [{} for _ in names]

    @property
    def n_rows(self) -> int:
        """Rows so far."""
        return sum(r.n_rows for r in self._runs)

    def add(self, columns: Columns) -> None:
        """Keep a run of rows."""
        for j, levels in enumerate(columns.levels):
            if not isinstance(levels, list):
                continue
            known = self._levels[j]
            remap = np.array([known.setdefault(t, len(known)) for t in levels] + [-1], dtype=np.int32)
            columns.chunks[j] = encode_codes(remap[columns.codes[j]])
            columns.codes[j] = columns.levels[j] = None
        self._runs.append(columns)

    def store(self, node: Node, key: str) -> Frame:
        """Store what was kept."""
        runs = [r for r in self._runs if r.n_rows] or self._runs[:1]
        n = len(runs)
        espc = np.concatenate([[0], np.cumsum([r.n_rows for r in runs])]).astype(np.int64)
        vecs = []
        with node.scopes.enter() as scope:
            for j, kind in enumerate(self.types):
                vec = Vec(new_vec_key(), vec_type(kind), espc, tuple(self._levels[j]) if kind == "Enum" else None)
                vecs.append(vec)
                scope.track([vec])
                chunks: dict[str, Chunk | None] = {chunk_key(vec.key, i, n): r.chunks[j] for i, r in enumerate(runs)}
                node.dkv.put_many(chunks)
            return node.frames.put(Frame(key, tuple(self.names), tuple(vecs)))

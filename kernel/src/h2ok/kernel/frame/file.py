"""Frame file: a frame as one file of encoded chunks, read back without parsing.

The file is the text ``H2OKFRM1`` followed by messages of the wire format: a head, then the chunks of each row range. A message is
the number of its buffers, their lengths (64-bit little endian), and the buffers. Nothing in it is ever executed.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from h2ok.kernel.errors import IllegalArgumentError, WireError
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.frame.frame import Frame
from h2ok.kernel.frame.vec import Vec, new_vec_key
from h2ok.kernel.key import chunk_key
from h2ok.kernel.node import Node
from h2ok.kernel.wire import decode, encode, wire_type
from numpy.typing import NDArray

__all__ = ["read_frame", "write_frame"]

#: Called with the share that is done, and a text; may raise to stop.
Progress = Callable[[float, str], None]

_MAGIC = b"H2OKFRM1"
_MAX_BUFFERS = 1_000_000
_MAX_BUFFER_BYTES = 1 << 40
_TYPES = ("numeric", "enum", "time", "string", "uuid", "bad")


@wire_type("frame.head")
@dataclass(frozen=True, slots=True)
class _Head:
    names: tuple[str, ...]
    types: tuple[str, ...]
    domains: tuple[tuple[str, ...] | None, ...]
    espc: NDArray[np.int64]


def write_frame(node: Node, frame: Frame, out: BinaryIO, progress: Progress | None = None) -> None:
    """Write a frame to a stream, one row range at a time."""
    out.write(_MAGIC)
    head = _Head(frame.names, tuple(v.type for v in frame.vecs), tuple(v.domain for v in frame.vecs), frame.espc)
    _write(out, head)
    for i in range(frame.n_chunks):
        _write(out, [v.chunk(node, i) for v in frame.vecs])
        if progress is not None:
            progress((i + 1) / (frame.n_chunks + 1), f"Saved {i + 1} of {frame.n_chunks} pieces.")


def read_frame(node: Node, source: BinaryIO, key: str, progress: Progress | None = None) -> Frame:
    """Read a frame from a stream and store it under ``key``. Runs inside a scope: a failure leaves nothing behind.

    Raises
    ------
    IllegalArgumentError
        The stream holds no saved frame, or a damaged one.
    """
    if source.read(len(_MAGIC)) != _MAGIC:
        raise IllegalArgumentError("This is no saved frame of h2ok. Save one with POST /3/Frames/{frame_id}/save.", argument="dir")
    head = _read(source)
    if not isinstance(head, _Head) or not _is_sound(head):
        raise IllegalArgumentError("The head of the saved frame is damaged. Save it again.", argument="dir")
    espc = np.array(head.espc, dtype=np.int64)
    n = len(espc) - 1
    vecs = tuple(Vec(new_vec_key(), t, espc, d) for t, d in zip(head.types, head.domains, strict=True))  # type: ignore[arg-type]
    node.scopes.track(vecs)
    for i in range(n):
        chunks = _read(source)
        rows = int(espc[i + 1] - espc[i])
        if (
            not isinstance(chunks, list)
            or len(chunks) != len(vecs)
            or not all(isinstance(c, Chunk) and c.n == rows for c in chunks)
        ):
            raise IllegalArgumentError(f"Piece {i} of the saved frame is damaged. Save it again.", argument="dir")
        node.dkv.put_many({chunk_key(v.key, i, n): c for v, c in zip(vecs, chunks, strict=True)})
        if progress is not None:
            progress((i + 1) / (n + 1), f"Loaded {i + 1} of {n} pieces.")
    return node.frames.put(Frame(key, head.names, vecs))


def _is_sound(head: _Head) -> bool:
    n = len(head.names)
    espc = head.espc
    return (
        n == len(head.types) == len(head.domains)
        and all(t in _TYPES for t in head.types)
        and isinstance(espc, np.ndarray)
        and espc.ndim == 1
        and len(espc) > 1
        and int(espc[0]) == 0
        and bool((np.diff(espc) >= 0).all())
    )


def _write(out: BinaryIO, value: Any) -> None:
    buffers = encode(value)
    sizes = [memoryview(b).nbytes for b in buffers]
    out.write(struct.pack(f"<Q{len(sizes)}Q", len(sizes), *sizes))
    for b in buffers:
        out.write(b)


def _read(source: BinaryIO) -> Any:
    (count,) = struct.unpack("<Q", _exactly(source, 8))
    if not 0 < count <= _MAX_BUFFERS:
        raise IllegalArgumentError("The saved frame is damaged. Save it again.", argument="dir")
    sizes = struct.unpack(f"<{count}Q", _exactly(source, 8 * count))
    try:
        return decode([_exactly(source, s) for s in sizes])
    except WireError as e:
        raise IllegalArgumentError(f"The saved frame is damaged: {e.message} Save it again.", argument="dir") from e


def _exactly(source: BinaryIO, size: int) -> bytes:
    """``size`` bytes. Grows as the data comes, so that a damaged length cannot ask for memory that is not there."""
    out = bytearray()
    while len(out) < size <= _MAX_BUFFER_BYTES:
        piece = source.read(min(size - len(out), 1 << 24))
        if not piece:
            break
        out += piece
    if len(out) != size:
        raise IllegalArgumentError("The saved frame ends too early. Save it again.", argument="dir")
    return bytes(out)

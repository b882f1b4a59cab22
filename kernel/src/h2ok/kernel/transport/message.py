"""Messages between ZeroMQ transports: a header, then the frames of a wire value, the long ones in parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import zmq
from h2ok.kernel.errors import WireError
from h2ok.kernel.transport.buffers import ReceiveBuffers
from h2ok.kernel.transport.lines import COPY_BYTES

__all__ = [
    "ERROR",
    "PART_BYTES",
    "REPLY",
    "REQUEST",
    "WIRE_VERSION",
    "Body",
    "Header",
    "body_of",
    "cut",
    "header_of",
    "is_quick",
    "message_of",
]

#: Changes when messages of older nodes cannot be read any more.
WIRE_VERSION = 3
REQUEST, REPLY, ERROR = 0, 1, 2
#: Frames of a wire value up to this size travel whole; ZeroMQ closes a connection that sends a longer one. PERF: their memory was
#: used before, while the system would have to find new pages for longer ones each time (see ``tune_heap``).
WHOLE_BYTES = 16 << 20
#: Longer ones travel in parts of this size.
PART_BYTES = 4 << 20
#: Longest frame of a wire value.
MAX_FRAME_BYTES = 2 << 30
_MAX_FRAMES = 1 << 20
#: Arrays that are taken in beside other work.
_QUICK_FRAMES = 16


class Header(msgspec.Struct, array_like=True):
    """``timeout``: seconds the caller still waits when it sends (clocks of nodes differ). ``parts``: how many frames of the message
    each frame of the wire value takes; empty when it is one each.
    """

    version: int
    kind: int
    number: int
    service: str
    timeout: float
    parts: list[int] = []


def message_of(kind: int, number: int, body: Body, service: str = "", timeout: float = 0.0) -> list[Any]:
    """The frames to send."""
    return [msgspec.msgpack.encode(Header(WIRE_VERSION, kind, number, service, timeout, body.parts)), *body.frames]


class Body(NamedTuple):
    """Frames as they are sent, and how many each frame of the wire value takes (empty: one each)."""

    parts: list[int]
    frames: Sequence[Any]


def cut(frames: Sequence[Any]) -> Body:
    """The frames of a wire value, long ones in parts. Nothing is copied.

    Raises
    ------
    WireError
        A frame is longer than ``MAX_FRAME_BYTES``.
    """
    sizes = [f.nbytes if isinstance(f, memoryview) else len(f) for f in frames]
    if max(sizes) <= WHOLE_BYTES:
        return Body([], frames)
    if max(sizes) > MAX_FRAME_BYTES:
        raise WireError(
            f"Cannot send {max(sizes):,} bytes in one array or text to another node; {MAX_FRAME_BYTES:,} are the limit. "
            "Send it in pieces, or in chunks of a frame."
        )
    counts: list[int] = []
    parts: list[Any] = []
    for frame, size in zip(frames, sizes, strict=True):
        some = [frame] if size <= WHOLE_BYTES else [memoryview(frame)[at : at + PART_BYTES] for at in range(0, size, PART_BYTES)]
        counts.append(len(some))
        parts += some
    return Body(counts, parts)


def header_of(frames: Sequence[zmq.Frame], at: int) -> Header:
    """The header of a message, which stands in frame ``at``.

    Raises
    ------
    ValueError
        The frames are no message of this version.
    """
    if not at + 1 < len(frames) <= _MAX_FRAMES:
        raise ValueError(f"a message of {len(frames)} frames")
    header = msgspec.msgpack.decode(frames[at].buffer, type=Header)
    if header.version != WIRE_VERSION:
        raise ValueError(f"wire version {header.version} where {WIRE_VERSION} was expected; run the same h2ok on all nodes")
    return header


def is_quick(header: Header, frames: Sequence[zmq.Frame]) -> bool:
    """Whether it takes no time worth mentioning to read a body: few arrays, little beside them, nothing to be put together."""
    return not header.parts and len(frames) <= _QUICK_FRAMES and len(frames[0]) <= COPY_BYTES


def body_of(header: Header, frames: Sequence[zmq.Frame], buffers: ReceiveBuffers) -> list[Any]:
    """Frames of the wire value, as buffers that arrays can stand on; ``frames`` are those behind the header.

    Small ones are copies, so that they do not keep a receive buffer alive; parts are put together.

    Raises
    ------
    WireError
        The parts of the header are not those of the message.
    """
    if not header.parts:
        return [_buffer(f) for f in frames]
    if min(header.parts) < 1 or sum(header.parts) != len(frames):
        raise WireError(f"Malformed message: {len(header.parts)} frames in {sum(header.parts)} parts, of which {len(frames)} came.")
    body, at = [], 0
    for n in header.parts:
        body.append(_buffer(frames[at]) if n == 1 else _joined(frames[at : at + n], buffers))
        at += n
    return body


def _buffer(frame: zmq.Frame) -> Any:
    return frame.buffer if len(frame) > COPY_BYTES else bytearray(frame.buffer)


def _joined(parts: Sequence[zmq.Frame], buffers: ReceiveBuffers) -> memoryview:
    size = sum(map(len, parts))
    if size > MAX_FRAME_BYTES:
        raise WireError(f"Malformed message: a frame of {size:,} bytes, {MAX_FRAME_BYTES:,} are the limit.")
    whole, at = buffers.take(size), 0
    out = np.frombuffer(whole, dtype=np.uint8)
    for part in parts:
        out[at : at + len(part)] = part.buffer
        at += len(part)
    return whole

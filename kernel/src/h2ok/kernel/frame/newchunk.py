"""NewChunk: turns plain buffers into the smallest exact chunk."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.frame.codecs import ConstantChunk, StringChunk, UuidChunk
from h2ok.kernel.frame.numeric_encoder import Seen, encode_codes, encode_int64, encode_numbers, encode_whole
from numpy.typing import NDArray

__all__ = [
    "Seen",
    "encode",
    "encode_codes",
    "encode_int64",
    "encode_numbers",
    "encode_strings",
    "encode_string_buffers",
    "encode_uuids",
    "encode_whole",
]


def encode(kind: str, values: Any) -> Chunk:
    """A chunk of ``values`` for a vec of type ``kind``: numeric, enum, time, string, uuid or bad.

    ``values``: float64[n] (numeric, bad, time), whole numbers of any type (numeric), int32 codes (enum), int64 (time, numeric),
    or a list of text or None (string, uuid). The smallest int64 is NA.
    An existing Chunk is taken as it is.
    """
    if isinstance(values, Chunk):
        return values
    if kind == "enum":
        return encode_codes(np.asarray(values))
    if kind == "time":
        a = np.asarray(values)
        return encode_int64(a) if a.dtype.kind == "i" else encode_numbers(a.astype(np.float64, copy=False))
    if kind == "string":
        return encode_strings(values)
    if kind == "uuid":
        return encode_uuids(values)
    a = np.asarray(values)
    return encode_whole(a) if a.dtype.kind in "iu" else encode_numbers(a.astype(np.float64, copy=False))


def encode_strings(values: Sequence[str | None]) -> Chunk:
    """A chunk of text, None for NA."""
    n = len(values)
    raw = [b"" if v is None else v.encode("utf-8", "surrogatepass") for v in values]
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.fromiter((len(b) for b in raw), dtype=np.int64, count=n), out=offsets[1:])
    na = np.fromiter((v is None for v in values), dtype=np.bool_, count=n)
    return encode_string_buffers(offsets, np.frombuffer(b"".join(raw), dtype=np.uint8), na)


def encode_string_buffers(offsets: NDArray[Any], data: NDArray[np.uint8], na: NDArray[np.bool_] | None) -> Chunk:
    """A chunk of text from buffers: ``offsets`` int[n+1] into ``data``, ``na`` bool[n] or None."""
    n = len(offsets) - 1
    if na is not None and n and bool(na.all()):
        return ConstantChunk(n, float("nan"))
    if int(offsets[-1]) < 2**31:
        offsets = offsets.astype(np.int32, copy=False)
    if na is None or not na.any():
        na = np.zeros(0, dtype=np.bool_)
    return StringChunk(n, offsets, data, na)


def encode_uuids(values: Iterable[str | None]) -> Chunk:
    """A chunk of UUIDs from their text, None for NA.

    Raises
    ------
    ValueError
        A text is no UUID.
    """
    items = [None if v is None else uuid.UUID(v).int for v in values]
    halves = np.zeros((len(items), 2), dtype=np.uint64)
    na = np.zeros(len(items), dtype=np.bool_)
    for i, v in enumerate(items):
        if v is None:
            na[i] = True
        else:
            halves[i, 0], halves[i, 1] = v >> 64, v & (2**64 - 1)
    return UuidChunk(len(items), halves, na if na.any() else np.zeros(0, dtype=np.bool_))

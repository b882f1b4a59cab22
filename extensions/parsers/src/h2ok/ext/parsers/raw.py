"""RawFile: bytes that were imported (a reference to storage) or uploaded (blocks in the DKV) but not parsed yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import numpy as np
from h2ok.capabilities.installing import scheme_hint
from h2ok.kernel import IllegalArgumentError, KeyNotFoundError
from h2ok.kernel.key import chunk_key, random_key
from h2ok.kernel.wire import wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.persist import Persist
    from h2ok.capabilities.runtime import Runtime
    from h2ok.kernel import Node

__all__ = [
    "BLOCK_BYTES",
    "RawFile",
    "key_of_path",
    "persist_for",
    "read_raw",
    "read_raw_into",
    "remove_raw",
    "require_raw",
    "scheme_of",
    "store_blocks",
]

#: Bytes of a block of an upload.
BLOCK_BYTES = 4 << 20


@wire_type("raw.file")
@dataclass(frozen=True, slots=True)
class RawFile:
    """``uri`` names an object in storage, or is empty for an upload whose ``n_blocks`` blocks lie in the DKV under ``blocks``.

    ``blocks`` hold ``BLOCK_BYTES`` each, the last one less. ``name`` is the file's own name where it is known.
    """

    key: str
    uri: str
    size: int
    blocks: str = ""
    n_blocks: int = 0
    name: str = ""
    #: The blocks are nothing without their key.
    indivisible: ClassVar[bool] = True

    def vec_keys(self) -> list[str]:
        return [chunk_key(self.blocks, i, self.n_blocks) for i in range(self.n_blocks)]

    def on_remove(self, runtime: Runtime) -> None:
        """Uploaded bytes go with their key; files in storage are never touched."""
        runtime.node.dkv.remove_many(self.vec_keys())


def scheme_of(uri: str) -> str:
    """Scheme of a URI, empty for a plain path."""
    scheme, sep, _ = uri.partition("://")
    return scheme.lower() if sep else ""


def key_of_path(uri: str) -> str:
    """Key of an imported object, as H2O names it: ``nfs://data/t.csv`` for ``/data/t.csv``, other URIs as they are."""
    return uri if scheme_of(uri) else "nfs://" + uri.lstrip("/")


def persist_for(runtime: Runtime, uri: str) -> Persist:
    """The storage backend of a URI.

    Raises
    ------
    IllegalArgumentError
        No extension handles the scheme.
    """
    scheme = scheme_of(uri)
    entry = runtime.registry.persist_for(scheme)
    if entry is None:
        raise IllegalArgumentError(
            f"No storage backend for '{scheme}://' is installed (asked for '{uri}'). {scheme_hint(scheme)} See `h2ok ext list`."
        )
    backend: Persist = runtime.service(runtime.registry.load(entry))
    return backend


def store_blocks(node: Node, key: str, stream: BinaryIO, name: str = "", limit: int = 1 << 40) -> RawFile:
    """Read a stream to its end into the DKV under ``key``; nothing is left behind when the stream fails.

    Raises
    ------
    IllegalArgumentError
        The stream holds more than ``limit`` bytes.
    """
    staged: list[bytes] = []
    size = 0
    while block := _read_exactly(stream, BLOCK_BYTES):
        size += len(block)
        if size > limit:
            raise IllegalArgumentError(f"The upload is larger than the limit of {limit} bytes. Import the file by path instead.")
        staged.append(block)
    raw = RawFile(key, "", size, random_key("u", system=True), len(staged), name)
    old = node.dkv.get(key)
    for k, block in zip(raw.vec_keys(), staged, strict=True):
        node.dkv.put(k, np.frombuffer(block, dtype=np.uint8))
    node.dkv.put(key, raw)
    if isinstance(old, RawFile) and old.n_blocks:
        node.dkv.remove_many(old.vec_keys())
    return raw


def require_raw(node: Node, key: str) -> RawFile:
    """The raw file under ``key``.

    Raises
    ------
    KeyNotFoundError
        Nothing is there.
    IllegalArgumentError
        Something else is there.
    """
    value = node.dkv.get(key)
    if value is None:
        raise KeyNotFoundError(f"Source '{key}' not found. Import or upload it first.", key=key)
    if not isinstance(value, RawFile):
        raise IllegalArgumentError(f"Source '{key}' is a {type(value).__name__}; imported or uploaded raw data was expected.")
    return value


def read_raw(runtime: Runtime, raw: RawFile, start: int = 0, length: int = -1) -> bytes:
    """Bytes ``start : start + length`` of a raw file (to the end when ``length`` is -1)."""
    if not raw.n_blocks:
        return persist_for(runtime, raw.uri).read(raw.uri, start, length) if raw.uri else b""
    stop = raw.size if length < 0 else min(raw.size, start + length)
    return b"".join(_block_slices(runtime.node, raw, start, stop))


def read_raw_into(runtime: Runtime, raw: RawFile, start: int, buffer: memoryview) -> int:
    """Fill ``buffer`` with the bytes of a raw file from ``start`` on; how many there were."""
    if raw.uri and not raw.n_blocks:
        return persist_for(runtime, raw.uri).read_into(raw.uri, start, buffer)
    at = 0
    for piece in _block_slices(runtime.node, raw, start, min(raw.size, start + len(buffer))):
        buffer[at : at + len(piece)] = piece
        at += len(piece)
    return at


def remove_raw(node: Node, key: str) -> None:
    """Forget a raw file and its uploaded bytes; files in storage are never touched."""
    value = node.dkv.get(key)
    if isinstance(value, RawFile):
        node.dkv.remove_many([key, *value.vec_keys()])


def _block_slices(node: Node, raw: RawFile, start: int, stop: int) -> Iterator[bytes]:
    keys = raw.vec_keys()
    while start < stop:
        index, offset = divmod(start, BLOCK_BYTES)
        block: Any = node.dkv.get(keys[index])
        if block is None:
            raise KeyNotFoundError(f"The uploaded bytes of '{raw.key}' are gone. Upload the file again.", key=raw.key)
        part = block[offset : offset + stop - start].tobytes()
        yield part
        start += len(part)


def _read_exactly(stream: BinaryIO, n: int) -> bytes:
    """``n`` bytes, fewer only at the end of the stream (sockets return short reads)."""
    parts: list[bytes] = []
    while n > 0:
        part = stream.read(n)
        if not part:
            break
        parts.append(part)
        n -= len(part)
    return b"".join(parts)

"""Saved models: a file format of its own made of the wire encoding. Nothing in a file is executed when it is read.

Layout, all integers little endian::

    8 bytes   magic "h2okMODL"
    u32       format version, 1
    u32       number of frames
    u64[n]    length of each frame
    ...       the frames, one after the other, as ``h2ok.kernel.wire.encode`` makes them
    u32       CRC-32 of everything before it

The value is a dict: ``kind`` ("model" or "grid"), ``main`` (the object), ``parts`` (models that belong to it, by key), and
``frames`` when predictions of cross-validation were asked for (by key a list of name, levels or None, and values or codes).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from h2ok.capabilities import resolve
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.models.model import Model
from h2ok.kernel import Frame, IllegalArgumentError, WireError
from h2ok.kernel.wire import decode, encode

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime
    from h2ok.capabilities.contracts.persist import Persist

__all__ = ["Saveable", "backend_of", "pack", "read_file", "restore", "saved", "unpack", "write_file"]

T = TypeVar("T", bound="Saveable")

MAGIC = b"h2okMODL"
VERSION = 1
_HEAD = struct.Struct("<8sII")


def pack(value: Any) -> bytes:
    """Bytes of a file that holds a wire value."""
    frames = encode(value)
    sizes = [memoryview(f).nbytes for f in frames]
    head = _HEAD.pack(MAGIC, VERSION, len(frames)) + struct.pack(f"<{len(sizes)}Q", *sizes)
    body = b"".join([head, *frames])
    return body + struct.pack("<I", zlib.crc32(body))


def unpack(data: bytes) -> Any:
    """The value of ``pack``.

    Raises
    ------
    BadRequestError
        The bytes are no such file, of another version, cut short or changed.
    """
    if len(data) < _HEAD.size or not data.startswith(MAGIC):
        raise BadRequestError(f"This is no model saved by h2ok: it does not begin with the magic number {MAGIC.decode()}.")
    _, version, count = _HEAD.unpack_from(data)
    if version != VERSION:
        raise BadRequestError(f"The model was saved in format {version}; this h2ok reads format {VERSION}.")
    at = _HEAD.size + 8 * count
    if len(data) < at + 4:
        raise BadRequestError("The saved model is cut short. Save or copy it again.")
    sizes = struct.unpack_from(f"<{count}Q", data, _HEAD.size)
    if at + sum(sizes) + 4 != len(data):
        raise BadRequestError(f"The saved model has {len(data)} bytes, {at + sum(sizes) + 4} were expected. Copy it again.")
    if zlib.crc32(memoryview(data)[:-4]) != struct.unpack_from("<I", data, len(data) - 4)[0]:
        raise BadRequestError("The saved model was changed: its checksum does not fit. Copy it again.")
    frames, view = [], memoryview(data)
    for size in sizes:
        frames.append(view[at : at + size])
        at += size
    try:
        return decode(frames)
    except WireError as e:
        raise BadRequestError(f"The saved model cannot be read; is an extension missing? {e}") from e


class Saveable(Protocol):
    """A model or what is made of models."""

    @property
    def key(self) -> str: ...

    @property
    def saved_as(self) -> str:
        """What a file calls it."""

    @property
    def parts(self) -> Sequence[str]:
        """Keys of models that belong to it."""


def saved(runtime: Runtime, value: Saveable, *, predictions: bool = False) -> bytes:
    """An object as a file, with the models that belong to it; with ``predictions`` also the held-out ones of their folds."""
    held = runtime.node.dkv.get_many(value.parts)
    parts = {k: m for k, m in held.items() if isinstance(m, Model)}
    content: dict[str, Any] = {"kind": value.saved_as, "main": value, "parts": parts}
    if predictions:
        models = [*([value] if isinstance(value, Model) else []), *parts.values()]
        outputs = [m.output for m in models]
        keys = [k for o in outputs for k in (*o.cross_validation_predictions, o.cross_validation_holdout) if k is not None]
        found = runtime.node.dkv.get_many(keys)
        content["frames"] = {k: _columns(runtime, f) for k, f in found.items() if isinstance(f, Frame)}
    return pack(content)


def _columns(runtime: Runtime, frame: Frame) -> list[list[Any]]:
    """The columns of a frame of numbers and categories."""
    out: list[list[Any]] = []
    for name, vec in zip(frame.names, frame.vecs, strict=True):
        values = vec.to_numpy(runtime.node)
        if vec.domain is None:
            out.append([name, None, values])
        else:
            codes = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=-1).astype(np.int32)
            out.append([name, list(vec.domain), codes])
    return out


def restore(runtime: Runtime, data: bytes, kinds: tuple[type[T], ...]) -> T:
    """Store what a file holds, replacing objects of the same keys; the main one, which is of one of ``kinds``.

    Raises
    ------
    BadRequestError
        The file holds something else.
    """
    value = unpack(data)
    main = value.get("main") if isinstance(value, dict) else None
    parts = value.get("parts") if isinstance(value, dict) else None
    if not isinstance(main, kinds) or not isinstance(parts, dict) or not all(isinstance(m, Model) for m in parts.values()):
        wanted = " and no ".join(k.__name__.lower() for k in kinds)
        raise BadRequestError(f"The file is a valid h2ok file, but holds no {wanted}.")
    for key, columns in (value.get("frames") or {}).items():
        runtime.node.frames.remove(key)
        domains = {name: levels for name, levels, _ in columns if levels is not None}
        runtime.node.frames.from_columns(key, {name: values for name, _, values in columns}, domains=domains)
    for key, model in parts.items():
        runtime.node.dkv.put(key, model)
    runtime.node.dkv.put(main.key, main)
    return main


def backend_of(runtime: Runtime, uri: str) -> Persist:
    """The storage behind a URI.

    Raises
    ------
    IllegalArgumentError
        No extension handles the scheme.
    """
    scheme, sep, _ = uri.partition("://")
    entry = runtime.registry.persist_for(scheme.lower() if sep else "")
    if entry is None:
        what = f"'{scheme}://'" if sep else "local files"
        raise IllegalArgumentError(f"No storage backend for {what} is installed. See `h2ok ext list`.", argument="dir")
    backend: Persist = runtime.service(resolve(entry.target))
    return backend


def write_file(runtime: Runtime, uri: str, data: bytes, *, force: bool, function: str) -> None:
    """Write a file.

    Raises
    ------
    IllegalArgumentError
        It exists and ``force`` is off.
    """
    try:
        with backend_of(runtime, uri).create(uri, overwrite=force) as out:
            out.write(data)
    except FileExistsError:
        raise IllegalArgumentError(
            f"Illegal argument: dir of function: {function}: '{uri}' exists already. Set force to replace it.",
            argument="dir",
            function=function,
        ) from None


def read_file(runtime: Runtime, uri: str, function: str) -> bytes:
    """All bytes of a file.

    Raises
    ------
    IllegalArgumentError
        It does not exist.
    """
    try:
        return backend_of(runtime, uri).read(uri)
    except (FileNotFoundError, IsADirectoryError):
        raise IllegalArgumentError(
            f"Illegal argument: dir of function: {function}: file '{uri}' was not found.", argument="dir", function=function
        ) from None

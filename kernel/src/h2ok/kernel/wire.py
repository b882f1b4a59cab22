"""The wire format: registered types and plain values to message frames and back; nothing is ever unpickled.

A message is a list of frames. Frame 0 is msgpack (msgspec); every later frame is the raw buffer of one large array, referenced
from frame 0 by index, so large arrays travel without a copy. Extension types extend msgpack:

==== =======================================================================
code payload
==== =======================================================================
1    array: ``[frame index, dtype string, shape]``, a small one ``[0, dtype string, shape, bytes]``
2    registered type: ``[name, [field values in declaration order]]``
3    tuple: ``[items]`` (msgpack alone would return a list)
4    integer outside 64 bits, as text
==== =======================================================================

A type becomes known by ``@wire_type("name")`` on a dataclass. An unknown name is an error, never an import.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np
from h2ok.kernel.errors import WireError

__all__ = ["add_resolver", "decode", "encode", "registered_name", "sizeof", "wire_type"]

T = TypeVar("T")

_ARRAY, _TYPE, _TUPLE, _BIGINT = 1, 2, 3, 4
_MAX_DEPTH = 100
#: Arrays up to this size stand in frame 0. PERF: a frame costs 10 microseconds on its way, copying 1 KB nothing.
_INLINE_BYTES = 1024
#: Kinds of numpy dtypes that may travel: no objects, no structures.
_DTYPE_KINDS = frozenset("biufcSUMm")

#: Types that msgpack takes as they are.
_AS_THEY_ARE = frozenset({str, float, bool, type(None), bytes})
_SCALARS = {bool, int, float, type(None)}

_by_name: dict[str, tuple[type, tuple[str, ...]]] = {}
_resolvers: list[Callable[[], None]] = []
_by_type: dict[type, tuple[str, tuple[str, ...]]] = {}


def wire_type(name: str) -> Callable[[type[T]], type[T]]:
    """Register a dataclass under ``name`` so that its instances may travel between nodes.

    Fields with ``metadata={"wire": False}`` stay behind and take their default on the other side.

    Raises
    ------
    WireError
        The class is no dataclass, or another class holds the name.
    """

    def register(cls: type[T]) -> type[T]:
        if not dataclasses.is_dataclass(cls):
            raise WireError(f"{cls.__qualname__} is not a dataclass; only dataclasses can be registered as wire types.")
        known = _by_name.get(name)
        if known is not None and known[0].__qualname__ != cls.__qualname__:
            raise WireError(f"Wire type name '{name}' is taken by {known[0].__qualname__}; {cls.__qualname__} needs another.")
        fields = tuple(f.name for f in dataclasses.fields(cls) if f.metadata.get("wire", True))
        _by_name[name] = (cls, fields)
        _by_type[cls] = (name, fields)
        return cls

    return register


def registered_name(obj: object) -> str | None:
    """The wire name of an object's class, or None when the class is not registered."""
    entry = _by_type.get(type(obj))
    return entry[0] if entry else None


def add_resolver(resolver: Callable[[], None]) -> Callable[[], None]:
    """Have ``resolver()`` called when a message holds an unknown type name; returns a function that takes it back.

    It may import modules that this process has declared by itself, so that their types register. It is not told the name: what is
    imported never depends on the wire.
    """
    _resolvers.append(resolver)
    return lambda: _resolvers.remove(resolver) if resolver in _resolvers else None


def _resolved(name: str, before: Callable[[], None] | None) -> tuple[type, tuple[str, ...]] | None:
    if before is not None:
        before()
    for resolver in list(_resolvers):
        resolver()
        if name in _by_name:
            return _by_name[name]
    return None


def _is_text(items: Sequence[Any]) -> bool:
    """Whether a long list holds text only, as domains do: those are packed without a look at each item."""
    return len(items) > 16 and set(map(type, items)) == {str}


class _Encoder:
    def __init__(self) -> None:
        self.buffers: list[memoryview | bytes] = []
        self.sent: dict[int, tuple[np.ndarray[Any, Any], msgspec.msgpack.Ext]] = {}
        self.packer = msgspec.msgpack.Encoder()

    def plain(self, obj: Any, depth: int) -> Any:
        if type(obj) in _AS_THEY_ARE:
            return obj
        if obj is None or isinstance(obj, (bool, str, bytes, float)):
            return obj if not isinstance(obj, np.floating) else float(obj)
        if isinstance(obj, int):
            return obj if -(2**63) <= obj < 2**64 else msgspec.msgpack.Ext(_BIGINT, str(obj).encode())
        if depth > _MAX_DEPTH:
            raise WireError(f"A message is nested deeper than {_MAX_DEPTH} levels.")
        entry = _by_type.get(type(obj))
        if entry is not None:
            name, fields = entry
            return self.ext(_TYPE, [name, [self.plain(getattr(obj, f), depth + 1) for f in fields]])
        if isinstance(obj, np.ndarray):
            return self.array(obj)
        if isinstance(obj, list):
            return obj if _is_text(obj) else [self.plain(v, depth + 1) for v in obj]
        if isinstance(obj, tuple):
            return self.ext(_TUPLE, obj if _is_text(obj) else [self.plain(v, depth + 1) for v in obj])
        if isinstance(obj, dict):
            return {self.plain(k, depth + 1): self.plain(v, depth + 1) for k, v in obj.items()}
        if isinstance(obj, np.generic):
            return self.plain(obj.item(), depth)
        raise WireError(
            f"Cannot send a {type(obj).__module__}.{type(obj).__qualname__} to another node: the type is not registered. "
            "Use plain values, arrays, or a dataclass with @wire_type(name)."
        )

    def array(self, a: np.ndarray[Any, Any]) -> Any:
        # The same array twice (row boundaries of many columns) travels once.
        known = self.sent.get(id(a))
        if known is not None:
            return known[1]
        if a.dtype.kind not in _DTYPE_KINDS:
            raise WireError(f"Cannot send an array of {a.dtype}; use one of numbers, text or bytes, or a list.")
        if a.nbytes <= _INLINE_BYTES:
            return self.ext(_ARRAY, [0, a.dtype.str, a.shape, a.tobytes()])
        flat = np.ascontiguousarray(a).reshape(-1)
        self.buffers.append(flat.view(np.uint8).data)
        ref = self.ext(_ARRAY, [len(self.buffers), a.dtype.str, a.shape])
        self.sent[id(a)] = (a, ref)
        return ref

    def ext(self, code: int, payload: Any) -> msgspec.msgpack.Ext:
        return msgspec.msgpack.Ext(code, self.packer.encode(payload))


def encode(obj: Any) -> list[memoryview | bytes]:
    """Frames of a message. Arrays are referenced, not copied: do not change them until the message is sent.

    Raises
    ------
    WireError
        A value is of an unregistered type, or the nesting exceeds 100 levels.
    """
    enc = _Encoder()
    head = enc.packer.encode(enc.plain(obj, 0))
    return [head, *enc.buffers]


class _Decoder:
    def __init__(self, frames: Sequence[Any], before_import: Callable[[], None] | None) -> None:
        self.frames = frames
        self.before_import = before_import
        self.depth = 0
        self.arrays: dict[tuple[int, str, tuple[int, ...]], np.ndarray[Any, Any]] = {}
        self.unpacker = msgspec.msgpack.Decoder(ext_hook=self.ext)

    def ext(self, code: int, payload: memoryview) -> Any:
        if code == _BIGINT:
            return int(bytes(payload))
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise WireError(f"A message is nested deeper than {_MAX_DEPTH} levels.")
        items = self.unpacker.decode(payload)
        self.depth -= 1
        if code == _TUPLE:
            return tuple(items)
        if code == _ARRAY:
            return self.array(*items)
        if code == _TYPE:
            return self.typed(*items)
        raise WireError(f"Unknown extension code {code} in a message.")

    def array(self, index: int, dtype: str, shape: list[int], raw: bytes | None = None) -> np.ndarray[Any, Any]:
        if raw is not None and index == 0:
            return self.small_array(dtype, shape, raw)
        known = self.arrays.get((index, dtype, tuple(shape)))
        if known is not None:
            return known
        kind = np.dtype(dtype)
        if kind.kind not in _DTYPE_KINDS or not 0 < index < len(self.frames):
            raise WireError(f"Array reference {index} of dtype {dtype} is not valid in a message of {len(self.frames)} frames.")
        out: np.ndarray[Any, Any] = np.frombuffer(self.frames[index], dtype=kind).reshape(shape)
        # Compiled kernels take aligned arrays only; large frames arrive aligned, so the copy is rare and small.
        if not out.flags.aligned:
            out = out.copy()
        self.arrays[index, dtype, tuple(shape)] = out
        return out

    def small_array(self, dtype: str, shape: list[int], raw: bytes) -> np.ndarray[Any, Any]:
        kind = np.dtype(dtype)
        if kind.kind not in _DTYPE_KINDS:
            raise WireError(f"An array of dtype {dtype} is not valid in a message.")
        # A copy of its own, which its owner may write to.
        return np.frombuffer(bytearray(raw), dtype=kind).reshape(shape)

    def typed(self, name: str, values: list[Any]) -> Any:
        entry = _by_name.get(name) or _resolved(name, self.before_import)
        if entry is None:
            raise WireError(f"Unknown wire type '{name}'. The nodes run different extensions; compare `h2ok ext list` on both.")
        cls, fields = entry
        if len(values) != len(fields):
            raise WireError(f"Wire type '{name}' has {len(fields)} fields here, the message holds {len(values)}.")
        return cls(**dict(zip(fields, values, strict=True)))


def sizeof(obj: Any, _depth: int = 0) -> int:
    """About how many bytes a value keeps in memory: arrays and texts exactly, small objects by a flat rate."""
    kind = type(obj)
    if kind in _SCALARS or _depth > _MAX_DEPTH:
        return 24
    if kind is str or kind is bytes:
        return len(obj) + 50
    if kind is list or kind is tuple:
        return 64 + _size_of_all(obj, _depth)
    if kind is dict:
        return 64 + _size_of_all(obj, _depth) + _size_of_all(obj.values(), _depth)
    entry = _by_type.get(kind)
    if entry is not None:
        return 64 + _size_of_all([getattr(obj, f) for f in entry[1]], _depth)
    if isinstance(obj, np.ndarray):
        return int(obj.nbytes) + 112
    # Subclasses of what stands above, such as numpy's numbers.
    for plain, size in ((str, 50), (bytes, 50), (float, 24), (int, 24)):
        if isinstance(obj, plain):
            return size + (len(obj) if size == 50 else 0)  # type: ignore[arg-type]
    return 64


def _size_of_all(items: Collection[Any], depth: int) -> int:
    """The sum of sizes. PERF: every value that is stored is measured, a model's tables of thousands of numbers several times."""
    if len(items) > 16:
        kinds = set(map(type, items))
        if kinds <= _SCALARS:
            return 24 * len(items)
        if kinds == {str}:
            return sum(map(len, items)) + 50 * len(items)
    total = 0
    for item in items:
        kind = type(item)
        if kind in _SCALARS:
            total += 24
        elif kind is str:
            total += len(item) + 50
        else:
            total += sizeof(item, depth + 1)
    return total


def decode(frames: Sequence[Any], before_import: Callable[[], None] | None = None) -> Any:
    """The object of a message; arrays are read-only views of the frames.

    ``before_import`` is called before resolvers import modules for a type that is not known yet, which can take seconds.

    Raises
    ------
    WireError
        The message is malformed or holds an unknown type name.
    """
    try:
        return _Decoder(frames, before_import).unpacker.decode(frames[0])
    except WireError:
        raise
    except Exception as e:  # a peer may send anything; a constructor may refuse its fields with any error
        raise WireError(f"Malformed message: {type(e).__name__}: {e}") from e

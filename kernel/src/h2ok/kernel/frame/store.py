"""FrameStore: frames in the DKV, with counted references to the vecs they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.kernel.dkv.dkv import REFS
from h2ok.kernel.errors import ClassMismatchError, KeyNotFoundError
from h2ok.kernel.frame.frame import Frame
from h2ok.kernel.frame.newchunk import encode
from h2ok.kernel.frame.vec import DEFAULT_CHUNK_ROWS, Vec, VecType, even_espc, new_vec_key
from h2ok.kernel.key import chunk_key
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["HOLDS", "ROLLUPS", "FrameStore", "refs_of", "rollups_key"]

#: Prefix of the keys under which jobs hold on to frames they read: owner, ``/``, key of the frame.
HOLDS = "\x01h"
#: Prefix of the keys that hold rollups.
ROLLUPS = "\x01r"


@wire_type("frame.swap")
@dataclass(frozen=True, slots=True)
class _Swap:
    """Put a frame (None removes) and tell what was there."""

    new: Frame | None

    def apply(self, old: Any) -> tuple[Any, Any]:
        if old is not None and not isinstance(old, Frame):
            return old, old
        return self.new, old


class FrameStore:
    """Stored frames. A vec lives as long as a stored frame or a scope holds it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        node.rpc.register_listing("frames.held", lambda _: self._held_local())
        node.rpc.register_listing("frames.list", lambda _: [v for v in node.dkv.local_values() if isinstance(v, Frame)])

    def get(self, key: str) -> Frame:
        """The frame under ``key``.

        Raises
        ------
        KeyNotFoundError
            Nothing is stored there.
        ClassMismatchError
            It is no frame.
        """
        value = self._node.dkv.get(key)
        if value is None:
            loss = self._node.dkv.loss_of(key)
            raise KeyNotFoundError(f"Object '{key}' not found for argument: key. {loss}Frames: GET /3/Frames.", key=key)
        if not isinstance(value, Frame):
            raise ClassMismatchError(f"Object '{key}' is a {type(value).__name__}, a Frame was expected.", key=key)
        return value

    def put(self, frame: Frame) -> Frame:
        """Store a frame under its key, replacing another frame there (whose vecs are dropped if nothing else holds them).

        Raises
        ------
        ClassMismatchError
            The key holds something that is no frame.
        """
        self._node.dkv.adjust_refs([v.key for v in frame.vecs], +1)
        old = self._node.dkv.atomic(frame.key, _Swap(frame))
        if old is not None and not isinstance(old, Frame):
            self._release(frame.vecs)
            raise ClassMismatchError(f"Key '{frame.key}' holds a {type(old).__name__}; a frame cannot replace it.", key=frame.key)
        if old is not None:
            self._release(old.vecs)
        return frame

    def remove(self, key: str) -> bool:
        """Remove a frame and every vec that only it held; true when there was one."""
        old = self._node.dkv.atomic(key, _Swap(None))
        if not isinstance(old, Frame):
            return False
        self._release(old.vecs)
        return True

    def list(self) -> list[Frame]:
        """All stored frames, by key."""
        found: dict[str, Frame] = {}
        for part in self._node.rpc.list_all("frames.list", None):
            found.update((f.key, f) for f in part)
        return [found[k] for k in sorted(found)]

    def hold(self, frame: Frame, owner: str) -> str:
        """Keep the columns of a frame alive even when someone removes or replaces it; the key to ``remove`` when done."""
        key = f"{HOLDS}{owner}/{frame.key}"
        self.put(Frame(key, frame.names, frame.vecs))
        return key

    def held(self) -> Sequence[Frame]:
        """What jobs hold on to; the keys tell who."""
        return [frame for part in self._node.rpc.list_all("frames.held", None) for frame in part]

    def _held_local(self) -> Sequence[Frame]:
        dkv = self._node.dkv
        found = (dkv.store.get(k) for k in dkv.local_keys() if k.startswith(HOLDS))
        return [f for f in found if isinstance(f, Frame)]

    def from_columns(
        self,
        key: str,
        columns: Mapping[str, Any],
        types: Mapping[str, VecType] | None = None,
        domains: Mapping[str, Sequence[str]] | None = None,
        chunk_rows: int = DEFAULT_CHUNK_ROWS,
    ) -> Frame:
        """Make and store a frame of in-memory columns.

        A list of text becomes an enum unless ``types`` says string; numbers become numeric. Enum columns may be given as int
        codes with ``domains``.
        """
        vecs = tuple(self.vec_of(v, (types or {}).get(n), (domains or {}).get(n), chunk_rows) for n, v in columns.items())
        return self.put(Frame(key, tuple(columns), vecs))

    def vec_of(
        self, values: Any, kind: VecType | None = None, domain: Sequence[str] | None = None, chunk_rows: int = DEFAULT_CHUNK_ROWS
    ) -> Vec:
        """Make a vec of in-memory values (see ``from_columns``); its chunks go to their homes."""
        if kind is None:
            kind = "enum" if domain is not None or _is_text(values) else "numeric"
        if kind == "enum" and domain is None:
            domain = sorted({v for v in values if v is not None})
            index = {level: i for i, level in enumerate(domain)}
            values = np.fromiter((-1 if v is None else index[v] for v in values), dtype=np.int32, count=len(values))
        return self.vec_with_espc(values, even_espc(len(values), chunk_rows), kind, domain)

    def vec_with_espc(
        self, values: Any, espc: NDArray[np.int64], kind: VecType = "numeric", domain: Sequence[str] | None = None
    ) -> Vec:
        """Make a vec of in-memory values with given row boundaries."""
        key, n = new_vec_key(), len(espc) - 1
        chunks = {chunk_key(key, i, n): encode(kind, values[espc[i] : espc[i + 1]]) for i in range(n)}
        self._node.dkv.put_many(chunks)
        vec = Vec(key, kind, espc, tuple(domain) if domain is not None else None)
        self._node.scopes.track([vec])
        return vec

    def align(self, vecs: Sequence[Vec], espc: NDArray[np.int64]) -> tuple[Vec, ...]:
        """The vecs with the given row boundaries: those that have them already as they are, copies of the others."""
        from h2ok.kernel.frame.rechunk import rechunk

        return tuple(v if np.array_equal(v.espc, espc) else rechunk(self._node, v, espc) for v in vecs)

    def drop_chunks(self, vecs: Iterable[Vec]) -> None:
        """Remove the chunks (with rollups and counts) of vecs that nothing refers to any more."""
        keys: list[str] = []
        for v in vecs:
            keys += v.chunk_keys()
            keys += (rollups_key(v.key), refs_of(v.key))
        self._node.dkv.remove_many(keys, lost_ok=True)

    def _release(self, vecs: Sequence[Vec]) -> None:
        by_key = {v.key: v for v in vecs}
        dead = self._node.dkv.adjust_refs([v.key for v in vecs], -1, lost_ok=True)
        self.drop_chunks(by_key[k] for k in set(dead))


def refs_of(vec_key: str) -> str:
    """Where the number of stored frames is kept that hold a vec."""
    return REFS + vec_key


def rollups_key(vec_key: str) -> str:
    """Where the rollups of a vec are kept."""
    return ROLLUPS + vec_key


def _is_text(values: Any) -> bool:
    return not isinstance(values, np.ndarray) and any(isinstance(v, str) for v in values)

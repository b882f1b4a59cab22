"""Scratch memory of the CSV reader: arrays that one block after the other is read into."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from h2ok.ext.parsers.csv.levels import LevelTable
from numpy.typing import NDArray

__all__ = ["Scratch", "ScratchPool"]


class Scratch:
    """Arrays by name that grow as needed and are handed out again and again, for one thread at a time.

    PERF: fresh memory of a few MB costs more than reading text into it, a page fault for each 4 KiB. Pages that are never written
    cost nothing, so that callers may ask for what is enough in any case.
    """

    def __init__(self) -> None:
        self._held: dict[str, NDArray[np.uint8]] = {}
        self._tables: dict[tuple[str, int], LevelTable] = {}

    def table(self, session: str, column: int, na: tuple[str, ...] = ()) -> LevelTable:
        """The levels that this thread met in a column so far; of no session always new ones."""
        found = self._tables.get((session, column)) if session else None
        if found is None or found.is_full:
            found = self._tables[session, column] = LevelTable(na)
        return found

    def array(self, name: str, shape: int | tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """An array of any content; the last one of this name must not be used any more."""
        kind = np.dtype(dtype)
        n_bytes = math.prod(shape if isinstance(shape, tuple) else (shape,)) * kind.itemsize
        held = self._held.get(name)
        if held is None or len(held) < n_bytes:
            held = self._held[name] = np.empty(n_bytes + n_bytes // 8, dtype=np.uint8)
        out: NDArray[Any] = held[:n_bytes].view(kind).reshape(shape)
        return out


class ScratchPool:
    """The scratch memory of a node: as many as blocks are read at once."""

    def __init__(self, runtime: Any = None) -> None:
        self._idle: list[Scratch] = []

    @contextmanager
    def taken(self) -> Iterator[Scratch]:
        """Scratch memory nobody else uses meanwhile."""
        try:
            scratch = self._idle.pop()
        except IndexError:
            scratch = Scratch()
        try:
            yield scratch
        finally:
            self._idle.append(scratch)

    def clear(self) -> None:
        """Give the idle memory back."""
        self._idle.clear()

"""The canonical reduction tree over chunk indexes.

The root covers all chunks, its children the first and the second half, and so on down to single chunks; of an odd number the first
half has one more. Places are numbered from the top: the root is 1, the children of k are 2k and 2k + 1. A place is the reduction
of its two children, left first. The tree depends on the number of chunks alone, so the order of every reduction - and with it
every bit of the result - is the same on any number of nodes and threads. The chunks of each of two or four nodes are a subtree.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["ReductionTree"]

_ROOT = 1
_ABSENT = object()


class ReductionTree:
    """Collects partial results of one run; combines siblings as soon as both are there. Thread-safe.

    Parameters
    ----------
    n_chunks : number of leaves of the whole tree (not only of this node's part).
    reduce : (left, right) -> combined; called outside the lock. None counts as nothing to reduce.
    """

    def __init__(self, n_chunks: int, reduce: Callable[[Any, Any], Any]) -> None:
        self._n = n_chunks
        self._reduce = reduce
        self._held: dict[int, Any] = {}
        self._lock = threading.Lock()

    def add_chunk(self, index: int, value: Any) -> None:
        """Add the partial of a chunk."""
        self._add(_leaf(self._n, index), value)

    def parts(self) -> list[tuple[int, Any]]:
        """(place, partial) of the subtrees held now: what a node passes up."""
        with self._lock:
            return list(self._held.items())

    def add_parts(self, parts: Iterable[tuple[int, Any]]) -> None:
        """Add what another node passed up."""
        for place, value in parts:
            self._add(place, value)

    def result(self) -> Any:
        """The root, None when nothing was added.

        Raises
        ------
        RuntimeError
            Partials are missing.
        """
        if set(self._held) - {_ROOT}:
            raise RuntimeError(f"Reduction is incomplete: {len(self._held)} subtrees of {self._n} chunks are left.")
        return self._held.get(_ROOT)

    def _add(self, place: int, value: Any) -> None:
        while place != _ROOT:
            with self._lock:
                other = self._held.pop(place ^ 1, _ABSENT)
                if other is _ABSENT:
                    self._held[place] = value
                    return
            left, right = (other, value) if place & 1 else (value, other)
            if left is None:
                value = right
            elif right is not None:
                value = self._reduce(left, right)
            else:
                value = left
            place >>= 1
        with self._lock:
            self._held[_ROOT] = value


def _leaf(n_chunks: int, index: int) -> int:
    """The place of a chunk."""
    place, first, last = _ROOT, 0, n_chunks
    while last - first > 1:
        middle = (first + last + 1) // 2
        if index < middle:
            place, last = 2 * place, middle
        else:
            place, first = 2 * place + 1, middle
    return place

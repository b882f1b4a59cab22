"""The canonical reduction tree over chunk indexes.

Level 0 holds the chunks; position k of level l covers chunks ``k*2**l : (k+1)*2**l`` (cut at the number of chunks). A position
is the reduction of its two children, left first; a right child past the end is absent and the left one moves up as it is.
The tree depends on the number of chunks alone, so the order of every reduction - and with it every bit of the result - is the
same on any number of nodes and threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["ReductionTree"]

Position = tuple[int, int]
_ABSENT = object()


class ReductionTree:
    """Collects partial results of one run; combines siblings as soon as both are there. Thread-safe.

    Parameters
    ----------
    n_chunks : number of leaves of the whole tree (not only of this node's part).
    reduce : (left, right) -> combined; called outside the lock.
    """

    def __init__(self, n_chunks: int, reduce: Callable[[Any, Any], Any]) -> None:
        self._n = n_chunks
        self._reduce = reduce
        self._held: dict[Position, Any] = {}
        self._lock = threading.Lock()

    def add(self, position: Position, value: Any) -> None:
        """Add the partial of a chunk ``(0, index)`` or of a subtree ``(level, k)``; None counts as nothing to reduce."""
        while True:
            level, k = position
            if level > 0 and k == 0 and (1 << level) >= self._n:
                break
            if self._n == 1:
                break
            sibling = (level, k ^ 1)
            if sibling[1] > k and (sibling[1] << level) >= self._n:
                position = (level + 1, k >> 1)
                continue
            with self._lock:
                other = self._held.pop(sibling, _ABSENT)
                if other is _ABSENT:
                    self._held[position] = value
                    return
            left, right = (value, other) if k < sibling[1] else (other, value)
            if left is None:
                value = right
            elif right is None:
                value = left
            else:
                value = self._reduce(left, right)
            position = (level + 1, k >> 1)
        with self._lock:
            self._held[position] = value

    def parts(self) -> list[tuple[Position, Any]]:
        """The subtrees held now, in chunk order: what a node passes up."""
        with self._lock:
            return sorted(self._held.items(), key=lambda p: p[0][1] << p[0][0])

    def add_parts(self, parts: Iterable[tuple[Position, Any]]) -> None:
        """Add what another node passed up."""
        for position, value in parts:
            self.add(position, value)

    def result(self) -> Any:
        """The root, None when nothing was added.

        Raises
        ------
        RuntimeError
            Partials are missing.
        """
        parts = self.parts()
        if len(parts) > 1:
            raise RuntimeError(f"Reduction is incomplete: {len(parts)} subtrees of {self._n} chunks are left.")
        return parts[0][1] if parts else None

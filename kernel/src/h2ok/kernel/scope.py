"""Scope: owns temporaries. Vecs made inside a scope that no stored frame holds at its end are removed with it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from h2ok.kernel.frame.vec import Vec
    from h2ok.kernel.node import Node

__all__ = ["Scope", "Scopes"]


class Scope:
    """``with node.scopes.enter() as scope:`` - what MRTasks make inside, on this thread, dies at the end unless it is kept.

    A vec is kept by being part of a frame that is stored at the end of the scope, or by ``keep``.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._vecs: dict[str, Vec] = {}

    def track(self, vecs: Iterable[Vec]) -> None:
        """Own these vecs."""
        for v in vecs:
            self._vecs[v.key] = v

    def keep(self, vecs: Iterable[Vec]) -> None:
        """Give up ownership; the caller now looks after the vecs."""
        for v in vecs:
            self._vecs.pop(v.key, None)

    def __enter__(self) -> Self:
        self._node.scopes.push(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self._node.scopes.pop(self)
        self.close()

    def close(self) -> None:
        """Remove every owned vec that no stored frame refers to."""
        vecs, self._vecs = self._vecs, {}
        if vecs:
            unreferenced = set(self._node.dkv.adjust_refs(list(vecs), 0, lost_ok=True))
            frames = self._node.frames
            frames.drop_chunks(v for k, v in vecs.items() if k in unreferenced and frames.is_counted(k))


class Scopes:
    """The stack of scopes of each thread."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._local = threading.local()

    def enter(self) -> Scope:
        """A new scope for a ``with`` statement."""
        return Scope(self._node)

    def track(self, vecs: Iterable[Vec]) -> None:
        """Put vecs under the innermost scope of this thread; without one they belong to whoever asked for them."""
        stack = self._stack()
        if stack:
            stack[-1].track(vecs)

    def current(self) -> Scope | None:
        """The innermost scope of this thread."""
        stack = self._stack()
        return stack[-1] if stack else None

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Work on this thread as on a fresh one: what is made inside belongs to none of the caller's scopes."""
        saved, self._local.stack = self._stack(), []
        try:
            yield
        finally:
            self._local.stack = saved

    def push(self, scope: Scope) -> None:
        self._stack().append(scope)

    def pop(self, scope: Scope) -> None:
        self._stack().remove(scope)

    def _stack(self) -> list[Scope]:
        if not hasattr(self._local, "stack"):
            self._local.stack = []
        stack: list[Scope] = self._local.stack
        return stack

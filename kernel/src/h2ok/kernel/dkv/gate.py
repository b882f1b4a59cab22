"""Gate: changes that are under way, so that a new placement can wait for those that began under the old one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

__all__ = ["Gate"]


class Gate:
    """``with gate.entered():`` around a change; ``drain`` returns when all changes that were inside have left."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._inside: dict[int, int] = {0: 0}
        self._generation = 0

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        with self._turn:
            mine = self._generation
            self._inside[mine] += 1
        try:
            yield
        finally:
            with self._turn:
                self._inside[mine] -= 1
                if not self._inside[mine] and mine != self._generation:
                    del self._inside[mine]
                    self._turn.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait for the changes that entered before this call; whether all have left."""
        with self._turn:
            last = self._generation
            if not self._inside[last]:
                del self._inside[last]
            self._generation += 1
            self._inside[self._generation] = 0
            return self._turn.wait_for(lambda: min(self._inside) > last, timeout)

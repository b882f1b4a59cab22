"""ReceiveBuffers: memory for long arrays that come from other nodes, used again once nobody holds the array any more."""

from __future__ import annotations

import weakref
from collections import deque

import numpy as np
from numpy.typing import NDArray

__all__ = ["ReceiveBuffers"]

#: Buffers that wait for the next array, and the longest of them.
_KEPT, _KEPT_BYTES = 2, 64 << 20


class _Lent(np.ndarray):
    """A view of a buffer; every array that stands on it keeps it alive."""


class ReceiveBuffers:
    """Thread-safe. PERF: to find new pages for 64 MB takes the system about as long as the message takes on its way.

    Parameters
    ----------
    keep : False gives memory back at once, for nodes with a limit.
    """

    def __init__(self, *, keep: bool = True) -> None:
        # A deque and not a lock: what gives a buffer back may run in the middle of anything.
        self._kept: deque[NDArray[np.uint8]] = deque(maxlen=_KEPT if keep else 0)

    def take(self, size: int) -> memoryview:
        """Memory of ``size`` bytes, writeable, with anything in it."""
        buffer = self._found(size)
        if buffer is None:
            buffer = np.empty(size, dtype=np.uint8)
        lent = buffer[:size].view(_Lent)
        if len(buffer) <= _KEPT_BYTES:
            weakref.finalize(lent, self._kept.append, buffer).atexit = False
        return lent.data

    def clear(self) -> None:
        """Keep nothing that is not in use."""
        self._kept.clear()

    def _found(self, size: int) -> NDArray[np.uint8] | None:
        """A buffer that fits and is not much too long."""
        for _ in range(len(self._kept)):
            try:
                buffer = self._kept.popleft()
            except IndexError:  # another thread took it
                return None
            if size <= len(buffer) <= 2 * size:
                return buffer
            self._kept.append(buffer)
        return None

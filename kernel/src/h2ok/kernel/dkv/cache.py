"""ReadCache: values of other nodes' keys that this node has read, until their home says they changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from h2ok.kernel.wire import sizeof

__all__ = ["Fetch", "ReadCache"]


class Fetch:
    """A read on its way; ``valid`` turns false when one of its keys is invalidated before the answer is kept."""

    __slots__ = ("invalid", "keys")

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys
        self.invalid: set[str] = set()


class ReadCache:
    """Least-recently-used values up to ``limit`` bytes. Thread-safe.

    The home of a key remembers who read it and invalidates those readers before it acknowledges a change. A read that was
    under way meanwhile may still return the older value (both happened at once), but must not keep it: ``begin`` and ``finish``
    bracket the request for that.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.nbytes = 0
        self._lock = threading.Lock()
        self._values: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._fetches: dict[str, list[Fetch]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> Any:
        """The kept value, or None."""
        with self._lock:
            entry = self._values.get(key)
            if entry is None:
                return None
            self._values.move_to_end(key)
            return entry[0]

    def begin(self, keys: Sequence[str]) -> Fetch:
        """Announce a request for ``keys``."""
        fetch = Fetch(keys)
        with self._lock:
            for k in keys:
                self._fetches.setdefault(k, []).append(fetch)
        return fetch

    def finish(self, fetch: Fetch, values: Sequence[Any]) -> None:
        """Keep what came (an empty ``values`` when the request failed) unless it was invalidated on its way."""
        sizes = [sizeof(v) for v in values]
        with self._lock:
            for k in fetch.keys:
                waiting = self._fetches[k]
                waiting.remove(fetch)
                if not waiting:
                    del self._fetches[k]
            for k, v, size in zip(fetch.keys, values, sizes, strict=False):
                if v is not None and k not in fetch.invalid and size <= self.limit // 4:
                    self._keep(k, v, size)

    def invalidate(self, keys: Iterable[str]) -> None:
        """Forget ``keys``; reads on their way will not be kept."""
        with self._lock:
            for k in keys:
                entry = self._values.pop(k, None)
                if entry is not None:
                    self.nbytes -= entry[1]
                for fetch in self._fetches.get(k, ()):
                    fetch.invalid.add(k)

    def clear(self) -> None:
        """Forget everything; reads on their way will not be kept."""
        with self._lock:
            self._values.clear()
            self.nbytes = 0
            for key, waiting in self._fetches.items():
                for fetch in waiting:
                    fetch.invalid.add(key)

    def _keep(self, key: str, value: Any, size: int) -> None:
        old = self._values.pop(key, None)
        self.nbytes += size - (old[1] if old else 0)
        self._values[key] = (value, size)
        while self.nbytes > self.limit:
            _, (_, freed) = self._values.popitem(last=False)
            self.nbytes -= freed

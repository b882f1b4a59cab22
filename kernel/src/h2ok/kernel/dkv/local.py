"""LocalStore: the values a node holds, each with the version of its latest change."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from h2ok.kernel.wire import sizeof

__all__ = ["LocalStore"]

#: Seconds a removed key is remembered, longer than any change may be on its way.
_TOMB_SECONDS = 120.0
#: Results of atomic changes are kept for callers that ask again: so many, and for at most so many seconds.
_RESULTS, _RESULT_SECONDS = 1 << 15, 90.0


class LocalStore:
    """Values by key, thread-safe. A change with an older version than the one held is no change.

    Versions are given by the primary of a key: its epoch, then a counter. So changes of one key may arrive at a copy in any order.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}
        self._versions: dict[str, int] = {}
        self._tombs: OrderedDict[str, float] = OrderedDict()
        self._results: OrderedDict[str, tuple[float, Any]] = OrderedDict()
        self._counter = 0
        self._lock = threading.Lock()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        """All keys held now, as primary or as a copy."""
        return iter(list(self._values))

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str) -> Any:
        """The value, or None."""
        return self._values.get(key)

    def entry(self, key: str) -> tuple[Any, int]:
        """(value or None, version) of one key."""
        with self._lock:
            return self._values.get(key), self._versions.get(key, 0)

    def next_version(self, epoch: int) -> int:
        """A version above all that were given in this epoch and before."""
        with self._lock:
            self._counter += 1
            return (epoch << 44) + self._counter

    def set(self, key: str, value: Any, version: int = 0) -> bool:
        """Store ``value`` (None removes it); false when a newer change is known. Version 0: no copy will ever be told."""
        size = 0 if value is None else sizeof(value)
        with self._lock:
            if version:
                if version < self._versions.get(key, 0):
                    return False
                self._versions[key] = version
            if value is None:
                self._values.pop(key, None)
                old = self._sizes.pop(key, 0)
                if version:
                    self._bury(key)
            else:
                self._values[key] = value
                old = self._sizes.get(key, 0)
                self._sizes[key] = size
                self._tombs.pop(key, None)
            self.nbytes += size - old
        return True

    def drop(self, key: str) -> None:
        """Forget a key that this node does not hold any more."""
        with self._lock:
            self._values.pop(key, None)
            self._versions.pop(key, None)
            self._tombs.pop(key, None)
            self.nbytes -= self._sizes.pop(key, 0)

    def result(self, operation: str) -> tuple[bool, Any]:
        """(whether an atomic change was done before, what it gave)."""
        with self._lock:
            found = self._results.get(operation)
            return (False, None) if found is None else (True, found[1])

    def keep_result(self, operation: str, result: Any) -> None:
        """Remember what an atomic change gave."""
        now = time.monotonic()
        with self._lock:
            self._results[operation] = (now, result)
            while len(self._results) > _RESULTS or now - next(iter(self._results.values()))[0] > _RESULT_SECONDS:
                self._results.popitem(last=False)

    def _bury(self, key: str) -> None:
        now = time.monotonic()
        self._tombs[key] = now
        self._tombs.move_to_end(key)
        while self._tombs:
            oldest, at = next(iter(self._tombs.items()))
            if now - at < _TOMB_SECONDS:
                return
            del self._tombs[oldest]
            self._versions.pop(oldest, None)

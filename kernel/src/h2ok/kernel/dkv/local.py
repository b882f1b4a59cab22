"""LocalStore: the values a node holds, each with the version of its latest change."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from h2ok.kernel.dkv.spill import Budget, Spill, Spilled
from h2ok.kernel.wire import sizeof

__all__ = ["LocalStore"]

#: Seconds a removed key is remembered, longer than any change may be on its way.
_TOMB_SECONDS = 120.0
#: Results of atomic changes are kept for callers that ask again: so many, and for at most so many seconds.
_RESULTS, _RESULT_SECONDS = 1 << 15, 90.0
#: Values below this stay in memory.
_SPILL_BYTES = 4096


class LocalStore:
    """Values by key, thread-safe. A change with an older version than the one held is no change.

    Versions are given by the primary of a key: its epoch, then a counter. So changes of one key may arrive at a copy in any order.

    Parameters
    ----------
    budget, spill : values for whose key ``may_spill`` says yes go to disk, the coldest first, while the budget is exceeded.
    """

    def __init__(
        self, budget: Budget | None = None, spill: Spill | None = None, may_spill: Callable[[str], bool] = lambda _: True
    ) -> None:
        self.budget = budget or Budget()
        self.spill = spill
        self._may_spill = may_spill
        self._values: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}
        self._versions: dict[str, int] = {}
        #: Keys of values in memory that may be spilled, the coldest first; kept only when there is a limit.
        self._warm: OrderedDict[str, None] = OrderedDict()
        self._tombs: OrderedDict[str, float] = OrderedDict()
        self._results: OrderedDict[str, tuple[float, Any]] = OrderedDict()
        self._counter = 0
        self._lock = threading.Lock()
        self.nbytes = 0
        #: Bytes that cannot be spilled.
        self.fixed = 0
        if spill is not None:
            self.budget.evictors.append(self._evict)

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[str]:
        """All keys held now, as primary or as a copy."""
        return iter(list(self._values))

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def spills(self) -> bool:
        """Whether values may go to disk."""
        return self.spill is not None and self.budget.limit > 0

    def get(self, key: str) -> Any:
        """The value, or None."""
        value = self._values.get(key)
        if self._warm and key in self._warm:
            with self._lock:
                if key in self._warm:
                    self._warm.move_to_end(key)
        return self._loaded(key, value) if isinstance(value, Spilled) else value

    def size(self, keys: Iterable[str]) -> int:
        """About how many bytes the values of some keys take."""
        return sum(self._sizes.get(k, 0) for k in keys)

    def entry(self, key: str) -> tuple[Any, int]:
        """(value or None, version) of one key."""
        with self._lock:
            value, version = self._values.get(key), self._versions.get(key, 0)
        return (self._loaded(key, value) if isinstance(value, Spilled) else value), version

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
            self._take_out(key, value)
            if value is not None:
                self._sizes[key] = size
                self.nbytes += size
                self.budget.add(size)
                self._tombs.pop(key, None)
                if self._spillable(key, size):
                    self._warm[key] = None
                else:
                    self.fixed += size
            elif version:
                self._bury(key)
        if size and self.budget.limit:
            self.budget.fit()
        return True

    def drop(self, key: str) -> None:
        """Forget a key that this node does not hold any more."""
        with self._lock:
            self._take_out(key)
            self._versions.pop(key, None)
            self._tombs.pop(key, None)

    def pop(self, key: str) -> Any:
        """Take a value out; None when there is none."""
        value = self.get(key)
        self.drop(key)
        return value

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

    def results(self) -> list[tuple[str, Any]]:
        """(operation with its key behind a slash, what it gave) of all that are kept."""
        with self._lock:
            return [(operation, result) for operation, (_, result) in self._results.items()]

    def spill_counts(self) -> dict[str, int]:
        """Reads and writes of spilled values so far."""
        names = ("store_count", "store_bytes", "delete_count", "load_count", "load_bytes")
        return {n: getattr(self.spill, n, 0) for n in names}

    # -- memory and disk ----------------------------------------------------------------------------------------------

    def _spillable(self, key: str, size: int) -> bool:
        return size >= _SPILL_BYTES and self.spills and self._may_spill(key)

    def _take_out(self, key: str, by: Any = None) -> None:
        """Forget the value of a key, wherever it is; with the lock held. ``by`` takes its place.

        Readers look without the lock: at no time may they find neither the old value nor the new one.
        """
        value = self._values.get(key)
        if by is None:
            self._values.pop(key, None)
        else:
            self._values[key] = by
        size = self._sizes.pop(key, 0)
        self.nbytes -= size
        if key not in self._warm and not isinstance(value, Spilled):
            self.fixed -= size
        self._warm.pop(key, None)
        if isinstance(value, Spilled):
            assert self.spill is not None
            self.spill.delete(value)
        else:
            self.budget.add(-size)

    def _loaded(self, key: str, spilled: Spilled) -> Any:
        """A spilled value; kept in memory again only where there is room, so that one pass over much data spills nothing else."""
        assert self.spill is not None
        try:
            value = self.spill.read(spilled)
        except FileNotFoundError:
            # Changed, removed or loaded meanwhile.
            return self.get(key)
        with self._lock:
            if self._values.get(key) is spilled and self.budget.resident + spilled.nbytes <= self.budget.limit:
                self._values[key] = value
                self._warm[key] = None
                self.budget.add(spilled.nbytes)
                self.spill.delete(spilled)
        return value

    def _evict(self, wanted: int) -> int:
        """Move about ``wanted`` bytes of the coldest values to disk; how many were moved."""
        moved = 0
        assert self.spill is not None
        while moved < wanted:
            with self._lock:
                if not self._warm:
                    return moved
                key = next(iter(self._warm))
                # Last now, so that others who spill at the same time take the next ones.
                self._warm.move_to_end(key)
                value, size = self._values[key], self._sizes[key]
            spilled = self.spill.write(value, size)
            with self._lock:
                if self._values.get(key) is value:
                    self._values[key] = spilled
                    self._warm.pop(key, None)
                    self.budget.add(-size)
                    moved += size
                else:
                    self.spill.delete(spilled)
        return moved

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

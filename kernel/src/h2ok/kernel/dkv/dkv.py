"""DKV: every value lives on the home node of its key; puts to one key are totally ordered by that node.

A stored object is a value: replace it by ``put`` or ``atomic``, never change it in place. On its home node the store keeps the
object itself (no encoding); other nodes get a decoded copy and keep it until the home invalidates it.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from h2ok.kernel.dkv.cache import ReadCache
from h2ok.kernel.errors import KeyNotFoundError, NodeLostError, OutOfMemoryBudgetError
from h2ok.kernel.key import home_index, is_user_key
from h2ok.kernel.wire import sizeof

if TYPE_CHECKING:
    from concurrent.futures import Future

    from h2ok.kernel.cloud.cloud import Cloud
    from h2ok.kernel.rpc import Rpc

__all__ = ["DKV", "Transform"]

_log = logging.getLogger(__name__)
_STRIPES = 64
#: Bytes of other nodes' values a node keeps, where its settings say nothing else.
_CACHE_BYTES = 256 << 20
#: Values below this do not count against the memory budget when they are put.
_SMALL_BYTES = 4096


@runtime_checkable
class Transform(Protocol):
    """A change of one value, run on its home node under the key's lock; a registered wire type."""

    def apply(self, old: Any) -> tuple[Any, Any]:
        """(new value, or None to remove the key; result for the caller). Must be quick and must not use the DKV."""


class DKV:
    """get, put, remove and atomic over all nodes of the cloud.

    Thread-safe. A ``put`` that returned is visible everywhere. ``get`` of a missing key is None. What concerns a key whose home is
    lost raises NodeLostError with that node's name.
    """

    def __init__(self, cloud: Cloud, rpc: Rpc, cache_bytes: int = _CACHE_BYTES, max_bytes: int = 0) -> None:
        self._cloud = cloud
        self._rpc = rpc
        #: Bytes of values this node may be home to; 0 for no limit.
        self.max_bytes = max_bytes
        self._local: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}
        self._nbytes = 0
        #: Who may hold a copy of a key of this node: {member index: number of its latest read}.
        self._readers: dict[str, dict[int, int]] = {}
        self._reads = 0
        self._refs: dict[str, int] = {}
        self._refs_lock = threading.Lock()
        self._locks = [threading.RLock() for _ in range(_STRIPES)]
        self._size_lock = threading.Lock()
        self.cache = ReadCache(cache_bytes)
        rpc.register("dkv.get", lambda a: self._read_local(a[0], a[1]))
        rpc.register("dkv.put", self._put_local)
        rpc.register("dkv.remove", self._remove_local)
        rpc.register("dkv.atomic", lambda a: self._atomic_local(a[0], a[1]))
        rpc.register("dkv.keys", self._keys_local)
        rpc.register("dkv.refs", lambda a: self._adjust_local(a[0], a[1]))
        rpc.register("dkv.invalidate", self.cache.invalidate)

    # -- public -------------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Any:
        """The value under ``key``, or None."""
        home = self.home(key)
        if home == self._cloud.self_index:
            return self._local.get(key)
        value = self.cache.get(key)
        return value if value is not None else self._fetch({home: [key]})[key]

    def require(self, key: str) -> Any:
        """The value under ``key``.

        Raises
        ------
        KeyNotFoundError
            Nothing is stored there.
        """
        value = self.get(key)
        if value is None:
            raise KeyNotFoundError(f"Object '{key}' not found. List what there is: GET /3/Frames, GET /3/Models.", key=key)
        return value

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Values of several keys, one request a home node, all at once; missing keys map to None."""
        me = self._cloud.self_index
        found: dict[str, Any] = {}
        wanted: dict[int, list[str]] = {}
        for home, group in self._by_home(keys).items():
            if home == me:
                found.update((k, self._local.get(k)) for k in group)
                continue
            kept = {k: self.cache.get(k) for k in group}
            found.update(kept)
            missing = [k for k, v in kept.items() if v is None]
            if missing:
                wanted[home] = missing
        if wanted:
            found.update(self._fetch(wanted))
        return found

    def put(self, key: str, value: Any) -> None:
        """Store ``value``; when this returns every node sees it."""
        self.put_many({key: value})

    def put_many(self, items: Mapping[str, Any]) -> None:
        """Store several values, one request a home node, all at once. Not atomic across keys."""
        self._cloud.lock("first write to the DKV")
        groups = {h: {k: items[k] for k in keys} for h, keys in self._by_home(items).items()}
        self._on_homes("dkv.put", groups, self._put_local)

    def remove(self, key: str) -> bool:
        """Remove a key; true when it was there."""
        return self.remove_many([key]) > 0

    def remove_many(self, keys: Iterable[str], *, lost_ok: bool = False) -> int:
        """Remove several keys, one request a home node; the number that were there.

        Parameters
        ----------
        lost_ok : keys whose home is lost are gone anyway; false raises NodeLostError for them (after removing the others).
        """
        return sum(self._on_homes("dkv.remove", self._by_home(keys), self._remove_local, lost_ok=lost_ok))

    def atomic(self, key: str, transform: Transform) -> Any:
        """Run ``transform`` on the value's home node under its lock; what the transform returns as its result."""
        self._cloud.lock("first write to the DKV")
        home = self.home(key)
        if home == self._cloud.self_index:
            return self._atomic_local(key, transform)
        return self._rpc.call(home, "dkv.atomic", (key, transform))

    def keys(self, prefix: str = "") -> list[str]:
        """Keys of the whole cloud that start with ``prefix``, sorted; user keys only when it is empty."""
        found: set[str] = set()
        for part in self._rpc.call_all("dkv.keys", prefix):
            found.update(part)
        return sorted(found)

    def local_values(self) -> list[Any]:
        """The values under user keys whose home is this node."""
        return [v for k, v in list(self._local.items()) if is_user_key(k)]

    def local_keys(self) -> list[str]:
        """All keys whose home is this node, system keys included."""
        return list(self._local)

    @property
    def local_nbytes(self) -> int:
        """About how many bytes the values take whose home is this node."""
        return self._nbytes

    def adjust_refs(self, keys: Iterable[str], delta: int, *, lost_ok: bool = False) -> list[str]:
        """Add ``delta`` to the reference count of each key (a count starts at 0); the keys that fell to 0 or below."""
        groups = {h: (group, delta) for h, group in self._by_home(keys).items()}
        parts = self._on_homes("dkv.refs", groups, lambda a: self._adjust_local(a[0], a[1]), lost_ok=lost_ok)
        return [k for part in parts for k in part]

    def home(self, key: str) -> int:
        """Index of the member that is home to ``key``."""
        return home_index(key, self._cloud.size)

    # -- the calling node ---------------------------------------------------------------------------------------------

    def _by_home(self, keys: Iterable[str]) -> dict[int, list[str]]:
        groups: dict[int, list[str]] = defaultdict(list)
        n = self._cloud.size
        for k in keys:
            groups[home_index(k, n)].append(k)
        return groups

    def _on_homes(self, service: str, groups: Mapping[int, Any], local: Any, *, lost_ok: bool = False) -> list[Any]:
        """Run a service on several homes at once; the first error is raised after all have ended."""
        me = self._cloud.self_index
        futures: list[Future[Any]] = [self._rpc.submit(h, service, group) for h, group in groups.items() if h != me]
        replies = [local(groups[me])] if me in groups else []
        failure: Exception | None = None
        for f in futures:
            try:
                replies.append(f.result())
            except Exception as e:
                if not (lost_ok and isinstance(e, NodeLostError)):
                    failure = failure or e
        if failure is not None:
            raise failure
        return replies

    def _fetch(self, wanted: dict[int, list[str]]) -> dict[str, Any]:
        """Read from other nodes and keep what they send."""
        fetches = {h: self.cache.begin(keys) for h, keys in wanted.items()}
        me = self._cloud.self_index
        futures = {h: self._rpc.submit(h, "dkv.get", (me, keys)) for h, keys in wanted.items()}
        found: dict[str, Any] = {}
        failure: Exception | None = None
        for h, future in futures.items():
            values: list[Any] = []
            try:
                values = future.result()
                found.update(zip(wanted[h], values, strict=True))
            except Exception as e:
                failure = failure or e
            finally:
                self.cache.finish(fetches[h], values)
        if failure is not None:
            raise failure
        return found

    # -- on the home node ---------------------------------------------------------------------------------------------

    def _lock_of(self, key: str) -> threading.RLock:
        return self._locks[hash(key) % _STRIPES]

    def _keys_local(self, prefix: str) -> list[str]:
        return [k for k in list(self._local) if (k.startswith(prefix) if prefix else is_user_key(k))]

    def _read_local(self, reader: int, keys: list[str]) -> list[Any]:
        values = []
        for key in keys:
            with self._lock_of(key):
                value = self._local.get(key)
                if value is not None:
                    self._reads += 1
                    self._readers.setdefault(key, {})[reader] = self._reads
            values.append(value)
        return values

    def _store(self, key: str, value: Any) -> dict[int, int] | None:
        """Set or (None) remove one value under its lock; who may hold the old one."""
        size = 0 if value is None else sizeof(value)
        if value is None:
            self._local.pop(key, None)
            old = self._sizes.pop(key, 0)
        else:
            self._local[key] = value
            old = self._sizes.get(key, 0)
            self._sizes[key] = size
        with self._size_lock:
            self._nbytes += size - old
        readers = self._readers.get(key)
        return dict(readers) if readers else None

    def _put_local(self, items: dict[str, Any]) -> None:
        if self.max_bytes:
            self._check_budget(items)
        stale: dict[str, dict[int, int]] = {}
        for key, value in items.items():
            with self._lock_of(key):
                readers = self._store(key, value)
            if readers:
                stale[key] = readers
        if stale:
            self._invalidate(stale)

    def _check_budget(self, items: dict[str, Any]) -> None:
        """Refuse data that does not fit. Small values always may: jobs have to end, frames to be listed and removed."""
        more = sum(size for size in map(sizeof, items.values()) if size >= _SMALL_BYTES)
        if more and self._nbytes + more > self.max_bytes:
            raise OutOfMemoryBudgetError(
                f"Node {self._cloud.me.name} cannot take {more:,} bytes more: it holds {self._nbytes:,} of {self.max_bytes:,} "
                "bytes (--max-mem). Remove frames or models, add a node, or raise --max-mem.",
                node=self._cloud.me.name,
                needed=more,
                held=self._nbytes,
                limit=self.max_bytes,
            )

    def _remove_local(self, keys: list[str]) -> int:
        gone = 0
        stale: dict[str, dict[int, int]] = {}
        for key in keys:
            with self._lock_of(key):
                gone += key in self._local
                readers = self._store(key, None)
            if readers:
                stale[key] = readers
        if stale:
            self._invalidate(stale)
        return gone

    def _atomic_local(self, key: str, transform: Transform) -> Any:
        with self._lock_of(key):
            old = self._local.get(key)
            new, result = transform.apply(old)
            readers = self._store(key, new) if new is not old else None
        if readers:
            self._invalidate({key: readers})
        return result

    def _invalidate(self, stale: dict[str, dict[int, int]]) -> None:
        """Have every reader forget the old values; returns when all did (or are lost).

        A reader leaves the list only after its answer, so a second change of the key waits for it too: nobody sees a value
        older than a change that was acknowledged.
        """
        by_reader: dict[int, list[str]] = defaultdict(list)
        for key, readers in stale.items():
            for member in readers:
                by_reader[member].append(key)
        futures = {m: self._rpc.submit(m, "dkv.invalidate", keys) for m, keys in by_reader.items()}
        failure: Exception | None = None
        for member, future in futures.items():
            try:
                future.result()
            except NodeLostError as e:
                if not self._cloud.is_lost(member):
                    failure = failure or e
                    continue
            for key in by_reader[member]:
                self._forget_reader(key, member, stale[key][member])
        if failure is not None:
            raise failure

    def _forget_reader(self, key: str, member: int, read: int) -> None:
        with self._lock_of(key):
            readers = self._readers.get(key)
            if readers is not None and readers.get(member) == read:
                del readers[member]
                if not readers:
                    del self._readers[key]

    def _adjust_local(self, keys: list[str], delta: int) -> list[str]:
        dead = []
        with self._refs_lock:
            for key in keys:
                count = self._refs.get(key, 0) + delta
                if count > 0:
                    self._refs[key] = count
                else:
                    self._refs.pop(key, None)
                    dead.append(key)
        return dead

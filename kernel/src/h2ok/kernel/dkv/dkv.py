"""DKV: every value lives on the home node of its key; puts to one key are totally ordered by that node.

A stored object is a value: replace it by ``put`` or ``atomic``, never change it in place. On its home node the store keeps the
object itself (no encoding); other nodes get a decoded copy.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from h2ok.kernel.errors import KeyNotFoundError
from h2ok.kernel.key import home_index, is_user_key

if TYPE_CHECKING:
    from h2ok.kernel.cloud.cloud import Cloud
    from h2ok.kernel.rpc import Rpc

__all__ = ["DKV", "Transform"]

_STRIPES = 64


@runtime_checkable
class Transform(Protocol):
    """A change of one value, run on its home node under the key's lock; a registered wire type."""

    def apply(self, old: Any) -> tuple[Any, Any]:
        """(new value, or None to remove the key; result for the caller). Must be quick and must not use the DKV."""


class DKV:
    """get, put, remove and atomic over all nodes of the cloud.

    Thread-safe. A ``put`` that returned is visible everywhere. ``get`` of a missing key is None.
    """

    def __init__(self, cloud: Cloud, rpc: Rpc) -> None:
        self._cloud = cloud
        self._rpc = rpc
        self._local: dict[str, Any] = {}
        self._refs: dict[str, int] = {}
        self._refs_lock = threading.Lock()
        self._locks = [threading.RLock() for _ in range(_STRIPES)]
        rpc.register("dkv.get", lambda keys: [self._local.get(k) for k in keys])
        rpc.register("dkv.put", self._put_local)
        rpc.register("dkv.remove", self._remove_local)
        rpc.register("dkv.atomic", lambda a: self._atomic_local(a[0], a[1]))
        rpc.register("dkv.keys", lambda prefix: [k for k in list(self._local) if k.startswith(prefix)])
        rpc.register("dkv.refs", lambda a: self._adjust_local(a[0], a[1]))

    # -- public -------------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Any:
        """The value under ``key``, or None."""
        home = self.home(key)
        if home == self._cloud.self_index:
            return self._local.get(key)
        return self._rpc.call(home, "dkv.get", [key])[0]

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
        """Values of several keys, one request a home node; missing keys map to None."""
        found: dict[str, Any] = {}
        for home, group in self._by_home(keys).items():
            values = (
                [self._local.get(k) for k in group] if home == self._cloud.self_index else self._rpc.call(home, "dkv.get", group)
            )
            found.update(zip(group, values, strict=True))
        return found

    def put(self, key: str, value: Any) -> None:
        """Store ``value``; when this returns every node sees it."""
        self.put_many({key: value})

    def put_many(self, items: dict[str, Any]) -> None:
        """Store several values, one request a home node. Not atomic across keys."""
        self._cloud.lock("first write to the DKV")
        for home, keys in self._by_home(items).items():
            group = {k: items[k] for k in keys}
            if home == self._cloud.self_index:
                self._put_local(group)
            else:
                self._rpc.call(home, "dkv.put", group)

    def remove(self, key: str) -> bool:
        """Remove a key; true when it was there."""
        return self.remove_many([key]) > 0

    def remove_many(self, keys: Iterable[str]) -> int:
        """Remove several keys, one request a home node; the number that were there."""
        gone = 0
        for home, group in self._by_home(keys).items():
            gone += self._remove_local(group) if home == self._cloud.self_index else self._rpc.call(home, "dkv.remove", group)
        return gone

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
        return sorted(k for k in found if prefix or is_user_key(k))

    def local_keys(self) -> list[str]:
        """All keys whose home is this node, system keys included."""
        return list(self._local)

    def adjust_refs(self, keys: Iterable[str], delta: int) -> list[str]:
        """Add ``delta`` to the reference count of each key (a count starts at 0); the keys that fell to 0 or below."""
        dead: list[str] = []
        for home, group in self._by_home(keys).items():
            dead += (
                self._adjust_local(group, delta)
                if home == self._cloud.self_index
                else self._rpc.call(home, "dkv.refs", (group, delta))
            )
        return dead

    def home(self, key: str) -> int:
        """Index of the member that is home to ``key``."""
        return home_index(key, self._cloud.size)

    # -- on the home node ---------------------------------------------------------------------------------------------

    def _by_home(self, keys: Iterable[str]) -> dict[int, list[str]]:
        groups: dict[int, list[str]] = defaultdict(list)
        n = self._cloud.size
        for k in keys:
            groups[home_index(k, n)].append(k)
        return groups

    def _lock_of(self, key: str) -> threading.RLock:
        return self._locks[hash(key) % _STRIPES]

    def _put_local(self, items: dict[str, Any]) -> None:
        for key, value in items.items():
            with self._lock_of(key):
                self._local[key] = value

    def _remove_local(self, keys: list[str]) -> int:
        gone = 0
        for key in keys:
            with self._lock_of(key):
                gone += self._local.pop(key, None) is not None
        return gone

    def _atomic_local(self, key: str, transform: Transform) -> Any:
        with self._lock_of(key):
            new, result = transform.apply(self._local.get(key))
            if new is None:
                self._local.pop(key, None)
            else:
                self._local[key] = new
            return result

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

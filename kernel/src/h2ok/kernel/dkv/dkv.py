"""DKV: every value lives on the home node of its key; puts to one key are totally ordered by that node.

A stored object is a value: replace it by ``put`` or ``atomic``, never change it in place. On its home node the store keeps the
object itself (no encoding); other nodes get a decoded copy and keep it until the home invalidates it. With replicas a change is
acknowledged when all holders of the key's slot have it.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.dkv.cache import ReadCache
from h2ok.kernel.dkv.gate import Gate
from h2ok.kernel.dkv.home import Change, Home, Transform
from h2ok.kernel.dkv.local import LocalStore
from h2ok.kernel.dkv.spill import Budget, Spill
from h2ok.kernel.errors import KeyNotFoundError, NodeLostError, NotHomeError
from h2ok.kernel.key import is_chunk_key, is_user_key, random_key, slot_of
from h2ok.kernel.rpc import LOSS_SECONDS

if TYPE_CHECKING:
    from concurrent.futures import Future

    from h2ok.kernel.cloud.cloud import Cloud
    from h2ok.kernel.cloud.placement import Placement
    from h2ok.kernel.rpc import Rpc

__all__ = ["DKV", "REFS", "Transform"]

#: Bytes of other nodes' values a node keeps, where its settings say nothing else.
_CACHE_BYTES = 256 << 20
#: Prefix of the keys that hold reference counts.
REFS = "\x01n"
#: Seconds between two looks for a home that is just moving; for one whose node does not answer.
_MOVING_SECONDS, _SILENT_SECONDS = 0.01, 0.25


class DKV:
    """get, put, remove and atomic over all nodes of the cloud.

    Thread-safe. A ``put`` that returned is visible everywhere. ``get`` of a missing key is None. Calls that meet a lost node wait
    until another one has taken over its keys; NodeLostError when none did in time.
    """

    def __init__(
        self, cloud: Cloud, rpc: Rpc, cache_bytes: int = _CACHE_BYTES, max_bytes: int = 0, spill: Spill | None = None
    ) -> None:
        self._cloud = cloud
        self._rpc = rpc
        #: What the values of this node may take in memory, and where chunks go that do not fit.
        self.budget = Budget(max_bytes)
        self.store = LocalStore(self.budget, spill, is_chunk_key)
        self.gate = Gate()
        self.cache = ReadCache(cache_bytes)
        self._home = Home(cloud, rpc, self.store, self.gate, self.cache)

    # -- public -------------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Any:
        """The value under ``key``, or None."""
        value, here = self._look(key)
        return value if here else self._fetch([key])[key]

    def peek(self, key: str, seconds: float) -> Any:
        """The value under ``key`` when its home tells it within ``seconds``, else None: for what must not wait for a node."""
        value, here = self._look(key)
        if here:
            return value
        try:
            return self._rpc.call(self._cloud.home(key), "dkv.get", (self._cloud.me, [key]), seconds)[0]
        except (NodeLostError, NotHomeError):
            return None

    def require(self, key: str) -> Any:
        """The value under ``key``.

        Raises
        ------
        KeyNotFoundError
            Nothing is stored there.
        """
        value = self.get(key)
        if value is None:
            raise KeyNotFoundError(
                f"Object '{key}' not found. {self.loss_of(key)}List what there is: GET /3/Frames, GET /3/Models.", key=key
            )
        return value

    def loss_of(self, key: str) -> str:
        """A sentence about the lost node that may have taken ``key`` along; empty when none did."""
        lost = self._cloud.damage(key)
        return f"It may have been on node {lost}, which is lost with what had no copy elsewhere (--replicas). " if lost else ""

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Values of several keys, one request a home node, all at once; missing keys map to None."""
        found: dict[str, Any] = {}
        missing = []
        for key in keys:
            value, here = self._look(key)
            if here:
                found[key] = value
            else:
                missing.append(key)
        if missing:
            found.update(self._fetch(missing))
        return found

    def put(self, key: str, value: Any) -> None:
        """Store ``value``; when this returns every node sees it."""
        self.put_many({key: value})

    def put_many(self, items: Mapping[str, Any]) -> None:
        """Store several values, one request a home node, all at once. Not atomic across keys."""
        self._cloud.lock("first write to the DKV")
        operation = self._operation()
        self._on_homes(
            "dkv.put", items, lambda keys: ({k: items[k] for k in keys}, operation), lambda a: self._home.put(a[0], a[1])
        )

    def remove(self, key: str) -> bool:
        """Remove a key; true when it was there."""
        return self.remove_many([key]) > 0

    def remove_many(self, keys: Iterable[str], *, lost_ok: bool = False) -> int:
        """Remove several keys, one request a home node; the number that were there.

        Parameters
        ----------
        lost_ok : keys whose home does not answer are passed over; false raises NodeLostError for them (after removing the others).
        """
        operation = self._operation()
        return sum(
            self._on_homes(
                "dkv.remove", keys, lambda group: (group, operation), lambda a: self._home.remove(a[0], a[1]), lost_ok=lost_ok
            )
        )

    def atomic(self, key: str, transform: Transform) -> Any:
        """Run ``transform`` on the value's home node under its lock, once; what the transform returns as its result."""
        self._cloud.lock("first write to the DKV")
        payload = (key, transform, self._operation())
        return self._on_homes("dkv.atomic", [key], lambda _: payload, lambda a: self._home.atomic(*a))[0]

    def keys(self, prefix: str = "") -> list[str]:
        """Keys of the whole cloud that start with ``prefix``, sorted; user keys only when it is empty."""
        found: set[str] = set()
        for part in self._rpc.list_all("dkv.keys", prefix):
            found.update(part)
        return sorted(found)

    def local_values(self) -> list[Any]:
        """The values under user keys whose home is this node."""
        found = ((k, self.store.get(k)) for k in self.store if is_user_key(k) and self._home.is_primary(k))
        return [v for _, v in found if v is not None]

    def local_keys(self) -> list[str]:
        """All keys whose home is this node, system keys included."""
        return [k for k in self.store if self._home.is_primary(k)]

    @property
    def local_nbytes(self) -> int:
        """About how many bytes the values take that this node holds, copies included."""
        return self.store.nbytes

    def adjust_refs(self, keys: Iterable[str], delta: int, *, lost_ok: bool = False) -> list[str]:
        """Add ``delta`` to the reference count of each key (a count starts at 0); the keys that are at 0.

        Who removes what they count removes the counts too.
        """
        operation = self._operation()
        names = [REFS + k for k in keys]
        parts = self._on_homes(
            "dkv.refs", names, lambda group: (group, delta, operation), lambda a: self._home.adjust_refs(*a), lost_ok=lost_ok
        )
        return [k[len(REFS) :] for part in parts for k in part]

    def home(self, key: str) -> int:
        """Index of the member that is home to ``key``."""
        return self._cloud.members.index(self._cloud.home(key))

    def _operation(self) -> str:
        """A name for one change, so that asking for it again after a loss does not make it twice."""
        return random_key() if self._cloud.size > 1 else ""

    # -- the calling node ---------------------------------------------------------------------------------------------

    def _look(self, key: str) -> tuple[Any, bool]:
        """(value, whether it is known here): held, or kept from an earlier read."""
        if self._cloud.size == 1:
            return self.store.get(key), True
        if is_chunk_key(key):
            value = self.store.get(key)
            if value is not None:
                return value, True
        elif not self._cloud.current:
            return None, False
        elif self._cloud.serves(slot_of(key)):
            return self.store.get(key), True
        value = self.cache.get(key)
        return value, value is not None

    def _by_home(self, keys: Iterable[str]) -> dict[H2ONode, list[str]]:
        if self._cloud.size == 1:
            return {self._cloud.me: list(keys)}
        groups: dict[H2ONode, list[str]] = defaultdict(list)
        primaries = self._cloud.placement.primaries
        for k in keys:
            groups[primaries[slot_of(k)]].append(k)
        return groups

    def _on_homes(
        self,
        service: str,
        keys: Iterable[str],
        payload: Callable[[list[str]], Any],
        local: Callable[[Any], Any],
        *,
        lost_ok: bool = False,
    ) -> list[Any]:
        """Run a service on the homes of ``keys`` at once; replies in no order. What moved meanwhile is asked for again."""
        me, replies = self._cloud.me, []
        todo, deadline = list(keys), time.monotonic() + LOSS_SECONDS
        while todo:
            epoch, groups = self._cloud.placement.epoch, self._by_home(todo)
            calls = [(g, self._rpc.submit(h, service, payload(g), awaited=True)) for h, g in groups.items() if h != me]
            moved: list[str] = []
            problem: Exception | None = None
            failure: Exception | None = None
            if me in groups:
                try:
                    replies.append(local(payload(groups[me])))
                except NotHomeError as e:
                    moved, problem = list(groups[me]), e
                except Exception as e:
                    failure = e
            for group, future in calls:
                try:
                    replies.append(future.result())
                except (NodeLostError, NotHomeError) as e:
                    moved += group
                    problem = e
                except Exception as e:
                    failure = failure or e
            if failure is not None:
                raise failure
            todo = moved
            if problem is not None and not self._await_move(epoch, problem, deadline):
                if lost_ok:
                    return replies
                raise problem
        return replies

    def _await_move(self, epoch: int, problem: Exception, deadline: float) -> bool:
        """Wait a moment for another placement; false when there is nothing to wait for any more."""
        cloud = self._cloud
        if cloud.failure or time.monotonic() > deadline:
            return False
        pause = _MOVING_SECONDS if isinstance(problem, NotHomeError) else _SILENT_SECONDS
        cloud.wait_until(lambda: bool(cloud.failure) or cloud.placement.epoch > epoch, pause)
        return not cloud.failure

    def _fetch(self, keys: list[str]) -> dict[str, Any]:
        """Read from the homes and keep what other nodes send."""
        found: dict[str, Any] = {}
        todo, deadline = keys, time.monotonic() + LOSS_SECONDS
        while todo:
            epoch, groups = self._cloud.placement.epoch, self._by_home(todo)
            calls = [(g, self._ask(h, g)) for h, g in groups.items()]
            todo = []
            problem: Exception | None = None
            failure: Exception | None = None
            for group, answer in calls:
                try:
                    found.update(zip(group, answer(), strict=True))
                except (NodeLostError, NotHomeError) as e:
                    todo += group
                    problem = e
                except Exception as e:
                    failure = failure or e
            if failure is not None:
                raise failure
            if problem is not None and not self._await_move(epoch, problem, deadline):
                raise problem
        return found

    def _ask(self, home: H2ONode, keys: list[str]) -> Callable[[], list[Any]]:
        """Start to read from one home; what is returned waits for the values."""
        if home == self._cloud.me:
            return lambda: self._home.read(home, keys)
        fetch = self.cache.begin(keys)
        # While a placement changes nobody keeps what it reads: its next home would not know who to tell of changes.
        keep = self._cloud.pending is None
        future: Future[Any] = self._rpc.submit(home, "dkv.get", (self._cloud.me, keys), awaited=True)

        def answer() -> list[Any]:
            values: list[Any] = []
            try:
                values = future.result()
                return values
            finally:
                self.cache.finish(fetch, values if keep else [])

        return answer

    # -- when homes move ----------------------------------------------------------------------------------------------

    def send_copies(self, placement: Placement, by_node: Mapping[H2ONode, list[Change]]) -> None:
        """Send each node its changes and wait for all."""
        self._home.send_copies(placement, by_node)

    def send_results(self, by_node: Mapping[H2ONode, list[tuple[str, Any]]]) -> None:
        """Send new holders what changes gave, so that none is made again when a caller asks them for it after a loss."""
        self._home.send_results(by_node)

    def fenced(self) -> bool:
        """A placement is about to change: forget what was read, and wait for the changes under way; whether they ended."""
        self.cache.clear()
        return self._home.fenced()

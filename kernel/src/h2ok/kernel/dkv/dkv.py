"""DKV: every value lives on the home node of its key; puts to one key are totally ordered by that node.

A stored object is a value: replace it by ``put`` or ``atomic``, never change it in place. On its home node the store keeps the
object itself (no encoding); other nodes get a decoded copy and keep it until the home invalidates it. With replicas a change is
acknowledged when all holders of the key's slot have it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.dkv.cache import ReadCache
from h2ok.kernel.dkv.gate import Gate
from h2ok.kernel.dkv.local import LocalStore
from h2ok.kernel.dkv.spill import Budget, Spill
from h2ok.kernel.errors import KeyNotFoundError, NodeLostError, NotHomeError, OutOfMemoryBudgetError
from h2ok.kernel.key import is_chunk_key, is_user_key, random_key, slot_of
from h2ok.kernel.rpc import LOSS_SECONDS
from h2ok.kernel.wire import sizeof

if TYPE_CHECKING:
    from concurrent.futures import Future

    from h2ok.kernel.cloud.cloud import Cloud
    from h2ok.kernel.cloud.placement import Placement
    from h2ok.kernel.rpc import Rpc

__all__ = ["DKV", "REFS", "Transform"]

_STRIPES = 256
#: Bytes of other nodes' values a node keeps, where its settings say nothing else.
_CACHE_BYTES = 256 << 20
#: Values below this do not count against the memory budget when they are put.
_SMALL_BYTES = 4096
#: Prefix of the keys that hold reference counts.
REFS = "\x01n"
#: A change on its way to copies: key, version, value (None: removed), the atomic operation that made it ("": none), its result.
Change = tuple[str, int, Any, str, Any]
#: Seconds between two looks for a home that is just moving; for one whose node does not answer.
_MOVING_SECONDS, _SILENT_SECONDS = 0.01, 0.25
#: Until a member is asked again whose connection broke though it lives.
_BROKEN_SECONDS = 0.05


@runtime_checkable
class Transform(Protocol):
    """A change of one value, run on its home node under the key's lock; a registered wire type."""

    def apply(self, old: Any) -> tuple[Any, Any]:
        """(new value, or None to remove the key; result for the caller). Must be quick and must not use the DKV."""


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
        #: Who may hold a copy of a key of this node: {member: number of its latest read}.
        self._readers: dict[str, dict[H2ONode, int]] = {}
        self._reads = 0
        self._locks = [threading.RLock() for _ in range(_STRIPES)]
        self.cache = ReadCache(cache_bytes)
        cloud.on_placed.append(self._forget_readers)
        rpc.register("dkv.get", lambda a: self._read_local(a[0], a[1]))
        rpc.register("dkv.put", lambda a: self._put_local(a[0], a[1]))
        rpc.register("dkv.remove", lambda a: self._remove_local(a[0], a[1]))
        rpc.register("dkv.atomic", lambda a: self._atomic_local(*a))
        rpc.register_listing("dkv.keys", self._keys_local)
        rpc.register("dkv.refs", lambda a: self._adjust_local(*a))
        rpc.register("dkv.invalidate", self.cache.invalidate)
        rpc.register("dkv.copy", lambda a: self._copy_local(*a))
        rpc.register("dkv.results", self._take_results)

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
            "dkv.put", items, lambda keys: ({k: items[k] for k in keys}, operation), lambda a: self._put_local(a[0], a[1])
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
                "dkv.remove", keys, lambda group: (group, operation), lambda a: self._remove_local(a[0], a[1]), lost_ok=lost_ok
            )
        )

    def atomic(self, key: str, transform: Transform) -> Any:
        """Run ``transform`` on the value's home node under its lock, once; what the transform returns as its result."""
        self._cloud.lock("first write to the DKV")
        payload = (key, transform, self._operation())
        return self._on_homes("dkv.atomic", [key], lambda _: payload, lambda a: self._atomic_local(*a))[0]

    def keys(self, prefix: str = "") -> list[str]:
        """Keys of the whole cloud that start with ``prefix``, sorted; user keys only when it is empty."""
        found: set[str] = set()
        for part in self._rpc.list_all("dkv.keys", prefix):
            found.update(part)
        return sorted(found)

    def local_values(self) -> list[Any]:
        """The values under user keys whose home is this node."""
        found = ((k, self.store.get(k)) for k in self.store if is_user_key(k) and self._is_primary(k))
        return [v for _, v in found if v is not None]

    def local_keys(self) -> list[str]:
        """All keys whose home is this node, system keys included."""
        return [k for k in self.store if self._is_primary(k)]

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
            "dkv.refs", names, lambda group: (group, delta, operation), lambda a: self._adjust_local(*a), lost_ok=lost_ok
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
            calls = [(g, self._rpc.submit(h, service, payload(g))) for h, g in groups.items() if h != me]
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
            return lambda: self._read_local(home, keys)
        fetch = self.cache.begin(keys)
        # While a placement changes nobody keeps what it reads: its next home would not know who to tell of changes.
        keep = self._cloud.pending is None
        future: Future[Any] = self._rpc.submit(home, "dkv.get", (self._cloud.me, keys))

        def answer() -> list[Any]:
            values: list[Any] = []
            try:
                values = future.result()
                return values
            finally:
                self.cache.finish(fetch, values if keep else [])

        return answer

    # -- on the home node ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _holding(self, keys: Iterable[str]) -> Iterator[None]:
        """The locks of ``keys``, always taken in one order."""
        with contextlib.ExitStack() as stack:
            for stripe in sorted({hash(k) % _STRIPES for k in keys}):
                stack.enter_context(self._locks[stripe])
            yield

    def _is_primary(self, key: str) -> bool:
        return self._cloud.size == 1 or self._cloud.placement.primaries[slot_of(key)] == self._cloud.me

    def _check_served(self, keys: Iterable[str]) -> None:
        """Refuse what this node does not answer for."""
        cloud = self._cloud
        if cloud.size == 1 and cloud.pending is None:
            return
        for key in keys:
            if not cloud.serves(slot_of(key)):
                raise NotHomeError(f"Node {cloud.me.name} does not answer for '{key}' now.", node=cloud.me.name)

    def _keys_local(self, prefix: str) -> list[str]:
        return [k for k in self.store if (k.startswith(prefix) if prefix else is_user_key(k)) and self._is_primary(k)]

    def _read_local(self, reader: H2ONode, keys: list[str]) -> list[Any]:
        values = []
        self._check_served(keys)
        for key in keys:
            with self._locks[hash(key) % _STRIPES]:
                value = self.store.get(key)
                if value is not None and reader != self._cloud.me:
                    self._reads += 1
                    self._readers.setdefault(key, {})[reader] = self._reads
            values.append(value)
        return values

    def _commit(self, steps: Iterable[tuple[str, Callable[[Any], tuple[Any, Any]]]], operation: str = "") -> list[Any]:
        """Change some keys: each step gives (new value, result) for the old value. The results, in order.

        Readers forget the old values and the copies take the new ones before anyone can read these here: whoever saw a new value
        cannot meet an older one later, on any node, whichever is lost. An ``operation`` known already is not done again.
        """
        todo = list(steps)
        keys = [k for k, _ in todo]
        results: list[Any] = []
        changes: list[Change] = []
        with self.gate.entered(), self._holding(keys):
            self._check_served(keys)
            placement = self._cloud.newest
            for key, step in todo:
                once = operation and f"{operation}/{key}"
                done, result = self.store.result(once) if once else (False, None)
                if not done:
                    old = self.store.get(key)
                    new, result = step(old)
                    if new is not old:
                        changes.append((key, self.store.next_version(placement.epoch), new, once, result))
                results.append(result)
            self._invalidate({c[0]: self._readers_of(c[0]) for c in changes})
            self._replicate(placement, changes)
            for change in changes:
                self._take(change)
        return results

    def _commit_chunks(self, items: Mapping[str, Any]) -> int:
        """Write chunks, or (None) remove them; how many were there. They are written once, so their order does not matter."""
        changes: list[Change] = []
        gone = 0
        with self.gate.entered():
            self._check_served(items)
            placement = self._cloud.newest
            for key, value in items.items():
                here = key in self.store
                gone += here
                if here or value is not None:
                    changes.append((key, self.store.next_version(placement.epoch), value, "", None))
                    self._take(changes[-1])
            self._invalidate({c[0]: self._readers_of(c[0]) for c in changes})
            self._replicate(placement, changes)
        return gone

    def _readers_of(self, key: str) -> dict[H2ONode, int]:
        return dict(self._readers.get(key, ()))

    def _take(self, change: Change) -> None:
        key, version, value, operation, result = change
        self.store.set(key, value, version)
        if operation:
            self.store.keep_result(operation, result)

    def _put_local(self, items: dict[str, Any], operation: str) -> None:
        if self.budget.limit:
            self._check_budget(items)
        chunks = {k: v for k, v in items.items() if is_chunk_key(k)}
        if chunks:
            self._commit_chunks(chunks)
        if len(chunks) < len(items):
            self._commit(((k, partial(_replaced, v)) for k, v in items.items() if k not in chunks), operation)

    def _check_budget(self, items: dict[str, Any]) -> None:
        """Refuse data that does not fit. Small values always may: jobs have to end, frames to be listed and removed."""
        store, limit = self.store, self.budget.ceiling
        sizes = (sizeof(v) for k, v in items.items() if not (store.spills and is_chunk_key(k)))
        more = sum(size for size in sizes if size >= _SMALL_BYTES)
        if more and store.fixed + more > limit:
            raise OutOfMemoryBudgetError(
                f"Node {self._cloud.me.name} cannot take {more:,} bytes more: it holds {store.fixed:,} of {limit:,} bytes "
                "(--max-mem). Remove frames or models, add a node, or raise --max-mem.",
                node=self._cloud.me.name,
                needed=more,
                held=store.fixed,
                limit=limit,
            )

    def _remove_local(self, keys: list[str], operation: str) -> int:
        chunks = [k for k in keys if is_chunk_key(k)]
        gone = self._commit_chunks(dict.fromkeys(chunks)) if chunks else 0
        return gone + sum(map(int, self._commit(((k, _removed) for k in keys if not is_chunk_key(k)), operation)))

    def _atomic_local(self, key: str, transform: Transform, operation: str) -> Any:
        return self._commit([(key, transform.apply)], operation)[0]

    def _adjust_local(self, keys: list[str], delta: int, operation: str) -> list[str]:
        alive = self._commit(((k, partial(_adjusted, delta)) for k in keys), operation)
        return [k for k, lives in zip(keys, alive, strict=True) if not lives]

    def _replicate(self, placement: Placement, changes: list[Change]) -> None:
        """Have all other holders of the keys take the changes; returns when they did, or are lost."""
        by_node: dict[H2ONode, list[Change]] = defaultdict(list)
        for change in changes:
            for node in placement.copies[slot_of(change[0])]:
                if node != self._cloud.me:
                    by_node[node].append(change)
        if by_node:
            self.send_copies(placement, by_node)

    def send_copies(self, placement: Placement, by_node: Mapping[H2ONode, list[Change]]) -> None:
        """Send each node its changes and wait for all."""
        calls = [(n, self._rpc.submit(n, "dkv.copy", (self._cloud.me, placement.epoch, changes))) for n, changes in by_node.items()]
        for node, future in calls:
            self._reach(node, future, "dkv.copy", (self._cloud.me, placement.epoch, by_node[node]))

    def _take_results(self, results: list[tuple[str, Any]]) -> None:
        """What changes gave that were made before this node became a holder of their keys."""
        for operation, result in results:
            self.store.keep_result(operation, result)

    def send_results(self, by_node: Mapping[H2ONode, list[tuple[str, Any]]]) -> None:
        """Send new holders what changes gave, so that none is made again when a caller asks them for it after a loss."""
        for future in [self._rpc.submit(n, "dkv.results", results) for n, results in by_node.items()]:
            future.result()

    def _reach(self, node: H2ONode, future: Future[Any], service: str, payload: Any) -> None:
        """Wait until a member has answered, and ask again when its connection broke; a lost one need not answer any more.

        Raises
        ------
        NodeLostError
            It neither answers nor is declared dead, or this node may not take part any more.
        """
        cloud, deadline = self._cloud, time.monotonic() + LOSS_SECONDS / 2

        def gone() -> bool:
            return bool(cloud.failure) or cloud.is_lost(node) or node not in cloud.newest.members

        while True:
            try:
                future.result()
                return
            except NodeLostError:
                if cloud.wait_until(gone, _BROKEN_SECONDS) and not cloud.failure:
                    return
                if cloud.failure or time.monotonic() > deadline:
                    raise
            future = self._rpc.submit(node, service, payload)

    def _copy_local(self, sender: H2ONode, epoch: int, changes: list[Change]) -> None:
        # Inside the gate: once a placement without the sender is agreed upon, nothing of it comes in behind the new primary's back.
        with self.gate.entered():
            cloud = self._cloud
            if epoch < cloud.placement.epoch or sender not in cloud.newest.members:
                raise NotHomeError(f"Node {cloud.me.name} works with a later placement.", node=cloud.me.name)
            for change in changes:
                self._take(change)

    def _invalidate(self, stale: dict[str, dict[H2ONode, int]]) -> None:
        """Have every reader forget the old values; returns when all did (or are lost).

        A reader leaves the list only after its answer, so a second change of the key waits for it too: nobody sees a value
        older than a change that was acknowledged.
        """
        by_reader: dict[H2ONode, list[str]] = defaultdict(list)
        for key, readers in stale.items():
            for member in readers:
                by_reader[member].append(key)
        # Who is no member any more keeps nothing that could be read.
        members = self._cloud.newest.members
        futures = {m: self._rpc.submit(m, "dkv.invalidate", keys) for m, keys in by_reader.items() if m in members}
        failure: Exception | None = None
        for member, future in futures.items():
            try:
                self._reach(member, future, "dkv.invalidate", by_reader[member])
            except NodeLostError as e:
                failure = failure or e
                continue
            for key in by_reader[member]:
                self._forget_reader(key, member, stale[key][member])
        if failure is not None:
            raise failure

    def _forget_reader(self, key: str, member: H2ONode, read: int) -> None:
        with self._locks[hash(key) % _STRIPES]:
            readers = self._readers.get(key)
            if readers is not None and readers.get(member) == read:
                del readers[member]
                if not readers:
                    self._readers.pop(key, None)

    # -- when homes move ----------------------------------------------------------------------------------------------

    def fenced(self) -> bool:
        """A placement is about to change: forget what was read, and wait for the changes under way; whether they ended.

        Who read from here is still told of changes: this node goes on to change what it stays home to, and the readers may be
        fenced later than it.
        """
        self.cache.clear()
        return self.gate.drain(LOSS_SECONDS / 2)

    def _forget_readers(self, placement: Placement) -> None:
        """A placement is in force, so all have forgotten what they had read of keys that moved: drop who read those here."""
        for key in [k for k in list(self._readers) if placement.primaries[slot_of(k)] != self._cloud.me]:
            lock = self._locks[hash(key) % _STRIPES]
            # What is being changed stays, and does no harm.
            if lock.acquire(blocking=False):
                self._readers.pop(key, None)
                lock.release()


def _replaced(new: Any, _old: Any) -> tuple[Any, None]:
    return new, None


def _removed(old: Any) -> tuple[None, bool]:
    return None, old is not None


def _adjusted(delta: int, old: int | None) -> tuple[int | None, bool]:
    count = max(0, (old or 0) + delta)
    # A count that fell to 0 stays until what it counted is removed, so that others can finish that for a lost node.
    return count if count != (old or 0) else old, count > 0

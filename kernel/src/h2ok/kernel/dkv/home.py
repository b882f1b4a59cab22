"""The serving side of the DKV: what this node answers for, in one order for each key, and with copies on other nodes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.dkv.cache import ReadCache
from h2ok.kernel.dkv.gate import Gate
from h2ok.kernel.dkv.local import LocalStore
from h2ok.kernel.errors import NodeLostError, NotHomeError, OutOfMemoryBudgetError
from h2ok.kernel.key import is_chunk_key, is_user_key, slot_of
from h2ok.kernel.rpc import LOSS_SECONDS
from h2ok.kernel.wire import sizeof

if TYPE_CHECKING:
    from h2ok.kernel.cloud.cloud import Cloud
    from h2ok.kernel.cloud.placement import Placement
    from h2ok.kernel.rpc import Rpc

__all__ = ["Change", "Home", "Transform"]

_STRIPES = 256
#: Until a member is asked again whose connection broke though it lives.
_BROKEN_SECONDS = 0.05
#: Values below this do not count against the memory budget when they are put, and are encoded in no time.
_SMALL_BYTES = 4096
#: A change on its way to copies: key, version, value (None: removed), the atomic operation that made it ("": none), its result.
Change = tuple[str, int, Any, str, Any]


@runtime_checkable
class Transform(Protocol):
    """A change of one value, run on its home node under the key's lock; a registered wire type."""

    def apply(self, old: Any) -> tuple[Any, Any]:
        """(new value, or None to remove the key; result for the caller). Must be quick and must not use the DKV."""


class Home:
    """Reads and changes of the keys whose home is this node, for all nodes; registers the services.

    They are short services: they run on the thread that receives messages until they have to wait for somebody.
    """

    def __init__(self, cloud: Cloud, rpc: Rpc, store: LocalStore, gate: Gate, cache: ReadCache) -> None:
        self._cloud, self._rpc = cloud, rpc
        self.store, self.gate = store, gate
        self.budget = store.budget
        #: Who may hold a copy of a key of this node: {member: number of its latest read}.
        self._readers: dict[str, dict[H2ONode, int]] = {}
        self._reads = 0
        self._locks = [threading.RLock() for _ in range(_STRIPES)]
        cloud.on_placed.append(self._forget_readers)
        rpc.register("dkv.get", lambda a: self.read(a[0], a[1]), short=True)
        rpc.register("dkv.put", lambda a: self.put(a[0], a[1]), short=True)
        rpc.register("dkv.remove", lambda a: self.remove(a[0], a[1]), short=True)
        rpc.register("dkv.atomic", lambda a: self.atomic(*a), short=True)
        rpc.register_listing("dkv.keys", self.keys)
        rpc.register("dkv.refs", lambda a: self.adjust_refs(*a), short=True)
        rpc.register("dkv.invalidate", cache.invalidate, short=True)
        rpc.register("dkv.copy", lambda a: self._take_copies(*a), short=True)
        rpc.register("dkv.results", self._take_results, short=True)

    @contextlib.contextmanager
    def _holding(self, keys: Iterable[str]) -> Iterator[None]:
        """The locks of ``keys``, always taken in one order."""
        held = [self._locks[stripe] for stripe in sorted({hash(k) % _STRIPES for k in keys})]
        taken = 0
        try:
            for lock in held:
                if not lock.acquire(blocking=False):
                    self._rpc.may_wait()
                    lock.acquire()
                taken += 1
            yield
        finally:
            for lock in held[:taken]:
                lock.release()

    def is_primary(self, key: str) -> bool:
        """Whether this node is the home of a key."""
        return self._cloud.size == 1 or self._cloud.placement.primaries[slot_of(key)] == self._cloud.me

    def _check_served(self, keys: Iterable[str]) -> None:
        """Refuse what this node does not answer for."""
        cloud = self._cloud
        if cloud.size == 1 and cloud.pending is None and not cloud.outside:
            return
        if not cloud.current:
            cloud.check_alive(cloud.me)
            raise NotHomeError(
                f"Node {cloud.me.name} was paused or cut off; it asks the others what it missed.", node=cloud.me.name
            )
        for key in keys:
            if not cloud.serves(slot_of(key)):
                raise NotHomeError(f"Node {cloud.me.name} does not answer for '{key}' now.", node=cloud.me.name)

    def keys(self, prefix: str) -> list[str]:
        """The keys that start with ``prefix``; user keys when it is empty."""
        return [k for k in self.store if (k.startswith(prefix) if prefix else is_user_key(k)) and self.is_primary(k)]

    def read(self, reader: H2ONode, keys: list[str]) -> list[Any]:
        """The values for a node, which hears of changes from now on."""
        values = []
        self._check_served(keys)
        if reader != self._cloud.me and self.store.spills:
            self._rpc.may_wait()
        for key in keys:
            with self._holding([key]):
                value = self.store.get(key)
                if value is not None and reader != self._cloud.me:
                    self._reads += 1
                    self._readers.setdefault(key, {})[reader] = self._reads
            values.append(value)
        # Arrays are sent as they are; other things take their time to encode.
        long = (k for k, v in zip(keys, values, strict=True) if not (is_chunk_key(k) or isinstance(v, np.ndarray)))
        if reader != self._cloud.me and self.store.size(long) > _SMALL_BYTES:
            self._rpc.may_wait()
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
        if self.budget.limit:
            # It may have to write other values to disk.
            self._rpc.may_wait()
        self.store.set(key, value, version)
        if operation:
            self.store.keep_result(operation, result)

    def put(self, items: dict[str, Any], operation: str) -> None:
        """Store values; they are visible everywhere when this returns."""
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

    def remove(self, keys: list[str], operation: str) -> int:
        """Remove keys; how many were there."""
        chunks = [k for k in keys if is_chunk_key(k)]
        gone = self._commit_chunks(dict.fromkeys(chunks)) if chunks else 0
        return gone + sum(map(int, self._commit(((k, _removed) for k in keys if not is_chunk_key(k)), operation)))

    def atomic(self, key: str, transform: Transform, operation: str) -> Any:
        """Run a transform once; its result."""
        return self._commit([(key, transform.apply)], operation)[0]

    def adjust_refs(self, keys: list[str], delta: int, operation: str) -> list[str]:
        """Add to counts; the keys that are at 0."""
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
            self._rpc.may_wait()
            self.send_copies(placement, by_node)

    def send_copies(self, placement: Placement, by_node: Mapping[H2ONode, list[Change]]) -> None:
        """Send each node its changes and wait for all."""
        me, epoch = self._cloud.me, placement.epoch
        calls = [(n, self._rpc.submit(n, "dkv.copy", (me, epoch, changes), awaited=True)) for n, changes in by_node.items()]
        for node, future in calls:
            self._reach(node, future, "dkv.copy", (me, epoch, by_node[node]))

    def _take_results(self, results: list[tuple[str, Any]]) -> None:
        """What changes gave that were made before this node became a holder of their keys."""
        for operation, result in results:
            self.store.keep_result(operation, result)

    def send_results(self, by_node: Mapping[H2ONode, list[tuple[str, Any]]]) -> None:
        """Send new holders what changes gave, so that none is made again when a caller asks them for it after a loss."""
        for future in [self._rpc.submit(n, "dkv.results", results, awaited=True) for n, results in by_node.items()]:
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
            future = self._rpc.submit(node, service, payload, awaited=True)

    def _take_copies(self, sender: H2ONode, epoch: int, changes: list[Change]) -> None:
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
        if by_reader:
            self._rpc.may_wait()
        # Who is no member any more keeps nothing that could be read.
        members = self._cloud.newest.members
        futures = {m: self._rpc.submit(m, "dkv.invalidate", keys, awaited=True) for m, keys in by_reader.items() if m in members}
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

    def fenced(self) -> bool:
        """A placement is about to change: wait for the changes under way; whether they ended.

        Who read from here is still told of changes: this node goes on to change what it stays home to, and the readers may be
        fenced later than it.
        """
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

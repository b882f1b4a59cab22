"""Orphans: what lost nodes were making or removing when they went, which nobody else will finish."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING

from h2ok.kernel.dkv.dkv import REFS
from h2ok.kernel.errors import H2OKError
from h2ok.kernel.frame.store import ROLLUPS, refs_of, rollups_key
from h2ok.kernel.key import chunk_key, is_chunk_key, maker_of, parse_chunk_key

if TYPE_CHECKING:
    from h2ok.kernel.cloud.placement import Placement
    from h2ok.kernel.node import Node

__all__ = ["Orphans"]

_log = logging.getLogger(__name__)
#: Seconds until what survivors still do for lost nodes has come to the end of a chunk.
_DRAIN_SECONDS = 60.0
#: Prefixes of names whose chunks somebody must hold on to: columns, and text that waits to be parsed.
_COLUMN, _STAGED = "\x01v", "\x01s"


class Orphans:
    """Looks after columns whose owner was lost, after each change of homes.

    Every random key tells which process made it: chunks that lost processes made and no frame took over go at once. A node that
    was lost between storing (or removing) a frame and counting its columns leaves wrong counts. These are put right when they are
    wrong for longer than a living node can be busy or silent.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._dead: set[str] = set()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        node.rpc.register("orphans.abandon", lambda dead: node.tasks.abandon(dead, _DRAIN_SECONDS))
        node.rpc.register("orphans.drop", self._drop_local)
        node.rpc.register("orphans.dead", self._hear)
        self._patience = 1.2 * node.config.dead_seconds
        node.cloud.on_placed.append(self._placed)

    def note(self, process: str) -> None:
        """A process that made keys is gone for good."""
        self._dead.add(process)

    def _hear(self, dead: list[str]) -> None:
        """What other members know to be gone. A node that joined since did not see it go, and may keep its counts by now."""
        new = set(dead) - self._dead
        if new:
            self._dead |= new
            self._placed(self._node.cloud.newest)

    def close(self) -> None:
        """Begin nothing new."""
        self._closed.set()

    def _placed(self, placement: Placement) -> None:
        if self._dead and not self._closed.is_set():
            threading.Thread(target=self._look, args=(placement,), name=f"{self._node.label}-orphans", daemon=True).start()

    def _look(self, placement: Placement) -> None:
        cloud = self._node.cloud

        def over() -> bool:
            # A later placement comes with another look.
            return self._closed.is_set() or bool(cloud.failure) or cloud.newest is not placement

        with self._lock:
            if over():
                return
            try:
                self._node.rpc.tell_all("orphans.dead", sorted(self._dead), _DRAIN_SECONDS)
                removed = self.remove()
                if removed:
                    _log.info("Removed %d chunks that lost nodes were making.", removed)
                wrong = self.wrong_counts()
                if wrong and not cloud.wait_until(over, self._patience) and cloud.healthy:
                    again = self.wrong_counts()
                    self.correct({name: by for name, by in wrong.items() if again.get(name) == by})
            except H2OKError as e:
                _log.info("Orphans are looked for again later: %s", e)

    def remove(self) -> int:
        """Remove what this node finds; how many chunks there were."""
        node, dead = self._node, frozenset(self._dead)
        # Nobody may write on behalf of a lost node behind the back of what follows.
        if not all(node.rpc.call_all("orphans.abandon", sorted(dead), _DRAIN_SECONDS + 10)):
            return 0
        found: dict[str, int] = {}
        for key in node.dkv.store:
            name, n = "", 0
            if is_chunk_key(key):
                name, _, n = parse_chunk_key(key)
            elif key.startswith(ROLLUPS):
                name = key[len(ROLLUPS) :]
            if name[:2] in (_COLUMN, _STAGED) and maker_of(name, _COLUMN) in dead:
                found[name] = max(n, found.get(name, 0))
        held = node.dkv.get_many([refs_of(name) for name in found])
        # A count that may have been lost itself says nothing.
        damage = node.cloud.damage
        gone = [(name, n) for name, n in found.items() if held[refs_of(name)] is None and not damage(refs_of(name))]
        keys = [chunk_key(name, i, n) for name, n in gone for i in range(n)]
        return node.dkv.remove_many([*keys, *(rollups_key(name) for name, _ in gone)], lost_ok=True)

    def wrong_counts(self) -> dict[str, int]:
        """Columns whose count is kept here and differs from the number of stored and held frames, or is 0, with what is missing."""
        node = self._node
        frames = (*node.frames.list(), *node.frames.held())
        counts = Counter(key for frame in frames for key in {v.key for v in frame.vecs})
        held = {k[len(REFS) :]: node.dkv.store.get(k) for k in node.dkv.local_keys() if k.startswith(REFS)}
        known = {name: count for name, count in held.items() if isinstance(count, int)}
        return {name: counts[name] - count for name, count in known.items() if count != counts[name] or not count}

    def correct(self, wrong: dict[str, int]) -> None:
        """Add to the counts; columns that nobody refers to then are removed everywhere."""
        node, gone = self._node, []
        for name, by in wrong.items():
            gone += node.dkv.adjust_refs([name], by)
        if gone:
            node.rpc.call_all("orphans.drop", gone)
        if wrong:
            _log.info("Corrected the counts of %d columns of lost nodes; %d are removed.", len(wrong), len(gone))

    def _drop_local(self, names: list[str]) -> None:
        wanted = set(names)
        chunks = [k for k in self._node.dkv.local_keys() if is_chunk_key(k) and parse_chunk_key(k)[0] in wanted]
        self._node.dkv.remove_many([*chunks, *map(rollups_key, names), *map(refs_of, names)], lost_ok=True)

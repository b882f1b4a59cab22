"""Node: one member of the cloud - DKV, frames, tasks, jobs and transport of one process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from h2ok.kernel.cloud.cloud import Cloud, H2ONode
from h2ok.kernel.cloud.rehoming import Rehoming
from h2ok.kernel.cloud.stats import StatsReader
from h2ok.kernel.dkv.dkv import DKV
from h2ok.kernel.dkv.spill import Spill
from h2ok.kernel.frame.rollups import RollupStats, rollups, rollups_many
from h2ok.kernel.frame.store import FrameStore
from h2ok.kernel.frame.vec import Vec
from h2ok.kernel.job import Jobs
from h2ok.kernel.orphans import Orphans
from h2ok.kernel.rpc import Rpc
from h2ok.kernel.scope import Scopes
from h2ok.kernel.task.engine import TaskEngine
from h2ok.kernel.transport.base import Transport

__all__ = ["Node", "NodeConfig"]


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Settings of a node; the command line and environment derive from these names."""

    name: str = "h2ok"
    ip: str = "127.0.0.1"
    port: int = 54321
    nthreads: int = field(default_factory=lambda: os.cpu_count() or 1)
    #: Bytes of memory this node may use, half of it for stored values: chunks beyond that go to ``ice_root``, what else does not
    #: fit is refused. 0 for no limit.
    max_mem: int = 0
    #: Folder for logs and spilled chunks.
    ice_root: str = ""
    #: Folders that imports and exports may touch; empty for anywhere but system paths.
    allowed_roots: tuple[str, ...] = ()
    #: Bytes of other nodes' values kept to read again.
    cache_bytes: int = 256 << 20
    #: Copies of every value beside the first, on other nodes; so many nodes may be lost at once without losing a key.
    replicas: int = 0
    #: Whether nodes may join after the lock.
    elastic: bool = False
    #: Seconds between heartbeats; of silence until a member counts as suspect; until it is dead for good.
    heartbeat_seconds: float = 1.0
    suspect_seconds: float = 3.0
    dead_seconds: float = 10.0
    #: Encrypts and authenticates the traffic between nodes when set; the same on every node.
    cluster_secret: str = field(default="", repr=False)


class Node:
    """The runtime handed to every extension. Nothing here is global: several nodes may live in one process (tests).

    Parameters
    ----------
    transport : how to reach the other members; None for a cloud of one.
    """

    def __init__(self, config: NodeConfig | None = None, transport: Transport | None = None, node_port: int = 0) -> None:
        self.config = config or NodeConfig()
        me = H2ONode(self.config.ip, self.config.port, node_port or self.config.port + 1)
        self.label = f"h2ok-{me.port}"
        self.started_at = time.time()
        self.cloud = Cloud(self.config.name, me, self.config.replicas)
        self.transport = transport
        self.rpc = Rpc(self.cloud, transport)
        limit = self.config.max_mem
        #: Where chunks go that do not fit into memory; None when nothing is limited.
        self.spill = Spill(self.config.ice_root) if limit and self.config.ice_root else None
        cache = min(self.config.cache_bytes, limit // 8) if limit else self.config.cache_bytes
        self.dkv = DKV(self.cloud, self.rpc, cache, limit // 2, self.spill)
        self.rehoming = Rehoming(self)
        self.frames = FrameStore(self)
        self.scopes = Scopes(self)
        self.tasks = TaskEngine(self, self.config.nthreads)
        self.jobs = Jobs(self)
        self.orphans = Orphans(self)
        self.cloud.own_stats = StatsReader(self).read
        self.cloud.on_lost.append(self._drop_peer)
        #: What ends with the node, in reverse order of addition (the membership service, for one).
        self.closers: list[Callable[[], None]] = []
        self._closed = False
        #: Whatever composed this node with extensions; opaque for the kernel, reachable from tasks through ``Block.node``.
        self.context: Any = None

    def rollups(self, vec: Vec) -> RollupStats:
        """RollupStats of a vec, computed on first use."""
        return rollups(self, vec)

    def rollups_many(self, vecs: Sequence[Vec]) -> list[RollupStats]:
        """RollupStats of several vecs; what is not known yet is computed in one pass over their chunks."""
        return rollups_many(self, vecs)

    def start(self) -> None:
        """Begin to answer other nodes."""
        if self.transport is not None:
            self.transport.start(self.rpc.serve)

    def close(self) -> None:
        """Cancel jobs, leave the cloud, end every thread, close sockets. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self.jobs.close()
        self.orphans.close()
        self.rehoming.close()
        for end in reversed(self.closers):
            end()
        # Whoever waits for another node on behalf of this one waits no longer.
        self.cloud.mark_failed("it was shut down")
        self.tasks.close()
        if self.transport is not None:
            self.transport.close()
        if self.spill is not None:
            self.spill.close()

    def leave(self, timeout: float = 3600.0) -> None:
        """Hand over everything this node holds to the others; ``close`` may follow without any loss.

        Raises
        ------
        CloudTimeoutError
            The others did not take over in time, or there are none.
        """
        self.rehoming.leave(timeout)

    def _drop_peer(self, node: H2ONode, reason: str) -> None:
        if self.transport is not None:
            self.transport.drop_peer(node, reason)

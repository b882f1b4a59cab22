"""NodeStats: the numbers a node tells about itself in each heartbeat, for /3/Cloud."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from h2ok.kernel.wire import wire_type

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["NodeStats", "StatsReader", "machine_speed", "resident_bytes"]

#: Seconds after the start of a node until its machine is measured: the start is quick, and others start beside it.
_SETTLED_SECONDS = 10.0
_COPIED_BYTES = 16 << 20


@wire_type("node.stats")
@dataclass(frozen=True, slots=True)
class NodeStats:
    """Sizes in bytes. ``*_pct`` in percent, -1 when unknown; ``pojo_mem`` is what the process holds beside stored values.

    ``num_cpus``, ``cpus_allowed``, ``free_mem``, ``max_mem``: this node's share where several nodes are on one machine, so that
    the sums that clients show are what there is.

    ``gflops``, ``mem_bw``: what a short measurement gave, in 1e9 operations and in bytes a second; 0 before it.
    """

    pid: int = 0
    num_cpus: int = 0
    cpus_allowed: int = 0
    nthreads: int = 0
    sys_load: float = 0.0
    my_cpu_pct: int = -1
    sys_cpu_pct: int = -1
    mem_value_size: int = 0
    pojo_mem: int = 0
    free_mem: int = 0
    max_mem: int = 0
    swap_mem: int = 0
    num_keys: int = 0
    free_disk: int = 0
    max_disk: int = 0
    rpcs_active: int = 0
    tcps_active: int = 0
    open_fds: int = 0
    gflops: float = 0.0
    mem_bw: float = 0.0


@dataclass(frozen=True, slots=True)
class _Share:
    """One of ``nodes`` nodes of a machine, the ``position``-th. What all of them tell sums up to what the machine has."""

    nodes: int
    position: int

    def of(self, cores: int) -> int:
        """Cores of this node; at least one, so that the sum is more where there are more nodes than cores."""
        return max(1, cores // self.nodes + (self.position < cores % self.nodes))


class StatsReader:
    """Reads the numbers of this process from the system; where the system has none they stay at their defaults."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._last = (0.0, 0.0, 0.0, 0.0)
        self._pct = (-1, -1)
        self._speed = (0.0, 0.0)

    def read(self) -> NodeStats:
        """The numbers of this moment; about 0.1 ms, and once, a while after the start, some 30 ms to measure the machine."""
        node = self._node
        if self._speed == (0.0, 0.0) and time.time() - node.started_at > _SETTLED_SECONDS:
            self._speed = machine_speed()
        rss, memory = resident_bytes(), _meminfo()
        values = node.dkv.budget.resident
        if node.config.max_mem and node.spill is not None:
            node.dkv.budget.adapt(node.config.max_mem, rss)
        share = self._share()
        limit = node.config.max_mem or memory.get("MemTotal", 0) // share.nodes
        free = min(memory.get("MemAvailable", 0) // share.nodes, max(0, limit - rss))
        disk = shutil.disk_usage(node.config.ice_root if os.path.isdir(node.config.ice_root or "") else tempfile.gettempdir())
        mine, whole = self._cpu()
        return NodeStats(
            pid=os.getpid(),
            num_cpus=share.of(os.cpu_count() or 1),
            cpus_allowed=share.of(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1),
            nthreads=node.config.nthreads,
            sys_load=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
            my_cpu_pct=mine,
            sys_cpu_pct=whole,
            mem_value_size=values,
            pojo_mem=max(0, rss - values),
            free_mem=free,
            max_mem=limit,
            swap_mem=node.spill.on_disk if node.spill is not None else 0,
            num_keys=len(node.dkv.store),
            free_disk=disk.free,
            max_disk=disk.total,
            rpcs_active=node.transport.active if node.transport is not None else 0,
            tcps_active=node.cloud.size - 1,
            open_fds=_open_fds(),
            gflops=self._speed[0],
            mem_bw=self._speed[1],
        )

    def _share(self) -> _Share:
        """What this node has of its machine: nodes of one IP address are taken to be on one."""
        cloud = self._node.cloud
        here = sorted({m.port for m in cloud.members if m.ip == cloud.me.ip and not cloud.is_lost(m)} | {cloud.me.port})
        return _Share(len(here), here.index(cloud.me.port))

    def _cpu(self) -> tuple[int, int]:
        """(percent of all cores used by this process, by everyone) since the last look at least half a second ago."""
        now = time.monotonic()
        if now - self._last[0] < 0.5:
            return self._pct
        busy, total = _cpu_ticks()
        then, mine, busy_then, total_then = self._last
        used = time.process_time()
        self._last = (now, used, busy, total)
        if then and total > total_then:
            cores = os.cpu_count() or 1
            self._pct = (
                round(100 * (used - mine) / ((now - then) * cores)),
                round(100 * (busy - busy_then) / (total - total_then)),
            )
        return self._pct


def machine_speed() -> tuple[float, float]:
    """(1e9 floating point operations a second in a product of matrices, bytes a second when memory is copied); best of a few."""
    n = 192
    a, product = np.ones((n, n)), np.empty((n, n))
    flops = 2 * n**3 / _best(lambda: np.dot(a, a, out=product))
    # Mapped, so that the memory goes back as soon as it is not used any more.
    halves = np.frombuffer(mmap.mmap(-1, 2 * _COPIED_BYTES), np.float64).reshape(2, -1)
    seconds = _best(lambda: np.copyto(halves[0], halves[1]))
    return round(flops / 1e9, 3), float(round(2 * _COPIED_BYTES / seconds))


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return max(min(times), 1e-9)


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def resident_bytes() -> int:
    """Bytes of memory this process takes; 0 where the system does not tell."""
    fields = _text("/proc/self/statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else 0


def _meminfo() -> dict[str, int]:
    found = {}
    for line in _text("/proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name in ("MemTotal", "MemAvailable"):
            found[name] = int(rest.split()[0]) * 1024
    return found


def _cpu_ticks() -> tuple[float, float]:
    fields = _text("/proc/stat").partition("\n")[0].split()[1:]
    ticks = [float(f) for f in fields[:8]]
    return (sum(ticks) - sum(ticks[3:5]), sum(ticks)) if len(ticks) > 4 else (0.0, 0.0)


def _open_fds() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return -1

"""What every node answers to the node a client talks to: its health, logs and stacks."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from h2ok.capabilities.hookspecs import hookimpl

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["RemoteServices", "node_status", "thread_stacks"]


class RemoteServices:
    """Core extension "REST": registers the remote services before the node takes requests."""

    @hookimpl
    def on_node_started(self, runtime: Runtime) -> None:
        """Offer ``rest.status``, ``rest.log``, ``rest.stacks``, ``rest.ticks`` and ``rest.echo`` to the other nodes."""
        rpc = runtime.node.rpc
        rpc.register("rest.status", lambda _: node_status(runtime))
        rpc.register("rest.log", lambda name: read_log(runtime, name))
        rpc.register("rest.stacks", lambda _: thread_stacks())
        rpc.register("rest.ticks", lambda _: cpu_ticks())
        rpc.register("rest.echo", len)


def node_status(runtime: Runtime) -> dict[str, Any]:
    """Numbers of this node for NodeV3. Bytes, milliseconds."""
    node = runtime.node
    rss = resident_bytes()
    total, available = machine_memory()
    budget = node.config.max_mem or total
    stored = stored_bytes(runtime)
    disk = shutil.disk_usage(_existing(node.config.ice_root))
    return {
        "pid": os.getpid(),
        "num_cpus": os.cpu_count() or 1,
        "cpus_allowed": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "nthreads": node.config.nthreads,
        "sys_load": os.getloadavg()[0],
        "mem_value_size": stored,
        "pojo_mem": max(0, rss - stored),
        "free_mem": max(0, min(budget - rss, available)),
        "max_mem": budget,
        "num_keys": len(node.dkv.local_keys()),
        "free_disk": disk.free,
        "max_disk": disk.total,
        "open_fds": open_files(),
        "time": int(time.time() * 1000),
    }


def stored_bytes(runtime: Runtime) -> int:
    """Bytes of the encoded chunks whose home is this node, where the kernel counts them."""
    counter = getattr(runtime.node, "value_bytes", None)
    return int(counter()) if callable(counter) else 0


def read_log(runtime: Runtime, name: str) -> str | None:
    """Text of a log file; None when there is none of that name."""
    if runtime.logs is None:
        return ""
    try:
        return runtime.logs.text(name)
    except LookupError:
        return None


def thread_stacks() -> list[str]:
    """The stack of every thread, one text each."""
    names = {t.ident: t.name for t in threading.enumerate()}
    return [
        f'"{names.get(ident, "?")}" {ident}\n' + "".join(traceback.format_stack(frame))
        for ident, frame in sorted(sys._current_frames().items())
    ]


def cpu_ticks() -> list[list[int]]:
    """For each core: user, system, other and idle ticks since boot; empty where /proc is missing."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return []
    out = []
    for line in lines:
        name, *numbers = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, idle, *other = (int(n) for n in numbers)
            out.append([user, system, nice + sum(other), idle])
    return out


def resident_bytes() -> int:
    """Resident memory of this process, 0 where /proc is missing."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def machine_memory() -> tuple[int, int]:
    """(all, available) bytes of the machine."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
        return found["MemTotal"], found["MemAvailable"]
    except (OSError, KeyError, ValueError, IndexError):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return total, total


def open_files() -> int:
    """Open file descriptors, -1 when unknown."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return -1


def _existing(folder: str) -> str:
    path = Path(folder or ".").absolute()
    while not path.exists():
        path = path.parent
    return str(path)

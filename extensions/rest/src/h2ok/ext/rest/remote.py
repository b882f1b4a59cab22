"""What every node answers to the node a client talks to: its logs, stacks and CPU time."""

from __future__ import annotations

import gc
import logging
import sys
import threading
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from h2ok.capabilities.hookspecs import hookimpl
from h2ok.capabilities.logs import ALIASES, LEVELS

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["RemoteServices", "profile", "thread_stacks"]

_log = logging.getLogger("h2ok.rest")
#: How often and how far apart, in seconds, a profile looks at the threads.
_LOOKS = 50
_PAUSE = 0.005


class RemoteServices:
    """Core extension "REST": registers the remote services before the node takes requests."""

    @hookimpl
    def on_node_started(self, runtime: Runtime) -> None:
        """Offer what the handlers ask of other nodes."""
        rpc = runtime.node.rpc
        rpc.register("rest.log", lambda name: read_log(runtime, name))
        rpc.register("rest.stacks", lambda _: thread_stacks())
        rpc.register("rest.profile", profile)
        rpc.register("rest.ticks", lambda _: cpu_ticks())
        rpc.register("rest.collect", lambda _: gc.collect())
        rpc.register("rest.dump", lambda _: dump())
        rpc.register("rest.echo", len)
        rpc.register("rest.io", lambda _: io_counts(runtime))
        rpc.register("rest.timeline", lambda _: list(rpc.recent))
        rpc.register("rest.leave", lambda _: leave(runtime))


def leave(runtime: Runtime) -> None:
    """Hand over what this node holds, then end its process."""
    runtime.node.leave()
    runtime.request_stop()


def io_counts(runtime: Runtime) -> list[dict[str, int | str]]:
    """Reads and writes of this node: spilled chunks, and all of the process where the system counts it."""
    spill = runtime.node.dkv.store.spill_counts()
    found: list[dict[str, int | str]] = [{"backend": "ice", **spill}]
    try:
        fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    except (OSError, ValueError):
        return found
    found.append(
        {
            "backend": "process",
            "store_count": int(fields["syscw"]),
            "store_bytes": int(fields["wchar"]),
            "delete_count": 0,
            "load_count": int(fields["syscr"]),
            "load_bytes": int(fields["rchar"]),
        }
    )
    return found


def read_log(runtime: Runtime, name: str) -> str | None:
    """Text of a log file; None when there is none of that name."""
    if runtime.logs is None:
        return "" if name in (*LEVELS, *ALIASES) else None
    try:
        return runtime.logs.text(name)
    except LookupError:
        return None


def dump() -> None:
    """Write the stacks of all threads to the log."""
    _log.info("Stacks of all threads:\n%s", "\n".join(thread_stacks()))


def thread_stacks() -> list[str]:
    """The stack of every thread, one text each."""
    names = {t.ident: t.name for t in threading.enumerate()}
    return [
        f'"{names.get(ident, "?")}" {ident}\n' + "".join(traceback.format_stack(frame))
        for ident, frame in sorted(sys._current_frames().items())
    ]


def profile(depth: int) -> list[list[object]]:
    """``[stack, how often it was seen]`` of the threads over a quarter of a second, the most frequent first.

    Stacks are told apart by their ``depth`` innermost calls.
    """
    seen: Counter[str] = Counter()
    me, pause = threading.get_ident(), threading.Event()
    for _ in range(_LOOKS):
        for ident, frame in sys._current_frames().items():
            if ident != me:
                calls = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=depth, lookup_lines=False)
                seen["".join(f"{c.name}({c.filename}:{c.lineno})\n" for c in calls)] += 1
        pause.wait(_PAUSE)
    return [[stack, count] for stack, count in sorted(seen.items(), key=lambda item: (-item[1], item[0]))]


def cpu_ticks() -> list[list[int]]:
    """For each core: ticks since boot of user code, the system with its interrupts, low priority with waiting, idleness;
    empty where /proc is missing.
    """
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return []
    out = []
    for line in lines:
        name, *numbers = line.split()
        if name.startswith("cpu") and name != "cpu":
            user, nice, system, idle, waiting, hard, soft = (int(n) for n in numbers[:7])
            out.append([user, system + hard + soft, nice + waiting, idle])
    return out

"""Clouds for tests: several nodes in this process, or real processes; and what tells that nothing was left behind."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.node import Node, NodeConfig
from h2ok.kernel.transport.inproc import InprocHub

__all__ = ["assert_no_keys", "local_cloud", "no_new_threads"]


@contextlib.contextmanager
def local_cloud(n: int, nthreads: int = 2, hub: InprocHub | None = None) -> Iterator[list[Node]]:
    """``n`` nodes of one cloud in this process, over the in-process transport; closed at the end.

    Messages go through the wire format, so what works here works between processes, registration of types included. The
    membership is given, not negotiated. ``hub`` lets a test kill nodes and cut connections.
    """
    hub = hub or InprocHub()
    members = tuple(H2ONode("127.0.0.1", 54321 + 2 * i, 54322 + 2 * i) for i in range(n))
    nodes = [
        Node(NodeConfig(name="local", ip=m.ip, port=m.port, nthreads=nthreads), hub.transport(m) if n > 1 else None, m.node_port)
        for m in members
    ]

    def lock_all(reason: str) -> None:
        for node in nodes:
            node.cloud.mark_locked(reason)

    for node in nodes:
        node.cloud.set_members(members)
        node.cloud.lock_service = lock_all
        node.start()
    try:
        yield nodes
    finally:
        for node in nodes:
            node.close()


@contextlib.contextmanager
def no_new_threads(prefix: str = "h2ok", timeout: float = 5.0) -> Iterator[None]:
    """Fail when threads whose name starts with ``prefix`` outlive the block by more than ``timeout`` seconds."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + timeout
    for t in set(threading.enumerate()) - before:
        if t.name.startswith(prefix):
            t.join(max(0.0, end - time.monotonic()))
            assert not t.is_alive(), f"Thread '{t.name}' was left running."


def assert_no_keys(nodes: Sequence[Node]) -> None:
    """Fail when any node of a cloud still stores a key, finished jobs aside."""
    left = [k for node in nodes for k in node.dkv.local_keys() if not k.startswith("$job")]
    assert not left, f"{len(left)} keys were left: {sorted(left)[:10]}"

"""Clouds for tests: several nodes in this process, or real processes; and what tells that nothing was left behind."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import random
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from h2ok.kernel.boot import start_node
from h2ok.kernel.cloud.cloud import H2ONode
from h2ok.kernel.node import Node, NodeConfig
from h2ok.kernel.transport.inproc import InprocHub

__all__ = ["ProcessCloud", "assert_no_keys", "free_ports", "local_cloud", "no_new_threads", "process_cloud", "zmq_cloud"]

#: Below the range that systems take outgoing ports from.
_PORTS = (20_000, 32_000)


@contextlib.contextmanager
def local_cloud(n: int, nthreads: int = 2, hub: InprocHub | None = None, replicas: int = 0) -> Iterator[list[Node]]:
    """``n`` nodes of one cloud in this process, over the in-process transport; closed at the end.

    Messages go through the wire format, so what works here works between processes, registration of types included. The
    membership is given, not negotiated. ``hub`` lets a test kill nodes and cut connections; a killed node is noticed at once.
    """
    hub = hub or InprocHub()
    members = tuple(H2ONode("127.0.0.1", 54321 + 2 * i, 54322 + 2 * i) for i in range(n))
    nodes = [Node(_local_config(m, nthreads, replicas), hub.transport(m) if n > 1 else None, m.node_port) for m in members]

    def lock_all(reason: str) -> None:
        for node in nodes:
            node.cloud.mark_locked(reason)

    for node in nodes:
        node.cloud.set_members(members)
        node.cloud.lock_service = lock_all
        if node.transport is not None:
            node.transport.on_refused = partial(_lost, node)
        node.start()
    hub.on_kill = {n.cloud.me: partial(n.cloud.mark_failed, "it was killed") for n in nodes}
    try:
        yield nodes
    finally:
        for node in nodes:
            if node.transport is not None:
                node.transport.on_refused = None
        for node in nodes:
            node.close()


@contextlib.contextmanager
def zmq_cloud(n: int, nthreads: int = 1, replicas: int = 0, secret: str = "") -> Iterator[list[Node]]:
    """``n`` nodes of one cloud in this process that reach each other by ZeroMQ on the loopback address and negotiate their
    membership, as processes do; closed at the end.

    Parameters
    ----------
    secret : encrypts the traffic when it is set.
    """
    ports = free_ports(n)
    name = f"test-{random.getrandbits(32):x}"
    nodes: list[Node] = []
    try:
        for port in ports:
            config = replace(_config(name, port, nthreads, (1.0, 3.0, 10.0), secret), replicas=replicas)
            nodes.append(start_node(config, [f"127.0.0.1:{p}" for p in ports]))
        for node in nodes:
            node.cloud.wait_for_size(n, 60)
        yield nodes
    finally:
        for node in nodes:
            node.close()


def _local_config(me: H2ONode, nthreads: int, replicas: int) -> NodeConfig:
    return NodeConfig(name="local", ip=me.ip, port=me.port, nthreads=nthreads, replicas=replicas)


def _lost(node: Node, other: H2ONode) -> None:
    if other in node.cloud.members and not node.cloud.failure:
        node.cloud.mark_lost(other, "its process ended (connection refused)")


@dataclass(slots=True)
class ProcessCloud:
    """``node``: the member in the test's own process; ``processes``: the others, by REST port."""

    node: Node
    processes: dict[int, subprocess.Popen[bytes]]

    def kill(self, port: int) -> None:
        """End a process as ``kill -9`` does."""
        self.processes[port].kill()
        self.processes[port].wait(10)


@contextlib.contextmanager
def process_cloud(
    n: int,
    nthreads: int = 1,
    modules: Sequence[str] = (),
    paths: Sequence[str] = (),
    beat: tuple[float, float, float] = (1.0, 3.0, 10.0),
    secret: str = "",
    replicas: int = 0,
) -> Iterator[ProcessCloud]:
    """A cloud of ``n`` real processes, this one included; all are gone at the end.

    Parameters
    ----------
    modules : to import in the other processes, so that their wire types are known there; found on ``paths`` too. What they
        call ``serve`` is called with the node.
    secret : encrypts the traffic when it is set.
    replicas : copies of every value beside the first.
    beat : seconds between heartbeats, until suspect, until dead.
    """
    ports = free_ports(n)
    flatfile = [f"127.0.0.1:{p}" for p in ports]
    name = f"test-{random.getrandbits(32):x}"
    base = [sys.executable, "-m", "h2ok.kernel.testing", "--name", name, "--nthreads", str(nthreads), "--beat", *map(str, beat)]
    base += [*(["--secret", secret] if secret else []), "--replicas", str(replicas)]
    base += [a for f in flatfile for a in ("--flatfile", f)]
    base += [a for m in modules for a in ("--module", m)] + [a for p in paths for a in ("--path", p)]
    # A child ends when its standard input does, so that no way this process can end leaves it behind.
    children = {p: subprocess.Popen([*base, "--port", str(p)], stdin=subprocess.PIPE) for p in ports[1:]}  # noqa: S603 - ours
    node: Node | None = None
    try:
        node = start_node(replace(_config(name, ports[0], nthreads, beat, secret), replicas=replicas), flatfile)
        node.cloud.wait_for_size(n, 60)
        yield ProcessCloud(node, children)
    finally:
        if node is not None:
            node.close()
        for child in children.values():
            if child.stdin is not None:
                child.stdin.close()
        for child in children.values():
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(10)


def free_ports(n: int) -> list[int]:
    """``n`` ports on the loopback address that are free now, and the ones after them too (for the node port); ascending."""
    found: set[int] = set()
    while len(found) < n:
        port = random.randrange(*_PORTS, 2)
        with contextlib.suppress(OSError), socket.socket() as a, socket.socket() as b:
            a.bind(("127.0.0.1", port))
            b.bind(("127.0.0.1", port + 1))
            found.add(port)
    return sorted(found)


@contextlib.contextmanager
def no_new_threads(prefix: str = "h2ok", timeout: float = 5.0) -> Iterator[None]:
    """Fail when threads whose name starts with ``prefix`` outlive the block by more than ``timeout`` seconds."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + timeout
    for t in set(threading.enumerate()) - before:
        if t.name.startswith(prefix):
            t.join(max(0.0, end - time.monotonic()))
            if t.is_alive():
                frame = sys._current_frames().get(t.ident or 0)
                where = "".join(traceback.format_stack(frame)) if frame is not None else ""
                raise AssertionError(f"Thread '{t.name}' was left running.\n{where}")


def assert_no_keys(nodes: Sequence[Node]) -> None:
    """Fail when any node of a cloud still stores a key, finished jobs aside."""
    left = [k for node in nodes for k in node.dkv.local_keys() if not k.startswith("$job")]
    assert not left, f"{len(left)} keys were left: {sorted(left)[:10]}"


def _config(name: str, port: int, nthreads: int, beat: Sequence[float], secret: str = "") -> NodeConfig:
    made = NodeConfig(name, port=port, nthreads=nthreads, cluster_secret=secret)
    return replace(made, heartbeat_seconds=beat[0], suspect_seconds=beat[1], dead_seconds=beat[2])


def _main() -> None:
    parser = argparse.ArgumentParser(description="A kernel node for tests; it ends when its standard input is closed.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--nthreads", type=int, default=1)
    parser.add_argument("--beat", type=float, nargs=3, default=(1.0, 3.0, 10.0))
    parser.add_argument("--secret", default="")
    parser.add_argument("--replicas", type=int, default=0)
    for option in ("--flatfile", "--module", "--path"):
        parser.add_argument(option, action="append", default=[])
    args = parser.parse_args()
    sys.path[:0] = args.path
    modules = [importlib.import_module(m) for m in args.module]
    config = replace(_config(args.name, args.port, args.nthreads, args.beat, args.secret), replicas=args.replicas)
    node = start_node(config, args.flatfile)
    for module in modules:
        if hasattr(module, "serve"):
            module.serve(node)
    sys.stdin.buffer.read()
    node.close()


if __name__ == "__main__":
    _main()

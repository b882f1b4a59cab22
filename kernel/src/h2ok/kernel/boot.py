"""Boot: a node that listens for other nodes and takes part in a cloud."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from h2ok.kernel.cloud.flatfile import parse_flatfile
from h2ok.kernel.cloud.messages import Identity
from h2ok.kernel.cloud.service import MembershipService
from h2ok.kernel.node import Node, NodeConfig

__all__ = ["start_node"]

#: mallopt's parameters for the size from which memory is mapped (and given back at once), and for the number of heaps.
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_MAPPED_BYTES = 256 << 10

#: Seconds a thread keeps the interpreter while others want it. PERF: REST p99 beside a busy Python thread 30 -> 11 ms.
_SWITCH_SECONDS = 0.0005


def start_node(
    config: NodeConfig,
    flatfile: Sequence[str] = (),
    node_port: int | None = None,
    extension_hash: str = "",
    extensions: Sequence[str] = (),
) -> Node:
    """A started node. Returns at once; ``node.cloud.wait_for_size(n)`` waits for the others.

    Parameters
    ----------
    flatfile : ``host:port`` (REST ports) of the other nodes; the own address may be among them. Empty for a cloud of one,
        which others may still join until it is locked.
    node_port : where to listen for other nodes; the REST port + 1 by default, 0 for any free one.
    extension_hash, extensions : the set of extensions of this node, which must be equal on all nodes: a hash, and
        ``name==version`` of each so that a refusal can name the difference.

    Raises
    ------
    PortInUseError
        The node port is taken.
    IllegalArgumentError
        The flatfile is malformed.
    """
    from h2ok.kernel import __version__
    from h2ok.kernel.transport.zmq import ZmqTransport

    others = parse_flatfile(flatfile)
    if config.max_mem:
        _bound_heap()
    sys.setswitchinterval(_SWITCH_SECONDS)
    port = config.port + 1 if node_port is None else node_port
    transport = ZmqTransport(config.ip, port, label=f"{config.ip}:{config.port}", secret=config.cluster_secret)
    node = Node(config, transport, transport.port)
    identity = Identity(config.name, __version__, extension_hash, tuple(sorted(extensions)), config.replicas)
    service = MembershipService(node, transport, identity, others)
    node.start()
    service.start()
    return node


def _bound_heap() -> None:
    """Have glibc give back the memory of arrays when they are freed, instead of keeping it in heaps of every thread.

    Without it a process that spills keeps the holes that spilled chunks left. PERF: freed pages are mapped anew, so only for nodes
    with a memory limit.
    """
    import ctypes

    # Arrow's own allocator keeps what it has read through; this is looked at when Arrow is imported.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return
    mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
    mallopt(_M_ARENA_MAX, 2)

"""Boot: a node that listens for other nodes and takes part in a cloud."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from h2ok.kernel.cloud.flatfile import parse_flatfile
from h2ok.kernel.cloud.messages import Identity
from h2ok.kernel.cloud.service import MembershipService
from h2ok.kernel.node import Node, NodeConfig

__all__ = ["start_node", "tune_heap"]

#: mallopt's parameters: free bytes at the end of a heap that are given back, the size from which memory is mapped (and given
#: back at once), the number of heaps.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_MAPPED_BYTES = 256 << 10
#: For nodes without a memory limit.
_KEPT_BYTES, _HEAP_BYTES = 512 << 20, 32 << 20

#: Seconds a thread keeps the interpreter while others want it. PERF: REST p99 beside a busy Python thread 30 -> 11 ms.
_SWITCH_SECONDS = 0.0005


def start_node(
    config: NodeConfig,
    flatfile: Sequence[str] = (),
    node_port: int | None = None,
    extension_hash: str = "",
    extensions: Sequence[str] = (),
    *,
    seeks: bool = False,
) -> Node:
    """A started node. Returns at once; ``node.cloud.wait_for_size(n)`` waits for the others.

    Parameters
    ----------
    flatfile : ``host:port`` (REST ports) of the other nodes; the own address may be among them. Empty for a cloud of one,
        which others may still join until it is locked.
    node_port : where to listen for other nodes; the REST port + 1 by default, 0 for any free one.
    extension_hash, extensions : the set of extensions of this node, which must be equal on all nodes: a hash, and
        ``name==version`` of each so that a refusal can name the difference.
    seeks : ``cloud.meet`` will be told of other nodes, so that this one looks around a moment before it takes itself for the first.

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
    tune_heap(config.max_mem)
    sys.setswitchinterval(_SWITCH_SECONDS)
    port = config.port + 1 if node_port is None else node_port
    transport = ZmqTransport(config.ip, port, label=f"{config.ip}:{config.port}", secret=config.cluster_secret)
    node = Node(config, transport, transport.port)
    identity = Identity(config.name, __version__, extension_hash, tuple(sorted(extensions)), config.replicas)
    service = MembershipService(node, transport, identity, others, seeks=seeks)
    node.start()
    service.start()
    return node


def tune_heap(max_mem: int) -> None:
    """Set how glibc keeps the memory of arrays that are freed. It is a setting of the process; other C libraries have none.

    With a limit it is given back at once: a process that spills would keep the holes that spilled chunks left. Without one heaps
    keep it for the next array. PERF: each page of new memory costs 2 us or more in a virtual machine, ten times what filling it
    does; an expression over 10M rows takes half the processor time when it writes into memory that was used before.
    """
    import ctypes

    # Arrow's own allocator keeps what it has read through; this is looked at when Arrow is imported.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return
    if max_mem:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        mallopt(_M_ARENA_MAX, 2)
    else:
        mallopt(_M_MMAP_THRESHOLD, _HEAP_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)

"""local_runtime: a node with extensions inside the test process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from h2ok.capabilities.contracts.extension import Extension
    from h2ok.capabilities.runtime import Runtime

__all__ = ["local_runtime", "local_runtimes"]


@contextmanager
def local_runtime(only: Iterable[str] | None = None, extra: Iterable[Extension] = (), **config: Any) -> Iterator[Runtime]:
    """A cloud of one in this process, without sockets.

    Parameters
    ----------
    only : names of the extensions to load; None for all installed ones, () to refuse discovery altogether.
    extra : extensions that have no entry point.
    config : fields of NodeConfig; two worker threads unless told otherwise.
    """
    from h2ok.capabilities.boot import Composition
    from h2ok.capabilities.registry import Registry
    from h2ok.kernel import Node, NodeConfig

    registry = Registry.discover(only=only, extra=extra)
    node = Node(NodeConfig(**{"nthreads": 2, **config}))
    node.start()
    composition = Composition(node, registry)
    try:
        composition.start()
        yield composition.runtime
    finally:
        composition.close()


@contextmanager
def local_runtimes(
    n: int = 3, only: Iterable[str] | None = None, extra: Iterable[Extension] = (), nthreads: int = 2
) -> Iterator[list[Runtime]]:
    """A cloud of ``n`` nodes in this process, each with the extensions; messages between them go through the wire format."""
    from h2ok.capabilities.boot import Composition
    from h2ok.capabilities.registry import Registry
    from h2ok.kernel.testing import local_cloud

    given = tuple(extra)
    with local_cloud(n, nthreads=nthreads) as nodes:
        compositions = [Composition(node, Registry.discover(only=only, extra=given)) for node in nodes]
        try:
            for composition in compositions:
                composition.start()
            yield [c.runtime for c in compositions]
        finally:
            for composition in reversed(compositions):
                composition.close()

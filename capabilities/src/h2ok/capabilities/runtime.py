"""Runtime: a node together with its extensions; what handlers, parsers and builders are given."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from h2ok.capabilities.registry import Registry
    from h2ok.kernel import Node

__all__ = ["Runtime"]

T = TypeVar("T")


class Runtime:
    """One node's composition. ``service(cls)`` makes one instance of a class for this node, on first use."""

    def __init__(self, node: Node, registry: Registry) -> None:
        self.node = node
        node.context = self
        self.registry = registry
        self._services: dict[Any, Any] = {}
        self._lock = threading.RLock()

    def service(self, cls: type[T]) -> T:
        """The instance of ``cls`` (made as ``cls(runtime)``) that belongs to this node."""
        with self._lock:
            found = self._services.get(cls)
            if found is None:
                found = self._services[cls] = cls(self)  # type: ignore[call-arg]
            out: T = found
            return out

    def service_named(self, name: str) -> Any:
        """A service that some extension provides under ``name``.

        Raises
        ------
        LookupError
            No active extension provides it; the message names those that would.
        """
        return self.service(self.registry.service_class(name))

    def close(self) -> None:
        """Close services that have a ``close``, last made first."""
        with self._lock:
            for s in reversed(list(self._services.values())):
                close = getattr(s, "close", None)
                if close is not None:
                    close()
            self._services.clear()

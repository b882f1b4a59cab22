"""Runtime: a node together with its extensions; what handlers, parsers and builders are given."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from h2ok.capabilities.contracts.extension import Codec, Listener
from h2ok.capabilities.settings import Settings
from h2ok.capabilities.wiretypes import WireTypes
from h2ok.kernel.frame.numeric_encoder import offer_codecs
from h2ok.kernel.wire import add_resolver

if TYPE_CHECKING:
    from h2ok.capabilities.catalog import Catalog
    from h2ok.capabilities.logs import LogBook
    from h2ok.kernel import Node

__all__ = ["Runtime"]

T = TypeVar("T")
_log = logging.getLogger("h2ok.runtime")


class Runtime:
    """One node's composition. ``service(cls)`` makes one instance of a class for this node, on first use."""

    def __init__(
        self,
        node: Node,
        registry: Catalog,
        settings: Settings | None = None,
        logs: LogBook | None = None,
        stopping: threading.Event | None = None,
    ) -> None:
        self.node = node
        self.registry = registry
        self.settings = settings or Settings()
        self.logs = logs
        #: Set when this process should end; whoever runs the process waits for it.
        self.stopping = stopping or threading.Event()
        self._services: dict[Any, Any] = {}
        self._lock = threading.RLock()
        self._forget_types: Callable[[], None] = add_resolver(WireTypes(registry).load)
        codecs = registry.provided(Codec)
        self._forget_codecs = offer_codecs(lambda: [registry.load(c) for c in codecs]) if codecs else None
        node.context = self
        node.rpc.register("runtime.stop", lambda _: self.request_stop())

    @property
    def hooks(self) -> Any:
        """Pluggy's relay: ``runtime.hooks.on_ready(runtime=..., url=...)`` calls every core extension."""
        return self.registry.plugins.hook

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

    def has_service(self, name: str) -> bool:
        """Whether an active extension provides the service; nothing is imported."""
        return self.registry.has_service(name)

    def report(self, event: str, /, **data: Any) -> None:
        """Tell the listeners of active extensions what happened; one that fails is logged."""
        for declared in self.registry.provided(Listener):
            try:
                self.service(self.registry.load(declared)).report(event, data)
            except Exception:
                _log.exception("Listener '%s' failed on the event %s", declared.name, event)

    def request_stop(self) -> None:
        """Ask this process to end; returns at once."""
        self.stopping.set()

    def stop_cloud(self) -> None:
        """Ask every node of the cloud to end, this one last. A node that does not answer is passed over."""
        node = self.node
        # By name: their places change as soon as the first one has gone.
        others = [m for m in node.cloud.members if m != node.cloud.me]
        futures = [node.rpc.submit(m, "runtime.stop", None, timeout=2.0) for m in others]
        for f in futures:
            # A lost node has ended already, which is what we want.
            with contextlib.suppress(Exception):
                f.result(timeout=3.0)
        self.request_stop()

    def close(self) -> None:
        """Close services that have a ``close``, last made first."""
        self._forget_types()
        if self._forget_codecs is not None:
            self._forget_codecs()
        with self._lock:
            services, self._services = list(self._services.values()), {}
        for s in reversed(services):
            close = getattr(s, "close", None)
            if close is not None:
                close()

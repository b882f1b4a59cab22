"""boot: composes extensions, node, services and the REST server into a running process, in one fixed order."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from h2ok.capabilities.runtime import Runtime

if TYPE_CHECKING:
    from h2ok.capabilities.logs import LogBook
    from h2ok.capabilities.registry import Registry
    from h2ok.capabilities.settings import Settings
    from h2ok.kernel import Node

__all__ = ["Composition"]

_log = logging.getLogger("h2ok.boot")


class Composition:
    """A node with its extensions: ``start`` runs the life-cycle hooks up to REST, ``serve`` opens REST, ``close`` ends all."""

    def __init__(self, node: Node, registry: Registry, settings: Settings | None = None, logs: LogBook | None = None) -> None:
        self.node = node
        self.registry = registry
        self.runtime = Runtime(node, registry, settings, logs)
        self.url = ""
        self._closed = False

    def start(self) -> None:
        """Tell core extensions that the node is a member of its cloud."""
        self._each("on_node_started", runtime=self.runtime)

    def serve(self) -> str:
        """Open REST when an extension provides it; the URL, empty without one."""
        if self.runtime.has_service("rest.server"):
            started = time.perf_counter()
            self.url = str(self.runtime.service_named("rest.server").start())
            _log.debug("REST server open after %.0f ms", (time.perf_counter() - started) * 1000)
        self._each("on_ready", runtime=self.runtime, url=self.url)
        return self.url

    def close(self) -> None:
        """Tell extensions, close services and the node. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self.runtime.request_stop()
        self._each("on_stop", runtime=self.runtime)
        self.runtime.close()
        self.node.close()

    def _each(self, hook: str, **arguments: object) -> None:
        """Call one hook; an extension that fails is logged and does not stop the others."""
        caller = getattr(self.registry.plugins.hook, hook)
        impls = list(caller.get_hookimpls())
        for impl in reversed(impls) if hook == "on_stop" else impls:
            try:
                impl.function(**{n: arguments[n] for n in impl.argnames})
            except Exception:
                _log.exception("Core extension '%s' failed in %s", impl.plugin_name, hook)

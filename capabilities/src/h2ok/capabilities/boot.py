"""boot: composes extensions, node, services and the REST server into a running process, in one fixed order."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from h2ok.capabilities.contracts.extension import Persist
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

    def __init__(
        self,
        node: Node,
        registry: Registry,
        settings: Settings | None = None,
        logs: LogBook | None = None,
        stopping: threading.Event | None = None,
    ) -> None:
        self.node = node
        self.registry = registry
        self.runtime = Runtime(node, registry, settings, logs, stopping)
        self.url = ""
        self._closed = False

    def start(self) -> None:
        """Tell core extensions that the node is a member of its cloud."""
        self._log_extensions()
        self._each("on_node_started", runtime=self.runtime)
        self.node.cloud.on_lost.append(lambda lost, reason: self.runtime.report("node_lost", node=str(lost), reason=reason))
        self.runtime.report("node_started", node=self.node.cloud.me.name)

    def _log_extensions(self) -> None:
        registry = self.registry
        cores = registry.core_names()
        _log.info("Found core extensions: [%s]", ", ".join(cores))
        for name in cores:
            _log.info("%s initialized", name)
        _log.info("Registered %d core extensions in %.0f ms", len(cores), registry.load_ms)
        _log.info("Registered parsers: [%s]", ", ".join(p.name for p in registry.parsers()))
        for p in registry.provided(Persist):
            _log.info("Registered storage '%s' for %s", p.name, ", ".join(f"{s}://" if s else "plain paths" for s in p.schemes))
        for x in registry.loaded:
            for warning in x.warnings:
                _log.warning("Extension %s: %s", x.name, warning)
            if x.state != "active":
                _log.log(
                    logging.WARNING if x.state != "disabled" else logging.INFO, "Extension %s is %s: %s", x.name, x.state, x.reason
                )

    def serve(self) -> str:
        """Open REST when an extension provides it; the URL, empty without one."""
        if self.runtime.has_service("rest.server"):
            started = time.perf_counter()
            self.url = str(self.runtime.service_named("rest.server").start())
            _log.debug("REST server open after %.0f ms", (time.perf_counter() - started) * 1000)
        self._each("on_ready", runtime=self.runtime, url=self.url)
        self.runtime.report("ready", url=self.url)
        return self.url

    def close(self) -> None:
        """Tell extensions, close services and the node. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        # The others end with this one, mostly: that is no loss to repair.
        self.node.rehoming.stop_leading()
        self.runtime.request_stop()
        self.runtime.report("stopping")
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
            except (Exception, SystemExit) as e:
                _log.exception("Core extension '%s' failed in %s", impl.plugin_name, hook)
                self._failed(impl.plugin_name, hook, e)

    def _failed(self, core: str, hook: str, error: BaseException) -> None:
        """A core extension that could not start is taken out with its extension; one that fails later is noted."""
        x = self.registry.owner(core)
        if x is None:
            return
        if hook == "on_node_started":
            self.registry.fail_core(core, hook, error)
        else:
            x.warn(f"Core extension '{core}' failed in {hook}: {error}")
        self.runtime.report("extension_failed", extension=x.name, hook=hook, reason=str(error))

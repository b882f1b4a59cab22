"""WireTypes: makes the wire types of all active extensions known on a node that has not used them yet.

Extensions are imported on first use. The node that a client talks to uses them first; the others meet their tasks and values as
unknown names in a message. Then everything that this node's own extensions declare is imported once - which modules these are never
depends on the message.
"""

from __future__ import annotations

import importlib
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from h2ok.capabilities.catalog import resolve
from h2ok.capabilities.contracts.extension import Command, Routes

if TYPE_CHECKING:
    from h2ok.capabilities.catalog import Catalog
    from h2ok.capabilities.contracts.extension import Extension

__all__ = ["WireTypes"]

_log = logging.getLogger(__name__)


class WireTypes:
    """Imports what active extensions declare; a second call does nothing. Thread-safe."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._done = False

    def load(self) -> None:
        """Import every declared target. A module that fails is logged; the message that needs it then fails by itself."""
        with self._lock:
            if self._done:
                return
            for extension in self._catalog.active():
                for target in _targets(extension):
                    try:
                        resolve(target) if ":" in target else importlib.import_module(target)
                    except Exception:
                        _log.warning("Cannot import '%s' of extension '%s'", target, extension.name, exc_info=True)
            self._done = True


def _targets(extension: Extension) -> Iterator[str]:
    yield from extension.modules
    for provided in extension.provides:
        if isinstance(provided, Command):
            continue
        yield provided.target
        if isinstance(provided, Routes):
            for route in resolve(provided.target):
                yield from (t for t in (route.handler, route.input, route.output) if isinstance(t, str))

"""Life-cycle of the framework: makes the types of every algorithm known to a node before work from other nodes arrives."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

from h2ok.capabilities import resolve
from h2ok.capabilities.hookspecs import hookimpl

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime

__all__ = ["ModelsCore"]

_log = logging.getLogger(__name__)


class ModelsCore:
    """Imports the framework and the modules of all algorithms (light: numpy at most; kernels come later)."""

    @hookimpl
    def on_node_started(self, runtime: Runtime) -> None:
        """Tasks name their types; a node can only run those it has imported."""
        for module in ("algorithm", "crossvalidation", "grid", "scoring"):
            import_module(f"h2ok.ext.models.{module}")
        for algo in runtime.registry.algos().values():
            try:
                resolve(algo.target)
            except Exception:  # one broken algorithm must not stop the node; its route reports the error
                _log.warning("Cannot load algorithm %s from %s", algo.name, algo.target, exc_info=True)

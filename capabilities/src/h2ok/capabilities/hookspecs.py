"""Hooks a core extension may implement; pluggy checks names and arguments when it is loaded.

A hook implementation takes any subset of the arguments named here::

    from h2ok.capabilities.hookspecs import hookimpl

    class Watcher:
        @hookimpl
        def on_ready(self, runtime):
            ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import argparse

    from h2ok.capabilities.contracts.routes import RequestContext
    from h2ok.capabilities.runtime import Runtime

__all__ = ["HookSpecs", "hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("h2ok")
hookimpl = pluggy.HookimplMarker("h2ok")


class HookSpecs:
    """The life of a node, in order of the methods."""

    @hookspec
    def init(self) -> None:
        """Before anything else of the process; a failure is reported with its reason and the extension is left out.

        Raise UnavailableError when something the extension needs is not there: it is then disabled, not failed.
        """

    @hookspec
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add options of ``h2ok start``."""

    @hookspec
    def validate_arguments(self, args: argparse.Namespace) -> None:
        """Look at the parsed options. Raise ValueError to end the start with that text."""

    @hookspec
    def on_node_started(self, runtime: Runtime) -> None:
        """The node is a member of its cloud; REST is not open yet. Register remote services here."""

    @hookspec(firstresult=True)
    def authenticate(self, runtime: Runtime, request: RequestContext) -> str | None:
        """The user of a request. None: this extension has no opinion. Raise an ApiError with status 401 to refuse."""

    @hookspec
    def on_ready(self, runtime: Runtime, url: str) -> None:
        """Requests are answered at ``url`` (empty when no extension serves REST)."""

    @hookspec
    def on_stop(self, runtime: Runtime) -> None:
        """The node is about to end; called once, in reverse order of loading."""

    @hookspec
    def build_info(self) -> dict[str, Any] | None:
        """Facts about the extension for the report: library versions, devices."""

"""The Listener contract: told what happens on a node. Since API 1.1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["EVENTS", "EventListener"]

#: Events that the core reports, with their data. Extensions report their own through ``Runtime.report``.
EVENTS = {
    "node_started": "the node is a member of its cloud",
    "ready": "requests are answered at data['url']",
    "node_lost": "member data['node'] was lost because of data['reason']",
    "extension_failed": "extension data['extension'] failed in data['hook']: data['reason']",
    "stopping": "the node is about to end",
}


class EventListener(ABC):
    """Made once a node, when it starts. What ``report`` raises is logged and stops nothing."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    @abstractmethod
    def report(self, event: str, data: Mapping[str, Any]) -> None:
        """An event (see ``EVENTS``; ignore names you do not know). Runs on the thread that reports: hand long work to another."""

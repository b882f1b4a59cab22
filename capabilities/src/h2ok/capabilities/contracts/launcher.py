"""The Launcher contract: how the nodes of ``h2ok start --nodes N`` come to life. Since API 1.1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from h2ok.kernel import H2OKError

__all__ = ["LaunchPlan", "Launcher", "NodeState"]


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """What is to be launched.

    Parameters
    ----------
    n_nodes : size of the cloud.
    name, ip, port : the cloud's name and the REST address of its first node.
    ice_root : folder for logs of the nodes.
    options : options of ``h2ok start`` as the user gave them, which the nodes need too.
    """

    n_nodes: int
    name: str
    ip: str
    port: int
    ice_root: Path
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeState:
    """What is known of a node. Since API 1.3.

    Parameters
    ----------
    phase : ``starting`` until it is in the cloud for the first time since it was started, ``ready`` while it is, ``waiting`` while
        it is not any more or not yet again, ``ended`` when its process is gone, ``left`` when it ended as it was asked to.
    text : more, for people: the process, why it waits, how it ended.
    was_ready : of one that has ended: whether it was in the cloud before. Told here because it may be so short.
    """

    phase: Literal["starting", "ready", "waiting", "ended", "left"]
    text: str = ""
    was_ready: bool = False

    @property
    def over(self) -> bool:
        """Whether there is no process any more."""
        return self.phase in ("ended", "left")


class Launcher(ABC):
    """Starts the nodes; the process that asks for it is none itself. ``close`` is called whatever happened before.

    Since API 1.3 a launcher starts all nodes, the first one too.
    """

    def __init__(self, plan: LaunchPlan) -> None:
        self.plan = plan

    @property
    @abstractmethod
    def addresses(self) -> Sequence[str]:
        """``ip:port`` (REST) of all nodes, that of the plan first; known before ``start``."""

    @abstractmethod
    def start(self) -> None:
        """Start the nodes; returns at once."""

    @abstractmethod
    def states(self) -> Mapping[str, NodeState]:
        """How the nodes are, by address. Asked for a few times a second from the start on; must be quick. Since API 1.3."""

    def replace(self, node: str) -> None:
        """Start a node again that has ended, at the same address and with the same options; returns at once. Since API 1.3.

        Raises
        ------
        H2OKError
            This launcher cannot.
        """
        raise H2OKError(f"{type(self).__name__} cannot start node {node} again. Start it by hand, or the whole cloud once more.")

    @abstractmethod
    def ask_to_end(self) -> None:
        """Ask the nodes to end; returns at once. A second call does no harm."""

    @abstractmethod
    def close(self) -> None:
        """Wait for the nodes to end, end those that do not, and leave nothing behind. A second call does no harm."""

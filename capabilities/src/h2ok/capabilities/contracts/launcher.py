"""The Launcher contract: how the other nodes of ``h2ok start --nodes N`` come to life. Since API 1.1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LaunchPlan", "Launcher"]


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """What is to be launched.

    Parameters
    ----------
    n_nodes : size of the cloud, this node included.
    name, ip, port : the cloud's name and the REST address of this node, which answers already.
    ice_root : folder for logs of the others.
    options : options of ``h2ok start`` as the user gave them, which the others need too.
    """

    n_nodes: int
    name: str
    ip: str
    port: int
    ice_root: Path
    options: tuple[str, ...] = ()


class Launcher(ABC):
    """Starts ``n_nodes - 1`` further nodes. ``close`` is called whatever happened before."""

    def __init__(self, plan: LaunchPlan) -> None:
        self.plan = plan

    @property
    @abstractmethod
    def addresses(self) -> Sequence[str]:
        """``ip:port`` (REST) of all nodes, this one first; known before ``start``."""

    @abstractmethod
    def start(self) -> None:
        """Start the other nodes; returns at once."""

    @abstractmethod
    def check(self, *, strict: bool = False) -> None:
        """Look after the nodes, once a second. ``strict``: the cloud is not formed yet, so raise H2OKError when a node is gone."""

    @abstractmethod
    def ask_to_end(self) -> None:
        """Ask the nodes to end; returns at once. A second call does no harm."""

    @abstractmethod
    def close(self) -> None:
        """Wait for the nodes to end, end those that do not, and leave nothing behind. A second call does no harm."""

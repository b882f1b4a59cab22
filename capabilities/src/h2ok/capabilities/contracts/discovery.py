"""The Discovery contract: where the other nodes of the cloud are. Since API 1.1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

__all__ = ["Discovery"]


class Discovery(ABC):
    """Made before the node is, from the text behind the colon of ``h2ok start --discovery NAME:ARGUMENT``."""

    def __init__(self, argument: str = "") -> None:
        self.argument = argument

    @abstractmethod
    def resolve(self) -> list[str]:
        """``host:port`` (REST ports) of the nodes as far as known now; the own address may be among them, empty for a cloud of one.

        Raises
        ------
        H2OKError
            The source cannot be read; the text says what was expected and ends the start.
        """

    def watch(self, cloud: str, own: str, found: Callable[[Sequence[str]], None]) -> None:  # noqa: B027 - optional
        """Go on looking once the node runs. Returns at once. Since API 1.2.

        Parameters
        ----------
        cloud : the cloud's name; only nodes of it are wanted.
        own : ``host:port`` (REST) of this node.
        found : to be called with addresses that may be new, from any thread, as often as need be.
        """

    def close(self) -> None:  # noqa: B027 - optional
        """Stop looking; nothing of it may be left. Also called when ``watch`` was not. Since API 1.2."""

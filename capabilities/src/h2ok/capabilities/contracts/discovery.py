"""The Discovery contract: where the other nodes of the cloud are. Since API 1.1."""

from __future__ import annotations

from abc import ABC, abstractmethod

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

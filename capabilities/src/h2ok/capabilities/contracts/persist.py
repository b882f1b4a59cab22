"""The Persist contract: byte storage behind a URI scheme."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Entry", "Persist"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a listing; ``size`` in bytes, -1 when unknown."""

    uri: str
    size: int
    is_dir: bool = False


class Persist(ABC):
    """Range reads, listing, create, delete and rename. Thread-safe; made once a node."""

    schemes: tuple[str, ...] = ()

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    @abstractmethod
    def size(self, uri: str) -> int:
        """Bytes of an object. Raises FileNotFoundError."""

    @abstractmethod
    def read(self, uri: str, start: int = 0, length: int = -1) -> bytes:
        """Bytes ``start : start + length`` (to the end when ``length`` is -1; short at the end). Raises FileNotFoundError."""

    def read_into(self, uri: str, start: int, buffer: memoryview) -> int:
        """Fill ``buffer`` with the bytes from ``start`` on; how many there were. Backends may spare the copy made here."""
        data = self.read(uri, start, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def local_path(self, uri: str) -> str | None:
        """Where the object lies as a file of this machine, for libraries that read such themselves; None when it does not."""
        return None

    @abstractmethod
    def open(self, uri: str) -> BinaryIO:
        """A stream over the object."""

    @abstractmethod
    def list(self, uri: str) -> list[Entry]:
        """The object itself, or what lies in the folder, sorted by URI. Raises FileNotFoundError."""

    @abstractmethod
    def create(self, uri: str, *, overwrite: bool = False) -> BinaryIO:
        """A stream whose bytes become the object when it is closed. Raises FileExistsError."""

    @abstractmethod
    def delete(self, uri: str) -> None:
        """Remove an object; a missing one is no error."""

    @abstractmethod
    def rename(self, source: str, target: str) -> None:
        """Move an object, replacing the target."""

    def exists(self, uri: str) -> bool:
        """Whether there is an object or folder."""
        try:
            return bool(self.list(uri))
        except FileNotFoundError:
            return False

"""The Exporter contract: a file format that frames are written in. Since API 1.1."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from h2ok.capabilities.runtime import Runtime
    from h2ok.kernel import Frame, JobContext

__all__ = ["ExportPart", "Exporter"]


@dataclass(frozen=True, slots=True)
class ExportPart:
    """One file to write: the rows of ``chunks`` of ``frame``. ``options``: header and separator, as the request had them."""

    frame: Frame
    chunks: range
    compression: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


class Exporter(ABC):
    """Writes frames. Thread-safe; made once a node.

    Attributes
    ----------
    compressions : values of ``compression`` it knows, beside none.
    folder : whether a frame always becomes a folder with a file a chunk (as Parquet does), not one file.
    """

    compressions: ClassVar[tuple[str, ...]] = ()
    folder: ClassVar[bool] = False

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def check(self, frame: Frame) -> None:  # noqa: B027 - optional
        """Raise IllegalArgumentError when the frame has something the format cannot hold. Before anything is written."""

    @abstractmethod
    def write(self, job: JobContext, part: ExportPart, out: BinaryIO, done: int) -> int:
        """Write one file to ``out``, which stays open; ``done`` pieces were written before, the new number is returned.

        Raise what ``job.update`` raises when the job was cancelled; the file is then not stored.
        """

"""The Parser contract: recognise a file format and read it into a frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from h2ok.kernel.wire import wire_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from h2ok.capabilities.runtime import Runtime
    from h2ok.kernel import Frame, JobContext

__all__ = ["ParseSetup", "Parser"]


@wire_type("parse.setup")
@dataclass(frozen=True, slots=True)
class ParseSetup:
    """How to read sources; what ``guess`` returns and clients may change.

    Column types: Unknown, Numeric, Enum, Time, String, UUID, Bad. ``check_header``: -1 first line is data, 0 guess, 1 first line is
    a header. ``separator`` and ``escapechar`` are code points (0: none).
    ``na_strings``: for each column the texts that mean NA. ``data``: sample rows as text for the preview.
    """

    parse_type: str = "GUESS"
    separator: int = 0
    single_quotes: bool = False
    check_header: int = 0
    number_columns: int = 0
    column_names: tuple[str, ...] | None = None
    column_types: tuple[str, ...] | None = None
    skipped_columns: tuple[int, ...] = ()
    na_strings: tuple[tuple[str, ...] | None, ...] | None = None
    domains: tuple[tuple[str, ...] | None, ...] | None = None
    chunk_size: int = 4_194_304
    escapechar: int = 0
    custom_non_data_line_markers: str | None = None
    partition_by: tuple[str, ...] | None = None
    force_col_types: bool = False
    tz_adjust_to_local: bool = False
    data: tuple[tuple[str, ...], ...] = ()
    warnings: tuple[str, ...] = ()


class Parser(ABC):
    """One file format. Instances are made once a node, with the runtime."""

    name: str = ""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    @abstractmethod
    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        """A setup when ``sample`` (the first bytes of the decompressed source) looks like this format, None when it does not.

        A zip archive that is one document, such as a workbook, is not decompressed: the sample is its first bytes, then the names
        of its members, a line each. ``source`` is the name of the file where it is known; uploads have none.

        Fields the user set in ``given`` (names, types, separator, header) are kept. An exception over foreign bytes counts as None.

        Raises
        ------
        IllegalArgumentError
            The source is of this format and cannot be read; ends the request with its text, no other parser is asked.
        """

    def check(self, setup: ParseSetup) -> None:  # noqa: B027 - formats that can follow every setup need none
        """Refuse a setup that this format cannot follow, before a job begins: raise IllegalArgumentError."""

    @abstractmethod
    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        """Read all sources into one stored frame ``dest``; leaves nothing behind when it raises."""

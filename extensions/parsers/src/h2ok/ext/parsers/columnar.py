"""ColumnarParser: files of pieces of columns (row groups, stripes), one piece a block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.arrow_columns import columns_of_table, complete_setup, damage_of, kinds_of_schema, rounded
from h2ok.ext.parsers.arrow_types import is_plain_text, may_pass_int64
from h2ok.ext.parsers.columns import Columns, ReadColumns, runtime_of, write_frame
from h2ok.ext.parsers.compression import compression_of
from h2ok.ext.parsers.kept import kept_columns, kept_positions
from h2ok.ext.parsers.partitions import Partitions, partitions_of
from h2ok.ext.parsers.raw import RawFile, read_raw, require_raw
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, random_key, wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["ColumnarFile", "ColumnarParser", "Piece", "ReadPieces"]

_PREVIEW_ROWS = 1000
_HEAD_BYTES = 1 << 10
_NAME = re.compile(rb"[\w \"'.-]*[,;|\t\r\n]")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
#: Types whose texts are read once for each level of a piece.
_CODED = ("Enum", "Numeric", "Time")


class ColumnarFile(Protocol):
    """An open file; what it raises about its bytes is made an error of the user's kind by ``ReadPieces.open`` and ``damage_of``."""

    #: Arrow's schema of it.
    schema: Any
    #: Row groups, stripes.
    n_pieces: int

    def __init__(self, runtime: Runtime, raw: RawFile) -> None: ...

    def head(self, rows: int) -> Any:
        """Its first rows, not validated; None when it has none."""

    def piece(self, number: int, columns: list[str], coded: list[str]) -> Iterator[tuple[list[str], Any]]:
        """The columns of a piece, some at a time: their names and a table with them, not validated.

        Those in ``coded`` hold text and may come as dictionaries.
        """


@wire_type("parsers.piece")
@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of one file (its number among the sources)."""

    raw: RawFile
    number: int
    source: int


@dataclass(frozen=True)
class ReadPieces(ReadColumns):
    """Reads one piece a block; a format says how its files are opened."""

    pieces: tuple[Piece, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    partitions: Partitions

    #: The format as errors name it.
    format: ClassVar[str]
    #: What opens a file of it.
    file: ClassVar[type[ColumnarFile]]

    @classmethod
    def open(cls, runtime: Runtime, raw: RawFile) -> ColumnarFile:
        """Open a file.

        Raises
        ------
        IllegalArgumentError
            It is damaged.
        """
        packed = compression_of(read_raw(runtime, raw, 0, 8))
        if packed is not None:
            raise IllegalArgumentError(
                f"'{raw.key}' is packed with {packed}. {cls.format} files pack their columns themselves and are read as they are; "
                "unpack it first."
            )
        with damage_of(f"'{raw.key}'", f"{cls.format} file"):
            return cls.file(runtime, raw)

    def read(self, block: Block) -> Columns:
        ref = self.pieces[block.index]
        file = self.open(runtime_of(block.node), ref.raw)
        missing = [c for c in self.columns if c not in file.schema.names]
        if missing:
            raise IllegalArgumentError(f"'{ref.raw.key}' has no column '{missing[0]}', which the first file has.")
        types = dict(zip(self.columns, self.types, strict=True))
        with damage_of(f"'{ref.raw.key}'", f"{self.format} file"):
            coded = [c for c, kind in types.items() if kind in _CODED and is_plain_text(file.schema.field(c).type)]
            out = Columns(0, [], [], [])
            for names, table in file.piece(ref.number, list(self.columns), coded):
                table.validate(full=True)
                out.append(columns_of_table(table, names, [types[n] for n in names], coded))
            return self.partitions.extend(out, ref.source)


class ColumnarParser(Parser):
    """All flat columns: numbers, decimals, booleans, dates, timestamps, text. Nested columns are refused by name."""

    magic: ClassVar[bytes]
    task: ClassVar[type[ReadPieces]]

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        # The name of a column may begin like the mark; then text follows it.
        if not sample.startswith(self.magic) or (
            _NAME.match(sample, len(self.magic)) and not _BINARY.search(sample, 0, _HEAD_BYTES)
        ):
            return None
        return replace(given, parse_type=self.name)

    def complete(self, raw: RawFile, given: ParseSetup) -> ParseSetup:
        """Names and types from the file's own schema; text columns are looked at to tell enums from strings."""
        return self._completed(self.task.open(self.runtime, raw), raw, given)

    def _completed(self, file: ColumnarFile, raw: RawFile, given: ParseSetup) -> ParseSetup:
        with damage_of(f"'{raw.key}'", f"{self.task.format} file"):
            head = file.head(_PREVIEW_ROWS) if kept_positions(given, len(file.schema)) else None
            if head is not None:
                head.validate(full=True)
                head = head.slice(0, _PREVIEW_ROWS)
            return complete_setup(given, self.name, file.schema, head)

    def stored_kinds(self, source: RawFile) -> list[str]:
        """Which columns of a file hold whole numbers, which ones reals."""
        return kinds_of_schema(self.task.open(self.runtime, source).schema)

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raws = [require_raw(job.node, s) for s in sources]
        first = self.task.open(self.runtime, raws[0])
        counts = [first.n_pieces, *(self.task.open(self.runtime, r).n_pieces for r in raws[1:])]
        pieces = tuple(Piece(r, g, i) for i, (r, n) in enumerate(zip(raws, counts, strict=True)) for g in range(n))
        if not pieces:
            raise IllegalArgumentError(f"'{raws[0].key}' has no rows to read.")
        own = list(first.schema.names)
        keep, names, types = kept_columns(self._completed(first, raws[0], setup), len(own), raws[0].key)
        parts = partitions_of([r.uri for r in raws], setup.partition_by)
        read = self.task(random_key("parse", system=True), pieces, tuple(own[j] for j in keep), tuple(types), parts)
        frame = write_frame(job, read, len(pieces), [*types, *parts.types], [*names, *parts.names], dest)
        wide = [n for n, j in zip(names, keep, strict=True) if may_pass_int64(first.schema.field(j).type)]
        for text in rounded(job.node, frame, wide, "read it as text: col_types={name: 'string'}"):
            job.warn(text)
        return frame

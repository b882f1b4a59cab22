"""LineParser: the short way to a text format of which every line is a row.

An author recognises a sample (``guess``) and turns lines into columns (``read``); cutting files into blocks, reading them on the
nodes where their rows will live, merging levels, compression, several files and the choice of the smallest chunk come from here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.extension import Parser as ParserDeclaration
from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.columns import Columns, ReadColumns, runtime_of, write_frame
from h2ok.ext.parsers.csv.blocks import BlockRef, plan_blocks
from h2ok.ext.parsers.guess import sample_of
from h2ok.ext.parsers.kept import refuse_skipping
from h2ok.ext.parsers.raw import require_raw
from h2ok.kernel import Block, Chunk, Frame, IllegalArgumentError, JobContext, random_key, wire_type
from h2ok.kernel.frame.newchunk import encode_int64, encode_numbers, encode_strings, encode_uuids
from numpy.typing import NDArray

__all__ = ["LineParser"]

#: What ``read`` gives for a column: float64[n] with NA as NaN, or text with None for NA.
ColumnValues = NDArray[np.float64] | Sequence[str | None]


class LineParser(Parser):
    """Inherit, set ``name`` to that of the declaration, and implement ``guess`` and ``read``."""

    @staticmethod
    @abstractmethod
    def read(lines: list[str], setup: ParseSetup) -> list[ColumnValues]:
        """The columns of some lines, one for each of ``setup.column_types``; pure, runs on any node.

        Numeric and Time (milliseconds since the epoch, UTC) as numbers with NA as NaN; Enum, String and UUID as text with None.

        Raises
        ------
        IllegalArgumentError
            A line cannot be read; say which, and what was expected.
        """

    def prepare(self, sample: bytes, setup: ParseSetup) -> ParseSetup:
        """Once before reading: what ``read`` needs and clients do not send back may be put into the setup. The sample is of the
        first source.
        """
        return setup

    def check(self, setup: ParseSetup) -> None:
        refuse_skipping(setup, self.name)

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raws = [require_raw(job.node, s) for s in sources]
        setup = self.prepare(sample_of(self.runtime, raws[0]), setup)
        types = setup.column_types or ()
        if not types:
            raise IllegalArgumentError(f"The columns of '{sources[0]}' are not known. Ask for them first: POST /3/ParseSetup.")
        names = setup.column_names or tuple(f"C{i + 1}" for i in range(len(types)))
        if len(names) != len(types):
            raise IllegalArgumentError(f"{len(names)} column_names were given for {len(types)} columns.", argument="column_names")
        plan = plan_blocks(self.runtime, raws, max(setup.chunk_size, 4096), "")
        try:
            read = _ReadLines(random_key("parse", system=True), self.name, tuple(plan.blocks), setup)
            return write_frame(job, read, len(plan.blocks), types, names, dest, setup.domains)
        finally:
            job.node.dkv.remove_many(plan.staged)


@wire_type("parsers.lines")
@dataclass(frozen=True)
class _ReadLines(ReadColumns):
    parser: str
    blocks: tuple[BlockRef, ...]
    setup: ParseSetup

    def read(self, block: Block) -> Columns:
        runtime = runtime_of(block.node)
        found = self.blocks[block.index]
        text = found.read(runtime, 0).decode("utf-8", "surrogateescape")
        lines = [line for line in text.replace("\r\n", "\n").split("\n") if line]
        if found.first and self.setup.check_header == 1:
            lines = lines[1:]
        values = _class_of(runtime, self.parser).read(lines, self.setup)
        types = self.setup.column_types or ()
        if len(values) != len(types):
            raise IllegalArgumentError(f"Parser {self.parser} read {len(values)} columns; its setup has {len(types)}.")
        columns = Columns(len(lines), [], [], [])
        for column, kind in zip(values, types, strict=True):
            if len(column) != len(lines):
                raise IllegalArgumentError(f"Parser {self.parser} made a column of {len(column)} values of {len(lines)} lines.")
            _add(columns, column, kind)
        return columns


def _class_of(runtime: Any, name: str) -> type[LineParser]:
    for declared in runtime.registry.provided(ParserDeclaration):
        if declared.name == name:
            found: type[LineParser] = runtime.registry.load(declared)
            return found
    raise IllegalArgumentError(f"Parser '{name}' is not installed on node {runtime.node.label}; install its package there.")


def _add(columns: Columns, values: ColumnValues, kind: str) -> None:
    chunk: Chunk | None = None
    codes, levels = None, None
    if kind == "Enum":
        levels = sorted({str(v) for v in values if v is not None})
        index = {level: i for i, level in enumerate(levels)}
        codes = np.fromiter((-1 if v is None else index[str(v)] for v in values), dtype=np.int32, count=len(values))
    elif kind in ("String", "UUID"):
        text = [None if v is None else str(v) for v in values]
        chunk = encode_strings(text) if kind == "String" else encode_uuids(text)
    else:
        numbers = np.asarray(values, dtype=np.float64)
        chunk = encode_numbers(numbers)
        if kind == "Time" and not np.isnan(numbers).any():
            chunk = encode_int64(numbers.astype(np.int64))
    columns.chunks.append(chunk)
    columns.codes.append(codes)
    columns.levels.append(levels)

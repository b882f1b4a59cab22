"""ParquetParser: columnar files, one row group a block."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.arrow_columns import columns_of_table, complete_setup, damage_of, kept_columns
from h2ok.ext.parsers.columns import Columns, ReadColumns, runtime_of, write_frame
from h2ok.ext.parsers.compression import raw_stream
from h2ok.ext.parsers.partitions import Partitions, partitions_of
from h2ok.ext.parsers.raw import RawFile, require_raw
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, random_key, wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["ParquetParser"]

_MAGIC = b"PAR1"
_PREVIEW_ROWS = 1000


@wire_type("parquet.group")
@dataclass(frozen=True, slots=True)
class RowGroup:
    """One row group of one file (its number among the sources)."""

    raw: RawFile
    group: int
    source: int


@wire_type("parquet.read")
@dataclass(frozen=True)
class _Read(ReadColumns):
    groups: tuple[RowGroup, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    partitions: Partitions

    def read(self, block: Block) -> Columns:
        ref = self.groups[block.index]
        file = _open(runtime_of(block.node), ref.raw)
        missing = [c for c in self.columns if c not in file.schema_arrow.names]
        if missing:
            raise IllegalArgumentError(f"'{ref.raw.key}' has no column '{missing[0]}', which the first file has.")
        with damage_of(ref.raw.key, "Parquet"):
            table = file.read_row_group(ref.group, columns=list(self.columns), use_threads=False)
            table.validate(full=True)
            return self.partitions.extend(columns_of_table(table, self.columns, self.types), ref.source)


class ParquetParser(Parser):
    """All flat columns: numbers, decimals, booleans, dates, timestamps, text. Nested columns are refused by name."""

    name = "PARQUET"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        return replace(given, parse_type=self.name) if sample.startswith(_MAGIC) else None

    def complete(self, raw: RawFile, given: ParseSetup) -> ParseSetup:
        """Names and types from the file's own schema; text columns are looked at to tell enums from strings."""
        file = _open(self.runtime, raw)
        schema = file.schema_arrow
        flat = [j for j in range(len(schema)) if j not in set(given.skipped_columns)]
        with damage_of(raw.key, "Parquet"):
            head = next(file.iter_batches(_PREVIEW_ROWS), None) if flat else None
            if head is not None:
                head.validate(full=True)
            return complete_setup(given, self.name, schema, head)

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raws = [require_raw(job.node, s) for s in sources]
        groups = [RowGroup(r, g, i) for i, r in enumerate(raws) for g in range(_open(self.runtime, r).num_row_groups)]
        own = list(_open(self.runtime, raws[0]).schema_arrow.names)
        if not groups:
            raise IllegalArgumentError(f"'{raws[0].key}' has no rows to read.")
        keep, names, types = kept_columns(self.complete(raws[0], setup), len(own), raws[0].key)
        parts = partitions_of([r.uri for r in raws], setup.partition_by)
        read = _Read(random_key("parse", system=True), tuple(groups), tuple(own[j] for j in keep), tuple(types), parts)
        return write_frame(job, read, len(groups), [*types, *parts.types], [*names, *parts.names], dest)


def _open(runtime: Runtime, raw: RawFile) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with damage_of(raw.key, "Parquet"):
        return pq.ParquetFile(pa.PythonFile(io.BufferedReader(raw_stream(runtime, raw), 1 << 20), "r"))

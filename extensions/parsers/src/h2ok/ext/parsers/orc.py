"""OrcParser: columnar files, one stripe a block."""

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

__all__ = ["OrcParser"]

_MAGIC = b"ORC"
_PREVIEW_ROWS = 1000


@wire_type("orc.stripe")
@dataclass(frozen=True, slots=True)
class Stripe:
    """One stripe of one file (its number among the sources)."""

    raw: RawFile
    stripe: int
    source: int


@wire_type("orc.read")
@dataclass(frozen=True)
class _Read(ReadColumns):
    stripes: tuple[Stripe, ...]
    columns: tuple[str, ...]
    types: tuple[str, ...]
    partitions: Partitions

    def read(self, block: Block) -> Columns:
        ref = self.stripes[block.index]
        file = _open(runtime_of(block.node), ref.raw)
        with damage_of(ref.raw.key, "ORC"):
            batch = file.read_stripe(ref.stripe, columns=list(self.columns))
            batch.validate(full=True)
            return self.partitions.extend(columns_of_table(batch, self.columns, self.types), ref.source)


class OrcParser(Parser):
    """All flat columns, as in Parquet files."""

    name = "ORC"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        return replace(given, parse_type=self.name) if sample.startswith(_MAGIC) else None

    def complete(self, raw: RawFile, given: ParseSetup) -> ParseSetup:
        """Names and types from the file's own schema; text columns are looked at to tell enums from strings."""
        file = _open(self.runtime, raw)
        with damage_of(raw.key, "ORC"):
            head = file.read_stripe(0) if file.nstripes else None
            if head is not None:
                head.validate(full=True)
                head = head.slice(0, _PREVIEW_ROWS)
            return complete_setup(given, self.name, file.schema, head)

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raws = [require_raw(job.node, s) for s in sources]
        stripes = [Stripe(r, g, i) for i, r in enumerate(raws) for g in range(_open(self.runtime, r).nstripes)]
        own = list(_open(self.runtime, raws[0]).schema.names)
        if not stripes:
            raise IllegalArgumentError(f"'{raws[0].key}' has no rows to read.")
        keep, names, types = kept_columns(self.complete(raws[0], setup), len(own), raws[0].key)
        parts = partitions_of([r.uri for r in raws], setup.partition_by)
        read = _Read(random_key("parse", system=True), tuple(stripes), tuple(own[j] for j in keep), tuple(types), parts)
        return write_frame(job, read, len(stripes), [*types, *parts.types], [*names, *parts.names], dest)


def _open(runtime: Runtime, raw: RawFile) -> Any:
    import pyarrow as pa
    from pyarrow import orc

    with damage_of(raw.key, "ORC"):
        return orc.ORCFile(pa.PythonFile(io.BufferedReader(raw_stream(runtime, raw), 1 << 20), "r"))

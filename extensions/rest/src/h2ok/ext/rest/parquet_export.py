"""Parquet export of runs of chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from h2ok.capabilities.contracts.exporter import Exporter, ExportPart
from h2ok.ext.rest.blocks import read_block
from h2ok.kernel import NA_INT64, Block, Frame, IllegalArgumentError, Node, Vec
from h2ok.kernel.frame.rollups import are_int64

if TYPE_CHECKING:
    from h2ok.kernel import JobContext

__all__ = ["ParquetExporter", "write_parquet"]


def write_parquet(node: Node, job: JobContext, frame: Frame, indexes: range, out: BinaryIO, compression: str, done: int) -> int:
    """Write the rows of some chunks as one Parquet file, a row group a chunk; the number of chunks written so far."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = are_int64(node, frame.vecs)
    schema = pa.schema([(n, _type(pa, v, w)) for n, v, w in zip(frame.names, frame.vecs, whole, strict=True)])
    with pq.ParquetWriter(out, schema, compression=compression or "snappy") as writer:
        for i in indexes:
            block = read_block(node, frame, i)
            arrays = [_array(pa, block, j, kind) for j, kind in enumerate(schema.types)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            done += 1
            job.update(done / (frame.n_chunks + 1), f"Wrote {done} pieces.")
    return done


class ParquetExporter(Exporter):
    """Columns as Parquet types; a folder with a file a chunk."""

    compressions = ("gzip", "zstd", "snappy", "brotli", "lz4")
    folder = True

    def check(self, frame: Frame) -> None:
        names = ", ".join(n for n, v in zip(frame.names, frame.vecs, strict=True) if v.type == "uuid")
        if names:
            raise IllegalArgumentError(
                f"UUID column type is not supported. Leave these columns out or convert them with ascharacter(): {names}.",
                argument="format",
            )

    def write(self, job: JobContext, part: ExportPart, out: BinaryIO, done: int) -> int:
        return write_parquet(self.runtime.node, job, part.frame, part.chunks, out, part.compression, done)


def _type(pa: Any, vec: Vec, whole: bool) -> Any:
    if vec.domain is not None or vec.type in ("string", "uuid"):
        return pa.string()
    if vec.type == "time":
        return pa.timestamp("ms", tz="UTC")
    return pa.int64() if whole else pa.float64()


def _array(pa: Any, block: Block, j: int, kind: Any) -> Any:
    if kind == pa.string():
        return pa.array(block.strings(j), type=kind)
    if kind == pa.float64():
        numbers = block.numbers(j)
        return pa.array(numbers, mask=np.isnan(numbers))
    values = block.chunk(j).int64()
    na = values == NA_INT64
    return pa.array(np.where(na, 0, values), mask=na).cast(kind)

"""ParquetParser: columnar files, one row group a block."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from h2ok.ext.parsers.columnar import ColumnarParser, ReadPieces
from h2ok.ext.parsers.compression import raw_stream
from h2ok.ext.parsers.raw import RawFile, persist_for
from h2ok.kernel import wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["ParquetParser"]


#: Values that are decoded before they are encoded. PERF: few at a time stay in the cache, and Arrow's memory is used again.
_VALUES = 1 << 18


class _ParquetFile:
    def __init__(self, runtime: Runtime, raw: RawFile) -> None:
        self._runtime, self._raw = runtime, raw
        self._file = self._opened()
        self.schema: Any = _with_intervals(self._file)
        self.n_pieces = int(self._file.num_row_groups)

    def head(self, rows: int) -> Any:
        return next(self._file.iter_batches(rows, use_threads=False), None)

    def piece(self, number: int, columns: list[str], coded: list[str]) -> Iterator[tuple[list[str], Any]]:
        file = self._opened(metadata=self._file.metadata, read_dictionary=coded) if coded else self._file
        step = max(_VALUES // max(file.metadata.row_group(number).num_rows, 1), 1)
        for at in range(0, len(columns), step):
            some = columns[at : at + step]
            yield some, file.read_row_group(number, columns=some, use_threads=False)

    def _opened(self, **options: Any) -> Any:
        """Without reading ahead, which takes all columns of all row groups into memory, also when few are asked for."""
        import pyarrow.parquet as pq

        return pq.ParquetFile(self._source(), pre_buffer=False, **options)

    def _source(self) -> Any:
        """What Arrow reads from. PERF: it reads files of this machine itself, without a lock that Python threads share."""
        import pyarrow as pa

        raw = self._raw
        path = persist_for(self._runtime, raw.uri).local_path(raw.uri) if raw.uri and not raw.n_blocks else None
        if path is not None:
            return pa.OSFile(path, "rb")
        return pa.PythonFile(io.BufferedReader(raw_stream(self._runtime, raw), 1 << 20), "r")


@wire_type("parquet.read")
@dataclass(frozen=True)
class _Read(ReadPieces):
    format = "Parquet"
    file = _ParquetFile


def _with_intervals(file: Any) -> Any:
    """The Arrow schema of a file, in which intervals are more than twelve bytes: nothing that could be a column."""
    import pyarrow as pa

    schema, leaves = file.schema_arrow, file.schema
    found = {leaves.column(j).path for j in range(len(leaves)) if leaves.column(j).converted_type == "INTERVAL"}
    kind = pa.month_day_nano_interval()
    return pa.schema([f.with_type(kind) if f.name in found else f for f in schema]) if found else schema


class ParquetParser(ColumnarParser):
    """All flat columns: numbers, decimals, booleans, dates, timestamps, text. Nested columns are refused by name."""

    name = "PARQUET"
    magic = b"PAR1"
    task = _Read

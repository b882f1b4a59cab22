"""ParquetParser: columnar files, one row group a block."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from h2ok.ext.parsers.arrow_columns import damage_of
from h2ok.ext.parsers.columnar import ColumnarParser, ReadPieces
from h2ok.ext.parsers.compression import raw_stream
from h2ok.ext.parsers.raw import RawFile, persist_for
from h2ok.kernel import wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["ParquetParser"]


class _ParquetFile:
    def __init__(self, runtime: Runtime, raw: RawFile) -> None:
        import pyarrow.parquet as pq

        self._runtime, self._raw = runtime, raw
        with damage_of(raw.key, "Parquet"):
            self._file: Any = pq.ParquetFile(self._source())

    @property
    def schema(self) -> Any:
        return self._file.schema_arrow

    @property
    def n_pieces(self) -> int:
        return int(self._file.num_row_groups)

    def head(self, rows: int) -> Any:
        return next(self._file.iter_batches(rows), None)

    def piece(self, number: int, columns: list[str], coded: list[str]) -> Any:
        import pyarrow.parquet as pq

        file = self._file
        if coded:
            file = pq.ParquetFile(self._source(), metadata=file.metadata, read_dictionary=coded)
        return file.read_row_group(number, columns=columns, use_threads=False)

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

    @staticmethod
    def open(runtime: Runtime, raw: RawFile) -> _ParquetFile:
        return _ParquetFile(runtime, raw)


class ParquetParser(ColumnarParser):
    """All flat columns: numbers, decimals, booleans, dates, timestamps, text. Nested columns are refused by name."""

    name = "PARQUET"
    magic = b"PAR1"
    task = _Read

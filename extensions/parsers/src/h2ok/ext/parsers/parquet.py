"""ParquetParser: columnar files, one row group a block."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from h2ok.ext.parsers.arrow_columns import damage_of
from h2ok.ext.parsers.columnar import ColumnarParser, ReadPieces
from h2ok.ext.parsers.compression import raw_stream
from h2ok.ext.parsers.raw import RawFile
from h2ok.kernel import wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["ParquetParser"]


class _ParquetFile:
    def __init__(self, runtime: Runtime, raw: RawFile) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with damage_of(raw.key, "Parquet"):
            self._file: Any = pq.ParquetFile(pa.PythonFile(io.BufferedReader(raw_stream(runtime, raw), 1 << 20), "r"))

    @property
    def schema(self) -> Any:
        return self._file.schema_arrow

    @property
    def n_pieces(self) -> int:
        return int(self._file.num_row_groups)

    def head(self, rows: int) -> Any:
        return next(self._file.iter_batches(rows), None)

    def piece(self, number: int, columns: list[str]) -> Any:
        return self._file.read_row_group(number, columns=columns, use_threads=False)


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

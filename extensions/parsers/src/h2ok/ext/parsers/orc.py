"""OrcParser: columnar files, one stripe a block."""

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

__all__ = ["OrcParser"]


class _OrcFile:
    def __init__(self, runtime: Runtime, raw: RawFile) -> None:
        import pyarrow as pa
        from pyarrow import orc

        with damage_of(raw.key, "ORC"):
            self._file: Any = orc.ORCFile(pa.PythonFile(io.BufferedReader(raw_stream(runtime, raw), 1 << 20), "r"))

    @property
    def schema(self) -> Any:
        return self._file.schema

    @property
    def n_pieces(self) -> int:
        return int(self._file.nstripes)

    def head(self, _rows: int) -> Any:
        return self._file.read_stripe(0) if self.n_pieces else None

    def piece(self, number: int, columns: list[str], coded: list[str]) -> Any:
        return self._file.read_stripe(number, columns=columns)


@wire_type("orc.read")
@dataclass(frozen=True)
class _Read(ReadPieces):
    format = "ORC"

    @staticmethod
    def open(runtime: Runtime, raw: RawFile) -> _OrcFile:
        return _OrcFile(runtime, raw)


class OrcParser(ColumnarParser):
    """All flat columns, as in Parquet files."""

    name = "ORC"
    magic = b"ORC"
    task = _Read

"""OrcParser: columnar files, one stripe a block."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

        self._file: Any = orc.ORCFile(pa.PythonFile(io.BufferedReader(raw_stream(runtime, raw), 1 << 20), "r"))
        self.schema: Any = self._file.schema
        self.n_pieces = int(self._file.nstripes)

    def head(self, _rows: int) -> Any:
        return self._file.read_stripe(0) if self.n_pieces else None

    def piece(self, number: int, columns: list[str], _coded: list[str]) -> Iterator[tuple[list[str], Any]]:
        yield columns, self._file.read_stripe(number, columns=columns)


@wire_type("orc.read")
@dataclass(frozen=True)
class _Read(ReadPieces):
    format = "ORC"
    file = _OrcFile


class OrcParser(ColumnarParser):
    """All flat columns, as in Parquet files."""

    name = "ORC"
    magic = b"ORC"
    task = _Read

"""Mostly zero: the rows that are not zero, and their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["SparseChunk"]


@wire_type("chunk.sparse")
@dataclass(frozen=True, slots=True)
class SparseChunk(Chunk):
    """Zero everywhere but at ``rows`` (ascending; uint16, or int32 in long chunks), where ``values`` stand.

    ``values`` has the narrowest exact type of int8, int16, int32, float32 and float64 (the last two with NA as NaN).
    """

    codec: ClassVar[str] = "CXF"
    codec_help: ClassVar[str] = "Sparse reals"

    n: int
    rows: NDArray[Any]
    values: NDArray[Any]

    @property
    def nbytes(self) -> int:
        return int(self.rows.nbytes + self.values.nbytes)

    def describe(self) -> tuple[str, str]:
        return ("CXI", "Sparse Integers") if self.values.dtype.kind == "i" else ("CXF", "Sparse Reals")

    def decode(self) -> NDArray[np.float64]:
        out = np.zeros(self.n)
        out[self.rows] = self.values
        return out

    def decode_into(self, out: NDArray[np.float64]) -> None:
        out[:] = 0.0
        out[self.rows] = self.values

    def at(self, row: int) -> float:
        i = int(np.searchsorted(self.rows, row))
        return float(self.values[i]) if i < len(self.rows) and self.rows[i] == row else 0.0

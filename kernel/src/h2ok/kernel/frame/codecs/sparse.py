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
    """Zero everywhere but at ``rows`` (ascending int32), where ``values`` (float32 or float64, NA as NaN) stand."""

    codec: ClassVar[str] = "CXF"
    codec_help: ClassVar[str] = "Sparse reals"

    n: int
    rows: NDArray[np.int32]
    values: NDArray[Any]

    @property
    def nbytes(self) -> int:
        return int(self.rows.nbytes + self.values.nbytes)

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

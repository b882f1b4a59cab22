"""Doubles, or floats where every value is exactly a float."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["FloatChunk"]


@wire_type("chunk.float")
@dataclass(frozen=True, slots=True)
class FloatChunk(Chunk):
    """``values`` is float64[n] or float32[n], NA as NaN."""

    codec: ClassVar[str] = "C8D"
    codec_help: ClassVar[str] = "64-bit or 32-bit reals"

    n: int
    values: NDArray[Any]

    @property
    def nbytes(self) -> int:
        return int(self.values.nbytes)

    def describe(self) -> tuple[str, str]:
        return ("C4F", "32-bit Reals") if self.values.itemsize == 4 else ("C8D", "64-bit Reals")

    def decode(self) -> NDArray[np.float64]:
        return self.values.astype(np.float64, copy=False)

    def at(self, row: int) -> float:
        return float(self.values[row])

"""Zeros and ones, eight to a byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from h2ok.kernel.frame.chunk import NA_CODE, NA_INT64, Chunk
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["BitChunk"]


@wire_type("chunk.bits")
@dataclass(frozen=True, slots=True)
class BitChunk(Chunk):
    """``bits`` and ``na`` are packed uint8, first row in the highest bit; ``na`` is empty when nothing is missing."""

    codec: ClassVar[str] = "CBS"
    codec_help: ClassVar[str] = "Binary"

    n: int
    bits: NDArray[np.uint8]
    na: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        return int(self.bits.nbytes + self.na.nbytes)

    def decode(self) -> NDArray[np.float64]:
        out = np.empty(self.n)
        self.decode_into(out)
        return out

    def decode_into(self, out: NDArray[np.float64]) -> None:
        out[:] = np.unpackbits(self.bits, count=self.n)
        if len(self.na):
            out[self.is_na()] = np.nan

    def codes(self) -> NDArray[np.int32]:
        out = np.unpackbits(self.bits, count=self.n).astype(np.int32)
        if len(self.na):
            out[self.is_na()] = NA_CODE
        return out

    def int64(self) -> NDArray[np.int64]:
        out = np.unpackbits(self.bits, count=self.n).astype(np.int64)
        if len(self.na):
            out[self.is_na()] = NA_INT64
        return out

    def is_na(self) -> NDArray[np.bool_]:
        if not len(self.na):
            return np.zeros(self.n, dtype=np.bool_)
        return np.unpackbits(self.na, count=self.n).view(np.bool_)

    def at(self, row: int) -> float:
        byte, bit = row >> 3, 7 - (row & 7)
        if len(self.na) and (int(self.na[byte]) >> bit) & 1:
            return float("nan")
        return float((int(self.bits[byte]) >> bit) & 1)

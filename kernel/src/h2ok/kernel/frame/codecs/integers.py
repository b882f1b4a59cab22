"""Whole numbers, or decimals that are whole numbers times a power of ten, in 1, 2, 4 or 8 bytes with a bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from h2ok.kernel.frame.chunk import NA_CODE, NA_INT64, Chunk
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["IntegerChunk"]

#: All whole numbers up to this are doubles.
_LARGEST_EXACT = 2**53


@wire_type("chunk.integer")
@dataclass(frozen=True, slots=True)
class IntegerChunk(Chunk):
    """value = (stored + bias) / divisor.

    ``stored`` is int8, int16, int32 or int64; its smallest value means NA when ``has_na``. Dividing by a power of ten (and not
    multiplying by a negative one) gives the very double that the decimal text denotes, as long as the whole number is below
    2**53 and the power at most 10**22: both operands are exact, and the quotient of exact operands is correctly rounded.
    Whole numbers (``divisor`` 1) may use all 64 bits; ``int64`` gives them exactly.
    """

    codec: ClassVar[str] = "CXI"
    codec_help: ClassVar[str] = "Scaled integers"

    n: int
    stored: NDArray[Any]
    bias: int
    divisor: float
    has_na: bool

    def describe(self) -> tuple[str, str]:
        width = self.stored.itemsize
        if width == 8:
            return "C8", "64-bit Integers"
        if self.divisor != 1.0 or self.bias not in (0, int(np.iinfo(self.stored.dtype).max)):
            return f"C{width}S", f"{width}-Byte Fractions"
        if width == 1 and not self.has_na:
            return "C1N", "1-Byte Integers (w/o NAs)"
        return f"C{width}", f"{width}-Byte Integers"

    @property
    def nbytes(self) -> int:
        return int(self.stored.nbytes)

    @property
    def na_value(self) -> int:
        return int(np.iinfo(self.stored.dtype).min)

    def decode(self) -> NDArray[np.float64]:
        out = np.empty(self.n)
        self.decode_into(out)
        return out

    def decode_into(self, out: NDArray[np.float64]) -> None:
        np.add(self.stored, float(self.bias), out=out, dtype=np.float64)
        if self.divisor != 1.0:
            np.divide(out, self.divisor, out=out)
        if self.has_na:
            out[self.stored == self.na_value] = np.nan

    def codes(self) -> NDArray[np.int32]:
        out = self.stored.astype(np.int32)
        if self.bias:
            out += np.int32(self.bias)
        if self.has_na:
            out[self.stored == self.na_value] = NA_CODE
        return out

    def int64(self) -> NDArray[np.int64]:
        if self.divisor != 1.0:
            # An explicit base: zero-argument super() breaks in slotted dataclasses.
            return Chunk.int64(self)
        out = self.stored.astype(np.int64)
        if self.bias:
            out += np.int64(self.bias)
        if self.has_na:
            out[self.stored == self.na_value] = NA_INT64
        return out

    def is_long(self) -> bool:
        if self.divisor != 1.0 or abs(self.bias) + int(np.iinfo(self.stored.dtype).max) <= _LARGEST_EXACT:
            return False
        known = self.stored[self.stored != self.na_value] if self.has_na else self.stored
        if not known.size:
            return False
        return max(-int(known.min()) - self.bias, int(known.max()) + self.bias) > _LARGEST_EXACT

    def is_na(self) -> NDArray[np.bool_]:
        if not self.has_na:
            return np.zeros(self.n, dtype=np.bool_)
        out: NDArray[np.bool_] = self.stored == self.na_value
        return out

    def at(self, row: int) -> float:
        stored = int(self.stored[row])
        if self.has_na and stored == self.na_value:
            return float("nan")
        value = stored + self.bias
        if self.divisor == 1.0 and abs(value) > _LARGEST_EXACT:
            return value
        return float(value) / self.divisor

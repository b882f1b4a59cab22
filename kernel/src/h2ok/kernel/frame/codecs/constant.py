"""A chunk in which every row holds the same number, or every row is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["ConstantChunk"]


@wire_type("chunk.constant")
@dataclass(frozen=True, slots=True)
class ConstantChunk(Chunk):
    """``n`` rows of ``value``; NaN when all are missing."""

    codec: ClassVar[str] = "C0D"
    codec_help: ClassVar[str] = "Constant"

    n: int
    value: float

    @property
    def nbytes(self) -> int:
        return 16

    def describe(self) -> tuple[str, str]:
        return ("C0L", "Constant Integers") if self.value == np.rint(self.value) else ("C0D", "Constant Reals")

    def decode(self) -> NDArray[np.float64]:
        return np.full(self.n, self.value)

    def decode_into(self, out: NDArray[np.float64]) -> None:
        out[:] = self.value

    def at(self, row: int) -> float:
        return self.value

    def strings(self) -> list[str | None]:
        if not np.isnan(self.value):
            return Chunk.strings(self)
        return [None] * self.n

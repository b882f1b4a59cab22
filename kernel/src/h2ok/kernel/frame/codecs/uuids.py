"""UUIDs as two unsigned 64-bit halves."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["UuidChunk"]


@wire_type("chunk.uuid")
@dataclass(frozen=True, slots=True)
class UuidChunk(Chunk):
    """``halves`` is uint64[n, 2] (high, low); ``na`` bool[n], or empty when nothing is missing."""

    codec: ClassVar[str] = "C16"
    codec_help: ClassVar[str] = "UUIDs"

    n: int
    halves: NDArray[np.uint64]
    na: NDArray[np.bool_]

    @property
    def nbytes(self) -> int:
        return int(self.halves.nbytes + self.na.nbytes)

    def decode(self) -> NDArray[np.float64]:
        return np.where(self.is_na(), np.nan, 0.0)

    def is_na(self) -> NDArray[np.bool_]:
        return self.na if len(self.na) else np.zeros(self.n, dtype=np.bool_)

    def strings(self) -> list[str | None]:
        missing = self.is_na()
        return [
            None if missing[i] else str(uuid.UUID(int=(int(self.halves[i, 0]) << 64) | int(self.halves[i, 1])))
            for i in range(self.n)
        ]

"""Text: offsets into one buffer of UTF-8 bytes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

__all__ = ["StringChunk"]


@wire_type("chunk.string")
@dataclass(frozen=True, slots=True)
class StringChunk(Chunk):
    """Row i is ``data[offsets[i]:offsets[i+1]]`` in UTF-8, or missing where ``na[i]``.

    ``offsets`` is int32[n+1] (int64 past 2 GiB), ``data`` uint8[...], ``na`` bool[n] or empty when nothing is missing.
    """

    codec: ClassVar[str] = "CStr"
    codec_help: ClassVar[str] = "String"

    n: int
    offsets: NDArray[Any]
    data: NDArray[np.uint8]
    na: NDArray[np.bool_]

    @property
    def nbytes(self) -> int:
        return int(self.offsets.nbytes + self.data.nbytes + self.na.nbytes)

    def decode(self) -> NDArray[np.float64]:
        # H2O: text has no number; only whether it is missing can be asked.
        return np.where(self.is_na(), np.nan, 0.0)

    def is_na(self) -> NDArray[np.bool_]:
        return self.na if len(self.na) else np.zeros(self.n, dtype=np.bool_)

    def strings(self) -> list[str | None]:
        raw = self.data.tobytes()
        bounds = self.offsets.tolist()
        out: list[str | None] = [raw[a:b].decode("utf-8", "replace") for a, b in itertools.pairwise(bounds)]
        if len(self.na):
            for i in np.flatnonzero(self.na):
                out[int(i)] = None
        return out

"""The Chunk contract: a run of rows of one vec in a compressed form, immutable once written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["NA_CODE", "NA_INT64", "Chunk"]

#: Missing value in a buffer of categorical codes.
NA_CODE = -1
#: Missing value in an int64 buffer (times, large integers).
NA_INT64 = np.iinfo(np.int64).min


class Chunk(ABC):
    """Rows of one column, encoded by the smallest codec that is exact.

    Conventions: ``n`` rows, row numbers are chunk-relative. Numbers decode to float64 with NA as NaN; categorical codes to
    int32 with NA as -1; times to int64 milliseconds since the epoch in UTC with NA as the smallest int64.
    A concrete codec is a dataclass registered as a wire type.
    """

    #: H2O's short name of the compression, shown in the chunk summary.
    codec: ClassVar[str]
    #: What the codec holds, in words, for the chunk summary.
    codec_help: ClassVar[str]
    n: int

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes of the encoded values."""

    @abstractmethod
    def decode(self) -> NDArray[np.float64]:
        """All values as float64[n], NA as NaN. May be a read-only view; do not write into it."""

    def decode_into(self, out: NDArray[np.float64]) -> None:
        """Write all values into ``out``: float64[n]."""
        out[:] = self.decode()

    def codes(self) -> NDArray[np.int32]:
        """Categorical codes as int32[n], NA as -1."""
        values = self.decode()
        out = np.full(self.n, NA_CODE, dtype=np.int32)
        known = ~np.isnan(values)
        out[known] = values[known].astype(np.int32)
        return out

    def int64(self) -> NDArray[np.int64]:
        """Whole numbers or times as int64[n]; NA, and what int64 cannot hold, as the smallest int64."""
        values = self.decode()
        out = np.full(self.n, NA_INT64, dtype=np.int64)
        known = np.abs(values) < 2.0**63
        out[known] = values[known].astype(np.int64)
        return out

    def is_long(self) -> bool:
        """Whether ``decode`` rounds: some values are whole numbers beyond 2**53 that ``int64`` gives exactly, and all are whole."""
        return False

    def is_na(self) -> NDArray[np.bool_]:
        """bool[n], true where the value is missing."""
        return np.isnan(self.decode())

    def at(self, row: int) -> float:
        """The value of one row as float64, NA as NaN; a whole number that no double holds as int."""
        return float(self.decode()[row])

    def describe(self) -> tuple[str, str]:
        """(H2O's short name of the compression, what it holds in words), for the chunk summary."""
        return self.codec, self.codec_help

    def strings(self) -> list[str | None]:
        """Text of all rows; only string and UUID codecs have one.

        Raises
        ------
        TypeError
            The codec holds numbers.
        """
        raise TypeError(f"A {self.codec} chunk holds numbers, not text.")

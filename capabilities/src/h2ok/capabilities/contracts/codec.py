"""The Codec contract: a compressed form of numbers. Since API 1.1."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from h2ok.kernel import Chunk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["OfferedCodec"]


class OfferedCodec(Chunk):
    """A chunk class that is offered every run of numbers, and is taken where it is exact and smaller than the built-in forms.

    A concrete class is a frozen dataclass, registered with ``@wire_type("distribution.name")``. The encoder checks that decoding
    gives the same doubles bit for bit, so that a codec with a mistake costs time and never data.
    """

    @classmethod
    @abstractmethod
    def try_encode(cls, values: NDArray[np.float64]) -> Chunk | None:
        """A chunk of float64[n] (n > 0, NA as NaN; do not write into it), or None when this form does not fit. Pure; runs on worker
        threads.
        """

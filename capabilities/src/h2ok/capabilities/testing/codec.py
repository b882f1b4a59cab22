"""CodecContract: what the chunk store relies on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from h2ok.capabilities.contracts.extension import Codec
from h2ok.capabilities.testing.contract import Contract
from h2ok.kernel import Chunk
from h2ok.kernel.frame.newchunk import encode
from h2ok.kernel.wire import decode
from h2ok.kernel.wire import encode as to_frames
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["CodecContract", "check_chunk"]


class CodecContract(Contract):
    """Inherit, name ``codec``, and give values it is good at.

    Attributes
    ----------
    codec : the item's name. fits : runs of numbers it must take and store smaller than the built-in forms.
    """

    codec: ClassVar[str]
    fits: ClassVar[Sequence[Sequence[float]]]

    def chunk_class(self, runtime: Runtime) -> Any:
        """The class."""
        return runtime.registry.load(self.provided(Codec, self.codec))

    def test_what_fits_comes_back_bit_for_bit(self, runtime: Runtime) -> None:
        """Whole, a row at a time, into a buffer, and over the wire."""
        for values in self.fits:
            column = np.array(values, dtype=np.float64)
            made = self.chunk_class(runtime).try_encode(column)
            assert made is not None
            check_chunk(made, column)

    def test_what_does_not_fit_is_declined_or_exact(self, runtime: Runtime) -> None:
        """Noise, NA only, infinities, negative zero, one row."""
        rng = np.random.default_rng(1)
        odd = ([0.0, -0.0], [np.nan] * 5, [np.inf, -np.inf, 1.0], [1.5], rng.normal(size=100), rng.integers(0, 9, 99).astype(float))
        for values in odd:
            column = np.array(values, dtype=np.float64)
            before = column.copy()
            made = self.chunk_class(runtime).try_encode(column)
            np.testing.assert_array_equal(column, before)
            if made is not None:
                check_chunk(made, column)

    def test_the_encoder_takes_it_where_it_is_smaller(self, runtime: Runtime) -> None:
        """While the extension is active; not any more afterwards."""
        cls = self.chunk_class(runtime)
        for values in self.fits:
            assert isinstance(encode("numeric", np.array(values, dtype=np.float64)), cls)
        runtime.close()
        assert not isinstance(encode("numeric", np.array(self.fits[0], dtype=np.float64)), cls)

    def test_frames_are_stored_with_it_on_three_nodes(self, cloud3: list[Runtime]) -> None:
        """Through the chunk store and the rollups."""
        values = np.array(self.fits[0], dtype=np.float64)
        frame = cloud3[0].node.frames.from_columns("f", {"x": values}, chunk_rows=len(values))
        np.testing.assert_array_equal(frame.to_numpy(cloud3[2].node)[:, 0], values)
        assert cloud3[1].node.rollups(frame.vecs[0]).na_count == np.isnan(values).sum()


def _bits(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    return np.where(np.isnan(values), np.nan, values).view(np.uint64)


def check_chunk(chunk: Chunk, values: NDArray[np.float64]) -> None:
    """A chunk holds float64[n] bit for bit, whichever way it is asked (one NaN stands for all)."""
    over: Chunk = decode([bytearray(f) for f in to_frames(chunk)])
    for c in (chunk, over):
        assert c.n == len(values)
        assert c.nbytes >= 0
        np.testing.assert_array_equal(_bits(np.ascontiguousarray(c.decode())), _bits(values))
        out = np.empty(len(values))
        c.decode_into(out)
        np.testing.assert_array_equal(_bits(out), _bits(values))
        np.testing.assert_array_equal(c.is_na(), np.isnan(values))
        for row in {0, len(values) // 2, len(values) - 1} if len(values) else ():
            np.testing.assert_array_equal(_bits(np.array([c.at(row)])), _bits(values[row : row + 1]))
        short, words = c.describe()
        assert short
        assert words

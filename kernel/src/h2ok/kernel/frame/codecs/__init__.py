"""The codecs: one compressed form of a chunk a module. ``h2ok.kernel.frame.newchunk`` chooses among them."""

from h2ok.kernel.frame.codecs.bits import BitChunk
from h2ok.kernel.frame.codecs.constant import ConstantChunk
from h2ok.kernel.frame.codecs.floats import FloatChunk
from h2ok.kernel.frame.codecs.integers import IntegerChunk
from h2ok.kernel.frame.codecs.sparse import SparseChunk
from h2ok.kernel.frame.codecs.strings import StringChunk
from h2ok.kernel.frame.codecs.uuids import UuidChunk

__all__ = ["BitChunk", "ConstantChunk", "FloatChunk", "IntegerChunk", "SparseChunk", "StringChunk", "UuidChunk"]

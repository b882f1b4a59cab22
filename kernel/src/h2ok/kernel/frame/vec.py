"""Vec: one column of a frame; its chunks live in the DKV under keys made of the vec's key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from h2ok.kernel.errors import KeyNotFoundError, NodeLostError
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.key import chunk_key, random_key
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["DEFAULT_CHUNK_ROWS", "Vec", "VecType", "even_espc", "new_vec_key"]

VecType = Literal["numeric", "enum", "time", "string", "uuid", "bad"]

#: Rows a chunk where nothing else decides (frames built in memory). Depends on nothing but the number of rows.
DEFAULT_CHUNK_ROWS = 65536


def new_vec_key() -> str:
    """A key for a new vec, hidden from listings."""
    return random_key("v", system=True)


def even_espc(n_rows: int, chunk_rows: int = DEFAULT_CHUNK_ROWS) -> NDArray[np.int64]:
    """ESPC of ``n_rows`` rows cut every ``chunk_rows``: int64[n_chunks + 1], first 0, last ``n_rows``; at least one chunk."""
    n_chunks = max(1, -(-n_rows // chunk_rows))
    espc = np.arange(n_chunks + 1, dtype=np.int64) * chunk_rows
    espc[-1] = n_rows
    return espc


@wire_type("vec")
@dataclass(frozen=True, slots=True, eq=False)
class Vec:
    """Immutable header of a column.

    ``espc`` (H2O's "elements start per chunk"): int64[n_chunks + 1]; rows of chunk i are ``espc[i]:espc[i+1]``. Vecs with equal
    ESPC are aligned: chunk i of each has the same home. ``domain`` holds the levels of an enum, None otherwise. ``real``: the
    numbers are told as reals though all may be whole, because the user said so.
    """

    key: str
    type: VecType
    espc: NDArray[np.int64]
    domain: tuple[str, ...] | None = field(default=None)
    real: bool = False

    def __len__(self) -> int:
        return int(self.espc[-1])

    @property
    def n_chunks(self) -> int:
        return len(self.espc) - 1

    @property
    def is_enum(self) -> bool:
        return self.type == "enum"

    @property
    def cardinality(self) -> int:
        """Number of levels, 0 when the vec is no enum."""
        return len(self.domain) if self.domain is not None else 0

    def chunk_keys(self) -> list[str]:
        return [chunk_key(self.key, i, self.n_chunks) for i in range(self.n_chunks)]

    def chunk(self, node: Node, index: int) -> Chunk:
        """Chunk ``index``, fetched from its home when it is not here.

        Raises
        ------
        KeyNotFoundError
            The vec was removed.
        NodeLostError
            The only node that held the chunk is lost.
        """
        key = chunk_key(self.key, index, self.n_chunks)
        value = node.dkv.get(key)
        if not isinstance(value, Chunk):
            lost = node.cloud.damage(key)
            if lost:
                raise NodeLostError(
                    f"Chunk {index} of a column is gone with node {lost}, which is lost; no other node had a copy. Import the data "
                    "again. Start the cloud with --replicas 1 or more to survive the loss of a node.",
                    node=lost,
                    vec=self.key,
                    chunk=index,
                )
            raise KeyNotFoundError(f"Chunk {index} of a removed vec was asked for ({self.key!r}).", vec=self.key, chunk=index)
        return value

    def chunk_index_for_row(self, row: int) -> int:
        """Index of the chunk that holds ``row``."""
        return int(np.searchsorted(self.espc, row, side="right")) - 1

    def aligned_with(self, other: Vec) -> bool:
        """Whether both have the same row boundaries."""
        return self.espc is other.espc or np.array_equal(self.espc, other.espc)

    def with_domain(self, domain: tuple[str, ...] | None) -> Vec:
        """The same chunks under another domain (no data is copied)."""
        return replace(self, domain=domain)

    def at(self, node: Node, row: int) -> float:
        """The number (or level index, or milliseconds) in ``row``, NA as NaN; a whole number that no double holds as int."""
        index = self.chunk_index_for_row(row)
        return self.chunk(node, index).at(row - int(self.espc[index]))

    def to_numpy(self, node: Node) -> NDArray[np.float64]:
        """All rows as float64[n_rows], NA as NaN: for small vecs and tests; fetches every chunk to this node."""
        out = np.empty(len(self))
        for i in range(self.n_chunks):
            out[self.espc[i] : self.espc[i + 1]] = self.chunk(node, i).decode()
        return out

    def to_strings(self, node: Node) -> list[str | None]:
        """All rows as text (levels for an enum), None for NA; fetches every chunk to this node."""
        out: list[str | None] = []
        for i in range(self.n_chunks):
            chunk = self.chunk(node, i)
            if self.domain is not None:
                domain = self.domain
                out.extend(domain[c] if c >= 0 else None for c in chunk.codes().tolist())
            else:
                out.extend(chunk.strings())
        return out

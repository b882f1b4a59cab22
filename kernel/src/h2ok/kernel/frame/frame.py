"""Frame: named, aligned vecs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from h2ok.kernel.errors import IllegalArgumentError, KeyNotFoundError
from h2ok.kernel.frame.vec import Vec
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["ColumnNotFoundError", "Frame"]


class ColumnNotFoundError(KeyNotFoundError):
    """A frame has no column of that name."""


@wire_type("frame")
@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A value: names and vec headers. Changing a frame means storing another one under the same key.

    Vecs may be shared between frames; the store counts references and drops a vec's chunks with its last frame.
    """

    key: str
    names: tuple[str, ...]
    vecs: tuple[Vec, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.vecs):
            raise IllegalArgumentError(f"Frame '{self.key}': {len(self.names)} names for {len(self.vecs)} columns.")
        for v in self.vecs[1:]:
            if not v.aligned_with(self.vecs[0]):
                raise IllegalArgumentError(
                    f"Frame '{self.key}': columns have different row boundaries "
                    f"({len(v)} and {len(self.vecs[0])} rows). Align them with FrameStore.align first."
                )
        # One array of row boundaries for all columns: smaller here, and sent once.
        if any(v.espc is not self.vecs[0].espc for v in self.vecs[1:]):
            shared = self.vecs[0].espc
            object.__setattr__(self, "vecs", tuple(v if v.espc is shared else replace(v, espc=shared) for v in self.vecs))

    @property
    def n_rows(self) -> int:
        return len(self.vecs[0]) if self.vecs else 0

    @property
    def n_cols(self) -> int:
        return len(self.vecs)

    @property
    def espc(self) -> NDArray[np.int64]:
        """Row boundaries of the chunks, int64[n_chunks + 1]."""
        return self.vecs[0].espc if self.vecs else np.zeros(2, dtype=np.int64)

    @property
    def n_chunks(self) -> int:
        return len(self.espc) - 1

    def find(self, name: str) -> int:
        """Position of a column, -1 when there is none of that name."""
        try:
            return self.names.index(name)
        except ValueError:
            return -1

    def vec(self, name: str) -> Vec:
        """The column ``name``.

        Raises
        ------
        ColumnNotFoundError
            No such column; the message lists near names.
        """
        i = self.find(name)
        if i < 0:
            near = difflib.get_close_matches(name, self.names, n=3, cutoff=0.7)
            hint = f" Nearest: {', '.join(map(repr, near))}." if near else ""
            raise ColumnNotFoundError(
                f"Frame '{self.key}' has no column '{name}'.{hint} Columns: GET /3/Frames/{self.key}/columns.",
                frame=self.key,
                column=name,
            )
        return self.vecs[i]

    def select(self, columns: Iterable[int], key: str = "") -> Frame:
        """A frame of some columns by position, sharing the vecs; not stored."""
        picked = list(columns)
        return Frame(key, tuple(self.names[i] for i in picked), tuple(self.vecs[i] for i in picked))

    def subframe(self, names: Sequence[str], key: str = "") -> Frame:
        """A frame of some columns by name, sharing the vecs; not stored."""
        return Frame(key, tuple(names), tuple(self.vec(n) for n in names))

    def renamed(self, key: str) -> Frame:
        """The same columns under another key; not stored."""
        return Frame(key, self.names, self.vecs)

    def to_numpy(self, node: Node) -> NDArray[np.float64]:
        """float64[n_rows, n_cols]: for small frames and tests."""
        if not self.vecs:
            return np.empty((0, 0))
        return np.column_stack([v.to_numpy(node) for v in self.vecs])

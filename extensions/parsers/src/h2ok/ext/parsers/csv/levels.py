"""Levels: the distinct texts of a column, in the order a thread meets them, block after block."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.parsers.csv.cells import Cells

__all__ = ["LevelTable", "Levels", "decode_text"]

#: Room of a new table; it is half as many levels as slots, and both grow alike.
_FIRST_SLOTS, _FIRST_LEVELS, _FIRST_BYTES, _GROWTH = 64, 32, 256, 4
_WRONG_BYTES = re.compile("[\udc80-\udcff]+")
#: Levels beyond which a table is given up after the block: searching it would cost more than meeting its levels anew.
_MOST_LEVELS = 1 << 16


class LevelTable:
    """A hash table of texts that blocks of one column are coded with, for one thread at a time.

    Codes never change: what was coded first is good while further blocks add levels. Texts in ``na`` mean nothing.
    """

    def __init__(self, na: tuple[str, ...] = ()) -> None:
        self.na = na
        #: For each level its hash, its first and its last eight bytes.
        self.entries: NDArray[np.uint64] = np.empty((_FIRST_LEVELS, 3), dtype=np.uint64)
        self.offsets: NDArray[np.int64] = np.zeros(_FIRST_LEVELS + 1, dtype=np.int64)
        self.texts: NDArray[np.uint8] = np.empty(0, dtype=np.uint8)
        #: One more than the level of each hash, 0 for none; the part in use is zeros or levels.
        self.slots: NDArray[np.int32] = np.zeros(_FIRST_SLOTS, dtype=np.int32)
        #: Levels so far, and the part of the slots in use less one.
        self.state: NDArray[np.int64] = np.array([0, _FIRST_SLOTS - 1], dtype=np.int64)
        self._decoded: list[str] = []
        self._values: NDArray[Any] | None = None
        self._remap: tuple[tuple[str, ...] | None, NDArray[np.int32]] = (None, np.empty(0, dtype=np.int32))

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """What ``find_codes`` writes."""
        return self.entries, self.offsets, self.texts, self.slots, self.state

    @property
    def n(self) -> int:
        """Levels so far."""
        return int(self.state[0])

    @property
    def is_full(self) -> bool:
        """Whether the next block should begin with a new table."""
        return self.n > _MOST_LEVELS

    def code(
        self,
        data: NDArray[np.uint8],
        cells: tuple[NDArray[Any], ...],
        rows: tuple[int, int, int],
        column: int,
        codes: NDArray[np.int32],
    ) -> None:
        """Write the codes of a column's cells, as ``find_codes`` takes them: ``rows`` are first, last and skip."""
        from h2ok.ext.parsers.csv.kernels import find_codes

        first, last, skip = rows
        while (first := find_codes(data, *cells, first, last, skip, column, codes, *self.arrays)) < last:
            cell = int(cells[3][first]) + column
            self._make_room(int(cells[1][cell]) - int(cells[0][cell]))

    def _make_room(self, n_bytes: int) -> None:
        """Have room for further levels, the first of so many bytes. It grows with the levels: files may have many columns."""
        n, used = self.n, int(self.offsets[self.n])
        if len(self.entries) <= n:
            self.entries = _grown(self.entries, n, _GROWTH * n)
            self.offsets = _grown(self.offsets, n + 1, _GROWTH * n + 1)
            slots = np.zeros(_GROWTH * len(self.slots), dtype=np.int32)
            slots[: self.state[1] + 1] = self.slots[: self.state[1] + 1]
            self.slots = slots
        if len(self.texts) < used + n_bytes:
            self.texts = _grown(self.texts, used, max(_GROWTH * len(self.texts), used + n_bytes, _FIRST_BYTES))

    def decoded(self) -> list[str]:
        """The texts of all levels; the list grows later, what is in it stays."""
        at = len(self._decoded)
        if at < self.n:
            self._decoded += _texts(self.offsets[at : self.n + 1], self.texts)
        return self._decoded

    def known(self, first: int) -> list[str]:
        """Levels from ``first`` on that mean something."""
        texts = self.decoded()[first:]
        return [t for t in texts if t not in self.na] if self.na else texts

    def values(self, read: Callable[[Cells], NDArray[Any]], missing: Any) -> NDArray[Any]:
        """What ``read`` makes of each level and, at the end, of nothing; a level is read once. Those in ``na`` are ``missing``."""
        n = self.n
        known = self._values
        done = 0 if known is None else len(known) - 1
        if known is None or done < n:
            fresh = read(self.cells(done))
            if self.na:
                fresh[:-1][[t in self.na for t in self.decoded()[done:n]]] = missing
            known = self._values = fresh if known is None else np.concatenate([known[:-1], fresh])
        return known

    def cells(self, first: int = 0) -> Cells:
        """The levels from ``first`` on as rows of one cell."""
        from h2ok.ext.parsers.csv.cells import Cells

        n = self.n - first
        starts, stops = (self.offsets[k + first : k + self.n].astype(np.int32) for k in (0, 1))
        return Cells(self.texts, starts, stops, (stops > starts).astype(np.uint8), np.arange(n + 1), n, 0)

    def snapshot(self) -> Levels:
        """The levels as they are now."""
        n = self.n
        return Levels(self.offsets[: n + 1], self.texts[: self.offsets[n]], self.na, self)

    def remap(self, domain: tuple[str, ...]) -> NDArray[np.int32]:
        """For each level its position in ``domain``, -1 when it is not there, and a last -1 for nothing."""
        known, out = self._remap
        if known is not domain or len(out) <= self.n:
            out = remap_of(self.decoded(), domain, self.na)
            self._remap = domain, out
        return out


@wire_type("csv.levels")
@dataclass(frozen=True, slots=True)
class Levels:
    """The levels that codes of a block refer to: texts one after the other, and where each begins and ends."""

    offsets: NDArray[np.int64]
    data: NDArray[np.uint8]
    na: tuple[str, ...] = ()
    #: Where they come from, while they have not left the process.
    table: LevelTable | None = field(default=None, metadata={"wire": False}, compare=False)

    def remap(self, domain: tuple[str, ...]) -> NDArray[np.int32]:
        """As ``LevelTable.remap``."""
        if self.table is not None:
            return self.table.remap(domain)
        return remap_of(_texts(self.offsets, self.data), domain, self.na)


def remap_of(levels: Sequence[str], domain: tuple[str, ...], na: Sequence[str] = ()) -> NDArray[np.int32]:
    """For each level its position in ``domain``, -1 when it is not there or in ``na``, and a last -1 for nothing."""
    index = {level: i for i, level in enumerate(domain)} | dict.fromkeys(na, -1)
    return np.array([*(index.get(t, -1) for t in levels), -1], dtype=np.int32)


def decode_text(data: bytes) -> str:
    """UTF-8 text; runs of bytes that are none are written as H2O does: ``<0xF6>``."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_damaged(data)


def _texts(offsets: NDArray[np.int64], data: NDArray[np.uint8]) -> list[str]:
    bounds = offsets.tolist()
    whole = data[bounds[0] : bounds[-1]].tobytes()
    first = bounds[0]
    # PERF: most text is ASCII, where characters are bytes.
    if whole.isascii():
        text = whole.decode("ascii")
        return [text[a - first : b - first] for a, b in pairwise(bounds)]
    return [decode_text(whole[a - first : b - first]) for a, b in pairwise(bounds)]


def _grown(values: NDArray[Any], used: int, n: int) -> NDArray[Any]:
    out = np.empty((n, *values.shape[1:]), dtype=values.dtype)
    out[:used] = values[:used]
    return out


def _decode_damaged(data: bytes) -> str:
    def told(run: re.Match[str]) -> str:
        return f"<0x{run[0].encode('utf-8', 'surrogateescape').hex().upper()}>"

    return _WRONG_BYTES.sub(told, data.decode("utf-8", "surrogateescape"))

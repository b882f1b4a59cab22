"""RollupStats: summary numbers of a vec, computed once on first use and kept beside it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.frame.codecs import StringChunk
from h2ok.kernel.frame.store import rollups_key
from h2ok.kernel.frame.vec import Vec
from h2ok.kernel.random import random_bits
from h2ok.kernel.task.mrtask import Block, MRTask
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["RollupStats", "are_int64", "rollups", "rollups_many"]

_EXTREMES = 5
_ROWS = 8192
_HEAD = 128
_INT64_LIMIT = 2.0**63
_CHECKSUM_STEP = 0x9E3779B97F4A7C15
_CHECKSUM_MASK = 2**63 - 1


@wire_type("rollups")
@dataclass(frozen=True, slots=True)
class RollupStats:
    """``mins`` and ``maxs``: up to five extremes (ascending, descending), repeated ones and infinities included; ``mean``
    and ``sigma`` (n - 1) over the finite values; NaN for text. ``is_int``: every known value is whole; ``is_int64``: 64 bits can
    hold them all, too. ``total``: the sum of the finite values, of whole numbers exact while it and its parts are below 2**53.
    Enum statistics are over level indexes, times over milliseconds.
    """

    n_rows: int
    na_count: int
    zero_count: int
    pinf_count: int
    ninf_count: int
    mins: NDArray[np.float64]
    maxs: NDArray[np.float64]
    mean: float
    sigma: float
    is_int: bool
    nbytes: int
    checksum: int
    is_int64: bool = False
    total: float = 0.0

    @property
    def min(self) -> float:
        return float(self.mins[0]) if len(self.mins) else float("nan")

    @property
    def max(self) -> float:
        return float(self.maxs[0]) if len(self.maxs) else float("nan")

    @property
    def n_known(self) -> int:
        return self.n_rows - self.na_count

    @property
    def is_const(self) -> bool:
        """All known values equal and none missing."""
        return self.na_count == 0 and len(self.mins) > 0 and self.min == self.max


@wire_type("rollups.part")
@dataclass(frozen=True, slots=True)
class _Part:
    """Statistics of some chunks; ``finite`` values have the mean ``mean`` and the sum of squared deviations ``m2``."""

    n_rows: int
    na_count: int
    zeros: int
    pinf: int
    ninf: int
    mins: NDArray[np.float64]
    maxs: NDArray[np.float64]
    finite: int
    mean: float
    m2: float
    is_int: bool
    nbytes: int
    checksum: int
    is_int64: bool
    total: float

    def merged(self, right: _Part) -> _Part:
        mean, m2 = _merged(self.finite, self.mean, self.m2, right.finite, right.mean, right.m2)
        return _Part(
            self.n_rows + right.n_rows,
            self.na_count + right.na_count,
            self.zeros + right.zeros,
            self.pinf + right.pinf,
            self.ninf + right.ninf,
            _smallest(self.mins, right.mins),
            -_smallest(-self.maxs, -right.maxs),
            self.finite + right.finite,
            mean,
            m2,
            self.is_int and right.is_int,
            self.nbytes + right.nbytes,
            (self.checksum * 1_000_003 + right.checksum) & _CHECKSUM_MASK,
            self.is_int64 and right.is_int64,
            self.total + right.total,
        )

    def stats(self) -> RollupStats:
        nan = float("nan")
        sigma = float(np.sqrt(self.m2 / (self.finite - 1))) if self.finite > 1 else 0.0 if self.finite else nan
        mean = self.mean if self.finite else nan
        counts = (self.n_rows, self.na_count, self.zeros, self.pinf, self.ninf)
        checksum = self.checksum & _CHECKSUM_MASK
        whole = (self.is_int, self.nbytes, checksum, self.is_int64)
        return RollupStats(*counts, self.mins, self.maxs, mean, sigma, *whole, self.total)


@wire_type("task.rollups")
@dataclass(frozen=True)
class _Rollups(MRTask):
    """A part for each input vec."""

    def map(self, block: Block) -> list[_Part]:
        return [_part(block, j) for j in range(len(block.vecs))]

    def reduce(self, left: list[_Part], right: list[_Part]) -> list[_Part]:
        return [a.merged(b) for a, b in zip(left, right, strict=True)]


def rollups(node: Node, vec: Vec) -> RollupStats:
    """The rollups of ``vec``, computed when they are not stored yet."""
    return rollups_many(node, [vec])[0]


def rollups_many(node: Node, vecs: Sequence[Vec]) -> list[RollupStats]:
    """The rollups of several vecs; what is not stored yet is computed in one task for all vecs with equal row boundaries."""
    found: dict[str, Any] = node.dkv.get_many(rollups_key(v.key) for v in vecs)
    missing = {v.key: v for v in vecs if not isinstance(found[rollups_key(v.key)], RollupStats)}
    while missing:
        first = next(iter(missing.values()))
        group = [v for v in missing.values() if v.aligned_with(first)]
        parts = node.tasks.do_all(_Rollups(), group).value
        made = {rollups_key(v.key): part.stats() for v, part in zip(group, parts, strict=True)}
        node.dkv.put_many(made)
        found.update(made)
        for v in group:
            del missing[v.key]
    return [found[rollups_key(v.key)] for v in vecs]


def are_int64(node: Node, vecs: Sequence[Vec]) -> list[bool]:
    """Whether each column is a numeric one whose known values are all whole numbers of 64 bits; true when none is known."""
    stats = rollups_many(node, vecs)
    return [v.type == "numeric" and s.is_int64 for v, s in zip(vecs, stats, strict=True)]


def _part(block: Block, column: int) -> _Part:
    chunk, kind = block.chunk(column), block.vecs[column].type
    if kind in ("string", "uuid"):
        na, none = int(chunk.is_na().sum()), np.empty(0)
        return _Part(block.n_rows, na, 0, 0, 0, none, none, 0, 0.0, 0.0, False, chunk.nbytes, _text_checksum(chunk), False, 0.0)
    scan = _Scan()
    values = np.ascontiguousarray(chunk.decode())
    for start in range(0, block.n_rows, _ROWS):
        scan.add(values[start : start + _ROWS])
    long = chunk.is_long()
    if long:
        scan.add_bits(chunk.int64())
    counts = (block.n_rows, block.n_rows - scan.known, scan.zeros, scan.pinf, scan.ninf)
    whole = scan.whole and scan.finite == scan.known
    # The double next to the largest whole numbers of 64 bits is none of them.
    fits = whole and (long or not len(scan.mins) or max(-float(scan.mins[0]), float(scan.maxs[0])) < _INT64_LIMIT)
    moments = (scan.finite, scan.mean, scan.m2)
    return _Part(*counts, scan.mins, scan.maxs, *moments, whole, chunk.nbytes, scan.checksum, fits, scan.total)


class _Scan:
    """Statistics of one chunk, fed piece by piece so that intermediates stay in the processor's cache."""

    def __init__(self) -> None:
        self.known = self.zeros = self.pinf = self.ninf = self.finite = self.checksum = 0
        self.mins = self.maxs = np.empty(0)
        self.mean = self.m2 = self.total = 0.0
        self.whole = True

    def add_bits(self, longs: NDArray[np.int64]) -> None:
        """Take digits that no double holds into the checksum."""
        for start in range(0, len(longs), _ROWS):
            self._mix(longs[start : start + _ROWS].view(np.float64))

    def _mix(self, values: NDArray[np.float64]) -> None:
        self.checksum = (self.checksum * _CHECKSUM_STEP + _checksum(values)) & (2**64 - 1)

    def add(self, values: NDArray[np.float64]) -> None:
        self._mix(values)
        low = values.min()
        if np.isnan(low):
            values = values[~np.isnan(values)]
            if not len(values):
                return
            low = values.min()
        high = values.max()
        self.known += len(values)
        if len(self.mins) < _EXTREMES:
            # The first few set the limits, so that only what beats them has to be sorted.
            self.mins, self.maxs = _smallest(self.mins, values[:_HEAD]), -_smallest(-self.maxs, -values[:_HEAD])
            rest = values[_HEAD:]
        else:
            rest = values
        if len(rest):
            if low < self.mins[-1] or len(self.mins) < _EXTREMES:
                self.mins = _smallest(self.mins, rest[rest < self.mins[-1]] if len(self.mins) == _EXTREMES else rest)
            if high > self.maxs[-1] or len(self.maxs) < _EXTREMES:
                self.maxs = -_smallest(-self.maxs, -(rest[rest > self.maxs[-1]] if len(self.maxs) == _EXTREMES else rest))
        if low <= 0 <= high:
            self.zeros += len(values) - int(np.count_nonzero(values))
        if not (np.isfinite(low) and np.isfinite(high)):
            self.pinf += int((values == np.inf).sum())
            self.ninf += int((values == -np.inf).sum())
            values = values[np.isfinite(values)]
            if not len(values):
                return
        if self.whole:
            self.whole = bool((np.rint(values) == values).all())
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(values.sum())
            mean = total / len(values)
            deviations = values - mean
            m2 = float(np.multiply(deviations, deviations, out=deviations).sum())
            self.mean, self.m2 = _merged(self.finite, self.mean, self.m2, len(values), mean, m2)
            self.total += total
        self.finite += len(values)


def _merged(n1: int, mean1: float, m1: float, n2: int, mean2: float, m2: float) -> tuple[float, float]:
    """Mean and sum of squared deviations of two parts together (Chan, Golub, LeVeque 1979)."""
    if not n1:
        return mean2, m2
    if not n2:
        return mean1, m1
    n, delta = n1 + n2, mean2 - mean1
    return mean1 + delta * n2 / n, m1 + m2 + delta * delta * n1 * n2 / n


def _smallest(some: NDArray[np.float64], more: NDArray[np.float64]) -> NDArray[np.float64]:
    """Up to five smallest of both, duplicates included, ascending (H2O: repeated extremes are repeated)."""
    if len(more) > _EXTREMES:
        more = np.partition(more, _EXTREMES - 1)[:_EXTREMES]
    return np.sort(np.concatenate([some, more]))[:_EXTREMES]


@functools.cache
def _weights() -> NDArray[np.uint64]:
    """Odd pseudo-random multipliers, one a position."""
    return random_bits(0x5EED, 1, 0, _ROWS) | np.uint64(1)


def _checksum(values: NDArray[np.float64]) -> int:
    """A multilinear hash of the bits of at most ``_ROWS`` doubles."""
    bits = values.view(np.uint64)
    mixed = bits >> np.uint64(32)
    np.bitwise_xor(mixed, bits, out=mixed)
    return int(np.multiply(mixed, _weights()[: len(mixed)], out=mixed).sum())


def _text_checksum(chunk: Chunk) -> int:
    digest = hashlib.blake2b(digest_size=7)
    if isinstance(chunk, StringChunk):
        for part in (chunk.offsets, chunk.data, chunk.na):
            digest.update(np.ascontiguousarray(part).data if part.size else b"-")
    else:
        digest.update(repr(chunk.strings()).encode())
    return int.from_bytes(digest.digest(), "little")

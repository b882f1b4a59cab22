"""RollupStats: summary numbers of a vec, computed once on first use and kept beside it."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

__all__ = ["RollupStats", "rollups"]

_EXTREMES = 5
_ROWS = 8192
_HEAD = 128
_CHECKSUM_STEP = 0x9E3779B97F4A7C15


@wire_type("rollups")
@dataclass(frozen=True, slots=True)
class RollupStats:
    """``mins`` and ``maxs``: up to five extremes (ascending, descending), repeated ones and infinities included; ``mean``
    and ``sigma`` (n - 1) over the finite values; NaN for text. ``is_int``: every known value is whole.
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


@wire_type("task.rollups")
@dataclass(frozen=True)
class _Rollups(MRTask):
    text: bool

    def map(self, block: Block) -> tuple[object, ...]:
        chunk = block.chunk(0)
        if self.text:
            na = int(chunk.is_na().sum())
            return (block.n_rows, na, 0, 0, 0, np.empty(0), np.empty(0), 0.0, 0.0, 0, False, chunk.nbytes, _text_checksum(chunk))
        scan = _Scan()
        values = np.ascontiguousarray(chunk.decode())
        for start in range(0, block.n_rows, _ROWS):
            scan.add(values[start : start + _ROWS])
        return (
            *(block.n_rows, block.n_rows - scan.known, scan.zeros, scan.pinf, scan.ninf, scan.mins, scan.maxs),
            *(scan.mean, scan.m2, scan.finite, scan.whole and scan.finite == scan.known, chunk.nbytes, scan.checksum),
        )

    def reduce(self, left: tuple, right: tuple) -> tuple:  # type: ignore[type-arg]
        n1, n2 = left[9], right[9]
        mean, m2 = _merged(n1, left[7], left[8], n2, right[7], right[8])
        counts = tuple(a + b for a, b in zip(left[:5], right[:5], strict=True))
        mins, maxs = _smallest(left[5], right[5]), -_smallest(-left[6], -right[6])
        checksum = (left[12] * 1_000_003 + right[12]) & (2**63 - 1)
        return (*counts, mins, maxs, mean, m2, n1 + n2, left[10] and right[10], left[11] + right[11], checksum)


def rollups(node: Node, vec: Vec) -> RollupStats:
    """The rollups of ``vec``, computed when they are not stored yet."""
    key = rollups_key(vec.key)
    stored = node.dkv.get(key)
    if isinstance(stored, RollupStats):
        return stored
    text = vec.type in ("string", "uuid")
    v = node.tasks.do_all(_Rollups(text), [vec]).value
    finite = v[9]
    sigma = float(np.sqrt(v[8] / (finite - 1))) if finite > 1 else (0.0 if finite == 1 else float("nan"))
    nothing = text or finite == 0
    stats = RollupStats(
        v[0],
        v[1],
        v[2],
        v[3],
        v[4],
        v[5],
        v[6],
        float("nan") if nothing else v[7],
        float("nan") if nothing else sigma,
        v[10] and not text,
        v[11],
        v[12],
    )
    node.dkv.put(key, stats)
    return stats


class _Scan:
    """Statistics of one chunk, fed piece by piece so that intermediates stay in the processor's cache."""

    def __init__(self) -> None:
        self.known = self.zeros = self.pinf = self.ninf = self.finite = self.checksum = 0
        self.mins = self.maxs = np.empty(0)
        self.mean = self.m2 = 0.0
        self.whole = True

    def add(self, values: NDArray[np.float64]) -> None:
        self.checksum = (self.checksum * _CHECKSUM_STEP + _checksum(values)) & (2**64 - 1)
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
            mean = float(values.sum() / len(values))
            deviations = values - mean
            m2 = float(np.multiply(deviations, deviations, out=deviations).sum())
            self.mean, self.m2 = _merged(self.finite, self.mean, self.m2, len(values), mean, m2)
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

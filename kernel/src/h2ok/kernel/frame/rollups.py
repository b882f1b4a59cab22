"""RollupStats: summary numbers of a vec, computed once on first use and kept beside it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from h2ok.kernel.frame.store import rollups_key
from h2ok.kernel.frame.vec import Vec
from h2ok.kernel.task.mrtask import Block, MRTask
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["RollupStats", "rollups"]

_EXTREMES = 5


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
        checksum = _checksum(block)
        if self.text:
            na = int(chunk.is_na().sum())
            return (block.n_rows, na, 0, 0, 0, np.empty(0), np.empty(0), 0.0, 0.0, 0, False, chunk.nbytes, checksum)
        values = chunk.decode()
        known = values[~np.isnan(values)]
        finite = known[np.isfinite(known)]
        mean = float(finite.mean()) if len(finite) else 0.0
        with np.errstate(over="ignore"):
            m2 = float(((finite - mean) ** 2).sum()) if len(finite) else 0.0
        return (
            block.n_rows,
            block.n_rows - len(known),
            int((known == 0).sum()),
            int(np.isposinf(known).sum()),
            int(np.isneginf(known).sum()),
            _smallest(known),
            -_smallest(-known),
            mean,
            m2,
            len(finite),
            bool((finite == np.floor(finite)).all()) and len(finite) == len(known),
            chunk.nbytes,
            checksum,
        )

    def reduce(self, left: tuple, right: tuple) -> tuple:  # type: ignore[type-arg]
        n1, n2 = left[9], right[9]
        n = n1 + n2
        delta = right[7] - left[7]
        # Chan et al. 1979: pairwise update of mean and sum of squared deviations.
        mean = left[7] + delta * n2 / n if n else 0.0
        m2 = left[8] + right[8] + (delta * delta * n1 * n2 / n if n else 0.0)
        counts = tuple(a + b for a, b in zip(left[:5], right[:5], strict=True))
        mins = _smallest(np.concatenate([left[5], right[5]]))
        maxs = -_smallest(-np.concatenate([left[6], right[6]]))
        checksum = (left[12] * 1_000_003 + right[12]) & (2**63 - 1)
        return (*counts, mins, maxs, mean, m2, n, left[10] and right[10], left[11] + right[11], checksum)


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


def _smallest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Up to five smallest values, duplicates included, ascending (H2O: repeated extremes are repeated)."""
    if len(values) > _EXTREMES:
        values = np.partition(values, _EXTREMES - 1)[:_EXTREMES]
    return np.sort(values)


def _checksum(block: Block) -> int:
    chunk = block.chunk(0)
    text = block.vecs[0].type in ("string", "uuid")
    raw = repr(chunk.strings()).encode() if text else np.ascontiguousarray(chunk.decode()).tobytes()
    return int.from_bytes(hashlib.blake2b(raw, digest_size=7).digest(), "little")

"""Quantiles of a vec: exact, the same bits on any cloud, in two passes over the data for most columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from h2ok.kernel.errors import IllegalArgumentError
from h2ok.kernel.frame.rollups import RollupStats
from h2ok.kernel.frame.vec import Vec
from h2ok.kernel.task.mrtask import Block, MRTask
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["DEFAULT_PROBS", "CombineMethod", "quantiles"]

#: How two neighbouring values make the quantile between them; the names are H2O's ``combine_method``.
CombineMethod = Literal["interpolate", "average", "low", "high"]

#: H2O's default percentiles.
DEFAULT_PROBS = (0.001, 0.01, 0.1, 0.2, 0.25, 0.3, 1 / 3, 0.4, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.8, 0.9, 0.99, 0.999)

#: First digits; short columns have one for all (they are fetched and sorted at once).
_BINS = 1 << 15
_SHORT = 1 << 16
_FANOUT = 256
#: Values that are fetched and sorted instead of being split further.
_GATHER = 1 << 17
_ROWS = 8192


def quantiles(
    node: Node, vec: Vec, probs: Sequence[float], method: CombineMethod = "interpolate", weights: Vec | None = None
) -> NDArray[np.float64]:
    """float64[len(probs)] of exact quantiles, NaN where no value is known.

    Type 7 of Hyndman and Fan 1996 (doi:10.1080/00031305.1996.10473566): quantile ``p`` stands at position ``p * (n - 1)`` of the
    sorted known values. A weight counts a row that many times; rows of weight 0 or of missing weight do not count.

    Parameters
    ----------
    probs : in [0, 1], in any order.
    method : what to do between two values: ``interpolate`` linearly, their ``average``, the ``low`` or the ``high`` one.

    Raises
    ------
    IllegalArgumentError
        A probability or the method is outside what is allowed, or the vec holds text.
    """
    wanted = np.asarray(probs, dtype=np.float64)
    if wanted.ndim != 1 or not bool(((wanted >= 0) & (wanted <= 1)).all()):
        raise IllegalArgumentError(f"Quantile probabilities must be numbers from 0 to 1; got {list(probs)}.")
    if method not in ("interpolate", "average", "low", "high"):
        raise IllegalArgumentError(f"Quantile method must be interpolate, average, low or high; got '{method}'.")
    if vec.type in ("string", "uuid"):
        raise IllegalArgumentError(f"Quantiles need numbers, times or levels; the column holds {vec.type} values.")
    stats = node.rollups(vec)
    if not len(wanted) or stats.n_known == 0:
        return np.full(len(wanted), np.nan)
    return _Search(node, vec, weights, stats).find(wanted, method)


@dataclass(frozen=True)
class _Group:
    """Known values with first digit ``bin`` and order key in [low, high]; ``below``: weight of all smaller values."""

    bin: int
    low: int
    high: int
    below: float
    weight: float
    count: int


class _Search:
    """Narrows down the groups that hold the wanted ranks."""

    def __init__(self, node: Node, vec: Vec, weights: Vec | None, stats: RollupStats) -> None:
        self._node = node
        self._over = [vec] if weights is None else [vec, weights]
        low, high = stats.min, stats.max
        # Infinities stand in the outermost bins; they only stretch the range of finite doubles.
        big = np.finfo(np.float64).max / 4
        self._low, high = max(low, -big), min(high, big)
        self._bins = _BINS if stats.n_rows > _SHORT else 1
        self._scale = (self._bins - 2) / (high - self._low) if high > self._low and self._bins > 1 else 0.0
        if not np.isfinite(self._scale):
            self._scale = 0.0
        #: Every bin is one whole number: the first pass decides.
        self._whole = self._bins > 1 and stats.is_int and high - self._low < self._bins - 1
        if self._whole:
            self._scale = 1.0

    def find(self, probs: NDArray[np.float64], method: CombineMethod) -> NDArray[np.float64]:
        first = _Digits(self._low, self._scale, self._bins, len(self._over) > 1)
        counts, sums = self._run(first)
        total = float(sums.sum())
        if total <= 0:
            return np.full(len(probs), np.nan)
        position = probs * max(total - 1.0, 0.0)
        low = np.floor(position)
        ranks = np.unique(np.concatenate([low, np.minimum(low + 1, max(total - 1.0, 0.0))]))
        below = np.concatenate([[0.0], np.cumsum(sums)])
        bins = np.unique(_at_rank(below[1:], sums, ranks))
        groups = []
        for b in bins.tolist():
            low_key, high_key = 0, 2**64 - 1
            if self._whole:
                low_key = high_key = int(_keys(np.array([self._low + b]))[0])
            groups.append(_Group(b, low_key, high_key, float(below[b]), float(sums[b]), int(counts[b])))
        values = self._values(groups, ranks)
        lower, upper = values[low], values[np.minimum(low + 1, max(total - 1.0, 0.0))]
        return _combine(lower, upper, position - low, method)

    def _values(self, groups: list[_Group], ranks: NDArray[np.float64]) -> _Lookup:
        """The values at ``ranks``: split the groups until few enough values are left, then sort those."""
        while sum(g.count for g in groups if g.high > g.low) > _GATHER:
            groups = self._split(groups, ranks)
        known = [g for g in groups if g.low == g.high]
        open_ = [g for g in groups if g.low != g.high]
        parts = {g: np.array([_value_of(g.low)]) for g in known}
        weights = {g: np.array([g.weight]) for g in known}
        if open_:
            values, mass, group = self._run(_Gather(self._low, self._scale, self._bins, len(self._over) > 1, _table(open_)))
            for i, g in enumerate(open_):
                mine = group == i
                order = np.argsort(values[mine], kind="stable")
                parts[g], weights[g] = values[mine][order], mass[mine][order]
        found: dict[float, float] = {}
        for g in groups:
            ends = g.below + np.cumsum(weights[g])
            inside = ranks[(ranks >= g.below) & ((ranks < g.below + g.weight) | (g is groups[-1]))]
            at = _at_rank(ends, weights[g], inside)
            found.update(zip(inside.tolist(), parts[g][at].tolist(), strict=True))
        return _Lookup(found)

    def _split(self, groups: list[_Group], ranks: NDArray[np.float64]) -> list[_Group]:
        """Cut the key range of every open group into parts and keep those that hold a rank."""
        finer = [g for g in groups if g.low == g.high]
        groups = [g for g in groups if g.low != g.high]
        counts, sums, bounds = self._run(_Split(self._low, self._scale, self._bins, len(self._over) > 1, _table(groups)))
        for i, g in enumerate(groups):
            least, most = bounds[i].tolist()
            shift = _shift(g.low, g.high)
            mass, rows = sums[i], counts[i]
            below = g.below + np.concatenate([[0.0], np.cumsum(mass)])
            inside = ranks[(ranks >= g.below) & ((ranks < g.below + g.weight) | (g is groups[-1]))]
            for part in np.unique(_at_rank(below[1:], mass, inside)).tolist():
                start = g.low + (part << shift)
                low, high = max(start, least), min(start + (1 << shift) - 1, most)
                finer.append(
                    replace(g, low=low, high=high, below=float(below[part]), weight=float(mass[part]), count=int(rows[part]))
                )
        return sorted(finer, key=lambda g: g.below)

    def _run(self, task: MRTask) -> Any:
        return self._node.tasks.do_all(task, self._over).value


class _Lookup:
    def __init__(self, found: dict[float, float]) -> None:
        self._found = found

    def __getitem__(self, ranks: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([self._found[r] for r in ranks.tolist()])


def _at_rank(ends: NDArray[np.float64], mass: NDArray[np.float64], ranks: NDArray[np.float64]) -> NDArray[np.intp]:
    """For each rank the first position whose cumulated weight passes it, and that has any weight."""
    filled = np.flatnonzero(mass > 0)
    at = np.minimum(np.searchsorted(ends[filled], ranks, side="right"), len(filled) - 1)
    out: NDArray[np.intp] = filled[at]
    return out


def _combine(
    low: NDArray[np.float64], high: NDArray[np.float64], fraction: NDArray[np.float64], method: CombineMethod
) -> NDArray[np.float64]:
    between = (fraction > 0) & (low != high)
    if method == "low":
        return low
    if method == "high":
        return np.where(between, high, low)
    with np.errstate(invalid="ignore", over="ignore"):
        mixed = (low + high) / 2 if method == "average" else low + (high - low) * fraction
    return np.where(between, mixed, low)


# -- on the nodes -----------------------------------------------------------------------------------------------------


def _keys(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """uint64 keys in the order of the doubles (no NaN); -0.0 counts as 0.0."""
    bits = (values + 0.0).view(np.uint64)
    flip = np.where(bits >> np.uint64(63), np.uint64(2**64 - 1), np.uint64(2**63))
    return bits ^ flip


def _value_of(key: int) -> float:
    bits = key ^ 2**63 if key >> 63 else key ^ (2**64 - 1)
    return float(np.uint64(bits).view(np.float64))


def _shift(low: int, high: int) -> int:
    """By how many bits to shift ``key - low`` so that [low, high] falls into at most 256 parts."""
    return max(0, (high - low).bit_length() - 8)


def _table(groups: Sequence[_Group]) -> NDArray[np.uint64]:
    """uint64[n_groups, 3]: bin, lowest and highest key."""
    return np.array([(g.bin, g.low, g.high) for g in groups], dtype=np.uint64).reshape(-1, 3)


@dataclass(frozen=True)
class _Pass(MRTask):
    """One pass: rows become first digits by a linear cut of the value range."""

    low: float
    scale: float
    n_bins: int
    weighted: bool

    def _near(self, block: Block, groups: NDArray[np.uint64]) -> Any:
        """(values, weights or None, digits) of the rows whose first digit is that of a group, in row order."""
        near = np.zeros(self.n_bins, dtype=np.bool_)
        near[groups[:, 0].astype(np.int64)] = True
        found = []
        for values, weights, digits in self._rows(block):
            at = np.flatnonzero(near[digits])
            found.append((values[at], None if weights is None else weights[at], digits[at]))
        values = _joined([f[0] for f in found], np.float64)
        weights = _joined([f[1] for f in found], np.float64) if self.weighted else None
        return values, weights, _joined([f[2] for f in found], np.int32)

    def _rows(self, block: Block) -> Any:
        """Known (values, weights or None, digits), piece by piece so that intermediates stay in the processor's cache."""
        all_values = block.numbers(0)
        all_weights = block.numbers(1) if self.weighted else None
        for start in range(0, block.n_rows, _ROWS):
            values = all_values[start : start + _ROWS]
            weights = None if all_weights is None else all_weights[start : start + _ROWS]
            known = None if not np.isnan(values.min()) else ~np.isnan(values)
            if weights is not None:
                known = (weights > 0) if known is None else known & (weights > 0)
            if known is not None:
                values = values[known]
                weights = None if weights is None else weights[known]
            with np.errstate(over="ignore", invalid="ignore"):
                digits = (values - self.low) * self.scale
            # fmax and fmin also take in what infinities made of it.
            np.fmin(np.fmax(digits, 0.0, out=digits), self.n_bins - 1.0, out=digits)
            yield values, weights, digits.astype(np.int32)


@wire_type("quantiles.digits")
@dataclass(frozen=True)
class _Digits(_Pass):
    """(rows, weight) for each first digit."""

    def map(self, block: Block) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        pieces = list(self._rows(block))
        digits = _joined([p[2] for p in pieces], np.int32)
        counts = np.bincount(digits, minlength=self.n_bins).astype(np.int64, copy=False)
        sums: Any = counts.astype(np.float64)
        if self.weighted:
            sums = np.bincount(digits, _joined([p[1] for p in pieces], np.float64), minlength=self.n_bins)
        return counts, sums


@wire_type("quantiles.split")
@dataclass(frozen=True)
class _Split(_Pass):
    """(rows, weight) for each part of each group: [n_groups, 256]; least and greatest key of each group: [n_groups, 2]."""

    groups: NDArray[np.uint64]

    def map(self, block: Block) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint64]]:
        bounds = np.zeros((len(self.groups), 2), dtype=np.uint64)
        bounds[:, 0] = np.uint64(2**64 - 1)
        counts = np.zeros((len(self.groups), _FANOUT), dtype=np.int64)
        sums = np.zeros((len(self.groups), _FANOUT))
        values, weights, digits = self._near(block, self.groups)
        keys = _keys(values)
        for i, (_, low, high) in enumerate(self.groups.tolist()):
            mine = _of_group(self.groups[i], keys, digits)
            found = keys[mine]
            if not len(found):
                continue
            bounds[i] = found.min(), found.max()
            parts = ((found - np.uint64(low)) >> np.uint64(_shift(low, high))).astype(np.int64)
            counts[i] = np.bincount(parts, minlength=_FANOUT)
            if weights is not None:
                sums[i] = np.bincount(parts, weights[mine], minlength=_FANOUT)
        return counts, sums if self.weighted else counts.astype(np.float64), bounds

    def reduce(self, left: Any, right: Any) -> Any:
        bounds = np.stack([np.minimum(left[2][:, 0], right[2][:, 0]), np.maximum(left[2][:, 1], right[2][:, 1])], axis=1)
        return left[0] + right[0], left[1] + right[1], bounds


@wire_type("quantiles.gather")
@dataclass(frozen=True)
class _Gather(_Pass):
    """(values, weights, group index) of all rows of the groups, in row order."""

    groups: NDArray[np.uint64]

    def map(self, block: Block) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int32]]:
        values, weights, digits = self._near(block, self.groups)
        keys = _keys(values)
        group = np.full(len(values), -1, dtype=np.int32)
        for i in range(len(self.groups)):
            group[_of_group(self.groups[i], keys, digits)] = i
        kept = group >= 0
        return values[kept], np.ones(int(kept.sum())) if weights is None else weights[kept], group[kept]

    def reduce(self, left: Any, right: Any) -> Any:
        return tuple(np.concatenate(pair) for pair in zip(left, right, strict=True))


def _joined(parts: list[Any], dtype: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)


def _of_group(group: NDArray[np.uint64], keys: NDArray[np.uint64], digits: NDArray[np.int32]) -> NDArray[np.bool_]:
    mine: NDArray[np.bool_] = digits == int(group[0])
    if int(group[1]) > 0 or int(group[2]) < 2**64 - 1:
        mine &= (keys >= group[1]) & (keys <= group[2])
    return mine

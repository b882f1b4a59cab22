"""Histograms and percentiles of columns, as the frame summary shows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.kernel import Block, MRTask, Node, RollupStats, Vec, wire_type
from numpy.typing import NDArray

__all__ = ["DEFAULT_PERCENTILES", "Histogram", "histogram", "percentiles"]

#: Probabilities H2O reports.
DEFAULT_PERCENTILES = (0.001, 0.01, 0.1, 0.2, 0.25, 0.3, 1 / 3, 0.4, 0.5, 0.6, 2 / 3, 0.7, 0.75, 0.8, 0.9, 0.99, 0.999)
_MAX_BINS = 1000
_REFINE_BINS = 1024
#: Values that may be gathered on the calling node: 16 MB.
_GATHER = 2_000_000


@dataclass(frozen=True, slots=True)
class Histogram:
    """``counts[i]`` values lie in ``[base + i * stride, base + (i + 1) * stride)``."""

    counts: list[int]
    base: float
    stride: float


@wire_type("rest.histogram")
@dataclass(frozen=True)
class _Counts(MRTask):
    base: float
    stride: float
    n_bins: int

    def map(self, block: Block) -> NDArray[np.int64]:
        values = block.numbers(0)
        values = values[np.isfinite(values)]
        bins = np.clip(((values - self.base) / self.stride).astype(np.int64), 0, self.n_bins - 1)
        return np.bincount(bins, minlength=self.n_bins).astype(np.int64)


@wire_type("rest.range_counts")
@dataclass(frozen=True)
class _RangeCounts(MRTask):
    """Counts of values between neighbouring edges.

    ``edges``: int64[n_ranges, n_bins + 1] of sort keys; partial int64[n_ranges, n_bins].
    """

    edges: NDArray[np.int64]

    def map(self, block: Block) -> NDArray[np.int64]:
        keys = np.sort(_finite_keys(block))
        return np.diff(np.searchsorted(keys, self.edges, side="left"), axis=1)


@wire_type("rest.range_keys")
@dataclass(frozen=True)
class _RangeKeys(MRTask):
    """The sort keys in each range [lo, hi); ``bounds``: int64[n_ranges, 2], partial list of int64 arrays."""

    bounds: NDArray[np.int64]

    def map(self, block: Block) -> list[NDArray[np.int64]]:
        keys = _finite_keys(block)
        return [keys[(keys >= lo) & (keys < hi)] for lo, hi in self.bounds]

    def reduce(self, left: list[NDArray[np.int64]], right: list[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        return [np.concatenate(pair) for pair in zip(left, right, strict=True)]


def sort_keys(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """int64 in the order of the doubles; halving a range of keys halves the doubles in it, however small they are."""
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)


def key_value(key: int) -> float:
    """The double of a sort key."""
    bits = key if key >= 0 else -(2**63) - key
    return float(np.array([bits], dtype=np.int64).view(np.float64)[0])


def _finite_keys(block: Block) -> NDArray[np.int64]:
    values = block.numbers(0)
    return sort_keys(values[np.isfinite(values)])


def _edges(lo: int, hi: int, n: int) -> list[int]:
    return [lo + (hi - lo) * k // n for k in range(n + 1)]


def _finite_range(node: Node, vec: Vec, stats: RollupStats) -> tuple[float, float] | None:
    """Smallest and largest finite value; None when there is none."""
    if stats.n_known - stats.pinf_count - stats.ninf_count <= 0:
        return None
    mins, maxs = stats.mins[np.isfinite(stats.mins)], stats.maxs[np.isfinite(stats.maxs)]
    if len(mins) and len(maxs):
        return float(mins[0]), float(maxs[0])
    # All five kept extremes are infinite; rare enough for a pass of its own.
    low, high = node.tasks.do_all(_FiniteRange(), [vec]).value
    return float(low), float(high)


@wire_type("rest.finite_range")
@dataclass(frozen=True)
class _FiniteRange(MRTask):
    def map(self, block: Block) -> tuple[float, float]:
        values = block.numbers(0)
        values = values[np.isfinite(values)]
        return (float(values.min()), float(values.max())) if len(values) else (float("inf"), float("-inf"))

    def reduce(self, left: tuple[float, float], right: tuple[float, float]) -> tuple[float, float]:
        return min(left[0], right[0]), max(left[1], right[1])


def histogram(node: Node, vec: Vec, stats: RollupStats) -> Histogram | None:
    """Counts over the finite values: unit bins for up to 1000 whole numbers, else 1000 bins. None without values."""
    span = _finite_range(node, vec, stats)
    if span is None:
        return None
    lo, hi = span
    whole = stats.is_int or vec.is_enum
    width = hi - lo + 1 if whole else hi - lo
    n_bins = int(min(width, _MAX_BINS)) if whole else _MAX_BINS
    if width == 0:
        n_bins, width = 1, 1.0
    stride = width / n_bins
    counts = node.tasks.do_all(_Counts(lo, stride, n_bins), [vec]).value
    return Histogram(counts.tolist(), lo, stride)


def percentiles(node: Node, vec: Vec, stats: RollupStats) -> list[float]:
    """Exact values at the default percentiles, interpolated linearly between neighbours (type 7).

    Ranges that hold the wanted ranks are refined until their values fit on this node.
    """
    span = _finite_range(node, vec, stats)
    n = stats.n_known - stats.pinf_count - stats.ninf_count
    if span is None:
        return [float("nan")] * len(DEFAULT_PERCENTILES)
    positions = [p * (n - 1) for p in DEFAULT_PERCENTILES]
    ranks = sorted({r for h in positions for r in (int(h), min(int(h) + 1, n - 1))})
    found = order_statistics(node, vec, span, n, ranks)
    out = []
    for h in positions:
        a, b = found[int(h)], found[min(int(h) + 1, n - 1)]
        out.append(a + (b - a) * (h - int(h)))
    return out


def order_statistics(node: Node, vec: Vec, span: tuple[float, float], n: int, ranks: list[int]) -> dict[int, float]:
    """The values of given ranks (0 is the smallest) among the ``n`` finite values of a vec in ``span``.

    All ranks are narrowed together: the range of each is cut into many, the piece that holds the rank is kept, until the pieces
    hold few enough values to fetch. At most seven passes over the data.
    """
    low, high = (int(k) for k in sort_keys(np.array(span)))
    state = dict.fromkeys(ranks, (low, high + 1, 0, n))  # rank -> (lo, hi, values below lo, values inside)
    out: dict[int, float] = {}
    while len(out) < len(state):
        open_ranks = [r for r in state if r not in out]
        inside = {state[r][:2]: state[r][3] for r in open_ranks}
        ranges = sorted(inside)
        if sum(inside.values()) <= _GATHER:
            found = node.tasks.do_all(_RangeKeys(np.array(ranges, dtype=np.int64)), [vec]).value
            keys = {r: np.sort(v) for r, v in zip(ranges, found, strict=True)}
            out.update({r: key_value(int(keys[state[r][:2]][r - state[r][2]])) for r in open_ranks})
            break
        edges = np.array([_edges(lo, hi, _REFINE_BINS) for lo, hi in ranges], dtype=np.int64)
        counts = node.tasks.do_all(_RangeCounts(edges), [vec]).value
        index = {r: i for i, r in enumerate(ranges)}
        for r in open_ranks:
            state[r] = _narrow(state[r], r, edges[index[state[r][:2]]], counts[index[state[r][:2]]])
            if state[r][1] - state[r][0] == 1:
                out[r] = key_value(state[r][0])
    return out


def _narrow(
    at: tuple[int, int, int, int], rank: int, edges: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[int, int, int, int]:
    """The piece of a range that holds ``rank``."""
    below = at[2]
    cumulative = np.cumsum(counts)
    k = int(np.searchsorted(cumulative, rank - below, side="right"))
    return int(edges[k]), int(edges[k + 1]), below + int(cumulative[k] - counts[k]), int(counts[k])

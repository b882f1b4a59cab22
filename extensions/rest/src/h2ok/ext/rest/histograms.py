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
_REFINE_BINS = 4096
#: Values one refinement may gather on the calling node.
_GATHER = 65_536
_MAX_PASSES = 64


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
    """For each range (lo, hi]: counts below lo or equal, and counts of equal sub-ranges; partial int64[n_ranges, bins + 1]."""

    lo: NDArray[np.float64]
    hi: NDArray[np.float64]
    n_bins: int

    def map(self, block: Block) -> NDArray[np.int64]:
        values = block.numbers(0)
        values = np.sort(values[np.isfinite(values)])
        out = np.zeros((len(self.lo), self.n_bins), dtype=np.int64)
        for i, (lo, hi) in enumerate(zip(self.lo, self.hi, strict=True)):
            out[i] = np.diff(np.searchsorted(values, _edges(lo, hi, self.n_bins), side="left"))
        return out


@wire_type("rest.range_values")
@dataclass(frozen=True)
class _RangeValues(MRTask):
    """The values of each range [lo, hi), concatenated; partial list of float64 arrays."""

    lo: NDArray[np.float64]
    hi: NDArray[np.float64]

    def map(self, block: Block) -> list[NDArray[np.float64]]:
        values = block.numbers(0)
        values = values[np.isfinite(values)]
        return [values[(values >= lo) & (values < hi)] for lo, hi in zip(self.lo, self.hi, strict=True)]

    def reduce(self, left: list[NDArray[np.float64]], right: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        return [np.concatenate(pair) for pair in zip(left, right, strict=True)]


def _edges(lo: float, hi: float, n: int) -> NDArray[np.float64]:
    """N + 1 edges; the same numbers on every node."""
    edges = lo + (hi - lo) * (np.arange(n + 1) / n)
    edges[-1] = hi
    return edges


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

    All ranks are narrowed together: a range around each is cut into many, the piece that holds the rank is kept, until the pieces
    hold few enough values to fetch.
    """
    top = float(np.nextafter(span[1], np.inf))
    state = dict.fromkeys(ranks, (span[0], top, 0, n))  # rank -> (lo, hi, values below lo, values inside)
    out: dict[int, float] = {}
    for _ in range(_MAX_PASSES):
        ranges = sorted({(lo, hi) for r, (lo, hi, _, _) in state.items() if r not in out})
        if not ranges:
            break
        inside = {(lo, hi): count for lo, hi, _, count in state.values()}
        lo_hi = np.array(ranges)
        if sum(inside[r] for r in ranges) <= _GATHER:
            values = node.tasks.do_all(_RangeValues(lo_hi[:, 0].copy(), lo_hi[:, 1].copy()), [vec]).value
            arrays = {r: np.sort(v) for r, v in zip(ranges, values, strict=True)}
            for r, (lo, hi, below, _) in state.items():
                if r not in out:
                    out[r] = float(arrays[lo, hi][r - below])
            break
        counts = node.tasks.do_all(_RangeCounts(lo_hi[:, 0].copy(), lo_hi[:, 1].copy(), _REFINE_BINS), [vec]).value
        _narrow(state, out, ranges, counts)
    return out


def _narrow(
    state: dict[int, tuple[float, float, int, int]],
    out: dict[int, float],
    ranges: list[tuple[float, float]],
    counts: NDArray[np.int64],
) -> None:
    index = {r: i for i, r in enumerate(ranges)}
    for r, (lo, hi, below, _) in list(state.items()):
        if r in out:
            continue
        row = counts[index[lo, hi]]
        cumulative = np.cumsum(row)
        k = int(np.searchsorted(cumulative, r - below, side="right"))
        edges = _edges(lo, hi, len(row))
        new_lo, new_hi = float(edges[k]), float(edges[k + 1])
        state[r] = (new_lo, new_hi, below + int(cumulative[k] - row[k]), int(row[k]))
        if np.nextafter(new_lo, np.inf) >= new_hi:
            out[r] = new_lo

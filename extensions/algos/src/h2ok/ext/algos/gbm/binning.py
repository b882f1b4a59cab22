"""Binning: numbers to at most 254 bins by quantiles, levels to a bin each, both to one row-major uint8 matrix a chunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.ext.models import Rows, RowSpec, RowsTask, TrainingData
from h2ok.kernel import uniforms, wire_type
from numpy.typing import NDArray

__all__ = ["BinMapper", "bin_rows", "make_mapper"]

MAX_BINS = 254
_SAMPLE_ROWS = 100_000
_STREAM = 0x42494E53  # "BINS"


@wire_type("gbm.mapper")
@dataclass(frozen=True, slots=True)
class BinMapper:
    """``edges[j]``: float64[n_bins - 1] of a numeric column, ascending; bin b holds ``edges[b-1] <= x < edges[b]``. For a
    categorical column ``level_bins[j]`` is the bin of each level (int32), and ``edges[j]`` is empty.
    """

    edges: tuple[NDArray[np.float64], ...]
    level_bins: tuple[NDArray[np.int32], ...]
    is_cat: NDArray[np.bool_]
    n_bins: NDArray[np.int32]

    def threshold(self, column: int, last_bin: int) -> float:
        """What numbers left of a split are below; infinity when all numbers go left."""
        edges = self.edges[column]
        return float(edges[last_bin]) if last_bin < len(edges) else float("inf")


@wire_type("gbm.sample_task")
@dataclass(frozen=True)
class _SampleTask(RowsTask):
    """Values of every numeric column in a random share of the rows that count; their weights last."""

    share: float
    seed: int

    def map_rows(self, rows: Rows) -> list[NDArray[np.float64]]:
        w = rows.weights()
        take = w > 0
        if self.share < 1:
            take &= uniforms(self.seed, _STREAM, rows.start, rows.n_rows) < self.share
        values = [rows.numbers(j)[take] if c.domain is None else np.empty(0) for j, c in enumerate(rows.spec.columns)]
        return [*values, w[take]]

    def reduce(self, left: list[NDArray[np.float64]], right: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        return [np.concatenate([a, b]) for a, b in zip(left, right, strict=True)]


def make_mapper(data: TrainingData, n_bins: int, n_bins_cats: int, seed: int) -> BinMapper:
    """Bins from a sample of at most about 100,000 rows that count, the same on any number of nodes."""
    share = min(1.0, _SAMPLE_ROWS / max(data.n_rows, 1))
    *sample, weights = data.do_all(_SampleTask(data.spec, share, seed)).value
    edges: list[NDArray[np.float64]] = []
    level_bins: list[NDArray[np.int32]] = []
    for column, values in zip(data.spec.columns, sample, strict=True):
        if column.domain is None:
            edges.append(quantile_edges(values, min(n_bins, MAX_BINS), weights))
            level_bins.append(np.empty(0, dtype=np.int32))
        else:
            k, top = column.cardinality, min(n_bins_cats, MAX_BINS)
            codes = np.arange(k)
            level_bins.append((codes if k <= top else codes * top // k).astype(np.int32))
            edges.append(np.empty(0))
    is_cat = np.array([c.domain is not None for c in data.spec.columns])
    n = [int(b.max(initial=0)) + 1 if cat else len(e) + 1 for cat, b, e in zip(is_cat, level_bins, edges, strict=True)]
    return BinMapper(tuple(edges), tuple(level_bins), is_cat, np.array(n, dtype=np.int32))


def quantile_edges(values: NDArray[np.float64], n_bins: int, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Ascending edges between bins: one bin a distinct value while they fit, else bins of about equal weight.

    An edge lies halfway between two neighbouring values (at the upper one where halves round down), so no value of the sample is on
    the wrong side of it.
    """
    known = ~np.isnan(values)
    if weights is None or (weights == 1).all():
        ordered, w = np.sort(values[known]), None
    else:
        order = np.argsort(values[known], kind="stable")
        ordered, w = values[known][order], weights[known][order]
    if len(ordered) == 0:
        return np.empty(0)
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    distinct = ordered[starts]
    counts = np.add.reduceat(w, starts) if w is not None else np.diff(starts, append=len(ordered)).astype(np.float64)
    if len(distinct) > n_bins:
        ends = np.cumsum(counts)
        wanted = np.arange(1, n_bins) * (ends[-1] / n_bins)
        cuts = np.unique(np.searchsorted(ends, wanted))
        cuts = cuts[cuts < len(distinct) - 1]
    else:
        cuts = np.arange(len(distinct) - 1)
    low, high = distinct[cuts], distinct[cuts + 1]
    with np.errstate(invalid="ignore", over="ignore"):
        middle = low + (high - low) / 2
    middle = np.where(np.isfinite(middle) & (middle > low), middle, high)
    return np.unique(middle)


def bin_rows(rows: Rows, mapper: BinMapper) -> NDArray[np.uint8]:
    """uint8[n_rows, n_columns], C order."""
    from h2ok.ext.algos.gbm.kernels import NA_BIN, bin_column

    out = np.empty((rows.n_rows, rows.n_columns), dtype=np.uint8)
    for j in range(rows.n_columns):
        if mapper.is_cat[j]:
            table = np.append(mapper.level_bins[j], NA_BIN).astype(np.uint8)
            out[:, j] = table[rows.codes(j)]
        else:
            edges = np.full(256, np.inf)
            edges[: len(mapper.edges[j])] = mapper.edges[j]
            bin_column(np.ascontiguousarray(rows.numbers(j)), edges, len(mapper.edges[j]), out, j)
    return out


def uses_weights(spec: RowSpec) -> bool:
    """Whether rows may count other than once (a fold only switches rows off)."""
    return spec.weights >= 0

"""DataInfo: expansion of categorical columns, standardisation and imputation (H2O: hex.DataInfo)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.models.rows import Rows, RowSpec, RowsTask
from h2ok.ext.models.training import TrainingData
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["ColumnStatistics", "DataInfo", "column_statistics"]


@wire_type("models.column_statistics")
@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """Weighted statistics of every predictor: ``weight``, ``mean``, ``m2`` (squared deviations) over known values, ``n`` their
    number, float64[n_columns]; ``counts``: weight of each level for categorical columns, empty arrays for numbers.
    """

    n: NDArray[np.float64]
    weight: NDArray[np.float64]
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]
    counts: tuple[NDArray[np.float64], ...]

    def merged(self, other: ColumnStatistics) -> ColumnStatistics:
        """Both together (Chan et al. 1979)."""
        total = self.weight + other.weight
        share = np.divide(other.weight, total, out=np.zeros_like(total), where=total > 0)
        delta = other.mean - self.mean
        return ColumnStatistics(
            self.n + other.n,
            total,
            self.mean + delta * share,
            self.m2 + other.m2 + delta * delta * self.weight * share,
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
        )

    def sigma(self) -> NDArray[np.float64]:
        """Standard deviation (n - 1), weights scaled as repetitions."""
        spread = np.divide(self.m2, self.weight, out=np.zeros_like(self.m2), where=self.weight > 0)
        bessel = np.divide(self.n, self.n - 1, out=np.ones_like(self.n), where=self.n > 1)
        return np.asarray(np.sqrt(spread * bessel))


@wire_type("models.statistics_task")
@dataclass(frozen=True)
class _StatisticsTask(RowsTask):
    def map_rows(self, rows: Rows) -> ColumnStatistics | None:
        w = rows.weights()
        keep = w > 0
        if not keep.any():
            return None
        w = w[keep]
        k = rows.n_columns
        n, weight, mean, m2 = (np.zeros(k) for _ in range(4))
        counts: list[NDArray[np.float64]] = []
        for j, column in enumerate(rows.spec.columns):
            if column.domain is not None:
                codes = rows.codes(j)[keep]
                known = codes >= 0
                counts.append(np.bincount(codes[known], weights=w[known], minlength=column.cardinality).astype(np.float64))
                n[j], weight[j] = known.sum(), w[known].sum()
                continue
            counts.append(np.empty(0))
            x = rows.numbers(j)[keep]
            known = ~np.isnan(x)
            x, wx = x[known], w[known]
            n[j], weight[j] = len(x), wx.sum()
            mean[j] = (wx * x).sum() / weight[j] if weight[j] > 0 else 0.0
            m2[j] = (wx * (x - mean[j]) ** 2).sum()
        return ColumnStatistics(n, weight, mean, m2, tuple(counts))

    def reduce(self, left: ColumnStatistics, right: ColumnStatistics) -> ColumnStatistics:
        return left.merged(right)


def column_statistics(data: TrainingData) -> ColumnStatistics:
    """Statistics of the predictors over the rows that count."""
    found = data.do_all(_StatisticsTask(data.spec)).value
    if found is None:
        k = len(data.names)
        empty = tuple(np.zeros(c.cardinality) for c in data.spec.columns)
        return ColumnStatistics(np.zeros(k), np.zeros(k), np.zeros(k), np.zeros(k), empty)
    out: ColumnStatistics = found
    return out


@wire_type("models.datainfo")
@dataclass(frozen=True, slots=True)
class DataInfo:
    """How predictors become numbers: categorical ones first (one 0/1 column a level, the first level left out with
    ``drop_first``), then the numeric ones, ``(x - shift) / scale`` with NA as the mean.

    ``categorical``/``numeric``: column numbers among the predictors. ``first``: int64[n_cat + 1], where the expanded columns of
    each categorical one begin. ``modes``: int32[n_cat], the level NA and unknown levels count as (-1: none of them).
    ``names``: expanded names.
    """

    categorical: tuple[int, ...]
    numeric: tuple[int, ...]
    first: NDArray[np.int64]
    modes: NDArray[np.int32]
    means: NDArray[np.float64]
    shift: NDArray[np.float64]
    scale: NDArray[np.float64]
    drop_first: bool
    names: tuple[str, ...]

    @classmethod
    def of(cls, spec: RowSpec, stats: ColumnStatistics, *, standardize: bool, drop_first: bool, impute: bool = True) -> DataInfo:
        """From the statistics of the training rows. Numeric columns without spread keep scale 1."""
        cats = tuple(j for j, c in enumerate(spec.columns) if c.domain is not None)
        nums = tuple(j for j, c in enumerate(spec.columns) if c.domain is None)
        skip = int(drop_first)
        sizes = [max(spec.columns[j].cardinality - skip, 0) for j in cats]
        first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        modes = np.array([int(np.argmax(stats.counts[j])) if impute and len(stats.counts[j]) else -1 for j in cats], dtype=np.int32)
        means, sigma = stats.mean[list(nums)], stats.sigma()[list(nums)]
        scale = np.where(sigma > 0, sigma, 1.0) if standardize else np.ones(len(nums))
        shift = means.copy() if standardize else np.zeros(len(nums))
        names = [f"{spec.columns[j].name}.{level}" for j in cats for level in (spec.columns[j].domain or ())[skip:]]
        names += [spec.columns[j].name for j in nums]
        return cls(cats, nums, first, modes, means, shift, scale, drop_first, tuple(names))

    @property
    def n_expanded(self) -> int:
        """Columns after expansion."""
        return len(self.names)

    @property
    def n_categorical(self) -> int:
        """Expanded columns that stand for levels."""
        return int(self.first[-1])

    def codes(self, rows: Rows) -> NDArray[np.int32]:
        """int32[n_rows, n_cat], C order: the expanded column each level switches on, -1 for none (reference level)."""
        out = np.empty((rows.n_rows, len(self.categorical)), dtype=np.int32)
        skip = int(self.drop_first)
        for i, j in enumerate(self.categorical):
            codes = rows.codes(j)
            if self.modes[i] >= 0:
                codes = np.where(codes < 0, self.modes[i], codes)
            out[:, i] = np.where(codes < skip, -1, codes - skip + int(self.first[i]))
        return out

    def numbers(self, rows: Rows) -> NDArray[np.float64]:
        """float64[n_rows, n_num], C order: imputed, shifted, scaled."""
        out = np.empty((rows.n_rows, len(self.numeric)))
        for i, j in enumerate(self.numeric):
            x = rows.numbers(j)
            na = np.isnan(x)
            if na.any():
                x = np.where(na, self.means[i], x)
            np.subtract(x, self.shift[i], out=out[:, i])
        if len(self.numeric):
            out /= self.scale
        return out

    def expand(self, rows: Rows) -> NDArray[np.float64]:
        """float64[n_rows, n_expanded], C order: all columns written out."""
        out = np.zeros((rows.n_rows, self.n_expanded))
        codes = self.codes(rows)
        for i in range(codes.shape[1]):
            on = codes[:, i] >= 0
            out[np.flatnonzero(on), codes[on, i]] = 1.0
        out[:, self.n_categorical :] = self.numbers(rows)
        return out

    def destandardize(self, beta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients for the columns as they are, from those of shifted and scaled ones; the intercept is the last one."""
        out = beta.copy()
        k = self.n_categorical
        out[k:-1] = beta[k:-1] / self.scale
        out[-1] = beta[-1] - float((out[k:-1] * self.shift).sum())
        return out

    def missing(self, rows: Rows) -> Any:
        """bool[n_rows]: rows with a missing predictor."""
        out = np.zeros(rows.n_rows, dtype=bool)
        for j in self.categorical:
            out |= rows.codes(j) < 0
        for j in self.numeric:
            out |= np.isnan(rows.numbers(j))
        return out

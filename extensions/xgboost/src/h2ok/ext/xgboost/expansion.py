"""Expansion: predictors as the columns of XGBoost's matrix, dense or sparse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.ext.models import Rows, RowSpec
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["Expansion"]

#: Numbers beyond it (infinities included) count as it: the library refuses infinities, and trees look at the order only.
_LIMIT = 1e38


@wire_type("xgboost.expansion")
@dataclass(frozen=True, slots=True)
class Expansion:
    """One 0/1 column for each level and one for "missing" of every categorical predictor, then the numbers.

    ``categorical``/``numeric``: column numbers among the predictors. ``first``: int64[n_cat + 1], where the expanded columns of
    each categorical one begin; NA and unknown levels switch the last of them on. Missing numbers stay missing (NaN). ``sparse``:
    only what is not zero is stored, and what is not stored counts as missing.
    """

    categorical: tuple[int, ...]
    numeric: tuple[int, ...]
    first: NDArray[np.int64]
    names: tuple[str, ...]
    sparse: bool

    @classmethod
    def of(cls, spec: RowSpec, *, sparse: bool) -> Expansion:
        """For the predictors of a spec."""
        cats = tuple(j for j, c in enumerate(spec.columns) if c.domain is not None)
        nums = tuple(j for j, c in enumerate(spec.columns) if c.domain is None)
        first = np.concatenate([[0], np.cumsum([spec.columns[j].cardinality + 1 for j in cats])]).astype(np.int64)
        names = [f"{spec.columns[j].name}.{level}" for j in cats for level in (*(spec.columns[j].domain or ()), "missing(NA)")]
        names += [spec.columns[j].name for j in nums]
        return cls(cats, nums, first, tuple(names), sparse)

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.names)

    @property
    def predictors(self) -> tuple[str, ...]:
        """Names of the predictors in the order of the matrix: categorical ones, then numbers."""
        cats = [self.names[int(self.first[i + 1]) - 1].removesuffix(".missing(NA)") for i in range(len(self.categorical))]
        return (*cats, *self.names[int(self.first[-1]) :])

    def by_predictor(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of matrix columns float64[n, width] summed for each of ``predictors``."""
        cats = [values[:, int(a) : int(b)].sum(axis=1) for a, b in zip(self.first[:-1], self.first[1:], strict=True)]
        return np.column_stack([*cats, values[:, int(self.first[-1]) :]])

    def columns_of(self, predictor: int) -> list[int]:
        """Matrix columns of a predictor, by its number."""
        if predictor in self.numeric:
            return [int(self.first[-1]) + self.numeric.index(predictor)]
        i = self.categorical.index(predictor)
        return list(range(int(self.first[i]), int(self.first[i + 1])))

    def codes(self, rows: Rows) -> NDArray[np.int32]:
        """int32[n_rows, n_cat]: the matrix column each categorical value switches on."""
        out = np.empty((rows.n_rows, len(self.categorical)), dtype=np.int32)
        for i, j in enumerate(self.categorical):
            codes = rows.codes(j)
            np.add(codes, np.int32(self.first[i]), out=out[:, i])
            out[codes < 0, i] = self.first[i + 1] - 1
        return out

    def numbers(self, rows: Rows) -> NDArray[np.float32]:
        """float32[n_rows, n_num], NA as NaN."""
        out = np.empty((rows.n_rows, len(self.numeric)), dtype=np.float32)
        for i, j in enumerate(self.numeric):
            out[:, i] = np.clip(rows.numbers(j), -_LIMIT, _LIMIT)
        return out

    def dense(self, rows: Rows) -> NDArray[np.float32]:
        """float32[n_rows, width], C order."""
        out = np.zeros((rows.n_rows, self.width), dtype=np.float32)
        codes = self.codes(rows)
        out.reshape(-1)[(codes + np.arange(rows.n_rows, dtype=np.int64)[:, None] * self.width).reshape(-1)] = 1.0
        out[:, int(self.first[-1]) :] = self.numbers(rows)
        return out

    def stored(self, rows: Rows) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
        """What is not zero: values float32[m], their columns int32[m] (ascending in a row), where rows begin int64[n_rows + 1]."""
        codes, numbers = self.codes(rows), self.numbers(rows)
        at = np.broadcast_to(np.arange(self.first[-1], self.width, dtype=np.int32), numbers.shape)
        columns = np.concatenate([codes, at], axis=1)
        values = np.concatenate([np.ones(codes.shape, dtype=np.float32), numbers], axis=1)
        keep = (values != 0) & ~np.isnan(values)
        starts = np.zeros(rows.n_rows + 1, dtype=np.int64)
        np.cumsum(keep.sum(axis=1), out=starts[1:])
        return values[keep], columns[keep], starts

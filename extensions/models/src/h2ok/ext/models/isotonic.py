"""Isotonic regression on one variable: the monotone function with the least weighted squared error.

Pool adjacent violators: Barlow et al. (1972), "Statistical Inference under Order Restrictions".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.models.rows import Rows, RowsTask
from h2ok.ext.models.training import TrainingData
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["fit_isotonic"]

_Floats = NDArray[np.float64]


def fit_isotonic(data: TrainingData, predictor: Any = None, cancelled: Any = None) -> tuple[_Floats, _Floats]:
    """(x, y): the ends of the blocks of equal values, ascending; straight lines run between them.

    Parameters
    ----------
    predictor : its probability of the second class is x; None: the first predictor of the rows is. Rows without x, response or
        weight do not count; rows with the same x count as one.

    Raises
    ------
    ValueError
        No row is left.
    """
    rows: _Floats = data.do_all(_ByValue(data.spec, predictor), cancelled=cancelled).value
    if not len(rows):
        raise ValueError(f"No row of '{data.key}' has a predictor, a response and a weight: there is nothing to learn from.")
    return _pooled(rows)


@wire_type("models.isotonic_rows")
@dataclass(frozen=True)
class _ByValue(RowsTask):
    """float64[k, 3]: different values of x, ascending, with the weights and weighted responses of their rows."""

    predictor: Any

    def map_rows(self, rows: Rows) -> _Floats:
        x = rows.numbers(0) if self.predictor is None else self.predictor.predict(rows)[:, 1]
        w, y = rows.weights(), np.nan_to_num(rows.response())
        return _summed(np.column_stack([x, w, w * y])[(w > 0) & ~np.isnan(x)])

    def reduce(self, left: Any, right: Any) -> Any:
        return _summed(np.concatenate([left, right]))


def _summed(rows: _Floats) -> _Floats:
    values, at = np.unique(rows[:, 0], return_inverse=True)
    return np.column_stack([values, *(np.bincount(at, weights=rows[:, j], minlength=len(values)) for j in (1, 2))])


def _pooled(rows: _Floats) -> tuple[_Floats, _Floats]:
    # Blocks as [first, last, weight, weighted sum].
    blocks: list[list[float]] = []
    for x, w, wy in rows.tolist():
        blocks.append([x, x, w, wy])
        while len(blocks) > 1 and blocks[-2][3] * blocks[-1][2] >= blocks[-1][3] * blocks[-2][2]:
            _, last, weight, total = blocks.pop()
            blocks[-1][1] = last
            blocks[-1][2] += weight
            blocks[-1][3] += total
    ends = np.array([end for b in blocks for end in b[:2]])
    values = np.array([b[3] / b[2] for b in blocks for _ in range(2)])
    # A block of one value has one end.
    keep = np.append(True, np.diff(ends) > 0)
    return ends[keep], values[keep]

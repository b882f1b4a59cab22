"""Score distributions of a two-class model: weight of positives and negatives by score, exact or on a fine fixed grid.

H2O bins scores into 400 moving bins while it reads, so its AUC depends on the order of rows. Here every distinct score is a cell of
its own up to ``EXACT_ROWS`` rows; above, scores fall into a fixed grid (1024 cells an octave, mirrored at one half). Both are
sums over rows, hence equal for any chunking of equal reduction order, and exactly equal without weights.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["EXACT_ROWS", "Cells", "GridCells", "ScoreCells", "cells_of"]

#: Up to this many rows of a frame every distinct score is kept.
EXACT_ROWS = 1 << 17
_SHIFT = 42  # 52 bits of mantissa, 10 kept
_FLOOR = 2.0**-30


def _index_of(x: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.maximum(x, _FLOOR).view(np.int64) >> _SHIFT


_BASE = int(_index_of(np.array([_FLOOR]))[0])
_HALF = int(_index_of(np.array([0.5]))[0]) - _BASE
N_CELLS = 2 * _HALF + 1


@wire_type("models.scores")
@dataclass(frozen=True, slots=True)
class ScoreCells:
    """Ascending by score. ``low``: smallest score the cell stands for; ``scores``: weighted sum of the scores in it.

    All float64[n_cells].
    """

    low: NDArray[np.float64]
    positive: NDArray[np.float64]
    negative: NDArray[np.float64]
    scores: NDArray[np.float64]

    def merged(self, other: Cells) -> ScoreCells:
        """Both together."""
        assert isinstance(other, ScoreCells)
        return _group(*(np.concatenate([getattr(self, f), getattr(other, f)]) for f in ("low", "positive", "negative", "scores")))

    def compact(self) -> ScoreCells:
        """Without empty cells."""
        keep = (self.positive + self.negative) > 0
        return self if keep.all() else ScoreCells(self.low[keep], self.positive[keep], self.negative[keep], self.scores[keep])


@wire_type("models.grid_scores")
@dataclass(frozen=True, slots=True)
class GridCells:
    """Cells of the fixed grid from the cell ``first`` on, with all scores in them; the sums are those of ``ScoreCells``."""

    first: int
    positive: NDArray[np.float64]
    negative: NDArray[np.float64]
    scores: NDArray[np.float64]

    @property
    def low(self) -> NDArray[np.float64]:
        """The lower ends of the cells."""
        return _grid()[self.first : self.first + len(self.positive)]

    def merged(self, other: Cells) -> GridCells:
        """Both together."""
        assert isinstance(other, GridCells)
        if not len(self.positive) or not len(other.positive):
            return self if len(self.positive) else other
        first = min(self.first, other.first)
        sums = np.zeros((3, max(c.first + len(c.positive) for c in (self, other)) - first))
        for cells in (self, other):
            part = slice(cells.first - first, cells.first - first + len(cells.positive))
            for out, values in zip(sums, (cells.positive, cells.negative, cells.scores), strict=True):
                out[part] += values
        return GridCells(first, *sums)

    def compact(self) -> ScoreCells:
        """Without empty cells."""
        return ScoreCells(self.low, self.positive, self.negative, self.scores).compact()


Cells = ScoreCells | GridCells


def cells_of(p: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64], *, exact: bool) -> Cells:
    """Cells of one block.

    Parameters
    ----------
    p : score of the positive class; y : 1 positive, 0 negative; w : weight > 0. All float64[n].
    """
    if exact:
        return _group(p + 0.0, w * y, w * (1 - y), w * p)
    from h2ok.ext.models.metrics.kernels import sum_cells

    sums = np.zeros((3, N_CELLS))
    first, end = sum_cells(p, y, w, _FLOOR, _SHIFT, _BASE, _HALF, *sums)
    return GridCells(first, *np.ascontiguousarray(sums[:, first:end]))


@functools.cache
def _grid() -> NDArray[np.float64]:
    edges = ((np.arange(_HALF + 2, dtype=np.int64) + _BASE) << _SHIFT).view(np.float64)
    lower = edges[:_HALF].copy()
    lower[0] = 0.0
    upper = np.nextafter(1 - edges[1 : _HALF + 2][::-1], 1.0)
    upper[0] = 0.5
    grid = np.concatenate([lower, upper])
    grid.flags.writeable = False
    return grid


def _group(
    keys: NDArray[np.float64], positive: NDArray[np.float64], negative: NDArray[np.float64], scores: NDArray[np.float64]
) -> ScoreCells:
    if len(keys) == 0:
        return ScoreCells(keys, positive, negative, scores)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    apart = ordered[1:] != ordered[:-1]
    if apart.all():
        return ScoreCells(ordered, positive[order], negative[order], scores[order])
    starts = np.append(0, np.flatnonzero(apart) + 1)
    sums = [np.add.reduceat(v[order], starts) for v in (positive, negative, scores)]
    return ScoreCells(ordered[starts], *sums)

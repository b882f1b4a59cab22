"""Histogram of a vec: counts in bins of equal width, for frame summaries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from h2ok.kernel.frame.quantiles import DEFAULT_PROBS, quantiles
from h2ok.kernel.frame.vec import Vec
from h2ok.kernel.task.mrtask import Block, MRTask
from h2ok.kernel.wire import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel.node import Node

__all__ = ["DEFAULT_PROBS", "MAX_BINS", "Histogram", "histogram", "percentiles"]

#: Bins of a column of reals, and the most a column of whole numbers gets; an enum has one for each level.
MAX_BINS = 1000


@wire_type("histogram")
@dataclass(frozen=True, slots=True)
class Histogram:
    """``bins``: int64[n_bins]; bin i counts finite values from ``base + i * stride`` on; the last bin includes the maximum."""

    bins: NDArray[np.int64]
    base: float
    stride: float


@wire_type("histogram.task")
@dataclass(frozen=True)
class _Count(MRTask):
    base: float
    stride: float
    n_bins: int

    def map(self, block: Block) -> NDArray[np.int64]:
        values = block.numbers(0)
        at = (values[np.isfinite(values)] - self.base) / self.stride
        return np.bincount(np.clip(at, 0, self.n_bins - 1).astype(np.int64), minlength=self.n_bins)


def histogram(node: Node, vec: Vec) -> Histogram | None:
    """The histogram of ``vec``; None for text and for columns without a finite range."""
    if vec.type in ("string", "uuid"):
        return None
    stats = node.rollups(vec)
    finite = np.isfinite([stats.min, stats.max]).all()
    if vec.type == "enum" and vec.cardinality:
        base, stride, n_bins = 0.0, 1.0, vec.cardinality
    elif not finite:
        return None
    elif stats.is_int:
        span = stats.max - stats.min + 1
        n_bins = int(min(span, MAX_BINS))
        base, stride = stats.min, span / n_bins
    else:
        n_bins = MAX_BINS if stats.max > stats.min else 1
        base, stride = stats.min, (stats.max - stats.min) / n_bins
        if not stride > 0 or not np.isfinite(stride):
            n_bins, stride = 1, 1.0
    return Histogram(node.tasks.do_all(_Count(base, stride, n_bins), [vec]).value, base, stride)


def percentiles(node: Node, vec: Vec) -> NDArray[np.float64] | None:
    """Exact values at ``DEFAULT_PROBS``; None for text and enums."""
    if vec.type in ("string", "uuid", "enum"):
        return None
    return quantiles(node, vec, DEFAULT_PROBS)

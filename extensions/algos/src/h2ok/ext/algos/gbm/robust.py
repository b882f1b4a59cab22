"""Losses whose best leaf is a quantile of residuals: laplace, quantile and huber.

Friedman (2001), doi:10.1214/aos/1013203451, algorithms 3 and 4. A quantile needs all residuals of a leaf at once, so they come to
the node that trains, 20 bytes a row and tree; their order in the frame does not matter to the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.algos.gbm.passes import Level, Work, work_of
from h2ok.ext.models import Distribution, Rows, RowsTask, TrainingData
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["ROBUST", "ResidualPass", "huber_delta", "leaf_steps", "residuals", "start_score", "weighted_quantile"]

ROBUST = ("laplace", "quantile", "huber")


def weighted_quantile(r: NDArray[np.float64], w: NDArray[np.float64], probability: float) -> float:
    """The quantile of values as if each stood there ``w`` times, linear between neighbours; 0 without values.

    ``r`` ascending, float64[n]; ``w`` > 0, float64[n].
    """
    if len(r) == 0:
        return 0.0
    ends = np.cumsum(w)
    at = max(probability * (ends[-1] - 1.0), 0.0)
    low = min(int(np.searchsorted(ends, at, side="right")), len(r) - 1)
    high = min(int(np.searchsorted(ends, at + 1.0, side="right")), len(r) - 1)
    return float(r[low] + (at - np.floor(at)) * (r[high] - r[low]))


@wire_type("gbm.responses")
@dataclass(frozen=True)
class _Responses(RowsTask):
    """(y - offset, weight) of the rows that count."""

    def map_rows(self, rows: Rows) -> list[tuple[Any, Any]]:
        offset = rows.offset()
        w = np.where(np.isnan(offset), 0.0, rows.weights())
        keep = w > 0
        return [(rows.response()[keep] - offset[keep], w[keep])]

    def reduce(self, left: list[Any], right: list[Any]) -> list[Any]:
        return left + right


def start_score(data: TrainingData, distribution: Distribution) -> float:
    """The score before the first tree: the median, or the quantile that is to be learned."""
    parts = data.do_all(_Responses(data.spec)).value or []
    if not parts:
        return 0.0
    r, w = (np.concatenate([p[i] for p in parts]) for i in range(2))
    order = np.lexsort((w, r))
    return weighted_quantile(r[order], w[order], distribution.alpha if distribution.name == "quantile" else 0.5)


@wire_type("gbm.residuals")
@dataclass(frozen=True)
class ResidualPass(RowsTask):
    """Routes rows through the last splits (when there are any); (leaf, residual, weight) of the rows in the bag."""

    level: Level | None = None

    def map_rows(self, rows: Rows) -> list[tuple[Any, Any, Any]]:
        return residuals(work_of(rows), self.level)

    def reduce(self, left: list[Any], right: list[Any]) -> list[Any]:
        return left + right


def residuals(work: Work, level: Level | None) -> list[tuple[Any, Any, Any]]:
    """See ``ResidualPass``."""
    from h2ok.ext.algos.gbm.kernels import route

    weight = work.w
    if level is not None:
        route(work.bins, work.node, *level.routing)
        weight = work.bag
    keep = weight > 0
    return [(-1 - work.node[keep], work.y[keep] - work.f[keep, 0], weight[keep])]


def huber_delta(data: TrainingData, session: str, probability: float) -> float:
    """The residual from which huber's loss is linear: a quantile of the absolute residuals."""
    parts = data.do_all(ResidualPass(data.spec, session=session)).value or []
    r, w = (np.concatenate([p[i] for p in parts]) for i in (1, 2))
    size = np.abs(r)
    order = np.lexsort((w, size))
    return weighted_quantile(size[order], w[order], probability)


def leaf_steps(distribution: Distribution, parts: list[tuple[Any, Any, Any]], n_leaves: int) -> NDArray[np.float64]:
    """The best step of each leaf: float64[n_leaves]."""
    leaf, r, w = (np.concatenate([p[i] for p in parts]) for i in range(3))
    order = np.lexsort((w, r, leaf))
    leaf, r, w = leaf[order], r[order], w[order]
    bounds = np.searchsorted(leaf, np.arange(n_leaves + 1))
    out = np.zeros(n_leaves)
    for i in range(n_leaves):
        at = slice(bounds[i], bounds[i + 1])
        probability = distribution.alpha if distribution.name == "quantile" else 0.5
        out[i] = weighted_quantile(r[at], w[at], probability)
        if distribution.name == "huber" and bounds[i] < bounds[i + 1]:
            beyond = r[at] - out[i]
            moved = np.sign(beyond) * np.minimum(np.abs(beyond), distribution.delta)
            out[i] += float((w[at] * moved).sum() / w[at].sum())
    return out

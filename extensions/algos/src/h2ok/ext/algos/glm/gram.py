"""One pass over the rows: objective at given coefficients, and the weighted Gram of the next quadratic problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.algos.glm.family import Family
from h2ok.ext.models import DataInfo, Rows, RowsTask
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["GramTask", "IrlsSums", "MultinomialTask", "ResponseTask"]


@wire_type("glm.sums")
@dataclass(frozen=True, slots=True)
class IrlsSums:
    """``gram``: float64[q, q] over levels, numbers, 1 and the working response, lower triangle; ``objective``: half the deviance
    (or minus the log-likelihood for several classes).
    """

    gram: NDArray[np.float64]
    objective: float


@wire_type("glm.prepared")
@dataclass(slots=True)
class Prepared:
    """Rows made ready once for all iterations. ``x``: numbers, then 1, then room for the working response."""

    codes: NDArray[np.int32]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    w: NDArray[np.float64]
    offset: NDArray[np.float64]


def prepare_rows(rows: Rows, info: DataInfo, *, skip_missing: bool) -> Prepared:
    """The rows that count, expanded and standardised; kept with the chunk while the session lasts."""
    found = rows.state.get("glm")
    if isinstance(found, Prepared):
        return found
    w = rows.weights()
    offset = rows.offset()
    w = np.where(np.isnan(offset), 0.0, w)
    if skip_missing:
        w = np.where(info.missing(rows), 0.0, w)
    numbers, codes, y = info.numbers(rows), info.codes(rows), rows.response()
    keep = w > 0
    if not keep.all():
        numbers, codes, y, w, offset = numbers[keep], codes[keep], y[keep], w[keep], offset[keep]
    x = np.empty((len(y), numbers.shape[1] + 2))
    x[:, :-2] = numbers
    x[:, -2] = 1.0
    x[:, -1] = 0.0
    made = Prepared(codes, x, y, w, offset)
    rows.block.cache("glm", made, codes.nbytes + x.nbytes + 3 * y.nbytes)
    return made


def linear(prepared: Prepared, info: DataInfo, beta: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[n]: linear predictor without offset."""
    from h2ok.ext.algos.glm.kernels import linear_predictor

    out = np.empty(len(prepared.y))
    linear_predictor(prepared.codes, prepared.x, beta, info.n_categorical, prepared.x.shape[1] - 1, out)
    return out


def gram_of(prepared: Prepared, info: DataInfo, w: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[q, q], lower triangle, with the working response as the last column."""
    from h2ok.ext.algos.glm.kernels import accumulate_gram

    prepared.x[:, -1] = z
    q = info.n_categorical + prepared.x.shape[1]
    gram = np.zeros((q, q))
    accumulate_gram(prepared.codes, prepared.x, w, info.n_categorical, gram)
    return gram


@wire_type("glm.gram_task")
@dataclass(frozen=True)
class GramTask(RowsTask):
    """IRLS sums at ``beta`` (last: intercept). ``working`` false: the objective only. ``observed``: see ``Family.working``."""

    info: DataInfo
    family: Family
    beta: NDArray[np.float64]
    skip_missing: bool = False
    working: bool = True
    observed: bool = True

    def map_rows(self, rows: Rows) -> IrlsSums:
        p = prepare_rows(rows, self.info, skip_missing=self.skip_missing)
        eta = linear(p, self.info, self.beta)
        mu = self.family.linkinv(eta + p.offset)
        objective = self.family.objective(p.w, p.y, mu)
        if not self.working:
            return IrlsSums(np.zeros((0, 0)), objective)
        w, step = self.family.working(eta + p.offset, p.y, mu, observed=self.observed)
        return IrlsSums(gram_of(p, self.info, p.w * w, eta + step), objective)

    def reduce(self, left: IrlsSums, right: IrlsSums) -> IrlsSums:
        return IrlsSums(left.gram + right.gram, left.objective + right.objective)


@wire_type("glm.multinomial_task")
@dataclass(frozen=True)
class MultinomialTask(RowsTask):
    """IRLS sums of one class given the coefficients float64[n_classes, p + 1] of all; the objective is minus the log-likelihood."""

    info: DataInfo
    beta: NDArray[np.float64]
    which: int
    skip_missing: bool = False
    working: bool = True

    def map_rows(self, rows: Rows) -> IrlsSums:
        p = prepare_rows(rows, self.info, skip_missing=self.skip_missing)
        eta = np.column_stack([linear(p, self.info, b) for b in self.beta])
        prob = softmax(eta)
        y = p.y.astype(np.int64)
        own = np.maximum(prob[np.arange(len(y)), y], 1e-15) if len(y) else np.empty(0)
        objective = float(-(p.w * np.log(own)).sum())
        if not self.working:
            return IrlsSums(np.zeros((0, 0)), objective)
        mu = prob[:, self.which]
        variance = np.maximum(mu * (1 - mu), 1e-10)
        z = eta[:, self.which] + ((y == self.which) - mu) / variance
        return IrlsSums(gram_of(p, self.info, p.w * variance, z), objective)

    def reduce(self, left: IrlsSums, right: IrlsSums) -> IrlsSums:
        return IrlsSums(left.gram + right.gram, left.objective + right.objective)


def softmax(eta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities float64[n, k] of linear predictors float64[n, k]."""
    e = np.exp(eta - eta.max(axis=1, keepdims=True)) if len(eta) else eta
    return np.asarray(e / e.sum(axis=1, keepdims=True))


@wire_type("glm.response_task")
@dataclass(frozen=True)
class ResponseTask(RowsTask):
    """(rows, weight, weighted sum of the response or weight of each class, smallest response) over the rows that count."""

    info: DataInfo
    n_classes: int
    skip_missing: bool = False

    def map_rows(self, rows: Rows) -> dict[str, Any]:
        p = prepare_rows(rows, self.info, skip_missing=self.skip_missing)
        lowest = float(p.y.min()) if len(p.y) else float("inf")
        if self.n_classes > 2:
            sums = np.bincount(p.y.astype(np.int64), weights=p.w, minlength=self.n_classes).astype(np.float64)
        else:
            sums = np.array([float((p.w * p.y).sum())])
        return {"n": len(p.y), "w": float(p.w.sum()), "sums": sums, "min": lowest}

    def reduce(self, left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
        added = {k: left[k] + right[k] for k in ("n", "w", "sums")}
        return {**added, "min": min(left["min"], right["min"])}

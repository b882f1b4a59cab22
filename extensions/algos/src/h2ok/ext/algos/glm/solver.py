"""The penalised quadratic problem inside IRLSM, on the Gram alone."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from h2ok.ext.algos.glm.bounds import Bounds
from numpy.typing import NDArray

__all__ = ["Penalty", "independent_columns", "inverse_gram", "solve"]

_TOLERANCE = 1e-9
#: Sweeps until the signs are tried out; sweeps in all.
_SWEEPS, _MAX_SWEEPS = 10, 20_000


@dataclass(frozen=True, slots=True)
class Penalty:
    """Elastic net: ``l1 |b|_1 + l2/2 |b|^2`` over all coefficients but the intercept (the last one)."""

    l1: float = 0.0
    l2: float = 0.0

    @classmethod
    def of(cls, alpha: float, strength: float) -> Penalty:
        """From H2O's alpha and lambda."""
        return cls(alpha * strength, (1 - alpha) * strength)

    def value(self, beta: NDArray[np.float64]) -> float:
        """The penalty of coefficients float64[..., p + 1]."""
        b = beta[..., :-1]
        return self.l1 * float(np.abs(b).sum()) + 0.5 * self.l2 * float((b * b).sum())


def solve(
    gram: NDArray[np.float64],
    beta: NDArray[np.float64],
    penalty: Penalty,
    *,
    intercept: bool = True,
    non_negative: bool = False,
    active: NDArray[np.bool_] | None = None,
    bounds: Bounds | None = None,
) -> NDArray[np.float64]:
    """Coefficients that minimise the quadratic problem.

    Parameters
    ----------
    gram : float64[p + 2, p + 2], lower triangle, of columns, 1 and working response, already times the weight of the likelihood.
    beta : where to start; float64[p + 1], intercept last.
    active : bool[p + 1]: columns allowed to be other than 0.
    bounds : limits and targets of coefficients.
    """
    p = len(beta)
    a, c = symmetric(gram[:p, :p]), gram[p, :p]
    if bounds is not None:
        a, c = a + np.diag(bounds.rho), c + bounds.rho * bounds.given
    use = np.ones(p, dtype=bool) if active is None else active.copy()
    use[-1] &= intercept
    use[:-1] &= a.diagonal()[:-1] > 0
    at = np.flatnonzero(use)
    out = np.zeros(p)
    if len(at) == 0:
        return out
    sub, rhs = (a, np.ascontiguousarray(c)) if len(at) == p else (np.ascontiguousarray(a[np.ix_(at, at)]), c[at])
    penalised = at != p - 1
    if penalty.l1 == 0 and not non_negative and bounds is None:
        out[at] = _ridge(sub, rhs, np.where(penalised, penalty.l2, 0.0))
        return out
    b = beta[at].copy()
    low = np.where(penalised & non_negative, 0.0, -np.inf)
    high = np.full(len(at), np.inf)
    if bounds is not None:
        low, high = np.maximum(low, bounds.low[at]), bounds.high[at]
    scale = max(math.sqrt(sub.diagonal().max()), 1e-300)
    _Problem(sub, rhs, penalty, penalised, low, high).descend(b, _TOLERANCE * scale)
    out[at] = b
    return out


@dataclass(frozen=True, slots=True)
class _Problem:
    """``1/2 b'Ab - c'b + l1 |b|_1 + l2/2 |b|^2`` over the ``penalised`` b, with ``low <= b <= high``."""

    a: NDArray[np.float64]
    c: NDArray[np.float64]
    penalty: Penalty
    penalised: NDArray[np.bool_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def value(self, b: NDArray[np.float64]) -> float:
        """What is minimised."""
        return float(0.5 * b @ self.a @ b - self.c @ b) + self.penalty.value(np.append(b[self.penalised], 0.0))

    def descend(self, b: NDArray[np.float64], tolerance: float) -> None:
        """Coordinate descent in place, with a Newton step on the coefficients that are not 0 after every few sweeps.

        Sweeps find out quickly which coefficients are 0, and take long to settle the others where columns are correlated; with
        the signs known these are the solution of a linear system. The sweeps have the last word.
        """
        from h2ok.ext.algos.glm.kernels import coordinate_descent

        a, c, l1, l2 = self.a, self.c, self.penalty.l1, self.penalty.l2
        for _ in range(_MAX_SWEEPS // _SWEEPS):
            if coordinate_descent(a, c, b, l1, l2, self.penalised, self.low, self.high, tolerance, _SWEEPS) < _SWEEPS:
                return
            new = self._newton(b)
            if self.value(new) <= self.value(b):
                b[:] = new

    def _newton(self, b: NDArray[np.float64]) -> NDArray[np.float64]:
        """As far as the signs and the limits allow towards the optimum of the coefficients that are not 0 or at a limit."""
        free = ((b != 0) | ~self.penalised) & (b > self.low) & (b < self.high) & (self.a.diagonal() > 0)
        penalised, sign = self.penalised[free], np.where(self.penalised, np.sign(b), 0.0)[free]
        rows = self.a[free]
        rhs = self.c[free] - rows[:, ~free] @ b[~free] - self.penalty.l1 * sign
        target = _ridge(rows[:, free], rhs, np.where(penalised, self.penalty.l2, 0.0))
        low = np.where(sign > 0, np.maximum(self.low[free], 0.0), self.low[free])
        high = np.where(sign < 0, np.minimum(self.high[free], 0.0), self.high[free])
        new = b.copy()
        new[free] = _towards(b[free], target, low, high)
        return new


def _towards(
    start: NDArray[np.float64], target: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The last point between the limits on the straight way to ``target``; who stops it is put on its limit."""
    step = target - start
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(step > 0, (high - start) / step, np.where(step < 0, (low - start) / step, np.inf))
    share = float(room.min(initial=1.0))
    if share == 1:
        return np.clip(target, low, high)
    return np.where(room == share, np.where(step > 0, high, low), np.clip(start + share * step, low, high))


def _ridge(a: NDArray[np.float64], c: NDArray[np.float64], l2: NDArray[np.float64]) -> NDArray[np.float64]:
    full = a.copy()
    full.ravel()[:: len(a) + 1] += l2
    try:
        factor = np.linalg.cholesky(full)
        return np.asarray(np.linalg.solve(factor.T, np.linalg.solve(factor, c)))
    except np.linalg.LinAlgError:
        # Collinear columns: the solution of least norm, which a vanishing ridge would approach.
        return np.asarray(np.linalg.lstsq(full, c, rcond=1e-12)[0])


def symmetric(lower: NDArray[np.float64]) -> NDArray[np.float64]:
    """The whole matrix of a lower triangle."""
    return np.where(_below(len(lower)), lower, lower.T)


@functools.lru_cache(maxsize=8)
def _below(n: int) -> NDArray[np.bool_]:
    """bool[n, n], true on the diagonal and below."""
    return np.tri(n, dtype=np.bool_)


def independent_columns(gram: NDArray[np.float64], tolerance: float = 1e-7) -> NDArray[np.bool_]:
    """bool[p]: columns that those before them do not determine; the last one (intercept) counts first.

    ``gram``: float64[p, p], symmetric.
    """
    p = len(gram)
    order = [p - 1, *range(p - 1)]
    keep: list[int] = []
    out = np.zeros(p, dtype=bool)
    factor = np.zeros((p, p))
    for j in order:
        row = np.linalg.solve(factor[: len(keep), : len(keep)], gram[keep, j]) if keep else np.empty(0)
        rest = gram[j, j] - float(row @ row)
        if gram[j, j] > 0 and rest > tolerance * gram[j, j]:
            k = len(keep)
            factor[k, :k], factor[k, k] = row, np.sqrt(rest)
            keep.append(j)
            out[j] = True
    return out


def inverse_gram(gram: NDArray[np.float64], use: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Inverse over the columns in ``use``, NaN elsewhere: float64[p, p].

    Raises
    ------
    LinAlgError
        The columns are collinear.
    """
    at = np.flatnonzero(use)
    out = np.full(gram.shape, np.nan)
    sub = gram[np.ix_(at, at)]
    factor = np.linalg.cholesky(sub)
    if np.min(np.diag(factor)) ** 2 < 1e-10 * np.max(np.diag(sub)):
        raise np.linalg.LinAlgError("collinear")
    half = np.linalg.inv(factor)
    out[np.ix_(at, at)] = half.T @ half
    return out

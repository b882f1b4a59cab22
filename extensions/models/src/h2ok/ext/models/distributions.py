"""Distribution families: link, deviance and the constants of a loss, as one wire value.

Numbers follow McCullagh & Nelder, *Generalized Linear Models* (1989), chapters 2 and 8; Tweedie: Dunn & Smyth (2005),
doi:10.1007/s11222-005-4070-y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["LOG_LINK", "Distribution"]

LOG_LINK = ("poisson", "gamma", "tweedie")
_EPS = 1e-15
_MAX_EXP = 1e19


@wire_type("models.distribution")
@dataclass(frozen=True, slots=True)
class Distribution:
    """``name`` as in the ``distribution`` parameter; ``tweedie_power``, ``alpha`` (quantile) and ``delta`` (huber) where used."""

    name: str
    tweedie_power: float = 1.5
    alpha: float = 0.5
    delta: float = 1.0

    @property
    def has_log_link(self) -> bool:
        return self.name in LOG_LINK

    @property
    def has_logit_link(self) -> bool:
        return self.name in ("bernoulli", "quasibinomial")

    @property
    def constant(self) -> float:
        """What the gradient needs beside the scores: power of tweedie, alpha of quantile, delta of huber."""
        return {"quantile": self.alpha, "huber": self.delta}.get(self.name, self.tweedie_power)

    def link(self, mu: float) -> float:
        """The linear predictor that stands for a mean; limited to where float64 can go back."""
        if self.has_log_link:
            return float(np.log(max(mu, 1e-19)))
        if self.has_logit_link:
            mu = min(max(mu, 1e-10), 1 - 1e-10)
            return float(np.log(mu / (1 - mu)))
        return float(mu)

    def inverse(self, f: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean of a linear predictor, same shape."""
        if self.has_log_link:
            return np.minimum(np.exp(np.minimum(f, 700.0)), _MAX_EXP)
        if self.has_logit_link:
            return 1.0 / (1.0 + np.exp(-np.clip(f, -700.0, 700.0)))
        return f

    def deviance(self, w: NDArray[np.float64], y: NDArray[np.float64], mu: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted deviance of each row: float64[n]; ``mu`` on the response scale."""
        if self.name in ("bernoulli", "quasibinomial"):
            p = np.clip(mu, _EPS, 1 - _EPS)
            return -2 * w * (y * np.log(p) + (1 - y) * np.log1p(-p))
        if self.name == "poisson":
            m = np.maximum(mu, 1e-19)
            return 2 * w * (np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / m), 0.0) - (y - m))
        if self.name == "gamma":
            m = np.maximum(mu, 1e-19)
            return 2 * w * (-np.log(np.maximum(y, 1e-19) / m) + (y - m) / m)
        if self.name == "tweedie":
            return w * self._tweedie(y, np.maximum(mu, 1e-19))
        if self.name == "laplace":
            return w * np.abs(y - mu)
        if self.name == "quantile":
            return w * np.where(y > mu, self.alpha * (y - mu), (1 - self.alpha) * (mu - y))
        if self.name == "huber":
            r = np.abs(y - mu)
            return w * np.where(r <= self.delta, r * r, (2 * r - self.delta) * self.delta)
        return w * (y - mu) ** 2

    def _tweedie(self, y: NDArray[np.float64], mu: NDArray[np.float64]) -> NDArray[np.float64]:
        p = self.tweedie_power
        return 2 * (np.maximum(y, 0.0) ** (2 - p) / ((1 - p) * (2 - p)) - y * mu ** (1 - p) / (1 - p) + mu ** (2 - p) / (2 - p))

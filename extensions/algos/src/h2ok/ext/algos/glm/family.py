"""Families and links: mean, slope, variance, deviance and likelihood, as one wire value.

McCullagh & Nelder, *Generalized Linear Models* (1989), tables 2.1 and 2.2; Tweedie: Jorgensen, *The Theory of Dispersion Models*
(1997); negative binomial with ``theta`` the inverse of the size parameter: variance mu + theta mu^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["DEFAULT_LINKS", "LINKS", "Family"]

DEFAULT_LINKS = {
    "gaussian": "identity",
    "binomial": "logit",
    "multinomial": "multinomial",
    "poisson": "log",
    "gamma": "inverse",
    "tweedie": "tweedie",
    "negativebinomial": "log",
}
LINKS = {
    "gaussian": ("identity", "log", "inverse"),
    "binomial": ("logit",),
    "multinomial": ("multinomial",),
    "poisson": ("log", "identity"),
    "gamma": ("inverse", "log", "identity"),
    "tweedie": ("tweedie",),
    "negativebinomial": ("log", "identity"),
}
_TINY = 1e-10
_EPS = 1e-15


@wire_type("glm.family")
@dataclass(frozen=True, slots=True)
class Family:
    """``link_power`` 0 stands for the logarithm (Tweedie). Arrays are float64[n] everywhere."""

    name: str
    link: str
    variance_power: float = 0.0
    link_power: float = 1.0
    theta: float = 1e-10

    def linkinv(self, eta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of a linear predictor."""
        link = self._link()
        if link == "logit":
            return 1.0 / (1.0 + np.exp(-np.clip(eta, -700.0, 700.0)))
        if link == "log":
            return np.exp(np.clip(eta, -700.0, 700.0))
        if link == "inverse":
            return 1.0 / np.where(np.abs(eta) < _TINY, np.where(eta < 0, -_TINY, _TINY), eta)
        if link == "power":
            return np.maximum(eta, _TINY) ** (1.0 / self.link_power)
        return eta

    def linkfun(self, mu: float) -> float:
        """Linear predictor of a mean."""
        link = self._link()
        if link == "logit":
            mu = min(max(mu, _EPS), 1 - _EPS)
            return math.log(mu / (1 - mu))
        if link == "log":
            return math.log(max(mu, _TINY))
        if link == "inverse":
            return 1.0 / (mu if abs(mu) > _TINY else math.copysign(_TINY, mu))
        if link == "power":
            return float(max(mu, _TINY) ** self.link_power)
        return mu

    def slope(self, eta: NDArray[np.float64], mu: NDArray[np.float64]) -> NDArray[np.float64]:
        """D mu / d eta."""
        link = self._link()
        if link == "logit":
            return np.maximum(mu * (1 - mu), _TINY)
        if link == "log":
            return np.maximum(mu, _TINY)
        if link == "inverse":
            return -mu * mu
        if link == "power":
            out: NDArray[np.float64] = np.maximum(eta, _TINY) ** (1.0 / self.link_power - 1) / self.link_power
            return out
        return np.ones_like(mu)

    def variance(self, mu: NDArray[np.float64]) -> NDArray[np.float64]:
        """Variance function."""
        if self.name == "binomial":
            return np.maximum(mu * (1 - mu), _TINY)
        if self.name == "poisson":
            return np.maximum(mu, _TINY)
        if self.name == "gamma":
            return np.maximum(mu * mu, _TINY)
        if self.name == "tweedie":
            out: NDArray[np.float64] = np.maximum(mu, _TINY) ** self.variance_power
            return out
        if self.name == "negativebinomial":
            m = np.maximum(mu, _TINY)
            return m + self.theta * m * m
        return np.ones_like(mu)

    def working(
        self, eta: NDArray[np.float64], y: NDArray[np.float64], mu: NDArray[np.float64], *, observed: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weight of each row in the next quadratic problem, and its working response minus ``eta``.

        ``observed``: second derivative of the likelihood where it is positive everywhere (log links), which converges
        quadratically; otherwise its expectation (Fisher scoring), which standard errors are made of. Equal for canonical links.
        """
        if observed and self._link() == "log" and self.name in ("gamma", "tweedie", "negativebinomial"):
            m = np.maximum(mu, _TINY)
            if self.name == "negativebinomial":
                bottom = 1 + self.theta * m
                return m * (1 + self.theta * y) / bottom**2, (y - m) * bottom / (m * (1 + self.theta * y))
            p = 2.0 if self.name == "gamma" else self.variance_power
            if 1 <= p <= 2:
                curve = (2 - p) * m + (p - 1) * y
                curve = np.maximum(curve, _TINY)
                return m ** (1 - p) * curve, (y - m) / curve
        slope = self.slope(eta, mu)
        return slope * slope / self.variance(mu), (y - mu) / slope

    def deviance(self, w: NDArray[np.float64], y: NDArray[np.float64], mu: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted deviance of each row: twice the gap to the saturated likelihood."""
        if self.name == "binomial":
            # The response is 0 or 1: one logarithm a row does.
            return -2 * w * np.log(np.maximum(np.where(y > 0.5, mu, 1.0 - mu), _EPS))
        m = mu if self.name == "gaussian" else np.maximum(mu, _TINY)
        if self.name == "poisson":
            return 2 * w * (_ylogy(y, m) - (y - m))
        if self.name == "gamma":
            safe = np.maximum(y, _TINY)
            return 2 * w * (-np.log(safe / m) + (y - m) / m)
        if self.name == "tweedie":
            return w * self._tweedie(y, m)
        if self.name == "negativebinomial":
            t = 1.0 / self.theta
            return 2 * w * (_ylogy(y, m) - (y + t) * np.log((y + t) / (m + t)))
        return w * (y - m) ** 2

    def objective(self, w: NDArray[np.float64], y: NDArray[np.float64], mu: NDArray[np.float64]) -> float:
        """Half of the deviance summed: what IRLSM lowers, times the weight of the likelihood."""
        return 0.5 * float(self.deviance(w, y, mu).sum())

    def valid(self, y_min: float) -> str | None:
        """What is wrong with a response whose smallest value is ``y_min``; None when it fits."""
        if self.name == "gamma" and y_min <= 0:
            return "gamma needs a response greater than 0"
        if self.name in ("poisson", "tweedie", "negativebinomial") and y_min < 0:
            return f"{self.name} needs a response of at least 0"
        return None

    def _link(self) -> str:
        if self.link == "tweedie":
            return "log" if self.link_power == 0 else "identity" if self.link_power == 1 else "power"
        return self.link

    def _tweedie(self, y: NDArray[np.float64], mu: NDArray[np.float64]) -> NDArray[np.float64]:
        p = self.variance_power
        if p == 0:
            return (y - mu) ** 2
        if p == 1:
            return 2 * (_ylogy(y, mu) - (y - mu))
        if p == 2:
            return 2 * (-np.log(np.maximum(y, _TINY) / mu) + (y - mu) / mu)
        return 2 * (np.maximum(y, 0.0) ** (2 - p) / ((1 - p) * (2 - p)) - y * mu ** (1 - p) / (1 - p) + mu ** (2 - p) / (2 - p))


def _ylogy(y: NDArray[np.float64], mu: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / mu), 0.0)

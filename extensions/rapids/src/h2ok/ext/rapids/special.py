"""Gamma function and friends on arrays, compiled on first use."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["digamma", "gamma", "lgamma", "trigamma"]

_SHIFT = 10.0


@njit(cache=True, nogil=True)
def gamma(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gamma function; NaN at the poles."""
    out = np.empty(x.size)
    for i in range(x.size):
        v = x[i]
        if v <= 0.0 and v == math.floor(v):
            out[i] = np.nan
        elif v > 171.7:
            out[i] = np.inf
        else:
            out[i] = math.gamma(v)
    return out


@njit(cache=True, nogil=True)
def lgamma(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of the gamma function; NaN for x <= 0 (H2O: commons-math Gamma.logGamma)."""
    out = np.empty(x.size)
    for i in range(x.size):
        out[i] = math.lgamma(x[i]) if x[i] > 0.0 else np.nan
    return out


@njit(cache=True, nogil=True)
def digamma(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivative of lgamma. Abramowitz and Stegun 6.3.18 after shifting the argument above 10; relative error < 1e-13."""
    out = np.empty(x.size)
    for i in range(x.size):
        v = x[i]
        total = 0.0
        if v <= 0.0 and v == math.floor(v):
            out[i] = -np.inf if v == 0.0 else np.nan
            continue
        if v < 0.0:
            total = -math.pi / math.tan(math.pi * v)
            v = 1.0 - v
        while v < _SHIFT:
            total -= 1.0 / v
            v += 1.0
        s = 1.0 / (v * v)
        series = s * (1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132 - s * (691 / 32760 - s / 12))))))
        out[i] = total + math.log(v) - 0.5 / v - series
    return out


@njit(cache=True, nogil=True)
def trigamma(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Second derivative of lgamma. Abramowitz and Stegun 6.4.12 after shifting the argument above 10; relative error < 1e-13."""
    out = np.empty(x.size)
    for i in range(x.size):
        v = x[i]
        total = 0.0
        sign = 1.0
        if v <= 0.0 and v == math.floor(v):
            out[i] = np.inf if v == 0.0 else np.nan
            continue
        if v < 0.0:
            sine = math.sin(math.pi * v)
            total = (math.pi / sine) ** 2
            v = 1.0 - v
            sign = -1.0
        while v < _SHIFT:
            total += sign / (v * v)
            v += 1.0
        s = 1.0 / (v * v)
        series = 1.0 / v + 0.5 * s + s / v * (1 / 6 - s * (1 / 30 - s * (1 / 42 - s * (1 / 30 - s * (5 / 66 - s * 691 / 2730)))))
        out[i] = total + sign * series
    return out

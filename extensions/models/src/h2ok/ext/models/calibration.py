"""Calibration: probabilities of a binomial model made to agree with the frequencies in rows it was not trained on.

Platt (1999), "Probabilistic outputs for support vector machines"; Zadrozny and Elkan (2002), doi:10.1145/775047.775151. H2O fits
the probability itself, not its logit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from h2ok.ext.models.isotonic import fit_isotonic
from h2ok.ext.models.rows import Rows, RowsTask
from h2ok.ext.models.training import TrainingData
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["CALIBRATION", "Calibration", "IsotonicCalibration", "PlattCalibration", "calibrate"]

#: Under this name a model holds its calibration.
CALIBRATION = "calibration"
_ITERATIONS, _ENOUGH = 50, 1e-10


class Calibration(Protocol):
    """A monotone map of probabilities."""

    def apply(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n] of the probability of the second class, calibrated; NA stays NA."""


@wire_type("models.platt")
@dataclass(frozen=True, slots=True)
class PlattCalibration:
    """1 / (1 + exp(-(intercept + slope * p)))."""

    intercept: float
    slope: float

    def apply(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """See Calibration."""
        with np.errstate(over="ignore"):
            out: NDArray[np.float64] = 1 / (1 + np.exp(-(self.intercept + self.slope * p)))
        return out


@wire_type("models.isotonic")
@dataclass(frozen=True, slots=True)
class IsotonicCalibration:
    """Straight lines between the ends of the blocks of an isotonic regression; level outside of them."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]

    def apply(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """See Calibration."""
        return np.interp(p, self.x, self.y)


def calibrate(data: TrainingData, predictor: Any, method: str) -> Calibration:
    """Learn a calibration from rows that the predictor was not trained on.

    Raises
    ------
    ValueError
        No row has a response and a weight.
    """
    if method == "IsotonicRegression":
        return IsotonicCalibration(*fit_isotonic(data, predictor))
    return _platt(data, predictor)


@wire_type("models.platt_sums")
@dataclass(frozen=True)
class _PlattSums(RowsTask):
    """Sums of a Newton step of the logistic regression of the response on the probability: float64[7]."""

    predictor: Any
    intercept: float
    slope: float

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        w, y = rows.weights(), np.nan_to_num(rows.response())
        p = self.predictor.predict(rows)[:, 1]
        with np.errstate(over="ignore"):
            mu = 1 / (1 + np.exp(-(self.intercept + self.slope * p)))
            loss = np.logaddexp(0.0, self.intercept + self.slope * p) - y * (self.intercept + self.slope * p)
        g, h = w * (y - mu), w * mu * (1 - mu)
        return np.array([w.sum(), g.sum(), (g * p).sum(), h.sum(), (h * p).sum(), (h * p * p).sum(), (w * loss).sum()])


def _platt(data: TrainingData, predictor: Any) -> PlattCalibration:
    """Newton's method with halved steps; stops where the loss does not fall any more (also when classes are separated)."""
    at = np.zeros(2)
    sums = data.do_all(_PlattSums(data.spec, predictor, *at)).value
    if sums[0] == 0:
        raise ValueError("No row of the calibration frame has a response and a weight. Give calibration_frame other rows.")
    for _ in range(_ITERATIONS):
        hessian = np.array([[sums[3], sums[4]], [sums[4], sums[5]]])
        step = np.linalg.lstsq(hessian, sums[1:3], rcond=None)[0]
        for _ in range(10):
            new = data.do_all(_PlattSums(data.spec, predictor, *(at + step))).value
            if new[6] <= sums[6]:
                break
            step = step / 2
        if not new[6] < sums[6] * (1 - _ENOUGH):
            break
        at, sums = at + step, new
    return PlattCalibration(float(at[0]), float(at[1]))

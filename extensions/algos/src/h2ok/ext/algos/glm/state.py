"""What a GLM predicts with."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.algos.glm.family import Family
from h2ok.ext.algos.glm.gram import softmax
from h2ok.ext.models import DataInfo, ModelMetrics, Rows
from h2ok.kernel import wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.models import Model, Mojo

__all__ = ["GLMState"]


@wire_type("glm.state")
@dataclass(frozen=True, slots=True)
class GLMState:
    """``beta``: float64[p + 1], of columns as ``info`` prepares them, intercept last; float64[n_classes, p + 1] for several
    classes.

    ``rank``: coefficients that are not 0, intercepts included. ``priors``: share of each class (several classes only).
    ``covariance``: float64[p + 1, p + 1] of the coefficients, 0 for those that were not estimated; None where nobody asked for it.
    """

    info: DataInfo
    family: Family
    beta: NDArray[np.float64]
    rank: int
    intercept: bool = True
    skip_missing: bool = False
    priors: NDArray[np.float64] | None = None
    covariance: NDArray[np.float64] | None = None

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Probabilities of the classes, or the mean. Rows with missing values are NaN where they were skipped in training."""
        out = self._predict(rows)
        if self.skip_missing:
            out[self.info.missing(rows)] = np.nan
        return out

    def _predict(self, rows: Rows) -> NDArray[np.float64]:
        if self.family.name == "multinomial":
            return softmax(np.column_stack([self._linear(rows, b) for b in self.beta]))
        mu = self.family.linkinv(self._linear(rows, self.beta) + rows.offset())
        return np.asarray(np.column_stack([1 - mu, mu]) if self.family.name == "binomial" else mu[:, None].copy())

    def added_names(self) -> tuple[str, ...]:
        """The standard error, where p-values were asked for."""
        return () if self.covariance is None else ("StdErr",)

    def added_columns(self, rows: Rows) -> list[NDArray[np.float64]]:
        """Standard error of the linear predictor, as H2O tells it for every family; NaN where the prediction is."""
        if self.covariance is None:
            return []
        x = np.column_stack([self.info.expand(rows), np.full(rows.n_rows, float(self.intercept))])
        out = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", x, self.covariance, x, optimize=True), 0.0))
        if self.skip_missing:
            out[self.info.missing(rows)] = np.nan
        return [out]

    def _linear(self, rows: Rows, beta: NDArray[np.float64]) -> NDArray[np.float64]:
        from h2ok.ext.algos.glm.kernels import linear_predictor

        x, codes = self.info.numbers(rows), self.info.codes(rows)
        out = np.empty(rows.n_rows)
        linear_predictor(codes, x, beta, self.info.n_categorical, x.shape[1], out)
        out += beta[-1]
        return out

    def mojo(self, model: Model) -> Mojo:
        """The model in H2O's scoring format."""
        from h2ok.ext.models.mojo import linear

        more: dict[str, Any] = {"mean_imputation": not self.skip_missing, "dispersion_estimated": 1.0}
        if self.family.name == "tweedie":
            more["tweedie_link_power"] = float(self.family.link_power)
        return linear(model, self.info, self.beta, family=self.family.name, link=self.family.link, **more)

    def adjust_metrics(self, metrics: ModelMetrics, sums: dict[str, Any]) -> ModelMetrics:
        """Adds deviances, degrees of freedom and AIC."""
        n = metrics.nobs
        if self.family.name == "multinomial":
            counts = sums["cm"].reshape(len(self.beta), -1).sum(axis=1)
            priors = np.maximum(self.priors if self.priors is not None else counts / counts.sum(), 1e-300)
            deviance, null = 2 * sums["logloss"], float(-2 * (counts * np.log(priors)).sum())
        else:
            deviance, null = sums["deviance"], sums["null_deviance"]
        fields = {**metrics.fields, "loglikelihood": 0.0, "AIC": self._aic(deviance, n)}
        fields["residual_deviance"] = deviance
        fields["null_deviance"] = null
        fields["null_degrees_of_freedom"] = n - int(self.intercept)
        fields["residual_degrees_of_freedom"] = n - self.rank
        return replace(metrics, schema=f"{metrics.schema}GLM", fields=fields)

    def _aic(self, deviance: float, n: int) -> float:
        if self.family.name == "gaussian" and deviance > 0:
            return n * (math.log(2 * math.pi * deviance / n) + 1) + 2 * (self.rank + 1)
        if self.family.name == "binomial":
            return deviance + 2 * self.rank
        return math.nan

"""What a GLM says about its coefficients: standard errors, dispersion, variance inflation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from h2ok.ext.algos.glm.family import Family
from h2ok.ext.algos.glm.fit import Fit
from h2ok.ext.algos.glm.gram import GramTask
from h2ok.ext.algos.glm.irls import Irls
from h2ok.ext.algos.glm.solver import inverse_gram, symmetric
from numpy.typing import NDArray

__all__ = ["StandardErrors", "standard_errors", "variance_inflation"]


@dataclass(frozen=True, slots=True)
class StandardErrors:
    """Of the coefficients of the columns as they are.

    Parameters
    ----------
    errors : float64[k], NaN for a coefficient that is not estimated.
    dof : degrees of freedom of the test; infinite where the dispersion is fixed. dispersion : estimate, or 1 where it is fixed.
    covariance : float64[k, k] of the coefficients of the columns as they are prepared, 0 for one that is not estimated.
    """

    errors: NDArray[np.float64]
    dof: float
    dispersion: float
    covariance: NDArray[np.float64]


def standard_errors(fit: Fit, irls: Irls) -> StandardErrors:
    """From the inverse of the expected information at the coefficients of ``irls``.

    Raises
    ------
    ValueError
        The columns are collinear.
    """
    k = len(irls.beta)
    gram = symmetric(irls.expected().gram)
    use = np.ones(k, dtype=bool) if irls.settings.active is None else irls.settings.active.copy()
    use[-1] = fit.p.intercept
    use[:-1] &= np.diag(gram)[: k - 1] > 0
    try:
        covariance = inverse_gram(gram[:k, :k], use)
    except np.linalg.LinAlgError:
        raise ValueError("Columns are collinear, so p-values are not defined. Set remove_collinear_columns=True.") from None
    dof = fit.n - int(use.sum())
    given = float(fit.p.init_dispersion_parameter) if fit.p.fix_dispersion_parameter else 1.0
    fixed = fit.p.fix_dispersion_parameter or fit.family.name in ("binomial", "poisson", "negativebinomial")
    dispersion = given if fixed else _dispersion(fit, irls, gram, dof)
    transform = np.eye(k)
    c = fit.info.n_categorical
    idx = np.arange(c, k - 1)
    transform[idx, idx] = 1 / fit.info.scale
    transform[-1, c:-1] = -fit.info.shift / fit.info.scale
    filled = np.nan_to_num(covariance) * dispersion
    errors = np.sqrt(np.diag(transform @ filled @ transform.T))
    return StandardErrors(np.where(use, errors, np.nan), math.inf if fixed else float(dof), dispersion, filled)


def _dispersion(fit: Fit, irls: Irls, full: NDArray[np.float64], dof: int) -> float:
    deviance = 2 * irls.sums().objective
    if fit.p.dispersion_parameter_method == "ml" and fit.family.name == "gamma":
        return gamma_dispersion(deviance / fit.weight)
    if fit.p.dispersion_parameter_method == "deviance" or fit.family.name == "gaussian":
        return deviance / dof
    # Pearson: sum w (y - mu)^2 / V(mu) is the weighted sum of squares of the working residuals, which the Gram holds.
    k = len(irls.beta)
    return float(full[k, k] - 2 * irls.beta @ full[k, :k] + irls.beta @ full[:k, :k] @ irls.beta) / dof


def gamma_dispersion(deviance: float) -> float:
    """Maximum likelihood estimate for gamma responses from the mean deviance of a row: one over the shape a that solves
    ``log(a) - digamma(a) = deviance / 2`` (McCullagh and Nelder 1989, section 8.3.6), by Newton's method; 0 for a perfect fit.
    """
    from scipy.special import digamma, polygamma

    target = deviance / 2
    if not target > 0:
        return 0.0
    # Their approximation to begin with.
    shape = (1 + math.sqrt(1 + 4 * target / 3)) / (4 * target)
    for _ in range(100):
        step = (math.log(shape) - float(digamma(shape)) - target) / (1 / shape - float(polygamma(1, shape)))
        new = shape - step if shape > step else shape / 2
        if abs(new - shape) <= 1e-14 * shape:
            break
        shape = new
    return 1 / shape


def variance_inflation(fit: Fit) -> list[float]:
    """Variance inflation factor of each numeric predictor given all other predictors; NaN when they are collinear."""
    k = fit.info.n_expanded + 1
    plain = Family("gaussian", "identity")
    task = GramTask(fit.ctx.data.spec, fit.info, plain, np.zeros(k), fit.skip, session=fit.session)
    gram = symmetric(fit.ctx.data.do_all(task, cancelled=fit.ctx.cancelled).value.gram)[:k, :k]
    use = np.diag(gram) > 0
    if not fit.info.drop_first:
        # All levels of a column add up to the constant: one of them is left out.
        use[fit.info.first[:-1]] = False
    at = np.arange(fit.info.n_categorical, k - 1)
    try:
        inverse = np.diag(inverse_gram(gram, use))[at]
    except np.linalg.LinAlgError:
        return [math.nan] * len(at)
    spread = np.diag(gram)[at] - gram[-1, at] ** 2 / gram[-1, -1]
    return [float(v) for v in inverse * spread]

"""Outcome: what a finished fit of a GLM shows - tables, numbers of the path, the state that predicts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.tables import TwoDimTable
from h2ok.ext.algos.glm.fit import Fit, Walked, active_count
from h2ok.ext.algos.glm.inference import standard_errors, variance_inflation
from h2ok.ext.algos.glm.output import (
    coefficients_table,
    four_digits,
    magnitudes,
    multinomial_tables,
    summary,
    with_factors,
)
from h2ok.ext.algos.glm.path import RegularizationPath, coefficient_names
from h2ok.ext.models import Trained
from numpy.typing import NDArray

__all__ = ["Outcome"]


class Outcome:
    """What is told about the best point of a path."""

    def __init__(self, fit: Fit, walked: Walked) -> None:
        self.fit, self.history = fit, walked.history
        self.chosen, self.irls = walked.path[walked.best], walked.irls
        #: H2O: with folds the path is that of the best alpha.
        self.path = [s for s in walked.path if s.alpha == self.chosen.alpha] if fit.folds else walked.path
        self.best = next(i for i, point in enumerate(self.path) if point is self.chosen)
        if self.chosen.beta is not self.irls.beta:
            self.irls.stand_at(self.chosen.beta)
        self.several = fit.family.name == "multinomial"
        wanted = fit.p.compute_p_values and not self.several
        self.errors = standard_errors(fit, self.irls) if wanted else None

    def trained(self) -> Trained:
        """The model's state with all its tables and metrics."""
        fit, p = self.fit, self.fit.p
        last = fit.scored(self.irls, self.chosen.alpha, self.chosen.strength, fit.of_folds(self.path, self.best))
        if p.lambda_search:
            # H2O: history and lambdas are those of the best alpha; folds leave that one alone.
            self.history.keep(self.chosen.alpha)
            p.lambda_ = [s.strength for s in self.path if s.alpha == self.chosen.alpha]
            if fit.folds:
                p.alpha = [self.chosen.alpha]
        elif fit.folds:
            p.alpha, p.lambda_ = [self.chosen.alpha], [self.chosen.strength]
        self.history.finish(last)
        return Trained(
            replace(fit.state(self.chosen.beta), covariance=None if self.errors is None else self.errors.covariance),
            self._summary(),
            self.history.table(),
            {**self._coefficients(), **self._path_numbers(), **_NOT_BUILT},
            None if self.several else fit.family,
            fit.null_mu,
            last.training,
            last.validation,
            attachments={"path": self._path()},
        )

    def _summary(self) -> TwoDimTable:
        fit, chosen = self.fit, self.chosen
        search = None
        if fit.p.lambda_search:
            low = min(s.strength for s in self.path)
            search = f"nlambda = {fit.p.nlambdas}, lambda.max = {four_digits(fit.lambda_max)}, lambda.min = {four_digits(low)}"
            search += f", lambda.1se = {four_digits(self._one_error())}"
        total = fit.info.n_expanded if chosen.beta.ndim == 1 else chosen.beta.size
        intercepts = (fit.ctx.data.n_classes if self.several else 1) * int(fit.p.intercept)
        return summary(
            fit.family.name,
            fit.family.link,
            chosen.alpha,
            chosen.strength,
            search,
            total,
            active_count(chosen.beta) - intercepts,
            self.irls.iterations,
            fit.ctx.data.key,
        )

    def _coefficients(self) -> dict[str, Any]:
        """Tables of coefficients and importances, with what is asked for about their certainty."""
        fit, names = self.fit, self.fit.info.names
        raw = np.apply_along_axis(fit.info.destandardize, -1, self.chosen.beta)
        shown = self.chosen.beta if fit.p.standardize else self._standardized(raw)
        size, importances = magnitudes(names, shown)
        dispersion, named = 0.0, None
        if self.several:
            plain, named = multinomial_tables(names, raw, shown, fit.ctx.data.domain or ())
        else:
            errors = self.errors
            dispersion = errors.dispersion if errors else 0.0
            plain = coefficients_table(names, raw, shown, errors.errors if errors else None, errors.dof if errors else math.inf)
        numeric = names[fit.info.n_categorical :]
        factors = variance_inflation(fit) if fit.p.generate_variable_inflation_factors else None
        if factors is not None:
            plain = with_factors(plain, dict(zip(numeric, factors, strict=True)))
        return {
            "coefficients_table": plain,
            "coefficients_table_multinomials_with_class_names": named,
            "standardized_coefficient_magnitudes": size,
            "variable_importances": importances,
            "coefficient_names": [*names, "Intercept"],
            "dispersion": dispersion,
            "variable_inflation_factors": factors,
            "vif_predictor_names": None if factors is None else list(numeric),
        }

    def _standardized(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        out = np.array(raw)
        k, info = self.fit.info.n_categorical, self.fit.info
        out[..., k:-1] = raw[..., k:-1] * self.fit.sigma
        out[..., -1] = raw[..., -1] + (raw[..., k:-1] * info.means).sum(axis=-1)
        return out

    def _path_numbers(self) -> dict[str, Any]:
        searched = self.fit.p.lambda_search
        return {
            "lambda_best": self.chosen.strength,
            "alpha_best": self.chosen.alpha,
            "best_submodel_index": self.best,
            "lambda_1se": self._one_error(),
            "lambda_min": min(s.strength for s in self.path) if searched else -1.0,
            "lambda_max": self.fit.lambda_max if searched else -1.0,
        }

    def _one_error(self) -> float:
        """The largest lambda whose deviance over the folds is within one standard error of the best; -1 without folds."""
        if not (self.fit.folds and self.fit.p.lambda_search):
            return -1.0
        mean, error = self.fit.of_folds(self.path, self.best)
        limit = mean + (0.0 if math.isnan(error) else error)
        same = [i for i, s in enumerate(self.path) if s.alpha == self.chosen.alpha]
        return max(self.path[i].strength for i in same if i == self.best or self.fit.of_folds(self.path, i)[0] <= limit)

    def _path(self) -> RegularizationPath:
        fit, path = self.fit, self.path
        raw = [np.apply_along_axis(fit.info.destandardize, -1, s.beta) for s in path]
        scaled = [s.beta if fit.p.standardize else self._standardized(r) for s, r in zip(path, raw, strict=True)]
        null = fit.null_deviance if fit.null_deviance > 0 else math.nan
        return RegularizationPath(
            coefficient_names(fit.info, fit.ctx.data.domain if self.several else None),
            np.array([s.strength for s in path]),
            np.array([s.alpha for s in path]),
            np.array([1 - s.deviance / null for s in path]),
            np.array([s.explained_valid for s in path]),
            np.array([r.ravel() for r in raw]),
            np.array([b.ravel() for b in scaled]),
            np.array([s.valid_deviance for s in path]),
        )


#: What H2O's output has for things that are not built; asking for one of them is refused before training.
_NOT_BUILT = {
    "linear_constraint_states": None,
    "linear_constraints_table": None,
    "regression_influence_diagnostics": None,
    "all_constraints_satisfied": False,
    "scoring_history_unrestricted_model": None,
}

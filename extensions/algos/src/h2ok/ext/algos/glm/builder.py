"""GLM: checks, the path of penalties, and the finished model."""

from __future__ import annotations

from typing import Any

from h2ok.ext.algos.glm.family import DEFAULT_LINKS, LINKS, Family
from h2ok.ext.algos.glm.fit import Fit, resolve_family
from h2ok.ext.algos.glm.history import FoldPaths
from h2ok.ext.algos.glm.outcome import Outcome
from h2ok.ext.algos.glm.params import FAMILIES, GLMParametersV3
from h2ok.ext.models import ModelBuilder, TrainContext, Trained, TrainingData, Validation
from h2ok.kernel import Frame, random_key

__all__ = ["GLM"]

_ALPHA = 0.5
#: The path ends when this many lambdas in a row explain less than the tolerance more.
_PATIENCE, _EXPLAINED = 5, 1e-5


class GLM(ModelBuilder):
    """Generalized linear modelling by IRLSM with elastic net."""

    algo = "glm"
    full_name = "Generalized Linear Modeling"
    schema = "GLM"
    parameters = GLMParametersV3
    can_build = ("Regression", "Binomial", "Multinomial")
    cats_first = True
    tells_stopping_metric = False

    def validate(self, v: Validation, data: TrainingData | None) -> None:
        p = self.params
        assert isinstance(p, GLMParametersV3)
        if p.solver in ("GRADIENT_DESCENT_LH", "GRADIENT_DESCENT_SQERR"):
            v.error("solver", f"solver {p.solver} belongs to the ordinal family, which h2ok does not have yet. Use AUTO.")
        if p.missing_values_handling == "PlugValues":
            v.error("missing_values_handling", "PlugValues is not built into h2ok yet. Use MeanImputation or Skip.")
        if p.compute_p_values and (p.lambda_search or any(x > 0 for x in p.lambda_ or ())):
            v.error("compute_p_values", "p-values need an unpenalised model: set lambda=0 and no lambda_search.")
        if p.compute_p_values and p.non_negative:
            v.error("compute_p_values", "p-values are not defined for coefficients that are held at 0 or above.")
        if p.beta_constraints is not None:
            self._check_bounds(v, data)
        if p.nlambdas != -1 and p.nlambdas < 1:
            v.error("nlambdas", f"nlambdas must be -1 or at least 1; got {p.nlambdas}.")
        if p.max_iterations != -1 and p.max_iterations < 1:
            v.error("max_iterations", f"max_iterations must be -1 or at least 1; got {p.max_iterations}.")
        if p.family not in ("AUTO", *FAMILIES):
            v.error("family", f"family {p.family} is not built into h2ok yet. Built are: {', '.join(FAMILIES)}.")
        elif data is not None:
            self._check_family(v, data, p)

    def _check_bounds(self, v: Validation, data: TrainingData | None) -> None:
        held = self.node.dkv.get(str(self.params.value("beta_constraints")))
        if not isinstance(held, Frame):
            v.error("beta_constraints", f"beta_constraints '{self.params.value('beta_constraints')}' is no frame.")
        if data is not None and resolve_family(str(self.params.value("family")), data) == "multinomial":
            v.error("beta_constraints", "Bounds of coefficients are not available for several classes.")

    def _check_family(self, v: Validation, data: TrainingData, p: GLMParametersV3) -> None:
        family = resolve_family(p.family, data)
        if family == "binomial" and data.category != "Binomial":
            v.error("family", f"binomial needs a response with 2 classes; '{data.columns.response}' is {_kind(data)}.")
        elif family == "multinomial" and data.category not in ("Multinomial", "Binomial"):
            v.error("family", f"multinomial needs a categorical response; '{data.columns.response}' is {_kind(data)}.")
        elif family not in ("binomial", "multinomial") and data.domain is not None:
            v.error("response", f"{family} needs a numeric response for regression; '{data.columns.response}' is {_kind(data)}.")
        link = DEFAULT_LINKS[family] if p.link == "family_default" else p.link
        if link not in LINKS[family]:
            v.error("link", f"link {p.link} does not go with family {family}. Allowed: family_default, {', '.join(LINKS[family])}.")
        if family == "tweedie" and not (p.tweedie_variance_power == 0 or p.tweedie_variance_power >= 1):
            v.error("tweedie_variance_power", f"tweedie_variance_power must be 0 or at least 1; got {p.tweedie_variance_power}.")
        if p.fix_dispersion_parameter and family not in ("tweedie", "gamma", "negativebinomial"):
            v.error(
                "fix_dispersion_parameter",
                f"is only allowed for tweedie, gamma and negativebinomial families; the family is {family}. Leave it out.",
            )
        if p.compute_p_values and p.dispersion_parameter_method == "ml" and family in ("tweedie", "negativebinomial"):
            v.error(
                "dispersion_parameter_method",
                f"ml for {family} needs the likelihood of that family, which h2ok does not have yet. Take pearson or deviance.",
            )
        if family == "multinomial" and p.compute_p_values:
            v.error("compute_p_values", "p-values are not available for several classes.")
        if p.generate_variable_inflation_factors and all(d is not None for d in data.columns.domains):
            v.error(
                "generate_variable_inflation_factors",
                " cannot be enabled for GLM models with only non-numerical predictors. Add a numeric one, or leave it out.",
            )
        if family == "multinomial" and data.columns.offset is not None:
            v.error("offset_column", "An offset is not available for several classes.")
        if family not in ("binomial", "multinomial") and data.domain is None and data.columns.response is not None:
            lowest = self.node.rollups(data.frame.vec(data.columns.response)).min
            wrong = Family(family, link).valid(lowest)
            if wrong:
                v.error("response_column", f"{wrong}; the smallest value of '{data.columns.response}' is {lowest:g}.")

    def wants_two_classes(self) -> bool:
        return bool(self.params.value("family") == "binomial")

    def build(self, ctx: TrainContext) -> Trained:
        session = random_key("glm")
        try:
            fit = Fit(ctx, session, FoldPaths() if ctx.is_fold else self._folds)
            return Outcome(fit, fit.run()).trained()
        finally:
            for kept in (session, session + "v"):
                ctx.node.tasks.free_state(kept)

    #: What the models of the folds say about the path; filled by cross-validation before the main model is built.
    _folds = FoldPaths()

    def after_folds(self, params: Any, trained: list[Trained]) -> None:
        """The main model takes the point of its path that the folds predict best with."""
        self._folds = FoldPaths([t.attachments["path"] for t in trained])


def _kind(data: TrainingData) -> str:
    return f"categorical with {data.n_classes} levels" if data.domain is not None else "numeric"

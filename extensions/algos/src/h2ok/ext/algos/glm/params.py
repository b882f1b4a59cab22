"""Parameters of GLM."""

from __future__ import annotations

from typing import Any

from h2ok.ext.models.common_parameters import (
    ClassBalanceParameters,
    CommonParameters,
    CrossValidationParameters,
    MetricParameters,
    StoppingParameters,
    SupervisedParameters,
)
from h2ok.ext.models.parameters import at_least, between, param, positive

__all__ = ["FAMILIES", "GLMParametersV3"]

#: Families that are built; the others are refused by name.
FAMILIES = ("gaussian", "binomial", "multinomial", "poisson", "gamma", "tweedie", "negativebinomial")


def _each(check: Any) -> Any:
    return lambda values: next((c for c in (check(v) for v in values) if c), None)


class GLMParametersV3(
    CommonParameters, SupervisedParameters, CrossValidationParameters, StoppingParameters, ClassBalanceParameters, MetricParameters
):
    """Everything H2O's GLM knows; what is not built yet says so when it is used."""

    schema_type = "GLMParameters"

    checkpoint: str | None = param("Key<Model>", None, "Model to continue from.", level="secondary")
    score_iteration_interval: int = param("int", -1, "Score every so many iterations; -1: at the end.", level="secondary")
    family: str = param(
        "enum",
        "AUTO",
        "Family of the response; AUTO follows its type.",
        values=(
            "AUTO", "gaussian", "binomial", "fractionalbinomial", "quasibinomial", "ordinal", "multinomial", "poisson", "gamma",
            "tweedie", "negativebinomial",
        ),
    )  # fmt: skip
    tweedie_variance_power: float = param("double", 0.0, "Tweedie: power of the variance.", gridable=True)
    tweedie_link_power: float = param("double", 1.0, "Tweedie: power of the link; 0 is the logarithm.", gridable=True)
    theta: float = param("double", 1e-10, "Negative binomial: inverse of the size parameter.", gridable=True, check=positive)
    solver: str = param(
        "enum",
        "AUTO",
        "Optimiser. All of them reach the same optimum.",
        values=(
            "AUTO", "IRLSM", "L_BFGS", "COORDINATE_DESCENT_NAIVE", "COORDINATE_DESCENT", "GRADIENT_DESCENT_LH",
            "GRADIENT_DESCENT_SQERR",
        ),
    )  # fmt: skip
    alpha: list[float] | None = param(
        "double[]", None, "Share of L1 in the penalty, 0 to 1; 0.5 when not given.", gridable=True, check=_each(between(0, 1))
    )
    lambda_: list[float] | None = param(
        "double[]",
        None,
        "Strength of the penalty; chosen from the data when not given.",
        gridable=True,
        wire_name="lambda",
        check=_each(at_least(0)),
    )
    lambda_search: bool = param("boolean", False, "Walk down a path of lambdas and keep the best.")
    early_stopping: bool = param("boolean", True, "End the path of lambdas when the fit stops to improve.")
    nlambdas: int = param("int", -1, "Lambdas on the path; -1: 100, or 30 without L1.")
    standardize: bool = param("boolean", True, "Shift and scale numeric columns to mean 0 and deviation 1.", gridable=True)
    missing_values_handling: str = param(
        "enum",
        "MeanImputation",
        "What stands for missing predictors.",
        level="expert",
        gridable=True,
        values=("MeanImputation", "Skip", "PlugValues"),
    )
    plug_values: str | None = param("Key<Frame>", None, "Values to plug in for missing ones.", needs="plug values")
    compute_p_values: bool = param(
        "boolean", False, "Compute standard errors and p-values (no penalty allowed).", level="secondary"
    )
    dispersion_parameter_method: str = param(
        "enum", "pearson", "Estimator of the dispersion.", level="secondary", values=("deviance", "pearson", "ml")
    )
    init_dispersion_parameter: float = param(
        "double", 1.0, "Start of the dispersion.", level="expert", gridable=True, check=positive
    )
    remove_collinear_columns: bool = param("boolean", False, "Leave out columns that others determine.", level="secondary")
    intercept: bool = param("boolean", True, "Fit a constant term.", level="expert")
    non_negative: bool = param("boolean", False, "Allow no coefficient below 0 (the intercept is free).")
    max_iterations: int = param("int", -1, "Most iterations of IRLSM; -1: 50.", level="secondary")
    objective_epsilon: float = param(
        "double", -1.0, "Relative change of the objective that counts as converged; -1: 1e-6, with penalty 1e-4.", level="expert"
    )
    beta_epsilon: float = param("double", 1e-4, "Largest change of a coefficient that counts as converged.", level="expert")
    gradient_epsilon: float = param(
        "double", -1.0, "Largest gradient that counts as converged; -1: as objective_epsilon.", level="expert"
    )
    link: str = param(
        "enum",
        "family_default",
        "Link function.",
        level="secondary",
        values=("family_default", "identity", "logit", "log", "inverse", "tweedie", "ologit"),
    )
    startval: list[float] | None = param("double[]", None, "Coefficients to start from.", gridable=True)
    calc_like: bool = param("boolean", False, "Compute the full likelihood and AIC.", needs="the full likelihood")
    prior: float = param("double", -1.0, "Share of the second class in the population.", level="expert", needs="prior correction")
    cold_start: bool = param("boolean", False, "Start each lambda from nothing instead of from the one before.")
    lambda_min_ratio: float = param(
        "double", -1.0, "Smallest lambda of the path as a share of the largest; -1: 1e-4, or 1e-2 with few rows.", level="expert"
    )
    beta_constraints: str | None = param("Key<Frame>", None, "Bounds of coefficients.")
    max_active_predictors: int = param(
        "int", -1, "End the path of lambdas beyond so many active columns; -1: 5000.", level="expert"
    )
    interactions: list[str] | None = param("string[]", None, "Columns to combine pairwise.", level="expert", needs="interactions")
    interaction_pairs: list[Any] | None = param(
        "StringPair[]", None, "Pairs of columns to combine.", level="expert", needs="interactions"
    )
    obj_reg: float = param("double", -1.0, "Weight of the likelihood in the objective; -1: one over the number of rows.")
    control_variables: list[str] | None = param(
        "string[]", None, "Columns that only control.", level="expert", needs="control variables"
    )
    remove_offset_effects: bool = param(
        "boolean", False, "Score without the offset.", level="expert", needs="removing offset effects"
    )
    generate_scoring_history: bool = param("boolean", False, "Score every iteration.", level="secondary")
    dispersion_epsilon: float = param("double", 1e-4, "Convergence of the dispersion.", level="secondary")
    tweedie_epsilon: float = param("double", 8e-17, "Convergence of the Tweedie series.", level="secondary")
    max_iterations_dispersion: int = param("int", 3000, "Most iterations for the dispersion.", level="secondary")
    build_null_model: bool = param("boolean", False, "Fit the intercept alone.", level="expert", needs="null models")
    fix_dispersion_parameter: bool = param("boolean", False, "Keep the dispersion as given.", level="expert")
    generate_variable_inflation_factors: bool = param("boolean", False, "Compute variance inflation factors.", level="expert")
    fix_tweedie_variance_power: bool = param(
        "boolean", True, "Keep the variance power as given.", level="secondary", needs="estimating the Tweedie power"
    )
    dispersion_learning_rate: float = param("double", 0.5, "Step size for the dispersion.", level="expert", gridable=True)
    influence: str | None = param(
        "enum", None, "Influence of each row.", level="expert", values=("dfbetas",), needs="influence diagnostics"
    )
    linear_constraints: str | None = param("Key<Frame>", None, "Linear constraints on coefficients.", needs="linear constraints")
    init_optimal_glm: bool = param(
        "boolean", False, "Start constrained fits from the free one.", level="secondary", gridable=True, needs="linear constraints"
    )
    separate_linear_beta: bool = param(
        "boolean",
        False,
        "Treat bounds apart from linear constraints.",
        level="secondary",
        gridable=True,
        needs="linear constraints",
    )
    constraint_eta0: float = param("double", 0.1258925, "Constrained fits: eta0.", level="expert", gridable=True)
    constraint_tau: float = param("double", 10.0, "Constrained fits: tau.", level="expert", gridable=True)
    constraint_alpha: float = param("double", 0.1, "Constrained fits: alpha.", level="expert", gridable=True)
    constraint_beta: float = param("double", 0.9, "Constrained fits: beta.", level="expert", gridable=True)
    constraint_c0: float = param("double", 10.0, "Constrained fits: c0.", level="expert", gridable=True)

    fields = (
        "model_id", "training_frame", "validation_frame", "nfolds", "checkpoint", "export_checkpoints_dir", "seed",
        "keep_cross_validation_models", "keep_cross_validation_predictions", "keep_cross_validation_fold_assignment",
        "fold_assignment", "fold_column", "response_column", "ignored_columns", "ignore_const_cols", "score_each_iteration",
        "score_iteration_interval", "offset_column", "weights_column", "family", "tweedie_variance_power", "tweedie_link_power",
        "theta", "solver", "alpha", "lambda", "lambda_search", "early_stopping", "nlambdas", "standardize",
        "missing_values_handling", "plug_values", "compute_p_values", "dispersion_parameter_method", "init_dispersion_parameter",
        "remove_collinear_columns", "intercept", "non_negative", "max_iterations", "objective_epsilon", "beta_epsilon",
        "gradient_epsilon", "link", "startval", "calc_like", "prior", "cold_start", "lambda_min_ratio", "beta_constraints",
        "max_active_predictors", "interactions", "interaction_pairs", "obj_reg", "stopping_rounds", "stopping_metric",
        "stopping_tolerance", "control_variables", "remove_offset_effects", "balance_classes", "class_sampling_factors",
        "max_after_balance_size", "max_confusion_matrix_size", "max_runtime_secs", "custom_metric_func",
        "generate_scoring_history", "auc_type", "dispersion_epsilon", "tweedie_epsilon", "max_iterations_dispersion",
        "build_null_model", "fix_dispersion_parameter", "generate_variable_inflation_factors", "fix_tweedie_variance_power",
        "dispersion_learning_rate", "influence", "gainslift_bins", "linear_constraints", "init_optimal_glm",
        "separate_linear_beta", "constraint_eta0", "constraint_tau", "constraint_alpha", "constraint_beta", "constraint_c0",
    )  # fmt: skip

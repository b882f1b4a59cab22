"""Parameters of GBM."""

from __future__ import annotations

from typing import Any

from h2ok.ext.algos.tree_parameters import TreeParameters
from h2ok.ext.models.common_parameters import (
    NO_LIMIT,
    CategoricalParameters,
    ClassBalanceParameters,
    CommonParameters,
    CrossValidationParameters,
    DistributionParameters,
    MetricParameters,
    StoppingParameters,
    SupervisedParameters,
)
from h2ok.ext.models.parameters import at_least, between, param, positive

__all__ = ["DISTRIBUTIONS", "GBMParametersV3"]

#: Distributions that are built; the others are refused by name.
DISTRIBUTIONS = ("bernoulli", "multinomial", "gaussian", "poisson", "gamma", "tweedie", "laplace", "quantile", "huber")


class GBMParametersV3(
    CommonParameters,
    SupervisedParameters,
    CrossValidationParameters,
    StoppingParameters,
    ClassBalanceParameters,
    MetricParameters,
    CategoricalParameters,
    DistributionParameters,
    TreeParameters,
):
    """Everything H2O's GBM knows; what is not built yet says so when it is used."""

    schema_type = "GBMParameters"

    max_depth: int = param("int", 5, "Largest depth of a tree; 0: no limit.", gridable=True, check=at_least(0))
    min_rows: float = param("double", 10.0, "Smallest number of (weighted) rows in a leaf.", gridable=True, check=positive)
    learn_rate: float = param("double", 0.1, "Share of each tree that is added.", gridable=True, check=between(0, 1, open_low=True))
    learn_rate_annealing: float = param(
        "double",
        1.0,
        "Factor of the learn rate after each tree.",
        level="secondary",
        gridable=True,
        check=between(0, 1, open_low=True),
    )
    sample_rate: float = param(
        "double", 1.0, "Share of the rows each tree sees.", gridable=True, check=between(0, 1, open_low=True)
    )
    sample_rate_per_class: list[float] | None = param(
        "double[]", None, "Share of the rows each tree sees, by class.", level="expert", gridable=True, needs="sampling by class"
    )
    col_sample_rate: float = param(
        "double", 1.0, "Share of the columns each split looks at.", gridable=True, check=between(0, 1, open_low=True)
    )
    col_sample_rate_change_per_level: float = param(
        "double",
        1.0,
        "Factor of that share from level to level.",
        level="expert",
        gridable=True,
        check=between(0, 2, open_low=True),
    )
    max_abs_leafnode_pred: float = param(
        "double", NO_LIMIT, "Largest step of a leaf.", level="expert", gridable=True, check=positive
    )
    pred_noise_bandwidth: float = param(
        "double", 0.0, "Noise on the predictions.", level="expert", gridable=True, needs="prediction noise"
    )
    in_training_checkpoints_dir: str | None = param(
        "string", None, "Folder for models during training.", level="expert", needs="saving models during training"
    )
    in_training_checkpoints_tree_interval: int = param("int", 1, "Save after every so many trees.", level="expert")
    monotone_constraints: list[Any] | None = param(
        "KeyValue[]", None, "Columns with a direction the prediction must follow.", level="secondary", needs="monotone constraints"
    )
    check_constant_response: bool = param("boolean", True, "Refuse a response that is constant.", level="expert")
    interaction_constraints: list[Any] | None = param("string[][]", None, "Columns that may meet in a tree.", level="expert")
    auto_rebalance: bool = param("boolean", True, "Spread the rows over the nodes; rows stay where they are here.", level="expert")

    fields = (
        "model_id", "training_frame", "validation_frame", "nfolds", "keep_cross_validation_models",
        "keep_cross_validation_predictions", "keep_cross_validation_fold_assignment", "score_each_iteration",
        "score_tree_interval", "fold_assignment", "fold_column", "response_column", "ignored_columns", "ignore_const_cols",
        "offset_column", "weights_column", "balance_classes", "class_sampling_factors", "max_after_balance_size",
        "max_confusion_matrix_size", "ntrees", "max_depth", "min_rows", "nbins", "nbins_top_level", "nbins_cats", "r2_stopping",
        "stopping_rounds", "stopping_metric", "stopping_tolerance", "max_runtime_secs", "seed", "build_tree_one_node",
        "learn_rate", "learn_rate_annealing", "distribution", "quantile_alpha", "tweedie_power", "huber_alpha", "checkpoint",
        "sample_rate", "sample_rate_per_class", "col_sample_rate", "col_sample_rate_change_per_level", "col_sample_rate_per_tree",
        "min_split_improvement", "histogram_type", "max_abs_leafnode_pred", "pred_noise_bandwidth", "categorical_encoding",
        "calibrate_model", "calibration_frame", "calibration_method", "custom_metric_func", "custom_distribution_func",
        "export_checkpoints_dir", "in_training_checkpoints_dir", "in_training_checkpoints_tree_interval", "monotone_constraints",
        "check_constant_response", "gainslift_bins", "auc_type", "interaction_constraints", "auto_rebalance",
    )  # fmt: skip

"""Parameters of the random forest."""

from __future__ import annotations

from h2ok.ext.algos.parameters import ListedParameters
from h2ok.ext.algos.tree_parameters import TreeParameters
from h2ok.ext.models.common_parameters import (
    CategoricalParameters,
    ClassBalanceParameters,
    CommonParameters,
    CrossValidationParameters,
    DistributionParameter,
    MetricParameters,
    StoppingParameters,
    SupervisedParameters,
)
from h2ok.ext.models.parameters import at_least, between, param, positive

__all__ = ["DISTRIBUTIONS", "DRFParametersV3"]

#: Distributions a forest can stand for: it averages, whatever the loss.
DISTRIBUTIONS = ("bernoulli", "multinomial", "gaussian")


class DRFParametersV3(
    ListedParameters,
    CommonParameters,
    SupervisedParameters,
    CrossValidationParameters,
    StoppingParameters,
    ClassBalanceParameters,
    MetricParameters,
    CategoricalParameters,
    DistributionParameter,
    TreeParameters,
):
    """Everything H2O's DRF knows; what is not built yet says so when it is used."""

    schema_type = "DRFParameters"

    offset_column: str | None = param(
        "VecSpecifier", None, "Not used: a forest has no linear predictor.", level="secondary", gridable=True,
        is_member_of_frames=("training_frame", "validation_frame"), needs="offsets in a random forest",
    )  # fmt: skip
    max_depth: int = param("int", 20, "Largest depth of a tree; 0: no limit.", gridable=True, check=at_least(0))
    min_rows: float = param("double", 1.0, "Smallest number of (weighted) rows in a leaf.", gridable=True, check=positive)
    mtries: int = param(
        "int",
        -1,
        "Columns each split looks at; -1: the square root of their number for classes, a third for numbers; -2: all.",
        gridable=True,
        check=lambda v: None if v in (-1, -2) or v >= 1 else f"must be -1, -2 or at least 1; got {v}.",
    )
    sample_rate: float = param(
        "double", 0.632, "Share of the rows each tree sees.", gridable=True, check=between(0, 1, open_low=True)
    )
    sample_rate_per_class: list[float] | None = param(
        "double[]", None, "Share of the rows each tree sees, by class.", level="expert", gridable=True
    )
    binomial_double_trees: bool = param("boolean", False, "With two classes, grow a tree of each.", level="expert")
    col_sample_rate_change_per_level: float = param(
        "double", 1.0, "Factor of the columns a split looks at from level to level.", level="expert", gridable=True,
        check=between(0, 2, open_low=True),
    )  # fmt: skip
    check_constant_response: bool = param("boolean", True, "Refuse a response that is constant.", level="expert")

    fields = (
        "model_id", "training_frame", "validation_frame", "nfolds", "keep_cross_validation_models",
        "keep_cross_validation_predictions", "keep_cross_validation_fold_assignment", "score_each_iteration",
        "score_tree_interval", "fold_assignment", "fold_column", "response_column", "ignored_columns", "ignore_const_cols",
        "offset_column", "weights_column", "balance_classes", "class_sampling_factors", "max_after_balance_size",
        "max_confusion_matrix_size", "ntrees", "max_depth", "min_rows", "nbins", "nbins_top_level", "nbins_cats", "r2_stopping",
        "stopping_rounds", "stopping_metric", "stopping_tolerance", "max_runtime_secs", "seed", "build_tree_one_node", "mtries",
        "sample_rate", "sample_rate_per_class", "binomial_double_trees", "checkpoint", "col_sample_rate_change_per_level",
        "col_sample_rate_per_tree", "min_split_improvement", "histogram_type", "categorical_encoding", "calibrate_model",
        "calibration_frame", "calibration_method", "distribution", "custom_metric_func", "export_checkpoints_dir",
        "check_constant_response", "gainslift_bins", "auc_type",
    )  # fmt: skip

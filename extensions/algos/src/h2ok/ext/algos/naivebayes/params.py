"""Parameters of Naive Bayes."""

from __future__ import annotations

from h2ok.ext.algos.parameters import ListedParameters
from h2ok.ext.models.common_parameters import (
    ClassBalanceParameters,
    CommonParameters,
    CrossValidationParameters,
    MetricParameters,
    SupervisedParameters,
)
from h2ok.ext.models.parameters import at_least, param

__all__ = ["NaiveBayesParametersV3"]


class NaiveBayesParametersV3(
    ListedParameters, CommonParameters, SupervisedParameters, CrossValidationParameters, ClassBalanceParameters, MetricParameters
):
    """Everything H2O's Naive Bayes knows; what is not built yet says so when it is used."""

    schema_type = "NaiveBayesParameters"

    seed: int = param("long", -1, "Seed of the folds; -1 takes a fresh one.", level="expert", gridable=True)
    laplace: float = param("double", 0.0, "Added to every count of levels.", gridable=True, check=at_least(0))
    min_sdev: float = param(
        "double", 0.001, "Standard deviation where the data has too little.", gridable=True, check=at_least(1e-10)
    )
    eps_sdev: float = param("double", 0.0, "Up to this, a standard deviation is too little.", gridable=True, check=at_least(0))
    min_prob: float = param("double", 0.001, "Probability where the data has too little.", gridable=True, check=at_least(1e-10))
    eps_prob: float = param("double", 0.0, "Up to this, a probability is too little.", gridable=True, check=at_least(0))
    compute_metrics: bool = param("boolean", True, "Compute metrics on the training data.", gridable=True)

    fields = (
        "model_id", "nfolds", "seed", "fold_assignment", "fold_column", "keep_cross_validation_models",
        "keep_cross_validation_predictions", "keep_cross_validation_fold_assignment", "training_frame", "validation_frame",
        "response_column", "ignored_columns", "ignore_const_cols", "score_each_iteration", "balance_classes",
        "class_sampling_factors", "max_after_balance_size", "max_confusion_matrix_size", "laplace", "min_sdev", "eps_sdev",
        "min_prob", "eps_prob", "compute_metrics", "max_runtime_secs", "export_checkpoints_dir", "gainslift_bins", "auc_type",
    )  # fmt: skip

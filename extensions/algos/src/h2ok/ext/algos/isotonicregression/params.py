"""Parameters of isotonic regression."""

from __future__ import annotations

from h2ok.ext.algos.parameters import ListedParameters
from h2ok.ext.models.common_parameters import CommonParameters, CrossValidationParameters, MetricParameters, SupervisedParameters
from h2ok.ext.models.parameters import param

__all__ = ["IsotonicRegressionParametersV3"]


class IsotonicRegressionParametersV3(
    ListedParameters, CommonParameters, SupervisedParameters, CrossValidationParameters, MetricParameters
):
    """Everything H2O's isotonic regression knows; what is not built yet says so when it is used."""

    schema_type = "IsotonicRegressionParameters"

    out_of_bounds: str = param(
        "enum", "NA", "What to predict outside of the range seen in training: a missing value, or that of the nearest end.",
        values=("NA", "clip"),
    )  # fmt: skip

    fields = (
        "model_id", "training_frame", "validation_frame", "response_column", "ignored_columns", "weights_column", "out_of_bounds",
        "custom_metric_func", "nfolds", "keep_cross_validation_models", "keep_cross_validation_predictions",
        "keep_cross_validation_fold_assignment", "fold_assignment", "fold_column",
    )  # fmt: skip

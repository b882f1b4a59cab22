"""Parameter groups that many algorithms share. A parameters class inherits the groups it wants and orders them with ``fields``."""

from __future__ import annotations

from typing import Any

from h2ok.ext.models.parameters import Parameters, at_least, between, param, positive

__all__ = [
    "CalibrationParameters",
    "CategoricalParameters",
    "ClassBalanceParameters",
    "CommonParameters",
    "CrossValidationParameters",
    "DistributionParameter",
    "DistributionParameters",
    "MetricParameters",
    "StoppingParameters",
    "SupervisedParameters",
]

_TRAIN, _BOTH = ("training_frame",), ("training_frame", "validation_frame")
#: Largest double: H2O's way to say "no limit".
NO_LIMIT = 1.7976931348623157e308


class CommonParameters(Parameters):
    """Frames, ids, seed and time limit."""

    model_id: str | None = param("Key<Model>", None, "Id of the model to make; made up when not given.")
    training_frame: str | None = param("Key<Frame>", None, "Id of the frame to train on.")
    validation_frame: str | None = param("Key<Frame>", None, "Id of a frame to validate on.", gridable=True)
    ignored_columns: list[str] | None = param(
        "string[]",
        None,
        "Columns of the training frame that are not used.",
        is_member_of_frames=_BOTH,
        is_mutually_exclusive_with=("response_column", "weights_column", "offset_column", "fold_column"),
    )
    ignore_const_cols: bool = param("boolean", True, "Leave out columns that hold one value only.")
    score_each_iteration: bool = param("boolean", False, "Compute metrics after every iteration.", level="secondary")
    max_runtime_secs: float = param(
        "double",
        0.0,
        "Seconds of training after which it ends with what it has; 0: no limit.",
        level="secondary",
        gridable=True,
        check=at_least(0),
    )
    seed: int = param("long", -1, "Seed of all random choices; -1 takes a fresh one.", gridable=True)
    export_checkpoints_dir: str | None = param("string", None, "Folder to save finished models to.", level="secondary")
    custom_metric_func: str | None = param(
        "string", None, "Reference to a user's own metric.", level="secondary", needs="custom metric functions"
    )

    def resolve(self, name: str, value: Any) -> None:
        """Replace an AUTO (or unset) value by what it means for this run."""
        setattr(self, name, value)


class SupervisedParameters(Parameters):
    """Response, weights, offset."""

    response_column: str | None = param(
        "VecSpecifier",
        None,
        "Column to predict.",
        gridable=True,
        is_member_of_frames=_BOTH,
        is_mutually_exclusive_with=("weights_column", "ignored_columns", "offset_column", "fold_column"),
    )
    weights_column: str | None = param(
        "VecSpecifier",
        None,
        "Column with the weight of each row: weight 2 counts like the row twice, 0 leaves it out.",
        level="secondary",
        gridable=True,
        is_member_of_frames=_BOTH,
        is_mutually_exclusive_with=("response_column", "ignored_columns", "offset_column", "fold_column"),
    )
    offset_column: str | None = param(
        "VecSpecifier",
        None,
        "Column that is added to the linear predictor of each row.",
        level="secondary",
        gridable=True,
        is_member_of_frames=_BOTH,
        is_mutually_exclusive_with=("response_column", "weights_column", "ignored_columns", "fold_column"),
    )


class CrossValidationParameters(Parameters):
    """N-fold cross-validation."""

    nfolds: int = param("int", 0, "Number of folds of the cross-validation; 0: none.")
    keep_cross_validation_models: bool = param("boolean", True, "Keep the models of the folds.", level="expert")
    keep_cross_validation_predictions: bool = param("boolean", False, "Keep the predictions of the fold models.", level="expert")
    keep_cross_validation_fold_assignment: bool = param(
        "boolean", False, "Keep which row was held out in which fold.", level="expert"
    )
    fold_assignment: str = param(
        "enum",
        "AUTO",
        "How rows are spread over the folds.",
        level="secondary",
        gridable=True,
        values=("AUTO", "Random", "Modulo", "Stratified"),
    )
    fold_column: str | None = param(
        "VecSpecifier",
        None,
        "Column that says to which fold each row belongs.",
        level="secondary",
        gridable=True,
        is_member_of_frames=_TRAIN,
        is_mutually_exclusive_with=("response_column", "weights_column", "ignored_columns", "offset_column"),
    )


_STOPPING_METRICS = (
    "AUTO", "deviance", "logloss", "MSE", "RMSE", "MAE", "RMSLE", "AUC", "AUCPR", "lift_top_group", "misclassification",
    "mean_per_class_error", "anomaly_score", "AUUC", "ATE", "ATT", "ATC", "qini", "custom", "custom_increasing",
)  # fmt: skip


class StoppingParameters(Parameters):
    """Early stopping."""

    stopping_rounds: int = param(
        "int",
        0,
        "Stop when the moving average of this many scorings does not improve; 0: never.",
        level="secondary",
        gridable=True,
        check=at_least(0),
    )
    stopping_metric: str = param(
        "enum",
        "AUTO",
        "Metric that decides: logloss for classes, deviance for numbers when AUTO.",
        level="secondary",
        gridable=True,
        values=_STOPPING_METRICS,
    )
    stopping_tolerance: float = param(
        "double", 0.001, "Relative improvement that counts as one.", level="secondary", gridable=True, check=at_least(0)
    )


class ClassBalanceParameters(Parameters):
    """Over- and undersampling of classes."""

    balance_classes: bool = param("boolean", False, "Resample the classes to equal size.", level="secondary", gridable=True)
    class_sampling_factors: list[float] | None = param(
        "float[]", None, "Sampling factor of each class.", level="expert", gridable=True
    )
    max_after_balance_size: float = param(
        "float", 5.0, "Largest size of the balanced data, as a multiple.", level="expert", gridable=True, check=positive
    )
    max_confusion_matrix_size: int = param("int", 20, "Most classes of a confusion matrix in the log.", level="secondary")


class MetricParameters(Parameters):
    """Which metrics are computed."""

    gainslift_bins: int = param(
        "int",
        -1,
        "Number of groups of the gains/lift table; -1: H2O's 16 groups, 0: no table.",
        level="secondary",
        check=lambda v: None if v in (-1, 0) or v >= 2 else f"must be -1, 0 or at least 2; got {v}.",
    )
    auc_type: str = param(
        "enum",
        "AUTO",
        "AUC of more than two classes.",
        level="secondary",
        gridable=True,
        values=("AUTO", "NONE", "MACRO_OVR", "WEIGHTED_OVR", "MACRO_OVO", "WEIGHTED_OVO"),
    )


class CategoricalParameters(Parameters):
    """Encoding of categorical columns."""

    categorical_encoding: str = param(
        "enum",
        "AUTO",
        "How categorical columns enter the model.",
        level="secondary",
        gridable=True,
        values=(
            "AUTO", "Enum", "OneHotInternal", "OneHotExplicit", "Binary", "Eigen", "LabelEncoder", "SortByResponse", "EnumLimited",
        ),
    )  # fmt: skip


class CalibrationParameters(Parameters):
    """Calibration of the probabilities of two classes."""

    calibrate_model: bool = param("boolean", False, "Calibrate the probabilities of a binomial model.", level="expert")
    calibration_frame: str | None = param("Key<Frame>", None, "Frame to calibrate on.", level="expert")
    calibration_method: str = param(
        "enum", "AUTO", "How to calibrate; AUTO is PlattScaling.", level="expert",
        values=("AUTO", "PlattScaling", "IsotonicRegression"),
    )  # fmt: skip


class DistributionParameter(Parameters):
    """Loss of models of trees."""

    distribution: str = param(
        "enum",
        "AUTO",
        "Distribution of the response.",
        level="secondary",
        gridable=True,
        values=(
            "AUTO", "bernoulli", "quasibinomial", "ordinal", "multinomial", "gaussian", "poisson", "gamma", "tweedie", "laplace",
            "quantile", "huber", "custom",
        ),
    )  # fmt: skip


class DistributionParameters(DistributionParameter):
    """The loss with its parameters."""

    quantile_alpha: float = param(
        "double", 0.5, "Quantile to predict.", level="secondary", gridable=True, check=between(0, 1, open_low=True, open_high=True)
    )
    tweedie_power: float = param(
        "double",
        1.5,
        "Power of the variance of the Tweedie distribution.",
        level="secondary",
        gridable=True,
        check=between(1, 2, open_low=True, open_high=True),
    )
    huber_alpha: float = param(
        "double",
        0.9,
        "Share of the residuals that Huber's loss treats as quadratic.",
        level="secondary",
        gridable=True,
        check=between(0, 1, open_low=True),
    )
    custom_distribution_func: str | None = param(
        "string", None, "Reference to a user's own distribution.", level="secondary", needs="custom distribution functions"
    )

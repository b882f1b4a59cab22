"""Parameters of XGBoost, in H2O's names and the library's."""

from __future__ import annotations

import json
import re
from typing import Any

from h2ok.ext.models.common_parameters import (
    CalibrationParameters,
    CategoricalParameters,
    CommonParameters,
    CrossValidationParameters,
    DistributionParameter,
    MetricParameters,
    StoppingParameters,
    SupervisedParameters,
)
from h2ok.ext.models.parameters import at_least, between, param

__all__ = ["ALIASES", "DISTRIBUTIONS", "XGBoostParametersV3", "constraint_pairs"]

#: Distributions that are built, with the library's objective; the others are refused by name.
DISTRIBUTIONS = {
    "bernoulli": "binary:logistic",
    "multinomial": "multi:softprob",
    "gaussian": "reg:squarederror",
    "poisson": "count:poisson",
    "gamma": "reg:gamma",
    "tweedie": "reg:tweedie",
}
#: (H2O's name, the library's name) of one and the same parameter.
ALIASES = (
    ("learn_rate", "eta"),
    ("sample_rate", "subsample"),
    ("col_sample_rate", "colsample_bylevel"),
    ("col_sample_rate_per_tree", "colsample_bytree"),
    ("min_rows", "min_child_weight"),
    ("min_split_improvement", "gamma"),
    ("max_abs_leafnode_pred", "max_delta_step"),
)
_share = between(0, 1, open_low=True)
_probability = between(0, 1)


def _share_param(text: str, level: Any) -> Any:
    return param("double", 1.0, text, level=level, gridable=True, check=_share)


class XGBoostParametersV3(
    CommonParameters,
    SupervisedParameters,
    CrossValidationParameters,
    StoppingParameters,
    MetricParameters,
    CalibrationParameters,
    CategoricalParameters,
    DistributionParameter,
):
    """Everything H2O's XGBoost knows; what is not built says so when it is used."""

    schema_type = "XGBoostParameters"

    tweedie_power: float = param(
        "double",
        1.5,
        "Power of the variance of the Tweedie distribution.",
        level="secondary",
        gridable=True,
        check=between(1, 2, open_low=True, open_high=True),
    )
    quiet_mode: bool = param("boolean", True, "Keep the library's warnings out of the log.", level="expert")
    checkpoint: str | None = param("Key<Model>", None, "XGBoost model to continue from, with a larger ntrees.", level="secondary")
    ntrees: int = param("int", 50, "Number of trees (of each class).", gridable=True, check=at_least(1))
    max_depth: int = param("int", 6, "Largest depth of a tree; 0: no limit.", gridable=True, check=at_least(0))
    min_rows: float = param(
        "double", 1.0, "Smallest sum of curvatures in a leaf; the number of rows for squares.", gridable=True, check=at_least(0)
    )
    min_child_weight: float = param("double", 1.0, "The same as min_rows.", level="expert", gridable=True, check=at_least(0))
    learn_rate: float = param("double", 0.3, "Share of each tree that is added.", level="expert", gridable=True, check=_share)
    eta: float = param("double", 0.3, "The same as learn_rate.", gridable=True, check=_share)
    sample_rate: float = _share_param("Share of the rows each tree sees.", "critical")
    subsample: float = _share_param("The same as sample_rate.", "expert")
    col_sample_rate: float = _share_param("Share of the columns each level looks at.", "critical")
    colsample_bylevel: float = _share_param("The same as col_sample_rate.", "expert")
    col_sample_rate_per_tree: float = _share_param("Share of the columns each tree looks at.", "secondary")
    colsample_bytree: float = _share_param("The same as col_sample_rate_per_tree.", "expert")
    colsample_bynode: float = _share_param("Share of the columns each node looks at.", "secondary")
    max_abs_leafnode_pred: float = param(
        "float", 0.0, "Largest step of a leaf; 0: no limit.", level="expert", gridable=True, check=at_least(0)
    )
    max_delta_step: float = param(
        "float", 0.0, "The same as max_abs_leafnode_pred.", level="expert", gridable=True, check=at_least(0)
    )
    monotone_constraints: list[Any] | None = param(
        "KeyValue[]", None, "Direction (1 or -1) the prediction must follow, by numeric column.", level="secondary"
    )
    interaction_constraints: list[Any] | None = param(
        "string[][]", None, "Groups of columns that may meet in one branch.", level="expert"
    )
    score_tree_interval: int = param(
        "int", 0, "Score after every so many trees; 0: as often as is cheap.", level="secondary", check=at_least(0)
    )
    min_split_improvement: float = param(
        "float", 0.0, "Smallest drop of the loss a split must bring.", level="secondary", gridable=True, check=at_least(0)
    )
    gamma: float = param("float", 0.0, "The same as min_split_improvement.", level="expert", gridable=True, check=at_least(0))
    nthread: int = param(
        "int",
        -1,
        "Threads of the training; -1: those of the node, which is the most too.",
        level="expert",
        check=lambda v: None if v == -1 or v >= 1 else f"must be -1 or at least 1; got {v}.",
    )
    save_matrix_directory: str | None = param(
        "string", None, "Folder to save the matrices of the training to.", level="expert", needs="saving training matrices"
    )
    build_tree_one_node: bool = param("boolean", False, "Train on one node; it always is so here.", level="expert")
    parallelize_cross_validation: bool = param(
        "boolean", True, "Permission to build the models of the folds side by side; results do not depend on it.", level="expert"
    )
    max_bins: int = param(
        "int", 256, "Most bins of a column, for tree_method hist and approx.", level="expert", gridable=True, check=at_least(2)
    )
    max_leaves: int = param("int", 0, "Most leaves of a tree; 0: no limit.", level="secondary", gridable=True, check=at_least(0))
    sample_type: str = param(
        "enum", "uniform", "How dart drops trees.", level="expert", gridable=True, values=("uniform", "weighted")
    )
    normalize_type: str = param(
        "enum", "tree", "How dart weighs new trees.", level="expert", gridable=True, values=("tree", "forest")
    )
    rate_drop: float = param("float", 0.0, "Share of the trees dart drops.", level="expert", gridable=True, check=_probability)
    one_drop: bool = param("boolean", False, "Whether dart drops at least one tree.", level="expert", gridable=True)
    skip_drop: float = param(
        "float", 0.0, "Probability that dart drops none in an iteration.", level="expert", gridable=True, check=_probability
    )
    tree_method: str = param(
        "enum",
        "auto",
        "How splits are found; auto is hist.",
        level="secondary",
        gridable=True,
        values=("auto", "exact", "approx", "hist"),
    )
    grow_policy: str = param(
        "enum",
        "depthwise",
        "Which node is split next: the shallowest one or the one that brings most.",
        level="secondary",
        gridable=True,
        values=("depthwise", "lossguide"),
    )
    booster: str = param(
        "enum", "gbtree", "Kind of the base learners.", level="expert", gridable=True, values=("gbtree", "gblinear", "dart")
    )
    reg_lambda: float = param("float", 1.0, "L2 penalty on the leaves.", level="expert", gridable=True, check=at_least(0))
    reg_alpha: float = param("float", 0.0, "L1 penalty on the leaves.", level="expert", gridable=True, check=at_least(0))
    dmatrix_type: str = param(
        "enum",
        "auto",
        "Layout of the training matrix; zeros count as missing when it is sparse. auto: sparse where few values are not zero.",
        level="secondary",
        gridable=True,
        values=("auto", "dense", "sparse"),
    )
    backend: str = param(
        "enum",
        "auto",
        "Where the library computes; there is cpu only.",
        level="expert",
        gridable=True,
        values=("auto", "gpu", "cpu"),
    )
    gpu_id: list[int] | None = param("int[]", None, "GPUs to use.", level="expert", needs="a GPU backend")
    scale_pos_weight: float = param(
        "float", 1.0, "Factor of the weight of the second class.", level="expert", gridable=True, check=at_least(0)
    )
    eval_metric: str | None = param(
        "string", None, "A metric of the library to report beside those of H2O.", level="expert", gridable=True
    )
    score_eval_metric_only: bool = param("boolean", False, "Report that metric only while training.", level="expert", gridable=True)

    fields = (
        "model_id", "training_frame", "validation_frame", "nfolds", "keep_cross_validation_models",
        "keep_cross_validation_predictions", "keep_cross_validation_fold_assignment", "score_each_iteration", "fold_assignment",
        "fold_column", "response_column", "ignored_columns", "ignore_const_cols", "offset_column", "weights_column",
        "stopping_rounds", "stopping_metric", "stopping_tolerance", "max_runtime_secs", "seed", "distribution", "tweedie_power",
        "categorical_encoding", "quiet_mode", "checkpoint", "export_checkpoints_dir", "custom_metric_func", "ntrees", "max_depth",
        "min_rows", "min_child_weight", "learn_rate", "eta", "sample_rate", "subsample", "col_sample_rate", "colsample_bylevel",
        "col_sample_rate_per_tree", "colsample_bytree", "colsample_bynode", "max_abs_leafnode_pred", "max_delta_step",
        "monotone_constraints", "interaction_constraints", "score_tree_interval", "min_split_improvement", "gamma", "nthread",
        "save_matrix_directory", "build_tree_one_node", "parallelize_cross_validation", "calibrate_model", "calibration_frame",
        "calibration_method", "max_bins", "max_leaves", "sample_type", "normalize_type", "rate_drop", "one_drop", "skip_drop",
        "tree_method", "grow_policy", "booster", "reg_lambda", "reg_alpha", "dmatrix_type", "backend", "gpu_id", "gainslift_bins",
        "auc_type", "scale_pos_weight", "eval_metric", "score_eval_metric_only",
    )  # fmt: skip


_PAIR = re.compile(r"""^\{\s*['"]?key['"]?\s*:\s*(?P<key>.+?)\s*,\s*['"]?value['"]?\s*:\s*(?P<value>[-+.\deE]+)\s*\}$""")


def constraint_pairs(raw: list[Any] | None) -> list[tuple[str, float]]:
    """(column, direction) of ``monotone_constraints`` as a client sends it: objects, JSON texts, or the Python client's texts.

    Raises
    ------
    ValueError
        An item is none of these.
    """
    out = []
    for item in raw or ():
        if isinstance(item, dict):
            found: Any = item
        else:
            match = _PAIR.match(str(item).strip())
            if match is None:
                raise ValueError(f"Cannot read {item!r}; write each as {{'key': column, 'value': 1 or -1}}.")
            key = match["key"]
            found = {"key": json.loads(key) if key.startswith('"') else key.strip("'"), "value": match["value"]}
        if "key" not in found or "value" not in found:
            raise ValueError(f"Cannot read {item!r}; it needs both 'key' and 'value'.")
        out.append((str(found["key"]), float(found["value"])))
    return out

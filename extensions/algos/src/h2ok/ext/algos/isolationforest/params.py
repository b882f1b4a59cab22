"""Parameters of the isolation forest."""

from __future__ import annotations

from h2ok.ext.algos.parameters import ListedParameters
from h2ok.ext.models.common_parameters import CategoricalParameters, CommonParameters, StoppingParameters
from h2ok.ext.models.parameters import at_least, between, param

__all__ = ["IsolationForestParametersV3"]


class IsolationForestParametersV3(ListedParameters, CommonParameters, StoppingParameters, CategoricalParameters):
    """Everything H2O's isolation forest knows; what is not built yet says so when it is used."""

    schema_type = "IsolationForestParameters"

    score_tree_interval: int = param(
        "int", 0, "Score after every so many trees; 0: as often as is cheap.", level="secondary", check=at_least(0)
    )
    ntrees: int = param("int", 50, "Number of trees.", gridable=True, check=at_least(1))
    max_depth: int = param("int", 8, "Largest depth of a tree; 0: no limit.", gridable=True, check=at_least(0))
    min_rows: float = param("double", 1.0, "Smallest number of rows in a leaf.", gridable=True, check=at_least(1))
    build_tree_one_node: bool = param("boolean", False, "Run on one node only; results do not depend on it here.", level="expert")
    mtries: int = param(
        "int",
        -1,
        "Candidates of each split. One column of them is taken at random, so that their number makes no difference.",
        gridable=True,
        check=lambda v: None if v in (-1, -2) or v >= 1 else f"must be -1, -2 or at least 1; got {v}.",
    )
    sample_size: int = param("long", 256, "Rows of each tree.", gridable=True, check=at_least(1))
    sample_rate: float = param(
        "double",
        -1.0,
        "Share of the rows each tree sees; -1: sample_size rows.",
        gridable=True,
        check=lambda v: None if v == -1 or 0 < v <= 1 else f"must be -1 or in (0, 1]; got {v}.",
    )
    col_sample_rate_change_per_level: float = param(
        "double", 1.0, "Factor of the number of candidates by level, which makes no difference.", level="expert", gridable=True,
        check=between(0, 2, open_low=True),
    )  # fmt: skip
    col_sample_rate_per_tree: float = param(
        "double", 1.0, "Share of the columns each tree looks at.", level="secondary", gridable=True,
        check=between(0, 1, open_low=True),
    )  # fmt: skip
    stopping_tolerance: float = param(
        "double", 0.01, "Relative improvement that counts as one.", level="secondary", gridable=True, check=at_least(0)
    )
    contamination: float = param("double", -1.0, "Share of anomalies in the training data.", needs="labels by contamination")
    validation_response_column: str | None = param(
        "VecSpecifier", None, "Column of the validation frame that tells the anomalies.", level="secondary",
        is_member_of_frames=("validation_frame",), needs="validation with labels",
    )  # fmt: skip

    fields = (
        "model_id", "training_frame", "score_each_iteration", "score_tree_interval", "ignored_columns", "ignore_const_cols",
        "ntrees", "max_depth", "min_rows", "max_runtime_secs", "seed", "build_tree_one_node", "mtries", "sample_size",
        "sample_rate", "col_sample_rate_change_per_level", "col_sample_rate_per_tree", "categorical_encoding", "stopping_rounds",
        "stopping_metric", "stopping_tolerance", "export_checkpoints_dir", "contamination", "validation_frame",
        "validation_response_column",
    )  # fmt: skip

"""Parameters of K-means."""

from __future__ import annotations

from h2ok.ext.algos.parameters import ListedParameters
from h2ok.ext.models.common_parameters import CategoricalParameters, CommonParameters, CrossValidationParameters
from h2ok.ext.models.parameters import at_least, param

__all__ = ["KMeansParametersV3"]


class KMeansParametersV3(ListedParameters, CommonParameters, CrossValidationParameters, CategoricalParameters):
    """Everything H2O's K-means knows; what is not built yet says so when it is used."""

    schema_type = "KMeansParameters"

    seed: int = param("long", -1, "Seed of the first centers; -1 takes a fresh one.", level="secondary", gridable=True)
    k: int = param("int", 1, "Number of clusters, or their largest number with estimate_k.", gridable=True, check=at_least(1))
    estimate_k: bool = param("boolean", False, "Add clusters while they explain enough, up to k.", gridable=True)
    user_points: str | None = param("Key<Frame>", None, "Frame with a row for each first center.", level="expert")
    max_iterations: int = param(
        "int",
        10,
        "Most rounds of moving the centers (for each number of clusters with estimate_k).",
        gridable=True,
        check=at_least(1),
    )
    standardize: bool = param("boolean", True, "Scale numbers to mean 0 and standard deviation 1 first.", gridable=True)
    init: str = param(
        "enum", "Furthest", "How the first centers are chosen.", gridable=True, values=("Random", "PlusPlus", "Furthest", "User")
    )
    cluster_size_constraints: list[int] | None = param(
        "int[]", None, "Smallest size of each cluster.", level="expert", needs="constrained K-means"
    )

    fields = (
        "model_id", "training_frame", "validation_frame", "nfolds", "keep_cross_validation_models",
        "keep_cross_validation_predictions", "keep_cross_validation_fold_assignment", "fold_assignment", "fold_column",
        "ignored_columns", "ignore_const_cols", "score_each_iteration", "k", "estimate_k", "user_points", "max_iterations",
        "standardize", "seed", "init", "max_runtime_secs", "categorical_encoding", "export_checkpoints_dir",
        "cluster_size_constraints",
    )  # fmt: skip

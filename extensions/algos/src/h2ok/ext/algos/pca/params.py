"""Parameters of PCA and SVD."""

from __future__ import annotations

from h2ok.ext.algos.parameters import ListedParameters
from h2ok.ext.models.common_parameters import CommonParameters
from h2ok.ext.models.parameters import at_least, param

__all__ = ["PCAParametersV3", "SVDParametersV99"]

_TRANSFORMS = ("NONE", "STANDARDIZE", "NORMALIZE", "DEMEAN", "DESCALE")


class PCAParametersV3(ListedParameters, CommonParameters):
    """Everything H2O's PCA knows; what is not built yet says so when it is used."""

    schema_type = "PCAParameters"

    seed: int = param("long", -1, "Seed of methods with random numbers; there are none here.")
    transform: str = param("enum", "NONE", "What is done to numbers first.", gridable=True, values=_TRANSFORMS)
    pca_method: str = param(
        "enum", "GramSVD", "How components are computed; all by the eigenvectors of the Gram matrix here.",
        values=("GramSVD", "Power", "Randomized", "GLRM"),
    )  # fmt: skip
    pca_impl: str | None = param(
        "enum", None, "Linear algebra of H2O-3; makes no difference here.",
        values=("MTJ_EVD_DENSEMATRIX", "MTJ_EVD_SYMMMATRIX", "MTJ_SVD_DENSEMATRIX", "JAMA"),
    )  # fmt: skip
    k: int = param("int", 1, "Number of components.", gridable=True, check=at_least(1))
    max_iterations: int = param(
        "int", 1000, "Most rounds of methods with rounds; GramSVD has none.", gridable=True, check=at_least(1)
    )
    use_all_factor_levels: bool = param("boolean", False, "Keep the first level of categorical columns.")
    compute_metrics: bool = param("boolean", True, "Compute metrics on the training data.")
    impute_missing: bool = param("boolean", False, "Replace NA by mean or most frequent level; else such rows are left out.")

    fields = (
        "model_id", "training_frame", "validation_frame", "ignored_columns", "ignore_const_cols", "score_each_iteration",
        "transform", "pca_method", "pca_impl", "k", "max_iterations", "use_all_factor_levels", "compute_metrics",
        "impute_missing", "seed", "max_runtime_secs", "export_checkpoints_dir",
    )  # fmt: skip


class SVDParametersV99(ListedParameters, CommonParameters):
    """Everything H2O's SVD knows; what is not built yet says so when it is used."""

    schema_type = "SVDParameters"

    seed: int = param("long", -1, "Seed of methods with random numbers; there are none here.")
    transform: str = param("enum", "NONE", "What is done to numbers first.", values=_TRANSFORMS)
    svd_method: str = param(
        "enum", "GramSVD", "How vectors are computed; all by the eigenvectors of the Gram matrix here.",
        values=("GramSVD", "Power", "Randomized"),
    )  # fmt: skip
    nv: int = param("int", 1, "Number of singular vectors.", check=at_least(1))
    max_iterations: int = param("int", 1000, "Most rounds of methods with rounds; GramSVD has none.", check=at_least(1))
    keep_u: bool = param("boolean", True, "Store the left singular vectors.")
    u_name: str | None = param("string", None, "Key of the frame of left singular vectors.")
    use_all_factor_levels: bool = param("boolean", True, "Keep the first level of categorical columns.")

    fields = (
        "model_id", "training_frame", "validation_frame", "ignored_columns", "ignore_const_cols", "score_each_iteration",
        "transform", "svd_method", "nv", "max_iterations", "seed", "keep_u", "u_name", "use_all_factor_levels",
        "max_runtime_secs", "export_checkpoints_dir",
    )  # fmt: skip

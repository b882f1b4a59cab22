"""Parameters that GBM and DRF share."""

from __future__ import annotations

from h2ok.ext.models.common_parameters import NO_LIMIT, CalibrationParameters
from h2ok.ext.models.parameters import at_least, between, param

__all__ = ["TreeParameters"]


class TreeParameters(CalibrationParameters):
    """Size and number of the trees, binning; defaults that differ are declared again by the algorithm."""

    score_tree_interval: int = param(
        "int", 0, "Score after every so many trees; 0: as often as is cheap.", level="secondary", check=at_least(0)
    )
    ntrees: int = param("int", 50, "Number of trees (of each class).", gridable=True, check=at_least(1))
    nbins: int = param("int", 20, "At least so many bins a numeric column.", gridable=True, check=at_least(2))
    nbins_top_level: int = param(
        "int", 1024, "At most so many bins a numeric column; 254 is the limit.", level="secondary", gridable=True, check=at_least(2)
    )
    nbins_cats: int = param(
        "int", 1024, "At most so many bins a categorical column; 254 is the limit.", level="secondary", gridable=True,
        check=at_least(2),
    )  # fmt: skip
    r2_stopping: float = param("double", NO_LIMIT, "No longer used; see stopping_rounds.", level="secondary", gridable=True)
    build_tree_one_node: bool = param("boolean", False, "Run on one node only; results do not depend on it here.", level="expert")
    checkpoint: str | None = param("Key<Model>", None, "Model to continue from.", level="secondary")
    col_sample_rate_per_tree: float = param(
        "double", 1.0, "Share of the columns each tree looks at.", level="secondary", gridable=True,
        check=between(0, 1, open_low=True),
    )  # fmt: skip
    min_split_improvement: float = param(
        "double", 1e-5, "Smallest relative drop of the squared error a split must bring.", level="secondary", gridable=True,
        check=at_least(0),
    )  # fmt: skip
    histogram_type: str = param(
        "enum", "AUTO", "How bins are chosen; AUTO takes global quantiles.", level="secondary", gridable=True,
        values=("AUTO", "UniformAdaptive", "Random", "QuantilesGlobal", "RoundRobin", "UniformRobust"),
    )  # fmt: skip

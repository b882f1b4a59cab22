"""What the algorithms that grow trees have in common: checks of their parameters, when to score, the summary of a model."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models import Validation

__all__ = ["check_binning", "check_kept", "scores_at", "summary"]

_HEADS = (
    ("number_of_trees", "long", "Number of Trees"),
    ("number_of_internal_trees", "long", "Number of Internal Trees"),
    ("model_size_in_bytes", "long", "Model Size in Bytes"),
    ("min_depth", "long", "Min. Depth"),
    ("max_depth", "long", "Max. Depth"),
    ("mean_depth", "double", "Mean Depth"),
    ("min_leaves", "long", "Min. Leaves"),
    ("max_leaves", "long", "Max. Leaves"),
    ("mean_leaves", "double", "Mean Leaves"),
)


def check_binning(v: Validation, p: Any) -> None:
    """Say how ``histogram_type`` is computed."""
    if p.histogram_type not in ("AUTO", "QuantilesGlobal"):
        v.warn(
            "histogram_type",
            f"histogram_type {p.histogram_type} is computed as QuantilesGlobal: columns are binned once, by quantiles.",
        )


#: What shapes the trees: a model that goes on from another one keeps it.
_KEPT = (
    "learn_rate", "learn_rate_annealing", "max_depth", "min_rows", "nbins", "nbins_cats", "nbins_top_level", "sample_rate",
    "sample_rate_per_class", "col_sample_rate", "col_sample_rate_per_tree", "col_sample_rate_change_per_level", "mtries",
    "min_split_improvement", "max_abs_leafnode_pred", "balance_classes", "build_tree_one_node", "binomial_double_trees",
    "response_column",
)  # fmt: skip


def check_kept(v: Validation, p: Any, before: dict[str, Any]) -> None:
    """Refuse parameters that differ from those of the checkpoint, ``before``."""
    for name in _KEPT:
        if name in before and p.value(name) != before[name]:
            v.error(name, f"Field {name} cannot be modified if checkpoint is specified: it was {before[name]}.")


def scores_at(p: Any, done: int, work: int, cheap: int) -> bool:
    """Whether to score after ``done`` rounds: as asked for, else always where ``work`` is at most ``cheap``, else five times."""
    if p.score_each_iteration:
        return True
    if p.score_tree_interval > 0:
        return done % int(p.score_tree_interval) == 0
    return p.stopping_rounds > 0 or work <= cheap or done % max(1, p.ntrees // 5) == 0


def summary(rounds: int, n_bytes: int, depth: list[int], leaves: list[int]) -> TwoDimTable:
    """The Model Summary of ``len(depth)`` trees grown in ``rounds`` rounds."""
    columns = [Column("", "string")]
    columns += [Column(n, t, "%d" if t == "long" else "%.5f", d) for n, t, d in _HEADS]  # type: ignore[arg-type]
    n = len(depth)
    row = ["", rounds, n, n_bytes, min(depth), max(depth), sum(depth) / n, min(leaves), max(leaves), sum(leaves) / n]
    return TwoDimTable.of_rows("Model Summary", "", columns, [row])

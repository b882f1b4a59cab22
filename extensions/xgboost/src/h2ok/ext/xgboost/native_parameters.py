"""The library's parameters for a training, and the table that reports them."""

from __future__ import annotations

import json
from typing import Any

from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models import TrainContext
from h2ok.ext.xgboost.expansion import Expansion
from h2ok.ext.xgboost.params import DISTRIBUTIONS, XGBoostParametersV3, constraint_pairs

__all__ = ["native_parameters", "native_table", "n_threads"]


def n_threads(p: XGBoostParametersV3, ctx: TrainContext) -> int:
    """Threads of the training: as asked, at most those of the node."""
    most = ctx.node.config.nthreads
    return most if p.nthread == -1 else min(p.nthread, most)


def native_parameters(p: XGBoostParametersV3, ctx: TrainContext, expansion: Expansion) -> dict[str, Any]:
    """What ``xgboost.Booster`` gets. All choices of AUTO are made in ``p`` already."""
    out: dict[str, Any] = {
        "booster": p.booster,
        "objective": DISTRIBUTIONS[p.distribution],
        "base_score": 0.5,
        "eta": p.learn_rate,
        "lambda": p.reg_lambda,
        "alpha": p.reg_alpha,
        "seed": ctx.seed & 0x7FFFFFFF,
        "nthread": n_threads(p, ctx),
        "verbosity": 0 if p.quiet_mode else 1,
    }
    if p.distribution == "multinomial":
        out["num_class"] = ctx.data.n_classes
    if p.distribution == "tweedie":
        out["tweedie_variance_power"] = p.tweedie_power
    if p.distribution == "bernoulli" and p.scale_pos_weight != 1.0:
        out["scale_pos_weight"] = p.scale_pos_weight
    out["eval_metric" if p.eval_metric else "disable_default_eval_metric"] = p.eval_metric or 1
    if p.booster == "gblinear":
        # The library's other updater races between threads.
        return {**out, "updater": "coord_descent", "feature_selector": "cyclic"}
    out |= _tree_parameters(p) | _constraints(p, ctx, expansion)
    if p.booster == "dart":
        out |= {"sample_type": p.sample_type, "normalize_type": p.normalize_type, "rate_drop": p.rate_drop}
        out |= {"one_drop": int(p.one_drop), "skip_drop": p.skip_drop}
    return out


def _tree_parameters(p: XGBoostParametersV3) -> dict[str, Any]:
    out: dict[str, Any] = {
        "tree_method": p.tree_method,
        "max_depth": p.max_depth,
        "min_child_weight": p.min_rows,
        "gamma": p.min_split_improvement,
        "max_delta_step": p.max_abs_leafnode_pred,
        "subsample": p.sample_rate,
        "colsample_bytree": p.col_sample_rate_per_tree,
        "colsample_bylevel": p.col_sample_rate,
        "colsample_bynode": p.colsample_bynode,
    }
    if p.tree_method != "exact":
        out |= {"max_bin": p.max_bins, "grow_policy": p.grow_policy, "max_leaves": p.max_leaves}
    return out


def _constraints(p: XGBoostParametersV3, ctx: TrainContext, expansion: Expansion) -> dict[str, Any]:
    names = ctx.data.names
    out: dict[str, Any] = {}
    pairs = [(c, d) for c, d in constraint_pairs(p.monotone_constraints) if c in names]
    if pairs:
        directions = [0] * expansion.width
        for column, direction in pairs:
            directions[expansion.columns_of(names.index(column))[0]] = int(direction)
        out["monotone_constraints"] = f"({','.join(map(str, directions))})"
    groups = [[expansion.columns_of(names.index(c)) for c in g if c in names] for g in p.interaction_constraints or ()]
    if groups:
        out["interaction_constraints"] = json.dumps([[i for columns in g for i in columns] for g in groups], separators=(",", ":"))
    return out


def native_table(native: dict[str, Any], rounds: int) -> TwoDimTable:
    """The table Native XGBoost Parameters."""
    columns = [Column("", "string"), Column("name", "string", "%s", "Name"), Column("value", "string", "%s", "Value")]
    rows = [["", name, str(value)] for name, value in {**native, "nround": rounds}.items()]
    return TwoDimTable.of_rows("Native XGBoost Parameters", "", columns, rows)

"""What XGBoost takes part in AutoML with: three models of known good parameters, and a random search."""

from __future__ import annotations

from h2ok.capabilities.contracts.steps import ModelingStep

__all__ = ["STEPS"]

_COMMON = {"ntrees": 10_000, "score_tree_interval": 5}

STEPS = [
    ModelingStep(
        "def_2", "xgboost", {**_COMMON, "max_depth": 10, "min_rows": 5.0, "sample_rate": 0.6, "col_sample_rate": 0.8,
                             "col_sample_rate_per_tree": 0.8}, group=1,
    ),
    ModelingStep(
        "def_1", "xgboost", {**_COMMON, "max_depth": 15, "min_rows": 10.0, "sample_rate": 0.6, "col_sample_rate": 0.8,
                             "col_sample_rate_per_tree": 0.8}, group=2,
    ),
    ModelingStep(
        "def_3", "xgboost", {**_COMMON, "max_depth": 5, "min_rows": 3.0, "sample_rate": 0.8, "col_sample_rate": 0.8,
                             "col_sample_rate_per_tree": 0.8}, group=1,
    ),
    ModelingStep(
        "grid_1",
        "xgboost",
        _COMMON,
        {
            "max_depth": [3, 6, 9, 12, 15],
            "min_rows": [1.0, 3.0, 5.0, 10.0, 15.0, 20.0],
            "sample_rate": [0.6, 0.8, 1.0],
            "col_sample_rate": [0.6, 0.8, 1.0],
            "col_sample_rate_per_tree": [0.7, 0.8, 0.9, 1.0],
            "booster": ["gbtree", "dart"],
            "reg_lambda": [0.001, 0.01, 0.1, 1.0, 10.0, 100.0],
            "reg_alpha": [0.001, 0.01, 0.1, 0.5, 1.0],
        },
        weight=90,
        group=3,
    ),
]  # fmt: skip

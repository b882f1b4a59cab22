"""Records what H2O-3's XGBoost answers on a made-up frame: run against a fresh H2O-3 3.46.0.11 server.

python tests/golden/xgboost/record.py http://127.0.0.1:54321 > tests/golden/xgboost/answers.json
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

X = ["x1", "x2", "x3", "c"]
LEVELS = {"c": ("a", "b", "cc", "d"), "y": ("no", "yes"), "k": ("low", "mid", "top")}
#: name -> (response, predictors, parameters as sent).
CASES: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "binomial": ("y", X, {"tree_method": "hist"}),
    "binomial_offset": ("y", X, {"tree_method": "hist", "offset_column": "o"}),
    "multinomial": ("k", X, {"tree_method": "hist", "max_depth": 3}),
    "regression_sparse": ("z", X, {"tree_method": "hist", "dmatrix_type": "sparse"}),
    "regression_weights": ("z", X, {"tree_method": "exact", "weights_column": "w", "min_rows": 3}),
    "poisson": ("cnt", X, {"tree_method": "hist", "distribution": "poisson"}),
    "tweedie": ("cnt", X, {"tree_method": "hist", "distribution": "tweedie", "tweedie_power": 1.3}),
    "monotone": ("z", X, {"tree_method": "hist", "monotone_constraints": {"x1": 1}}),
    "interaction": ("z", X, {"tree_method": "exact", "interaction_constraints": [["x1", "c"], ["x2", "x3"]]}),
    "lossguide": ("z", X, {"tree_method": "hist", "grow_policy": "lossguide", "max_leaves": 4, "max_depth": 0}),
    "dart": ("z", X, {"tree_method": "hist", "booster": "dart"}),
    "gblinear": ("z", ["x1", "x3", "c"], {"booster": "gblinear"}),
}


def columns() -> dict[str, Any]:
    """200 rows with ties, zeros, missing numbers and levels; categorical columns as codes, -1 missing."""
    i = np.arange(200)
    x1, x2 = ((i * 37) % 101) / 10.0, np.where(i % 17 == 0, np.nan, ((i * 53) % 89) / 7.0 - 5.0)
    c = (i * 7) % 4
    z = x1 - 0.7 * np.nan_to_num(x2) + 0.5 * (c == 2) + ((i * 13) % 19) / 10.0
    return {
        "x1": x1,
        "x2": x2,
        "x3": np.where(i % 3 == 0, 0.0, (i % 11) / 4.0),
        "c": np.where(i % 23 == 0, -1, c).astype(np.int32),
        "o": ((i * 29) % 31) / 20.0,
        "w": (i % 3).astype(float),
        "z": z,
        "y": (z > np.median(z)).astype(np.int32),
        "k": np.digitize(z, [3.0, 7.0]).astype(np.int32),
        "cnt": np.floor(np.abs(z)),
    }


def main(url: str) -> None:
    import h2o
    import pandas as pd
    from h2o.estimators import H2OXGBoostEstimator

    h2o.connect(url=url, verbose=False)
    h2o.no_progress()
    made = columns()
    for name, levels in LEVELS.items():
        made[name] = np.array([*levels, None], dtype=object)[made[name]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "made.csv")
        pd.DataFrame(made).to_csv(path, index=False)
        frame = h2o.import_file(str(path))
    for name in LEVELS:
        frame[name] = frame[name].asfactor()
    cases = {}
    for name, (y, x, params) in CASES.items():
        model = H2OXGBoostEstimator(ntrees=5, seed=1, **params)
        model.train(x=x, y=y, training_frame=frame)
        found = model.predict(frame).as_data_frame()
        shown = [n for n in found.columns if n != "predict"] or ["predict"]
        table = model._model_json["output"]["variable_importances"]
        cases[name] = {
            "mse": model.mse(),
            "predictions": found[shown].to_numpy()[::20].tolist(),
            "importances": [[r[0], r[1]] for r in table._cell_values] if table else None,
        }
    print(json.dumps({"origin": "H2O-3 3.46.0.11, h2o.jar", "cases": cases}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])

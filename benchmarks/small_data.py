"""Small data on several servers in turn: what a training, a fold, a lambda and a job cost besides the work.

    python benchmarks/small_data.py --server h2ok=http://127.0.0.1:54321 --server h2o-3=http://127.0.0.1:54323 --rounds 7

Needs the official client, numpy and pandas. Each round runs every case once on every server; a case is warmed up first. Told are
the medians of the job's own time (what the server says) and of the wall time that the client sees, and a quality, which must not
differ by more than the two algorithms do.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")

#: (seconds of the job, seconds on the wall, quality)
Run = tuple[float, float, float]


def table(n: int = 380) -> pd.DataFrame:
    """380 rows as of a car dealer: six numbers, two categories, a binary, a ternary and a numeric response."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 6))
    origin, fuel = rng.choice(list("abc"), n), rng.choice(["petrol", "diesel"], n)
    score = x[:, 0] - 0.7 * x[:, 1] + 0.8 * (origin == "a") - 0.5 * (fuel == "diesel") + rng.normal(0, 0.7, n)
    frame = pd.DataFrame(x.round(4), columns=[f"x{i}" for i in range(6)])
    frame["origin"], frame["fuel"] = origin, fuel
    frame["cheap"] = np.where(score > 0, "yes", "no")
    frame["size"] = np.digitize(score, [-0.6, 0.6]).astype(str)
    frame["size"] = "s" + frame["size"]
    frame["price"] = score.round(4)
    return frame


def _job_seconds(h2o: Any, key: str) -> float:
    """What the server says that the job took which made ``key``."""
    return max(float(j["msec"]) for j in h2o.api("GET /3/Jobs")["jobs"] if (j["dest"] or {}).get("name") == key) / 1000


def _train(h2o: Any, model: Any, y: str, frame: Any) -> Run:
    x = [c for c in frame.columns if c not in ("cheap", "size", "price")]
    begin = time.perf_counter()
    model.train(x, y, frame)
    wall = time.perf_counter() - begin
    seconds = _job_seconds(h2o, model.model_id)
    quality = model.logloss() if y != "price" else model.mse()
    h2o.remove(model.model_id)
    return seconds, wall, float(quality)


def _grid(h2o: Any, frame: Any) -> Run:
    from h2o.grid import H2OGridSearch

    grid = H2OGridSearch(
        _estimators()[1](ntrees=20, seed=1),
        {"max_depth": [2, 3, 4, 5, 6], "min_rows": [1, 2, 5, 10], "learn_rate": [0.05, 0.1, 0.2, 0.3, 0.4]},
    )
    x = [c for c in frame.columns if c not in ("cheap", "size", "price")]
    begin = time.perf_counter()
    grid.train(x, "cheap", frame)
    wall = time.perf_counter() - begin
    seconds = _job_seconds(h2o, grid.grid_id)
    quality = min(m.logloss() for m in grid.models[:1])
    for m in grid.model_ids:
        h2o.remove(m)
    return seconds, wall, float(quality)


def _estimators() -> tuple[Any, Any, Any]:
    from h2o import estimators

    return estimators.H2OGeneralizedLinearEstimator, estimators.H2OGradientBoostingEstimator, estimators.H2ORandomForestEstimator


def cases(h2o: Any) -> dict[str, Callable[[Any], Run]]:
    """The trainings by name."""
    glm, gbm, drf = _estimators()
    return {
        "GLM, lambda search, 5 folds": lambda f: _train(
            h2o, glm(family="binomial", lambda_search=True, nfolds=5, alpha=0.5, seed=1, fold_assignment="modulo"), "cheap", f
        ),
        "GLM": lambda f: _train(h2o, glm(family="binomial", seed=1), "cheap", f),
        "DRF, 50 trees": lambda f: _train(h2o, drf(ntrees=50, seed=1), "cheap", f),
        "GBM, 50 trees, 3 classes": lambda f: _train(h2o, gbm(ntrees=50, seed=1), "size", f),
        "GBM, 50 trees, 5 folds": lambda f: _train(h2o, gbm(ntrees=50, nfolds=5, seed=1, fold_assignment="modulo"), "price", f),
        "grid of 100 GBMs of 20 trees": lambda f: _grid(h2o, f),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", action="append", required=True, help="NAME=URL, the first is compared with the others")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of a case's name")
    options = parser.parse_args()
    import h2o

    h2o.no_progress()
    servers = dict(s.split("=", 1) for s in options.server)
    data = table()
    seen: dict[tuple[str, str], list[Run]] = {}
    picked = [c for c in cases(h2o) if options.only in c]
    for round_ in range(options.rounds + 1):
        for name, url in servers.items():
            h2o.connect(url=url, verbose=False, strict_version_check=False)
            frame = h2o.H2OFrame(data, column_types=dict.fromkeys(("origin", "fuel", "cheap", "size"), "enum"))
            for case in picked:
                run = cases(h2o)[case](frame)
                if round_:
                    seen.setdefault((case, name), []).append(run)
            h2o.remove(frame.frame_id)
    print(f"{'case':32}" + "".join(f"{n:>12} job {n:>10} wall {'quality':>10}" for n in servers) + "   job ratios   wall ratios")
    for case in picked:
        middle = {n: [statistics.median(r[i] for r in seen[case, n]) for i in range(3)] for n in servers}
        cells = "".join(f"{m[0]:16.3f} {m[1]:15.3f} {m[2]:10.4f}" for m in middle.values())
        first, *others = middle.values()
        ratios = ["  ".join(f"{first[i] / o[i]:.2f}" for o in others) for i in (0, 1)]
        print(f"{case:32}{cells}   {ratios[0]:>10}   {ratios[1]:>10}")


if __name__ == "__main__":
    main()

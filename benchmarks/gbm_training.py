"""GBM of one node with two threads against LightGBM: the same rows, trees, depth and threads, binning included.

    python benchmarks/gbm_training.py [--rows 1000000] [--columns 28] [--ntrees 50] [--max-depth 5] [--rounds 3]

LightGBM is left out where it is not installed (``pip install lightgbm``). Seconds, the median of all rounds but the first, which
compiles; both report the AUC of the training rows, which h2ok computes while it trains.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from h2ok.capabilities.testing import Client
from h2ok.capabilities.testing.local import local_runtimes
from numpy.typing import NDArray

THREADS = 2


def sample(rows: int, columns: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Numbers, and two classes that hang on four of them."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, columns))
    y = (x[:, 0] + x[:, 1] * x[:, 2] + np.sin(x[:, 3]) + rng.normal(size=rows) > 0).astype(np.int32)
    return x, y


def timed(work: Callable[[], Any], rounds: int) -> float:
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def h2ok(x: NDArray[np.float64], y: NDArray[np.int32], args: argparse.Namespace) -> tuple[float, float]:
    """(seconds, AUC)."""
    with local_runtimes(1, nthreads=THREADS) as runtimes:
        columns = {f"x{j}": x[:, j] for j in range(x.shape[1])}
        runtimes[0].node.frames.from_columns("bench", {**columns, "y": y}, domains={"y": ("no", "yes")}, chunk_rows=1 << 16)
        client = Client.of(runtimes[0])
        fields = {"training_frame": "bench", "response_column": "y", "model_id": "bench_gbm", "seed": 1}
        fields |= {"ntrees": args.ntrees, "max_depth": args.max_depth}
        seconds = timed(lambda: client.job(client.post("/3/ModelBuilders/gbm", **fields)), args.rounds)
        return seconds, client.get("/3/Models/bench_gbm")["models"][0]["output"]["training_metrics"]["AUC"]


def lightgbm(x: NDArray[np.float64], y: NDArray[np.int32], args: argparse.Namespace) -> tuple[float, float]:
    """(seconds, AUC)."""
    import lightgbm as lgb

    fields = {
        "objective": "binary", "num_leaves": 2**args.max_depth, "max_depth": args.max_depth, "learning_rate": 0.1, "max_bin": 255,
        "min_data_in_leaf": 10, "num_threads": THREADS, "verbose": -1, "seed": 1,
    }  # fmt: skip
    found: list[Any] = []
    seconds = timed(lambda: found.append(lgb.train(fields, lgb.Dataset(x, y), args.ntrees)), args.rounds)
    ranks = np.argsort(np.argsort(found[-1].predict(x))).astype(np.float64)
    ones = int(y.sum())
    return seconds, float((ranks[y == 1].sum() - ones * (ones - 1) / 2) / (ones * (len(y) - ones)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=28)
    parser.add_argument("--ntrees", type=int, default=50)
    parser.add_argument("--max-depth", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    x, y = sample(args.rows, args.columns)
    print(f"{args.rows:,} rows x {args.columns}, {args.ntrees} trees of depth {args.max_depth}, {THREADS} threads")
    own, auc = h2ok(x, y, args)
    print(f"    h2ok      {own:6.2f} s, AUC {auc:.4f}", flush=True)
    if importlib.util.find_spec("lightgbm") is not None:
        other, auc = lightgbm(x, y, args)
        print(f"    LightGBM  {other:6.2f} s, AUC {auc:.4f}; {other / own:.2f} times as long")


if __name__ == "__main__":
    main()

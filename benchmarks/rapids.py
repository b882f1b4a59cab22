"""Rapids on one node against numpy and pandas on the same data: seconds and ratios.

    python benchmarks/rapids.py [--rows 10000000] [--big 5000000] [--nthreads 2] [--rounds 3] [--h2o-url URL]

Each case runs once to warm up (compilation, caches), then alternately ours and theirs; the best of the rounds counts. A ratio
above 1 means that h2ok is slower. pandas keeps its columns as plain arrays; h2ok reads and writes compressed chunks. With
``--h2o-url`` the same expressions also run on the H2O-3 server there, which must be on this machine, as it reads the data from
CSV files. Its times include the requests over HTTP.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from h2ok.capabilities import Registry, Runtime
from h2ok.capabilities.registry import Loaded
from h2ok.ext.rapids.extension import extension
from h2ok.ext.rapids.session import Sessions
from h2ok.kernel import Node, NodeConfig


def best(run: Callable[[], Any], rounds: int) -> float:
    """Shortest of ``rounds`` runs, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def h2o_runner(url: str, frames: dict[str, Any]) -> Callable[[str], Callable[[], None]]:
    """Put pandas frames on an H2O-3 server; what makes runs of expressions there."""
    import h2o

    h2o.connect(url=url, verbose=False, strict_version_check=False)
    h2o.no_progress()
    session = h2o.connection().session_id
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in frames.items():
            path = Path(folder) / f"{name}.csv"
            frame.to_csv(path, index=False)
            h2o.import_file(str(path), destination_frame=name)

    def evaluate(text: str) -> None:
        h2o.api("POST /99/Rapids", data={"ast": text, "session_id": session})

    def runner(text: str) -> Callable[[], None]:
        def run() -> None:
            evaluate(f"(tmp= bench_out {text})")
            evaluate("(rm bench_out)")

        return run

    return runner


def main() -> None:
    import pandas as pd

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the expression and the filter")
    parser.add_argument("--big", type=int, default=5_000_000, help="rows of group-by, sort and merge")
    parser.add_argument("--nthreads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--h2o-url", help="address of an H2O-3 server on this machine to compare with")
    a = parser.parse_args()
    node = Node(NodeConfig(nthreads=a.nthreads))
    session = Runtime(node, Registry([Loaded("rapids", extension, "", "", "active")])).service(Sessions).get("bench")
    rng = np.random.default_rng(1)

    def rapids(text: str) -> Callable[[], None]:
        def run() -> None:
            session.execute(f"(tmp= bench_out {text})")
            session.execute("(rm bench_out)")

        return run

    x, y = rng.normal(size=a.rows), rng.normal(size=a.rows)
    node.frames.from_columns("wide", {"x": x, "y": y})
    wide = pd.DataFrame({"x": x, "y": y})
    n = a.big
    data = {"g": rng.integers(0, 1000, n).astype(float), "k": rng.integers(0, n, n).astype(float), "v": rng.normal(size=n)}
    node.frames.from_columns("long", data)
    long = pd.DataFrame(data)
    m = n // 5
    side = {"k": rng.permutation(n)[:m].astype(float), "w": rng.normal(size=m)}
    node.frames.from_columns("side", side)
    right = pd.DataFrame(side)

    cx, cy = "(cols_py wide 'x')", "(cols_py wide 'y')"
    cases: list[tuple[str, str, Callable[[], Any]]] = [
        (
            f"5 operators, {a.rows} rows",
            f"(/ (+ (* {cx} 2) (- {cy} 1)) (+ (abs {cx}) 1))",
            lambda: (wide.x.to_numpy() * 2 + (wide.y.to_numpy() - 1)) / (np.abs(wide.x.to_numpy()) + 1),
        ),
        (f"filter half, {a.rows} rows", f"(rows wide (> {cx} 0))", lambda: wide[wide.x > 0]),
        (
            f"group by 1000 groups, {n} rows",
            "(GB long [0] 'mean' 2 'all' 'sum' 2 'all' 'nrow' 2 'all')",
            lambda: long.groupby("g").v.agg(["mean", "sum", "size"]),
        ),
        (f"group by {n} keys", "(GB long [1] 'mean' 2 'all')", lambda: long.groupby("k").v.agg(["mean"])),
        (f"sort, {n} rows", "(sort long [1] [1])", lambda: long.sort_values("k", kind="stable")),
        (f"sort by reals, {n} rows", "(sort long [2] [1])", lambda: long.sort_values("v", kind="stable")),
        (f"merge {n} with {m} rows", "(merge long side 0 0 [1] [0] 'auto')", lambda: long.merge(right, on="k", sort=True)),
        (
            f"quantiles, {n} rows",
            "(quantile (cols long [2]) [0.1 0.5 0.9] 'interpolate' '_')",
            lambda: long.v.quantile([0.1, 0.5, 0.9]),
        ),
    ]
    on_h2o = h2o_runner(a.h2o_url, {"wide": wide, "long": long, "side": right}) if a.h2o_url else None
    print(f"{'case':42} {'h2ok s':>8} {'other s':>8} {'ratio':>6}" + (f" {'H2O-3 s':>8} {'ratio':>6}" if on_h2o else ""))
    for name, text, other in cases:
        ours = rapids(text)
        ours()
        mine, theirs = best(ours, a.rounds), best(other, a.rounds)
        line = f"{name:42} {mine:8.3f} {theirs:8.3f} {mine / theirs:6.2f}"
        if on_h2o is not None:
            run = on_h2o(text)
            run()
            seconds = best(run, a.rounds)
            line += f" {seconds:8.3f} {mine / seconds:6.2f}"
        print(line, flush=True)
    node.close()
    if a.h2o_url:
        import h2o

        h2o.remove(["wide", "long", "side"])


if __name__ == "__main__":
    main()

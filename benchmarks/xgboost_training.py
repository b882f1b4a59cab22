"""XGBoost on the flights: h2ok against the library alone, and against H2O-3.

    python benchmarks/xgboost_training.py [--rounds 3] [--nthreads 2] [--h2o-jar h2o.jar]

All take turns, round after round. "library alone" gets the finished matrix and is timed from there (its DMatrix and the updates),
in the process of h2ok; h2ok starts from its frame and ends with metrics, importances and a stored model. H2O-3 runs in a process of
its own. The AUC is that of the held-out fifth of the flights.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import flights as servers
from h2ok.capabilities.boot import Composition
from h2ok.capabilities.registry import Registry
from h2ok.ext.demo import flights
from h2ok.ext.demo.client import RestClient
from h2ok.kernel import Node, NodeConfig

XGBOOST = {"ntrees": 50, "max_depth": 6, "tree_method": "hist", "seed": 42}


def train(client: RestClient) -> tuple[float, float]:
    """Seconds of one training, as the server counts them, and the AUC on the test frame."""
    seconds = flights._train(client, "xgboost", XGBOOST)["output"]["run_time"] / 1000
    auc = flights._measure(client, "xgboost")["AUC"]
    client.rapids("(rm flights_xgboost)", flights._SESSION)
    return seconds, auc


def alone(runtime: Any, nthreads: int) -> tuple[float, float]:
    """Seconds of the library for the same trees: making the matrix out of arrays, and training."""
    import xgboost
    from h2ok.ext.models.builders import builder_class
    from h2ok.ext.xgboost import matrix
    from h2ok.ext.xgboost.expansion import Expansion

    frame = runtime.node.frames.get("flights_train")
    cls = builder_class(runtime, "xgboost")
    ignored = [n for n in frame.names if n not in flights.PREDICTORS and n != "delayed"]
    sent = {"training_frame": "flights_train", "response_column": "delayed", "ignored_columns": ignored}
    builder = cls(runtime, cls.parameters.parse(sent))
    builder.check()
    expansion = Expansion.of(builder.data.spec, sparse=matrix.is_sparse("auto", builder.data))
    parts = builder.data.do_all(matrix.CollectTask(builder.data.spec, expansion)).value
    y = [v for p in parts for v in p.y.tolist()]
    x = matrix._joined(parts, expansion)
    native = {"objective": "binary:logistic", "tree_method": "hist", "max_depth": 6, "base_score": 0.5, "nthread": nthreads}
    started = time.perf_counter()
    data = xgboost.QuantileDMatrix(x, y, nthread=nthreads)
    made = time.perf_counter() - started
    booster = xgboost.Booster(native, [data])
    for i in range(XGBOOST["ntrees"]):  # type: ignore[call-overload]
        booster.update(data, i)
    return time.perf_counter() - started, made


@contextmanager
def h2ok(path: Path, nthreads: int) -> Iterator[tuple[RestClient, Any]]:
    """A client of a node in this process, and its runtime."""
    node = Node(NodeConfig(port=servers.free_port(), nthreads=nthreads))
    node.start()
    composition = Composition(node, Registry.discover())
    try:
        composition.start()
        client = RestClient(composition.serve())
        prepare(client, path)
        yield client, composition.runtime
    finally:
        composition.close()


@contextmanager
def h2o(jar: str, path: Path, nthreads: int) -> Iterator[RestClient | None]:
    """A client of H2O-3 in its own process; None without a jar."""
    if not jar:
        yield None
        return
    port = servers.free_port()
    command = ["java", "-Xmx3g", "-jar", jar, "-ip", "127.0.0.1", "-port", str(port), "-nthreads", str(nthreads)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        servers.wait_for_cloud(port, time.perf_counter())
        client = RestClient(f"http://127.0.0.1:{port}")
        prepare(client, path)
        yield client
    finally:
        process.terminate()
        process.wait()


def prepare(client: RestClient, path: Path) -> None:
    """The flights, split into four fifths to train on and one to measure on; and one training to warm up."""
    flights._import(client, path)
    flights._split(client)
    train(client)


def measure(runtime: Any, ours: RestClient, theirs: RestClient | None, rounds: int, nthreads: int) -> dict[str, list[float]]:
    """All of them in turn, round after round."""
    seen: dict[str, list[float]] = defaultdict(list)
    alone(runtime, nthreads)
    for _ in range(rounds):
        seconds, auc = train(ours)
        seen["h2ok"].append(seconds)
        seen["AUC h2ok"].append(auc)
        seconds, made = alone(runtime, nthreads)
        seen["library"].append(seconds)
        seen["of it the matrix"].append(made)
        if theirs is not None:
            seconds, auc = train(theirs)
            seen["H2O-3"].append(seconds)
            seen["AUC H2O-3"].append(auc)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--h2o-jar", help="h2o.jar of H2O-3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nthreads", type=int, default=2)
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder, "flights.csv")
        with zipfile.ZipFile(flights.flights_file()) as archive:
            path.write_bytes(archive.read(archive.namelist()[0]))
        with h2ok(path, args.nthreads) as (ours, runtime), h2o(args.h2o_jar or "", path, args.nthreads) as theirs:
            seen = measure(runtime, ours, theirs, args.rounds, args.nthreads)
    middle = {name: statistics.median(values) for name, values in seen.items()}
    for name, value in middle.items():
        print(f"{name:>18}  {value:8.4f}")
    print(f"h2ok / library: {middle['h2ok'] / middle['library']:.3f}")
    if "H2O-3" in middle:
        gap = abs(middle["AUC h2ok"] - middle["AUC H2O-3"])
        print(f"H2O-3 / h2ok: {middle['H2O-3'] / middle['h2ok']:.2f}; difference of the AUC {gap:.5f}")


if __name__ == "__main__":
    main()

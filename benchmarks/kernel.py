"""The kernel's own costs: DKV and tasks on clouds of real processes, encrypted or not; parse and models on one node and more.

    python benchmarks/kernel.py [--quick] [--nodes 1,2,3,4] [--skip-kernel] [--skip-models] [--rows 1000000] [--rounds 5]

Milliseconds unless told otherwise: the median, in brackets the 99th percentile. The last part compares one node with two threads to
clouds of nodes with one thread each.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))

import kernel_tasks as tasks
import numpy as np
from h2ok.capabilities.testing.server import ServerProcess
from h2ok.kernel import Node
from h2ok.kernel.testing import process_cloud
from kernel_models import MODELS, make_csv, parse_seconds

SIZES = {"1 KB": 128, "1 MB": 1 << 17}
LARGE = {"1 MB": 1 << 17, "64 MB": 1 << 23}


def timed(work: Callable[[int], object], repeats: int) -> tuple[float, float]:
    """(median, 99th percentile) in milliseconds, after two runs to warm up."""
    for i in range(2):
        work(-1 - i)
    found = []
    for i in range(repeats):
        began = time.perf_counter()
        work(i)
        found.append(1000 * (time.perf_counter() - began))
    return statistics.median(found), sorted(found)[int(0.99 * (len(found) - 1))]


def say(name: str, figures: tuple[float, float]) -> None:
    print(f"    {name:<42} {figures[0]:9.3f} ({figures[1]:.3f})", flush=True)


def keys_of(node: Node, member: int, count: int) -> list[str]:
    """Keys whose home is a member."""
    found: list[str] = []
    i = 0
    while len(found) < count:
        if node.dkv.home(f"bench{i}") == member:
            found.append(f"bench{i}")
        i += 1
    return found


def dkv(node: Node, repeats: int) -> None:
    """put and get of values whose home is here, and elsewhere."""
    for member in range(min(2, node.cloud.size)):
        where = "own" if member == node.cloud.self_index else "other"
        for name, n in SIZES.items():
            count = repeats if n < 1000 else max(5, repeats // 10)
            keys, value = keys_of(node, member, count + 2), np.arange(float(n))

            def fresh_get(i: int, keys: list[str] = keys) -> None:
                node.dkv.cache.clear()
                node.dkv.get(keys[i])

            say(f"put {name}, home on {where} node", timed(lambda i, k=keys, v=value: node.dkv.put(k[i], v), count))  # type: ignore[misc]
            say(f"get {name}, home on {where} node", timed(fresh_get, count))
            node.dkv.remove_many(keys)


def mrtasks(node: Node, repeats: int) -> None:
    """What a chunk costs beside its work, and what it costs to send out and to gather arrays."""
    chunks = 1000
    frame = node.frames.from_columns("f", {"x": np.zeros(chunks)}, chunk_rows=1)
    median, late = timed(lambda _: node.tasks.do_all(tasks.EmptyTask(), frame), max(5, repeats // 10))
    say("empty task, microseconds a chunk", (1000 * median / chunks, 1000 * late / chunks))
    node.frames.remove("f")
    frame = node.frames.from_columns("f", {"x": np.zeros(4 * node.cloud.size)}, chunk_rows=1)
    for name, n in LARGE.items():
        data, count = np.ones(n), 20 if n < 1 << 20 else 3
        say(f"broadcast {name}", timed(lambda _, d=data: node.tasks.do_all(tasks.CarryTask(d), frame), count))  # type: ignore[misc]
        say(f"tree reduction {name}", timed(lambda _, n=n: node.tasks.do_all(tasks.GatherTask(n), frame), count))  # type: ignore[misc]
    node.frames.remove("f")


def kernel(sizes: list[int], repeats: int) -> None:
    folder = str(Path(__file__).parent)
    for secret in ("", "the secret of the benchmark"):
        for n in sizes:
            if secret and n == 1:
                continue
            print(f"{n} nodes{', CURVE' if secret else ''}")
            with process_cloud(n, modules=["kernel_tasks"], paths=[folder], secret=secret) as cloud:
                dkv(cloud.node, repeats)
                mrtasks(cloud.node, repeats)


def models(rows: int, rounds: int) -> None:
    """Parse and models on one node with two threads and on clouds of one thread a node. All are up at once and take turns."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        csv = make_csv(folder, rows)
        secret = folder / "secret"
        secret.write_text("the secret of the benchmark")
        single = ["--nthreads", "1", "--replicas", "0"]
        servers: dict[str, ServerProcess] = {}
        for title, nodes, arguments in (
            ("1 node x 2 threads", 1, ["--nthreads", "2"]),
            ("2 nodes x 1 thread", 2, single),
            ("2 nodes x 1 thread, a copy of everything", 2, ["--nthreads", "1", "--replicas", "1"]),
            ("2 nodes x 1 thread, CURVE", 2, [*single, "--cluster-secret", str(secret)]),
            ("3 nodes x 1 thread", 3, single),
        ):
            servers[title] = ServerProcess(folder / f"ice{len(servers)}", nodes=nodes, arguments=arguments)
            stack.callback(servers[title].stop)
        print(f"models on {rows:,} rows: median seconds of {rounds} rounds in turn, in brackets the ratio to one node")
        jobs: dict[str, Callable[[str], float]] = {"parse": partial(parse_seconds, csv=csv), **MODELS}
        for job, seconds in jobs.items():
            found: dict[str, list[float]] = {title: [] for title in servers}
            for _ in range(rounds + 1):
                for title, server in servers.items():
                    found[title].append(seconds(server.url))
            # The first round compiles and connects.
            medians = {title: statistics.median(f[1:]) for title, f in found.items()}
            base = next(iter(medians.values()))
            for title, median in medians.items():
                print(f"    {job:<8} {title:<42} {median:7.3f} ({median / base:.2f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", default="1,2,3,4")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5, help="of the models")
    parser.add_argument("--quick", action="store_true", help="few repeats")
    parser.add_argument("--skip-kernel", action="store_true")
    parser.add_argument("--skip-models", action="store_true")
    args = parser.parse_args()
    if not args.skip_kernel:
        kernel([int(n) for n in args.nodes.split(",")], 50 if args.quick else 500)
    if not args.skip_models:
        models(args.rows, args.rounds)


if __name__ == "__main__":
    main()

"""Random histories of concurrent clients of the DKV on three nodes, each checked key by key for an order that explains it.

    python benchmarks/linearizability.py [--histories 10000] [--seed 0] [--replicas 1] [--losses 50]

A history is what six clients on three nodes did to one key at the same time: get, put, remove and an atomic addition. With
``--losses`` so many clouds lose one node in the middle of theirs.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "kernel"))

from h2ok.kernel.testing import local_cloud
from h2ok.kernel.transport.inproc import InprocHub
from histories import Recorder, is_linearizable

KEYS, CLIENTS = 100, 6


def histories(count: int, seed: int, replicas: int) -> tuple[int, int]:
    """(histories checked, operations in them) of one cloud after another."""
    done = operations = 0
    while done < count:
        with local_cloud(3, nthreads=1, replicas=replicas) as nodes:
            for _ in range(10):
                recorder = Recorder(nodes, [f"k{done + i}" for i in range(KEYS)], seed + done)
                recorder.run(CLIENTS, 300)
                operations += check(recorder)
                done += len(recorder.histories)
                if done >= count:
                    break
    return done, operations


def losses(count: int, seed: int) -> tuple[int, int]:
    """The same with clouds that lose a node on the way."""
    done = operations = 0
    for i in range(count):
        hub = InprocHub()
        with local_cloud(3, nthreads=1, replicas=1, hub=hub) as nodes:
            recorder = Recorder(nodes[:2], [f"k{j}" for j in range(KEYS)], seed + i)
            killer = threading.Timer(0.01 + 0.002 * i, hub.kill, [nodes[2].cloud.me])
            killer.start()
            recorder.run(CLIENTS, 200)
            killer.join()
            operations += check(recorder)
            done += len(recorder.histories)
    return done, operations


def check(recorder: Recorder) -> int:
    """Operations of the recorder; ends the program with the first history that no order explains."""
    for key, history in recorder.histories.items():
        if not is_linearizable(history):
            sys.exit(f"{key} is not linearizable:\n" + "\n".join(map(str, history)))
    return sum(map(len, recorder.histories.values()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--losses", type=int, default=50)
    args = parser.parse_args()
    began = time.perf_counter()
    done, operations = histories(args.histories, args.seed, args.replicas)
    if done:
        print(f"{done:,} histories of {operations:,} operations are linearizable, {time.perf_counter() - began:.0f} s")
    if args.losses:
        began = time.perf_counter()
        done, operations = losses(args.losses, args.seed)
        text = f"{done:,} histories of {operations:,} operations with a lost node are linearizable"
        print(f"{text}, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()

"""Random histories of concurrent clients of the DKV on three nodes, each checked key by key for an order that explains it.

    python benchmarks/linearizability.py [--transport inproc|zmq] [--curve] [--histories 10000] [--replicas 1] [--losses 50]

A history is what six clients on three nodes did to one key at the same time: get, put, remove and an atomic addition. The nodes
live in this process and talk through memory or ZeroMQ on loopback. A tenth of the histories is made while connections between
the nodes are closed all the time. With ``--losses`` so many clouds lose one node in the middle of theirs; with ZeroMQ these are
three processes with clients in each, one of which is ended by ``kill -9``.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "kernel"))

from h2ok.kernel import Node
from h2ok.kernel.testing import local_cloud, zmq_cloud
from h2ok.kernel.transport.inproc import InprocHub
from histories import Operation, Recorder, broken_connections, is_linearizable, killed_history

KEYS, CLIENTS, OPERATIONS = 100, 6, 300
#: Recorders of one cloud.
_RUNS = 25
_SECRET = "the secret of the benchmark"


@contextmanager
def cloud_of(args: argparse.Namespace) -> Iterator[list[Node]]:
    made = (
        local_cloud(3, nthreads=1, replicas=args.replicas)
        if args.transport == "inproc"
        else zmq_cloud(3, replicas=args.replicas, secret=_SECRET if args.curve else "")
    )
    with made as nodes:
        yield nodes


def histories(args: argparse.Namespace, count: int, *, broken: bool = False) -> tuple[int, int]:
    """(histories checked, operations in them) of one cloud after another."""
    done = operations = 0
    while done < count:
        with cloud_of(args) as nodes:
            for _ in range(_RUNS):
                recorder = Recorder(nodes, [f"k{done + i}" for i in range(KEYS)], args.seed + done)
                stop = threading.Event()
                breaker = broken_connections(nodes, stop, args.seed + done) if broken else None
                try:
                    recorder.run(CLIENTS, OPERATIONS)
                finally:
                    stop.set()
                    if breaker is not None:
                        breaker.join()
                operations += check(recorder.histories, CLIENTS * OPERATIONS)
                done += len(recorder.histories)
                if done >= count:
                    break
    return done, operations


def losses(args: argparse.Namespace) -> tuple[int, int]:
    """The same with clouds that lose a node on the way."""
    done = operations = 0
    for i in range(args.losses):
        if args.transport == "zmq":
            secret = _SECRET if args.curve else ""
            with tempfile.TemporaryDirectory(prefix="h2ok-histories-") as folder:
                found, _ = killed_history(Path(folder), args.seed + i, replicas=args.replicas, secret=secret)
            operations += check(found)
            done += len(found)
            continue
        hub = InprocHub()
        with local_cloud(3, nthreads=1, replicas=1, hub=hub) as nodes:
            recorder = Recorder(nodes[:2], [f"k{j}" for j in range(KEYS)], args.seed + i)
            killer = threading.Timer(0.01 + 0.002 * i, hub.kill, [nodes[2].cloud.me])
            killer.start()
            recorder.run(CLIENTS, 200)
            killer.join()
            operations += check(recorder.histories, CLIENTS * 200)
            done += len(recorder.histories)
    return done, operations


def check(found: dict[str, list[Operation]], wanted: int = 0) -> int:
    """Operations in the histories; ends the program with the first one that no order explains, or when some are missing."""
    for key, history in found.items():
        if not is_linearizable(history):
            sys.exit(f"{key} is not linearizable:\n" + "\n".join(map(str, sorted(history, key=lambda op: op.began))))
    operations = sum(map(len, found.values()))
    if operations < wanted:
        sys.exit(f"{operations:,} of {wanted:,} operations ended; the clients that miss some failed or hang.")
    return operations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transport", choices=("inproc", "zmq"), default="inproc")
    parser.add_argument("--curve", action="store_true", help="encrypt the traffic (zmq)")
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--losses", type=int, default=50)
    args = parser.parse_args()
    logging.getLogger("h2ok").setLevel(logging.ERROR)
    where = f"{args.transport}{' with CURVE' if args.curve else ''}, replicas {args.replicas}"
    for kind, count in (
        ("", args.histories),
        (" with connections closed", args.histories // 10),
        (" with a lost node", args.losses),
    ):
        if count:
            began = time.perf_counter()
            if "lost" in kind:
                done, operations = losses(args)
            else:
                done, operations = histories(args, count, broken=bool(kind))
            seconds = time.perf_counter() - began
            print(f"{where}: {done:,} histories of {operations:,} operations{kind} are linearizable, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()

"""A three-node cloud at rest and then at work for a long time: processor and memory of every node.

    python benchmarks/soak.py [--idle 30] [--minutes 20] [--nodes 3]

At work it parses, groups, trains and removes again and again. The end tells how much memory grew from the middle of the time to its
end, the number of keys and of open files before and after, and what 24 hours of such growth would make.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
import urllib.parse
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from h2ok.capabilities.testing.server import ServerProcess
from kernel_models import gbm_seconds, make_csv, parse_seconds

_GROUPS = '(tmp= soak (GB bench [10] mean 0 "all" sum 1 "all" nrow 0 "all"))'
_TICKS = os.sysconf("SC_CLK_TCK")


def nodes_of(server: ServerProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(server.url, "GET", "/3/Cloud")["nodes"]
    return found


def ask(url: str, method: str, path: str, **fields: str) -> Any:
    data = urllib.parse.urlencode(fields).encode() if method == "POST" else None
    with urllib.request.urlopen(urllib.request.Request(url + path, data=data, method=method), timeout=120) as answer:
        return json.load(answer)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> float:
    """Megabytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def idle(server: ServerProcess, seconds: float) -> None:
    """Processor and memory of nodes that nobody asks."""
    pids = [n["pid"] for n in nodes_of(server)]
    time.sleep(2)
    before, began = [cpu_seconds(p) for p in pids], time.monotonic()
    time.sleep(seconds)
    spent = time.monotonic() - began
    for pid, used in zip(pids, before, strict=True):
        share = 100 * (cpu_seconds(pid) - used) / spent
        print(f"idle node {pid}: {share:.2f} % of a core, {resident(pid):.0f} MB", flush=True)


def counts(server: ServerProcess) -> tuple[int, int]:
    """(keys, open files) of all nodes together, once their heartbeats have told."""
    time.sleep(2.5)
    nodes = nodes_of(server)
    return sum(n["num_keys"] for n in nodes), sum(n["open_fds"] for n in nodes)


def work(server: ServerProcess, csv: Path, minutes: float) -> None:
    """The same work again and again."""
    pids = [n["pid"] for n in nodes_of(server)]
    end = time.monotonic() + 60 * minutes
    samples: list[tuple[float, list[float]]] = []
    began, rounds, keys, files = time.monotonic(), 0, 0, 0
    while time.monotonic() < end or rounds < 3:
        parse_seconds(server.url, csv)
        ask(server.url, "POST", "/99/Rapids", ast=_GROUPS, session_id="soak")
        gbm_seconds(server.url)
        for path in ("/3/Frames/soak", "/3/Models/bench_gbm", "/3/Frames/bench", "/3/DKV"):
            ask(server.url, "DELETE", path)
        rounds += 1
        samples.append((time.monotonic() - began, [resident(p) for p in pids]))
        if rounds == 3:
            keys, files = counts(server)
        if rounds % 50 == 0:
            print(f"{samples[-1][0]:6.0f} s, {rounds} rounds: {' '.join(f'{r:.0f}' for r in samples[-1][1])} MB", flush=True)
    half = samples[len(samples) // 2 :]
    later = counts(server)
    print(f"{rounds} rounds; keys {keys} -> {later[0]}, open files {files} -> {later[1]}")
    for i, pid in enumerate(pids):
        first, last = (statistics.median(s[1][i] for s in part) for part in (half[: len(half) // 3 + 1], half[-len(half) // 3 :]))
        hours = (half[-1][0] - half[0][0]) * 2 / 3 / 3600
        print(f"node {pid}: {first:.0f} -> {last:.0f} MB in the second half; {24 * (last - first) / hours:+.0f} MB in 24 hours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--idle", type=float, default=30)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--nodes", type=int, default=3)
    args = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        csv = make_csv(folder, 100_000)
        server = ServerProcess(folder / "ice", nodes=args.nodes, arguments=["--nthreads", "1"])
        try:
            idle(server, args.idle)
            if args.minutes:
                work(server, csv, args.minutes)
        finally:
            server.stop()


if __name__ == "__main__":
    main()

"""A frame of 1M x 20 on its way out: CSV as `as_data_frame` asks for it from h2ok and H2O-3 in alternation, and Arrow from h2ok.

    python benchmarks/download.py [--rows 1000000] [--rounds 3] [--nthreads 2] [--nodes 1] [--h2o-jar h2o.jar] [--client]

"csv" is the time until the last byte of DownloadDataset, nothing is done with the bytes; "arrow" that of /3/Frames/{id}/arrow.
With ``--client`` the official client's ``as_data_frame`` and ``h2ok.client.to_pandas`` are timed too, in this process. Every
server is started once a round and answers each request three times; the table shows medians.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from h2ok.capabilities.testing.server import ServerProcess, free_ports
from parse import call, cpu_seconds, import_file

REPEATS = 3


def make_file(path: Path, rows: int) -> None:
    """Twenty columns: eight reals, six decimals, three whole numbers, two of levels, a day."""
    rng = np.random.default_rng(1)
    table = {f"real{j}": rng.normal(size=rows) for j in range(8)}
    table |= {f"price{j}": np.round(rng.lognormal(3, 1, rows), 2) for j in range(6)}
    table |= {f"whole{j}": rng.integers(0, 10 ** (2 + 2 * j), rows) for j in range(3)}
    table |= {
        "city": rng.choice(["Oslo", "Lima", "Kyiv", "Pune"], rows),
        "code": np.char.add("k", rng.integers(0, 5000, rows).astype(str)),
    }
    table["day"] = pd.to_datetime(rng.integers(0, 365, rows), unit="D", origin="2024-01-01").strftime("%Y-%m-%d")
    pd.DataFrame(table).to_csv(path, index=False)


def drain(url: str) -> int:
    """Bytes of an answer. They go into the same memory again and again: new memory would take longer than its filling."""
    size, room = 0, bytearray(1 << 20)
    with urllib.request.urlopen(url, timeout=600) as answer:
        while n := answer.readinto(room):
            size += n
    return size


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def with_official_client(url: str) -> None:
    import h2o

    h2o.connect(url=url, verbose=False)
    h2o.get_frame("f").as_data_frame(use_multi_thread=False)
    h2o.connection().close()


def with_own_client(url: str) -> None:
    from h2ok.client import Frames

    Frames(url).to_pandas("f")


def ask(who: str, url: str, pid: int, path: Path, *, client: bool) -> dict[str, float]:
    """Medians of a server's answers, and their sizes in MB."""
    import_file(url, path, "f")
    requests = {"csv": f"{url}/3/DownloadDataset.bin?frame_id=f&hex_string=false"}
    if who == "h2ok":
        requests["arrow"] = f"{url}/3/Frames/f/arrow"
    out: dict[str, float] = {}
    for kind, address in requests.items():
        out[f"{kind} MB"] = drain(address) / 1e6
        used = cpu_seconds(pid)
        out[kind] = statistics.median(timed(lambda a=address: drain(a)) for _ in range(REPEATS))
        out[f"{kind} CPU"] = (cpu_seconds(pid) - used) / REPEATS
    if client:
        out["as_data_frame"] = timed(lambda: with_official_client(url))
        if who == "h2ok":
            out["to_pandas"] = timed(lambda: with_own_client(url))
    return out


@contextmanager
def h2o(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    port = free_ports(4)
    command = ["java", "-Xmx4g", "-jar", options.h2o_jar, "-ip", "127.0.0.1", "-port", str(port), "-baseport", str(port)]
    command += ["-nthreads", str(options.nthreads), "-name", f"bench{port}", "-ice_root", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                if call(f"http://127.0.0.1:{port}", "GET", "/3/Cloud")["cloud_healthy"]:
                    break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)


@contextmanager
def h2ok(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    server = ServerProcess(folder / "ice", options.nodes, ["--nthreads", str(options.nthreads)], {"H2OK_WARMUP": "0"})
    try:
        yield server.url, server.pids()[0]
    finally:
        server.stop()


def main() -> None:
    """Run the rounds and print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nthreads", type=int, default=2)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--h2o-jar", default="")
    parser.add_argument("--client", action="store_true")
    options = parser.parse_args()
    servers = {"h2ok": h2ok, **({"H2O-3": h2o} if options.h2o_jar else {})}
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ice").mkdir()
        path = folder / "wide.csv"
        make_file(path, options.rows)
        for _ in range(options.rounds):
            for who, server in servers.items():
                with server(folder, options) as (url, pid):
                    found[who].append(ask(who, url, pid, path, client=options.client))
    medians = {who: {k: statistics.median(r[k] for r in runs) for k in runs[0]} for who, runs in found.items()}
    print(f"{options.rows} rows, {options.nodes} x {options.nthreads} threads, medians of {options.rounds}")
    print("| who | what | MB | seconds | CPU s of the server |\n| --- | --- | --- | --- | --- |")
    for who, figures in medians.items():
        for what in ("csv", "arrow", "as_data_frame", "to_pandas"):
            if what in figures:
                size, used = figures.get(f"{what} MB", 0), figures.get(f"{what} CPU", 0)
                print(f"| {who} | {what} | {size:.0f} | {figures[what]:.3f} | {used:.2f} |")
    own = medians["h2ok"]
    print(f"Arrow is {own['csv'] / own['arrow']:.1f}x as fast as CSV.")
    if "H2O-3" in medians:
        print(f"CSV is {medians['H2O-3']['csv'] / own['csv']:.1f}x as fast as H2O-3's.")


if __name__ == "__main__":
    main()

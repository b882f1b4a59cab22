"""Import of files: h2ok, H2O-3 and polars in alternation: seconds, MB/s, peak memory of the process, bytes a value.

    python benchmarks/parse.py [--rows 300000] [--rounds 3] [--nthreads 2] [--nodes 1] [--replicas 0]
                               [--h2o-jar h2o.jar] [--kinds mixed,numeric] [--folder DIR]

Files are made once in a temporary folder, or in ``--folder``, where further calls find them: mixed and numeric CSV, the mixed one
packed with gzip and as Parquet. Every run starts its server anew, imports the file twice and downloads it once as CSV; "first" is
the import right after the boot. With some five million rows the CSV files have more than 300 MB.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from h2ok.capabilities.testing.server import ServerProcess, free_ports

KINDS = ("mixed", "numeric", "gz", "parquet")


@contextmanager
def folder_for(kept: Path | None, rows: int) -> Iterator[Path]:
    """Where files of so many rows are: in a folder that stays, or in one that goes."""
    if kept is None:
        with TemporaryDirectory() as name:
            yield Path(name)
        return
    folder = kept / str(rows)
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


def make_file(folder: Path, kind: str, rows: int) -> Path:
    """The file of a kind, made when it is not there yet."""
    rng = np.random.default_rng(1)
    if kind == "numeric":
        path = folder / "numeric.csv"
        if not path.exists():
            part = path.with_suffix(".part")
            pd.DataFrame({f"x{j}": np.round(rng.normal(100, 25, rows), 4) for j in range(10)}).to_csv(part, index=False)
            part.rename(path)
        return path
    mixed, packed = folder / "mixed.csv", folder / "mixed.csv.gz"
    # It is made last, so that files of a call that was stopped are made anew.
    if not packed.exists():
        table = pd.DataFrame(
            {
                "id": np.arange(rows),
                "price": np.round(rng.lognormal(3, 1, rows), 2),
                "score": rng.normal(size=rows),
                "city": rng.choice(["Oslo", "Lima", "Kyiv", "Pune", "Graz"], rows),
                "code": rng.integers(0, 5000, rows).astype(str).astype(object) + np.array("k", dtype=object),
                "day": pd.to_datetime(rng.integers(0, 365, rows), unit="D", origin="2024-01-01").strftime("%Y-%m-%d"),
                "flag": rng.integers(0, 2, rows),
            }
        )
        table.to_csv(mixed, index=False)
        table.to_parquet(folder / "mixed.parquet", row_group_size=200_000)
        part = packed.with_suffix(".part")
        with mixed.open("rb") as source, gzip.open(part, "wb", compresslevel=6) as target:
            shutil.copyfileobj(source, target)
        part.rename(packed)
    return {"mixed": mixed, "gz": packed, "parquet": folder / "mixed.parquet"}[kind]


def call(url: str, method: str, path: str, **form: Any) -> Any:
    """The JSON of an answer."""
    texts = {k: json.dumps(v) if isinstance(v, list) else v for k, v in form.items()}
    data = urllib.parse.urlencode(texts).encode() if form else None
    with urllib.request.urlopen(urllib.request.Request(url + path, data, method=method), timeout=600) as answer:
        return json.load(answer)


def import_file(url: str, path: Path, key: str, poll: float = 0.0) -> float:
    """Seconds from the first request to the end of the job: one request waits for it, or it is asked for every ``poll`` seconds."""
    start = time.perf_counter()
    keys = call(url, "POST", "/3/ImportFilesMulti", paths=[str(path)])["destination_frames"]
    setup = call(url, "POST", "/3/ParseSetup", source_frames=keys)
    fields = {f: setup[f] for f in ("parse_type", "separator", "check_header", "number_columns", "chunk_size", "column_types")}
    fields["blocking"] = "false" if poll else "true"
    job = call(url, "POST", "/3/Parse", source_frames=keys, destination_frame=key, column_names=setup["column_names"], **fields)[
        "job"
    ]
    while job["status"] in ("CREATED", "RUNNING"):
        time.sleep(poll)
        job = call(url, "GET", "/3/Jobs/" + urllib.parse.quote(job["key"]["name"]))["jobs"][0]
    assert job["status"] == "DONE", job
    return time.perf_counter() - start


def run_server(url: str, pid: int, path: Path, poll: float) -> dict[str, float]:
    """Two imports, the size of the frame and a download."""
    out = {"first": import_file(url, path, "a", poll)}
    used = cpu_seconds(pid)
    out["again"] = import_file(url, path, "b", poll)
    out["again cpu"] = cpu_seconds(pid) - used
    frame = call(url, "GET", "/3/Frames/b?row_count=1")["frames"][0]
    out["bytes a value"] = frame["byte_size"] / frame["rows"] / frame["num_columns"]
    start = time.perf_counter()
    with urllib.request.urlopen(f"{url}/3/DownloadDataset.bin?frame_id=b&hex_string=false", timeout=600) as answer:
        while answer.read(1 << 20):
            pass
    out["download"] = time.perf_counter() - start
    out["peak MB"] = sum(peak(p) for p in [pid, *children(pid)])
    return out


def peak(pid: int) -> float:
    """The most resident memory a process had, MB."""
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its children so far."""
    ticks = 0
    for p in [pid, *children(pid)]:
        ticks += sum(map(int, Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Direct children of a process."""
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def run_h2ok(ice: Path, path: Path, options: argparse.Namespace) -> dict[str, float]:
    # Kernels are compiled once for an installation, beside what runs then.
    server = ServerProcess(
        ice, options.nodes, ["--nthreads", str(options.nthreads), "--replicas", str(options.replicas)], {"H2OK_WARMUP": "0"}
    )
    try:
        return run_server(server.url, server.pids()[0], path, options.poll)
    finally:
        server.stop()


def run_h2o(ice: Path, path: Path, options: argparse.Namespace) -> dict[str, float]:
    port = free_ports(4)
    command = [
        "java",
        f"-Xmx{options.memory}",
        "-jar",
        options.h2o_jar,
        "-ip",
        "127.0.0.1",
        "-port",
        str(port),
        "-baseport",
        str(port),
    ]
    command += ["-nthreads", str(options.nthreads), "-name", f"bench{port}", "-ice_root", str(ice)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if call(url, "GET", "/3/Cloud")["cloud_healthy"]:
                    break
            except OSError:
                time.sleep(0.1)
        return run_server(url, process.pid, path, options.poll)
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)


def run_polars(_: Path, path: Path, options: argparse.Namespace) -> dict[str, float]:
    """In a process of its own: the number of threads and the peak are those of the process."""
    code = f"""
import time
import polars as pl
read = pl.read_parquet if {str(path)!r}.endswith("parquet") else (lambda p: pl.read_csv(p, try_parse_dates=True))
times = []
for _ in range(2):
    used = time.process_time()
    start = time.perf_counter(); table = read({str(path)!r}); times.append(time.perf_counter() - start)
    used = time.process_time() - used
start = time.perf_counter(); table.write_csv(); out = time.perf_counter() - start
peak = next(int(x.split()[1]) / 1024 for x in open("/proc/self/status") if x.startswith("VmHWM"))
print(times[0], times[1], table.estimated_size() / table.height / table.width, out, peak, used)
"""
    environment = {**os.environ, "POLARS_MAX_THREADS": str(options.nthreads * options.nodes)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return dict(
        zip(("first", "again", "bytes a value", "download", "peak MB", "again cpu"), map(float, done.stdout.split()), strict=True)
    )


def main() -> None:
    """Run the rounds and print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nthreads", type=int, default=2)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--replicas", type=int, default=0, help="copies on other nodes; H2O-3 and polars make none")
    parser.add_argument("--h2o-jar", default="")
    parser.add_argument("--memory", default="4g", help="heap of H2O-3")
    parser.add_argument("--poll", type=float, default=0.0, help="seconds between two questions for the job; 0: the server waits")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--folder", type=Path, help="where the files stay for further calls; else they are made anew")
    options = parser.parse_args()
    runners = {"h2ok": run_h2ok, **({"H2O-3": run_h2o} if options.h2o_jar else {}), "polars": run_polars}
    with TemporaryDirectory() as ice, folder_for(options.folder, options.rows) as folder:
        print(f"{options.rows} rows, {options.nodes} x {options.nthreads} threads, medians of {options.rounds}")
        print("| file | who | MB | first s | again s | again CPU s | MB/s | download s | peak MB | bytes a value |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        for kind in options.kinds.split(","):
            path = make_file(folder, kind, options.rows)
            found: dict[str, list[dict[str, float]]] = defaultdict(list)
            for _ in range(options.rounds):
                for who, run in runners.items():
                    found[who].append(run(Path(ice), path, options))
            size = path.stat().st_size / 1e6
            for who, runs in found.items():
                m = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
                times = f"{m['first']:.2f} | {m['again']:.2f} | {m['again cpu']:.2f}"
                cells = f"{size:.0f} | {times} | {size / m['again']:.0f} | {m['download']:.2f}"
                print(f"| {kind} | {who} | {cells} | {m['peak MB']:.0f} | {m['bytes a value']:.2f} |", flush=True)


if __name__ == "__main__":
    main()

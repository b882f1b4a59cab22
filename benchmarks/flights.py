"""h2ok against H2O-3 on the flights, alternating: boot, idle memory, import and parse, GLM, GBM, with the AUC beside the time.

    python benchmarks/flights.py --h2o-jar h2o.jar [--rounds 3] [--repeats 2] [--nthreads 2]

Each round starts both servers one after the other in their own process, waits for the first answer, reads the resident
memory once it stands still, runs the demo's job ``--repeats`` times and stops the server. "first" is the first run after the boot.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from h2ok.ext.demo.client import RestClient
from h2ok.ext.demo.flights import flights_file, run_flights

STEPS = ("import and parse", "munge and split", "GLM train", "GLM predict", "GBM train", "GBM predict")


def free_port() -> int:
    """A port below the ephemeral range that nobody listens on, with the next one free too."""
    for port in range(22000, 32000, 4):
        with socket.socket() as a, socket.socket() as b:
            try:
                a.bind(("127.0.0.1", port))
                b.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def wait_for_cloud(port: int, started: float) -> float:
    """Seconds from ``started`` to the first 200 answer of /3/Cloud."""
    while time.perf_counter() - started < 120:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/3/Cloud", timeout=2):
                return time.perf_counter() - started
        except (urllib.error.URLError, OSError):
            time.sleep(0.005)
    raise RuntimeError("the server did not answer within two minutes")


def resident(pid: int) -> float:
    """MB of resident memory of a process and its children."""
    pages = 0
    for proc in Path("/proc").iterdir():
        if proc.name.isdigit():
            try:
                fields = (proc / "stat").read_text().rpartition(")")[2].split()
                if int(proc.name) == pid or int(fields[1]) == pid:
                    pages += int((proc / "statm").read_text().split()[1])
            except (OSError, IndexError):
                continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def settled_memory(pid: int) -> float:
    """Resident memory once it changed by less than 1 MB for a second (at most 10 seconds)."""
    last, still = resident(pid), 0
    for _ in range(40):
        time.sleep(0.25)
        now = resident(pid)
        still = still + 1 if abs(now - last) < 1 else 0
        last = now
        if still >= 4:
            break
    return last


def measure(command: list[str], port: int, data: Path, repeats: int, seen: dict[str, list[float]]) -> None:
    """One start of one server; figures are appended to ``seen``."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        seen["boot"].append(wait_for_cloud(port, started))
        seen["idle MB"].append(settled_memory(process.pid))
        client = RestClient(f"http://127.0.0.1:{port}")
        for i in range(repeats):
            report = run_flights(client, data)
            for step, seconds in report.seconds.items():
                seen[f"{step}, first" if i == 0 else step].append(seconds)
            for algo, auc in report.auc.items():
                seen[f"{algo.upper()} AUC"].append(auc)
        seen["loaded MB"].append(resident(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--h2o-jar", help="h2o.jar of H2O-3; without it only h2ok is measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--nthreads", type=int, default=2)
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        data = Path(folder, "flights.csv")
        with zipfile.ZipFile(flights_file()) as archive:
            data.write_bytes(archive.read(archive.namelist()[0]))
        results: dict[str, dict[str, list[float]]] = {"h2ok": defaultdict(list), "H2O-3": defaultdict(list)}
        for _ in range(args.rounds):
            port = free_port()
            ours = [sys.executable, "-m", "h2ok.capabilities.cli", "start", "--port", str(port), "--nthreads", str(args.nthreads)]
            measure([*ours, "--ice-root", folder], port, data, args.repeats, results["h2ok"])
            if args.h2o_jar:
                port = free_port()
                java = ["java", "-Xmx3g", "-jar", args.h2o_jar, "-ip", "127.0.0.1", "-port", str(port)]
                measure([*java, "-nthreads", str(args.nthreads), "-ice_root", folder], port, data, args.repeats, results["H2O-3"])
    print_table(results)


def print_table(results: dict[str, dict[str, list[float]]]) -> None:
    """Markdown: median of each figure and the ratio H2O-3 / h2ok."""
    names = ["boot", "idle MB", *(f"{s}, first" for s in STEPS), *STEPS, "GLM AUC", "GBM AUC", "loaded MB"]
    print("| figure (median) | h2ok | H2O-3 | H2O-3 / h2ok |\n| --- | --- | --- | --- |")
    for name in names:
        ours, theirs = results["h2ok"].get(name), results["H2O-3"].get(name)
        if not ours:
            continue
        a = statistics.median(ours)
        b = statistics.median(theirs) if theirs else float("nan")
        unit = "" if "AUC" in name or "MB" in name else " s"
        digits = 4 if "AUC" in name else 0 if "MB" in name else 2
        ratio = "" if "AUC" in name else f"{b / a:.1f}x"
        print(f"| {name} | {a:.{digits}f}{unit} | {b:.{digits}f}{unit} | {ratio} |")


if __name__ == "__main__":
    main()

"""A frame larger than memory on one node: imported, summarised and used for a GLM, with and without ``--max-mem``.

    python benchmarks/memory.py [--max-mem 400m] [--times 3] [--nthreads 2] [--skip-unlimited]

Tells the peak of resident memory in each phase and whether the coefficients are the same. The file is Parquet with random doubles,
which no codec makes smaller; it takes ``times`` times the memory on disk.
"""

from __future__ import annotations

import argparse
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from h2ok.capabilities.commands.start import size_bytes
from h2ok.capabilities.testing.server import ServerProcess
from kernel_models import ask, await_job

COLUMNS, GROUP = 21, 100_000


def make_file(folder: Path, rows: int) -> Path:
    """Twenty predictors and a response that depends on five of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, path = np.random.default_rng(1), folder / "large.parquet"
    schema = pa.schema([*((f"x{j}", pa.float64()) for j in range(COLUMNS - 1)), ("y", pa.float64())])
    with pq.ParquetWriter(path, schema, use_dictionary=False, compression="none") as writer:
        for _ in range(rows // GROUP):
            x = rng.normal(size=(GROUP, COLUMNS - 1))
            y = x[:, :5].sum(axis=1) + rng.normal(size=GROUP)
            writer.write_table(pa.table([*(x[:, j] for j in range(COLUMNS - 1)), y], schema=schema))
    return path


class Peaks:
    """The highest resident memory of a process in each phase."""

    def __init__(self, pid: int) -> None:
        self._pid, self.phase, self.megabytes = pid, "start", {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            status = Path(f"/proc/{self._pid}/status").read_text()
            now = next(int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmRSS"))
            self.megabytes[self.phase] = max(now, self.megabytes.get(self.phase, 0))


def run(folder: Path, path: Path, arguments: list[str]) -> Any:
    """The coefficients."""
    server = ServerProcess(folder / "ice", arguments=arguments)
    peaks = Peaks(server.process.pid)
    try:
        began = time.perf_counter()
        peaks.phase = "import"
        raw = ask(server.url, f"/3/ImportFiles?path={path}")["destination_frames"]
        setup = ask(server.url, "/3/ParseSetup", source_frames=raw)
        fields = {k: setup[k] for k in ("parse_type", "number_columns", "chunk_size", "column_names", "column_types")}
        await_job(server.url, ask(server.url, "/3/Parse", source_frames=raw, destination_frame="large", **fields))
        peaks.phase = "summary"
        ask(server.url, "/3/Frames/large/summary?row_count=10")
        peaks.phase = "GLM"
        options = {"family": "gaussian", "lambda": [0.0], "model_id": "large_glm"}
        await_job(server.url, ask(server.url, "/3/ModelBuilders/glm", training_frame="large", response_column="y", **options))
        table = ask(server.url, "/3/Models/large_glm")["models"][0]["output"]["coefficients_table"]
    finally:
        peaks.close()
        server.stop()
    figures = ", ".join(f"{phase} {size:.0f}" for phase, size in peaks.megabytes.items())
    print(f"{' '.join(arguments)}: {time.perf_counter() - began:.0f} s, peak MB: {figures}", flush=True)
    return table["data"], max(peaks.megabytes.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max-mem", default="400m")
    parser.add_argument("--times", type=float, default=3.0)
    parser.add_argument("--nthreads", default="2")
    parser.add_argument("--skip-unlimited", action="store_true")
    args = parser.parse_args()
    limit = size_bytes(args.max_mem)
    rows = -int(-args.times * limit // (8 * COLUMNS * GROUP)) * GROUP
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = make_file(folder, rows)
        print(f"{rows:,} rows, {rows * COLUMNS * 8 / 1e6:.0f} MB")
        limited, peak = run(folder, path, ["--nthreads", args.nthreads, "--max-mem", args.max_mem])
        print(f"peak over --max-mem: {100 * (peak * 1e6 / limit - 1):+.0f} %")
        if not args.skip_unlimited:
            free, _ = run(folder, path, ["--nthreads", args.nthreads])
            print("same coefficients" if free == limited else "DIFFERENT COEFFICIENTS")


if __name__ == "__main__":
    main()

"""REST, and parse and models over it, for the other benchmarks of this folder."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def make_csv(folder: Path, rows: int) -> Path:
    """Ten numeric columns, a categorical one and a binomial response."""
    rng = np.random.default_rng(1)
    x = np.round(rng.normal(size=(rows, 10)), 4)
    y = np.where(x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(size=rows) > 0, "yes", "no")
    path = folder / "bench.csv"
    with path.open("w") as out:
        out.write(",".join([*(f"x{j}" for j in range(10)), "c", "y"]) + "\n")
        for i, row in enumerate(x.tolist()):
            out.write(f"{','.join(map(str, row))},k{i % 20},{y[i]}\n")
    return path


def parse_seconds(url: str, csv: Path) -> float:
    """Import and parse; the frame is ``bench``."""
    raw = ask(url, f"/3/ImportFiles?path={urllib.parse.quote(str(csv))}")["destination_frames"]
    setup = ask(url, "/3/ParseSetup", source_frames=raw)
    fields = {k: setup[k] for k in ("parse_type", "separator", "number_columns", "check_header", "chunk_size")}
    fields |= {"column_names": setup["column_names"], "column_types": setup["column_types"], "delete_on_done": True}
    began = time.perf_counter()
    await_job(url, ask(url, "/3/Parse", source_frames=raw, destination_frame="bench", **fields))
    return time.perf_counter() - began


def model_seconds(url: str, algo: str, **fields: Any) -> float:
    """Train a model on the frame ``bench``."""
    began = time.perf_counter()
    await_job(url, ask(url, f"/3/ModelBuilders/{algo}", training_frame="bench", model_id=f"bench_{algo}", **fields))
    return time.perf_counter() - began


def gbm_seconds(url: str) -> float:
    """Train 30 trees of depth 6."""
    return model_seconds(url, "gbm", response_column="y", ntrees=30, max_depth=6, seed=1)


def glm_seconds(url: str) -> float:
    """Fit a binomial GLM without penalty."""
    return model_seconds(url, "glm", response_column="y", family="binomial", **{"lambda": [0.0]})


def kmeans_seconds(url: str) -> float:
    """Find five clusters of the numbers in ten passes."""
    return model_seconds(url, "kmeans", k=5, max_iterations=10, seed=1, init="Furthest", ignored_columns=["c", "y"])


#: What is compared on clouds of several sizes: name -> seconds at a server.
MODELS: dict[str, Callable[[str], float]] = {"GBM": gbm_seconds, "GLM": glm_seconds, "K-means": kmeans_seconds}


def await_job(url: str, answer: Any) -> None:
    """Wait for the job of an answer."""
    key, began = answer["job"]["key"]["name"], time.monotonic()
    while True:
        job = ask(url, f"/3/Jobs/{key}")["jobs"][0]
        if job["status"] not in ("CREATED", "RUNNING"):
            assert job["status"] == "DONE", job["exception"]
            return
        # Often enough for a few per cent, seldom enough not to be part of the load.
        time.sleep(min(0.2, max(0.005, 0.03 * (time.monotonic() - began))))


def ask(url: str, path: str, **fields: Any) -> Any:
    """JSON of a POST with fields, of a GET without."""
    pairs = {k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in fields.items()}
    data = urllib.parse.urlencode(pairs).encode() if fields else None
    with urllib.request.urlopen(url + path, data=data, timeout=300) as answer:
        return json.load(answer)

"""The same bits on 1, 2, 3 and 4 nodes with 1 and 2 threads each, through REST: rollups, group-by, GLM and GBM."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.testing import Client
from h2ok.capabilities.testing.local import local_runtimes
from h2ok.kernel import Node

GROUPS = '(tmp= gb (GB fr [3] mean 0 "all" sum 1 "all" var 1 "all" min 2 "all" nrow 0 "all"))'


def load(node: Node) -> None:
    """A frame of 40 chunks."""
    rng = np.random.default_rng(8)
    n = 4000
    a, b, c = rng.normal(size=n), rng.exponential(size=n) * 1e6, np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))
    g = rng.integers(0, 9, n).astype(np.int32)
    y = (a + np.nan_to_num(c) + rng.normal(size=n) > g / 9).astype(np.int32)
    domains = {"g": tuple("abcdefghi"), "y": ("no", "yes")}
    node.frames.from_columns("fr", {"a": a, "b": b, "c": c, "g": g, "y": y}, domains=domains, chunk_rows=100)


def train(client: Client, algo: str, **params: Any) -> Any:
    answer = client.post(f"/3/ModelBuilders/{algo}", training_frame="fr", response_column="y", model_id=algo, seed=5, **params)
    assert client.job(answer)["status"] == "DONE"
    output = client.get(f"/3/Models/{algo}")["models"][0]["output"]
    metrics = {k: v for k, v in output["training_metrics"].items() if isinstance(v, float)}
    tables = [output[t]["data"] for t in ("coefficients_table", "variable_importances") if output.get(t)]
    client.post(f"/3/Predictions/models/{algo}/frames/fr", predictions_frame=f"p_{algo}")
    return metrics, tables, client.get(f"/3/Frames/p_{algo}")["frames"][0]["checksum"]


@functools.cache
def answers(nodes: int, threads: int) -> dict[str, Any]:
    with local_runtimes(nodes, nthreads=threads) as runtimes:
        load(runtimes[0].node)
        client = Client.of(runtimes[-1])
        summary = client.get("/3/Frames/fr/summary")["frames"][0]["columns"]
        statistics = ("label", "missing_count", "zero_count", "mins", "maxs", "mean", "sigma", "percentiles", "histogram_bins")
        client.post("/99/Rapids", ast=GROUPS, session_id="s")
        groups = client.get("/3/Frames/gb")["frames"][0]
        return {
            "rollups": [{k: column.get(k) for k in statistics} for column in summary],
            "group-by": (groups["checksum"], [column["data"] for column in groups["columns"]]),
            "GLM": train(client, "glm", alpha=0.5, lambda_search=False),
            "GBM": train(client, "gbm", ntrees=5, sample_rate=0.8, col_sample_rate=0.7),
        }


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("nodes", [1, 2, 3, 4])
def test_bits_do_not_depend_on_nodes_and_threads(nodes: int, threads: int) -> None:
    assert answers(nodes, threads) == answers(1, 1)

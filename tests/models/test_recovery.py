"""A search that was cut off goes on from its folder, on a cloud that knows nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.ext.models.grid import GridSearch
from h2ok.kernel import Node

FORM = {
    "training_frame": "tr", "validation_frame": "va", "response_column": "y", "ntrees": 2, "seed": 1, "grid_id": "g",
    "hyper_parameters": '{"max_depth": [1,2,3,4]}', "search_criteria": '{"strategy": "Cartesian"}',
}  # fmt: skip


def put_rows(node: Node, key: str) -> None:
    rng = np.random.default_rng(1)
    x, c = rng.normal(size=200), rng.integers(0, 3, 200).astype(np.int32)
    c[::7] = -1
    columns = {"x": x, "c": c, "when": x * 1e9, "text": [f"é{i}" for i in range(200)], "y": x * x + c}
    types = {"when": "time", "text": "string"}
    node.frames.from_columns(key, columns, types=types, domains={"c": ("p", "q", "r")}, chunk_rows=50)


def search_until(runtime: Runtime, models: int, monkeypatch: Any, **more: Any) -> None:
    """A search whose cloud ends after some models."""
    put_rows(runtime.node, "tr")
    put_rows(runtime.node, "va")

    class CutOffError(Exception):
        pass

    save = GridSearch._save

    def save_and_end(self: GridSearch, grid: Any) -> None:
        save(self, grid)
        if len(grid.models) == models:
            raise CutOffError("the power fails")

    with monkeypatch.context() as patched:
        patched.setattr(GridSearch, "_save", save_and_end)
        client = Client.of(runtime)
        assert client.job(client.post("/99/Grid/gbm", **FORM, **more))["status"] == "FAILED"


def ended(runtime: Runtime) -> dict[str, bytes]:
    """Wait for the search; predictions by depth of the trees."""
    client, jobs = Client.of(runtime), runtime.node.jobs
    assert all(jobs.wait(j.key).status == "DONE" for j in jobs.list())
    grid = runtime.node.dkv.require("g")
    assert len(grid.models) == 4
    out = {}
    for key, (depth,) in zip(grid.models, grid.values, strict=True):
        client.job(client.post(f"/4/Predictions/models/{key}/frames/va", predictions_frame="p"))
        out[depth] = runtime.node.frames.get("p").to_numpy(runtime.node).tobytes()
    return out


def test_an_interrupted_search_goes_on_elsewhere(tmp_path: Path, monkeypatch: Any) -> None:
    folder = str(tmp_path / "safe")
    with local_runtime() as runtime:
        search_until(runtime, 2, monkeypatch, recovery_dir=folder)
        whole = {v.name: v for v in (tmp_path / "safe").iterdir()}
        assert {"recovery", "g", "g_references", "g_frame_1", "g_frame_2"} <= set(whole)
    with local_runtime() as runtime:
        Client.of(runtime).post("/3/Recovery/resume", recovery_dir=folder)
        found = ended(runtime)
        assert not (tmp_path / "safe" / "recovery").exists()
        frame = runtime.node.frames.get("tr")
        assert frame.names == ("x", "c", "when", "text", "y")
        assert frame.vec("text").to_strings(runtime.node)[3] == "é3"
        # Nothing is left to do.
        before = len(runtime.node.jobs.list())
        Client.of(runtime).post("/3/Recovery/resume", recovery_dir=folder)
        assert len(runtime.node.jobs.list()) == before
    with local_runtime() as runtime:
        put_rows(runtime.node, "tr")
        put_rows(runtime.node, "va")
        client = Client.of(runtime)
        client.job(client.post("/99/Grid/gbm", **FORM))
        assert ended(runtime) == found


def test_a_grid_is_saved_and_loaded_with_its_frames(tmp_path: Path) -> None:
    with local_runtime() as runtime:
        put_rows(runtime.node, "tr")
        put_rows(runtime.node, "va")
        client = Client.of(runtime)
        client.job(client.post("/99/Grid/gbm", **FORM))
        client.post("/3/Grid.bin/g/export", grid_directory=str(tmp_path), save_params_references=True)
        expected = runtime.node.frames.get("tr").subframe(["x", "c", "when", "y"]).to_numpy(runtime.node)
        client.delete("/3/DKV")
        client.post("/3/Grid.bin/import", grid_path=str(tmp_path / "g"), load_params_references=True)
        found = runtime.node.frames.get("tr").subframe(["x", "c", "when", "y"]).to_numpy(runtime.node)
        np.testing.assert_array_equal(found, expected)
        assert runtime.node.dkv.require("g").models
        (tmp_path / "g_references").unlink()
        assert (
            "references"
            in client.post("/3/Grid.bin/import", 412, grid_path=str(tmp_path / "g"), load_params_references=True)["msg"]
        )
        client.post("/3/Recovery/resume", 412)

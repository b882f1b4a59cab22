"""A package of its own is installed, used through the official client on one node and on three, and uninstalled again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities.testing.server import ServerProcess

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "h2ok-toy"


@pytest.fixture(scope="module")
def installed(environment: Any) -> Any:
    environment.pip("install", "--no-deps", str(EXAMPLE))
    return environment


def connected(server: ServerProcess) -> Any:
    import h2o

    h2o.connect(url=server.url, verbose=False)
    h2o.no_progress()
    return h2o


def names(h2o: Any) -> set[str]:
    return {e["name"] for e in h2o.api("GET /3/Capabilities/Extensions")["extensions"] if e["state"] == "active"}


def train(h2o: Any, frame: Any) -> Any:
    form = {"training_frame": frame.frame_id, "response_column": "kind", "model_id": "toy_model", "nfolds": 3, "seed": 1}
    job = h2o.api("POST /3/ModelBuilders/nearestcentroid", data=form)["job"]
    h2o.job.H2OJob(job, "nearestcentroid").poll()
    return h2o.api("GET /3/Models/toy_model")["models"][0]["output"]


@pytest.mark.parametrize("nodes", [1, 3])
def test_the_algorithm_and_the_primitive_work(installed: Any, tmp_path: Path, nodes: int) -> None:
    server = ServerProcess(tmp_path, nodes, python=str(installed.python))
    h2o = connected(server)
    assert "toy" in names(h2o)
    assert any(c["name"] == "Algos" for c in h2o.api("GET /3/Capabilities/API")["capabilities"])
    assert "nearestcentroid" in h2o.api("GET /3/ModelBuilders")["model_builders"]
    rows = [[x + 4 * k, y, "ab"[k]] for k in (0, 1) for x in range(10) for y in range(30)]
    frame = h2o.H2OFrame(rows, column_names=["x", "y", "kind"], column_types=["numeric", "numeric", "enum"])
    output = train(h2o, frame)
    assert 0.75 < output["training_metrics"]["AUC"] < 1
    assert 0.75 < output["cross_validation_metrics"]["AUC"] < 1
    job = h2o.api(f"POST /4/Predictions/models/toy_model/frames/{frame.frame_id}")
    h2o.job.H2OJob(job, "prediction").poll()
    assert h2o.get_frame(job["dest"]["name"]).names == ["predict", "a", "b"]
    scores = h2o.rapids(f"(tmp= toy_scores (zscore (cols_py {frame.frame_id} ['x' 'y'])))")
    assert scores["num_cols"] == 2
    standard = h2o.get_frame("toy_scores")
    assert standard.mean() == pytest.approx([0, 0], abs=1e-12)
    assert standard.sd() == pytest.approx([1, 1])
    h2o.remove_all()
    h2o.connection().close()
    assert server.stop() == 0


def test_after_uninstalling_it_is_gone(installed: Any, tmp_path: Path) -> None:
    installed.pip("uninstall", "-y", "h2ok-toy")
    server = ServerProcess(tmp_path, python=str(installed.python))
    h2o = connected(server)
    assert "toy" not in names(h2o)
    with pytest.raises(h2o.exceptions.H2OResponseError, match="nearestcentroid"):
        h2o.api("POST /3/ModelBuilders/nearestcentroid", data={"training_frame": "x"})
    h2o.connection().close()
    assert server.stop() == 0


def test_a_package_that_cannot_be_imported_is_reported_and_the_node_boots(tmp_path: Path) -> None:
    (tmp_path / "broken_extension.py").write_text("raise RuntimeError('the licence file is missing')\n")
    info = tmp_path / "h2ok_broken-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: h2ok-broken\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[h2ok.extensions]\nbroken = broken_extension:extension\n")
    server = ServerProcess(tmp_path / "ice", environment={"PYTHONPATH": str(tmp_path)})
    h2o = connected(server)
    found = next(e for e in h2o.api("GET /3/Capabilities/Extensions")["extensions"] if e["name"] == "broken")
    assert found["state"] == "failed"
    assert "the licence file is missing" in found["reason"]
    assert h2o.cluster().cloud_healthy
    h2o.connection().close()
    assert server.stop() == 0

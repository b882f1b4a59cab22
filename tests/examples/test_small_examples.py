"""The example packages: their own tests pass, and the official client uses them on real clouds before and after pip."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities.testing import MojoFile
from h2ok.capabilities.testing.server import ServerProcess

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
NAMES = ("knn", "fixedwidth", "mem", "clip", "count")


@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass(name: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=EXAMPLES / f"h2ok-{name}",
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_algorithm_is_short() -> None:
    source = (EXAMPLES / "h2ok-knn/src/h2ok_knn/knn.py").read_text()
    assert len([line for line in source.splitlines() if line.strip()]) <= 80


@pytest.fixture(scope="module")
def installed(environment: Any) -> Any:
    environment.pip("install", "--no-deps", *(str(EXAMPLES / f"h2ok-{n}") for n in NAMES))
    return environment


def shipped_estimator() -> Any:
    path = EXAMPLES / "h2ok-knn/src/h2ok_knn/client.py"
    spec = importlib.util.spec_from_file_location("knn_client", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.H2OKnnEstimator


def people(h2o: Any) -> Any:
    rows = [[x / 10 + 4 * k, (x * 7 % 10) / 5, "ab"[k], 3 * (x / 10 + 4 * k)] for k in (0, 1) for x in range(60)]
    return h2o.H2OFrame(rows, column_names=["x", "y", "kind", "z"], column_types=["numeric", "numeric", "enum", "numeric"])


@pytest.mark.parametrize("nodes", [1, pytest.param(3, marks=pytest.mark.engine)])
def test_the_official_client_trains_validates_searches_saves_and_loads(
    installed: Any, tools: Any, tmp_path: Path, nodes: int
) -> None:
    from h2o.grid import H2OGridSearch
    from h2ok.capabilities.bindings import estimator

    connected, active = tools
    server = ServerProcess(tmp_path / "ice", nodes, python=str(installed.python))
    h2o = connected(server)
    assert set(NAMES) <= active(h2o)
    frame = people(h2o)
    Knn = shipped_estimator()
    model = Knn(k=3, nfolds=3, seed=1, keep_cross_validation_predictions=True)
    model.train(x=["x", "y"], y="kind", training_frame=frame)
    assert model.auc() > 0.85
    assert model.auc(xval=True) > 0.8
    # The class made at run time is the same estimator.
    made = estimator("knn")
    assert made.__name__ == Knn.__name__ == "H2OKnnEstimator"
    again = made(k=3, nfolds=3, seed=1)
    again.train(x=["x", "y"], y="kind", training_frame=frame)
    assert again.auc(xval=True) == model.auc(xval=True)
    number = made(k=2, kernel="inverse")
    number.train(x=["x", "y"], y="z", training_frame=frame)
    assert number.r2() > 0.95
    with pytest.raises(TypeError, match="no parameter kk"):
        made(kk=2)
    with pytest.raises(h2o.exceptions.H2OTypeError):
        made(k="many")
    grid = H2OGridSearch(Knn, {"k": [1, 5], "kernel": ["uniform", "inverse"]}, grid_id="knn_grid")
    grid.train(x=["x", "y"], y="kind", training_frame=frame, nfolds=2, seed=1)
    assert len(grid.models) == 4
    table = model.partial_plot(frame, cols=["x"], plot=False)[0]
    assert table["mean_response"][0] < 0.5 < table["mean_response"][-1]
    importance = model.permutation_importance(frame, use_pandas=False)
    assert importance.cell_values[0][0] == "x"
    clipped = h2o.rapids(f"(max (clip (cols_py {frame.frame_id} ['x']) 0 1))")
    assert clipped["scalar"] == 1
    expected = model.predict(frame).as_data_frame(use_multi_thread=True).values.tolist()
    path = h2o.save_model(model, str(tmp_path / "models"), force=True)
    text = tmp_path / "people.txt"
    text.write_text("name   height\nAnn       1.8\nBob       1.7\nEve       1.6\n")
    assert h2o.import_file(str(text)).names == ["name", "height"]
    h2o.export_file(frame, "mem://bucket/people.csv", force=True)
    assert h2o.import_file("mem://bucket/people.csv").dim == [120, 4]
    assert h2o.api(f"GET /3/Count/{frame.frame_id}")["cells"] == 480
    h2o.remove_all()
    h2o.connection().close()
    assert server.stop() == 0

    server = ServerProcess(tmp_path / "ice", nodes, python=str(installed.python))
    h2o = connected(server)
    loaded = h2o.load_model(path)
    assert loaded.predict(people(h2o)).as_data_frame(use_multi_thread=True).values.tolist() == expected
    h2o.connection().close()
    assert server.stop() == 0


@pytest.mark.engine
def test_the_tutorial_from_a_new_package_to_a_model_on_three_nodes(environment: Any, tools: Any, tmp_path: Path) -> None:
    from h2ok.capabilities.bindings import estimator

    connected, active = tools

    def h2ok(*arguments: str) -> str:
        command = [environment.python, "-m", "h2ok.capabilities.cli", *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    h2ok("ext", "new", "algo", "ridgeline", "--to", "h2ok-ridgeline")
    environment.pip("install", "--no-deps", str(tmp_path / "h2ok-ridgeline"))
    try:
        assert "active" in h2ok("ext", "info", "ridgeline")
        server = ServerProcess(tmp_path / "ice", 3, ["--ext", "ridgeline"], python=str(environment.python))
        h2o = connected(server)
        assert "ridgeline" in active(h2o)
        h2ok("client", "python", "--algo", "ridgeline", "--url", server.url, "--out", "made.py")
        assert "class H2ORidgelineEstimator(H2OEstimator)" in (tmp_path / "made.py").read_text()
        model = estimator("ridgeline")(penalty=0.1, nfolds=3, seed=1)
        model.train(x=["x", "y"], y="z", training_frame=people(h2o))
        assert model.r2(xval=True) > 0.95
        assert MojoFile.read(Path(model.download_mojo(str(tmp_path))).read_bytes()).info["algo"] == "glm"
        saved = model.save_mojo(str(tmp_path / "mojos"))
        assert MojoFile.read(Path(saved).read_bytes()).columns == ["x", "y", "z"]
        h2o.connection().close()
        assert server.stop() == 0
    finally:
        environment.pip("uninstall", "-y", "h2ok-ridgeline")


def test_the_shipped_estimator_is_what_is_generated(installed: Any) -> None:
    done = subprocess.run(
        [installed.python, "-m", "h2ok.capabilities.cli", "client", "python", "--algo", "knn"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (EXAMPLES / "h2ok-knn/src/h2ok_knn/client.py").read_text().strip()


def test_uninstalled_they_are_gone(installed: Any, tools: Any, tmp_path: Path) -> None:
    connected, active = tools
    installed.pip("uninstall", "-y", *(f"h2ok-{n}" for n in NAMES))
    server = ServerProcess(tmp_path, python=str(installed.python))
    h2o = connected(server)
    assert not set(NAMES) & active(h2o)
    assert "knn" not in h2o.api("GET /3/ModelBuilders")["model_builders"]
    with pytest.raises(h2o.exceptions.H2OServerError, match="knn"):
        h2o.api("GET /3/ModelBuilders/knn")
    h2o.connection().close()
    assert server.stop() == 0

"""``h2ok demo`` on the first flights of the real file."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from h2ok.ext.demo import progress
from h2ok.ext.demo.client import RestClient, ServerError
from h2ok.ext.demo.flights import flights_file
from h2ok.ext.demo.server import DemoServer


@pytest.fixture(scope="module")
def some_flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flights") / "flights.csv"
    with zipfile.ZipFile(flights_file()) as archive, archive.open(archive.namelist()[0]) as lines:
        path.write_text("".join(line for _, line in zip(range(8001), io.TextIOWrapper(lines), strict=False)))
    return path


@pytest.mark.parametrize("nodes", ["1", "3"])
def test_the_demo_tells_what_a_person_wants_to_see(some_flights: Path, nodes: str) -> None:
    command = [sys.executable, "-m", "h2ok.capabilities.cli", "demo", "--data", str(some_flights), "--nodes", nodes]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for part in (
        "imported 8,000 flights",
        "GLM: AUC 0.",
        "GBM: AUC 0.",
        "Variable importance, GBM",
        "█",
    ):
        assert part in done.stdout
    # The node is gone: nobody is sent there.
    assert "Open http://127.0.0.1:" not in done.stdout


def test_a_missing_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "h2ok.capabilities.cli", "demo", "--data", str(tmp_path / "nosuch.csv")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "nosuch.csv does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_server_is_explained() -> None:
    with pytest.raises(ServerError, match="Cannot reach"):
        RestClient("http://127.0.0.1:9").call("GET", "/3/Cloud")


def test_what_takes_long_is_told_and_compiling_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    spoken = threading.Event()

    def say(text: str) -> None:
        said.append(text)
        spoken.set()

    monkeypatch.setattr(progress, "_EVERY", 0.01)
    with progress.telling("GBM train", say, lambda: "compiling find_splits, once on this machine"):
        assert spoken.wait(10)
    assert said[0] == "GBM train ... 0 s (compiling find_splits, once on this machine)"


def test_the_log_tells_the_demo_what_is_compiled() -> None:
    server = DemoServer(1)
    server._process = SimpleNamespace(  # type: ignore[assignment]
        stdout=[
            "12-01 10:00:00 INFO Compiling h2ok.ext.algos.gbm.kernels.find_splits: the first use on this machine waits for it\n",
            "12-01 10:00:01 INFO Compiled h2ok.ext.algos.gbm.kernels.find_splits in 0.8 s\n",
            "12-01 10:00:01 INFO Compiled h2ok.ext.algos.gbm.kernels.route in 0.1 s\n",
            "12-01 10:00:01 INFO Compiling h2ok.ext.algos.glm.kernels.gram: the first use on this machine waits for it\n",
        ]
    )
    server._listen()
    assert server.compiled == pytest.approx(0.9)
    assert server.compiling == "h2ok.ext.algos.glm.kernels.gram"

"""``h2ok demo`` on the first flights of the real file."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from h2ok.ext.demo.client import RestClient, ServerError
from h2ok.ext.demo.flights import flights_file


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
        "Capabilities:",
        "Open http://127.0.0.1:",
    ):
        assert part in done.stdout


def test_a_missing_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "h2ok.capabilities.cli", "demo", "--data", str(tmp_path / "nosuch.csv")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "nosuch.csv does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unreachable_server_is_explained() -> None:
    with pytest.raises(ServerError, match="Cannot reach"):
        RestClient("http://127.0.0.1:9").call("GET", "/3/Cloud")

"""With the library XGBoost is listed as in H2O; without it everything says why and what to install."""

from __future__ import annotations

import importlib.util
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities import Registry
from h2ok.capabilities.registry import ExtensionError
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.capabilities.testing.server import ServerProcess

INSTALL = 'pip install ".[xgboost]"'
PARTS = ("rest", "models", "algos", "xgboost")


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "xgboost" else real(name, *a))


@pytest.fixture
def client() -> Iterator[Client]:
    with local_runtime(only=PARTS) as runtime:
        yield Client.of(runtime)


def names(client: Client, path: str) -> list[str]:
    return [c["name"] for c in client.get(path)["capabilities"]]


def test_without_the_library(no_library: None, client: Client) -> None:
    assert "XGBoost" not in names(client, "/3/Capabilities")
    report = {e["name"]: e for e in client.get("/3/Capabilities/Extensions")["extensions"]}
    assert report["xgboost"]["state"] == "disabled"
    assert report["algos"]["state"] == "active"
    found = [
        report["xgboost"]["reason"],
        client.get("/3/ModelBuilders/xgboost", expect=500)["msg"],
        client.post("/3/ModelBuilders/xgboost", expect=404, training_frame="tr")["msg"],
        client.post("/99/Grid/xgboost", expect=404, training_frame="tr", hyper_parameters="{}")["msg"],
    ]
    for text in found:
        assert INSTALL in text
    assert "xgboost" not in client.get("/3/ModelBuilders")["model_builders"]


def test_asked_for_without_the_library(no_library: None) -> None:
    with pytest.raises(ExtensionError) as e:
        Registry.discover(only=PARTS, require=["xgboost"])
    assert INSTALL in str(e.value)
    assert "disabled" in str(e.value)


def test_h2ok_start_without_the_library_ends_with_the_pip_command(no_library: None, capsys: pytest.CaptureFixture[str]) -> None:
    from h2ok.capabilities.cli import main

    assert main(["start", "--ext", "xgboost"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("h2ok: Extension 'xgboost'")
    assert INSTALL in told


def test_h2ok_start_with_the_library_serves_it(tmp_path: Path) -> None:
    pytest.importorskip("xgboost")
    server = ServerProcess(tmp_path, arguments=["--ext", "xgboost"])
    with urllib.request.urlopen(server.url + "/3/Capabilities/Core", timeout=10) as answer:
        assert "XGBoost" in {c["name"] for c in json.load(answer)["capabilities"]}
    assert server.stop() == 0


def test_switched_off_by_h2os_property() -> None:
    registry = Registry.discover(only=PARTS, toggles={"xgboost": False})
    assert "XGBoost" not in registry.core_names()
    assert "xgboost" not in registry.algos()
    assert "toggle" in registry.why_no_algo("xgboost")


def test_nobody_knows_the_name(client: Client) -> None:
    assert "Algorithm 'nosuch' is not available. Installed:" in client.get("/3/ModelBuilders/nosuch", expect=500)["msg"]


def test_train_over_rest(client: Client) -> None:
    pytest.importorskip("xgboost")
    assert names(client, "/3/Capabilities/Core").count("XGBoost") == 1
    assert names(client, "/3/Capabilities/API").count("XGBoost") == 1
    assert names(client, "/3/Capabilities").count("XGBoost") == 2
    described = client.get("/3/ModelBuilders/xgboost")["model_builders"]["xgboost"]
    assert described["algo_full_name"] == "XGBoost"
    assert described["can_build"] == ["Regression", "Binomial", "Multinomial"]
    runtime: Any = client.app.runtime  # type: ignore[attr-defined]
    runtime.node.frames.from_columns("tr", {"x": [float(i) for i in range(60)], "y": [float(i % 7) for i in range(60)]})
    answer = client.post("/3/ModelBuilders/xgboost", training_frame="tr", response_column="y", ntrees=2, model_id="m", seed=1)
    assert client.job(answer)["status"] == "DONE"
    model = client.get("/3/Models/m")["models"][0]
    assert model["output"]["__meta"]["schema_name"] == "XGBoostModelOutputV3"
    assert model["output"]["native_parameters"]["name"] == "Native XGBoost Parameters"
    answer = client.post(
        "/99/Grid/xgboost", training_frame="tr", response_column="y", hyper_parameters='{"max_depth":[1,2]}', ntrees=2
    )
    assert client.job(answer)["status"] == "DONE"

"""Connecting, status, listing and removing through the official client."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities.testing.server import ServerProcess


def test_connect_reports_a_healthy_cloud_of_the_asked_size(h2o: Any, server: ServerProcess) -> None:
    cluster = h2o.cluster()
    assert cluster.cloud_healthy
    assert cluster.consensus
    assert cluster.cloud_size in (1, 3)
    assert len(cluster.nodes) == cluster.cloud_size
    cluster.show_status(detailed=True)


def test_init_uses_the_running_node(h2o: Any, server: ServerProcess) -> None:
    h2o.init(url=server.url, verbose=False)
    assert h2o.cluster().is_running()


def test_capabilities_name_the_rest_extensions(h2o: Any, server: ServerProcess) -> None:
    names = {c["name"] for c in h2o.api("GET /3/Capabilities")["capabilities"]}
    assert {"Core V3", "Algos"} <= names
    listed = h2o.api("GET /3/Capabilities/Extensions")["extensions"]
    assert all(e["state"] == "active" for e in listed)


def test_ls_remove_and_get_frame(h2o: Any) -> None:
    frame = h2o.H2OFrame({"a": [1, 2, 3]}, destination_frame="three")
    assert "three" in h2o.ls()["key"].tolist()
    assert h2o.get_frame("three").nrow == 3
    h2o.remove("three")
    assert "three" not in h2o.ls()["key"].tolist()
    assert h2o.get_frame("three") is None
    del frame


def test_unknown_model_is_a_response_error(h2o: Any) -> None:
    with pytest.raises(h2o.exceptions.H2OResponseError, match="nosuch"):
        h2o.get_model("nosuch")


def test_second_session_sees_frames_of_the_first(h2o: Any, server: ServerProcess) -> None:
    h2o.H2OFrame({"a": [1.5]}, destination_frame="shared")
    h2o.connection().close()
    h2o.connect(url=server.url, verbose=False)
    assert h2o.get_frame("shared")[0, 0] == 1.5


def test_shutdown_through_the_client_ends_the_processes(tmp_path: Path) -> None:
    import h2o

    server = ServerProcess(tmp_path)
    h2o.connect(url=server.url, verbose=False)
    h2o.cluster().shutdown()
    assert server.wait() == 0


def test_init_takes_a_plain_start_and_finds_one_version_everywhere(h2o: Any, server: ServerProcess) -> None:
    h2o.connection().close()
    h2o.init(url=server.url, verbose=False, strict_version_check=True)
    about = {e["name"]: e["value"] for e in h2o.api("GET /3/About")["entries"]}
    with urllib.request.urlopen(f"{server.url}/3/Cloud", timeout=20) as answer:
        header = answer.headers["X-h2o-build-project-version"]
    assert {h2o.cluster().version, about["Build project version"], header} == {h2o.__version__}

"""Without any one extension a server starts, answers, and reports one extension less."""

from __future__ import annotations

import pytest
from h2ok.capabilities import Registry
from h2ok.capabilities.testing import Client, local_runtime

LOADED = {x.name: x for x in Registry.discover().loaded}
ALL = sorted(LOADED)
ACTIVE = {n for n, x in LOADED.items() if x.state == "active"}


@pytest.mark.parametrize("gone", [n for n in ALL if n != "rest"])
def test_a_server_runs_without(gone: str) -> None:
    with local_runtime(only=[n for n in ALL if n != gone]) as runtime:
        client = Client.of(runtime)
        assert client.get("/3/Cloud")["cloud_healthy"]
        active = {e["name"] for e in client.get("/3/Capabilities/Extensions")["extensions"] if e["state"] == "active"}
        needing = {n for n, x in LOADED.items() if x.extension is not None and gone in x.extension.requires}
        assert active == ACTIVE - needing - {gone}, "only extensions that need the removed one may be missing too"


def test_without_rest_the_node_still_runs_tasks() -> None:
    with local_runtime(only=[]) as runtime:
        frame = runtime.node.frames.from_columns("f", {"x": [1.0, 2.0, 4.0]})
        assert runtime.node.rollups(frame.vecs[0]).mean == pytest.approx(7 / 3)

"""REST on a cloud of three: any node answers for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client

pytestmark = pytest.mark.extensions("rest", "parsers")


def test_every_node_shows_the_same_frame_and_the_same_csv(cloud3: list[Runtime]) -> None:
    rng = np.random.default_rng(3)
    values = np.round(rng.normal(size=999), 3)
    cloud3[0].node.frames.from_columns("fr", {"x": values, "k": [f"l{i % 7}" for i in range(999)]}, chunk_rows=100)
    answers = []
    for runtime in cloud3:
        web = Client.of(runtime)
        f = web.get("/3/Frames/fr/summary", row_offset=450, row_count=5)["frames"][0]
        answers.append(
            (f["checksum"], f["columns"], f["distribution_summary"], web.request("GET", "/3/DownloadDataset?frame_id=fr").body)
        )
    assert answers[0] == answers[1] == answers[2]
    percentiles = answers[0][1][0]["percentiles"]
    assert percentiles[8] == float(np.median(values))
    chunks = answers[0][2]["data"][4]
    assert [c > 0 for c in chunks[:3]] == [True, True, True]
    assert chunks[-1] == 20
    Client.of(cloud3[2]).delete("/3/DKV")
    assert not [k for r in cloud3 for k in r.node.dkv.local_keys() if not k.startswith("$job")]


def test_logs_stacks_and_network_of_all_nodes(cloud3: list[Runtime]) -> None:
    web = Client.of(cloud3[1])
    assert len(web.get("/3/JStack")["traces"]) == 3
    profiles = web.get("/3/Profiler", depth=3)["nodes"]
    assert len({p["node_name"] for p in profiles}) == 3
    for p in profiles:
        counts = [e["count"] for e in p["entries"]]
        assert counts[0] > 0
        assert counts == sorted(counts, reverse=True)
        assert all(e["stacktrace"].count("\n") <= 3 for e in p["entries"])
    assert "depth must be" in web.get("/3/Profiler", depth=0, expect=400)["msg"]
    assert web.get("/3/NetworkTest")["table"]["rowcount"] == 4
    assert len(web.get("/3/WaterMeterCpuTicks/2")["cpu_ticks"]) > 0
    assert [n["ip_port"] for n in web.get("/3/Cloud")["nodes"]] == [m.name for m in cloud3[0].node.cloud.members]
    assert web.get("/3/Cloud")["node_idx"] == 1


def test_shutdown_reaches_every_node(cloud3: list[Runtime]) -> None:
    Client.of(cloud3[2]).post("/3/Shutdown")
    assert all(r.stopping.wait(10) for r in cloud3)


def test_shutdown_reaches_every_node_though_the_first_one_goes_at_once(
    cloud3: list[Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = cloud3[2].node
    submit = asked.rpc.submit

    def submit_and_lose(member: Any, name: str, *rest: Any, **more: Any) -> Any:
        """Whoever was asked to end has left the forming cloud before the next one is asked."""
        future = submit(member, name, *rest, **more)
        future.result(10)
        gone = asked.cloud.node(member)
        asked.cloud.set_members(tuple(m for m in asked.cloud.members if m != gone))
        return future

    monkeypatch.setattr(asked.rpc, "submit", submit_and_lose)
    before = asked.cloud.members
    cloud3[2].stop_cloud()
    asked.cloud.set_members(before)
    assert all(r.stopping.is_set() for r in cloud3)


def test_the_timeline_tells_of_messages_of_all_nodes(cloud3: list[Runtime]) -> None:
    cloud3[1].node.dkv.put_many({f"k{i}": i for i in range(20)})
    cloud3[2].node.dkv.get_many([f"k{i}" for i in range(20)])
    events = Client.of(cloud3[0]).get("/3/Timeline")["events"]
    pairs = {(e["from"], e["to"]) for e in events if e.get("msg_type", "").startswith("dkv.")}
    assert ("/127.0.0.1:54323", "/127.0.0.1:54321") in pairs
    assert ("/127.0.0.1:54325", "/127.0.0.1:54321") in pairs
    assert [e["nanos"] for e in events] == sorted(e["nanos"] for e in events)
    summed = Client.of(cloud3[0]).get("/3/WaterMeterIo")["persist_stats"]
    assert {e["backend"] for e in summed} >= {"ice"}
    cloud3[0].node.dkv.remove_many([f"k{i}" for i in range(20)])

"""What the cloud tells about itself, against H2O-3: the shapes recorded from it, and values that can be true."""

from __future__ import annotations

import importlib.util
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client

_FOLDER = Path(__file__).parent.parent / "golden" / "introspection"
_spec = importlib.util.spec_from_file_location("introspection_record", _FOLDER / "record.py")
assert _spec is not None
assert _spec.loader is not None
record = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(record)
SHAPES = json.loads((_FOLDER / "shapes.json").read_text())

#: What differs from H2O, and why; "*" for any call.
DIFFERENCES = {
    ("*", ".hadoop_version"): "H2O's metadata lists it and its answers leave it out",
    ("*", ".telemetry_enabled"): "H2O's metadata lists it and its answers leave it out",
    ("GET /3/Timeline", ".self"): "H2O leaves it empty",
    ("GET /3/Timeline", ".events"): "one node sends no messages; those of H2O come from its discovery",
    ("GET /3/WaterMeterCpuTicks/9", "status"): "a request for a node that is not there is the client's mistake, not a 500",
    ("GET /3/WaterMeterIo/9", "status"): "a request for a node that is not there is the client's mistake, not a 500",
    ("GET /3/Logs/nodes/self/files/nosuch", "status"): "a request for a log that is not there is the client's mistake, not a 500",
}


def answers(web: Client) -> dict[str, Any]:
    """Shapes of this server's answers, as ``record`` takes them."""
    found = {}
    for method, path, fields in record.CALLS:
        data = "&".join(f"{k}={v.replace(' ', '%20')}" for k, v in fields.items())
        if method == "POST":
            kind = "application/x-www-form-urlencoded"
            answer = web.request(method, path, data=data.encode(), headers={"Content-Type": kind})
        else:
            answer = web.request(method, path + (f"?{data}" if data else ""))
        headers = {k.lower(): v for k, v in dict(answer.headers).items()}
        found[record.name_of(method, path, fields)] = record.answer_shape(
            answer.status, headers.get("content-type", ""), answer.body
        )
    return found


def differences(name: str, theirs: Any, ours: Any, at: str = "") -> list[tuple[str, str, str]]:
    """(call, place, what) of everything that is not the same."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = []
        for key in sorted({*theirs, *ours}):
            place = key if not at and key in ("status", "type") else "" if key == "shape" else f"{at}.{key}"
            found += differences(name, theirs.get(key), ours.get(key), place)
        return found
    if isinstance(theirs, list) and isinstance(ours, list) and theirs and ours:
        return differences(name, theirs[0], ours[0], f"{at}[]")
    return [] if theirs == ours else [(name, at, f"{theirs} there, {ours} here")]


def unexplained(theirs: dict[str, Any], ours: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = [d for name, shape in theirs.items() for d in differences(name, shape, ours[name])]
    return [d for d in found if (d[0], d[1]) not in DIFFERENCES and ("*", d[1]) not in DIFFERENCES]


@pytest.fixture(autouse=True)
def other_thread() -> Iterator[None]:
    """For the profiler, which looks at all threads but its own."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_answers_of_one_node_have_the_shapes_of_h2o(web: Client) -> None:
    assert unexplained(SHAPES["1"], answers(web)) == []


@pytest.mark.extensions("rest", "parsers")
def test_answers_of_three_nodes_have_the_shapes_of_h2o(cloud3: list[Runtime]) -> None:
    cloud3[1].node.dkv.put_many({f"k{i}": i for i in range(20)})
    cloud3[1].node.dkv.remove_many([f"k{i}" for i in range(20)])
    ours = answers(Client.of(cloud3[1]))
    assert unexplained(SHAPES["3"], ours) == []
    # With messages there are events.
    assert ours["GET /3/Timeline"]["shape"]["events"] == SHAPES["3"]["GET /3/Timeline"]["shape"]["events"]


def test_every_difference_is_still_one(web: Client) -> None:
    ours = answers(web)
    found = {(d[0], d[1]) for name, shape in SHAPES["1"].items() for d in differences(name, shape, ours[name])}
    idle = [key for key in DIFFERENCES if key not in found and not (key[0] == "*" and any(p == key[1] for _, p in found))]
    assert idle == []


@pytest.mark.extensions("rest", "parsers")
def test_the_numbers_of_every_node_can_be_true(cloud3: list[Runtime], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h2ok.kernel.cloud.stats._SETTLED_SECONDS", -1.0)
    for asked in cloud3:
        state = Client.of(asked).get("/3/Cloud")
        n = state["nodes"][state["node_idx"]]
        assert n["pid"] > 0
        assert 1 <= n["cpus_allowed"] <= n["num_cpus"]
        assert n["nthreads"] >= 1
        assert n["sys_load"] >= 0
        assert 1 << 20 < n["free_mem"] <= n["max_mem"] < 1 << 50
        assert 1 << 20 < n["pojo_mem"] < n["max_mem"]
        assert 0 < n["free_disk"] <= n["max_disk"]
        assert n["open_fds"] > 0
        assert n["tcps_active"] == 2
        assert 0.05 < n["gflops"] < 1e5
        assert 1e7 < n["mem_bw"] < 1e13
        assert abs(n["last_ping"] / 1000 - time.time()) < 5
        assert len(n["fjthrds"]) == len(n["fjqueue"])
    memory = {m["ip_port"]: m["free_mem"] for m in Client.of(cloud3[0]).get("/3/Ping")["nodes"]}
    assert sorted(memory) == [f"127.0.0.1:{p}" for p in (54321, 54323, 54325)]


@pytest.mark.extensions("rest", "parsers")
def test_every_core_of_every_node_tells_its_ticks(cloud3: list[Runtime]) -> None:
    web = Client.of(cloud3[0])
    for node in range(3):
        lines = [x.split() for x in Path("/proc/stat").read_text().splitlines() if x.startswith("cpu") and x[3].isdigit()]
        ticks = web.get(f"/3/WaterMeterCpuTicks/{node}")["cpu_ticks"]
        for (_, user, nice, system, idle, waiting, hard, soft, *_), found in zip(lines, ticks, strict=True):
            wanted = [int(user), int(system) + int(hard) + int(soft), int(nice) + int(waiting), int(idle)]
            # Ticks go on, a hundred a second.
            assert all(abs(f - w) <= 500 for f, w in zip(found, wanted, strict=True))


@pytest.mark.extensions("rest", "parsers")
def test_speeds_of_the_network_fit_their_times(cloud3: list[Runtime]) -> None:
    found = Client.of(cloud3[2]).get("/3/NetworkTest")
    for times, rates, size in zip(found["microseconds"], found["bandwidths"], (1, 1024, 1 << 20), strict=True):
        assert len(times) == 3
        assert [pytest.approx(2e6 * size / t) for t in times] == rates
    assert [n for n in found["table"]["data"][0] if n.startswith("self")] == ["self /127.0.0.1:54325"]
    assert found["table"]["description"] == "Launched from /127.0.0.1:54325"


@pytest.mark.extensions("rest", "parsers", "models", "algos")
@pytest.mark.parametrize("path", ["/3/Frames/gone", "/3/Frames/gone/summary", "/3/Models/gone", "/3/Jobs/gone"])
def test_what_went_with_a_node_is_told_with_its_name(cloud3: list[Runtime], path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud3[0].node.cloud, "damage", lambda key: "10.0.0.9:54321" if key == "gone" else "")
    answer = Client.of(cloud3[0]).request("GET", path)
    assert "10.0.0.9:54321" in answer.json.get("msg", str(answer.json))


@pytest.mark.extensions("rest", "parsers")
def test_upkeep_reaches_every_node(cloud3: list[Runtime], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for runtime in cloud3:
        for service in ("rest.collect", "rest.dump"):
            name = f"{service} {runtime.node.cloud.me.port}"
            runtime.node.rpc.register(service, lambda _, name=name: asked.append(name))
    web = Client.of(cloud3[1])
    web.post("/3/GarbageCollect")
    web.get("/3/KillMinus3")
    assert sorted(asked) == [f"rest.{s} {p}" for s in ("collect", "dump") for p in (54321, 54323, 54325)]


@pytest.mark.extensions("rest", "parsers")
def test_the_archive_has_the_log_of_every_node(cloud3: list[Runtime]) -> None:
    answer = Client.of(cloud3[0]).request("GET", "/3/Logs/download")
    names = zipfile.ZipFile(io.BytesIO(answer.body)).namelist()
    assert [n.rpartition("/")[2] for n in names] == [f"node{i}_127.0.0.1_{54321 + 2 * i}.log" for i in range(3)]
    text = Client.of(cloud3[0]).request("GET", "/3/Logs/download/LOG").text
    assert [line for line in text.splitlines() if line.startswith("====")] == [
        f"==== node{i}_127.0.0.1_{54321 + 2 * i} ====" for i in range(3)
    ]

"""Cloud, sessions, jobs, logs, documents and pages over REST."""

from __future__ import annotations

import dataclasses
import io
import logging
import threading
import zipfile
from pathlib import Path

import pytest
from h2ok.capabilities import Extension, Runtime, Settings
from h2ok.capabilities.contracts.errors import ApiError, ModelBuilderError, ValidationMessage
from h2ok.capabilities.contracts.extension import CoreExtension, Routes, Service
from h2ok.capabilities.contracts.routes import RequestContext, Route
from h2ok.capabilities.hookspecs import hookimpl
from h2ok.capabilities.logs import LogBook
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.kernel import JobContext


def test_cloud_is_what_the_client_checks(web: Client, shared: Runtime) -> None:
    cloud = web.get("/3/Cloud")
    assert cloud["version"] == shared.settings.h2o_version
    assert (cloud["cloud_healthy"], cloud["consensus"], cloud["bad_nodes"], cloud["cloud_size"]) == (True, True, 0, 1)
    node = cloud["nodes"][0]
    assert node["h2o"] == "/127.0.0.1:54321"
    assert node["free_mem"] > 0
    assert len(node["fjthrds"]) == 128
    assert web.get("/3/Ping")["cloud_healthy"] is True


def test_every_answer_has_h2os_headers(web: Client) -> None:
    for path in ("/3/Cloud", "/3/NoSuch", "/flow/index.html"):
        headers = web.request("GET", path, headers={"X-Requested-With": "XMLHttpRequest"}).headers
        assert headers["x-h2o-rest-api-version-max"] == "3"
        assert int(headers["x-h2o-cluster-id"]) > 0
        assert headers["x-h2o-cluster-good"] == "true"
        assert headers["x-frame-options"] == "deny"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-cache"
    assert "cache-control" not in web.request("GET", "/3/Cloud").headers


class Ended:
    def __init__(self, runtime: Runtime) -> None:
        self.ids: list[str] = []

    def end(self, session_id: str) -> None:
        self.ids.append(session_id)


def test_sessions_tell_the_rapids_extension_when_they_end() -> None:
    extra = Extension("fake", provides=(Service("rapids.sessions", Ended),))  # type: ignore[arg-type]
    with local_runtime(only=("rest",), extra=[extra]) as runtime:
        web = Client.of(runtime)
        v4 = web.post("/4/sessions")
        assert v4["__schema"] == "/4/schemas/SessionIdV4"
        v3 = web.get("/3/InitID")["session_key"]
        assert v4["session_key"] != v3
        assert v3.startswith("_sid_")
        web.post("/3/SessionProperties", session_key=v3, key="a", value="b")
        assert web.get("/3/SessionProperties", session_key=v3, key="a")["value"] == "b"
        web.delete("/4/sessions/" + v4["session_key"])
        web.delete("/3/InitID", session_key=v3)
        assert runtime.service_named("rapids.sessions").ids == [v4["session_key"], v3]
        assert web.get("/3/SessionProperties", session_key=v3, key="a")["value"] is None


def test_jobs_are_listed_polled_and_cancelled(web: Client, shared: Runtime) -> None:
    started, release = threading.Event(), threading.Event()

    def work(job: JobContext) -> None:
        started.set()
        while not release.wait(0.005):
            job.check()

    job = shared.node.jobs.start("Wait", "dest", "Frame", work)
    assert started.wait(10)
    path = "/3/Jobs/" + job.key.replace("$", "%24")
    answer = web.get(path)
    assert answer["job_id"]["name"] == job.key
    assert (answer["jobs"][0]["status"], answer["jobs"][0]["dest"]["name"]) == ("RUNNING", "dest")
    assert job.key in [j["key"]["name"] for j in web.get("/3/Jobs")["jobs"]]
    assert web.get("/4/jobs/" + job.key)["job_id"] == job.key
    web.post(f"/3/Jobs/{job.key}/cancel")
    assert web.job(answer["jobs"][0])["status"] == "CANCELLED"
    assert web.get("/4/jobs/" + job.key)["status"] == "CANCELLED"
    web.get("/4/jobs/nosuch", expect=404)
    shared.node.dkv.remove(job.key)


def test_logs_are_read_and_downloaded(tmp_path: Path) -> None:
    with local_runtime(only=("rest",)) as runtime:
        runtime.logs = LogBook("127.0.0.1:54321", tmp_path, logging.INFO)
        logger = logging.getLogger("h2ok.client")
        logger.addHandler(runtime.logs)
        logger.setLevel(logging.INFO)
        try:
            web = Client.of(runtime)
            web.post("/3/LogAndEcho", message="hello log")
            assert "INFO h2ok.client: hello log" in web.get("/3/Logs/nodes/0/files/info")["log"]
            assert web.get("/3/Logs/nodes/self/files/error")["log"] == ""
            answer = web.request("GET", "/3/Logs/download")
            assert answer.headers["content-disposition"].startswith("attachment; filename=h2ologs_")
            with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
                assert "hello log" in archive.read(archive.namelist()[0]).decode()
            assert "hello log" in web.request("GET", "/3/Logs/download/LOG").text
            assert "hello log" in next(tmp_path.iterdir()).read_text()
        finally:
            logger.removeHandler(runtime.logs)
            runtime.logs.close()


def test_documents_are_stored_listed_and_removed(web: Client, shared: Runtime, tmp_path: Path) -> None:
    shared.node.config = dataclasses.replace(shared.node.config, ice_root=str(tmp_path))
    base = "/3/NodePersistentStorage"
    assert web.get(base + "/configured")["configured"] is True
    web.post(base + "/notes/first", value="text é")
    assert web.get(base + "/notes/first")["value"] == "text é"
    assert [(e["name"], e["size"]) for e in web.get(base + "/notes")["entries"]] == [("first", 7)]
    assert web.get(base + "/categories/notes/exists")["exists"] is True
    assert web.get(base + "/categories/notes/names/nope/exists")["exists"] is False
    made = web.post(base + "/notes", value="x")["name"]
    web.delete(f"{base}/notes/{made}")
    web.request("POST", base + ".bin/notes/raw", data=b"\x00\x01")
    assert web.request("GET", base + ".bin/notes/raw").body == b"\x00\x01"
    shared.node.config = dataclasses.replace(shared.node.config, ice_root="")


def test_upkeep_routes_answer(web: Client, shared: Runtime) -> None:
    assert web.post("/3/GarbageCollect")["__meta"]["schema_name"] == "GarbageCollectV3"
    assert web.post("/3/UnlockKeys")["__meta"]["schema_name"] == "UnlockKeysV3"
    assert web.get("/3/KillMinus3")["__meta"]["schema_name"] == "KillMinus3V3"
    assert any("MainThread" in t for t in web.get("/3/JStack")["traces"][0]["thread_traces"])
    assert len(web.get("/3/WaterMeterCpuTicks/0")["cpu_ticks"][0]) == 4
    assert web.get("/3/NetworkTest")["table"]["rowcount"] == 2
    web.post("/3/CloudLock", reason="test")
    assert shared.node.cloud.locked


def test_typeahead(web: Client, tmp_path: Path) -> None:
    for name in ("ab.csv", "ac.csv", "b.csv"):
        (tmp_path / name).touch()
    assert web.get("/3/Typeahead/files", src=f"{tmp_path}/a", limit=1)["matches"] == [f"{tmp_path}/ab.csv"]
    assert len(web.get("/3/Typeahead/files", src=f"{tmp_path}/a")["matches"]) == 2


def test_shutdown_answers_first_then_asks_the_process_to_stop() -> None:
    with local_runtime(only=("rest",)) as runtime:
        assert Client.of(runtime).post("/3/Shutdown")["__meta"]["schema_name"] == "ShutdownV3"
        assert runtime.stopping.wait(10)


@pytest.mark.parametrize("name", ["index.html", "page.js", "page.css", "icon.svg"])
def test_page_is_served_from_here_alone(web: Client, name: str) -> None:
    answer = web.request("GET", "/flow/" + name)
    assert answer.status == 200
    assert len(answer.body) > 100
    text = answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in text
    assert "https://" not in text
    assert "innerHTML" not in text
    if name == "index.html":
        assert "<style" not in text
        assert "onclick" not in text
        assert "<script src=" in text


def test_page_names_no_file_outside(web: Client) -> None:
    assert web.request("GET", "/flow/..%2Fextension.py").status == 404
    assert web.request("GET", "/flow/nosuch.js").status == 404


# -- what extensions bring --------------------------------------------------------------------------------------------


def _builder(context: RequestContext, request: object) -> dict[str, object]:
    messages = (ValidationMessage("ERRR", "ntrees", "must be at least 1"), ValidationMessage("WARN", "seed", "none given"))
    raise ModelBuilderError("bad", algo="toy", parameters={"ntrees": 0}, messages=messages)


def _stream(context: RequestContext, request: object) -> dict[str, object]:
    assert context.body is not None
    return {"read": context.body.read().decode(), "type": context.content_type}


def _echo(context: RequestContext, request: object) -> dict[str, object]:
    return {"params": dict(context.params), "user": context.user}


ROUTES = [
    Route("POST", "/3/ToyBuilder", _builder),
    Route("POST", "/3/ToyUpload", _stream, raw_body=True),
    Route("POST", "/3/ToyJson", _echo, json_body=True),
    Route("POST", "/3/ToyForm", _echo),
]


class Door:
    @hookimpl
    def authenticate(self, runtime: Runtime, request: RequestContext) -> str | None:
        if "authorization" not in request.headers:
            raise ApiError("Who are you? Send an Authorization header.", status=401)
        return request.headers["authorization"]


TOY = Extension("toy", provides=(Routes("Toy", ROUTES), Routes("Broken", "no.such:ROUTES"), Routes("Again", ROUTES[:1])))  # type: ignore[arg-type]


@pytest.fixture
def toy() -> Client:
    with local_runtime(only=("rest",), extra=[TOY]) as runtime:
        yield Client.of(runtime)


def test_builder_errors_list_all_findings(toy: Client) -> None:
    body = toy.post("/3/ToyBuilder", expect=412)
    assert body["__meta"]["schema_name"] == "H2OModelBuilderErrorV3"
    assert list(body)[-3:] == ["parameters", "messages", "error_count"]
    assert body["messages"][0] == {
        "__meta": {"schema_version": 3, "schema_name": "ValidationMessageV3", "schema_type": "ValidationMessage"},
        "message_type": "ERRR",
        "field_name": "ntrees",
        "message": "must be at least 1",
    }
    assert body["values"]["messages"][0] == {"_log_level": 1, "_field_name": "_ntrees", "_message": "must be at least 1"}
    assert (body["error_count"], body["values"]["algo"]) == (1, "toy")


def test_uploads_are_raw_multipart_or_octets(toy: Client) -> None:
    assert toy.request("POST", "/3/ToyUpload", data=b"abc").json["read"] == "abc"
    assert toy.request("POST", "/3/ToyUpload", data=b"abc", content_type="application/octet-stream").json["read"] == "abc"
    multipart = b'--X\r\nContent-Disposition: form-data; name="f"; filename="t.csv"\r\n\r\na,b\n1,2\n\r\n--X--\r\n'
    assert (
        toy.request("POST", "/3/ToyUpload", data=multipart, content_type="multipart/form-data; boundary=X").json["read"]
        == "a,b\n1,2\n"
    )
    assert toy.request("POST", "/3/ToyUpload", data=b"junk", content_type="multipart/form-data; boundary=X").status == 400


def test_json_is_read_only_where_a_route_says_so(toy: Client) -> None:
    assert toy.post("/3/ToyJson", body_json={"a": [1]})["params"] == {"a": [1]}
    assert toy.post("/3/ToyJson", a=1)["params"] == {"a": "1"}
    assert toy.post("/3/ToyForm", body_json={"a": 1})["params"] == {}
    deep = b'{"a":' * 200 + b"1" + b"}" * 200
    for bad in (b"{bad", b"[1]", deep, b"[" * 100_000):
        assert toy.request("POST", "/3/ToyJson", data=bad, content_type="application/json").status == 400


def test_too_large_forms_are_refused() -> None:
    with local_runtime(only=("rest",), extra=[TOY]) as runtime:
        runtime.settings = Settings(max_form_bytes=1000)
        answer = Client.of(runtime).request(
            "POST", "/3/ToyForm", data=b"a=" + b"x" * 2000, content_type="application/x-www-form-urlencoded"
        )
        assert answer.status == 413


def test_broken_and_clashing_groups_are_reported_and_the_rest_is_served(toy: Client) -> None:
    report = toy.get("/3/Capabilities/Extensions")
    assert list(report["failed_routes"]) == ["Broken"]
    assert "POST /3/ToyBuilder of 'Again'" in report["route_clashes"][0]
    assert "Broken" not in [c["name"] for c in toy.get("/3/Capabilities/API")["capabilities"]]


def test_an_authentication_extension_guards_every_route() -> None:
    door = Extension("door", provides=(CoreExtension("Door", Door),))  # type: ignore[arg-type]
    with local_runtime(only=("rest",), extra=[door, TOY]) as runtime:
        web = Client.of(runtime)
        answer = web.request("GET", "/3/Cloud")
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="h2ok"')
        assert web.request("POST", "/3/ToyForm", headers={"Authorization": "me"}).json["user"] == "me"


def test_removing_the_rest_extension_leaves_a_node_that_starts() -> None:
    with local_runtime(only=()) as runtime:
        assert not runtime.has_service("rest.app")
        runtime.node.frames.from_columns("a", {"x": [1]})
        runtime.node.frames.remove("a")


def test_probes_and_numbers_for_whoever_watches(web: Client, shared: Runtime) -> None:
    assert web.get("/health") == {"status": "ok"}
    assert web.get("/ready") == {"status": "ok"}
    answer = web.request("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    values = dict(line.split(" ") for line in answer.text.splitlines() if not line.startswith("#"))
    assert (values["h2ok_up"], values["h2ok_cloud_size"], values["h2ok_cloud_healthy"]) == ("1", "1", "1")
    assert float(values["h2ok_process_other_bytes"]) > 1e6
    assert answer.text.count("# TYPE ") == len(values)


def test_a_node_that_was_shut_out_says_so_to_probes() -> None:
    with local_runtime(only=("rest",)) as runtime:
        web = Client.of(runtime)
        runtime.node.cloud.mark_failed("it was declared dead")
        assert web.get("/health", 503) == {"status": "unavailable", "reason": "it was declared dead"}
        assert web.get("/ready", 503)["status"] == "unavailable"
        assert "h2ok_up 0" in web.request("GET", "/metrics").text


def test_reads_writes_and_the_timeline(web: Client) -> None:
    for path in ("/3/WaterMeterIo", "/3/WaterMeterIo/0"):
        stats = {e["backend"]: e for e in web.get(path)["persist_stats"]}
        assert stats["ice"]["store_count"] == 0
        assert stats["process"]["load_bytes"] > 0
    found = web.get("/3/Timeline")
    assert found["self"] == "/127.0.0.1:54321"
    assert found["events"] == []


def test_the_only_node_cannot_leave(web: Client) -> None:
    answer = web.request("POST", "/3/CloudLeave")
    assert answer.status == 412
    assert "POST /3/Shutdown" in answer.json["msg"]

"""What clients get for bad input: status, schema and exception of H2O, or a 4xx where H2O leaks a 500."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client
from h2ok.kernel import Frame

KEY = "water.exceptions.H2OKeyNotFoundArgumentException"
ILLEGAL = "water.exceptions.H2OIllegalArgumentException"
NOT_FOUND = "water.exceptions.H2ONotFoundArgumentException"
COLUMN = "water.exceptions.H2OColumnNotFoundArgumentException"
JAVA = "java.lang.IllegalArgumentException"

#: Keys of an error, in order.
ORDER = "__meta timestamp error_url msg dev_msg http_status values exception_type exception_msg stacktrace"

#: (request, form, status, exception, values)
CASES = [
    ("GET /3/Frames/nosuch", None, 404, KEY, {"argument": "key", "name": "nosuch"}),
    ("GET /3/Frames/nosuch/light", None, 404, KEY, {"argument": "key", "name": "nosuch"}),
    ("GET /3/Frames/nosuch/summary", None, 404, KEY, {"argument": "key", "name": "nosuch"}),
    ("GET /3/Frames/other", None, 412, ILLEGAL, None),
    (
        "GET /3/Frames/tr/columns/zzz",
        None,
        404,
        COLUMN,
        {"argument": "column", "column_name": "zzz", "frame_name": "Key<Frame> tr"},
    ),
    ("GET /3/Frames/tr/columns/zzz/summary", None, 404, COLUMN, None),
    ("DELETE /3/Frames/nosuch", None, 404, KEY, {"argument": "key", "name": "nosuch"}),
    ("GET /3/Jobs/nosuch", None, 400, JAVA, {}),
    ("POST /3/Jobs/nosuch/cancel", {}, 400, JAVA, {}),
    ("GET /3/NoSuchRoute", None, 404, NOT_FOUND, {}),
    ("POST /3/NoSuchRoute", {}, 404, NOT_FOUND, {}),
    ("GET /nosuchfile.html", None, 404, NOT_FOUND, {}),
    ("GET /2/Cloud", None, 404, NOT_FOUND, {}),
    ("GET /abc/Cloud", None, 404, NOT_FOUND, {}),
    ("DELETE /3/Cloud", None, 404, NOT_FOUND, {}),
    ("PUT /3/Frames/tr", {}, 400, "java.net.MalformedURLException", {}),
    ("GET /3/Cloud?foo=1", None, 412, ILLEGAL, None),
    ("GET /3/Cloud?version=1", None, 412, ILLEGAL, None),
    ("GET /3/Frames/tr?row_count=abc", None, 412, ILLEGAL, None),
    ("GET /3/Frames/tr?row_count=99999999999", None, 412, ILLEGAL, None),
    ("GET /3/Frames/tr?row_offset=-5&row_count=2", None, 412, ILLEGAL, None),
    ("GET /3/Frames/tr?row_offset=100000&row_count=5", None, 412, ILLEGAL, None),
    ("GET /3/Frames/tr?column_offset=100&row_count=2", None, 412, ILLEGAL, None),
    ("GET /3/Frames/tr?column_offset=-1&row_count=2", None, 412, ILLEGAL, None),
    ("GET /3/Frames/", None, 404, KEY, {"argument": "key", "name": ""}),
    ("GET /3/DownloadDataset?frame_id=nosuch", None, 404, KEY, {"argument": "key", "name": "nosuch"}),
    ("GET /3/DownloadDataset", None, 412, ILLEGAL, {"argument": "frame_id", "schema": "DownloadDataV3"}),
    ("POST /3/Frames/tr/export", {"force": "true"}, 412, ILLEGAL, {"argument": "path", "schema": "FramesV3"}),
    ("POST /3/Frames/tr/export", {"path": "/x.csv", "format": "doc"}, 400, JAVA, None),
    ("POST /3/Frames/tr/export", {"path": "/x.csv", "compression": "rar"}, 412, ILLEGAL, None),
    ("POST /3/Frames/tr/export", {"path": "nosuch://x/y.csv"}, 412, ILLEGAL, None),
    ("GET /3/Metadata/schemas/NoSuchV3", None, 404, NOT_FOUND, {}),
    ("GET /3/Metadata/endpoints/99999", None, 400, JAVA, {}),
    ("GET /3/Metadata/endpoints/no%2Fsuch", None, 404, NOT_FOUND, {}),
    ("GET /3/NodePersistentStorage/nocat/noname", None, 400, JAVA, {}),
    ("GET /3/NodePersistentStorage.bin/nocat/noname", None, 400, JAVA, {}),
    ("GET /3/NodePersistentStorage/..%2F..%2Fetc/passwd", None, 412, ILLEGAL, None),
    ("GET /3/NodePersistentStorage/nocat/..%2F..%2Fpasswd", None, 412, ILLEGAL, None),
    ("GET /3/Logs/nodes/99/files/default", None, 400, JAVA, {}),
    ("GET /3/Logs/nodes/0/files/nosuch", None, 400, JAVA, {}),
    ("GET /3/Logs/download/foo", None, 400, JAVA, {}),
    ("GET /3/Frames/%20a%22%3C%3E", None, 404, KEY, {"argument": "key", "name": ' a"<>'}),
    ("GET /3/Frames/a%2Fb", None, 404, KEY, {"argument": "key", "name": "a/b"}),
    ("GET /3/Frames/" + "x" * 7000, None, 404, KEY, {"argument": "key", "name": "x" * 7000}),
    ("GET /3/Frames/%C3%A9t%C3%A9", None, 404, KEY, {"argument": "key", "name": "été"}),
    ("GET /3/Frames/%FF", None, 404, KEY, None),
    ("GET /3/Find?key=nosuch&row=0", None, 404, KEY, None),
    ("GET /3/Find?key=tr&row=-1", None, 412, ILLEGAL, None),
    ("GET /3/WaterMeterCpuTicks/7", None, 400, JAVA, {}),
    ("DELETE /3/DKV?retained_keys=[nosuch]", None, 412, ILLEGAL, None),
    ("GET /3/FrameChunks/nosuch", None, 404, KEY, None),
]

#: Requests that H2O answers without an error.
GOOD = [
    ("GET /77/Cloud", "CloudV3"),
    ("GET /3/Cloud?skip_ticks=maybe", "CloudV3"),
    ("DELETE /3/DKV/nosuch", "RemoveV3"),
    ("DELETE /4/sessions/nosuch", "InitIDV3"),
    ("GET /3/Metadata/endpoints/0", "MetadataV3"),
    ("GET /3/NodePersistentStorage/nocat", "NodePersistentStorageV3"),
    ("GET /3/Typeahead/files?src=/nosuch/&limit=5", "TypeaheadV3"),
    ("GET /3/Find?key=tr&column=num&row=0&match=-17", "FindV3"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ice")


@pytest.fixture(autouse=True)
def world(shared: Runtime, frame: Frame, folder: Path) -> Iterator[None]:
    """A frame, an object that is none, and a folder for documents; the node is well and no thread more runs afterwards."""
    import dataclasses

    node = shared.node
    node.config = dataclasses.replace(node.config, ice_root=str(folder))
    node.dkv.put("other", "text")
    threads = threading.active_count()
    yield
    node.dkv.remove("other")
    assert Client.of(shared).get("/3/Cloud")["cloud_healthy"] is True
    assert threading.active_count() <= threads + 1


@pytest.mark.parametrize(("request_line", "form", "status", "exception", "values"), CASES, ids=[c[0][:60] for c in CASES])
def test_bad_input(
    web: Client, request_line: str, form: dict[str, str] | None, status: int, exception: str, values: object
) -> None:
    method, path = request_line.split(" ", 1)
    data = urlencode(form or {}).encode()
    answer = web.request(method, path, data=data, content_type="application/x-www-form-urlencoded" if form else "")
    body = answer.json
    assert (answer.status, body["http_status"], body["exception_type"]) == (status, status, exception), body["msg"]
    assert body["__meta"] == {"schema_version": 3, "schema_name": "H2OErrorV3", "schema_type": "H2OError"}
    assert " ".join(body) == ORDER
    assert body["msg"].startswith("\n\nERROR MESSAGE:\n\n")
    assert body["msg"].endswith("\n\n")
    assert body["stacktrace"][0].startswith(exception)
    assert not any("/src/" in line or "site-packages/" in line for line in body["stacktrace"])
    if values is not None:
        assert body["values"] == values


@pytest.mark.parametrize(("request_line", "schema"), GOOD)
def test_unusual_but_good(web: Client, request_line: str, schema: str) -> None:
    method, path = request_line.split(" ", 1)
    answer = web.request(method, path)
    assert (answer.status, answer.json["__meta"]["schema_name"]) == (200, schema)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("PATCH /3/Cloud", 501),
        ("TRACE /3/Cloud", 405),
        ("OPTIONS /3/Cloud", 200),
        ("HEAD /3/Cloud", 200),
        ("HEAD /", 200),
        ("HEAD /3/About", 200),
        ("GET /", 301),
        ("HEAD /3/NoSuch", 404),
    ],
)
def test_methods_without_body(web: Client, request_line: str, status: int) -> None:
    method, path = request_line.split(" ", 1)
    answer = web.request(method, path)
    assert answer.status == status
    assert answer.body == b""
    assert answer.headers["x-h2o-build-project-version"]


def test_too_long_uri_is_refused(web: Client) -> None:
    assert web.request("GET", "/3/Frames/" + "x" * 70_000).status == 414


def test_too_many_fields_are_refused(web: Client) -> None:
    data = "&".join(f"a{i}=1" for i in range(20_000)).encode()
    assert web.request("POST", "/3/LogAndEcho", data=data, content_type="application/x-www-form-urlencoded").status == 400


def test_invalid_utf8_form_is_refused(web: Client) -> None:
    answer = web.request("POST", "/3/LogAndEcho", data=b"message=\xff\xfe", content_type="application/x-www-form-urlencoded")
    assert answer.status == 400


def test_upload_of_a_strange_content_type_is_plain_text(web: Client) -> None:
    answer = web.request("POST", "/3/PostFile?destination_frame=x", data=b"a=1", content_type="application/x-www-form-urlencoded")
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain")


def test_export_to_an_existing_file_needs_force(web: Client, folder: Path) -> None:
    path = folder / "t.csv"
    path.write_text("old")
    body = web.post("/3/Frames/tr/export", expect=412, path=str(path), force=False)
    assert body["values"] == {"argument": str(path), "function": "exportFrame", "value": f"File {path} already exists!"}
    assert path.read_text() == "old"


def test_export_to_a_system_folder_fails_in_its_job(web: Client) -> None:
    answer = web.request("POST", "/3/Frames/tr/export?path=/proc/nosuch/x.csv&force=true")
    assert answer.status == 200 or answer.status in (400, 412)
    if answer.status == 200:
        assert web.job(answer.json)["status"] == "FAILED"


def test_internal_error_names_a_key_that_is_in_the_log(web: Client, shared: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    app = shared.service_named("rest.app")
    from h2ok.capabilities.contracts.routes import Route

    def broken(context: object, request: object) -> dict[str, object]:
        raise KeyError("inside")

    app.router.add("test", [Route("GET", "/3/TestBroken", broken)])
    body = web.get("/3/TestBroken", expect=500)
    reference = body["msg"].split("[")[1].split("]")[0]
    assert reference in caplog.text

"""PersistHTTP against servers in this process: with ranges, without, redirecting, and failing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.testing import Client
from h2ok.ext.persist_http.store import HTTPReadError, PersistHTTP
from h2ok.kernel import IllegalArgumentError

DATA = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(5000))


class Handler(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.path} {self.headers.get('Range')}")  # type: ignore[attr-defined]
        if self.path == "/gone":
            self.send_error(404)
        elif self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        elif self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/ranges.csv")
            self.end_headers()
        elif self.path == "/ranges.csv" and self.headers.get("Range"):
            first, last = (int(x) for x in self.headers["Range"].removeprefix("bytes=").split("-"))
            part = DATA[first : last + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(DATA)}")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part)
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(DATA) + (100 if self.path == "/broken.csv" else 0)))
            self.end_headers()
            self.wfile.write(DATA)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def web() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def base(web: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{web.server_address[1]}"


@pytest.mark.parametrize("path", ["/ranges.csv", "/whole.csv", "/moved"])
def test_any_part_can_be_read(runtime: Runtime, base: str, path: str) -> None:
    store = runtime.service(PersistHTTP)
    assert store.size(base + path) == len(DATA)
    assert store.read(base + path, 10, 20) == DATA[10:30]
    assert store.read(base + path, len(DATA) - 3) == DATA[-3:]
    assert store.read(base + path, len(DATA) + 5, 9) == b""
    with store.open(base + path) as stream:
        assert stream.read() == DATA


def test_ranges_are_used_where_offered_and_else_one_download_is_enough(
    runtime: Runtime, base: str, web: ThreadingHTTPServer
) -> None:
    store = runtime.service(PersistHTTP)
    for path in ("/ranges.csv", "/whole.csv"):
        for start in (0, 100, 200):
            store.read(base + path, start, 10)
    asked: list[str] = web.asked  # type: ignore[attr-defined]
    assert sum(a.startswith("/ranges.csv") for a in asked) == 4
    assert sum(a.startswith("/whole.csv") for a in asked) == 1


def test_a_url_becomes_a_frame(client: Client, runtime: Runtime, base: str) -> None:
    keys = client.post("/3/ImportFilesMulti", paths=[f"{base}/ranges.csv"])["destination_frames"]
    setup = client.post("/3/ParseSetup", source_frames=keys)
    fields = {k: setup[k] for k in ("parse_type", "separator", "check_header", "number_columns", "column_names", "column_types")}
    client.job(client.post("/3/Parse", source_frames=keys, destination_frame="web", chunk_size=8192, **fields))
    frame = runtime.node.frames.get("web")
    assert frame.n_chunks > 3
    assert frame.vec("b").to_numpy(runtime.node)[-1] == 4999**2


def test_failures_name_the_url(runtime: Runtime, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = runtime.service(PersistHTTP)
    with pytest.raises(FileNotFoundError, match="/gone does not exist"):
        store.size(f"{base}/gone")
    with pytest.raises(HTTPReadError, match="not allowed"):
        store.size(f"{base}/away")
    with pytest.raises(HTTPReadError, match="broke off"):
        store.read(f"{base}/broken.csv")
    with pytest.raises(HTTPReadError, match="Cannot reach"):
        store.size("http://127.0.0.1:9/x")
    with pytest.raises(IllegalArgumentError, match="reading only"):
        store.create(f"{base}/new")
    monkeypatch.setattr(store, "_limit", 100)
    with pytest.raises(IllegalArgumentError, match="limit of 100 bytes"):
        store.size(f"{base}/large.csv")


def test_a_cloud_does_not_import_from_itself(runtime: Runtime) -> None:
    port = runtime.node.cloud.me.port
    with pytest.raises(BadRequestError, match="Recursive path reference"):
        runtime.service(PersistHTTP).size(f"http://127.0.0.1:{port}/3/ImportFiles?path=x")

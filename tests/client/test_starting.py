"""`h2ok.client.init`: the node that runs, else one of its own that ends with the program; never what only looks like one."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from h2ok.capabilities.testing.server import free_ports
from h2ok.client import NoServerError, TransferError, init
from h2ok.client.server import Server


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_ports(2)}"


@pytest.fixture
def other() -> Iterator[str]:
    """A server that is not h2ok."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


PROGRAM = """
import sys, h2o
from h2ok.client import init
url, ice = sys.argv[1:]
init(url, arguments=["--ice-root", ice, "--name", "mine", "--quiet"])
first = h2o.cluster().cloud_name, h2o.H2OFrame({"x": [1, 2, 3]}).nrow
init(url, start=False)
print(first, len(h2o.ls()), h2o.connection().base_url)
"""


def test_a_node_is_started_found_again_and_ends_with_the_program(url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, url, str(tmp_path)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"('mine', 3) 1 {url}" in done.stdout
    with pytest.raises(TransferError, match="Cannot reach"), Server(url, timeout=5).answer("GET", "/3/About"):
        pass


def test_nothing_is_started_where_it_may_not_be(url: str) -> None:
    with pytest.raises(NoServerError, match=r"No server answers .* h2ok start"):
        init(url, start=False)
    with pytest.raises(NoServerError, match="Only http addresses of this machine"):
        init("http://nowhere.invalid:54321")


def test_another_server_is_not_taken_for_a_node(other: str) -> None:
    with pytest.raises(NoServerError, match="not h2ok"):
        init(other)


def test_a_node_that_does_not_start_says_why(url: str) -> None:
    with pytest.raises(NoServerError, match=r"(?s)exit code 2.*unknown option '--no-such'"):
        init(url, arguments=["--no-such"])

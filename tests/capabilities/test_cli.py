"""The h2ok command: options, refusals, and real processes that start and end."""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities.cli import main
from h2ok.capabilities.options import memory_limit, size_bytes, worker_threads
from h2ok.capabilities.ports import free_port, is_loopback, listen
from h2ok.capabilities.settings import Settings
from h2ok.kernel import IllegalArgumentError
from h2ok.kernel.errors import PortInUseError

BASE = 23_001 + os.getpid() % 400 * 20


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        status = main(list(arguments))
    except SystemExit as e:
        status = int(e.code or 0)
    out = capsys.readouterr()
    return status, out.out, out.err


# -- without a process ------------------------------------------------------------------------------------------------


def test_version_names_both_versions(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H2OK_H2O_VERSION", "3.46.0.12")
    status, out, _ = _run(capsys, "version")
    assert status == 0
    assert "h2ok 0.1.0" in out
    assert "compatible with H2O 3.46.0.12" in out


@pytest.mark.parametrize(
    ("installed", "told"),
    [
        ({"h2o_client": "3.46.0.11"}, "3.46.0.11"),
        ({"h2o_client": "3.46.0.12"}, "3.46.0.12"),
        ({"h2o": "3.46.0.11"}, "3.46.0.11"),
        # Not one of those that are supported; and none at all: what pip installs today.
        ({"h2o_client": "3.30.0.1", "h2o": "3.32.0.1"}, "3.46.0.12"),
        ({}, "3.46.0.12"),
    ],
)
def test_clients_are_told_the_version_of_the_client_that_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: dict[str, str], told: str
) -> None:
    monkeypatch.delenv("H2OK_H2O_VERSION", raising=False)
    for name, number in installed.items():
        folder = tmp_path / f"{name}-{number}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    importlib.invalidate_caches()
    assert Settings().h2o_version == told
    assert Settings().with_version("3.99.0.1").h2o_version == "3.99.0.1"


def test_ext_list_and_info(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = _run(capsys, "ext", "list")
    assert status == 0
    assert re.search(r"^rest +active +0\.1\.0 +h2ok-rest", out, re.M)
    report = json.loads(_run(capsys, "ext", "list", "--json")[1])
    assert {"rest", "parsers"} <= {e["name"] for e in report["extensions"]}
    status, out, _ = _run(capsys, "ext", "info", "rest")
    assert (status, "Core V3" in out) == (0, True)
    status, _, err = _run(capsys, "ext", "info", "nosuch")
    assert status == 1
    assert "none of h2ok's own" in err


def test_missing_extension_that_is_wanted_ends_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = _run(capsys, "start", "--ext", "nosuch")
    assert status == 1
    assert "none of h2ok's own" in err


@pytest.mark.parametrize("option", ["--ip", "-ip", "--web-ip", "-web_ip"])
def test_public_address_is_refused(capsys: pytest.CaptureFixture[str], option: str) -> None:
    status, _, err = _run(capsys, "start", option, "0.0.0.0")
    assert status == 1
    assert "--insecure" in err


def test_a_cluster_secret_comes_from_a_file_and_must_be_worth_the_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("H2OK_CLUSTER_SECRET", raising=False)
    secret = tmp_path / "secret"
    secret.write_text("short\n")
    for path, said in ((tmp_path / "nothing", "Cannot read the cluster secret"), (secret, "at least 8 characters; it has 5")):
        status, _, err = _run(capsys, "start", "--port", str(BASE), "--ice-root", str(tmp_path), "--cluster-secret", str(path))
        assert status != 0
        assert said in err


@pytest.mark.engine
def test_nodes_with_a_secret_form_an_encrypted_cloud(tmp_path: Path) -> None:
    from h2ok.capabilities.testing.server import ServerProcess

    secret = tmp_path / "secret"
    secret.write_text("a text that all nodes share\n")
    server = ServerProcess(tmp_path / "ice", nodes=2, arguments=["--cluster-secret", str(secret)])
    try:
        with urllib.request.urlopen(server.url + "/3/Cloud", timeout=20) as answer:
            cloud = json.load(answer)
        assert (cloud["cloud_size"], cloud["internal_security_enabled"]) == (2, True)
    finally:
        assert server.stop() == 0


def test_taken_port_is_a_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, _, err = _run(capsys, "start", "-port", str(port))
    assert status == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--log-level", "loud"],
        ["--max-mem", "many"],
        ["--max-mem", "inf"],
        ["--max-mem", "10m"],
        ["--max-mem", "0"],
        ["--nthreads", "0"],
        ["--nthreads", "-3"],
        ["--flatfile", "/nosuch/file"],
        ["--nodes", "0"],
    ],
)
def test_bad_values_are_refused_before_anything_starts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str]
) -> None:
    status, _, err = _run(capsys, "start", "--base-port", str(BASE), "--ice-root", str(tmp_path), *arguments)
    assert status == 1
    assert err.startswith("h2ok: ")


@pytest.mark.parametrize("option", ["--ice-root", "--log-dir"])
@pytest.mark.parametrize("more", [[], ["--nodes", "2"]])
def test_a_folder_that_cannot_be_written_is_one_line_that_says_what_to_do(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str, more: list[str]
) -> None:
    (tmp_path / "file").write_text("")
    for folder, reason in (("/proc/x", "No such file or directory"), (tmp_path / "file", "it is a file")):
        arguments = ["--base-port", str(BASE), "--ice-root", str(tmp_path), option, str(folder), *more]
        status, out, err = _run(capsys, "start", *arguments)
        assert (status, out) == (1, "")
        do = f"{option} must name a folder that this user may make files in."
        assert err == f"h2ok: Cannot write to the folder '{folder}': {reason}. {do}\n"


@pytest.mark.parametrize(
    ("arguments", "usage", "said"),
    [
        (["start", "--prot", "5"], "usage: h2ok start", "unknown option '--prot'. Nearest: --port."),
        (["start", "--ice-rot=/tmp"], "usage: h2ok start", "unknown option '--ice-rot'. Nearest: --ice-root."),
        (["start", "54321"], "usage: h2ok start", "unknown argument '54321'"),
        (["version", "--all"], "usage: h2ok version", "unknown option '--all'. Options: see --help."),
    ],
)
def test_a_mistyped_option_shows_the_usage_of_its_command_and_the_nearest_one(
    capsys: pytest.CaptureFixture[str], arguments: list[str], usage: str, said: str
) -> None:
    status, _, err = _run(capsys, *arguments)
    assert status == 2
    assert err.startswith(usage)
    assert err.strip().endswith(said)


def test_the_memory_of_a_process_has_a_floor_and_threads_a_meaning() -> None:
    assert memory_limit("") == 0
    assert memory_limit("256m") == 256 << 20
    with pytest.raises(IllegalArgumentError, match=r"at least 256m; got '255m'\. It is for the process of a node in all"):
        memory_limit("255m")
    assert worker_threads(3) == 3
    assert worker_threads(-1) == os.cpu_count()


def test_stop_without_a_cloud(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = _run(capsys, "stop", "--url", f"http://127.0.0.1:{BASE + 19}")
    assert status == 1
    assert "no cloud ended" in err
    assert _run(capsys, "stop", "--url", "file:///etc/passwd")[0] == 2


@pytest.mark.parametrize(
    ("text", "size"), [("4g", 4 << 30), ("512M", 512 << 20), ("1.5k", 1536), ("100", 100), ("2gb", 2 << 30), ("", 0)]
)
def test_sizes(text: str, size: int) -> None:
    assert size_bytes(text) == size


def test_bad_size() -> None:
    with pytest.raises(IllegalArgumentError, match="4g"):
        size_bytes("lots")


def test_free_port_skips_pairs_of_which_one_is_taken() -> None:
    with free_port("127.0.0.1", BASE) as first:
        port = first.getsockname()[1]
        with listen("127.0.0.1", port + 3), free_port("127.0.0.1", port) as second:
            assert second.getsockname()[1] == port + 4
        with pytest.raises(PortInUseError):
            listen("127.0.0.1", port)
    with pytest.raises(PortInUseError):
        listen("127.0.0.1", 70_000)


def test_loopback() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert is_loopback("localhost")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("10.1.2.3")


# -- real processes ---------------------------------------------------------------------------------------------------

Start = Callable[..., "Server"]


class Server:
    """``h2ok start`` as a child process, up when this returns."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [
            sys.executable,
            "-m",
            "h2ok.capabilities.cli",
            "start",
            "--base-port",
            str(BASE),
            "--ice-root",
            str(folder),
            *options,
        ]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert self.process.stdout is not None
        self.lines: list[str] = []
        self.url = ""
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r": Open H2O Flow in your web browser: (http://127\.0\.0\.1:\d+)$", line)
            if found:
                self.url = found.group(1)
                break
        assert self.url, "".join(self.lines)

    def get(self, path: str, data: bytes | None = None) -> Any:
        with urllib.request.urlopen(self.url + path, data=data, timeout=10) as answer:
            return json.load(answer)

    def wait(self) -> int:
        status = self.process.wait(15)
        assert self.process.stdout is not None
        self.lines += self.process.stdout.readlines()
        self.process.stdout.close()
        return status


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    servers: list[Server] = []

    def run(*options: str) -> Server:
        servers.append(Server(tmp_path, *options))
        return servers[-1]

    yield run
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
            server.wait()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def _gone(pids: list[int], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(_alive(p) for p in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_node_starts_answers_and_ends_with_a_signal(start: Start, number: signal.Signals) -> None:
    server = start("--no-ext", "algos", "-name", "mine", "-nthreads", "1")
    cloud = server.get("/3/Cloud")
    assert (cloud["cloud_name"], cloud["cloud_size"], cloud["nodes"][0]["nthreads"]) == ("mine", 1, 1)
    text = "".join(server.lines)
    assert re.search(r"Registered: \d+ REST APIs in \d+ ms", text)
    assert re.search(r"Registered REST API extensions: \[.*Core V3.*\]", text)
    assert re.search(r"Registered: \d+ schemas", text)
    assert "Extension algos is disabled" in text
    # A request is noted once it was answered, which the next one may overtake.
    noted, deadline = re.compile(r"INFO h2ok\.rest\.request: GET +200 +\d+ ms  /3/Cloud\n"), time.monotonic() + 10
    while not noted.search(server.get("/3/Logs/nodes/self/files/httpd")["log"]):
        assert time.monotonic() < deadline
    server.process.send_signal(number)
    assert server.wait() == 0


def test_heavy_libraries_are_not_imported_at_boot(start: Start) -> None:
    server = start()
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    for library in ("llvmlite", "pyarrow", "pandas", "scipy"):
        assert f"/{library}/" not in maps
    resident = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.process.pid}/status").read_text()).group(1))  # type: ignore[union-attr]
    assert resident < 80_000


def test_shutdown_over_rest_and_stop_command_end_with_status_0(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    server = start()
    assert server.get("/3/Shutdown", b"")["__meta"]["schema_name"] == "ShutdownV3"
    assert server.wait() == 0
    server = start()
    assert main(["stop", "--url", server.url]) == 0
    assert "ends" in capsys.readouterr().out
    assert server.wait() == 0


@pytest.mark.engine
def test_cloud_of_three_processes_forms_and_ends_without_leftovers(start: Start) -> None:
    server = start("--nodes", "3", "--name", f"three-{os.getpid()}", "--nthreads", "1")
    cloud = server.get("/3/Cloud")
    assert (cloud["cloud_size"], cloud["consensus"], cloud["cloud_healthy"]) == (3, True, True)
    pids = [n["pid"] for n in cloud["nodes"]]
    assert len(set(pids)) == 3
    assert len(server.get("/3/JStack")["traces"]) == 3
    assert server.get("/3/NetworkTest")["table"]["rowcount"] == 4
    other = next(n["ip_port"] for n in cloud["nodes"] if n["ip_port"] not in server.url)
    assert "h2ok started" in server.get(f"/3/Logs/nodes/{other}/files/info")["log"]
    with urllib.request.urlopen(f"http://{other}/3/Shutdown", data=b"", timeout=10):
        pass
    assert server.wait() == 0
    assert _gone(pids)


@pytest.mark.engine
def test_children_die_with_a_killed_parent(start: Start) -> None:
    server = start("--nodes", "2", "--name", f"two-{os.getpid()}", "--nthreads", "1")
    pids = [n["pid"] for n in server.get("/3/Cloud")["nodes"]]
    server.process.kill()
    server.wait()
    assert _gone(pids)


def test_requests_are_answered_while_others_wait(start: Start) -> None:
    server = start()
    address = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
    slow = [socket.create_connection(address) for _ in range(8)]
    try:
        for s in slow:
            s.sendall(b"POST /3/LogAndEcho HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nmessage=")
        begun = time.monotonic()
        for _ in range(20):
            server.get("/3/Ping")
        assert time.monotonic() - begun < 2.0
    finally:
        for s in slow:
            s.close()

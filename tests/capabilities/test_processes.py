"""Real processes as people start and end them: Ctrl-C while they work, and a second start where one runs already."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities.testing.server import free_ports

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]


class Terminal:
    """``h2ok start`` in a process group of its own, as a shell starts it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.log = folder / "log"
        command = [sys.executable, "-m", "h2ok.capabilities.cli", "start", "--nthreads", "1", "--ice-root", str(folder / "ice")]
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [*command, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                env={**os.environ, "TMPDIR": str(temporary)},
            )  # fmt: skip

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def await_start(self) -> str:
        until(lambda: "Open H2O Flow" in self.text or self.process.poll() is not None, 60)
        assert "Open H2O Flow" in self.text, self.text
        return self.text.partition("in your web browser: ")[2].split()[0]

    def ctrl_c(self) -> int:
        """What a terminal does: the signal goes to the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(30)

    def group(self) -> list[int]:
        """Processes of the group that still run."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.process.pid and fields[0] != "Z":
                    found.append(int(stat.parent.name))
        return found

    def left(self) -> list[str]:
        """Files below the ice root, logs aside."""
        return [str(p) for p in (self.folder / "ice").rglob("*") if p.is_file() and "h2ologs" not in p.parts]

    def close(self) -> None:
        for pid in self.group():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)


def until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def ask(url: str, data: bytes | None = None) -> Any:
    with urllib.request.urlopen(url, data=data, timeout=30) as answer:
        return json.load(answer)


def listens(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Terminal(folder, *arguments))
        return made[-1]

    yield start
    for t in made:
        t.close()


@pytest.mark.parametrize("nodes", [1, 3])
def test_ctrl_c_ends_a_cloud_at_work(terminal: Callable[..., Terminal], tmp_path: Path, nodes: int) -> None:
    port = free_ports(2 * nodes + 2)
    server = terminal("--port", str(port), "--nodes", str(nodes), "--name", f"c{port}", "--max-mem", "2g")
    url = server.await_start()
    csv = tmp_path / "a.csv"
    csv.write_text("x,y\n" + "".join(f"{i % 17},{'ab'[i * 7 % 3 > 1]}\n" for i in range(20_000)))
    raw = ask(f"{url}/3/ImportFiles?path={csv}")["destination_frames"]
    fields = {"source_frames": json.dumps(raw), "destination_frame": "f", "parse_type": "CSV", "separator": 44, "number_columns": 2}
    fields |= {"column_names": '["x","y"]', "column_types": '["Numeric","Enum"]', "check_header": 1, "blocking": "true"}
    ask(f"{url}/3/Parse", urllib.parse.urlencode(fields).encode())
    wanted = {"training_frame": "f", "response_column": "y", "ntrees": 50_000, "max_depth": 3}
    job = ask(f"{url}/3/ModelBuilders/gbm", urllib.parse.urlencode(wanted).encode())["job"]["key"]["name"]
    assert until(lambda: ask(f"{url}/3/Jobs/{job}")["jobs"][0]["progress"] > 0, 60)
    began = time.monotonic()
    assert server.ctrl_c() == 0
    assert time.monotonic() - began < 10
    assert until(lambda: not server.group(), 10)
    assert "Traceback" not in server.text
    assert not any(listens(p) for p in range(port, port + 2 * nodes))
    assert server.left() == []
    # Nothing stands in the way of the next start.
    again = terminal("--port", str(port), "--name", f"c{port}")
    again.await_start()
    assert again.ctrl_c() == 0


def test_ctrl_c_while_the_others_are_awaited_ends_at_once(terminal: Callable[..., Terminal]) -> None:
    port = free_ports(2)
    server = terminal("--port", str(port), "--cloud-size", "2")
    assert until(lambda: listens(port) and "h2ok started" in server.text, 30)
    began = time.monotonic()
    assert server.ctrl_c() == 0
    assert time.monotonic() - began < 10
    assert "Traceback" not in server.text


def refused(server: Terminal, words: Sequence[str]) -> None:
    """It ends with 1 and a sentence that says what to do, and leaves nothing."""
    assert server.process.wait(60) == 1
    last = server.text.strip().splitlines()[-1]
    assert last.startswith("h2ok: ")
    assert all(w in last for w in words), last
    assert "Traceback" not in server.text
    assert server.group() == []
    assert server.left() == []


def test_a_second_start_says_what_is_taken_and_leaves_the_first_alone(terminal: Callable[..., Terminal]) -> None:
    port = free_ports(6)
    first = terminal("--port", str(port + 2), "--name", f"c{port}")
    url = first.await_start()
    # The REST port, the node port, and a cloud whose own REST port is taken.
    refused(terminal("--port", str(port + 2), "--name", f"c{port}"), [f"127.0.0.1:{port + 2}", "--port"])
    refused(terminal("--port", str(port + 1), "--name", f"c{port}"), [f"127.0.0.1:{port + 2}", "--port"])
    refused(terminal("--port", str(port + 2), "--nodes", "2", "--name", f"c{port}"), [f"127.0.0.1:{port + 2}", "--port"])
    assert ask(f"{url}/3/Cloud")["cloud_size"] == 1
    # Without --port the next free one is taken.
    other = terminal("--base-port", str(port + 2), "--name", f"other{port}")
    assert other.await_start() not in (url, "")
    assert other.ctrl_c() == 0
    assert first.ctrl_c() == 0


def ready(port: int) -> bool:
    """What a load balancer would see. A node that says it is ready must be in the cloud of all."""
    try:
        ask(f"http://127.0.0.1:{port}/ready")
    except OSError:
        return False
    cloud = ask(f"http://127.0.0.1:{port}/3/Cloud")
    assert (cloud["cloud_size"], cloud["consensus"], cloud["locked"]) == (3, True, True), cloud
    return True


def frames_at(port: int) -> list[str]:
    return [f["frame_id"]["name"] for f in ask(f"http://127.0.0.1:{port}/3/Frames")["frames"]]


def make_frame(port: int) -> None:
    fields = urllib.parse.urlencode({"dest": "made", "rows": 1000, "cols": 2}).encode()
    job = ask(f"http://127.0.0.1:{port}/3/CreateFrame", fields)["key"]["name"]
    assert until(lambda: ask(f"http://127.0.0.1:{port}/3/Jobs/{job}")["jobs"][0]["status"] == "DONE", 30)


def test_a_killed_node_started_again_rejoins_and_is_ready_only_then(tmp_path: Path, terminal: Callable[..., Terminal]) -> None:
    first = free_ports(6)
    ports = (first, first + 2, first + 4)
    flatfile = tmp_path / "flatfile"
    flatfile.write_text("".join(f"127.0.0.1:{p}\n" for p in ports))
    commands = {p: ("--port", str(p), "--flatfile", str(flatfile), "--name", f"c{first}", "--cloud-size", "3") for p in ports}
    nodes = {p: terminal(*commands[p]) for p in ports}
    for node in nodes.values():
        node.await_start()
    make_frame(ports[0])
    for port in (ports[0], ports[2]):
        nodes[port].process.kill()
        nodes[port].process.wait(10)
        others = [p for p in ports if p != port]
        # Without the option that waits for three, as somebody would type it who knows of no cloud size.
        nodes[port] = terminal(*commands[port][:-2])
        assert until(lambda port=port: ready(port), 20), nodes[port].text
        assert until(lambda: all(ask(f"http://127.0.0.1:{p}/3/Cloud")["cloud_size"] == 3 for p in ports), 10)
        assert [frames_at(p) for p in ports] == [["made"]] * 3
        assert until(lambda others=others: ask(f"http://127.0.0.1:{others[0]}/3/CloudState")["lost_nodes"] == [], 10)
        assert until(lambda: all("h2ok_copies_missing 0" in metrics(p) for p in ports), 10)
    for node in nodes.values():
        assert node.ctrl_c() == 0


def metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def test_any_process_of_nodes_may_be_killed_and_comes_back(terminal: Callable[..., Terminal]) -> None:
    first = free_ports(8)
    ports = (first, first + 2, first + 4)
    server = terminal("--port", str(first), "--nodes", "3", "--name", f"c{first}")
    server.await_start()
    make_frame(first)
    for i in (0, 2):
        pids = {n["ip_port"]: n["pid"] for n in ask(f"http://127.0.0.1:{ports[1]}/3/Cloud")["nodes"]}
        os.kill(pids[f"127.0.0.1:{ports[i]}"], signal.SIGKILL)
        assert frames_at(ports[1]) == ["made"]
        assert until(lambda i=i: "SIGKILL" in server.text and ready(ports[i]), 20), server.text
        assert [frames_at(p) for p in ports] == [["made"]] * 3
        assert until(lambda: all("h2ok_copies_missing 0" in metrics(p) for p in ports), 10)
    assert server.text.count("It is started again") == 2
    assert server.process.poll() is None
    assert server.ctrl_c() == 0
    assert until(lambda: not server.group(), 10)
    # A clean stop is no reason to warn.
    ends = [p.read_text().rpartition("Shutting down")[2] for p in (server.folder / "ice" / "h2ologs").glob("*.log")]
    assert len(ends) == 4
    assert "WARN" not in "".join(ends)


def test_a_killed_supervisor_leaves_no_process_and_no_file(terminal: Callable[..., Terminal]) -> None:
    port = free_ports(6)
    server = terminal("--port", str(port), "--nodes", "2", "--name", f"c{port}")
    server.await_start()
    server.process.kill()
    server.process.wait(10)
    assert until(lambda: not server.group(), 15)
    assert [p.name for p in (server.folder / "tmp").iterdir() if "flatfile" in p.name] == []

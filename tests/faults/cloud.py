"""RealCloud: nodes as real processes, on loopback or in network namespaces, and everything that may happen to them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from h2ok.kernel.testing import free_ports

if __package__:
    from .network import Network, cut_link, mend_link
else:
    from network import Network, cut_link, mend_link

#: Seconds a request may take whatever happens: the time until a member counts as dead, and as much again to take over.
DEADLINE = 30.0
#: Lines of a node's log that a failed round shows.
_SHOWN = 15


class FaultError(AssertionError):
    """What the schedule found."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    seconds: float


class ForeignProcess:
    """A process that somebody else started, with the few methods of ``Popen`` that are needed here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """None while it runs."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return 0
        return 0 if state == "Z" else None

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout: float) -> int:
        if not wait(lambda: self.poll() is not None, timeout, 0.005):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return 0


@dataclass
class Member:
    """One process. ``cut`` takes it off the network (namespaces only)."""

    ip: str
    port: int
    process: subprocess.Popen[bytes] | ForeignProcess
    log: Path
    namespace: str = ""

    @property
    def name(self) -> str:
        return f"{self.ip}:{self.port}"

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def forget(self) -> None:
        """Close what leads to a process that has ended."""
        if isinstance(self.process, subprocess.Popen) and self.process.stdin is not None:
            self.process.stdin.close()

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def cut(self) -> None:
        cut_link(self.namespace)

    def mend(self) -> None:
        mend_link(self.namespace)

    def ask(self, method: str, path: str, /, deadline: float = DEADLINE, **fields: Any) -> Answer:
        """A REST call. Raises FaultError when there is no answer in time, ConnectionError when the process is gone."""
        url = f"http://{self.name}{path}"
        text = urllib.parse.urlencode({k: json.dumps(v) if isinstance(v, (list, dict)) else v for k, v in fields.items()})
        data = text.encode() if method == "POST" else None
        request = urllib.request.Request(url + (f"?{text}" if text and data is None else ""), data=data, method=method)
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=deadline) as reply:
                return Answer(reply.status, _json(reply.read()), time.monotonic() - began)
        except urllib.error.HTTPError as e:
            with e:
                return Answer(e.code, _json(e.read()), time.monotonic() - began)
        except (TimeoutError, OSError) as e:
            if time.monotonic() - began > deadline - 0.5:
                raise FaultError(f"{method} {path} on {self.name} had no answer within {deadline} s") from e
            raise ConnectionError(f"{self.name}: {e}") from e

    def get(self, path: str, /, **fields: Any) -> Any:
        answer = self.ask("GET", path, **fields)
        if answer.status != 200:
            raise FaultError(f"GET {path} on {self.name}: {answer.status} {_message(answer.body)}")
        return answer.body

    def post(self, path: str, /, **fields: Any) -> Any:
        answer = self.ask("POST", path, **fields)
        if answer.status != 200:
            raise FaultError(f"POST {path} on {self.name}: {answer.status} {_message(answer.body)}")
        return answer.body

    def metric(self, name: str) -> float:
        lines = self.get("/metrics").splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith(name + " ")))

    def stacks(self) -> str:
        """What the threads of this node and those it reaches are doing, the idle ones aside."""
        try:
            traces = self.get("/3/JStack")["traces"]
        except (ConnectionError, FaultError) as e:
            return f"--- {self.name}: {e}"
        own = [t for trace in traces if self.name in trace["node"] for t in trace["thread_traces"]]
        return f"--- stacks of {self.name} ---\n" + "\n".join(t for t in own if "_next" not in t and "work_queue.get" not in t)

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        lines = [line for line in lines if "INFO h2ok.boot" not in line and "INFO h2ok.rest.server" not in line]
        return f"--- {self.name} ---\n" + "\n".join(lines[-_SHOWN:])


class RealCloud:
    """``size`` nodes that find each other by flatfile; ``replace`` starts another one where one was lost.

    Parameters
    ----------
    same_address : a lost node is started again by the command it was started with, at once.
    namespaces : give each node a network namespace of its own on a bridge, so that links can be cut. Needs root.
    """

    def __init__(
        self,
        folder: Path,
        size: int = 3,
        replicas: int = 1,
        *,
        namespaces: bool = False,
        arguments: Sequence[str] = (),
        same_address: bool = False,
    ):
        self.same_address = same_address
        self._flatfile: list[tuple[str, int, str]] = []
        self.folder, self.size, self.replicas, self.namespaces = folder, size, replicas, namespaces
        self.arguments = arguments
        self.name = f"faults-{os.getpid()}-{id(self) % 10000}"
        self.members: list[Member] = []
        self.network = Network() if namespaces else None

    def __enter__(self) -> Self:
        try:
            if self.network is not None:
                self.network.open()
            places = self._flatfile = [self._place() for _ in range(self.size)]
            for place in places:
                self._start(*place, others=places)
            self.settle()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for m in self.members:
            with contextlib.suppress(ProcessLookupError):
                m.go_on()
            m.process.terminate()
        for m in self.members:
            try:
                m.process.wait(20)
            except subprocess.TimeoutExpired:
                m.kill()
            m.forget()
            self._remove_namespace(m)
        if self.network is not None:
            self.network.close()

    @property
    def leader(self) -> Member:
        first = self.members[0].get("/3/Cloud")["nodes"][0]["ip_port"]
        return next(m for m in self.members if m.name == first)

    def replace(self, lost: Member) -> Member:
        """Take a lost node out and start another one in its stead."""
        self.members.remove(lost)
        lost.forget()
        self._remove_namespace(lost)
        ip, port, namespace = self._place()
        return self._start(ip, port, namespace, [(m.ip, m.port, m.namespace) for m in self.members])

    def start_again(self, lost: Member) -> Member:
        """Start a lost node as it was started before, with the same flatfile at the same address."""
        self.members.remove(lost)
        lost.forget()
        return self._start(lost.ip, lost.port, lost.namespace, self._flatfile)

    def is_back(self, member: Member) -> bool:
        """Whether a node that was started again says that it is ready, and is in the cloud of all then."""
        try:
            if member.ask("GET", "/ready").status != 200:
                return False
            state = member.get("/3/Cloud")
        except ConnectionError:
            return False
        if state["cloud_size"] != self.size or not state["consensus"] or not state["locked"]:
            raise FaultError(f"{member.name} says it is ready, but is in a cloud of {state['cloud_size']}")
        return True

    def settle(self, seconds: float = 90.0) -> None:
        """Wait until all nodes agree, are healthy and hold all copies."""
        wanted = self.size

        def settled() -> bool:
            for m in self.members:
                try:
                    state = m.get("/3/Cloud")
                except ConnectionError:
                    return False
                if state["cloud_size"] != wanted or not state["cloud_healthy"] or not state["consensus"]:
                    return False
            return all(m.metric("h2ok_copies_missing") == 0 for m in self.members)

        if not wait(settled, seconds):
            raise FaultError("The cloud does not come to rest.\n" + "\n".join(m.last_words() for m in self.members))

    def _place(self) -> tuple[str, int, str]:
        if self.network is None:
            return "127.0.0.1", free_ports(1)[0], ""
        namespace, ip = self.network.add()
        return ip, 54321, namespace

    def _remove_namespace(self, m: Member) -> None:
        if self.network is not None:
            self.network.remove(m.namespace)

    def _start(self, ip: str, port: int, namespace: str, others: Sequence[tuple[str, int, str]]) -> Member:
        folder = self.folder / f"node-{len(list(self.folder.glob('node-*')))}"
        folder.mkdir()
        flatfile = folder / "flatfile"
        flatfile.write_text("".join(f"{i}:{p}\n" for i, p, _ in others))
        command = [sys.executable, "-m", "h2ok.capabilities.cli", "start", "--name", self.name, "--ip", ip, "--port", str(port)]
        command += ["--flatfile", str(flatfile), "--ice-root", str(folder), "--replicas", str(self.replicas), "--nthreads", "1"]
        command += ["--watch-stdin", *(["--insecure"] if namespace else []), *self.arguments]
        log = folder / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*(["ip", "netns", "exec", namespace] if namespace else []), *command],
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT,
                env={**os.environ, "H2OK_CLUSTER_SECRET": "the secret of the schedule"} if namespace else None,
            )  # fmt: skip
        self.members.append(Member(ip, port, process, log, namespace))
        return self.members[-1]


def wait(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> bool:
    """Wait until ``condition`` holds; what it gave last."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


@contextlib.contextmanager
def real_cloud(folder: Path, kind: type[RealCloud] = RealCloud, **options: Any) -> Iterator[RealCloud]:
    """A cloud that ends without leaving a process."""
    cloud = kind(folder, **options)
    with cloud:
        yield cloud
    left = [m.name for m in cloud.members if m.running]
    assert not left, f"Processes were left: {left}"


def _message(body: Any) -> str:
    return str(body["msg"]).strip() if isinstance(body, dict) and "msg" in body else str(body)[:500]


def _json(body: bytes) -> Any:
    text = body.decode()
    return json.loads(text) if text[:1] in "{[" and text else text

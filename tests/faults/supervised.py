"""SupervisedCloud: what ``h2ok start --nodes 3`` starts, and starts again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from h2ok.capabilities.testing.server import free_ports

if __package__:
    from .cloud import ForeignProcess, Member, RealCloud, wait
else:
    from cloud import ForeignProcess, Member, RealCloud, wait

__all__ = ["SupervisedCloud"]

#: Until the supervisor has noticed an end and another process of the same address listens.
_START_SECONDS = 20.0


class SupervisedCloud(RealCloud):
    """Its nodes are processes of a supervisor, which replaces lost ones by itself."""

    def __init__(self, folder: Path, size: int = 3, replicas: int = 1, arguments: Sequence[str] = ()) -> None:
        super().__init__(folder, size, replicas, arguments=arguments, same_address=True)
        self.supervisor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        first = free_ports(2 * self.size + 2)
        log = self.folder / "log"
        command = [sys.executable, "-m", "h2ok.capabilities.cli", "start", "--nodes", str(self.size), "--port", str(first)]
        command += [
            "--name",
            self.name,
            "--ice-root",
            str(self.folder / "ice"),
            "--replicas",
            str(self.replicas),
            "--nthreads",
            "1",
        ]
        command += ["--watch-stdin", *self.arguments]
        with log.open("wb") as out:
            self.supervisor = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)
        try:
            if not wait(lambda: b"All 3 nodes are in the cloud" in log.read_bytes() or self.supervisor.poll() is not None, 60):
                raise TimeoutError(log.read_text(errors="replace"))
            nodes = Member("127.0.0.1", first, ForeignProcess(0), log).get("/3/Cloud")["nodes"]
            for node in nodes:
                ip, _, port = node["ip_port"].rpartition(":")
                self.members.append(Member(ip, int(port), ForeignProcess(node["pid"]), log))
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        supervisor = self.supervisor
        if supervisor is None:
            return
        supervisor.terminate()
        status = supervisor.wait(30)
        if supervisor.stdin is not None:
            supervisor.stdin.close()
        assert status == 0, f"the supervisor ended with status {status}"

    @property
    def first(self) -> Member:
        """The node that was the parent of the others once."""
        return min(self.members, key=lambda m: m.port)

    def start_again(self, lost: Member) -> Member:
        """Find the process that the supervisor starts at the address of a lost one."""
        found: list[int] = []

        def started() -> bool:
            text = lost.log.read_text(errors="replace")
            assert "is not started again" not in text, text[-3000:]
            try:
                nodes = Member(lost.ip, lost.port, lost.process, lost.log).get("/3/Cloud")["nodes"]
            except ConnectionError:
                return False
            found.extend(n["pid"] for n in nodes if n["ip_port"] == lost.name)
            return bool(found)

        self.members.remove(lost)
        if not wait(started, _START_SECONDS):
            raise TimeoutError(f"{lost.name} was not started again:\n{lost.last_words()}")
        self.members.append(Member(lost.ip, lost.port, ForeignProcess(found[0]), lost.log))
        return self.members[-1]

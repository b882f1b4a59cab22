"""ServerProcess: ``h2ok start`` as a child process, for tests that drive real processes through HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ServerProcess", "free_ports"]

_ADDRESS = re.compile(r"Open H2O Flow in your web browser: (\S+)")


def free_ports(count: int) -> int:
    """First of ``count`` consecutive ports that nobody listens on, below the range the system hands out by itself.

    Raises
    ------
    RuntimeError
        There is no such run of ports.
    """
    first = 20_000 + os.getpid() % 500 * 20
    for start in range(first, 32_000 - count, count):
        with contextlib.ExitStack() as held:
            try:
                for port in range(start, start + count):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return start
    raise RuntimeError(f"no {count} consecutive free ports below 32000")


class ServerProcess:
    """A cloud of ``nodes`` processes on loopback. ``url`` is its address, ``log`` what it printed so far.

    Parameters
    ----------
    arguments : further arguments of ``h2ok start``.
    environment : variables to set beside the present ones.
    python : interpreter to run it with, the present one unless told.
    folder : where it runs, which relative paths that clients send begin at; the present one unless told.
    """

    def __init__(
        self,
        ice_root: Path,
        nodes: int = 1,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
        folder: Path | None = None,
    ) -> None:
        port = free_ports(2 * nodes + 2)
        command = [python, "-m", "h2ok.capabilities.cli", "start", "--name", f"test-{port}", "--port", str(port)]
        command += ["--ice-root", str(ice_root), "--nodes", str(nodes), *arguments]
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(environment or {})},
            cwd=folder,
        )
        self.log: list[str] = []
        self.url = self._await_address()
        self._reader = threading.Thread(target=self._drain, name="server-log", daemon=True)
        self._reader.start()

    def pids(self) -> list[int]:
        """Processes of the nodes, that of ``url`` first. ``process`` is the supervisor where there are several."""
        with urllib.request.urlopen(f"{self.url}/3/Cloud", timeout=20) as answer:  # noqa: S310 - our own server
            nodes = json.load(answer)["nodes"]
        return [n["pid"] for n in sorted(nodes, key=lambda n: n["ip_port"] not in self.url)]

    def stop(self, timeout: float = 20.0) -> int:
        """End the server with SIGTERM and return its exit code; a server that does not end is killed and reported.

        Raises
        ------
        TimeoutError
            It did not end within ``timeout`` seconds.
        """
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout: float = 20.0) -> int:
        """Wait for the server to end by itself and return its exit code. Raises TimeoutError after killing it."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired as e:
            self.process.kill()
            self.process.wait()
            raise TimeoutError(f"the server did not end within {timeout} s:\n" + "".join(self.log[-20:])) from e
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def _await_address(self) -> str:
        for line in self.process.stdout or ():
            self.log.append(line)
            found = _ADDRESS.search(line)
            if found:
                return found.group(1)
        self.process.wait()
        raise RuntimeError("the server did not start:\n" + "".join(self.log))

    def _drain(self) -> None:
        with contextlib.suppress(ValueError):
            self.log.extend(self.process.stdout or ())

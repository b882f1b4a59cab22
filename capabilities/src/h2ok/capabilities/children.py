"""Children: the other nodes of a cloud that one ``h2ok start --nodes N`` runs on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time

from h2ok.capabilities.contracts.launcher import Launcher, LaunchPlan
from h2ok.capabilities.ports import free_port, listen
from h2ok.kernel import H2OKError

__all__ = ["Children"]

_log = logging.getLogger("h2ok.boot")
_END_SECONDS = 5.0


class Children(Launcher):
    """``n_nodes - 1`` processes on the next free ports. They end with this process, however it ends.

    Notes
    -----
    Each child watches its standard input, a pipe from here: when this process dies, the pipe closes and the child stops.
    """

    def __init__(self, plan: LaunchPlan) -> None:
        super().__init__(plan)
        self._ports = _next_ports(plan.ip, plan.port, plan.n_nodes - 1)
        self._addresses = [f"{plan.ip}:{p}" for p in (plan.port, *self._ports)]
        self._flatfile = ""
        self._processes: list[subprocess.Popen[bytes]] = []
        self._reported: set[int] = set()

    @property
    def addresses(self) -> list[str]:
        """``ip:port`` of all nodes, this one first."""
        return self._addresses

    def start(self) -> None:
        """Start the processes; returns at once."""
        handle, self._flatfile = tempfile.mkstemp(prefix="h2ok-flatfile-", suffix=".txt")
        with os.fdopen(handle, "w") as f:
            f.write("\n".join(self.addresses) + "\n")
        for port in self._ports:
            command = [sys.executable, "-m", "h2ok.capabilities.cli", "start", *self._options(port)]
            self._processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL))  # noqa: S603 - our own command

    def _options(self, port: int) -> list[str]:
        """Our own options, those of extensions included; of an option given twice the last one counts."""
        plan = self.plan
        own = ["--nodes", "1", "--port", str(port), "--name", plan.name, "--ice-root", str(plan.ice_root)]
        return [*plan.options, *own, "--flatfile", self._flatfile, "--cloud-size", str(plan.n_nodes), "--watch-stdin", "--quiet"]

    def check(self, *, strict: bool = False) -> None:
        """Report children that ended. ``strict``: raise, because the cloud is not formed yet.

        Raises
        ------
        H2OKError
            A child ended while the cloud was forming.
        """
        for i, process in enumerate(self._processes):
            status = process.poll()
            if status is None or i in self._reported:
                continue
            self._reported.add(i)
            text = f"Node {self.addresses[i + 1]} (process {process.pid}) ended with status {status}."
            if strict:
                raise H2OKError(f"{text} Its log is in {self.plan.ice_root / 'h2ologs'}.")
            _log.warning("%s", text)

    def ask_to_end(self) -> None:
        """Ask all children to end; returns at once."""
        for process in self._processes:
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
            if process.poll() is None:
                process.terminate()

    def close(self) -> None:
        """Wait for the children to end, and kill those that do not."""
        self.ask_to_end()
        deadline = time.monotonic() + _END_SECONDS
        for process in self._processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._flatfile:
            with contextlib.suppress(OSError):
                os.unlink(self._flatfile)


def _next_ports(ip: str, port: int, count: int) -> list[int]:
    """Free REST ports above ``port``, each with a free successor. All are held while choosing, then given back."""
    held: list[socket.socket] = []
    ports: list[int] = []
    try:
        while len(ports) < count:
            sock = free_port(ip, port + 2)
            port = sock.getsockname()[1]
            held += [sock, listen(ip, port + 1)]
            ports.append(port)
    finally:
        for sock in held:
            sock.close()
    return ports

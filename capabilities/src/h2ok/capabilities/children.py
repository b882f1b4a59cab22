"""Children: the nodes of a cloud that ``h2ok start --nodes N`` runs on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping

from h2ok.capabilities.contracts.launcher import Launcher, LaunchPlan, NodeState
from h2ok.capabilities.ports import free_port, listen

__all__ = ["Children", "Report"]

_END_SECONDS = 5.0
#: What a child says when it is in the cloud.
_READY = "ready"


class Report:
    """How a child tells the process that started it how it is: a line on a pipe whenever that changes.

    Parameters
    ----------
    descriptor : of the pipe's end to write to; below zero when nobody listens.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._said = ""

    def tell(self, outside: str) -> None:
        """Say that this node is in the cloud, or why it is not."""
        text = " ".join(outside.split()) or _READY
        if self._descriptor >= 0 and text != self._said:
            self._said = text
            with contextlib.suppress(OSError):
                os.write(self._descriptor, f"{text}\n".encode())


class _Child:
    """One process at one address."""

    def __init__(self, command: list[str], *, shown: bool) -> None:
        self._reports, theirs = os.pipe()
        os.set_blocking(self._reports, False)
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, "--report", str(theirs)],
                stdin=subprocess.PIPE,
                stdout=None if shown else subprocess.DEVNULL,
                pass_fds=(theirs,),
            )
        finally:
            os.close(theirs)
        self._rest, self._last = b"", ""
        self._was_ready = False

    def state(self) -> NodeState:
        """How it is now."""
        # Before what it said, which is complete when it has ended.
        status = self.process.poll()
        with contextlib.suppress(BlockingIOError):
            *lines, self._rest = (self._rest + os.read(self._reports, 65_536)).split(b"\n")
            self._was_ready |= _READY.encode() in lines
            self._last = lines[-1].decode(errors="replace") if lines else self._last
        if status is not None:
            return NodeState("left" if status == 0 else "ended", _end_text(status), self._was_ready)
        if self._last == _READY:
            return NodeState("ready", f"process {self.process.pid}", was_ready=True)
        return NodeState("waiting" if self._was_ready else "starting", self._last or f"process {self.process.pid}", self._was_ready)

    def ask_to_end(self) -> None:
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        if self.process.poll() is None:
            self.process.terminate()

    def close(self, deadline: float) -> None:
        self.ask_to_end()
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._reports >= 0:
            os.close(self._reports)
            self._reports = -1


class Children(Launcher):
    """``n_nodes`` processes, from the plan's port upwards. They end with this process, however it ends.

    Notes
    -----
    Each child watches its standard input, a pipe from here: when this process dies, the pipe closes and the child stops.
    The first one writes its log to the standard output of this process too.
    """

    def __init__(self, plan: LaunchPlan) -> None:
        super().__init__(plan)
        self._addresses = [f"{plan.ip}:{p}" for p in (plan.port, *_next_ports(plan.ip, plan.port, plan.n_nodes - 1))]
        self._children: dict[str, _Child] = {}

    @property
    def addresses(self) -> list[str]:
        """``ip:port`` of all nodes, that of the plan first."""
        return self._addresses

    def start(self) -> None:
        """Start the processes; returns at once."""
        for node in self._addresses:
            self._start(node)

    def _start(self, node: str) -> None:
        first = node == self._addresses[0]
        command = [sys.executable, "-m", "h2ok.capabilities.cli", "start", *self._options(node), *([] if first else ["--quiet"])]
        self._children[node] = _Child(command, shown=first)

    def _options(self, node: str) -> list[str]:
        """Our own options, those of extensions included; of an option given twice the last one counts."""
        plan, port = self.plan, node.rpartition(":")[2]
        own = ["--nodes", "1", "--port", port, "--name", plan.name, "--ice-root", str(plan.ice_root)]
        return [*plan.options, *own, "--members", ",".join(self._addresses), "--cloud-size", str(plan.n_nodes), "--watch-stdin"]

    def states(self) -> Mapping[str, NodeState]:
        """How the processes are."""
        return {node: child.state() for node, child in self._children.items()}

    def replace(self, node: str) -> None:
        """Start another process at the address of one that has ended."""
        self._children.pop(node).close(time.monotonic())
        self._start(node)

    def ask_to_end(self) -> None:
        """Ask all children to end; returns at once."""
        for child in self._children.values():
            child.ask_to_end()

    def close(self) -> None:
        """Wait for the children to end, and kill those that do not."""
        self.ask_to_end()
        deadline = time.monotonic() + _END_SECONDS
        for child in self._children.values():
            child.close(deadline)
        self._children.clear()


def _end_text(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


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

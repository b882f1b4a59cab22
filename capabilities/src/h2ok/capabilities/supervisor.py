"""Supervisor: the process behind ``h2ok start --nodes N``. It starts the nodes, replaces lost ones, and holds no data itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from h2ok.capabilities.contracts.launcher import Launcher, NodeState
from h2ok.kernel import H2OKError

__all__ = ["Supervisor"]

_log = logging.getLogger("h2ok.boot")
#: Between two looks at the nodes.
_LOOK_SECONDS = 0.25
#: A node that ends before it was ready is started again after 1, 2, 4, ... seconds, so many times in a row.
_LONGEST_PAUSE, _FAILED_STARTS = 16.0, 5
#: One that was ready is started again at once, but so often at most in so many seconds.
_MOST_STARTS, _STARTS_WITHIN = 40, 600.0


@dataclass(slots=True)
class _Watched:
    """What was seen of one node."""

    state: NodeState = field(default_factory=lambda: NodeState("starting"))
    #: Ends in a row before it was ready.
    failed: int = 0
    #: Whether it was in the cloud since it was started last; ever.
    was_ready: bool = False
    was_in: bool = False
    #: When to start it again; None when that is not due.
    due: float | None = None


class Supervisor:
    """Looks after the nodes of one launcher until all have ended or ``stop`` is set.

    Parameters
    ----------
    launcher : not started yet.
    logs : where logs of the nodes are, for messages.
    restart : start lost nodes again at their address.
    form_seconds : until all nodes must be in the cloud for the first time.
    clock : seconds that do not go back.
    """

    def __init__(
        self,
        launcher: Launcher,
        logs: str,
        *,
        restart: bool = True,
        form_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._launcher = launcher
        self._logs = logs
        self._restart = restart
        self._form_seconds = form_seconds
        self._clock = clock
        self._nodes = {address: _Watched() for address in launcher.addresses}
        self._formed = False
        self._starts: dict[str, list[float]] = {address: [] for address in launcher.addresses}
        self._began = 0.0

    def run(self, stop: threading.Event) -> int:
        """Start the nodes and look after them; the exit status: 0 when all ended as they were asked to.

        Raises
        ------
        H2OKError
            A node ended before the cloud was formed, or that took too long.
        """
        try:
            self._began = self._clock()
            self._launcher.start()
            while not stop.wait(_LOOK_SECONDS):
                if not self.look():
                    return self._status()
            _log.info("Shutting down")
            self._launcher.ask_to_end()
            return 0
        finally:
            self._launcher.close()

    def look(self) -> bool:
        """Look at all nodes once and do what is due; false when there is nothing to look after any more."""
        states = self._launcher.states()
        for address, state in states.items():
            self._see(address, state)
        if not self._formed:
            self._await_cloud(states)
        for address, node in self._nodes.items():
            if node.due is not None and self._clock() >= node.due:
                self._replace(address)
        return any(not n.state.over or n.due is not None for n in self._nodes.values())

    def _see(self, address: str, state: NodeState) -> None:
        """Note the state of a node, and tell when it has changed."""
        node = self._nodes[address]
        before, node.state = node.state, state
        if state.phase == "ready" or state.was_ready:
            node.failed, node.was_ready, node.was_in = 0, True, True
        if (state.phase, state.over) == (before.phase, before.over) and (state.text == before.text or state.phase != "waiting"):
            return
        if state.phase == "ended":
            self._plan_restart(address, node)
        else:
            text = {
                "ready": f"is in the cloud ({state.text})",
                "waiting": f"is not in the cloud: {state.text}",
                "left": "has ended as it was asked to",
                "starting": "is starting",
            }[state.phase]
            _log.log(logging.WARNING if state.phase == "waiting" else logging.INFO, "Node %s %s.", address, text.rstrip("."))

    def _await_cloud(self, states: Mapping[str, NodeState]) -> None:
        gone = [(a, s) for a, s in states.items() if s.phase == "ended" and not self._nodes[a].was_in]
        if gone:
            address, state = gone[0]
            raise H2OKError(f"Node {address} ended with {state.text} before the cloud was formed. Its log is in {self._logs}.")
        if all(n.was_in for n in self._nodes.values()):
            self._formed = True
            _log.info("All %d nodes are in the cloud.", len(states))
        elif self._clock() - self._began > self._form_seconds:
            slow = ", ".join(f"{a} ({s.phase}: {s.text})" for a, s in states.items() if not self._nodes[a].was_in)
            raise H2OKError(
                f"The cloud was not formed within {self._form_seconds:g} s. Not in it: {slow}. Logs are in {self._logs}."
            )

    def _plan_restart(self, address: str, node: _Watched) -> None:
        """Decide what becomes of a node that has ended."""
        now, text = self._clock(), f"Node {address} has ended ({node.state.text})."
        if not node.was_in:
            return
        if not self._restart:
            _log.warning("%s It is not started again (--no-restart).", text)
            return
        if not node.was_ready:
            node.failed += 1
        node.was_ready = False
        recent = self._starts[address] = [t for t in self._starts[address] if now - t < _STARTS_WITHIN]
        if node.failed >= _FAILED_STARTS or len(recent) >= _MOST_STARTS:
            in_a_row = node.failed >= _FAILED_STARTS
            times = f"{node.failed} times in a row" if in_a_row else f"{len(recent)} times in {_STARTS_WITHIN:g} s"
            _log.error("%s That was %s: it is not started again. Its log is in %s; the others go on.", text, times, self._logs)
            return
        pause = min(_LONGEST_PAUSE, 2.0 ** (node.failed - 1)) if node.failed else 0.0
        node.due = now + pause
        _log.warning("%s It is started again%s.", text, f" in {pause:g} s" if pause else "")

    def _replace(self, address: str) -> None:
        node = self._nodes[address]
        node.due = None
        if all(n.state.phase == "left" for a, n in self._nodes.items() if a != address):
            # The cloud was shut down meanwhile.
            return
        self._starts[address].append(self._clock())
        try:
            self._launcher.replace(address)
        except H2OKError as e:
            _log.error("%s", e.message)
            return
        node.state = NodeState("starting")

    def _status(self) -> int:
        failed = [a for a, n in self._nodes.items() if n.state.phase == "ended"]
        if not failed:
            _log.info("All nodes have ended.")
            return 0
        if any(n.state.phase == "left" for n in self._nodes.values()):
            _log.warning("The cloud has ended; these had ended before: %s.", ", ".join(failed))
            return 0
        _log.error("No node is left: %s. Logs are in %s.", ", ".join(failed), self._logs)
        return 1

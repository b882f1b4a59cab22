"""The supervisor's decisions, with a launcher that starts nothing and a clock that the test moves."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from h2ok.capabilities.children import Report, _Child, _end_text
from h2ok.capabilities.contracts.launcher import Launcher, LaunchPlan, NodeState
from h2ok.capabilities.supervisor import Supervisor
from h2ok.kernel import H2OKError

A, B, C = (f"127.0.0.1:{p}" for p in (1, 3, 5))


class Scripted(Launcher):
    """Nodes whose states the test sets; what was replaced is kept."""

    def __init__(self) -> None:
        super().__init__(LaunchPlan(3, "c", "127.0.0.1", 1, Path()))
        self.now: dict[str, NodeState] = {a: NodeState("starting") for a in self.addresses}
        self.replaced: list[str] = []
        self.ended = 0
        self.closed = 0

    @property
    def addresses(self) -> list[str]:
        return [A, B, C]

    def start(self) -> None:
        pass

    def states(self) -> Mapping[str, NodeState]:
        return dict(self.now)

    def replace(self, node: str) -> None:
        self.replaced.append(node)
        self.now[node] = NodeState("starting")

    def ask_to_end(self) -> None:
        self.ended += 1

    def close(self) -> None:
        self.closed += 1


class Watch:
    """A supervisor of a cloud that is formed, and its clock."""

    def __init__(self, *, restart: bool = True) -> None:
        self.time = 0.0
        self.launcher = Scripted()
        self.supervisor = Supervisor(self.launcher, "/logs", restart=restart, clock=lambda: self.time)
        self.set(A, B, C, phase="ready")

    def set(self, *nodes: str, phase: str, text: str = "") -> bool:
        for node in nodes:
            self.launcher.now[node] = NodeState(phase, text)  # type: ignore[arg-type]
        return self.supervisor.look()

    def after(self, seconds: float) -> bool:
        self.time += seconds
        return self.supervisor.look()


@pytest.fixture
def watch(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.setattr(logging.getLogger("h2ok"), "propagate", True)
    with caplog.at_level(logging.INFO, "h2ok.boot"):
        yield Watch()


@pytest.mark.parametrize("node", [A, B, C])
def test_a_lost_node_is_replaced_at_its_address_whichever_it_is(watch: Watch, node: str, caplog: pytest.LogCaptureFixture) -> None:
    assert watch.set(node, phase="ended", text="signal SIGKILL")
    assert watch.launcher.replaced == [node]
    assert f"Node {node} has ended (signal SIGKILL). It is started again." in caplog.text
    assert watch.set(node, phase="ready", text="process 7")
    assert f"Node {node} is in the cloud (process 7)." in caplog.text


def test_a_node_that_does_not_come_up_is_tried_more_and_more_rarely_and_then_left(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.set(B, phase="ended", text="status 1")
    starts = []
    for _ in range(4000):
        if watch.launcher.now[B].phase == "starting":
            starts.append(watch.time)
            watch.set(B, phase="ended", text="status 1")
        assert watch.after(0.25)
    pauses = [b - a for a, b in pairwise(starts)]
    assert pauses == sorted(pauses)
    assert pauses[0] >= 1
    assert len(starts) == 5
    assert "5 times in a row: it is not started again. Its log is in /logs; the others go on." in caplog.text
    # The last one that ends ends the supervisor, too.
    for node in (A, C):
        watch.launcher.now[node] = NodeState("left")
    assert not watch.supervisor.look()
    assert watch.supervisor._status() == 0


def test_a_node_that_comes_up_and_dies_again_and_again_is_left_too(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(60):
        watch.set(C, phase="ended", text="signal SIGSEGV")
        watch.after(1)
        if watch.launcher.now[C].phase == "starting":
            watch.set(C, phase="ready")
    assert len(watch.launcher.replaced) == 40
    assert "40 times in 600 s: it is not started again" in caplog.text


def test_a_node_that_came_up_is_forgiven(watch: Watch) -> None:
    for _ in range(12):
        watch.set(B, phase="ended")
        watch.after(1)
        watch.set(B, phase="ready")
        watch.after(60)
    assert len(watch.launcher.replaced) == 12


def test_no_restart_leaves_a_lost_node_lost(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("h2ok"), "propagate", True)
    with caplog.at_level(logging.WARNING, "h2ok.boot"):
        watch = Watch(restart=False)
        assert watch.set(A, phase="ended", text="signal SIGKILL")
        assert watch.after(100)
    assert watch.launcher.replaced == []
    assert "--no-restart" in caplog.text
    assert watch.set(B, phase="ended")
    assert not watch.set(C, phase="ended")
    assert watch.supervisor._status() == 1


def test_a_node_that_ended_as_it_was_asked_to_is_not_started_again(watch: Watch) -> None:
    assert watch.set(B, phase="left")
    assert watch.after(10)
    assert not watch.set(A, C, phase="left")
    assert watch.launcher.replaced == []
    assert watch.supervisor._status() == 0


def test_a_node_lost_while_the_cloud_ends_does_not_keep_it_alive(watch: Watch) -> None:
    watch.set(A, B, phase="left")
    assert not watch.set(C, phase="ended")
    assert watch.launcher.replaced == []


def test_a_node_that_waits_is_told_with_the_reason(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    watch.set(B, phase="waiting", text="it was cut off.")
    assert f"Node {B} is not in the cloud: it was cut off." in caplog.text


def test_a_node_that_ends_before_the_cloud_is_formed_ends_the_start() -> None:
    launcher = Scripted()
    launcher.now[C] = NodeState("ended", "status 1")
    with pytest.raises(H2OKError, match=f"Node {C} ended with status 1 before the cloud was formed. Its log is in /logs"):
        Supervisor(launcher, "/logs").run(threading.Event())
    assert launcher.closed == 1


def test_a_node_lost_when_it_was_in_before_the_others_is_replaced() -> None:
    launcher = Scripted()
    supervisor = Supervisor(launcher, "/logs", clock=lambda: 0.0)
    launcher.now |= {A: NodeState("ended", "signal SIGKILL", was_ready=True), B: NodeState("ready")}
    assert supervisor.look()
    assert launcher.replaced == [A]


def test_a_cloud_that_does_not_form_ends_the_start_and_names_who_is_missing() -> None:
    launcher, time = Scripted(), [0.0]
    supervisor = Supervisor(launcher, "/logs", form_seconds=5.0, clock=lambda: time[0])
    launcher.now |= {A: NodeState("ready"), B: NodeState("starting", "the cloud has 1 of 3 nodes"), C: NodeState("ready")}
    assert supervisor.look()
    time[0] = 6.0
    with pytest.raises(H2OKError, match=f"Not in it: {B} .starting: the cloud has 1 of 3 nodes"):
        supervisor.look()


def test_asked_to_stop_it_asks_the_nodes_to_end() -> None:
    launcher, stop = Scripted(), threading.Event()
    stop.set()
    assert Supervisor(launcher, "/logs").run(stop) == 0
    assert (launcher.ended, launcher.closed) == (1, 1)


def test_a_launcher_that_cannot_replace_says_so(watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    def cannot(node: str) -> None:
        Launcher.replace(watch.launcher, node)

    watch.launcher.replace = cannot  # type: ignore[method-assign]
    assert watch.set(B, phase="ended")
    assert f"Scripted cannot start node {B} again" in caplog.text


# -- a child and what it reports ------------------------------------------------------------------------------------------


def test_a_child_reports_how_it_is_and_how_it_ended() -> None:
    code = "import sys; from h2ok.capabilities.children import Report; r = Report(int(sys.argv[2]))\n"
    code += "for line in sys.stdin:\n  r.tell(line.strip())"
    child = _Child([sys.executable, "-c", code], shown=False)
    assert child.process.stdin is not None

    def told(line: str) -> NodeState:
        before = child.state()
        child.process.stdin.write(f"{line}\n".encode())  # type: ignore[union-attr]
        child.process.stdin.flush()  # type: ignore[union-attr]
        for _ in range(2000):
            if child.state() != before:
                break
            threading.Event().wait(0.005)
        return child.state()

    try:
        assert child.state().phase == "starting"
        assert told("it waits").phase == "starting"
        assert told("") == NodeState("ready", f"process {child.process.pid}", was_ready=True)
        assert told("it waits again") == NodeState("waiting", "it waits again", was_ready=True)
        child.process.kill()
        child.process.wait()
        assert child.state() == NodeState("ended", "signal SIGKILL", was_ready=True)
    finally:
        child.close(0.0)
    assert _end_text(255) == "status 255"


def test_a_report_that_nobody_reads_does_no_harm() -> None:
    Report(-1).tell("")
    Report(1_000_000).tell("")

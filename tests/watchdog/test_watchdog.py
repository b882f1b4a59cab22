"""The watchdog: rules by themselves, on a node, and a process whose parent dies."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities.testing import CoreContract, local_runtime
from h2ok.capabilities.testing.server import ServerProcess, free_ports
from h2ok.ext.watchdog.core import Watchdog, WatchdogCore, resident_bytes
from h2ok.ext.watchdog.extension import extension
from h2ok.ext.watchdog.rules import Facts, MemoryRule, OrphanRule, UnhealthyRule


class TestWatchdogCore(CoreContract):
    extension, core = extension, "Watchdog"


def facts(**changed: Any) -> Facts:
    return Facts(**{"now": 0.0, "parent": 7, "healthy": True, "resident": 100, **changed})


def test_an_orphan_is_one_whose_parent_changed() -> None:
    rule = OrphanRule(7)
    assert rule(facts()) == ""
    assert "process 7" in rule(facts(parent=1))


def test_unhealthy_counts_without_a_break() -> None:
    rule = UnhealthyRule(10)
    seen = ((0, False), (9, False), (10, True), (11, False), (20, False), (21, False))
    assert [bool(rule(facts(now=t, healthy=h))) for t, h in seen] == [False] * 5 + [True]
    assert "10 s are allowed" in rule(facts(now=99, healthy=False))


def test_memory_needs_three_times_in_a_row() -> None:
    rule = MemoryRule(50)
    assert [bool(rule(facts(resident=r))) for r in (60, 60, 40, 60, 60, 60)] == [False] * 5 + [True]
    assert resident_bytes() > 1 << 20


def test_the_first_reason_ends_the_node_and_is_reported() -> None:
    with local_runtime(only=()) as runtime:
        watchdog = Watchdog(runtime, [lambda f: "", lambda f: "the moon is full"], seconds=0.01)
        watchdog.start()
        assert runtime.stopping.wait(5)
        watchdog.close()
        assert watchdog.reason == "the moon is full"


def test_negative_numbers_are_refused() -> None:
    core, parser = WatchdogCore(), argparse.ArgumentParser()
    core.add_arguments(parser)
    with pytest.raises(ValueError, match="--watchdog-memory must be at least 0"):
        core.validate_arguments(parser.parse_args(["--watchdog-memory", "-1"]))
    core.validate_arguments(parser.parse_args(["--watchdog-orphan", "--watchdog-unhealthy", "5", "--watchdog-memory", "0.5"]))
    assert len(core._rules) == 3


def test_a_node_that_uses_too_much_ends_with_its_reason_in_the_log(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, arguments=["--ext", "watchdog", "--watchdog-memory", "0.001"])
    assert server.wait(20) == 0
    assert any("The watchdog ends this node: the process uses" in line for line in server.log)


@pytest.mark.engine
def test_a_node_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    port = free_ports(4)
    command = [sys.executable, "-m", "h2ok.capabilities.cli", "start", "--port", str(port), "--ice-root", str(tmp_path)]
    command += ["--name", f"orphan-{port}", "--watchdog-orphan"]
    # The middle process starts the node, tells its number, and dies when we close its input.
    code = f"import subprocess, sys; p = subprocess.Popen({command!r}, stdout=open({str(tmp_path / 'log')!r}, 'w')); "
    code += "print(p.pid, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as middle:
        assert middle.stdout is not None
        assert middle.stdin is not None
        node = int(middle.stdout.readline())
        deadline = time.monotonic() + 20
        while "Open H2O Flow" not in (tmp_path / "log").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        middle.stdin.close()
        middle.wait(10)
    while _alive(node):
        assert time.monotonic() < deadline + 15
        time.sleep(0.05)
    assert "has ended" in (tmp_path / "log").read_text()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"

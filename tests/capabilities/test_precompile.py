"""Kernels are compiled once after an installation, in a process of their own."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.precompile import Precompile, stamp

PACKAGES = ("h2ok.ext.rapids",)


class Core(Precompile):
    module = "h2ok.ext.rapids.warmup"
    packages = PACKAGES


def compiling() -> bool:
    return any(t.name.endswith("-warmup") for t in threading.enumerate())


@pytest.fixture(autouse=True)
def cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("H2OK_WARMUP", raising=False)


@pytest.mark.extensions(only=[])
def test_it_stops_before_it_starts(runtime: Runtime) -> None:
    core = Core()
    core.on_ready(runtime)
    assert compiling()
    core.on_stop(runtime)
    assert not compiling()


@pytest.mark.extensions(only=[])
def test_a_compiled_installation_is_left_alone(runtime: Runtime) -> None:
    command = [sys.executable, "-m", "h2ok.capabilities.precompile", Core.module, *PACKAGES]
    subprocess.run(command, check=True, timeout=100)
    assert stamp(PACKAGES).exists()
    Core().on_ready(runtime)
    assert not compiling()


@pytest.mark.extensions(only=[])
def test_the_environment_switches_it_off(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H2OK_WARMUP", "0")
    Core().on_ready(runtime)
    assert not compiling()

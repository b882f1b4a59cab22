"""Kernels are compiled once after an installation, in a process of their own."""

from __future__ import annotations

import os
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
    command = [sys.executable, "-m", "h2ok.capabilities.precompile", f"{Core.module}={','.join(PACKAGES)}"]
    subprocess.run(command, check=True, timeout=100)
    assert stamp(PACKAGES).exists()
    Core().on_ready(runtime)
    assert not compiling()


@pytest.mark.extensions(only=[])
def test_the_environment_switches_it_off(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H2OK_WARMUP", "0")
    Core().on_ready(runtime)
    assert not compiling()


def test_the_command_compiles_once_and_says_what() -> None:
    command = [sys.executable, "-m", "h2ok.capabilities.cli", "warmup", "--ext", "rapids"]
    for again, said in ((False, "done in"), (False, "compiled before"), (True, "done in")):
        done = subprocess.run([*command, *(["--again"] if again else [])], capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        assert "Kernels of Rapids" in done.stdout
        assert said in done.stdout
    assert stamp(PACKAGES).exists()


def test_an_unknown_name_is_told_the_known_ones() -> None:
    command = [sys.executable, "-m", "h2ok.capabilities.cli", "warmup", "--ext", "nosuch"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Parsers" in done.stdout


def test_what_is_compiled_while_a_user_waits_is_logged(tmp_path: Path) -> None:
    program = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout)
import numpy as np
from h2ok.ext.rapids.kernels import radix_argsort
radix_argsort(np.arange(3), np.arange(3))
radix_argsort(np.arange(3), np.arange(3))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba")},
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    assert done.stdout.count("Compiling h2ok.ext.rapids.kernels.radix_argsort: ") == 1
    assert done.stdout.count("Compiled h2ok.ext.rapids.kernels.radix_argsort in ") == 1

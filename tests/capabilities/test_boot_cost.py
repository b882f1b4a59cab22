"""Thirty installed extensions cost little, and none of their parts is imported before it is used."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from h2ok.capabilities.registry import Registry
from h2ok.capabilities.testing import Client, local_runtime

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from boot_with_extensions import write_extensions

sys.path.pop(0)


def test_thirty_extensions_are_discovered_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Registry.discover()
    started = time.perf_counter()
    Registry.discover()
    alone = time.perf_counter() - started
    write_extensions(tmp_path, 30)
    monkeypatch.syspath_prepend(str(tmp_path))
    started = time.perf_counter()
    registry = Registry.discover()
    cost = time.perf_counter() - started - alone
    assert sum(x.name.startswith("many") and x.state == "active" for x in registry.loaded) == 30
    # PERF: 25 ms on a quiet machine; the bound of the whole boot is 150 ms, which benchmarks/boot_with_extensions.py measures.
    assert cost < 0.5
    with local_runtime() as runtime:
        assert Client.of(runtime).get("/3/many07/3")["name"] == "many07"

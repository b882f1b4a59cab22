"""The kernels that jobs need are compiled in advance."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from h2ok.ext.algos.gbm import kernels as gbm
from h2ok.ext.algos.glm import kernels as glm
from h2ok.ext.algos.warmup import AlgosCore, main, stamp, warmup


def signatures() -> dict[str, int]:
    return {n: len(getattr(m, n).signatures) for m in (gbm, glm) for n in m.__all__ if hasattr(getattr(m, n), "signatures")}


def test_a_job_compiles_nothing_more(lab: Any) -> None:
    assert warmup() >= 0
    before = signatures()
    lab.train("gbm", "y", ntrees="2")
    lab.train("glm", "y")
    after = signatures()
    assert {n for n in after if after[n] != before[n]} == set()


def test_stops_before_it_starts(lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    core = AlgosCore()
    core.on_ready(lab.runtime)
    core.on_stop(lab.runtime)
    assert not any(t.name.endswith("-warmup") for t in threading.enumerate())


def test_a_stamped_installation_is_not_compiled_again(lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("os.nice", lambda _: 0)
    assert not stamp().exists()
    main()
    assert stamp().exists()
    core = AlgosCore()
    core.on_ready(lab.runtime)
    assert not any(t.name.endswith("-warmup") for t in threading.enumerate())

"""The kernels that jobs need are compiled in advance."""

from __future__ import annotations

from typing import Any

from h2ok.ext.algos.gbm import kernels as gbm
from h2ok.ext.algos.glm import kernels as glm
from h2ok.ext.algos.warmup import warmup


def signatures() -> dict[str, int]:
    return {n: len(getattr(m, n).signatures) for m in (gbm, glm) for n in m.__all__ if hasattr(getattr(m, n), "signatures")}


def test_a_job_compiles_nothing_more(lab: Any) -> None:
    warmup()
    before = signatures()
    lab.train("gbm", "y", ntrees="2")
    lab.train("glm", "y")
    after = signatures()
    assert {n for n in after if after[n] != before[n]} == set()

"""The kernels that jobs need are compiled in advance."""

from __future__ import annotations

from typing import Any

from h2ok.ext.algos import tree_kernels as trees
from h2ok.ext.algos.drf import kernels as drf
from h2ok.ext.algos.gbm import kernels as gbm
from h2ok.ext.algos.glm import kernels as glm
from h2ok.ext.algos.isolationforest import kernels as isolation
from h2ok.ext.algos.kmeans import kernels as kmeans
from h2ok.ext.algos.pca import kernels as pca
from h2ok.ext.algos.warmup import warmup

MODULES = (drf, gbm, glm, isolation, kmeans, pca, trees)


def signatures() -> dict[str, int]:
    return {n: len(getattr(m, n).signatures) for m in MODULES for n in m.__all__ if hasattr(getattr(m, n), "signatures")}


def test_a_job_compiles_nothing_more(lab: Any) -> None:
    warmup()
    before = signatures()
    lab.train("gbm", "y", ntrees="2")
    lab.train("glm", "y")
    lab.train("drf", "y", ntrees="2")
    for algo in ("kmeans", "isolationforest", "pca"):
        assert lab.start(algo).status == "DONE"
    after = signatures()
    assert {n for n in after if after[n] != before[n]} == set()

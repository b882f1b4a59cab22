"""Fixtures: runtimes with XGBoost, and a small mixed frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities import Registry, Runtime
from h2ok.capabilities.registry import Loaded
from h2ok.ext.models.builders import builder_class
from h2ok.ext.models.extension import extension as models
from h2ok.ext.models.model import Model
from h2ok.ext.xgboost.extension import extension as xgb
from h2ok.kernel import Frame, Job, Node
from h2ok.kernel.testing import local_cloud


def make_frame(node: Node, key: str = "tr", n: int = 600, seed: int = 3, chunk_rows: int = 100) -> Frame:
    """x1, x2 numeric (NAs in x2), c categorical (NAs), hi with 60 levels, w weights, o offset, and responses of every kind."""
    rng = np.random.default_rng(seed)
    x1, x2 = rng.normal(size=n), rng.normal(size=n)
    c, hi = rng.integers(0, 4, size=n), rng.integers(0, 60, size=n)
    f = x1 - 0.7 * x2 + 0.5 * (c == 2) - 0.3 * (c == 0) + 0.02 * hi
    binary = (rng.random(n) < 1 / (1 + np.exp(-1.5 * f))).astype(np.int32)
    three = np.clip(np.floor(f + 1.5 + 0.3 * rng.normal(size=n)), 0, 2).astype(np.int32)
    x2 = np.where(np.arange(n) % 17 == 0, np.nan, x2)
    codes = np.where(np.arange(n) % 23 == 0, -1, c).astype(np.int32)
    return node.frames.from_columns(
        key,
        {
            "x1": x1, "x2": x2, "c": codes, "hi": hi.astype(np.int32), "w": rng.integers(0, 4, size=n).astype(float),
            "o": rng.normal(size=n), "y": binary, "k": three, "z": f + 0.1 * rng.normal(size=n),
            "cnt": rng.poisson(np.exp(0.3 * f)).astype(float), "pos": np.exp(f),
        },
        domains={
            "c": ("a", "b", "cc", "d"), "hi": tuple(f"L{i}" for i in range(60)), "y": ("no", "yes"), "k": ("low", "mid", "high"),
        },
        chunk_rows=chunk_rows,
    )  # fmt: skip


class Lab:
    """A runtime with short ways to train and ask."""

    def __init__(self, nodes: list[Node]) -> None:
        self.node = nodes[0]
        self.runtime = Runtime(self.node, Registry([Loaded(e.name, e, "test", "0", "active") for e in (models, xgb)]))
        self.frame = make_frame(self.node)

    def builder(self, **params: Any) -> Any:
        cls = builder_class(self.runtime, "xgboost")
        return cls(self.runtime, cls.parameters.parse(params))

    def start(self, y: str, x: tuple[str, ...] = ("x1", "x2", "c"), frame: str = "tr", **params: Any) -> Job:
        """A training that has begun; texts as parameters, as a client sends them."""
        keep = {*x, y, *(v for k, v in params.items() if k.endswith("_column"))}
        ignored = [n for n in self.node.frames.get(frame).names if n not in keep]
        given = {"ntrees": "5", "seed": "7", **params}
        return self.builder(training_frame=frame, response_column=y, ignored_columns=ignored, **given).start()

    def train(self, y: str, x: tuple[str, ...] = ("x1", "x2", "c"), frame: str = "tr", **params: Any) -> Model:
        job = self.node.jobs.wait(self.start(y, x, frame, **params).key)
        assert job.status == "DONE", job.stacktrace
        model = self.node.dkv.get(job.dest)
        assert isinstance(model, Model)
        return model


@pytest.fixture
def lab() -> Iterator[Lab]:
    with local_cloud(1) as nodes:
        made = Lab(nodes)
        yield made
        made.runtime.close()


@pytest.fixture
def lab_class() -> type[Lab]:
    return Lab

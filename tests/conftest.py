"""Fixtures for tests of models: runtimes with the model extensions, and a small mixed frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities import Registry, Runtime
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.registry import Loaded
from h2ok.ext.algos.extension import extension as algos
from h2ok.ext.models.builders import builder_class
from h2ok.ext.models.extension import extension as models
from h2ok.ext.models.model import Model
from h2ok.kernel import Frame, Job, Node
from h2ok.kernel.testing import local_cloud


def make_runtime(node: Node, *more: Any) -> Runtime:
    return Runtime(node, Registry([Loaded(e.name, e, "test", "0", "active") for e in (models, algos, *more)]))


def make_frame(node: Node, key: str = "tr", n: int = 600, seed: int = 3, chunk_rows: int = 100) -> Frame:
    """x1, x2 numeric (NAs in x2), c categorical (NAs), w weights, yes/no, three classes, and a number."""
    rng = np.random.default_rng(seed)
    x1, x2 = rng.normal(size=n), rng.normal(size=n)
    c = rng.integers(0, 4, size=n)
    f = x1 - 0.7 * x2 + 0.5 * (c == 2) - 0.3 * (c == 0)
    binary = (rng.random(n) < 1 / (1 + np.exp(-1.5 * f))).astype(np.int32)
    three = np.clip(np.floor(f + 1.5 + 0.3 * rng.normal(size=n)), 0, 2).astype(np.int32)
    x2 = np.where(np.arange(n) % 17 == 0, np.nan, x2)
    codes = np.where(np.arange(n) % 23 == 0, -1, c).astype(np.int32)
    return node.frames.from_columns(
        key,
        {
            "x1": x1, "x2": x2, "c": codes, "const": np.ones(n), "w": rng.integers(1, 4, size=n).astype(float),
            "fold": np.arange(n) % 3.0, "y": binary, "k": three, "z": f + 0.1 * rng.normal(size=n),
            "cnt": rng.poisson(np.exp(0.3 * f)).astype(float),
        },
        domains={"c": ("a", "b", "cc", "d"), "y": ("no", "yes"), "k": ("low", "mid", "high")},
        chunk_rows=chunk_rows,
    )  # fmt: skip


class Lab:
    """A runtime with short ways to train and ask."""

    def __init__(self, nodes: list[Node], *more: Any) -> None:
        self.node = nodes[0]
        self.runtime = make_runtime(self.node, *more)
        self.frame = make_frame(self.node)

    def put_frame(self, key: str, **how: Any) -> Frame:
        """Another frame like ``tr``; see ``make_frame``."""
        return make_frame(self.node, key, **how)

    def builder(self, algo: str, **params: Any) -> Any:
        cls = builder_class(self.runtime, algo)
        return cls(self.runtime, cls.parameters.parse({k.rstrip("_"): v for k, v in params.items()}))

    def start(self, algo: str, **params: Any) -> Job:
        job = self.builder(algo, training_frame="tr", **params).start()
        return self.node.jobs.wait(job.key)

    def train(self, algo: str, y: str, x: tuple[str, ...] = ("x1", "x2", "c"), **params: Any) -> Model:
        keep = {*x, y, *(v for k, v in params.items() if k.endswith("_column"))}
        ignored = [n for n in self.node.frames.get(params.get("training_frame", "tr")).names if n not in keep]
        params.setdefault("training_frame", "tr")
        job = self.builder(algo, response_column=y, ignored_columns=ignored, **params).start()
        job = self.node.jobs.wait(job.key)
        assert job.status == "DONE", job.stacktrace
        model = self.node.dkv.get(job.dest)
        assert isinstance(model, Model)
        return model

    def call(self, handler: Callable[..., Any], path: dict[str, str] | None = None, request: Any = None, **params: Any) -> Any:
        ctx = RequestContext(self.runtime, path_params=path or {}, params=params, headers={"User-Agent": "H2O Python client/3.11"})
        return handler(ctx, request)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with local_cloud(1) as nodes:
        made = Lab(nodes)
        yield made
        made.runtime.close()


@pytest.fixture
def lab_class() -> type[Lab]:
    return Lab


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Seconds a folder, the longest first: what makes a run long."""
    seconds: dict[str, float] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            where = getattr(report, "nodeid", "").split("/")
            if len(where) > 2 and hasattr(report, "duration"):
                seconds[where[1]] = seconds.get(where[1], 0.0) + report.duration
    if seconds:
        terminalreporter.section("seconds a folder")
        for folder, spent in sorted(seconds.items(), key=lambda item: -item[1]):
            terminalreporter.write_line(f"{spent:8.1f}  {folder}")

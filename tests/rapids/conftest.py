"""Fixtures: runtimes on clouds of one and of three nodes, and the frames of the golden file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities import Registry, Runtime
from h2ok.capabilities.registry import Loaded
from h2ok.ext.rapids.extension import extension
from h2ok.ext.rapids.session import Session, Sessions
from h2ok.kernel import Frame, Node
from h2ok.kernel.testing import local_cloud

NAN = float("nan")


def make_runtime(node: Node, *more: Any) -> Runtime:
    loaded = [Loaded(e.name, e, "test", "0", "active") for e in (extension, *more)]
    return Runtime(node, Registry(loaded))


class Rapids:
    """One session of a cloud, with short ways to put frames and read answers."""

    def __init__(self, nodes: list[Node], *more: Any) -> None:
        self.nodes = nodes
        self.node = nodes[0]
        self.runtime = make_runtime(self.node, *more)
        self.sessions: Sessions = self.runtime.service(Sessions)
        self.session: Session = self.sessions.get("_sid_test")

    def __call__(self, text: str) -> Any:
        return self.session.execute(text)[0]

    def frame(self, expr: str, key: str = "out") -> Frame:
        self(f"(rm {key})")
        self(f"(tmp= {key} {expr})")
        return self.node.frames.get(key)

    def columns(self, expr: str) -> dict[str, list[Any]]:
        """The columns of a frame expression as Python lists: numbers, or text for enum and string columns; None for NA."""
        frame = self.frame(expr)
        return {n: self.cells(frame, j) for j, n in enumerate(frame.names)}

    def columns_of(self, expr: str) -> list[Any]:
        """The columns of a frame expression as float64 arrays; the frame is gone."""
        frame = self.frame(expr)
        out = [v.to_numpy(self.node) for v in frame.vecs]
        self("(rm out)")
        return out

    def cells(self, frame: Frame, j: int) -> list[Any]:
        v = frame.vecs[j]
        if v.type in ("enum", "string", "uuid"):
            return v.to_strings(self.node)
        return [None if np.isnan(x) else x for x in v.to_numpy(self.node).tolist()]

    def put(self, key: str, chunk_rows: int = 65536, types: Any = None, **columns: Any) -> Frame:
        return self.node.frames.from_columns(key, columns, types, chunk_rows=chunk_rows)


@pytest.fixture(scope="module", params=[1, 3], ids=["1node", "3nodes"])
def rapids(request: pytest.FixtureRequest) -> Iterator[Rapids]:
    with local_cloud(request.param) as nodes:
        yield Rapids(nodes)


@pytest.fixture(scope="module")
def rapids1() -> Iterator[Rapids]:
    with local_cloud(1) as nodes:
        yield Rapids(nodes)


def put_golden_frames(r: Rapids, chunk_rows: int) -> None:
    """The two frames that the golden file was recorded with."""
    time = [1577836800000.0, 1580688000000.0, NAN, 1640945472000.0]
    r.put(
        "rp",
        chunk_rows,
        {"e": "enum", "s": "string", "t": "time"},
        n=np.array([1.5, NAN, -2.5, 4]),
        i=np.array([1, 0, NAN, 2]),
        e=["a", "b", None, "a"],
        s=["x y", None, "zz", "Q"],
        t=np.array(time),
    )
    r.put(
        "rq",
        chunk_rows,
        {"g": "enum", "h": "enum"},
        g=["b", "a", "b", "a", None, "b", "a"],
        h=["p", "q", "p", "p", "q", "q", "q"],
        v=np.array([1, 2, NAN, 4, 5, 6, 2]),
        w=np.array([10.0, 20, 30, 40, 50, 60, 20]),
        u=np.array([0.5, 1.5, 2.5, NAN, 4.5, 5.5, 6.5]),
    )

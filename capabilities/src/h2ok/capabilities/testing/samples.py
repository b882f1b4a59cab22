"""Samples: the small mixed frame that algorithms are checked with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from h2ok.kernel import Frame, Node

__all__ = ["RESPONSES", "put_sample", "training_form"]

#: The response column of each supervised category.
RESPONSES = {"Binomial": "y", "Multinomial": "k", "Regression": "z"}


def training_form(described: Mapping[str, Any], category: str, key: str, frame: str, **more: Any) -> dict[str, Any]:
    """Parameters of a training on a sample; ``described``: the algorithm's entry of ``/3/ModelBuilders``."""
    out: dict[str, Any] = {"training_frame": frame, "model_id": key}
    if "seed" in {p["name"] for p in described["parameters"]}:
        out["seed"] = 7
    response = RESPONSES.get(category)
    out["ignored_columns"] = [c for c in (*RESPONSES.values(), "w") if c not in (response, more.get("weights_column"))]
    return {**out, **({"response_column": response} if response else {}), **more}


def put_sample(
    node: Node,
    key: str = "sample",
    n: int = 240,
    *,
    chunk_rows: int = 60,
    missing: bool = False,
    weights: bool = False,
    repeat: bool = False,
    constant: bool = False,
    seed: int = 5,
) -> Frame:
    """x1, x2 and x3 numeric, c categorical, w weights, y yes/no, k three classes, z a number. All responses follow x1, x2 and c.

    Parameters
    ----------
    missing : holes in x2 and c, and a level of c that the other samples do not have.
    weights : w is 0, 1, 2 or 3; 1 in every row otherwise. repeat : each row stands as often as its weight says.
    constant : every column holds one value.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    c = rng.integers(0, 3, size=n)
    f = x[:, 0] - 0.7 * x[:, 1] + 0.8 * (c == 1)
    columns: dict[str, Any] = {"x1": x[:, 0], "x2": x[:, 1], "x3": np.round(x[:, 2], 1), "c": c.astype(np.int32)}
    columns["w"] = rng.integers(0, 4, size=n).astype(float) if weights else np.ones(n)
    columns["y"] = (f + 0.4 * rng.normal(size=n) > 0.2).astype(np.int32)
    columns["k"] = np.clip(np.floor(f + 1.5), 0, 2).astype(np.int32)
    columns["z"] = f + 0.1 * rng.normal(size=n)
    levels: tuple[str, ...] = ("a", "b", "cc")
    if missing:
        columns["x2"] = np.where(np.arange(n) % 7 == 0, np.nan, columns["x2"])
        columns["c"] = np.where(np.arange(n) % 5 == 0, -1, np.where(np.arange(n) % 11 == 0, 3, c)).astype(np.int32)
        levels = ("a", "b", "cc", "new")
    if constant:
        columns = {name: np.repeat(v[:1], n) for name, v in columns.items()}
    if repeat:
        times = columns["w"].astype(int)
        columns = {name: np.repeat(v, times, axis=0) for name, v in columns.items()}
        columns["w"] = np.ones(int(times.sum()))
    domains = {"c": levels, "y": ("no", "yes"), "k": ("low", "mid", "top")}
    return node.frames.from_columns(key, columns, domains=domains, chunk_rows=chunk_rows)

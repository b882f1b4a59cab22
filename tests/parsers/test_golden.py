"""Every recorded file parses as in H2O-3, apart from the deviations listed here with their reasons."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.kernel import Frame

GOLDEN = Path(__file__).parent.parent / "golden" / "parse"
sys.path.insert(0, str(GOLDEN))
from cases import CASES

RECORDED = json.loads((GOLDEN / "parse.json").read_text())["cases"]
DEVIATIONS = {
    "bom": "H2O keeps the byte-order mark in the first name, h2ok drops it: no user means it.",
    "dates": "H2O takes ISO 8601 with T and Z for text, h2ok for times.",
    "us_dates": "H2O takes yyyy/MM/dd for text, h2ok for a time.",
    "odd_times": "H2O takes times without seconds for text, h2ok for times.",
}


def columns_of(ctx: RequestContext, frame: Frame) -> list[dict[str, Any]]:
    node = ctx.node
    out = []
    for name, vec in zip(frame.names, frame.vecs, strict=True):
        if vec.type in ("string", "uuid"):
            kind, data = vec.type, [None if t is None else t.lower() if vec.type == "uuid" else t for t in vec.to_strings(node)]
        else:
            kind = vec.type if vec.type != "numeric" else "int" if node.rollups(vec).is_int else "real"
            data = ["NaN" if math.isnan(v) else v for v in vec.to_numpy(node).tolist()]
        out.append({"name": name, "type": kind, "domain": list(vec.domain) if vec.domain is not None else None, "data": data})
    return out


def normal(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An all-missing column has no number type of its own; UUID text compares in lower case."""
    for c in columns:
        if c["type"] in ("int", "real") and all(v == "NaN" for v in c["data"]):
            c["type"] = "int"
        if c["type"] == "uuid":
            c["data"] = [None if v is None else v.lower() for v in c["data"]]
    return columns


@pytest.mark.parametrize("name", CASES)
def test_parse_equals_h2o(ctx: RequestContext, load: Callable[..., Frame], name: str) -> None:
    same = normal(columns_of(ctx, load(CASES[name]))) == normal(RECORDED[name])
    assert same != (name in DEVIATIONS), DEVIATIONS.get(name, "differs from H2O")

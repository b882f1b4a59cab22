"""Expressions over every primitive and column type, answered as H2O-3 answers them (``tests/golden/rapids``)."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.extension import Primitives
from h2ok.ext.rapids.extension import extension
from h2ok.ext.rapids.routes import answer
from h2ok.kernel import Frame, H2OKError
from h2ok.kernel.testing import local_cloud

from .conftest import Rapids
from .deviations import deviates

RECORDED = json.loads((Path(__file__).parents[1] / "golden" / "rapids" / "answers.json").read_text(encoding="utf-8"))


def primitive(expr: str) -> str:
    """The first word of an expression."""
    return expr[1:].split(" ", maxsplit=1)[0].split(")", maxsplit=1)[0] if expr.startswith("(") else "literals"


BY_PRIMITIVE: dict[str, list[dict[str, Any]]] = {}
for _case in RECORDED["cases"]:
    BY_PRIMITIVE.setdefault(primitive(_case["expr"]), []).append(_case)


def put_frames(r: Rapids, chunk_rows: int) -> None:
    for key, text in RECORDED["frames"].items():
        names, *rows = csv.reader(io.StringIO(text))
        columns: dict[str, Any] = {}
        types: dict[str, str] = {}
        for name, kind, cells in zip(names, RECORDED["types"][key], zip(*rows, strict=True), strict=True):
            if kind == "Numeric":
                columns[name] = np.array([float(c) if c else np.nan for c in cells])
            elif kind == "Time":
                stamps = [datetime.fromisoformat(c).replace(tzinfo=UTC).timestamp() * 1000 if c else math.nan for c in cells]
                columns[name] = np.array(stamps)
            else:
                columns[name] = [c or None for c in cells]
            if kind != "Numeric":
                types[name] = kind.lower()
        r.put(key, chunk_rows, types, **columns)
    for text in RECORDED["prepare"]:
        r(text)


@pytest.fixture(scope="module", params=[(1, 65536), (3, 3)], ids=["1node", "3nodes-3rows"])
def server(request: pytest.FixtureRequest) -> Iterator[Rapids]:
    n, chunk_rows = request.param
    with local_cloud(n) as nodes:
        r = Rapids(nodes)
        put_frames(r, chunk_rows)
        yield r


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(v) for v in value]
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def same(got: Any, expected: Any) -> bool:
    if isinstance(expected, list):
        return isinstance(got, list) and len(got) == len(expected) and all(map(same, got, expected))
    if isinstance(expected, float | int) and isinstance(got, float | int):
        if math.isnan(expected) or math.isnan(got):
            return math.isnan(expected) and math.isnan(got)
        return got == expected or math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-12)
    return bool(got == expected)


def described(r: Rapids, frame: Frame) -> list[list[Any]]:
    out = []
    for name, v in zip(frame.names, frame.vecs, strict=True):
        kind = v.type if v.type not in ("numeric", "bad") else "int" if r.node.rollups(v).is_int else "real"
        data = v.to_strings(r.node) if v.type in ("string", "uuid") else v.to_numpy(r.node).tolist()
        out.append([name, kind, list(v.domain or ()) if v.type == "enum" else None, data])
    return out


def differs(r: Rapids, case: dict[str, Any]) -> str:
    """What differs from the record; empty when nothing does."""
    try:
        value, stored = r.session.execute(case["expr"])
        if isinstance(value, Frame) and "status" not in case:
            if "frame" not in case:
                return f"a frame instead of {case}"
            got = described(r, r.frame(case["expr"], "answered"))
            r("(rm answered)")
            expected = [plain(c) for c in case["frame"]]
            if len(got) != len(expected):
                return f"columns {[c[0] for c in got]} instead of {[c[0] for c in expected]}"
            for g, e in zip(got, expected, strict=True):
                # H2O shows the cells of a text column without rows as null.
                e[3] = [] if e[1] == "string" and e[3] is None else e[3]
                # A column without rows or without values has any numeric type.
                kinds = g[1] == e[1] or (
                    {g[1], e[1]} == {"int", "real"} and all(isinstance(x, float) and math.isnan(x) for x in plain(e[3]))
                )
                if g[0] != e[0] or not kinds or not same(g[2], e[2]) or not same(g[3], e[3]):
                    return f"column {g} instead of {e}"
            return ""
        found = answer(value, stored).to_json()
    except H2OKError as e:
        return "" if "status" in case else f"error {type(e).__name__}: {e} instead of {json.dumps(case)[:200]}"
    if "status" in case:
        return f"an answer instead of an error: {json.dumps(found)[-200:]}"
    name = next((k for k in ("scalar", "string", "funstr") if k in case), "")
    if not name:
        return f"{json.dumps(found)[-200:]} instead of a frame"
    return "" if same(plain(found.get(name)), plain(case[name])) else f"{found.get(name)} instead of {case[name]}"


@pytest.mark.parametrize("name", BY_PRIMITIVE)
def test_answers(server: Rapids, name: str) -> None:
    """All recorded answers of a primitive; no key stays behind."""
    before = {k for n in server.nodes for k in n.dkv.local_keys() if not k.startswith("\x01r")}
    wrong, gone = [], []
    for case in BY_PRIMITIVE[name]:
        difference = differs(server, case)
        if deviates(case["expr"]) != bool(difference):
            (wrong if difference else gone).append(f"{case['expr']}: {difference}")
    assert not wrong, "\n".join(wrong)
    assert not gone, "deviations that are none any more: " + "\n".join(gone)
    left = {k for n in server.nodes for k in n.dkv.local_keys() if not k.startswith("\x01r")} - before
    assert not left


#: Asked elsewhere: random draws, states of the server, models and files. See ``test_golden``, ``test_session``.
ELSEWHERE = {
    "assign", "getTimeZone", "grouped_permute", "h2o.runif", "isotonic.pav", "listTimeZones", "ls", "model.reset.threshold",
    "num_valid_substrings", "result", "scale_inplace", "setproperty", "tmp=",
}  # fmt: skip


def test_every_primitive_was_asked(server: Rapids) -> None:
    every = {n for p in extension.provides if isinstance(p, Primitives) for n in p.names}
    asked = {name for case in RECORDED["cases"] for name in every if f"({name} " in case["expr"] or f"({name})" in case["expr"]}
    assert every - asked <= ELSEWHERE

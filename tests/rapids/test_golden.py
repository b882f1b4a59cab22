"""Every observed answer of the real server, replayed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.ext.rapids.routes import answer
from h2ok.kernel import Frame, H2OKError
from h2ok.kernel.testing import local_cloud

from .conftest import Rapids, put_golden_frames

CASES = json.loads((Path(__file__).parent / "golden.json").read_text())["cases"]

#: expression -> why h2ok answers otherwise.
UNIQUE = "H2O gives distinct numbers in the order of a hash table; h2ok ascending, NA first."
RANDOM = "H2O draws from a generator for each chunk; h2ok's draws depend on seed and row alone."
DEVIATIONS: dict[str, str] = {
    "(h2o.runif rp 42)": RANDOM,
    "(h2o.runif rq 1)": RANDOM,
    "(kfold_column rp 3 1)": RANDOM,
    "(kfold_column rq 3 42)": RANDOM,
    "(stratified_kfold_column (cols rq 1) 2 1)": RANDOM,
    "(h2o.random_stratified_split (cols rq 1) 0.3 1)": RANDOM,
    "(unique (cols rp 0) 0)": UNIQUE,
    "(unique (cols rp 0) 1)": UNIQUE,
    "(unique (cols rq 3) 0)": UNIQUE,
    "(sort rq [0 2] [-1 1])": "H2O sorts an enum ascending whatever the direction says; h2ok descends.",
    '(merge rq (cols rq [0 3]) 0 1 [0] [0] "auto")': "H2O fails on a right join with repeated keys; h2ok answers it.",
    '(merge (rows rq [0:3]) (cols (rows rq [1:4]) [0 3]) 0 0 [0] [0] "hash")': (
        "H2O's hash method swaps the frames, keeps one match a row and matches NA with a level; h2ok answers as for auto."
    ),
    "(cut (cols rq 3) 3 [] 0 1 3)": "H2O merges the last two of equal-width intervals and leaves a null level; h2ok keeps all.",
    '(cor (cols rq [2 3]) (cols rq [2 3]) "complete.obs" "Spearman")': "H2O ranks ties by position; h2ok gives them average ranks.",
    "(prod.na (cols rq [3 4]))": "H2O adds the products of the chunks; h2ok multiplies them.",
    "(mktime (cols rq 2) 0 0 0 0 0 0)": "H2O fails on columns; h2ok gives the column that its clients expect.",
    "(isax (cols rq [2 3 4]) 1 10 1)": "The mean of a standardised row is 0 up to rounding; h2ok takes it as 0, H2O as it comes.",
    "(which.min (cols rq [2 4]) 1 1)": "H2O always answers index 0 along rows; h2ok answers the index of the minimum.",
}
#: Primitives that change their frame: its new columns are no leak.
CHANGES_INPUT = ("(h2o.impute", "(colnames=")
#: Cases that need what an earlier one left.
PREPARED = {
    '(rename "rp2" "rp3")': "(assign rp2 rp)",
    "(rm rp3)": "(assign rp3 rp)",
    '(h2o.impute (rows rq [0:7]) 2 "median" "interpolate" [] _ _)': '(h2o.impute rq 2 "mean" "interpolate" [0] _ _)',
    "(rm $bar)": "(tmp= $bar (cols rp 0))",
}


@pytest.fixture(scope="module", params=[(1, 65536), (3, 2)], ids=["1node", "3nodes-2rows"])
def server(request: pytest.FixtureRequest) -> Iterator[Rapids]:
    n, chunk_rows = request.param
    with local_cloud(n) as nodes:
        r = Rapids(nodes)
        put_golden_frames(r, chunk_rows)
        yield r


@pytest.fixture(autouse=True)
def restored(server: Rapids) -> Iterator[None]:
    yield
    for key in ("golden_out", "rp", "rq"):
        server(f"(rm {key})")
    put_golden_frames(server, 65536 if len(server.nodes) == 1 else 2)
    server.sessions.end("_sid_test")
    server.session = server.sessions.get("_sid_test")


def plain(value: Any) -> Any:
    """JSON's NaN texts as NaN."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def same(got: Any, expected: Any) -> bool:
    if isinstance(expected, list):
        return isinstance(got, list) and len(got) == len(expected) and all(map(same, got, expected))
    if isinstance(expected, float) and isinstance(got, float):
        if math.isnan(expected) or math.isnan(got):
            return math.isnan(expected) and math.isnan(got)
        return got == expected or math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-12)
    return bool(got == expected)


def described(r: Rapids, frame: Frame) -> list[dict[str, Any]]:
    out = []
    for name, v in zip(frame.names, frame.vecs, strict=True):
        kind = v.type if v.type not in ("numeric", "bad") else "int" if r.node.rollups(v).is_int else "real"
        column: dict[str, Any] = {"label": name, "type": kind}
        if v.type == "enum":
            column["domain"] = list(v.domain or ())
        column["data"] = v.to_strings(r.node) if v.type in ("string", "uuid") else v.to_numpy(r.node).tolist()
        out.append(column)
    return out


def check(r: Rapids, case: dict[str, Any]) -> str:
    """What differs; empty when nothing does."""
    expr = case["expr"]
    try:
        if "columns" in case:
            frame = r.frame(expr, "golden_out")
            got = described(r, frame)
            expected = [{k: plain(v) for k, v in c.items()} for c in case["columns"]]
            for g, e in zip(got, expected, strict=False):
                if [g["label"], g["type"], g.get("domain")] != [e["label"], e["type"], e.get("domain")] or not same(
                    g["data"], e["data"]
                ):
                    return f"column {g} instead of {e}"
            return (
                ""
                if len(got) == len(expected)
                else f"columns {[g['label'] for g in got]} instead of {[e['label'] for e in expected]}"
            )
        # Errors were recorded with the expression inside tmp=, as the frames were.
        value, stored = r.session.execute(f"(tmp= golden_out {expr})" if "status" in case else expr)
        json_value = answer(value, stored).to_json()
    except H2OKError as e:
        return "" if "status" in case else f"error {type(e).__name__}: {e}"
    if "status" in case:
        return f"an answer instead of an error: {json_value}"
    if "result" in case:
        return "" if json_value.get("key", {}).get("name", 0) is None else f"not a frame without a key: {json_value}"
    name = next(k for k in ("scalar", "string", "funstr") if k in case)
    got_value = plain(json_value.get(name))
    return "" if same(got_value, plain(case[name])) else f"{got_value} instead of {case[name]}"


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c['expr']}"[:60] for i, c in enumerate(CASES)])
def test_golden(server: Rapids, case: dict[str, Any]) -> None:
    before = {n.label: set(n.dkv.local_keys()) for n in server.nodes}
    if case["expr"] in PREPARED:
        server(PREPARED[case["expr"]])
    difference = check(server, case)
    if case["expr"] in DEVIATIONS:
        assert difference, "a deviation has gone; remove it from DEVIATIONS"
        return
    assert not difference
    for key in ("golden_out", "rp2", "rp3", "foo1", "bar~_sid_test"):
        server(f"(rm {key})")
    if case["expr"].startswith(CHANGES_INPUT):
        return
    left = {k for n in server.nodes for k in set(n.dkv.local_keys()) - before[n.label] if not k.startswith("\x01r")}
    assert not left


def test_originals_are_untouched(server: Rapids) -> None:
    assert server.node.frames.get("rp").names == ("n", "i", "e", "s", "t")
    assert np.array_equal(server.node.frames.get("rq").vec("w").to_numpy(server.node), [10, 20, 30, 40, 50, 60, 20])

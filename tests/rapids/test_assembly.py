"""Assemblies: their steps as text, what they make of a frame, what they leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ApiError, BadRequestError
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.rapids.assembly import Step, fit, java, parse_step
from h2ok.ext.rapids.routes_assembly import AssemblyV99
from h2ok.kernel import Frame, IllegalArgumentError

from .conftest import Rapids


@pytest.fixture
def r(rapids: Rapids) -> Iterator[Rapids]:
    rapids.put("as", 2, {"s": "string"}, a=np.array([1.0, 2, 3]), b=np.array([4.0, 5, 6]), s=["x y", "ss", "s t"])
    before = {k for n in rapids.nodes for k in n.dkv.local_keys()}
    yield rapids
    assert {k for n in rapids.nodes for k in n.dkv.local_keys()} == before
    rapids("(rm as)")


def fitted(r: Rapids, *steps: str) -> dict[str, list[Any]]:
    answer = fit(RequestContext(r.runtime), AssemblyV99(steps=list(steps), frame="as"))
    frame = r.node.frames.get(answer.result["name"])
    assert isinstance(frame, Frame)
    out = {n: r.cells(frame, j) for j, n in enumerate(frame.names)}
    with pytest.raises(ApiError, match="not built"):
        java(RequestContext(r.runtime), AssemblyV99(assembly_id=answer.assembly["name"], file_name="x"))
    r.node.frames.remove(frame.key)
    r.node.dkv.remove(answer.assembly["name"])
    return out


def test_steps_follow_each_other_and_leave_the_frame_alone(r: Rapids) -> None:
    out = fitted(
        r,
        "pick__H2OColSelect__(cols_py dummy ['a', 's'])__False__|",
        "cos__H2OColOp__(cos (cols_py dummy 'a') )__True__|",
        "count__H2OColOp__(countmatches (cols_py dummy 's') 's' )__False__|",
    )
    assert list(out) == ["a", "s", "s0"]
    assert np.allclose(out["a"], np.cos([1, 2, 3]))
    assert out["s0"] == [0, 2, 1]
    assert r.columns("(cols as 'a')")["a"] == [1, 2, 3]
    r("(rm out)")


def test_names_of_new_columns(r: Rapids) -> None:
    split = "split__H2OColOp__(strsplit (cols_py dummy 's') ' ' )__{}__{}"
    assert list(fitted(r, split.format(False, "p|q"))) == ["a", "b", "s", "p", "q"]
    assert fitted(r, split.format(True, "|")) == {
        "a": [1, 2, 3], "b": [4, 5, 6], "s": ["x", "ss", "s"], "s0": ["y", None, "t"],
    }  # fmt: skip
    added = fitted(r, "sum__H2OBinaryOp__(+ (cols_py dummy 'a') (cols_py dummy 'b') )__False__total")
    assert added["total"] == [5, 7, 9]
    with pytest.raises(BadRequestError, match="2 columns, but has 1 names"):
        fitted(r, split.format(False, "p"))


def test_steps_as_text() -> None:
    step = parse_step("n__H2OColOp__(gsub (cols_py dummy 'a__b') '__' '-' )__True__c|d")
    assert step == Step("n", "H2OColOp", "(gsub (cols_py dummy 'a__b') '__' '-' )", True, ("c", "d"))
    for text in ("", "a__b", "n__H2OColOp__(x)__maybe__|", "n__H2OThing__(x)__True__|"):
        with pytest.raises(IllegalArgumentError, match="Step"):
            parse_step(text)

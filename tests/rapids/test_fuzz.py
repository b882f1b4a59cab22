"""Random expressions give an answer or a clear error, in bounded time, and leave nothing behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from h2ok.capabilities.contracts.extension import Primitives
from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.ext.rapids.extension import extension
from h2ok.ext.rapids.routes import answer
from h2ok.kernel import H2OKError
from h2ok.kernel.testing import local_cloud

from .conftest import Rapids
from .grammar import Grammar
from .test_answers import RECORDED, put_frames

#: No small expression may take longer, in seconds; a slow machine included.
LONGEST = 20.0


@pytest.fixture(params=[1, 3], ids=["1node", "3nodes"])
def server(request: pytest.FixtureRequest) -> Iterator[Rapids]:
    with local_cloud(request.param) as nodes:
        r = Rapids(nodes)
        put_frames(r, 65536 if request.param == 1 else 3)
        yield r


def keys(r: Rapids) -> set[str]:
    return {k for n in r.nodes for k in n.dkv.local_keys() if not k.startswith("\x01r")}


def primitives(r: Rapids) -> list[Primitive]:
    names = sorted(n for p in extension.provides if isinstance(p, Primitives) for n in p.names)
    return [p for p in (r.session.primitive(n) for n in names) if p is not None]


def run_one(r: Rapids, text: str) -> str:
    """What went wrong; empty for an answer or a clear error."""
    start = time.monotonic()
    try:
        value, stored = r.session.execute(text)
        answer(value, stored).to_json()
    except H2OKError as e:
        if len(str(e)) < 10:
            return f"a message that says nothing: {e!r}"
    except Exception as e:  # what clients would see as an internal error
        return f"{type(e).__name__}: {e}"
    took = time.monotonic() - start
    return f"{took:.1f} s" if took > LONGEST else ""


def fuzz(r: Rapids, count: int, seed: int) -> None:
    grammar = Grammar(primitives(r), seed)
    before = keys(r)
    wrong: dict[str, str] = {}
    leaks: dict[str, Any] = {}
    for _ in range(count):
        text = grammar.expression()
        problem = run_one(r, text)
        if problem:
            wrong[text] = problem
        r("(rm fuzz_temp)")
        left = keys(r) - before
        if left:
            # In-place primitives give a named frame new columns; the old ones are gone.
            gone = before - keys(r)
            if len(left) > len(gone):
                leaks[text] = sorted(left)[:3]
            before = keys(r)
        if "scale_inplace" in text or "impute" in text or "setDomain" in text or "appendLevels" in text:
            for key in RECORDED["frames"]:
                r(f"(rm {key})")
            r("(rm f0)")
            put_frames(r, 65536 if len(r.nodes) == 1 else 3)
            before = keys(r)
    assert not wrong, "\n".join(f"{k}\n    {v}" for k, v in list(wrong.items())[:40]) + f"\n{len(wrong)} in all"
    assert not leaks, leaks


def test_random_expressions(server: Rapids) -> None:
    fuzz(server, 1500, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_hundred_thousand_random_expressions(server: Rapids, seed: int) -> None:
    fuzz(server, 5000, seed)


def test_an_error_says_where(rapids1: Rapids) -> None:
    """Position and primitive of the innermost application stand in the message and the values of the error."""
    rapids1.put("fa", a=[1.0, 2.0])
    with pytest.raises(H2OKError, match=r"At position 8: \(cols fa 7") as caught:
        rapids1("(+ 1 (* (cols fa 7) 2))")
    assert caught.value.values["position"] == 8
    assert caught.value.values["primitive"] == "cols"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 300 + ")" * 300,
        "({x . (x x)} {x . (x x)})",
        "(rep_len 1 1e18)",
        "(seq 0 1e18 1)",
        "(seq_len 1e18)",
        "[0:1000000000000]",
        "(rows fa [0:1000000000000])",
        '(grep (cols fa 1) "(a+)+$" 0 0 0)',
    ],
)
def test_bounds(rapids1: Rapids, text: str) -> None:
    """Depth, size and time of what a single expression may ask for are bounded."""
    rapids1.put("fa", 65536, {"s": "string"}, a=[1.0, 2.0], s=["a" * 40 + "!", "b"])
    start = time.monotonic()
    try:
        value, stored = rapids1.session.execute(text)
        answer(value, stored).to_json()
    except H2OKError:
        pass
    assert time.monotonic() - start < LONGEST

"""Random expressions give an answer or a clear error, in bounded time, and leave nothing behind."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from h2ok.ext.rapids.routes import answer
from h2ok.kernel import H2OKError
from h2ok.kernel.testing import local_cloud

from .conftest import Rapids
from .fuzz import LONGEST, fuzz
from .test_answers import put_frames


@pytest.fixture(params=[(1, 65536), (3, 3)], ids=["1node", "3nodes-3rows"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[Rapids, int]]:
    n, chunk_rows = request.param
    with local_cloud(n) as nodes:
        r = Rapids(nodes)
        put_frames(r, chunk_rows)
        yield r, chunk_rows


def test_random_expressions(server: tuple[Rapids, int]) -> None:
    r, chunk_rows = server
    found = fuzz(r, 1500, 1, chunk_rows)
    assert found.fine, str(found)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_hundred_thousand_random_expressions(server: tuple[Rapids, int], seed: int) -> None:
    r, chunk_rows = server
    found = fuzz(r, 5000, seed, chunk_rows)
    assert found.fine, str(found)


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

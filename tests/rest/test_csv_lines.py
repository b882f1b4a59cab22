"""The kernels of the CSV writer against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from h2ok.ext.rest.csv_style import CsvStyle
from h2ok.ext.rest.csv_text import arrow_text, java_double, python_text
from h2ok.kernel import Block, Node, NodeConfig
from hypothesis import example, given, settings
from hypothesis import strategies as st


def written(values: np.ndarray) -> list[str]:
    """Columns of doubles as the large and the small writer write them."""
    node = Node(NodeConfig(nthreads=1))
    try:
        vec = node.frames.vec_of(values)
        block = Block(node, 0, 0, len(values), (vec,), {})
        style = CsvStyle((False,))
        return [arrow_text(block, style).decode(), python_text(block, style).decode()]
    finally:
        node.close()


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 6)), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_decimals_are_written_as_java_does(pairs: list[tuple[int, int]]) -> None:
    values = np.array([m / 10**k for m, k in pairs])
    large, small = written(values)
    assert large == small
    assert large.splitlines() == [java_double(v) for v in values.tolist()]


@given(st.lists(st.floats(), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_doubles_are_written_alike(values: list[float]) -> None:
    large, small = written(np.array(values))
    assert large == small


@given(st.lists(st.integers(1, 2**63 - 2**52 - 1), min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
@example([1, 2, 2**52, 2**52 + 1, 2**62])
def test_digits_are_the_fewest_that_read_back(bits: list[int]) -> None:
    values = np.array(bits, dtype=np.int64).view(np.float64)
    values = values[np.isfinite(values)]
    large, _ = written(values)
    assert large.splitlines() == [java_double(v) for v in values.tolist()]


@pytest.mark.parametrize("power", [2.0, 10.0])
def test_powers_are_written_as_java_does(power: float) -> None:
    with np.errstate(over="ignore", under="ignore"):
        values = power ** np.arange(-1074.0, 1024.0)
    values = values[np.isfinite(values)]
    large, _ = written(np.concatenate([values, -values, [np.inf, -np.inf]]))
    assert large.splitlines() == [java_double(v) for v in [*values.tolist(), *(-values).tolist(), np.inf, -np.inf]]

"""The kernels of the CSV writer against plain Python."""

from __future__ import annotations

import numpy as np
from h2ok.ext.rest.csv_kernels import NO_PLACES, decimals
from h2ok.ext.rest.csv_text import CsvStyle, arrow_text, java_double, python_text
from h2ok.kernel import Block, Node, NodeConfig
from hypothesis import given, settings
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


def test_short_decimals_are_told_apart() -> None:
    mantissa, places = np.empty(4, dtype=np.int64), np.empty(4, dtype=np.uint8)
    assert decimals(np.array([1.5, -0.25, np.nan, 100.0]), mantissa, places)
    assert mantissa.tolist() == [15, -25, 0, 100]
    assert places.tolist() == [1, 2, NO_PLACES, 0]
    for wrong in (1e-4, 1e7, -0.0, np.inf, 0.1 + 0.2):
        assert not decimals(np.array([wrong]), mantissa, places)

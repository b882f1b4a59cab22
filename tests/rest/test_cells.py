"""Windows of frames: the same cells as cut out of the whole columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from h2ok.ext.rest.cells import read_cells
from h2ok.kernel import KeyNotFoundError, Node, Vec
from h2ok.kernel.testing import local_cloud
from hypothesis import given, settings
from hypothesis import strategies as st

ROWS = 25


@pytest.fixture(scope="module")
def cloud() -> Iterator[list[Node]]:
    with local_cloud(3) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def vecs(cloud: list[Node]) -> list[Vec]:
    """Columns in chunks of ten rows, of four and of all."""
    numbers = np.arange(ROWS) / 4
    numbers[3] = np.nan
    texts = [None if i == 7 else f"t{i}" for i in range(ROWS)]
    frames = cloud[0].frames
    columns = {"n": numbers, "s": texts, "e": np.arange(ROWS) % 2}
    made = [frames.from_columns(f"f{size}", columns, {"s": "string"}, {"e": ("a", "b")}, chunk_rows=size) for size in (10, 4, 100)]
    return [v for f in made for v in f.vecs] * 30


@given(offset=st.integers(0, ROWS), count=st.integers(0, ROWS))
@settings(max_examples=25, deadline=None)
def test_a_window_is_cut_out_of_the_whole(cloud: list[Node], vecs: list[Vec], offset: int, count: int) -> None:
    count = min(count, ROWS - offset)
    got = read_cells(cloud[1], vecs, offset, count)
    assert len(got) == len(vecs)
    for vec, cells in zip(vecs, got, strict=True):
        if vec.type == "string":
            assert cells == vec.to_strings(cloud[1])[offset : offset + count]
        else:
            np.testing.assert_array_equal(cells, vec.to_numpy(cloud[1])[offset : offset + count])


def test_a_removed_column_is_named(cloud: list[Node], vecs: list[Vec]) -> None:
    gone = cloud[0].frames.from_columns("gone", {"x": np.arange(3.0)})
    cloud[0].frames.remove("gone")
    with pytest.raises(KeyNotFoundError, match="removed"):
        read_cells(cloud[2], [*vecs[:2], *gone.vecs], 0, 2)

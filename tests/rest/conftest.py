"""A node with the REST extension, and a small frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.kernel import Frame


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    """One node for the tests of a module; they leave nothing behind."""
    with local_runtime(only=("rest", "parsers")) as made:
        yield made


@pytest.fixture
def web(shared: Runtime) -> Client:
    return Client.of(shared)


@pytest.fixture
def frame(shared: Runtime) -> Iterator[Frame]:
    """Every column type, with missing values, in chunks of two rows."""
    made = shared.node.frames.from_columns(
        "tr",
        {
            "num": np.array([np.nan, -18.5, -17.0, -15.5]),
            "int": [0, 1, 2, 3],
            "cat": ["a", "b", "c", "a"],
            "str": ["s0", None, 'q"x', "é"],
            "tm": np.array([1577836800000, 1577923200000, 1578009600000, 1578096000000]),
            "small": np.array([1e-5, 1.5, 100.0, -0.00123]),
            "big": np.array([12345678901.0, 12345678.5, 1e20, 3.0]),
        },
        types={"str": "string", "tm": "time"},
        chunk_rows=2,
    )
    yield made
    shared.node.frames.remove("tr")
    assert not [k for k in shared.node.dkv.local_keys() if not k.startswith("$job")]

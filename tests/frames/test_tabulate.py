"""Tabulate: the tables H2O-3 3.46.0.11 made of the same frame, and sums of weights."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime

FOLDER = Path(__file__).parent.parent / "golden" / "frames"
sys.path.insert(0, str(FOLDER))
from record_tabulate import REQUESTS

GOLDEN = json.loads((FOLDER / "tabulate.json").read_text())
NA = float("nan")
COLUMNS = {
    "x": np.array([1.5, 2.25, NA, 4, 5.5, 7, 8.125, 9, 10, 3]),
    "g": np.array([0, 1, 0, 2, 1, -1, 0, 2, 1, 0], dtype=np.int32),
    "y": np.array([10, 20, 30, NA, 50, 60, 70, 80, 90, 15.0]),
    "w": np.array([1, 2, 1, 3, 1, 2, 1, 1, 2, 1.0]),
    "h": np.array([0, 1, 0, 1, -1, 0, 1, 0, 1, 1], dtype=np.int32),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "frames")) as made:
        made.node.frames.from_columns("t", COLUMNS, domains={"g": ["a", "b", "c"], "h": ["p", "q"]}, chunk_rows=3)
        yield made


@pytest.mark.parametrize("name", REQUESTS)
def test_tables_are_those_of_h2o(shared: Runtime, name: str) -> None:
    answer = Client.of(shared).post("/99/Tabulate", dataset="t", **REQUESTS[name])
    want = GOLDEN[name]
    assert [answer["count_table"]["name"], answer["response_table"]["name"]] == want["names"]
    assert answer["predictor"]["column_name"] == REQUESTS[name]["predictor"]
    for table in ("count_table", "response_table"):
        assert answer[table]["data"] == want[table]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"predictor": "no", "response": "y"}, "Predictor column no not found"),
        ({"predictor": "x", "response": "y", "nbins_response": 0}, "bins for response must be >= 1"),
        ({"predictor": "x", "response": "y", "weight": "g"}, "is a column of type enum"),
    ],
)
def test_what_cannot_be_tabulated_is_said(shared: Runtime, given: dict[str, Any], text: str) -> None:
    answer = Client.of(shared).request("POST", "/99/Tabulate", params={"dataset": "t", **given})
    assert answer.status == 412
    assert text in answer.json["msg"]

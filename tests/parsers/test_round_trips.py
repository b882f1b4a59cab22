"""Frames written as CSV and Parquet and read again are the same frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

N = st.shared(st.integers(1, 30), key="n")


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "parsers")) as made:
        yield made


def columns(n: int) -> st.SearchStrategy[dict[str, list[Any]]]:
    def of(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
        return st.lists(st.one_of(st.none(), values), min_size=n, max_size=n)

    return st.fixed_dictionaries(
        {
            "real": of(st.floats(allow_nan=False)),
            "whole": of(st.integers(-(2**53), 2**53).map(float)),
            "level": of(st.sampled_from(["a", "b c", 'q"q', "x,y", "line\nend", " lead", "é", "'", "#x"])),
            "text": of(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)),
            "time": of(st.integers(-(10**12), 10**13).map(float)),
        }
    )


def store(runtime: Runtime, values: dict[str, list[Any]]) -> None:
    levels = sorted({v for v in values["level"] if v is not None})
    index = {v: i for i, v in enumerate(levels)}
    runtime.node.frames.from_columns(
        "f",
        {
            "real": numbers(values["real"]),
            "whole": numbers(values["whole"]),
            "level": np.array([-1 if v is None else index[v] for v in values["level"]], dtype=np.int32),
            "text": values["text"],
            "time": numbers(values["time"]),
        },
        types={"text": "string", "time": "time"},
        domains={"level": levels},
        chunk_rows=7,
    )


def numbers(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values])


def back(client: Client, path: Path) -> None:
    keys = client.post("/3/ImportFilesMulti", paths=[str(path)])["destination_frames"]
    setup = client.post("/3/ParseSetup", source_frames=keys)
    types = ["Numeric", "Numeric", "Enum", "String", "Time"]
    fields = {f: setup[f] for f in ("parse_type", "separator", "number_columns", "chunk_size")}
    names = ["real", "whole", "level", "text", "time"]
    header = {"check_header": 1} if setup["parse_type"] == "CSV" else {"check_header": -1}
    # A line may begin with the comment mark, a text with the mark of a missing value.
    answer = client.post(
        "/3/Parse", source_frames=keys, destination_frame="g", column_names=names, column_types=types,
        custom_non_data_line_markers="", **fields, **header,
    )  # fmt: skip
    assert client.job(answer)["status"] == "DONE"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read(shared: Runtime, tmp_path: Path, kind: str, data: st.DataObject) -> None:
    values = data.draw(columns(data.draw(N)))
    client, node = Client.of(shared), shared.node
    store(shared, values)
    path = tmp_path / f"t.{kind}"
    answer = client.post("/3/Frames/f/export", path=str(path), force=True, format=kind)
    assert client.job(answer)["status"] == "DONE"
    back(client, path)
    frame = node.frames.get("g")
    for name in ("real", "whole", "time"):
        np.testing.assert_array_equal(frame.vec(name).to_numpy(node), numbers(values[name]))
    assert frame.vec("level").to_strings(node) == values["level"]
    assert frame.vec("text").to_strings(node) == values["text"]
    client.delete("/3/DKV")
    for file in path.rglob("*") if path.is_dir() else ():
        file.unlink()

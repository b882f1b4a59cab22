"""force_col_types: values and types that H2O-3 3.46.0.11 was seen to make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.kernel import Frame
from h2ok.kernel.testing import assert_no_keys

CSV = "a,b,c\n1,1.5,x\n2,2.5,y\n3,-2.7,x\n,-0.5,\n"


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "parsers")) as made:
        yield made


def load(
    runtime: Runtime, path: Path, types: dict[int, str] | None = None, skipped: list[int] | None = None, **given: Any
) -> Frame:
    web = Client.of(runtime)
    keys = web.get("/3/ImportFiles", path=str(path))["destination_frames"]
    setup = web.post("/3/ParseSetup", source_frames=keys, skipped_columns=skipped or [])
    names = setup["column_names"]
    setup["column_types"] = [(types or {}).get(j, t) for j, t in enumerate(setup["column_types"])]
    fields = {f: setup[f] for f in ("parse_type", "separator", "number_columns", "check_header", "column_types")}
    job = web.job(
        web.post(
            "/3/Parse",
            source_frames=keys,
            destination_frame="f",
            column_names=names,
            skipped_columns=skipped or [],
            **fields,
            **given,
        )
    )
    assert job["status"] == "DONE", job
    return runtime.node.frames.get("f")


def shown(runtime: Runtime) -> dict[str, str]:
    frame = Client.of(runtime).get("/3/Frames/f")["frames"][0]
    return {c["label"]: c["type"] for c in frame["columns"]}


def write_csv(folder: Path) -> Path:
    path = folder / "x.csv"
    path.write_text(CSV)
    return path


def test_without_force_the_values_decide(runtime: Runtime, tmp_path: Path) -> None:
    frame = load(runtime, write_csv(tmp_path), {0: "real", 1: "int"})
    assert shown(runtime) == {"a": "int", "b": "real", "c": "enum"}
    np.testing.assert_array_equal(frame.vecs[1].to_numpy(runtime.node), [1.5, 2.5, -2.7, -0.5])


@pytest.mark.parametrize("kind", ["real", "float", "double"])
def test_forced_kinds_of_text(runtime: Runtime, tmp_path: Path, kind: str) -> None:
    frame = load(runtime, write_csv(tmp_path), {0: kind, 1: "int"}, force_col_types=True)
    assert shown(runtime) == {"a": "real", "b": "int", "c": "enum"}
    np.testing.assert_array_equal(frame.vecs[0].to_numpy(runtime.node), [1, 2, 3, np.nan])
    np.testing.assert_array_equal(frame.vecs[1].to_numpy(runtime.node), [2, 3, -3, 0])
    runtime.node.frames.remove("f")
    assert_no_keys([runtime.node])


def test_forced_kinds_with_skipped_columns(runtime: Runtime, tmp_path: Path) -> None:
    frame = load(runtime, write_csv(tmp_path), {1: "int"}, [0], force_col_types=True)
    assert shown(runtime) == {"b": "int", "c": "enum"}
    np.testing.assert_array_equal(frame.vecs[0].to_numpy(runtime.node), [2, 3, -3, 0])


@pytest.mark.parametrize("skipped", [[], [0]])
def test_forced_kinds_are_those_a_parquet_file_stores(runtime: Runtime, tmp_path: Path, skipped: list[int]) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"m": [0.5, 1.0], "u": [1.0, 2.0], "i": [3, 4], "s": ["x", "y"]}), path)
    load(runtime, path, None, skipped)
    assert shown(runtime)["u"] == "int"
    load(runtime, path, None, skipped, force_col_types=True)
    types = {"m": "real", "u": "real", "i": "int"}
    assert {n: t for n, t in shown(runtime).items() if n != "s"} == {n: t for n, t in types.items() if n != "m" or not skipped}

"""Folders as Spark, Hive, polars and Dask leave them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.ext.parsers.partitions import partitions_of, without_markers
from h2ok.kernel import IllegalArgumentError

Write = Callable[..., Path]
Read = Callable[..., dict[str, list[Any]]]


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "parsers")) as made:
        yield made


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def files(**contents: str | bytes | pa.Table) -> Path:
        for name, content in contents.items():
            path = tmp_path / name.replace("|", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, pa.Table):
                pq.write_table(content, path)
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return tmp_path

    return files


@pytest.fixture
def read(shared: Runtime) -> Read:
    def columns(path: Path, **given: Any) -> dict[str, list[Any]]:
        web = Client.of(shared)
        keys = web.post("/3/ImportFilesMulti", paths=[str(path)])["destination_frames"]
        setup = web.post("/3/ParseSetup", source_frames=keys, **given)
        fields = ("parse_type", "separator", "number_columns", "check_header", "column_names", "column_types")
        job = web.job(
            web.post("/3/Parse", source_frames=keys, destination_frame="f", **{f: setup[f] for f in fields if setup[f]}, **given)
        )
        assert job["status"] == "DONE", job["exception"]
        frame = shared.node.frames.get("f")
        out = {
            n: v.to_strings(shared.node) if v.type in ("enum", "string") else v.to_numpy(shared.node).tolist()
            for n, v in zip(frame.names, frame.vecs, strict=True)
        }
        web.delete("/3/DKV")
        return out

    return columns


def test_markers_beside_partitions_are_no_data(write: Write, read: Read) -> None:
    folder = write(
        **{
            "year=2023|m=1|p.csv": "v\n1\n", "year=2024|m=2|p.csv": "v\n2\n", "_SUCCESS": "", "._SUCCESS.crc": b"crc\0",
            "_committed_17": "{}", "_delta_log|0.json": "{}", "year=2023|_temporary|x.csv": "v\n9\n",
            "year=2024|m=2|_own": "v\n9\n",
        }
    )  # fmt: skip
    assert read(folder, partition_by=["year", "m"]) == {"v": [1, 2], "year": ["2023", "2024"], "m": ["1", "2"]}


def test_markers_beside_plain_files(write: Write, read: Read) -> None:
    folder = write(**{"part-0.csv": "v\n1\n", "_SUCCESS": "", "_committed_1": "{}", "_mine.csv": "v\n2\n"})
    assert sorted(read(folder)["v"]) == [1, 2]


def test_files_that_are_asked_for_by_name_are_data(write: Write, read: Read) -> None:
    assert read(write(_SUCCESS="v\n1\n2\n") / "_SUCCESS") == {"v": [1, 2]}


@pytest.mark.parametrize("content", ["k,v\n{0},1\n", "v,k\n1,{0}\n", "v,k,w\n1,{0},1\n"])
def test_the_key_may_stand_in_the_files_too(write: Write, read: Read, content: str) -> None:
    folder = write(**{f"k={k}|p.csv": content.format(k) for k in "pq"})
    found = read(folder, partition_by=["k"])
    assert found.pop("k") == ["p", "q"]
    assert all(v == [1, 1] for v in found.values())


def test_the_key_may_stand_in_files_of_columns(write: Write, read: Read) -> None:
    folder = write(**{f"k={k}|p.parquet": pa.table({"k": [k, k], "v": [1, 2]}) for k in "pq"})
    assert read(folder, partition_by=["k"]) == {"v": [1, 2, 1, 2], "k": ["p", "p", "q", "q"]}


def test_missing_and_escaped_values(write: Write, read: Read) -> None:
    names = ["a%20b", "x%3Dy", "1%2F2", "50%25", "%C3%A9", "__HIVE_DEFAULT_PARTITION__", "007", "x=y"]
    folder = write(**{f"k={n}|p.csv": f"v\n{i}\n" for i, n in enumerate(names)})
    found = read(folder, partition_by=["k"])
    values = dict(zip(found["v"], found["k"], strict=True))
    assert [values[i] for i in range(len(names))] == ["a b", "x=y", "1/2", "50%", "\u00e9", None, "007", "x=y"]


def test_only_missing_values(write: Write, read: Read) -> None:
    folder = write(**{"k=__HIVE_DEFAULT_PARTITION__|p.csv": "v\n1\n2\n"})
    assert read(folder, partition_by=["k"]) == {"v": [1, 2], "k": [None, None]}


def test_a_source_in_no_folder_is_refused() -> None:
    with pytest.raises(IllegalArgumentError, match="lies in no folder named 'k="):
        partitions_of(["/d/k=1/p.csv", "/d/p.csv"], ["k"])
    assert partitions_of(["/d/k=1/p.csv", "/d/_SUCCESS"], ["k"]).values == (("1",), (None,))


def test_names_of_the_folder_above_do_not_count() -> None:
    uris = ["/x=1/_d/a.csv", "/x=1/_d/_b.csv"]
    assert without_markers("/x=1/_d", uris) == set(uris)

"""ARFF, SVMLight and Parquet."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.testing import Client
from h2ok.ext.parsers.arff import attributes
from h2ok.kernel import Frame, IllegalArgumentError
from pyarrow import orc

ARFF = """% a comment
@relation weather
@attribute outlook {sunny, overcast, 'light rain'}
@ATTRIBUTE temperature real
@attribute note string
@attribute windy {TRUE, FALSE}

@data
sunny,85.5,'a, b',FALSE
% between
?,64,x,TRUE
'light rain',?,?,FALSE
"""


def test_arff_header_gives_names_types_levels(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    frame = load(ARFF, "w.arff")
    assert frame.names == ("outlook", "temperature", "note", "windy")
    assert [v.type for v in frame.vecs] == ["enum", "numeric", "string", "enum"]
    assert frame.vecs[0].domain == ("sunny", "overcast", "light rain")
    assert frame.vecs[0].to_strings(ctx.node) == ["sunny", None, "light rain"]
    np.testing.assert_array_equal(frame.vecs[1].to_numpy(ctx.node), [85.5, 64, np.nan])
    assert frame.vecs[2].to_strings(ctx.node) == ["a, b", "x", None]


def test_arff_reads_alike_in_blocks(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    text = "@relation r\n@attribute n numeric\n@attribute e {p,q}\n@data\n" + "".join(f"{i},{'pq'[i % 2]}\n" for i in range(5000))
    frame = load(text, "r.arff", chunk_size=4096)
    assert frame.n_chunks > 3
    assert frame.vecs[0].to_numpy(ctx.node).tolist() == list(range(5000))


def test_broken_arff_headers_are_named() -> None:
    with pytest.raises(IllegalArgumentError, match="Unknown ARFF type 'relational'"):
        attributes("@relation r\n@attribute x relational\n@data\n")
    assert attributes("a,b\n1,2\n") is None


def test_svmlight_is_dense_numbers_with_zeros(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    frame = load("1 1:0.5 4:2\n-1 2:1e-3 # note\n0 1:3\n", "t.svm")
    assert frame.names == ("C1", "C2", "C3", "C4", "C5")
    np.testing.assert_array_equal(frame.to_numpy(ctx.node), [[1, 0.5, 0, 0, 2], [-1, 0, 1e-3, 0, 0], [0, 3, 0, 0, 0]])


def test_svmlight_in_one_step(client: Client, runtime: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "t.svm"
    path.write_text("1 1:0.5\n0 3:2\n")
    keys = client.post("/3/ImportFilesMulti", paths=[str(path)])["destination_frames"]
    assert client.job(client.post("/3/ParseSVMLight", source_frames=keys))["status"] == "DONE"
    assert runtime.node.frames.get("t.hex").n_cols == 4


def test_svmlight_in_blocks_equals_whole(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    rng = np.random.default_rng(2)
    lines = [
        f"{i % 2} "
        + " ".join(f"{k}:{v:.3f}" for k, v in zip(sorted(rng.choice(30, 4, replace=False) + 1), rng.random(4), strict=True))
        for i in range(2000)
    ]
    text = "\n".join(lines) + "\n"
    whole = load(text, "a.svm").to_numpy(ctx.node)
    cut = load(text, "b.svm", chunk_size=4096)
    assert cut.n_chunks > 5
    np.testing.assert_array_equal(cut.to_numpy(ctx.node), whole)


def test_a_setup_that_a_format_cannot_follow_is_refused_before_a_job_begins(
    client: Client, runtime: Runtime, tmp_path: Path
) -> None:
    path = tmp_path / "t.svm"
    path.write_text("1 1:2 2:3\n")
    keys = client.get("/3/ImportFiles", path=str(path))["destination_frames"]
    fields = {"source_frames": keys, "destination_frame": "t", "parse_type": "SVMLight", "separator": 32, "number_columns": 3}
    refused = client.post("/3/Parse", expect=412, skipped_columns=[1], **fields)
    assert "skipped_columns are not supported" in refused["exception_msg"]
    assert runtime.node.dkv.get("t") is None


def test_svmlight_refuses_skipped_columns(load: Callable[..., Frame]) -> None:
    with pytest.raises(IllegalArgumentError, match="skipped_columns"):
        load("1 1:0.5\n0 2:1\n", "t.svm", skipped_columns=[1])


def test_parquet_types_values_and_missing(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    n = 1000
    when = dt.datetime(2024, 2, 3, 4, 5, 6, 789000)
    table = pa.table(
        {
            "i": pa.array([None, *range(1, n)], type=pa.int32()),
            "d": pa.array([x / 8 for x in range(n)]),
            "b": pa.array([x % 2 == 0 for x in range(n)]),
            "e": pa.array(["abc"[x % 3] for x in range(n)]).dictionary_encode(),
            "s": pa.array([f"id {x}" for x in range(n)]),
            "t": pa.array([None, *[when] * (n - 1)], type=pa.timestamp("us")),
            "day": pa.array([None, *[when.date()] * (n - 1)]),
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=300)
    frame = load(out.getvalue(), "t.parquet")
    assert frame.n_chunks == 4
    assert dict(zip(frame.names, (v.type for v in frame.vecs), strict=True)) == {
        "i": "numeric", "d": "numeric", "b": "enum", "e": "enum", "s": "string", "t": "time", "day": "time",
    }  # fmt: skip
    values = {name: frame.vec(name).to_numpy(ctx.node) for name in ("i", "d", "b", "t", "day")}
    assert np.isnan([values["i"][0], values["t"][0], values["day"][0]]).all()
    assert values["i"][999] == 999
    assert values["d"][999] == 999 / 8
    assert values["t"][1] == 1706933106789
    assert values["day"][1] == 1706918400000
    assert frame.vec("e").to_strings(ctx.node)[:3] == ["a", "b", "c"]
    assert load(out.getvalue(), "t.parquet", skipped_columns=[0, 2]).names == ("d", "e", "s", "t", "day")


def test_types_of_the_kept_columns_alone_are_taken_in_their_order(load: Callable[..., Frame]) -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2], "b": [3, 4], "c": [5, 6]}), out)
    for types in (["Enum", "Numeric"], ["Numeric", "Enum", "Numeric"]):
        frame = load(out.getvalue(), "t.parquet", skipped_columns=[0], column_types=types)
        assert dict(zip(frame.names, (v.type for v in frame.vecs), strict=True)) == {"b": "enum", "c": "numeric"}


def test_damaged_and_nested_parquet_is_explained(load: Callable[..., Frame]) -> None:
    with pytest.raises(IllegalArgumentError, match="no readable Parquet"):
        load(b"PAR1 nonsense", "t.parquet")
    out = io.BytesIO()
    pq.write_table(pa.table({"l": [[1, 2], [3]]}), out)
    with pytest.raises(IllegalArgumentError, match="'l' is of type list"):
        load(out.getvalue(), "t.parquet")


def test_columns_of_large_row_groups_are_those_of_small_ones(
    ctx: RequestContext, tmp_path: Path, load: Callable[..., Frame]
) -> None:
    n = 40_000
    table = pa.table(
        {
            "id": pa.array(range(n)),
            "small": pa.array((i % 300 for i in range(n)), pa.int16()),
            "flag": pa.array(i % 2 for i in range(n)),
            "gap": pa.array((None if i % 7 == 0 else i for i in range(n)), pa.int32()),
            "huge": pa.array((2**63 + i for i in range(n)), pa.uint64()),
            "real": pa.array(i / 7 for i in range(n)),
            "price": pa.array(i / 100 for i in range(n)),
            "day": pa.array(None if i % 11 == 0 else f"2024-01-{i % 28 + 1:02}" for i in range(n)),
        }
    )
    found = []
    for size in (n, 1000):
        out = io.BytesIO()
        pq.write_table(table, out, row_group_size=size)
        frame = load(out.getvalue(), "t.parquet")
        assert frame.n_chunks == n // size
        found.append({name: frame.vec(name).to_numpy(ctx.node) for name in table.column_names})
    large, small = found
    assert frame.vec("day").type == "time"
    for name in table.column_names:
        np.testing.assert_array_equal(large[name], small[name])
    np.testing.assert_array_equal(large["huge"], table["huge"].to_numpy().astype(float))
    np.testing.assert_array_equal(large["gap"][:3], [np.nan, 1, 2])


def test_an_orc_file_of_something_else_than_rows_is_explained(load: Callable[..., Frame]) -> None:
    out = io.BytesIO()
    orc.write_table(pa.table({"a": [1, 2]}), out)
    # The kind of the outermost type in the footer: struct (12) becomes a list (10).
    damaged = out.getvalue().replace(b"\x08\x0c\x12\x01\x01\x1a\x01a", b"\x08\x0a\x12\x01\x01\x1a\x01a")
    assert damaged != out.getvalue()
    with pytest.raises(IllegalArgumentError, match="no readable ORC"):
        load(damaged, "t.orc")


def test_a_malformed_svmlight_line_is_named(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "t.svm"
    path.write_text("1 1:0.5 2:1\n" * 30 + "1 1:0.5 two:2\n")
    keys = client.post("/3/ImportFilesMulti", paths=[str(path)])["destination_frames"]
    job = client.job(client.post("/3/ParseSVMLight", source_frames=keys))
    assert job["status"] == "FAILED"
    assert (
        "t.svm' is no SVMLight file: line 31, column 9: expected index:value with a whole number as index, found 'two:2'"
        in job["exception"]
    )
    assert not client.get("/3/Frames")["frames"], "neither a frame nor the raw file may stay"


def test_arff_errors_tell_the_line() -> None:
    with pytest.raises(IllegalArgumentError, match="line 2, column 14"):
        attributes("@relation r\n@attribute x relational\n@data\n")
    with pytest.raises(IllegalArgumentError, match="line 3"):
        attributes("@relation r\n% c\n@attribute x\n@data\n")


def test_numbers_that_are_no_times_are_missing() -> None:
    from h2ok.ext.parsers.rows import columns_of_values

    columns = columns_of_values([[5.0, 1e300, float("nan"), 2**70, -(2.0**63), 7]], ["Time"], 6)
    chunk = columns.chunks[0]
    assert chunk is not None
    np.testing.assert_array_equal(chunk.decode(), [5, np.nan, np.nan, np.nan, np.nan, 7])

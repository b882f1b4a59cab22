"""Frames as Arrow streams: every type there and back, damaged streams, and the client helpers over a socket."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.client import Frames, TransferError
from h2ok.kernel import Frame
from hypothesis import given, settings
from hypothesis import strategies as st

MEDIA = "application/vnd.apache.arrow.stream"


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "parsers")) as made:
        yield made


@pytest.fixture
def web(shared: Runtime) -> Iterator[Client]:
    client = Client.of(shared)
    yield client
    client.delete("/3/DKV")
    assert not [k for k in shared.node.dkv.local_keys() if not k.startswith("$job")]


@pytest.fixture
def frame(shared: Runtime) -> Frame:
    return shared.node.frames.from_columns(
        "tr",
        {
            "num": np.array([np.nan, -18.5, -17.0, 1e300]),
            "int": np.array([0, 1, np.nan, 3]),
            "big": np.array([0, 2.0**40, 1, 3]),
            "flag": np.array([0, 1, 1, 0]),
            "cat": ["b", "a", None, "b"],
            "str": ["s0", None, "x\ny", "é"],
            "tm": np.array([1577836800000, 1577923200000, 1578009600000, 1578096000000]),
            "one": np.array([7.0, 7.0, 7.0, 7.0]),
            "none": np.array([np.nan] * 4),
        },
        types={"str": "string", "tm": "time"},
        chunk_rows=3,
    )


def read(web: Client, key: str, query: str = "") -> pa.Table:
    answer = web.request("GET", f"/3/Frames/{key}/arrow{query}")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == MEDIA
    return pa.ipc.open_stream(answer.body).read_all()


def send(web: Client, table: pa.Table, key: str, expect: int = 200, rows: int = 1000) -> object:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=rows):
            writer.write_batch(batch)
    answer = web.request("POST", f"/3/Frames/{key}/arrow", data=out.getvalue(), content_type=MEDIA)
    assert answer.status == expect, answer.body
    return answer.json


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
def test_every_type_comes_out(web: Client, frame: Frame, compression: str) -> None:
    table = read(web, "tr", f"?compression={compression}")
    assert [str(t) for t in table.schema.types] == [
        "double", "int32", "int64", "int32", "dictionary<values=string, indices=int8, ordered=0>", "large_string",
        "timestamp[ms, tz=UTC]", "int32", "double",
    ]  # fmt: skip
    columns = table.to_pydict()
    assert columns["num"] == [None, -18.5, -17.0, 1e300]
    assert columns["int"] == [0, 1, None, 3]
    assert columns["big"] == [0, 2**40, 1, 3]
    assert columns["cat"] == ["b", "a", None, "b"]
    assert columns["str"] == ["s0", None, "x\ny", "é"]
    assert [t.timestamp() * 1000 for t in columns["tm"]] == [1577836800000, 1577923200000, 1578009600000, 1578096000000]
    assert columns["one"] == [7, 7, 7, 7]
    assert columns["none"] == [None] * 4


def test_there_and_back_is_the_same_frame(shared: Runtime, web: Client, frame: Frame) -> None:
    send(web, read(web, "tr"), "back")
    back = shared.node.frames.get("back")
    assert back.names == frame.names
    for a, b in zip(frame.vecs, back.vecs, strict=True):
        assert (a.type, a.domain) == (b.type, b.domain)
        if a.type == "string":
            assert a.to_strings(shared.node) == b.to_strings(shared.node)
        else:
            np.testing.assert_array_equal(a.to_numpy(shared.node), b.to_numpy(shared.node))


def test_columns_without_missing_values_come_from_every_codec(shared: Runtime, web: Client) -> None:
    n = 2000
    rows = np.arange(n)
    columns = {
        "constant": np.where(rows < n // 2, 1.0, rows),
        "sparse": np.where(rows % 97 == 0, rows, 0).astype(float),
        "bits": (rows % 2).astype(float),
        "whole": rows * 1000.0,
        "large": rows * 2.0**40,
        "price": rows / 100,
        "single": (rows / 8 + 1e6).astype(np.float32).astype(float) * 1e-3,
        "real": rows / 7,
        "endless": np.where(rows % 3 == 0, np.inf, rows / 7),
    }
    shared.node.frames.from_columns("full", {**columns, "cat": ["ab"[i % 2] for i in range(n)]}, chunk_rows=n // 2)
    table = read(web, "full")
    assert {f.name: str(f.type) for f in table.schema if f.name in ("bits", "whole", "large", "price")} == {
        "bits": "int32", "whole": "int32", "large": "int64", "price": "double",
    }  # fmt: skip
    for name, values in columns.items():
        np.testing.assert_array_equal(table[name].to_numpy(), values)
    assert table["cat"].to_pylist() == ["ab"[i % 2] for i in range(n)]


@pytest.mark.parametrize(("n_levels", "kind"), [(127, "int8"), (128, "int16"), (40_000, "int32")])
def test_codes_of_levels_are_as_small_as_they_can_be(shared: Runtime, web: Client, n_levels: int, kind: str) -> None:
    names = [f"k{i:05}" for i in range(n_levels)]
    some = [None if i % 7 == 0 else names[-1 - i % n_levels] for i in range(n_levels)]
    shared.node.frames.from_columns("codes", {"all": names, "some": some}, chunk_rows=n_levels // 3)
    table = read(web, "codes")
    assert [str(f.type.index_type) for f in table.schema] == [kind, kind if n_levels != 128 else "int8"]
    assert table["all"].to_pylist() == names
    assert table["some"].to_pylist() == some


def test_levels_that_differ_between_batches_are_merged(shared: Runtime, web: Client) -> None:
    parts = [pa.array(v).dictionary_encode() for v in (["b", "a"], ["c", "a", None])]
    send(web, pa.table({"k": pa.chunked_array(parts)}), "k")
    vec = shared.node.frames.get("k").vec("k")
    assert vec.domain == ("b", "a", "c")
    assert vec.to_strings(shared.node) == ["b", "a", "c", "a", None]


def test_many_batches_become_chunks_of_full_size(shared: Runtime, web: Client) -> None:
    n = 150_000
    send(web, pa.table({"x": np.arange(n)}), "x", rows=1000)
    frame = shared.node.frames.get("x")
    assert np.diff(frame.espc).tolist() == [65536, 65536, n - 2 * 65536]
    np.testing.assert_array_equal(frame.vecs[0].to_numpy(shared.node), np.arange(n))


def test_a_frame_without_rows(shared: Runtime, web: Client) -> None:
    send(web, pa.table({"x": pa.array([], pa.float64()), "k": pa.array([], pa.string()).dictionary_encode()}), "empty")
    assert shared.node.frames.get("empty").n_rows == 0
    assert read(web, "empty").num_rows == 0


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (pa.table({"l": [[1]]}), "'l' is of Arrow type list"),
        (pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), "duplicate column name 'a'"),
    ],
)
def test_tables_that_are_no_frame_are_explained(web: Client, table: pa.Table, text: str) -> None:
    assert text in send(web, table, "bad", expect=412)["msg"]  # type: ignore[index]


@pytest.mark.parametrize("cut", [0, 1, 100, 700])
def test_damaged_streams_leave_nothing(web: Client, cut: int) -> None:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, pa.schema([("a", pa.int64())])) as writer:
        writer.write_batch(pa.record_batch({"a": list(range(200))}))
    data = out.getvalue()[:cut] if cut != 700 else b"\xff" * 700
    answer = web.request("POST", "/3/Frames/bad/arrow", data=data, content_type=MEDIA)
    assert answer.status == 412
    assert "Arrow IPC stream" in answer.json["msg"]


def test_names_that_are_no_text_are_refused(web: Client) -> None:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, pa.schema([("abcdefgh", pa.int64())])) as writer:
        writer.write_batch(pa.record_batch({"abcdefgh": [1, 2]}))
    data = out.getvalue().replace(b"abcdefgh", b"abcd\xc4fgh")
    answer = web.request("POST", "/3/Frames/bad/arrow", data=data, content_type=MEDIA)
    assert answer.status == 412
    assert "Arrow IPC stream" in answer.json["msg"]


def broken_columns() -> dict[str, pa.Array]:
    """Columns whose codes or bytes are wrong, as no library writes them."""
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 70_000], pa.int32()), pa.array(["a"]), safe=False)
    offsets = pa.py_buffer(np.array([0, 2], dtype=np.int32).tobytes())
    return {"codes": codes, "latin": pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(b"\xff\xfe")])}


@pytest.mark.parametrize("name", ["codes", "latin"])
def test_wrong_buffers_are_refused(web: Client, name: str) -> None:
    answer = send(web, pa.table({"c": broken_columns()[name]}), "bad", expect=412)
    assert "Arrow IPC stream" in answer["msg"]  # type: ignore[index]


def test_unknown_frames_and_compressions(web: Client, frame: Frame) -> None:
    assert web.request("GET", "/3/Frames/nobody/arrow").status == 404
    assert web.request("GET", "/3/Frames/tr/arrow?compression=rar").status == 412


COLUMNS = {
    "float": st.lists(st.one_of(st.none(), st.floats(width=64)), min_size=1, max_size=40),
    "int": st.lists(st.one_of(st.none(), st.integers(-(2**53), 2**53)), min_size=1, max_size=40),
    "text": st.lists(st.one_of(st.none(), st.text(max_size=8)), min_size=1, max_size=40),
}


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_any_column_survives(shared: Runtime, data: st.DataObject) -> None:
    client = Client.of(shared)
    kind = data.draw(st.sampled_from(sorted(COLUMNS)))
    values = [None if v != v else v for v in data.draw(COLUMNS[kind])]
    array = pa.array(values, type={"float": pa.float64(), "int": pa.int64(), "text": pa.string()}[kind])
    send(client, pa.table({"c": array}), "any")
    assert read(client, "any").column("c").to_pylist() == values
    client.delete("/3/DKV")


def test_helpers_over_a_socket(tmp_path_factory: pytest.TempPathFactory) -> None:
    from h2ok.capabilities.testing.server import ServerProcess

    server = ServerProcess(tmp_path_factory.mktemp("ice"), 1, ["--nthreads", "2"])
    try:
        frames = Frames(server.url, compression="lz4")
        table = pd.DataFrame({"x": [1.5, np.nan, 3.0], "k": ["b", "a", "b"], "s": ["p", "q", "r"], "n": [1, 2, 3]})
        assert frames.from_pandas(table, "my frame") == "my frame"
        back = frames.to_pandas("my frame")
        assert back["k"].dtype == "category"
        assert list(back["k"].cat.categories) == ["a", "b"]
        assert back["n"].tolist() == [1, 2, 3]
        assert back["s"].tolist() == ["p", "q", "r"]
        np.testing.assert_array_equal(back["x"], table["x"])
        assert frames.to_polars(frames.from_polars(pl.DataFrame({"a": [1, None]})))["a"].to_list() == [1, None]
        with pytest.raises(TransferError, match="404"):
            frames.to_arrow("nobody")
    finally:
        assert server.stop() == 0

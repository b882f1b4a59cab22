"""Arrow types in Parquet files, ORC files and streams: what each becomes, and whole numbers that a double would round."""

from __future__ import annotations

import datetime as dt
import decimal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime
from h2ok.client.transfer import _pieces, _with_enums
from h2ok.kernel import Frame
from pyarrow import orc

ID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
#: 2024-01-02 03:04:05.678901234 and a moment before 1970, in nanoseconds.
NANOS = [1704164645678901234, -1]
LONG = [2**53 + 1, None, -(2**63) + 1, 2**63 - 1, 1577134800018226901]


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "parsers")) as made:
        yield made


@pytest.fixture
def web(shared: Runtime) -> Iterator[Client]:
    client = Client.of(shared)
    yield client
    client.delete("/3/DKV")


@pytest.fixture(params=["parquet", "orc", "stream"])
def store(request: pytest.FixtureRequest, shared: Runtime, web: Client, tmp_path: Path) -> Callable[[pa.Table], Frame]:
    """Store a table as the frame ``f`` by one of the three ways."""

    def by_file(table: pa.Table) -> Frame:
        path = tmp_path / f"t.{request.param}"
        (pq if request.param == "parquet" else orc).write_table(table, path)
        imported(web, path)
        return shared.node.frames.get("f")

    def by_stream(table: pa.Table) -> Frame:
        send(web, table)
        return shared.node.frames.get("f")

    return by_stream if request.param == "stream" else by_file


def imported(web: Client, path: Path, **given: Any) -> dict[str, Any]:
    """The finished job of an import into ``f``."""
    keys = web.get("/3/ImportFiles", path=str(path))["destination_frames"]
    setup = web.post("/3/ParseSetup", source_frames=keys, **given)
    fields = {f: setup[f] for f in ("parse_type", "separator", "number_columns", "check_header", "column_names", "column_types")}
    job: dict[str, Any] = web.job(web.post("/3/Parse", source_frames=keys, destination_frame="f", **{**fields, **given}))
    assert job["status"] == "DONE", job
    return job


def send(web: Client, table: pa.Table, expect: int = 200) -> Any:
    body = b"".join(_pieces(pa, table, "none"))
    answer = web.request("POST", "/3/Frames/f/arrow", data=body, content_type="application/vnd.apache.arrow.stream")
    assert answer.status == expect, answer.body
    return answer.json


def cells(shared: Runtime, frame: Frame) -> dict[str, tuple[str, list[Any]]]:
    """Type and values of each column, None for missing."""
    out = {}
    for name, vec in zip(frame.names, frame.vecs, strict=True):
        if vec.type in ("numeric", "time"):
            out[name] = (vec.type, [None if np.isnan(v) else v for v in vec.to_numpy(shared.node)])
        else:
            out[name] = (vec.type, vec.to_strings(shared.node))
    return out


def whole(shared: Runtime, frame: Frame, name: str = "c") -> list[int | None]:
    values = [v for i in range(frame.n_chunks) for v in frame.vec(name).chunk(shared.node, i).int64().tolist()]
    return [None if v == np.iinfo(np.int64).min else v for v in values]


TIMES = {
    "us": pa.array([dt.time(3, 4, 5, 678901), None], pa.time64("us")),
    "ns": pa.array([11045678901234, None], pa.time64("ns")),
    "ms": pa.array([11045678, None], pa.time32("ms")),
    "s": pa.array([11045, None], pa.time32("s")),
    "k": pa.array([dt.timedelta(hours=1, microseconds=1999), None], pa.duration("us")),
    "m": pa.array([-1, None], pa.duration("ns")),
}


@pytest.mark.parametrize("store", ["parquet", "stream"], indirect=True)
def test_times_of_day_and_durations_are_milliseconds(shared: Runtime, store: Callable[[pa.Table], Frame]) -> None:
    found = cells(shared, store(pa.table(TIMES)))
    values = {"us": 11045678, "ns": 11045678, "ms": 11045678, "s": 11045000, "k": 3600001, "m": -1}
    assert found == {name: ("numeric", [value, None]) for name, value in values.items()}


@pytest.mark.parametrize("store", ["parquet", "stream"], indirect=True)
def test_extension_types_are_what_they_mean(shared: Runtime, store: Callable[[pa.Table], Frame]) -> None:
    table = pa.table(
        {
            "u": pa.array([ID.bytes, None, ID.bytes], pa.uuid()),
            "j": pa.array(['{"a":1}', None, '{"b":2}'], pa.json_()),
            "b": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None, 0], pa.int8())),
        }
    ).slice(1)
    found = cells(shared, store(table))
    assert found["u"] == ("uuid", [None, str(ID)])
    assert found["j"][1] == [None, '{"b":2}']
    assert found["b"] == ("enum", [None, "False"])


def test_extension_types_may_be_read_as_text(shared: Runtime, web: Client, tmp_path: Path) -> None:
    pq.write_table(pa.table({"u": pa.array([ID.bytes, None], pa.uuid()), "t": TIMES["us"]}), tmp_path / "t.parquet")
    imported(web, tmp_path / "t.parquet", column_types=["String", "Enum"])
    found = cells(shared, shared.node.frames.get("f"))
    assert found == {"u": ("string", [str(ID), None]), "t": ("enum", ["03:04:05.678901", None])}


def test_moments_are_cut_to_milliseconds(shared: Runtime, store: Callable[[pa.Table], Frame]) -> None:
    zone = pa.array([v // 1000 for v in NANOS], pa.timestamp("us", tz="UTC"))
    found = cells(shared, store(pa.table({"n": pa.array(NANOS, pa.timestamp("ns")), "z": zone})))
    assert found == {"n": ("time", [1704164645678, -1]), "z": ("time", [1704164645678, -1])}


@pytest.mark.parametrize("kind", [pa.uint8(), pa.uint16(), pa.uint32(), pa.int8(), pa.int64()])
@pytest.mark.parametrize("codes", [[0, 1, 0], [0, None, 1]])
@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.string_view()])
def test_dictionaries_of_texts_are_levels_whatever_their_codes(
    shared: Runtime, web: Client, kind: pa.DataType, codes: list[int | None], text: pa.DataType
) -> None:
    column = pa.DictionaryArray.from_arrays(pa.array(codes, kind), pa.array(["y", "x"], text))
    send(web, pa.table({"c": column}))
    vec = shared.node.frames.get("f").vec("c")
    assert (vec.type, vec.domain) == ("enum", ("y", "x"))
    assert vec.to_strings(shared.node) == [None if c is None else "yx"[c] for c in codes]


@pytest.mark.parametrize("store", ["parquet", "stream"], indirect=True)
def test_a_small_dictionary_is_levels(shared: Runtime, store: Callable[[pa.Table], Frame]) -> None:
    made = store(pa.table({"c": pa.array(["y", "x", "z"]).dictionary_encode()}))
    assert cells(shared, made) == {"c": ("enum", ["y", "x", "z"])}


def test_polars_categories_are_sent(shared: Runtime, web: Client) -> None:
    frame = pl.DataFrame(
        {
            "c": pl.Series(["a", None, "b"], dtype=pl.Categorical),
            "e": pl.Series(["y", "x", None], dtype=pl.Enum(["x", "y", "never"])),
            "t": [dt.time(1), None, dt.time(2)],
            "k": [dt.timedelta(1), None, dt.timedelta(2)],
        }
    )
    send(web, _with_enums(pa, frame.to_arrow()))
    made = shared.node.frames.get("f")
    assert made.vec("e").domain == ("x", "y", "never")
    assert cells(shared, made) == {
        "c": ("enum", ["a", None, "b"]),
        "e": ("enum", ["y", "x", None]),
        "t": ("numeric", [3_600_000, None, 7_200_000]),
        "k": ("numeric", [86_400_000, None, 172_800_000]),
    }


def test_long_numbers_are_exact(shared: Runtime, store: Callable[[pa.Table], Frame]) -> None:
    assert whole(shared, store(pa.table({"c": pa.array(LONG, pa.int64())}))) == LONG


@pytest.mark.parametrize("kind", [pa.uint64(), pa.decimal128(20, 0), pa.decimal128(25, 5)])
@pytest.mark.parametrize("store", ["parquet", "stream"], indirect=True)
def test_other_long_numbers_are_exact(shared: Runtime, store: Callable[[pa.Table], Frame], kind: pa.DataType) -> None:
    values = [v if v is None else decimal.Decimal(abs(v)) for v in LONG]
    made = store(pa.table({"c": pa.array(values, pa.decimal128(20, 0)).cast(kind)}))
    assert whole(shared, made) == [v if v is None else int(v) for v in values]


def test_many_long_numbers_are_exact(shared: Runtime, web: Client) -> None:
    values = np.arange(70_000) + 2**53
    send(web, pa.table({"c": values}))
    assert whole(shared, shared.node.frames.get("f")) == values.tolist()


@pytest.mark.parametrize("kind", [pa.uint64(), pa.decimal128(20, 0)])
def test_numbers_that_64_bits_cannot_hold_are_told(shared: Runtime, web: Client, tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({"q": pa.array([decimal.Decimal(2**64 - 1), 1], pa.decimal128(20, 0)).cast(kind)})
    assert "Column 'q' holds numbers beyond 64 bits" in send(web, table)["warnings"][0]
    pq.write_table(table, tmp_path / "t.parquet")
    assert "Column 'q' holds numbers beyond 64 bits" in imported(web, tmp_path / "t.parquet")["warnings"][0]
    assert cells(shared, shared.node.frames.get("f")) == {"q": ("numeric", [float(2**64 - 1), 1])}
    imported(web, tmp_path / "t.parquet", column_types=["String"])
    assert cells(shared, shared.node.frames.get("f")) == {"q": ("string", [str(2**64 - 1), "1"])}


@pytest.mark.parametrize("store", ["parquet", "stream"], indirect=True)
def test_the_smallest_int64_is_missing_and_its_neighbours_keep_their_digits(
    shared: Runtime, store: Callable[[pa.Table], Frame]
) -> None:
    made = store(pa.table({"c": pa.array([-(2**63), 2**53 + 1, 5])}))
    assert whole(shared, made) == [None, 2**53 + 1, 5]


def test_unsigned_numbers_that_int64_holds_are_no_matter(shared: Runtime, web: Client) -> None:
    assert not send(web, pa.table({"c": pa.array([2**63 - 1, 2**53 + 1], pa.uint64())})).get("warnings")
    assert whole(shared, shared.node.frames.get("f")) == [2**63 - 1, 2**53 + 1]


def test_spans_of_time_are_no_numbers(shared: Runtime, web: Client, tmp_path: Path) -> None:
    marked = {"ARROW:extension:name": "pandas.period", "ARROW:extension:metadata": '{"freq": "M"}'}
    table = pa.Table.from_arrays(
        [pa.array([648, 649]), pa.array([1, 2])], schema=pa.schema([pa.field("m", pa.int64(), metadata=marked), ("x", pa.int64())])
    )
    assert "Column 'm' is of Arrow type pandas.period, which cannot be a column" in send(web, table, expect=412)["msg"]
    pq.write_table(table, tmp_path / "t.parquet")
    setup = web.post(
        "/3/ParseSetup", source_frames=web.get("/3/ImportFiles", path=str(tmp_path / "t.parquet"))["destination_frames"]
    )
    assert setup["warnings"] == ["Column 'm' is left out: pandas.period cannot be a column."]
    imported(web, tmp_path / "t.parquet")
    assert list(cells(shared, shared.node.frames.get("f"))) == ["x"]


def interval_file(path: Path, **columns: Any) -> None:
    """Arrow cannot write intervals: twelve bytes get the mark of one in the footer."""
    table = pa.table({"a": [1, 2], "i": pa.array([b"0" * 12] * 2, pa.binary(12)), **columns})
    pq.write_table(table, path, store_schema=False)
    path.write_bytes(marked_as_interval(path.read_bytes()))


@pytest.mark.parametrize("kept", [{}, {"skipped_columns": [3]}])
def test_intervals_are_left_out_with_a_word(shared: Runtime, web: Client, tmp_path: Path, kept: dict[str, list[int]]) -> None:
    interval_file(tmp_path / "t.parquet", b=[3, 4], c=[5, 6])
    keys = web.get("/3/ImportFiles", path=str(tmp_path / "t.parquet"))["destination_frames"]
    setup = web.post("/3/ParseSetup", source_frames=keys)
    assert (setup["column_names"], setup["skipped_columns"]) == (["a", "i", "b", "c"], [1])
    assert setup["warnings"] == ["Column 'i' is left out: month_day_nano_interval cannot be a column."]
    fields = {f: setup[f] for f in ("parse_type", "separator", "number_columns", "column_types", "skipped_columns", "column_names")}
    if kept:
        # As the official client does: its own list in place of the server's, and names of what it leaves.
        fields |= kept | {"column_names": ["a", "i", "b"]}
    job = web.job(web.post("/3/Parse", source_frames=keys, destination_frame="f", **fields))
    assert job["status"] == "DONE", job
    expected = {"a": ("numeric", [1, 2]), "b": ("numeric", [3, 4])}
    assert cells(shared, shared.node.frames.get("f")) == expected | ({} if kept else {"c": ("numeric", [5, 6])})


def test_intervals_in_streams_are_refused(web: Client) -> None:
    interval = pa.array([pa.MonthDayNano([1, 2, 3])], pa.month_day_nano_interval())
    assert "'i' is of Arrow type month_day_nano_interval" in send(web, pa.table({"i": interval}), expect=412)["msg"]


def marked_as_interval(file: bytes) -> bytes:
    """A Parquet file whose column ``i`` of twelve bytes says in the footer that it is an INTERVAL (converted type 21)."""
    size = int.from_bytes(file[-8:-4], "little")
    footer = file[-8 - size : -8]
    name = footer.index(b"\x18\x01i")
    footer = footer[: name + 3] + b"\x25\x2a" + footer[name + 3 :]
    return file[: -8 - size] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def test_nanoseconds_need_no_pandas(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"n": pa.array(NANOS, pa.timestamp("ns")), "t": pa.array([1, 2], pa.time64("ns"))}), tmp_path / "t.parquet"
    )
    program = f"""
import sys
class NoPandas:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoPandas())
import pyarrow.parquet as pq
from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.ext.parsers.arrow_columns import complete_setup
table = pq.read_table({str(tmp_path / "t.parquet")!r})
print(complete_setup(ParseSetup(), "PARQUET", table.schema, table).data)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.startswith("(('2024-01-02 03:04:05.678', '00:00:00.000000001'), ('1969-12-31 23:59:59.999',")


def test_what_is_sent_may_be_taken_out_and_sent_again(web: Client, tmp_path: Path) -> None:
    send(web, pa.table({"c": pa.array(LONG, pa.int64()), "r": pa.array([1e300, 2.0**63, None, 1, 2])}))
    table = pa.ipc.open_stream(web.request("GET", "/3/Frames/f/arrow").body).read_all()
    assert [str(t) for t in table.schema.types] == ["int64", "double"]
    assert table["c"].to_pylist() == LONG
    path = tmp_path / "out"
    assert web.job(web.post("/3/Frames/f/export", path=str(path), format="parquet"))["status"] == "DONE"
    table = pq.read_table(path)
    assert [str(t) for t in table.schema.types] == ["int64", "double"]
    assert table["c"].to_pylist() == LONG


def test_columns_of_bytes_are_text_in_files_and_refused_in_streams(shared: Runtime, web: Client, tmp_path: Path) -> None:
    table = pa.table({"b": pa.array([b"x", None, b"x", b"y", b"x"])})
    pq.write_table(table, tmp_path / "t.parquet")
    imported(web, tmp_path / "t.parquet")
    assert cells(shared, shared.node.frames.get("f"))["b"][1] == ["x", None, "x", "y", "x"]
    assert "'b' is of Arrow type binary" in send(web, table, expect=412)["msg"]


def test_runs_are_written_out(shared: Runtime, web: Client) -> None:
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array([7, 8]))
    send(web, pa.table({"c": runs}))
    assert cells(shared, shared.node.frames.get("f")) == {"c": ("numeric", [7, 7, 8])}


def test_what_no_row_has_is_no_level_unless_it_is_declared(shared: Runtime, web: Client, tmp_path: Path) -> None:
    declared = pa.DictionaryArray.from_arrays(pa.array([1, 0, 1, 0]), pa.array(["x", "y", "never"]))
    pq.write_table(pa.table({"c": declared}), tmp_path / "d.parquet")
    imported(web, tmp_path / "d.parquet")
    assert shared.node.frames.get("f").vec("c").domain == ("never", "x", "y")
    # The same bytes, whose schema says text only.
    pq.write_table(pa.table({"c": declared}), tmp_path / "t.parquet", store_schema=False)
    imported(web, tmp_path / "t.parquet")
    assert shared.node.frames.get("f").vec("c").domain == ("x", "y")

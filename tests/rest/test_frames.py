"""Frames over REST: windows, summaries, CSV, export, search."""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client
from h2ok.ext.rest.blocks import read_block
from h2ok.ext.rest.csv_style import CsvStyle
from h2ok.ext.rest.csv_text import arrow_text, java_double, java_hex, python_text
from h2ok.ext.rest.histograms import DEFAULT_PERCENTILES, order_statistics, percentiles
from h2ok.kernel import Frame
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("frame")

CSV = """"num","int","cat","str","tm","small","big"
,0,"a","s0",1577836800000,1.0E-5,1.2345678901E10
-18.5,1,"b",,1577923200000,1.5,1.23456785E7
-17.0,2,"c","q""x",1578009600000,100.0,1.0E20
-15.5,3,"a","é",1578096000000,-0.00123,3.0
"""


def test_frame_carries_the_fields_clients_read(web: Client) -> None:
    answer = web.get("/3/Frames/tr")
    assert list(answer)[:8] == [
        "__meta", "_exclude_fields", "row_offset", "row_count", "column_offset", "full_column_count", "column_count", "compression",
    ]  # fmt: skip
    f = answer["frames"][0]
    assert f["frame_id"]["URL"] == "/3/Frames/tr"
    assert (f["rows"], f["num_columns"], f["total_column_count"], f["row_count"]) == (4, 7, 7, 4)
    by_name = {c["label"]: c for c in f["columns"]}
    assert [c["type"] for c in f["columns"]] == ["real", "int", "enum", "string", "time", "real", "real"]
    assert by_name["num"]["data"] == ["NaN", -18.5, -17.0, -15.5]
    assert by_name["num"]["mins"] == [-18.5, -17.0, -15.5, "NaN", "NaN"]
    assert by_name["cat"]["domain"] == ["a", "b", "c"]
    assert by_name["cat"]["mean"] == "NaN"
    assert by_name["str"]["string_data"] == ["s0", None, 'q"x', "é"]
    assert by_name["str"]["data"] is None
    assert f["chunk_summary"]["__meta"]["schema_name"] == "TwoDimTableV3"
    assert f["distribution_summary"]["data"][0] == ["127.0.0.1:54321", "mean", "min", "max", "stddev", "total"]


@pytest.mark.parametrize(
    ("query", "rows", "columns"),
    [
        ({"row_offset": 1, "row_count": 2}, [1.0, 2.0], 7),
        ({"row_offset": 3, "row_count": 50}, [3.0], 7),
        ({"row_offset": 4}, [], 7),
        ({"row_count": 0}, [], 7),
        ({"column_offset": 1, "column_count": 1}, [0.0, 1.0, 2.0, 3.0], 1),
    ],
)
def test_windows(web: Client, query: dict[str, int], rows: list[float], columns: int) -> None:
    f = web.get("/3/Frames/tr", **query)["frames"][0]
    assert len(f["columns"]) == columns
    assert next(c for c in f["columns"] if c["label"] == "int")["data"] == rows
    assert f["row_count"] == len(rows)


def test_columns_beyond_the_full_ones_have_no_data(web: Client) -> None:
    f = web.get("/3/Frames/tr", column_count=4, full_column_count=2)["frames"][0]
    assert [c["data"] is not None for c in f["columns"]] == [True, True, False, False]
    assert f["columns"][2]["domain"] == ["a", "b", "c"]


def test_light_leaves_out_what_costs(web: Client) -> None:
    f = web.get("/3/Frames/tr/light")["frames"][0]
    assert (f["checksum"], f["chunk_summary"], f["byte_size"]) == (0, None, 0)


def test_summary_has_histograms_and_percentiles(web: Client) -> None:
    by_name = {c["label"]: c for c in web.get("/3/Frames/tr/summary")["frames"][0]["columns"]}
    assert by_name["int"]["histogram_bins"] == [1, 1, 1, 1]
    assert (by_name["num"]["histogram_base"], by_name["num"]["histogram_stride"]) == (-18.5, 0.003)
    assert len(by_name["num"]["histogram_bins"]) == 1000
    assert by_name["int"]["percentiles"][8] == 1.5
    assert by_name["str"]["percentiles"] is None


def test_column_and_domain(web: Client) -> None:
    assert [c["label"] for c in web.get("/3/Frames/tr/columns/cat")["frames"][0]["columns"]] == ["cat"]
    assert web.get("/3/Frames/tr/columns/cat/domain")["domain"] == [["a", "b", "c"]]
    assert web.get("/3/Frames/tr/columns/num/domain")["domain"] == [None]


def test_fields_are_excluded_and_included(web: Client) -> None:
    f = web.get("/3/Frames/tr?_exclude_fields=frames/columns/data,frames/chunk_summary,__meta")
    assert "__meta" not in f
    assert "chunk_summary" not in f["frames"][0]
    assert all("data" not in c and "label" in c for c in f["frames"][0]["columns"])
    assert web.get("/3/Frames?_include_fields=frames/frame_id/name") == {"frames": [{"frame_id": {"name": "tr"}}]}


def test_download_is_h2os_csv(web: Client) -> None:
    answer = web.request("GET", "/3/DownloadDataset?frame_id=tr&hex_string=False&escape_quotes=True")
    assert answer.text == CSV
    assert answer.headers["content-type"] == "application/octet-stream;charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="tr.csv"'
    assert "0x1.28p4" in web.request("GET", "/3/DownloadDataset.bin?frame_id=tr&hex_string=true").text


def test_arrow_and_python_write_the_same_bytes(shared: Runtime, frame: Frame) -> None:
    node = shared.node
    rng = np.random.default_rng(1)
    values = np.concatenate(
        [rng.normal(size=50), 10.0 ** rng.integers(-300, 300, 50), [0.0, -0.0, 1e7, 1e-3, np.nan, np.inf, -np.inf]]
    )
    made = node.frames.from_columns("odd", {"v": values, "w": np.arange(len(values)) * 1.0, "e": ["x"] * len(values)})
    try:
        for f in (frame, made):
            for escape in (True, False):
                whole = tuple(v.type == "numeric" and node.rollups(v).is_int for v in f.vecs)
                style = CsvStyle(whole, escape_quotes=escape)
                for i in range(f.n_chunks):
                    block = read_block(node, f, i)
                    assert arrow_text(block, style) == python_text(block, style)
    finally:
        node.frames.remove("odd")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_java_double_round_trips(value: float) -> None:
    text = java_double(value)
    assert float(text) == value
    mantissa = text.partition("E")[0].lstrip("-")
    assert "." in mantissa
    assert "E" not in text or len(mantissa.partition(".")[0]) == 1
    assert ("E" in text) == (value != 0 and not 1e-3 <= abs(value) < 1e7)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_java_hex_round_trips(value: float) -> None:
    assert float.fromhex(java_hex(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(1e-5, "1.0E-5"), (1e7, "1.0E7"), (0.001, "0.001"), (1e16, "1.0E16"), (5e-324, "5.0E-324")]
)
def test_java_double_spelling(value: float, text: str) -> None:
    # Java 19 and later print the smallest double as 4.9E-324; shortest digits that round trip give 5.
    assert java_double(value) == text


def test_export_writes_one_file_parts_and_compressed(web: Client, tmp_path: Path) -> None:
    job = web.job(web.post("/3/Frames/tr/export", path=str(tmp_path / "a.csv"), force=True))
    assert (job["status"], job["dest"]["name"]) == ("DONE", "tr")
    assert (tmp_path / "a.csv").read_text() == CSV
    web.job(web.post("/3/Frames/tr/export", path=str(tmp_path / "b.csv.gz"), compression="gzip", force=True))
    assert gzip.decompress((tmp_path / "b.csv.gz").read_bytes()).decode() == CSV
    web.job(web.post("/3/Frames/tr/export", path=str(tmp_path / "parts"), num_parts=2, separator=59, quote_header=False))
    first, second = sorted((tmp_path / "parts").iterdir())
    assert first.read_text().startswith("num;int;cat")
    assert len(first.read_text().splitlines()) + len(second.read_text().splitlines()) == 6


def test_export_parquet(web: Client, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    assert web.job(web.post("/3/Frames/tr/export", path=str(tmp_path / "p"), format="parquet"))["status"] == "DONE"
    parts = sorted((tmp_path / "p").glob("part-m-?????"))
    read = [pq.read_table(io.BytesIO(p.read_bytes())) for p in parts]
    assert [v for t in read for v in t["cat"].to_pylist()] == ["a", "b", "c", "a"]
    assert [v for t in read for v in t["int"].to_pylist()] == [0, 1, 2, 3]
    assert read[0]["num"].to_pylist()[0] is None
    for part in parts:
        sums = part.with_name(f".{part.name}.crc").read_bytes()
        data = part.read_bytes()
        pieces = [data[i : i + 512] for i in range(0, len(data), 512)]
        assert sums == b"crc\0" + struct.pack(f">i{len(pieces)}I", 512, *map(zlib.crc32, pieces))
    web.job(web.post("/3/Frames/tr/export", path=str(tmp_path / "q"), format="parquet", write_checksum=False))
    assert sorted(p.name for p in (tmp_path / "q").iterdir()) == [p.name for p in parts]


def test_export_of_parts_is_a_folder_even_for_one(web: Client, tmp_path: Path) -> None:
    web.job(web.post("/3/Frames/tr/export", path=str(tmp_path / "p"), num_parts=-1))
    assert {p.name for p in (tmp_path / "p").iterdir()} >= {"part-m-00000"}


def test_export_parquet_refuses_uuids(web: Client, shared: Runtime, tmp_path: Path) -> None:
    node = shared.node
    vec = node.frames.vec_of(["3f2504e0-4f89-11d3-9a0c-0305e82c3301"], "uuid")
    node.frames.put(Frame("with_uuid", ("u",), (vec,)))
    error = web.post("/3/Frames/with_uuid/export", path=str(tmp_path / "u"), format="parquet", expect=412)
    assert "UUID column type is not supported." in error["msg"]
    node.frames.remove("with_uuid")


def test_whole_numbers_beyond_64_bits_are_written(web: Client, shared: Runtime, tmp_path: Path) -> None:
    node = shared.node
    node.frames.put(Frame("huge", ("x",), (node.frames.vec_of(np.array([8.474446222051669e27, 1.0, np.nan])),)))
    web.job(web.post("/3/Frames/huge/export", path=str(tmp_path / "h.csv")))
    assert (tmp_path / "h.csv").read_text().splitlines() == ['"x"', "8.474446222051669E27", "1.0", ""]
    node.frames.remove("huge")


def test_find(web: Client) -> None:
    found = web.get("/3/Find", key="tr", column="int", row=1, match=2)
    assert (found["prev"], found["next"]) == (-1, 2)
    found = web.get("/3/Find", key="tr", column="cat", row=2, match="a")
    assert (found["prev"], found["next"]) == (0, 3)
    assert web.get("/3/Find", key="tr", column="str", row=0)["next"] == 1


def test_list_and_remove(web: Client, shared: Runtime) -> None:
    shared.node.frames.from_columns("gone", {"a": [1, 2]})
    listed = {f["frame_id"]["name"]: f for f in web.get("/3/Frames")["frames"]}
    assert (listed["gone"]["rows"], listed["gone"]["columns"]) == (2, 1)
    assert listed["gone"]["byte_size"] > 0
    web.delete("/3/Frames/gone")
    assert [f["frame_id"]["name"] for f in web.get("/3/Frames")["frames"]] == ["tr"]


def test_remove_all_keeps_what_is_retained(web: Client, shared: Runtime) -> None:
    shared.node.frames.from_columns("keep me", {"a": [1, 2]})
    shared.node.dkv.put("thing", "x")
    web.delete("/3/DKV", retained_keys=["tr"])
    left = shared.node.dkv.keys()
    assert [k for k in left if not k.startswith("$job")] == ["tr"]


def test_frame_chunks(web: Client) -> None:
    assert [c["row_count"] for c in web.get("/3/FrameChunks/tr")["chunks"]] == [2, 2]


def test_checksum_depends_on_data_and_names(web: Client, shared: Runtime) -> None:
    store = shared.node.frames
    sums = set()
    for name, data in (("a", [1, 2]), ("a", [1, 3]), ("b", [1, 2])):
        store.from_columns("c", {name: data})
        sums.add(web.get("/3/Frames/c")["frames"][0]["checksum"])
        store.remove("c")
    assert len(sums) == 3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e300, 1e300) | st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=60), st.data())
def test_order_statistics_are_exact(shared: Runtime, values: list[float], data: st.DataObject) -> None:
    node = shared.node
    with node.scopes.enter(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("h2ok.ext.rest.histograms._GATHER", data.draw(st.integers(0, 10)))
        patch.setattr("h2ok.ext.rest.histograms._REFINE_BINS", 8)
        vec = node.frames.vec_of(np.array(values), chunk_rows=7)
        ranks = list(range(len(values)))
        found = order_statistics(node, vec, (min(values), max(values)), len(values), ranks)
        assert [found[r] for r in ranks] == sorted(values)
        expected = np.quantile(np.array(values), DEFAULT_PERCENTILES)
        scale = max(abs(min(values)), abs(max(values)), 1e-300)
        got = percentiles(node, vec, node.rollups(vec))
        assert all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12 * scale) for a, b in zip(got, expected, strict=True))


def test_saved_frames_come_back_and_damage_is_refused(web: Client, shared: Runtime, tmp_path: Path) -> None:
    before = web.request("GET", "/3/DownloadDataset?frame_id=tr").text
    checksum = web.get("/3/Frames/tr")["frames"][0]["checksum"]
    assert web.job(web.post("/3/Frames/tr/save", dir=str(tmp_path), force=True))["status"] == "DONE"
    assert web.post("/3/Frames/tr/save", expect=412, dir=str(tmp_path), force=False)["values"]["argument"] == "dir"
    web.delete("/3/Frames/tr")
    assert web.job(web.post("/3/Frames/load", frame_id="tr", dir=str(tmp_path)))["status"] == "DONE"
    assert web.request("GET", "/3/DownloadDataset?frame_id=tr").text == before
    assert web.get("/3/Frames/tr")["frames"][0]["checksum"] == checksum
    whole = (tmp_path / "tr").read_bytes()
    for i in range(0, len(whole), 29):
        (tmp_path / "bad").write_bytes(whole[:i])
        assert web.job(web.post("/3/Frames/load", frame_id="bad", dir=str(tmp_path)))["status"] == "FAILED"
        (tmp_path / "bad").write_bytes(whole[:i] + b"\xff" + whole[i + 1 :])
        web.job(web.post("/3/Frames/load", frame_id="bad", dir=str(tmp_path)))
        shared.node.frames.remove("bad")
    web.post("/3/Frames/load", expect=412, frame_id="nosuch", dir=str(tmp_path))
    web.post("/3/Frames/load", expect=412, frame_id="tr", dir=str(tmp_path), force=False)

"""Uploads: forms and raw bodies, formats told by content alone, and the names under which they are stored."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlwt
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime
from openpyxl.chart import BarChart
from pyarrow import orc

ROWS = [["id", "word"], [1, "a"], [2, "b"], [3, "a"]]
CSV = b"id,word\n1,a\n2,b\n3,a\n"


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


def xlsx(chart_first: bool = False) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    for row in ROWS:
        sheet.append(row)
    if chart_first:
        book.create_chartsheet("Chart", 0).add_chart(BarChart())
    book.save(out)
    return out.getvalue()


def repacked(archive: bytes) -> bytes:
    """A workbook whose parts come in another order, the sheet - which is long - first."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist(), key=lambda n: "sheet1" not in n):
            data = old.read(name)
            new.writestr(name, data.replace(b"<sheetData>", b"<!--" + b"x" * 600_000 + b"--><sheetData>"))
    return out.getvalue()


def ods() -> bytes:
    office, cells = "urn:oasis:names:tc:opendocument:xmlns:office:1.0", "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
    text = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    rows = "".join(
        "<table:table-row>" + "".join(
            f'<table:table-cell office:value-type="float" office:value="{v}"/>' if isinstance(v, int)
            else f'<table:table-cell office:value-type="string"><text:p>{v}</text:p></table:table-cell>' for v in row
        ) + "</table:table-row>" for row in ROWS
    )  # fmt: skip
    content = (
        f'<office:document-content xmlns:office="{office}" xmlns:table="{cells}" xmlns:text="{text}">'
        f'<office:body><office:spreadsheet><table:table table:name="S">{rows}'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    manifest = '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return packed({"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest})


def packed(members: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def xls() -> bytes:
    book, out = xlwt.Workbook(), io.BytesIO()
    sheet = book.add_sheet("S")
    for i, row in enumerate(ROWS):
        for j, value in enumerate(row):
            sheet.write(i, j, value)
    book.save(out)
    return out.getvalue()


def table() -> pa.Table:
    return pa.table({name: [row[j] for row in ROWS[1:]] for j, name in enumerate(ROWS[0])})


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(table(), out)
    return out.getvalue()


def orc_file() -> bytes:
    out = io.BytesIO()
    orc.write_table(table(), out)
    return out.getvalue()


def avro() -> bytes:
    import fastavro

    out = io.BytesIO()
    fields = [{"name": "id", "type": "long"}, {"name": "word", "type": {"type": "enum", "name": "w", "symbols": ["a", "b"]}}]
    fastavro.writer(out, {"type": "record", "name": "r", "fields": fields}, [dict(zip(ROWS[0], r, strict=True)) for r in ROWS[1:]])
    return out.getvalue()


def upload(web: Client, data: bytes, key: str = "up", route: str = "PostFile.bin") -> None:
    answer = web.request("POST", f"/3/{route}?destination_frame={key}", data=data, content_type="application/octet-stream")
    assert answer.json == {"destination_frame": key, "total_bytes": len(data)}


def parsed(shared: Runtime, web: Client, key: str = "up") -> list[list[Any]]:
    """The names and rows that ParseSetup and Parse make of an upload."""
    setup = web.post("/3/ParseSetup", source_frames=[key])
    fields = {f: setup[f] for f in ("parse_type", "separator", "number_columns", "check_header", "column_names", "column_types")}
    job = web.job(web.post("/3/Parse", source_frames=[key], destination_frame="f", delete_on_done=True, **fields))
    assert job["status"] == "DONE", job
    node, frame = shared.node, shared.node.frames.get("f")
    columns = [
        frame.vec(n).to_strings(node) if frame.vec(n).type != "numeric" else frame.vec(n).to_numpy(node).tolist()
        for n in frame.names
    ]
    return [list(frame.names), *map(list, zip(*columns, strict=True))]


FORMATS: dict[str, Callable[[], bytes]] = {
    "xlsx": xlsx,
    "xlsx_other_order": lambda: repacked(xlsx()),
    "chart_first": lambda: xlsx(chart_first=True),
    "ods": ods,
    "xls": xls,
    "parquet": parquet,
    "orc": orc_file,
    "avro": avro,
    "csv": lambda: CSV,
    "gzip": lambda: gzip.compress(CSV),
    "zip": lambda: packed({"t.csv": CSV}),
    "zip_of_a_mac": lambda: packed({"__MACOSX/._t.csv": b"\0junk", ".DS_Store": b"\0", "t.csv": CSV}),
    "xlsx_in_zip": lambda: packed({"book.xlsx": xlsx()}),
    "xls_in_gzip": lambda: gzip.compress(xls()),
}


@pytest.mark.parametrize("name", FORMATS)
def test_an_upload_tells_its_format_by_its_content(shared: Runtime, web: Client, name: str) -> None:
    upload(web, FORMATS[name]())
    assert parsed(shared, web) == ROWS


@pytest.mark.parametrize(("header", "value"), [("ORC", "1"), ("PAR1,x", "1,2"), ("BZhang", "1")])
def test_text_that_begins_like_another_format_is_text(shared: Runtime, web: Client, header: str, value: str) -> None:
    upload(web, f"{header}\n{value}\n{value}\n".encode())
    assert parsed(shared, web) == [header.split(","), *[[float(v) for v in value.split(",")]] * 2]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (packed({"[Content_Types].xml": "<Types/>", "word/document.xml": "<d/>"}), "no workbook"),
        (gzip.compress(parquet()), "unpack it first"),
        (packed({"t.zip": packed({"t.csv": CSV})}), "an archive in an archive"),
    ],
)
def test_what_is_packed_and_cannot_be_read_is_explained(web: Client, data: bytes, text: str) -> None:
    upload(web, data)
    assert text in web.post("/3/ParseSetup", expect=412, source_frames=["up"])["msg"]


def form(*parts: tuple[str, bytes]) -> bytes:
    return b"".join(b"--X\r\n%b\r\n\r\n%b\r\n" % (head.encode(), data) for head, data in parts) + b"--X--\r\n"


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "text/csv", "application/json", "application/vnd.ms-excel", "application/octet-stream"]
)
@pytest.mark.parametrize("route", ["PostFile", "PostFile.bin"])
def test_a_form_part_may_have_any_type(shared: Runtime, web: Client, kind: str, route: str) -> None:
    head = 'Content-Disposition: form-data; name="file"; filename="t.txt"' + (f"\r\nContent-Type: {kind}" if kind else "")
    answer = web.request(
        "POST", f"/3/{route}?destination_frame=up", data=form((head, CSV)), content_type="multipart/form-data; boundary=X"
    )
    assert answer.json == {"destination_frame": "up", "total_bytes": len(CSV)}
    assert parsed(shared, web) == ROWS


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "application/x-www-form-urlencoded", "multipart/mixed; boundary=X"]
)
def test_raw_bodies_of_other_types_are_refused_as_in_h2o(web: Client, kind: str) -> None:
    answer = web.request("POST", "/3/PostFile?destination_frame=up", data=CSV, content_type=kind)
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain")
    assert "multipart/form-data" in answer.text


def test_an_empty_part_is_answered_as_by_h2o(web: Client) -> None:
    head = 'Content-Disposition: form-data; name="file"; filename="t.txt"'
    answer = web.request(
        "POST", "/3/PostFile?destination_frame=up", data=form((head, b"")), content_type="multipart/form-data; boundary=X"
    )
    assert answer.json == {"destination_frame": "up", "total_bytes": -1}


def test_names_with_slashes_are_kept(shared: Runtime, web: Client) -> None:
    upload(web, CSV, "/home/user/t.csv_sid_1_2")
    setup = web.post("/3/ParseSetup", source_frames=["/home/user/t.csv_sid_1_2"])
    fields = {f: setup[f] for f in ("parse_type", "separator", "number_columns", "check_header", "column_names", "column_types")}
    answer = web.post("/3/Parse", source_frames=["/home/user/t.csv_sid_1_2"], destination_frame="has/slash", **fields)
    assert answer["destination_frame"]["name"] == "has/slash"
    assert web.job(answer)["status"] == "DONE"
    for path in ("/3/Frames/has/slash", "/3/Frames/has%2Fslash", "/3/Frames/has/slash/summary"):
        assert web.get(path)["frames"][0]["frame_id"]["name"] == "has/slash"
    assert web.request("GET", "/3/DownloadDataset?frame_id=has/slash").headers["content-disposition"].endswith('="slash.csv"')


def test_names_with_control_characters_are_refused(web: Client) -> None:
    answer = web.request("POST", "/3/PostFile?destination_frame=%01c0/1/x", data=CSV, content_type="application/octet-stream")
    assert answer.status == 412
    assert "control character" in answer.json["msg"]


def test_removing_an_upload_frees_its_bytes(shared: Runtime, web: Client) -> None:
    upload(web, CSV, "one")
    web.delete("/3/DKV/one")
    assert not [k for k in shared.node.dkv.local_keys() if not k.startswith("$job")]

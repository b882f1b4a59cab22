"""What is imported and what is refused: patterns, folders, packed text, denied paths, and what stays behind."""

from __future__ import annotations

import bz2
import gc
import gzip
import lzma
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from h2ok.capabilities import Runtime
from h2ok.capabilities.testing import Client, local_runtime, local_runtimes
from h2ok.ext.parsers import compression
from h2ok.ext.parsers.raw import RawFile
from h2ok.kernel import IllegalArgumentError
from h2ok.kernel.testing import assert_no_keys


@pytest.fixture(scope="module")
def shared() -> Iterator[Runtime]:
    with local_runtime(only=("rest", "parsers")) as made:
        yield made


@pytest.fixture
def web(shared: Runtime) -> Iterator[Client]:
    client = Client.of(shared)
    yield client
    client.delete("/3/DKV")


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


def parse(web: Client, keys: list[str], **given: Any) -> dict[str, Any]:
    """The finished job of a parse into ``f``."""
    setup = web.post("/3/ParseSetup", source_frames=keys)
    fields = {f: setup[f] for f in ("parse_type", "separator", "number_columns", "check_header", "column_names", "column_types")}
    return web.job(web.post("/3/Parse", source_frames=keys, destination_frame="f", chunk_size=4096, **fields, **given))


@pytest.mark.parametrize(
    ("pattern", "names"),
    [(None, ["a1.csv", "a2.csv", "b1.txt"]), (r"a.*\.csv", ["a1.csv", "a2.csv"]), (r".*/b\d\.txt", ["b1.txt"]), ("z", [])],
)
def test_patterns_choose_among_the_files_of_a_folder(web: Client, tmp_path: Path, pattern: str | None, names: list[str]) -> None:
    (tmp_path / "below").mkdir()
    for name in ("a1.csv", "below/a2.csv", "b1.txt", ".hidden.csv"):
        (tmp_path / name).write_text("x\n1\n")
    given = {"pattern": pattern} if pattern else {}
    answer = web.post("/3/ImportFilesMulti", paths=[str(tmp_path)], **given)
    assert sorted(Path(f).name for f in answer["files"]) == names


def test_no_pattern_takes_long(web: Client, tmp_path: Path) -> None:
    (tmp_path / ("a" * 120)).write_text("x\n1\n")
    params = {"paths": f'["{tmp_path}"]', "pattern": "(a+)+(a+)+(a|aa)+$b"}
    assert web.request("POST", "/3/ImportFilesMulti", params=params).json["files"] == []


@pytest.mark.parametrize("pattern", ["(", "x" * 3000, r"(a)\1", "(?=a)b"])
def test_patterns_that_are_none_are_refused(web: Client, tmp_path: Path, pattern: str) -> None:
    answer = web.request("POST", "/3/ImportFilesMulti", params={"paths": f'["{tmp_path}"]', "pattern": pattern})
    assert answer.status == 412


@pytest.mark.parametrize("delete", [True, False])
def test_raw_keys_go_when_they_shall(shared: Runtime, web: Client, tmp_path: Path, delete: bool) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n1,2\n")
    keys = web.post("/3/ImportFilesMulti", paths=[str(path)])["destination_frames"]
    assert parse(web, keys, delete_on_done=delete)["status"] == "DONE"
    assert [shared.node.dkv.get(k) is None for k in keys] == [delete]
    assert path.exists()


def test_packed_text_is_read_by_all_nodes_into_the_same_frame(tmp_path: Path) -> None:
    lines = ["n,x,level,text"] + [f'{i},{i / 7},l{i * i % 37},"a ""{i}"",\nb"' for i in range(4000)]
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    found = []
    for n in (1, 3):
        with local_runtimes(n, only=("rest", "parsers")) as runtimes:
            web = Client.of(runtimes[-1])
            keys = web.get("/3/ImportFiles", path=str(tmp_path / "a.csv.gz"))["destination_frames"]
            assert parse(web, keys)["status"] == "DONE"
            frame = runtimes[0].node.frames.get("f")
            assert frame.n_rows == 4000
            found.append((web.get("/3/Frames/f")["frames"][0]["checksum"], frame.vecs[0].espc.tolist(), frame.vecs[2].domain))
            assert frame.vecs[3].to_strings(runtimes[0].node)[3999] == 'a "3999",\nb'
            runtimes[0].node.frames.remove("f")
            web.delete("/3/DKV")
            assert_no_keys([r.node for r in runtimes])
    assert found[0] == found[1]


def test_zstandard_and_gzip_hold_the_same_text(shared: Runtime, web: Client, tmp_path: Path) -> None:
    text = "x,k\n" + "".join(f"{i / 8},{'ab'[i % 2]}\n" for i in range(5000))
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as out:
        out.write(text.encode())
    frames = []
    for name, data in (("t.csv.zst", packed.getvalue().to_pybytes()), ("t.csv.gz", gzip.compress(text.encode()))):
        (tmp_path / name).write_bytes(data)
        keys = web.post("/3/ImportFilesMulti", paths=[str(tmp_path / name)])["destination_frames"]
        assert parse(web, keys)["status"] == "DONE"
        frame = shared.node.frames.get("f")
        frames.append((frame.vec("x").to_numpy(shared.node).tolist(), frame.vec("k").to_strings(shared.node)))
    assert frames[0] == frames[1]
    assert frames[0][0][:3] == [0.0, 0.125, 0.25]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd])
def test_damaged_packed_files_leave_no_memory_behind(
    shared: Runtime, web: Client, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    data = pack(b"abc,def\n" * 30_000)
    path = tmp_path / "t.csv.packed"
    path.write_bytes(data[:8] + b"\xff" * 20 + data[28:])
    raw = RawFile(key="f", uri=str(path), size=path.stat().st_size)

    def unpack() -> None:
        with pytest.raises(IllegalArgumentError, match="is damaged"):
            list(compression.decompressed(shared, raw))

    unpack()
    tracemalloc.start()
    try:
        for _ in range(10):
            unpack()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("end", [b"", bytes(700)])
def test_members_of_gzip_follow_each_other(shared: Runtime, tmp_path: Path, end: bytes) -> None:
    parts = [b"0" * 5_000_000, b"", bytes(range(256)) * 4000]
    path = tmp_path / "t.gz"
    path.write_bytes(b"".join(map(gzip.compress, parts)) + end)
    raw = RawFile("t", str(path), path.stat().st_size)
    assert b"".join(compression.decompressed(shared, raw)) == b"".join(parts)
    for wrong in (path.read_bytes()[: -len(end) - 9], path.read_bytes() + b"more"):
        path.write_bytes(wrong)
        with pytest.raises(IllegalArgumentError, match="damaged"):
            list(compression.decompressed(shared, RawFile("t", str(path), len(wrong))))


def test_what_expands_too_far_is_refused(shared: Runtime, web: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "_FREE_BYTES", 1 << 16)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"1,2\n" * 10_000_000))
    keys = web.post("/3/ImportFilesMulti", paths=[str(path)])["destination_frames"]
    answer = web.post(
        "/3/Parse", source_frames=keys, destination_frame="f", parse_type="CSV", separator=44, number_columns=2,
        column_types=["Numeric", "Numeric"], column_names=["a", "b"], check_header=-1, delete_on_done=True,
    )  # fmt: skip
    job = web.job(answer)
    assert job["status"] == "FAILED"
    assert "expands to more than 1000 times" in job["exception"]
    assert not [k for k in shared.node.dkv.local_keys() if not k.startswith("$job")]


def test_system_folders_are_denied(web: Client) -> None:
    answer = web.request("POST", "/3/ImportFilesMulti", params={"paths": '["/etc/passwd"]'})
    assert answer.status == 412
    assert "denied system folder" in answer.json["msg"]


def test_roots_confine_imports_and_exports(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "t.csv").write_text("x\n1\n")
    (inside / "link.csv").symlink_to(outside / "t.csv")
    with local_runtime(only=("rest", "parsers"), allowed_roots=(str(inside),)) as runtime:
        web = Client.of(runtime)
        assert web.post("/3/ImportFilesMulti", paths=[str(inside / "t.csv")])["fails"] == []
        for wrong in (outside / "t.csv", inside / ".." / "out" / "t.csv", inside / "link.csv"):
            answer = web.request("POST", "/3/ImportFilesMulti", params={"paths": f'["{wrong}"]'})
            assert answer.status == 412, wrong
            assert "outside the allowed folders" in answer.json["msg"]
        keys = web.post("/3/ImportFilesMulti", paths=[str(inside / "t.csv")])["destination_frames"]
        assert parse(web, keys)["status"] == "DONE"
        answer = web.request("POST", "/3/Frames/f/export", params={"path": str(outside / "x.csv")})
        assert answer.status == 412 or web.job(answer.json)["status"] == "FAILED"
        assert not (outside / "x.csv").exists()

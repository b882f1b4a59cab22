"""Reading delimited text: blocks, compression, failures."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.settings import TIME_ZONE_KEY
from h2ok.ext.parsers.csv.blocks import whole_lines
from h2ok.ext.parsers.csv.guess import guess_csv, is_number
from h2ok.ext.parsers.imports import import_files_multi
from h2ok.ext.parsers.parse import parse, parse_setup
from h2ok.ext.parsers.schemas import ImportFilesMultiV3, ParseSetupV3, ParseV3
from h2ok.kernel import Frame, IllegalArgumentError, KeyNotFoundError
from h2ok.kernel.key import is_chunk_key
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LINES = "n,s,e\n" + "".join(f'{i * 0.25},"row {i}, quoted ""{i}""\nsecond line",{"abc"[i % 3]}\n' for i in range(2000))


def contents(ctx: RequestContext, frame: Frame) -> dict[str, list[Any]]:
    return {
        n: v.to_strings(ctx.node) if v.type in ("string", "uuid", "enum") else v.to_numpy(ctx.node).tolist()
        for n, v in zip(frame.names, frame.vecs, strict=True)
    }


@pytest.mark.parametrize("chunk_size", [4096, 10_000, 33_333])
def test_blocks_of_any_size_give_the_same_frame(ctx: RequestContext, load: Callable[..., Frame], chunk_size: int) -> None:
    whole = contents(ctx, load(LINES))
    cut = load(LINES, chunk_size=chunk_size)
    assert cut.n_chunks > 1
    assert contents(ctx, cut) == whole
    assert whole["s"][7] == 'row 7, quoted "7"\nsecond line'


def test_an_unbalanced_quote_is_a_plain_character(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    text = "size,n\n" + "".join(f"disk {i},{i}\n" for i in range(1000)) + '5" disk,7\n'
    frame = load(text, chunk_size=4096)
    assert frame.n_rows == 1001
    assert contents(ctx, frame)["n"][-1] == 7


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("t.csv", data)
    return out.getvalue()


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress), ("zip", zipped)])
def test_compressed_sources_read_alike(
    ctx: RequestContext, load: Callable[..., Frame], suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    whole = contents(ctx, load(LINES))
    assert contents(ctx, load(pack(LINES.encode()), f"t.{suffix}", chunk_size=8192)) == whole


def test_lines_longer_than_the_sample_are_guessed_whole(load: Callable[..., Frame]) -> None:
    width = 40_000
    header, row = ",".join(f"col{i}" for i in range(width)), ",".join("1.5" for _ in range(width))
    frame = load(f"{header}\n{row}\n{row}\n")
    assert (frame.n_rows, frame.n_cols) == (2, width)
    assert frame.names[-1] == "col39999"


def test_nothing_but_the_frame_stays_behind(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    load(gzip.compress(LINES.encode()), "t.csv.gz", chunk_size=4096)
    ctx.node.frames.remove("t.hex")
    assert [k for k in ctx.node.dkv.local_keys() if not k.startswith("$job")] == []


def test_a_failed_parse_leaves_no_frame(ctx: RequestContext, tmp_path: Any) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,a\n1,2\n")
    keys = import_files_multi(ctx, ImportFilesMultiV3(paths=[str(path)])).destination_frames
    request = ParseV3(
        source_frames=keys, destination_frame="bad", parse_type="CSV", check_header=1, number_columns=2, column_names=["a", "a"],
        column_types=["Numeric", "Numeric"], separator=44, blocking=True,
    )  # fmt: skip
    answer = parse(ctx, request)
    job = ctx.node.jobs.get(answer.job.key["name"])
    assert job.status == "FAILED"
    assert "duplicate column name 'a'" in (job.exception or "")
    assert [k for k in ctx.node.dkv.local_keys() if k.startswith("\x01")] == []


def test_damaged_gzip_names_the_source(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    with pytest.raises(IllegalArgumentError, match="damaged"):
        load(gzip.compress(LINES.encode())[:-2000] + b"x" * 50, "t.csv.gz")


def test_a_source_damaged_behind_the_sample_leaves_nothing(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    rng = np.random.default_rng(1)
    packed = gzip.compress("".join(f"{v},{v % 77}x\n" for v in rng.integers(0, 1 << 40, 300_000).tolist()).encode(), 1)
    with pytest.raises(AssertionError, match="damaged"):
        load(packed[: len(packed) // 2], "t.csv.gz", chunk_size=1 << 18)
    assert [k for k in ctx.node.dkv.local_keys() if k.startswith("\x01")] == []
    assert ctx.node.tasks.states.stashed == []


def test_too_many_levels_leave_nothing(ctx: RequestContext, load: Callable[..., Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h2ok.ext.parsers.columns.MAX_LEVELS", 2)
    with pytest.raises(AssertionError, match="more than 2 levels"):
        load(LINES, chunk_size=8192)
    assert [k for k in ctx.node.dkv.local_keys() if k.startswith("\x01")] == []
    assert ctx.node.tasks.states.stashed == []


def test_a_first_try_with_wrong_cuts_leaves_nothing(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    plain = [f"{i},{i % 3}k" for i in range(20_000)]
    text = "\n".join(["a,b", *plain, *(f'{i},"x\ny{i % 3}"' for i in range(6000))]) + "\n"
    frame = load(text, chunk_size=16384, column_types=["Numeric", "Enum"])
    assert frame.n_rows == 26_000
    chunks = {k for v in frame.vecs for k in v.chunk_keys()}
    assert {k for k in ctx.node.dkv.local_keys() if is_chunk_key(k)} == chunks
    assert ctx.node.tasks.states.stashed == []


def naive_whole_lines(pieces: list[bytes], block_bytes: int, quote: int) -> list[bytes]:
    out, data = [], b""
    for piece in pieces:
        data += piece
        if len(data) >= block_bytes:
            ends = [i + 1 for i, c in enumerate(data) if c == 10]
            outside = [e for e in ends if not quote or data[: e - 1].count(quote) % 2 == 0]
            cut = outside[-1] if outside else 0
            out += [data[:cut]] if cut else []
            data = data[cut:]
    return out + ([data] if data else [])


@given(
    pieces=st.lists(st.text(alphabet='ab\n,"', max_size=12).map(str.encode), max_size=20),
    block_bytes=st.integers(1, 40),
    quote=st.sampled_from([0, 34]),
)
@settings(max_examples=300, deadline=None)
def test_pieces_are_cut_into_whole_lines(pieces: list[bytes], block_bytes: int, quote: int) -> None:
    assert list(whole_lines(iter(pieces), block_bytes, quote)) == naive_whole_lines(pieces, block_bytes, quote)


@pytest.mark.parametrize("text", ["1" * 100_000 + "x", "1" + " " * 100_000 + "x", "1" * 50_000 + "e" + "1" * 50_000 + "."])
def test_long_words_that_begin_as_numbers_take_no_time(text: str) -> None:
    assert not is_number(text)
    found = guess_csv(f"{text},a\n1,2\n3,4\n".encode(), ParseSetup())
    assert found is not None
    assert found.check_header == 1


def test_missing_sources_and_paths(ctx: RequestContext) -> None:
    with pytest.raises(FileNotFoundError, match="nosuch"):
        import_files_multi(ctx, ImportFilesMultiV3(paths=["/nosuch/file.csv"]))
    with pytest.raises(KeyNotFoundError):
        parse_setup(ctx, ParseSetupV3(source_frames=["nosuch"]))
    with pytest.raises(IllegalArgumentError, match="missing"):
        parse(ctx, ParseV3(source_frames=["nosuch"], destination_frame="d"))


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "file:///etc/passwd", "/tmp/../etc/passwd"])
def test_system_paths_are_denied(ctx: RequestContext, path: str) -> None:
    with pytest.raises(IllegalArgumentError, match="denied"):
        import_files_multi(ctx, ImportFilesMultiV3(paths=[path]))


def test_types_names_and_skipped_columns_are_overridden(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    frame = load("1,2,3\n4,5,6\n", column_names=["x", "y", "z"], column_types=["enum", "numeric", "string"], skipped_columns=[1])
    assert frame.names == ("x", "z")
    assert [v.type for v in frame.vecs] == ["enum", "string"]
    assert frame.vecs[0].domain == ("1", "4")


def test_the_suggested_key_is_free(ctx: RequestContext, tmp_path: Any) -> None:
    path = tmp_path / "7 days.csv.gz"
    path.write_bytes(gzip.compress(b"a\n1\n2\n"))
    keys = import_files_multi(ctx, ImportFilesMultiV3(paths=[str(path)])).destination_frames
    suggested = []
    for _ in range(3):
        suggested.append(parse_setup(ctx, ParseSetupV3(source_frames=keys)).destination_frame)
        ctx.node.frames.from_columns(suggested[-1], {"a": [1.0]})
    assert suggested == ["X7_days.hex", "X7_days1.hex", "X7_days2.hex"]


def test_levels_are_in_order_of_their_text_also_when_they_are_numbers(load: Callable[..., Frame]) -> None:
    frame = load("a\n1\n2\n10\n-3\n", column_types=["enum"])
    assert frame.vecs[0].domain == ("-3", "1", "10", "2")


def test_times_are_local_to_the_clouds_time_zone(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    ctx.node.dkv.put(TIME_ZONE_KEY, "America/New_York")
    times = load("t\n2024-01-01 00:00:00\n2024-07-01 00:00:00\n").vecs[0].to_numpy(ctx.node)
    assert times.tolist() == [1704085200000, 1719806400000]


def test_na_strings_of_a_column(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    frame = load("a,b\n-999,x\n2,-999\n3,y\n", na_strings=[["-999"], []])
    assert np.isnan(frame.vec("a").to_numpy(ctx.node)[0])
    assert frame.vec("b").to_strings(ctx.node)[1] == "-999"


cells = st.one_of(st.floats(allow_nan=False, allow_infinity=False, width=64), st.integers(-(2**53), 2**53))
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells, texts), min_size=1, max_size=60))
def test_what_python_writes_is_read_back(ctx: RequestContext, load: Callable[..., Frame], rows: list[tuple[float, str]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(["n", "s"])
    writer.writerows(rows)
    frame = load(out.getvalue(), check_header=1, separator=44, column_types=["numeric", "string"])
    assert frame.vec("n").to_numpy(ctx.node).tolist() == [float(n) for n, _ in rows]
    assert frame.vec("s").to_strings(ctx.node) == [s for _, s in rows]


@pytest.mark.parametrize("lines_before", [0, 9000])
def test_lines_within_quotes_are_cut_nowhere(ctx: RequestContext, load: Callable[..., Frame], lines_before: int) -> None:
    """Also when the first quotes stand far behind the first lines, where blocks are cut in trust."""
    plain = [f"{i},plain" for i in range(lines_before)]
    quoted = [f'{i},"first\nsecond, {i % 3}\n{i}"' for i in range(lines_before, lines_before + 6000)]
    frame = load("a,b\n" + "\n".join([*plain, *quoted]) + "\n", chunk_size=16384, column_types=["Numeric", "String"])
    assert frame.n_rows == lines_before + 6000
    np.testing.assert_array_equal(frame.vecs[0].to_numpy(ctx.node), np.arange(frame.n_rows))

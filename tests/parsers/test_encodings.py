"""Text that is not UTF-8: UTF-16 and UTF-32 with a mark, bytes NUL."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from itertools import pairwise

import pytest
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.parsers.encodings import as_utf8, nul_in
from h2ok.ext.parsers.parse import parse_setup
from h2ok.ext.parsers.raw import store_blocks
from h2ok.ext.parsers.schemas import ParseSetupV3
from h2ok.kernel import Frame, IllegalArgumentError
from hypothesis import given, settings
from hypothesis import strategies as st

ROWS = 40_000
KINDS = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
TEXT = "id,name\n" + "".join(f'{i},"Zo\u00eb \u0141 \U0001f642 {i % 7},\u4e0a\u0a0d"\n' for i in range(ROWS))


@given(text=st.text(max_size=200), kind=st.sampled_from(KINDS), cuts=st.lists(st.integers(0, 800), max_size=8))
@settings(max_examples=300, deadline=None)
def test_any_text_in_any_pieces_becomes_utf8(text: str, kind: str, cuts: list[int]) -> None:
    data = ("\ufeff" + text).encode(kind, "replace")
    bounds = [0, *sorted(cuts), len(data)]
    pieces = (data[a:b] for a, b in pairwise(bounds))
    # A text that begins with NUL has the mark of UTF-32.
    if kind != "utf-16-le" or not text.startswith("\0"):
        assert b"".join(as_utf8(pieces)) == text.encode("utf-8", "replace")


@given(st.lists(st.binary(max_size=6), max_size=8))
@settings(max_examples=200, deadline=None)
def test_bytes_without_a_mark_stay_as_they_are(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    if not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        assert b"".join(as_utf8(iter(pieces))) == data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packed", [False, True])
def test_csv_in_blocks(ctx: RequestContext, load: Callable[..., Frame], kind: str, packed: bool) -> None:
    data = ("\ufeff" + TEXT).encode(kind)
    frame = load(gzip.compress(data) if packed else data, "t.csv.gz" if packed else "t.csv", chunk_size=8192)
    assert frame.names == ("id", "name")
    assert frame.n_chunks > 1
    assert frame.vecs[0].to_numpy(ctx.node).tolist() == list(range(ROWS))
    assert frame.vecs[1].to_strings(ctx.node)[-1] == "Zo\u00eb \u0141 \U0001f642 1,\u4e0a\u0a0d"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.arff", "@relation r\n@attribute 'a \u00eb' numeric\n@attribute k {\u0141}\n@data\n1,\u0141\n"),
        ("t.svm", "1 1:0.5\n0 3:2\n"),
    ],
)
def test_other_formats(load: Callable[..., Frame], name: str, text: str) -> None:
    plain, decoded = load(text, name), load(("\ufeff" + text).encode("utf-16-le"), "u" + name)
    assert decoded.names == plain.names
    assert [v.domain for v in decoded.vecs] == [v.domain for v in plain.vecs]
    assert decoded.n_rows == plain.n_rows


def test_uploads(ctx: RequestContext) -> None:
    store_blocks(ctx.node, "up", io.BytesIO(("\ufeff" + TEXT).encode("utf-16")))
    setup = parse_setup(ctx, ParseSetupV3(source_frames=["up"]))
    assert (setup.column_names, setup.column_types) == (["id", "name"], ["Numeric", "Enum"])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"id,v\n1,a\0b\n2,c\n", r"position 8 \(line 2\) is NUL.*remove the byte"),
        ("a,b\n1,x\n".encode("utf-16-le"), r"position 1 \(line 1\) is NUL.*UTF-16 without a mark"),
        ("a,b\n1,x\n".encode("utf-16-be"), r"position 0 \(line 1\) is NUL.*UTF-16 without a mark"),
    ],
)
def test_a_byte_nul_is_named(load: Callable[..., Frame], data: bytes, words: str) -> None:
    with pytest.raises(IllegalArgumentError, match="in no known format: the byte at " + words):
        load(data)


def test_a_byte_nul_behind_the_first_ones_is_kept(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    assert nul_in(b"a" * 4096 + b"\0") is None
    frame = load(b"id,v\n" + b"1,x\n2,y\n" * 2000 + b"3,a\0b\n", column_types=["Numeric", "String"])
    assert frame.vecs[1].to_strings(ctx.node)[-1] == "a\0b"

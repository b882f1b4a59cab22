"""ARFF as WEKA, OpenML, R and people write it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.settings import TIME_ZONE_KEY
from h2ok.ext.parsers.arff import ArffParser, attributes
from h2ok.ext.parsers.csv.arff_rows import ArffRows
from h2ok.ext.parsers.csv.cells import cut_cells
from h2ok.ext.parsers.csv.scratch import Scratch
from h2ok.ext.parsers.csv.tokens import Dialect
from h2ok.kernel import Frame, IllegalArgumentError
from hypothesis import given, settings
from hypothesis import strategies as st

THREE = ArffRows(("0", '"X"', ""))


def cells_of(text: str | bytes, rows: ArffRows = THREE) -> list[list[str]]:
    data = np.array(bytearray(text if isinstance(text, bytes) else text.encode()), dtype=np.uint8)
    found = cut_cells(rows.rewrite(data, Scratch()).tobytes(), Dialect(",", '"', "", ""))
    return [[t.text for t in found.row(i)] for i in range(found.n_rows)]


def contents(ctx: RequestContext, frame: Frame) -> list[list[Any]]:
    return [
        v.to_strings(ctx.node) if v.type in ("string", "enum") else [None if np.isnan(x) else x for x in v.to_numpy(ctx.node)]
        for v in frame.vecs
    ]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ("1,'a,b',c", ["1", "a,b", "c"]), ('1,"a,b",\'c,d\'', ["1", "a,b", "c,d"]), ("1 'a b' c", ["1", "a b", "c"]),
        ("1\t'a b'\tc", ["1", "a b", "c"]),
        ("1\ta b\tc d", ["1", "a b", "c d"]), ("1\t\tc", ["1", "", "c"]),
        ("1, 'a' c", ["1", "a", "c"]), ("1 , a , c ", ["1", "a", "c"]),
        ("'it\\'s','say \"x\"',\"don't\"", ["it's", 'say "x"', "don't"]), (r"'a\\b','c\td','\%'", ["a\\b", "c\td", "%"]),
        ("'it''s',\"a\"\"b\",''", ["it's", 'a"b', ""]), ("1,light rain,c", ["1", "light rain", "c"]),
        ("1,a,c,{5}", ["1", "a", "c"]), ("1 a c {0.5}", ["1", "a", "c"]), ("1,a,'{5}'", ["1", "a", "{5}"]),
        ("1,,c", ["1", "", "c"]), ("{0 3}", ["3", "X", ""]), ("{1 'a b', 2 \"c,}\"}", ["0", "a b", "c,}"]), ("{ }", ["0", "X", ""]),
        ("{}, {2.5}", ["0", "X", ""]), ("{0 1,1 Y , 2 z}", ["1", "Y", "z"]), ("{2\t?}", ["0", "X", "?"]),
        ("@user,a,b", ["@user", "a", "b"]),
        ("1,a,'open", ["1", "a", "open"]), ("1,a,#b", ["1", "a", "#b"]), ("1,\u00e9,\u65e5", ["1", "\u00e9", "\u65e5"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_rows_as_they_are_written(line: str, cells: list[str], end: str) -> None:
    assert cells_of("% remark, 'x\n\n@data\n" + line + end) == [cells]


def test_other_separators_part_rows_where_they_are_given() -> None:
    assert cells_of("1;a b;'c;d'\n", ArffRows(("", "", ""), ";")) == [["1", "a b", "c;d"]]
    assert cells_of("1\ta b\t\n", ArffRows(("", "", ""), "\t")) == [["1", "a b", ""]]
    assert cells_of("  \n 1,5   'a b'\tc \n", ArffRows(("", "", ""), " ")) == [["1,5", "a b", "c"]]


@pytest.mark.parametrize("row", ["{0 1", "{1 a, 0 1}", "{3 x}", "{a 1}", "{0}", "{0 1, 0 2}", "{-1 2}", "{0 1 {2}", "{0 1 2 3}"])
def test_sparse_rows_that_cannot_be_read_are_shown(row: str) -> None:
    with pytest.raises(IllegalArgumentError, match="Cannot read the sparse row"):
        cells_of(f"1,a,b\n{row}\n")


@given(st.binary(max_size=200) | st.text(alphabet="01 ,'\"\\{}\n\t%@ab", max_size=60).map(str.encode))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_rewritten_or_refused(data: bytes) -> None:
    for rows in (THREE, ArffRows(("",)), ArffRows(("0", "0"), "\t")):
        with contextlib.suppress(IllegalArgumentError):
            cells_of(data, rows)


def quoted(cell: str, quote: str) -> str:
    text = cell.replace("\\", "\\\\").replace(quote, "\\" + quote)
    return quote + text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + quote


@given(
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8)), min_size=1, max_size=6),
    st.sampled_from([",", ", ", " ", "\t", " ,\t"]),
    st.sampled_from("'\""),
)
@settings(max_examples=300, deadline=None)
def test_what_weka_quotes_is_read_back(rows: list[tuple[str, str, str]], separator: str, quote: str) -> None:
    dense = "\n".join(separator.join(quoted(c, quote) for c in row) for row in rows)
    sparse = "\n".join("{" + ", ".join(f"{i} {quoted(c, quote)}" for i, c in enumerate(row)) + "}" for row in rows)
    wanted = [[c.encode("utf-8", "replace").decode() for c in row] for row in rows]
    assert cells_of(dense.encode("utf-8", "replace")) == wanted
    assert cells_of(sparse.encode("utf-8", "replace")) == wanted


def test_headers_as_people_write_them() -> None:
    text = (
        "% c\n@RELATION 'a b'\n@attribute class{p, 'n\\'s' ,\"q,r\"} % two\n@attribute 'it\\'s' numeric [0,9]\n"
        "@attribute \"d one\" date \"dd.MM.yyyy HH:mm\"\n@attribute d2 DATE\n@attribute d3 date yyyy-MM-dd % day\n"
        "@attribute d4 date 'yyyy-MM-dd\\'T\\'HH'\n@attribute\t'w\u2028x'\tstring\n@data\n"
    )  # fmt: skip
    found = attributes(text)
    assert found is not None
    assert [(a.name, a.type) for a in found] == [
        ("class", "Enum"), ("it's", "Numeric"), ("d one", "Time"), ("d2", "Time"), ("d3", "Time"), ("d4", "Time"),
        ("w\u2028x", "String"),
    ]  # fmt: skip
    assert found[0].levels == ("p", "n's", "q,r")
    assert [a.pattern for a in found[2:6]] == ["dd.MM.yyyy HH:mm", "", "yyyy-MM-dd", "yyyy-MM-dd'T'HH"]


@pytest.mark.parametrize(
    ("line", "words"),
    [("@attribute a {x,y", "Cannot read the levels"), ("@attribute a date 'yyyy-QQ'", "letter 'Q'"), ("@attribute a", "name type")],
)
def test_attributes_that_cannot_be_read_are_told_by_line(line: str, words: str) -> None:
    with pytest.raises(IllegalArgumentError, match=f"ine 2.*{words}|{words}.*ine 2"):
        attributes(f"@relation r\n{line}\n@data\n")


@pytest.mark.parametrize(
    "rest", ["{a" + " " * 20_000 + "b", "{" + " " * 20_000 + "b", "{" + "'a'," * 20_000, "'" + "''" * 20_000, "x"]
)
def test_long_attributes_take_no_time(rest: str) -> None:
    with pytest.raises(IllegalArgumentError):
        attributes(f"@relation r\n@attribute x {rest}\n@data\n")


def test_sparse_rows_are_the_dense_ones(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    rng = np.random.default_rng(3)
    head = "@relation r\n@attribute n numeric\n@attribute k {no,yes,'may be'}\n@attribute d date\n@attribute m numeric\n@data\n"
    rows = [(i % 5, rng.choice(["no", "yes", "'may be'"]), "2024-01-02T03:04:05" if i % 3 else "?", 0) for i in range(3000)]
    dense = load(head + "".join(f"{a},{b},{c},{d}\n" for a, b, c, d in rows), "d.arff", chunk_size=4096)
    sparse = "".join(
        "{" + ", ".join([*([f"0 {a}"] if a else []), *([f"1 {b}"] if b != "no" else []), f"2 {c}"]) + "}\n" for a, b, c, _ in rows
    )
    wanted = contents(ctx, dense)
    found = load(head + sparse, "s.arff", chunk_size=4096)
    assert found.n_chunks > 5
    assert contents(ctx, found) == wanted
    assert found.vecs[1].domain == ("no", "yes", "may be")


def test_what_a_sparse_row_leaves_out(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    frame = load(
        "@relation r\n@attribute n real\n@attribute k {'b \"q\"',a}\n@attribute s string\n@attribute d date \"dd.MM.yyyy\"\n@data\n"
        "{}\n{1 a,2 x,3 31.10.2023}\n{1 ?}\n", "t.arff",
    )  # fmt: skip
    assert contents(ctx, frame) == [[0, 0, 0], ['b "q"', "a", None], [None, "x", None], [0, 1698710400000, 0]]


def test_sparse_rows_make_chunks_of_fewer_bytes(ctx: RequestContext) -> None:
    head = "@relation r\n" + "".join(f"@attribute a{i} numeric\n" for i in range(500)) + "@data\n"
    found = ctx.runtime.service(ArffParser).guess((head + "{7 1}\n" * 100).encode(), ParseSetup(chunk_size=4 << 20), "t.arff")
    assert found is not None
    assert 4096 <= found.chunk_size < 1 << 16


def test_headers_longer_than_the_sample(load: Callable[..., Frame]) -> None:
    head = "@relation r\n" + "".join(f"@attribute a_rather_long_name_of_an_attribute_{i} numeric\n" for i in range(6000))
    frame = load(head + "@data\n{0 5}\n" + ",".join("1" for _ in range(6000)) + "\n", "t.arff")
    assert (frame.n_rows, frame.n_cols, frame.names[5999]) == (2, 6000, "a_rather_long_name_of_an_attribute_5999")


def test_sparse_rows_cannot_blow_up() -> None:
    wide = ArffRows(("0",) * 20_000)
    assert len(cells_of("{}\n{19999 1}\n", wide)[1]) == 20_000
    with pytest.raises(IllegalArgumentError, match="smaller chunk_size"):
        cells_of("{}\n" * 1_000_000, wide)


def test_dates_follow_their_pattern_in_the_clouds_time_zone(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    ctx.node.dkv.put(TIME_ZONE_KEY, "America/New_York")
    frame = load(
        "@relation r\n@attribute a date \"dd/MM/yyyy HH:mm\"\n@attribute b date \"yyyy-MM-dd HH:mm Z\"\n@data\n"
        "'01/07/2024 00:00','2024-07-01 00:00 +0200'\n?,?\nnever,0\n", "t.arff",
    )  # fmt: skip
    assert [v.type for v in frame.vecs] == ["time", "time"]
    assert contents(ctx, frame) == [[1719806400000, None, None], [1719784800000, None, 0]]


@pytest.mark.parametrize(("text", "told"), [("2024-01-02", True), ("30.02.2024", True), ("?", False), ("31.01.2024", False)])
def test_texts_that_do_not_follow_the_pattern_are_told(
    ctx: RequestContext, load: Callable[..., Frame], text: str, told: bool
) -> None:
    load(f"@relation r\n@attribute a date 'dd.MM.yyyy'\n@data\n{text}\n01.01.2024\n", "t.arff")
    found = [w for j in ctx.node.jobs.list() for w in j.warnings]
    assert [("Column 'a' has texts that are no times" in w) for w in found] == [True] * told


def test_types_names_and_columns_that_the_user_chooses(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    text = "@relation r\n@attribute a numeric\n@attribute k {y,x}\n@data\n1 x\n2 y\n"
    assert load(text, "t.arff", column_types=["enum", "string"]).vecs[1].to_strings(ctx.node) == ["x", "y"]
    frame = load(text, "t.arff", skipped_columns=[0], column_names=["a", "b"])
    assert (frame.names, frame.vecs[0].domain) == (("b",), ("y", "x"))


def test_a_sample_that_ends_within_a_row_is_no_fault(load: Callable[..., Frame]) -> None:
    head = "@relation r\n" + "".join(f"@attribute a{i} numeric\n" for i in range(40)) + "@data\n"
    row = "{" + ", ".join(f"{i} {i}.25" for i in range(40)) + "}\n"
    assert load(head + row * 2000, "t.arff").n_rows == 2000

"""The kernels of the CSV reader against plain Python."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from h2ok.ext.parsers.csv import arff_rows, kernels, pairs, patterns, times
from h2ok.ext.parsers.csv import numbers as number_kernels
from h2ok.ext.parsers.csv.cells import _bytes_of, _cell_arrays, cut_cells, read_cells
from h2ok.ext.parsers.csv.levels import Levels, LevelTable, decode_text
from h2ok.ext.parsers.csv.lines import cut_lines
from h2ok.ext.parsers.csv.reader import Layout, encode_seen, read_block
from h2ok.ext.parsers.csv.scratch import Scratch
from h2ok.ext.parsers.csv.tokens import Dialect, split_lines, split_tokens
from h2ok.ext.parsers.warmup import warmup
from h2ok.kernel.frame.newchunk import encode_numbers
from hypothesis import example, given, settings
from hypothesis import strategies as st

DIALECTS = [Dialect(","), Dialect(";", "'"), Dialect("\t", '"', "\\"), Dialect(" "), Dialect(",", "", "", "%@")]
CELLS = st.text(alphabet="ab1 \"'\\;,\t#%.-", max_size=6)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: repr(d.separator + d.quote + d.escape))
@given(
    rows=st.lists(st.lists(st.text(alphabet="ab1.-é", min_size=1, max_size=5), min_size=1, max_size=5), max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=60, deadline=None)
def test_plain_rows_are_cut_as_in_python(dialect: Dialect, rows: list[list[str]], end: str) -> None:
    text = end.join(dialect.separator.join(r) for r in rows) + end
    cells = cut_cells(text.encode(), dialect)
    want = [[t.text for t in split_tokens(line, dialect)] for line in split_lines(text, dialect)]
    assert [[t.text for t in cells.row(i)] for i in range(cells.n_rows)] == want


@given(cells=st.lists(st.text(alphabet="ab \",\n\r'\\", max_size=8), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_quoted_cells_come_back(cells: list[str]) -> None:
    line = ",".join('"' + c.replace('"', '""') + '"' for c in cells) + "\n"
    found = cut_cells(line.encode(), Dialect(","))
    assert found.n_rows == 1
    assert [t.text for t in found.row(0)] == cells
    assert all(t.quoted for t in found.row(0))


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_cut_within_bounds(data: bytes) -> None:
    for dialect in DIALECTS:
        cells = cut_cells(data, dialect)
        used = int(cells.row_starts[cells.n_rows])
        assert (cells.starts[:used] <= cells.stops[:used]).all()
        assert (cells.stops[:used] <= len(data)).all()
        cells.numbers(np.arange(3))
        for j in range(2):
            table = LevelTable()
            assert cells.codes(j, table).max(initial=-1) + 1 == table.n


def text_of(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype=np.uint8).copy()


def numbers_of(texts: list[str]) -> np.ndarray:
    cells = cut_cells(("\n".join(f"{t},1" for t in texts) + "\n").encode(), Dialect(","))
    return cells.numbers(np.array([0]))[0][0]


@given(st.lists(st.one_of(st.floats(allow_nan=False).map(repr), st.integers(-(10**25), 10**25).map(str)), min_size=1, max_size=20))
@example(
    ["123456789.987654321", "9007199254740993", "1e400", "-1e-400", "0.1234567890123456789", "1" + "0" * 40, "0." + "0" * 40 + "1"]
)
@settings(max_examples=300, deadline=None)
def test_numbers_are_the_nearest_doubles(texts: list[str]) -> None:
    np.testing.assert_array_equal(numbers_of(texts), [float(t) for t in texts])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("+3", 3), (".5", 0.5), ("5.", 5), ("$5", 5), ("5%", 0.05), ("5 %", 0.05), ("$-5", -5), ("1e5", 1e5), ("1E+5", 1e5), ("1 ", 1),  # noqa: E501 - a table
        ("\t1", 1), ("007", 7), ("inf", math.inf), ("-Infinity", -math.inf), ("1e", None), ("1e+", None), ("e5", None), ("1.2.3", None),  # noqa: E501 - a table
        ("--5", None), ("1-2", None), ("-", None), (".", None), ("0x10", None), ("1_000", None), ("1 2", None), ("$ 5", None),
        ("nan", None), ("x", None), ('"1"', 1), ('" 1"', None), ('"1 "', None), ("12345678901234567890%", 123456789012345678.9),
    ],
)  # fmt: skip
def test_what_is_a_number(text: str, value: float | None) -> None:
    found = numbers_of([text, "x"])[0]
    assert math.isnan(found) if value is None else found == value


@given(st.lists(st.one_of(st.none(), st.text(alphabet="abc", min_size=1, max_size=3)), min_size=1, max_size=60))
@settings(max_examples=100, deadline=None)
def test_codes_follow_the_first_appearance(values: list[str | None]) -> None:
    cells = cut_cells(("\n".join(f"1,{v or ''}" for v in values) + "\n").encode(), Dialect(","))
    table = LevelTable()
    codes = cells.codes(1, table)
    known: dict[str, int] = {}
    assert codes.tolist() == [-1 if v is None else known.setdefault(v, len(known)) for v in values]
    assert table.decoded() == list(known)


@given(st.lists(st.text(alphabet="ab1 ,;\n\r.", max_size=90).filter(lambda t: "\n" not in t), min_size=1, max_size=8))
@pytest.mark.parametrize("keep", [True, False])
@settings(max_examples=100, deadline=None)
def test_one_pass_reads_what_cells_read(keep: bool, lines: list[str]) -> None:
    data = "\n".join(lines).encode()
    cells = cut_cells(data, Dialect(","))
    table, other = LevelTable(), LevelTable()
    found = read_cells(text_of(data), Dialect(","), 1, [0, 2], [1], [table], keep=keep)
    rest = cells.without_first_row()
    np.testing.assert_array_equal(found.numbers, rest.numbers(np.array([0, 2]))[0])
    codes = rest.codes(1, other)
    assert found.cells.n_rows == rest.n_rows
    assert found.codes[0].tolist() == codes.tolist()
    assert table.decoded() == other.decoded()


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("header", ["", "a,b,c\n", "a" * (1 << 19) + ",b,c\n"])
def test_rows_run_over_tiles(keep: bool, header: str) -> None:
    n = 60_000
    data = (header + "".join(f'{i},"le""vel {i % 700}",{i / 7!r}\n' for i in range(n))).encode()
    scratch, table = Scratch(), LevelTable()
    for _ in range(2):
        found = read_cells(text_of(data), Dialect(","), int(bool(header)), [0, 2], [1], [table], scratch, keep=keep)
        assert found.cells.n_rows == n
        np.testing.assert_array_equal(found.numbers, [np.arange(n), np.arange(n) / 7])
        np.testing.assert_array_equal(found.codes[0], np.arange(n) % 700)
        assert table.decoded() == [f'le"vel {i}' for i in range(700)]


_PLAIN_CELL = st.text(alphabet="ab1.-", max_size=20)
_CELL = st.one_of(*[_PLAIN_CELL] * 6, st.sampled_from([" x", "\t", "#a", '"q,\n"', "", "a b", "\r", '"a""b"', '"c" ']))


@pytest.mark.parametrize(
    "dialect", [Dialect(","), Dialect("\t"), Dialect(" "), Dialect(",", "", "", ""), Dialect(",", '"', "", "#;")]
)
@given(
    rows=st.lists(st.lists(_CELL, min_size=1, max_size=9), max_size=60),
    end=st.sampled_from(["", "\n", "\r\n"]),
    limit=st.integers(1, 900),
)
@settings(max_examples=60, deadline=None)
def test_plain_lines_are_cut_as_careful_ones(dialect: Dialect, rows: list[list[str]], end: str, limit: int) -> None:
    data = text_of(("\n".join(dialect.separator.join(r) for r in rows) + end).encode())
    slow = cut_cells(data.tobytes(), dialect)
    sep, quote, escape, marks = _bytes_of(dialect)
    arrays = _cell_arrays(len(data), Scratch())
    arrays[3][0] = at = n = cells = 0
    while at < len(data):
        n, cells, _, at = cut_lines(data, at, at + limit, sep, quote, escape, marks, *arrays, n, cells)
    assert n == slow.n_rows
    starts, stops, kinds, row_starts = arrays
    assert row_starts[: n + 1].tolist() == slow.row_starts[: n + 1].tolist()
    unescaped = kinds[:cells] != 3
    for found, wanted in ((starts, slow.starts), (stops, slow.stops), (kinds, slow.kinds)):
        np.testing.assert_array_equal(found[:cells][unescaped], wanted[:cells][unescaped])


@given(st.lists(st.lists(st.text(alphabet="ab\u00e9", min_size=1, max_size=40), min_size=1, max_size=30), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_levels_go_on_from_block_to_block(blocks: list[list[str]]) -> None:
    table = LevelTable(("a",))
    known: dict[str, int] = {}
    for texts in blocks:
        first = table.n
        codes = cut_cells("\n".join(texts).encode(), Dialect(",")).codes(0, table)
        assert codes.tolist() == [known.setdefault(t, len(known)) for t in texts]
        assert table.known(first) == [t for t in list(known)[first:] if t != "a"]
    domain = tuple(sorted(known))[::2]
    wanted = [-1 if t == "a" or t not in domain else domain.index(t) for t in known] + [-1]
    away = Levels(table.snapshot().offsets, table.snapshot().data, table.na)
    assert table.decoded() == list(known)
    assert table.remap(domain).tolist() == away.remap(domain).tolist() == wanted


_WRITTEN = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.decimals(-(10**9), 10**9, places=2).map(str),
    st.decimals(-(10**4), 10**4, places=5).map(str),
    st.sampled_from(["", "0", "0.0", "-0", "1e3", "1.50", "NA", "0.1234567", "3.5e-320", "9007199254740993", "1" * 25, "$5", "7%"]),
    st.floats(allow_nan=False).map(repr),
)
_ALIKE = (st.integers(0, 99).map(str), st.decimals(-99, 99, places=3).map(str), st.floats(-1, 1).map(repr))


@given(st.one_of(*(st.lists(kind, min_size=1, max_size=80) for kind in (_WRITTEN, st.sampled_from("01"), *_ALIKE))))
@settings(max_examples=200, deadline=None)
def test_what_was_seen_makes_the_chunk_that_is_found_by_trying(texts: list[str]) -> None:
    found = read_cells(text_of(("\n".join(f"{t},1" for t in texts) + "\n").encode()), Dialect(","), 0, [0], [], [])
    made, wanted = encode_seen(found.numbers[0], found.seen[0]), encode_numbers(found.numbers[0])
    assert type(made) is type(wanted)
    assert made.nbytes == wanted.nbytes
    np.testing.assert_array_equal(made.decode().view(np.int64), wanted.decode().view(np.int64))


def test_many_levels_grow_the_table() -> None:
    n = 50_000
    cells = cut_cells("".join(f"level{i % 20_000}\n" for i in range(n)).encode(), Dialect(","))
    table = LevelTable()
    np.testing.assert_array_equal(cells.codes(0, table), np.arange(n) % 20_000)
    assert table.n == 20_000


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"ok", "ok"), (b"K\xf6ln", "K<0xF6>ln"), (b"\xff\xfe\xfd", "<0xFFFEFD>"), ("\u65e5".encode(), "\u65e5"), (b"", "")],
)
def test_bytes_that_are_no_utf8_are_shown(data: bytes, text: str) -> None:
    assert decode_text(data) == text


def test_a_warm_up_compiles_every_kernel() -> None:
    warmup()
    compiled = [
        f for m in (kernels, number_kernels, arff_rows, patterns, times, pairs) for f in vars(m).values()
        if hasattr(f, "signatures") and f.__module__ == m.__name__ and f.__name__ in m.__all__ and f is not number_kernels.number_at
    ]  # fmt: skip
    assert len(compiled) >= 10
    assert all(len(f.signatures) == 1 for f in compiled)


def test_long_damaged_text_is_shown_in_one_pass() -> None:
    assert decode_text(b"a\xf6" * 500_000) == "a<0xF6>" * 500_000


def test_many_columns_of_levels_take_room_as_they_need_it() -> None:
    data = text_of(b",".join(b"k%d" % i for i in range(20_000)))
    layout = Layout(",", '"', "", "#", ("Enum",) * 20_000, tuple(range(20_000)), ((),) * 20_000)
    tracemalloc.start()
    columns = read_block(data, layout)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert columns.n_rows == 1
    assert columns.told(19_999) == ["k19999"]
    assert peak < 200e6


def test_levels_longer_than_the_table_has_room_for() -> None:
    texts = [chr(97 + i % 26) * (1 + i * 37 % 3000) for i in range(300)]
    cells = cut_cells("\n".join(texts * 2).encode(), Dialect(","))
    table = LevelTable()
    known = list(dict.fromkeys(texts))
    assert cells.codes(0, table).tolist() == [known.index(t) for t in texts * 2]
    assert table.decoded() == known

"""Whole numbers of text: exact from -2**63 + 1 to 2**63 - 1, doubles beyond and told."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.parsers.imports import import_files_multi
from h2ok.ext.parsers.parse import parse, parse_setup
from h2ok.ext.parsers.schemas import ImportFilesMultiV3, ParseSetupV3, ParseV3
from h2ok.ext.parsers.svmlight import read_sparse
from h2ok.kernel import NA_INT64, Frame, IllegalArgumentError, Vec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

MOST = 2**63 - 1
WHOLE = st.one_of(st.integers(-MOST, MOST), st.integers(-(2**53) - 9, 2**53 + 9), st.sampled_from([MOST, -MOST, 0, 1]))
QUIET = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def wholes(ctx: RequestContext, vec: Vec) -> list[int | None]:
    """The whole numbers that the chunks of a column hold."""
    found = np.concatenate([ctx.node.dkv.require(k).int64() for k in vec.chunk_keys()]).tolist()
    return [None if v == NA_INT64 else v for v in found]


def warnings_of(ctx: RequestContext, path: Any, text: str, **given: Any) -> tuple[str, ...]:
    path.write_text(text)
    keys = import_files_multi(ctx, ImportFilesMultiV3(paths=[str(path)])).destination_frames
    setup = parse_setup(ctx, ParseSetupV3(source_frames=keys, **given))
    fields = {f: getattr(setup, f) for f in ("parse_type", "separator", "check_header", "number_columns", "column_types")}
    answer = parse(ctx, ParseV3(source_frames=keys, destination_frame="t.hex", blocking=True, column_names=["a", "b"], **fields))
    return ctx.node.jobs.get(answer.job.key["name"]).warnings


@given(st.lists(st.none() | WHOLE, min_size=1, max_size=50))
@example([9007199254740993, None, -9007199254740993])
@example([MOST, MOST])
@QUIET
def test_csv_keeps_whole_numbers(ctx: RequestContext, load: Callable[..., Frame], values: list[int | None]) -> None:
    text = "k,n\n" + "".join(f"x,{'' if v is None else v}\n" for v in values)
    frame = load(text, check_header=1, separator=44, column_types=["Enum", "Numeric"])
    assert wholes(ctx, frame.vec("n")) == values


@given(st.lists(WHOLE, min_size=1, max_size=30))
@QUIET
def test_arff_keeps_whole_numbers(ctx: RequestContext, load: Callable[..., Frame], values: list[int]) -> None:
    head = "@relation r\n@attribute z numeric\n@attribute n numeric\n@data\n"
    frame = load(head + "".join(f"0,{v}\n{{1 {v}}}\n" for v in values), "t.arff")
    assert wholes(ctx, frame.vec("n")) == [v for v in values for _ in range(2)]


@given(st.lists(st.tuples(WHOLE, WHOLE), min_size=1, max_size=30))
@QUIET
def test_svmlight_keeps_whole_numbers(ctx: RequestContext, load: Callable[..., Frame], values: list[tuple[int, int]]) -> None:
    frame = load("".join(f"{a} 1:{b}\n" for a, b in values), "t.svm")
    assert [wholes(ctx, v) for v in frame.vecs] == [list(column) for column in zip(*values, strict=True)]


@pytest.mark.parametrize(
    "written",
    [
        "9007199254740993.0",
        "+9007199254740993",
        "9007199254740993.000000",
        "000009007199254740993",
        '"9007199254740993"',
        " 9007199254740993 ",
        "$9007199254740993",
        "900719925474099300%",
        "9.007199254740993e15",
    ],
)
def test_whole_numbers_may_be_written_otherwise(ctx: RequestContext, load: Callable[..., Frame], written: str) -> None:
    frame = load(f"k,n\nx,{written}\ny,1\n", check_header=1, column_types=["Enum", "Numeric"])
    assert wholes(ctx, frame.vec("n")) == [9007199254740993, 1]


def test_na_texts_that_are_numbers_cost_no_digits(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    frame = load("k,n\nx,9007199254740993\ny,-999\nz,-9007199254740995\n", na_strings=[[], ["-999"]])
    assert wholes(ctx, frame.vec("n")) == [9007199254740993, None, -9007199254740995]


def test_every_block_is_exact(ctx: RequestContext, load: Callable[..., Frame]) -> None:
    values = [1577134800018226901 + 3 * i if i % 7 else i for i in range(5000)]
    frame = load("k,n\n" + "".join(f"x,{v}\n" for v in values), chunk_size=4096)
    assert frame.n_chunks > 10
    assert wholes(ctx, frame.vec("n")) == values


@pytest.mark.parametrize("name", ["t.csv", "t.svm"])
@pytest.mark.parametrize("value", [10**19, 2**64 - 1, 2**63, -(2**63), 123456789012345678901234567890, -(10**25)])
def test_numbers_beyond_63_bits_are_doubles_and_told(
    ctx: RequestContext, load: Callable[..., Frame], tmp_path: Any, name: str, value: int
) -> None:
    text = f"b,a\n1,{value}\n0,5\n" if name == "t.csv" else f"1 1:{value}\n0 1:5\n"
    told = warnings_of(ctx, tmp_path / name, text)
    assert len(told) == 1
    assert "Column 'b' has whole numbers that are rounded" in told[0]
    assert ctx.node.frames.get("t.hex").vecs[1].to_numpy(ctx.node).tolist() == [float(value), 5.0]


def test_whole_numbers_beside_decimals_are_doubles_and_told(ctx: RequestContext, tmp_path: Any) -> None:
    told = warnings_of(ctx, tmp_path / "t.csv", "a,b\n1,9007199254740993\n2,0.5\n")
    assert len(told) == 1
    assert ctx.node.frames.get("t.hex").vecs[1].to_numpy(ctx.node).tolist() == [9007199254740992.0, 0.5]


def test_nothing_is_told_of_numbers_that_are_kept(ctx: RequestContext, tmp_path: Any) -> None:
    assert warnings_of(ctx, tmp_path / "t.csv", "a,b\n1e300,9007199254740993\n0.1234567890123456789012,2\n") == ()


@given(st.lists(st.floats(allow_nan=False).map(repr) | st.integers(-(10**22), 10**22).map(str), min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_numbers_of_svmlight_are_pythons(texts: list[str]) -> None:
    found = read_sparse("".join(f"0 1:{t}\n" for t in texts).encode())
    wanted = [float(t) for t in texts]
    assert found.values[1::2].tolist() == wanted
    exact = [int(t) for t in texts if t.lstrip("-").isdigit() and 2**53 <= abs(int(t)) <= MOST]
    kept = found.whole[(found.kinds == 1) & (found.columns == 1)].tolist()
    assert set(exact) <= set(kept)


@pytest.mark.parametrize(
    "text", ["1 1:-", "1 1:", "1 :5", "1 a:5", "x 1:5", "1:2 3:4", "1 1:2x", "1 2", "1 qid:x 1:2", "1 9999999999:1"]
)
def test_words_of_svmlight_that_are_wrong_are_told(text: str) -> None:
    with pytest.raises(IllegalArgumentError, match="line 2, column"):
        read_sparse(f"0 1:1\n{text}\n".encode())
    with pytest.raises(IllegalArgumentError, match="line 2, column"):
        read_sparse(f"0 1:1\n{text}".encode())


def test_nan_and_infinity_of_svmlight() -> None:
    values = read_sparse(b"1 1:nan 2:-inf 3:INF 4:NaN\n").values[1:].tolist()
    assert [math.isnan(v) or v for v in values] == [True, -math.inf, math.inf, True]

"""The grammar: what parses to what, what is refused and where, and that nothing else ever happens."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids.ast import Call, Func, Ident, NumberLit, NumbersLit, StrLit, StrsLit
from h2ok.ext.rapids.parser import MAX_DEPTH, IllegalASTError, parse
from h2ok.ext.rapids.values import format_number
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), ("-2.5", -2.5), (".5", 0.5), ("5.", 5.0), ("1e-05", 1e-5), ("1d", 1.0), ("1f", 1.0), (" \t\r\n7 ", 7.0)],
)
def test_numbers(text: str, value: float) -> None:
    assert parse(text) == NumberLit(value)


@pytest.mark.parametrize(
    "text", ["+5", "inf", "Infinity", "1_000", "+", "!!", ":=", "tmp=", ",", "GB", "a.b.hex", "nfs://x", "1L", "0x10", "$a"]
)
def test_everything_else_is_a_name(text: str) -> None:
    assert parse(text) == Ident(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a"', "a"),
        ("'it\\'s'", "it's"),
        (r'"\n\t\r\f\b\"\\"', '\n\t\r\f\b"\\'),
        (r"'\x41\u00e9\U0001F600'", "Aé\U0001f600"),
        ('""', ""),
        ("'(+ 1'", "(+ 1"),
    ],
)
def test_strings(text: str, value: str) -> None:
    assert parse(text) == StrLit(value)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[]", []),
        ("[1 2 3]", [1, 2, 3]),
        ("[1, 2,3]", [1, 2, 3]),
        ("[0:5]", [0, 1, 2, 3, 4]),
        ("[0:5:2]", [0, 2, 4, 6, 8]),
        ("[2:2 7:3]", [2, 3, 7, 8, 9]),
        ("[5 1]", [5, 1]),
        ("[1:3:0.5]", [1, 1.5, 2]),
        ("[-1 -2.5e1]", [-1, -25]),
    ],
)
def test_number_lists(text: str, values: list[float]) -> None:
    tree = parse(text)
    assert isinstance(tree, NumbersLit)
    assert list(tree.value) == values


def test_nan_in_lists_in_any_case() -> None:
    tree = parse("[nan NaN NAN]")
    assert isinstance(tree, NumbersLit)
    assert all(map(math.isnan, tree.value))


def test_other_forms() -> None:
    assert parse("['a' \"b\"]") == StrsLit(("a", "b"))
    call = parse("(+ 1 (f 'x'))->$id")
    assert isinstance(call, Call)
    assert [str(i) for i in call.items] == ["tmp=", "$id", '(+ 1.0 (f "x" ) )']
    func = parse("{x y . (+ x y)}")
    assert isinstance(func, Func)
    assert func.params == ("x", "y")


def test_numpy_scalars_of_new_clients_are_literals() -> None:
    assert str(parse("(cols_py te np.str_('c1'))")) == '(cols_py te "c1" )'
    assert str(parse("(+ np.float64(0.5) 1)")) == "(+ 0.5 1.0 )"


SCALARS = [
    np.bool_(True), np.int8(2), np.int16(-2), np.int32(2), np.int64(2), np.uint8(2), np.uint16(2), np.uint32(2), np.uint64(2),
    np.float16(0.5), np.float32(0.5), np.float64(-0.5), np.longdouble("0.5"), np.longlong(3), np.ulonglong(3), np.intc(3),
    np.float64("nan"), np.float32("inf"), np.float64("-inf"), np.int64(2**62 + 1),
]  # fmt: skip


@pytest.mark.parametrize("scalar", SCALARS, ids=repr)
def test_every_kind_of_numpy_scalar_is_its_number(scalar: Any) -> None:
    for text in {repr(scalar), repr(scalar).replace("'", '"')}:
        alone, listed = parse(f"(f {text})"), parse(f"[{text} 1]")
        assert isinstance(alone, Call)
        assert isinstance(alone.items[1], NumberLit)
        assert isinstance(listed, NumbersLit)
        for value in (alone.items[1].value, (listed.value.expand() if listed.value.longs is None else listed.value.longs)[0]):
            assert value == scalar or (np.isnan(value) and np.isnan(scalar))


def test_numpy_texts_in_lists() -> None:
    assert parse("[np.str_('a') 'b' np.str_(\"c d\")]") == StrsLit(("a", "b", "c d"))
    assert parse("['b' np.str_('a')]") == StrsLit(("b", "a"))


@pytest.mark.parametrize(
    "text", ["np.str_(1)", "np.float64('a')", "np.float64(1 2)", "np.int64(", "[np.str_('a') 1]", "[1 np.str_('a')]"]
)
def test_what_is_no_numpy_scalar_is_refused(text: str) -> None:
    with pytest.raises(IllegalASTError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Ran out of text"),
        ("(+ 1", "position 0 is missing"),
        ("(+ 1 2))", "Syntax error"),
        ("1 2", "Syntax error"),
        ('(rm "abc)', "Unterminated string"),
        (r'(rm "a\q")', "Invalid escape"),
        (r'"\x4"', "Invalid escape"),
        (r'"\UFFFFFFFF"', "Invalid escape"),
        ('[1 2 "a"]', "Missing token"),
        ("['a' 1]", "Missing token"),
        ("[a]", "Missing token"),
        ("[True]", "Missing token"),
        ("[1:0]", "positive integer"),
        ("[1:-2]", "positive integer"),
        ("[1:nan]", "positive integer"),
        ("[1:2.5]", "positive integer"),
        ("[1:5:-1]", "Stride must be positive"),
        ("[1:1:2]", "count of 1 needs"),
        ("[1 2", "missing"),
        ("{x . 1", "'}'"),
        ("{1 . 1}", "no name for a parameter"),
        ("{x x . 1}", "twice"),
        (")", "Unexpected"),
        ("(a]", "Unexpected"),
        ("\\", "Unexpected"),
    ],
)
def test_errors_name_the_position(text: str, words: str) -> None:
    with pytest.raises(IllegalASTError, match=r"position \d+") as e:
        parse(text)
    assert words in str(e.value)
    assert e.value.status == 400
    assert e.value.exception_type == "water.rapids.Rapids.IllegalASTException"


def test_overlapping_ranges_are_a_plain_bad_request() -> None:
    with pytest.raises(BadRequestError, match="overlapping"):
        parse("[1:5 3:2]")


def test_depth_is_bounded() -> None:
    parse("(+ 1 " * (MAX_DEPTH - 1) + "1" + ")" * (MAX_DEPTH - 1))
    with pytest.raises(IllegalASTError, match="Nested deeper"):
        parse("(+ 1 " * 100_000)


def test_long_lists_parse_fast_and_ranges_stay_unexpanded() -> None:
    tree = parse("[" + " ".join(map(str, range(100_000))) + "]")
    assert isinstance(tree, NumbersLit)
    assert len(tree.value) == 100_000
    huge = parse("[0:1000000000000]")
    assert isinstance(huge, NumbersLit)
    with pytest.raises(BadRequestError, match="too long"):
        huge.value.expand()


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.0"), (-2.5, "-2.5"), (1e-5, "1.0E-5"), (1e7, "1.0E7"), (123456789.0, "1.23456789E8"), (0.001, "0.001"), (0.0, "0.0")],
)
def test_numbers_are_written_as_java_does(value: float, text: str) -> None:
    assert format_number(value) == text


_words = st.sampled_from(
    ["(", ")", "[", "]", "{", "}", ".", "->", "x", "+", "1", "-2.5", "0:5", ":", ",", "'a'", '"b', "\\", " ", "nan", "tmp="]
)


@given(st.one_of(st.text(max_size=60), st.lists(_words, max_size=30).map("".join), st.lists(_words, max_size=30).map(" ".join)))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        tree = parse(text)
    except (IllegalASTError, BadRequestError):
        return
    assert str(parse(str(tree))) == str(tree)

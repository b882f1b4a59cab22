"""Codecs: what goes in comes out bit for bit, through the wire too, and the smallest form is chosen."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest
from h2ok.kernel import NA_INT64, Chunk
from h2ok.kernel.frame.codecs import BitChunk, ConstantChunk, FloatChunk, IntegerChunk, SparseChunk, StringChunk, UuidChunk
from h2ok.kernel.frame.newchunk import encode, encode_string_buffers
from h2ok.kernel.wire import decode
from h2ok.kernel.wire import encode as to_frames
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

EDGES = [
    *(float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.0, -1.0),
    *(127.0, 128.0, -128.0, -127.0, 254.0, 255.0, 256.0, 32767.0, 32768.0, -32768.0, 65534.0, 65535.0),
    *(2.0**31, 2.0**31 - 1, -(2.0**31), 2.0**32, 2.0**53, 2.0**53 - 1, 2.0**53 + 2, -(2.0**53), 2.0**63, 1e300),
    *(5e-324, 0.1, 0.25, 1.15, 123456.78901, 1e-5, 1e22, float(np.float32(0.1))),
]

any_double = st.one_of(st.sampled_from(EDGES), st.floats(width=64), st.integers(-(2**54), 2**54).map(float))
small_pool = st.lists(any_double, min_size=1, max_size=4).flatmap(lambda pool: st.lists(st.sampled_from(pool), max_size=200))
decimals = st.integers(0, 5).flatmap(lambda p: st.lists(st.integers(-(10**9), 10**9).map(lambda i: i / 10**p), max_size=100))
columns = st.one_of(st.lists(any_double, max_size=100), small_pool, decimals)


def bits(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """The doubles as bits, with one NaN for all."""
    return np.where(np.isnan(values), np.nan, values).view(np.uint64)


def over_the_wire(chunk: Chunk) -> Chunk:
    got: Chunk = decode([bytearray(f) for f in to_frames(chunk)])
    return got


def check_numbers(values: NDArray[np.float64]) -> Chunk:
    before = values.copy()
    made = encode("numeric", values)
    np.testing.assert_array_equal(bits(values), bits(before), "encoding changed its input")
    for chunk in (made, over_the_wire(made)):
        assert chunk.n == len(values)
        np.testing.assert_array_equal(bits(chunk.decode()), bits(values))
        out = np.empty(len(values))
        chunk.decode_into(out)
        np.testing.assert_array_equal(bits(out), bits(values))
        np.testing.assert_array_equal(chunk.is_na(), np.isnan(values))
        for row in {0, len(values) // 2, len(values) - 1} if len(values) else ():
            np.testing.assert_array_equal(bits(np.array([chunk.at(row)])), bits(values[row : row + 1]))
    return made


@settings(max_examples=400, deadline=None)
@given(columns)
@example([float("nan"), 2.0**53 - 28])
@example([2.0**53 - 28, 2.0**53 - 26])
@example([])
@example([float("nan")] * 3)
@example([0.0, -0.0])
@example([2.0**53, 2.0**53 + 2])
@example([-(2.0**53), 2.0**53])
@example([float("nan"), 2.0**53 - 16])
@example([float("nan"), 2.0**53 - 58, 2.0**53 - 2])
@example([float("nan"), 0.1, 0.2])
@example([1e22, 1e23, 0.3])
def test_doubles_come_back_bit_for_bit(column: list[float]) -> None:
    values = np.array(column, dtype=np.float64)
    check_numbers(values)
    # Long and mostly zero, with the same values: pieces and sparse forms.
    check_numbers(np.concatenate([np.zeros(9000), values, np.zeros(9000)]))
    check_numbers(np.tile(values, 100)[:9500])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-300, 300)), max_size=60))
def test_int64_comes_back(column: list[int]) -> None:
    values = np.array(column, dtype=np.int64)
    made = encode("time", values)
    for chunk in (made, over_the_wire(made)):
        np.testing.assert_array_equal(chunk.int64(), values)
        np.testing.assert_array_equal(chunk.is_na(), values == NA_INT64)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([1, 2, 100, 127, 128, 200, 40_000, 2**31 - 2]).flatmap(lambda top: st.lists(st.integers(-1, top), max_size=100))
)
def test_codes_come_back(column: list[int]) -> None:
    values = np.array(column, dtype=np.int32)
    made = encode("enum", values)
    for chunk in (made, over_the_wire(made)):
        np.testing.assert_array_equal(chunk.codes(), values)
        np.testing.assert_array_equal(chunk.is_na(), values < 0)
        np.testing.assert_array_equal(chunk.decode(), np.where(values < 0, np.nan, values))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), max_size=8)), max_size=40))
def test_text_comes_back(column: list[str | None]) -> None:
    made = encode("string", column)
    for chunk in (made, over_the_wire(made)):
        assert chunk.strings() == column
        np.testing.assert_array_equal(chunk.is_na(), [v is None for v in column])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.uuids()), max_size=20))
def test_uuids_come_back(column: list[uuid.UUID | None]) -> None:
    text = [None if u is None else str(u) for u in column]
    made = encode("uuid", text)
    for chunk in (made, over_the_wire(made)):
        assert chunk.strings() == text


def test_string_buffers_are_taken_as_they_are() -> None:
    data = np.frombuffer(b"aabbb", dtype=np.uint8)
    chunk = encode_string_buffers(np.array([0, 2, 2, 5]), data, np.array([False, True, False]))
    assert chunk.strings() == ["aa", None, "bbb"]


N = 1000
RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("values", "kind", "name", "nbytes"),
    [
        (np.full(N, 7.0), ConstantChunk, "C0L", 16),
        (np.full(N, 7.5), ConstantChunk, "C0D", 16),
        (RNG.integers(0, 2, N), BitChunk, "CBS", 125),
        (np.where(np.arange(N) % 7 == 0, np.nan, RNG.integers(0, 2, N)), BitChunk, "CBS", 250),
        (RNG.integers(0, 255, N), IntegerChunk, "C1N", N),
        (np.where(np.arange(N) % 7 == 0, np.nan, RNG.integers(0, 255, N)), IntegerChunk, "C1", N),
        (RNG.integers(5000, 5200, N), IntegerChunk, "C1S", N),
        (RNG.integers(0, 200, N) / 100, IntegerChunk, "C1S", N),
        (RNG.integers(-30000, 30000, N), IntegerChunk, "C2", 2 * N),
        (RNG.integers(0, 60000, N), IntegerChunk, "C2", 2 * N),
        (RNG.integers(-(10**9), 10**9, N), IntegerChunk, "C4", 4 * N),
        (RNG.integers(-(10**14), 10**14, N), IntegerChunk, "C8", 8 * N),
        (RNG.integers(0, 10**7, N) / 1000, IntegerChunk, "C4S", 4 * N),
        (RNG.normal(size=N).astype(np.float32), FloatChunk, "C4F", 4 * N),
        (RNG.normal(size=N), FloatChunk, "C8D", 8 * N),
        (np.where(np.arange(N) % 20 == 0, 3.0, 0.0), SparseChunk, "CXI", 150),
        (np.where(np.arange(N) % 20 == 0, np.pi, 0.0), SparseChunk, "CXF", 500),
    ],
)
def test_the_smallest_form_is_chosen(values: NDArray[Any], kind: type, name: str, nbytes: int) -> None:
    chunk = check_numbers(values.astype(np.float64))
    assert isinstance(chunk, kind)
    assert chunk.describe()[0] == name
    assert chunk.nbytes == nbytes


def test_text_codecs_have_names() -> None:
    assert isinstance(encode("string", ["a"]), StringChunk)
    assert encode("string", ["a"]).describe() == ("CStr", "String")
    assert isinstance(encode("uuid", [str(uuid.UUID(int=5))]), UuidChunk)
    assert encode("uuid", [None]).describe()[0] == "C16"


def test_numbers_have_no_text() -> None:
    with pytest.raises(TypeError, match="holds numbers"):
        encode("numeric", [1.0, 2.5]).strings()

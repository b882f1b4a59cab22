"""Chunks of known values against what the encoder finds by trying."""

from __future__ import annotations

import numpy as np
from h2ok.kernel import NA_INT64, Chunk
from h2ok.kernel.frame.newchunk import encode_codes, encode_int64, encode_numbers
from h2ok.kernel.frame.numeric_encoder import offer_codecs
from h2ok.kernel.frame.packing import encode_picked_codes, encode_picked_int64, pack_whole, see_numbers
from hypothesis import example, given, settings
from hypothesis import strategies as st

_KINDS = (
    st.sampled_from([0.0, 1.0, float("nan")]),
    st.integers(-300, 70_000).map(float),
    st.integers(-(2**53), 2**53).map(float),
    st.decimals(-999, 999, places=2).map(float),
    st.decimals(-9, 9, places=5).map(float),
    st.floats(width=32),
    st.floats(),
    st.sampled_from([0.0, -0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.25]),
)


def assert_same(made: Chunk, wanted: Chunk) -> None:
    assert type(made) is type(wanted)
    assert made.nbytes == wanted.nbytes
    np.testing.assert_array_equal(made.decode(), wanted.decode())
    np.testing.assert_array_equal(np.signbit(made.decode()), np.signbit(wanted.decode()))


@given(st.one_of(*(st.lists(kind, min_size=1, max_size=200) for kind in _KINDS)), st.integers(1, 20))
@example([float("inf"), 1.0, 2.5], 1)
@example([1e300, -1e300, 0.5], 1)
@settings(max_examples=300, deadline=None)
def test_numbers_that_were_seen_make_the_chunk_found_by_trying(values: list[float], times: int) -> None:
    array = np.tile(np.array(values), times)
    assert_same(encode_numbers(array, seen=see_numbers(array)), encode_numbers(array))


@given(
    st.lists(st.integers(-1, 4), max_size=50),
    st.sampled_from([1, 2, 100, 200, 40_000]),
    st.sampled_from([np.int8, np.int16, np.int32]),
)
@settings(max_examples=200, deadline=None)
def test_codes_are_picked_as_by_indexing(codes: list[int], step: int, dtype: type) -> None:
    array = np.array(codes, dtype=dtype)
    remap = np.array([0, step, -1, 2 * step, 1, -1], dtype=np.int32)
    assert_same(encode_picked_codes(array, remap), encode_codes(remap[array]))


@given(st.lists(st.integers(-1, 4), max_size=50), st.sampled_from([1, 300, 2**20, 2**40]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_whole_numbers_are_picked_as_by_indexing(codes: list[int], step: int, has_na: bool) -> None:
    array = np.array(codes, dtype=np.int32)
    values = np.array([5, -step, 7 * step, NA_INT64 if has_na else 6, step, NA_INT64])
    assert_same(encode_picked_int64(array, values), encode_int64(values[array]))


@given(
    st.one_of(
        st.lists(st.integers(0, 1), min_size=1, max_size=100),
        st.lists(st.integers(-100, 50_000), min_size=1, max_size=100),
        st.lists(st.integers(-(2**55), 2**55), min_size=1, max_size=20),
        st.lists(st.sampled_from([0] * 20 + [7]), min_size=1, max_size=100),
    ),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_whole_numbers_are_packed_as_numbers_are(values: list[int], small: bool) -> None:
    array = np.array(values, dtype=np.int64)
    if small and np.abs(array).max() < 2**15:
        array = array.astype(np.int16)
    made = pack_whole(array)
    if made is not None:
        assert_same(made, encode_numbers(array.astype(np.float64)))


def test_whole_numbers_without_a_sign_are_not_taken_for_others() -> None:
    assert pack_whole(np.array([1, 2**64 - 1], dtype=np.uint64)) is None


def test_codecs_of_extensions_see_whole_numbers_first() -> None:
    forget = offer_codecs(lambda: ())
    try:
        assert pack_whole(np.arange(10)) is None
    finally:
        forget()
    assert pack_whole(np.arange(10)) is not None

"""Whole numbers of 64 bits next to doubles: no digit is lost between an array and the chunk, and back."""

from __future__ import annotations

import numpy as np
import pytest
from h2ok.kernel import NA_INT64
from h2ok.kernel.frame.longs import as_doubles, exact_values, is_exact_double, joined_values, longs_of, rests_of, with_value
from h2ok.kernel.frame.newchunk import encode
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

LEAST, MOST = -(2**63) + 1, 2**63 - 1
longs = npst.arrays(np.int64, st.integers(0, 50), elements=st.integers(LEAST, MOST) | st.just(NA_INT64) | st.integers(-5, 5))


@given(longs)
def test_chunks_give_whole_numbers_back(values: np.ndarray) -> None:
    chunk = encode("numeric", values)
    np.testing.assert_array_equal(chunk.int64(), values)
    np.testing.assert_array_equal(chunk.decode(), as_doubles(values))
    np.testing.assert_array_equal(chunk.is_na(), values == NA_INT64)
    known = values[values != NA_INT64]
    assert chunk.is_long() == bool((np.abs(known.astype(object)) > 2**53).any())
    for row, value in enumerate(values.tolist()):
        assert np.isnan(chunk.at(row)) if value == NA_INT64 else chunk.at(row) == value


@given(longs)
def test_doubles_and_rests_are_the_number(values: np.ndarray) -> None:
    doubles, rests = as_doubles(values), rests_of(values)
    np.testing.assert_array_equal(longs_of(doubles, rests), values)
    assert (np.abs(rests) <= 512).all()


@pytest.mark.parametrize("other", [1.2, np.inf, -np.inf, 1e30, 2.0**63, -(2.0**63)])
def test_numbers_that_are_no_longs_are_never_cut(other: float) -> None:
    doubles = np.array([other, 2.0**53, np.nan])
    np.testing.assert_array_equal(longs_of(doubles, np.array([0.0, 1.0, 0.0])), doubles)


@given(st.lists(st.integers(LEAST, MOST), min_size=2, max_size=2))
def test_pairs_compare_like_the_numbers(pair: list[int]) -> None:
    a, b = (np.array([v], dtype=np.int64) for v in pair)
    told = [(float(as_doubles(x)[0]), float(rests_of(x)[0])) for x in (a, b)]
    assert (told[0] < told[1]) == (pair[0] < pair[1])
    assert (told[0] == told[1]) == (pair[0] == pair[1])


def test_runs_stay_exact_unless_there_is_a_fraction() -> None:
    big = np.array([2**53 + 1, NA_INT64])
    whole = joined_values([big, np.array([1.0, np.nan])])
    np.testing.assert_array_equal(whole, np.array([2**53 + 1, NA_INT64, 1, NA_INT64]))
    mixed = joined_values([big, np.array([0.5])])
    np.testing.assert_array_equal(mixed, np.array([2.0**53, np.nan, 0.5]))
    assert joined_values([]).dtype == np.float64


def test_values_put_into_longs() -> None:
    big = np.array([2**53 + 1, 7, NA_INT64])
    np.testing.assert_array_equal(with_value(big, np.array([1]), 2**60 + 1), np.array([2**53 + 1, 2**60 + 1, NA_INT64]))
    np.testing.assert_array_equal(with_value(big, np.array([0]), float("nan")), np.array([NA_INT64, 7, NA_INT64]))
    np.testing.assert_array_equal(with_value(big, np.array([0]), 0.5), np.array([0.5, 7, np.nan]))


def test_unsigned_numbers_beyond_64_bits_are_the_nearest_doubles() -> None:
    chunk = encode("numeric", np.array([2**64 - 1, 1], dtype=np.uint64))
    assert not chunk.is_long()
    assert chunk.decode().tolist() == [1.8446744073709552e19, 1.0]


@pytest.mark.parametrize(("value", "exact"), [(2**53, True), (2**53 + 1, False), (2**60, True), (MOST, False), (0.1, True)])
def test_which_numbers_are_doubles(value: float, exact: bool) -> None:
    assert is_exact_double(value) == exact


def test_exact_values_are_doubles_where_doubles_do() -> None:
    assert exact_values(encode("numeric", np.array([1, 2, NA_INT64]))).dtype == np.float64
    assert exact_values(encode("numeric", np.array([2**53 + 1] * 3))).tolist() == [2**53 + 1] * 3

"""What munging programs rely on beyond single primitives: bins, truth, modes, missing texts, time zones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import BadRequestError

from .conftest import Rapids

NAN = float("nan")


@pytest.fixture
def r(rapids: Rapids) -> Iterator[Rapids]:
    rapids.put(
        "mu",
        2,
        {"e": "enum", "s": "string"},
        x=np.array([3.0, -2, NAN, 4, -2, 3]),
        z=np.array([0.0, 0, NAN, 0, 0, 0]),
        n=np.full(6, NAN),
        e=["a", "b", None, "a", "a", "a"],
        s=["u", None, "", "v", "", "u"],
    )
    yield rapids
    rapids("(rm out)")
    rapids("(rm mu)")


@pytest.mark.parametrize(("column", "found"), [("x", 1), ("z", 0), ("n", 0), ("e", 1), ("s", 1)])
def test_any_na_finds_known_values_that_are_not_zero(r: Rapids, column: str, found: int) -> None:
    assert r(f"(any.na (cols mu '{column}'))") == found


def test_columns_without_a_known_number_are_bad_and_numeric(r: Rapids) -> None:
    assert r("(columnsByType mu 'bad')").values.tolist() == [2.0]
    assert r("(columnsByType mu 'numeric')").values.tolist() == [0.0, 1.0, 2.0]


def test_missing_and_empty_texts_equal_nan(r: Rapids) -> None:
    assert r.columns("(== (cols mu 's') NaN)")["C1"] == [0, 1, 1, 0, 1, 0]
    assert r.columns("(!= (cols mu 's') NaN)")["C1"] == [1, 0, 0, 1, 0, 1]


def test_the_mode_of_numbers_is_the_smallest_of_the_most_frequent(r: Rapids) -> None:
    used = r("(h2o.impute mu 0 'mode' 'interpolate' [] _ _)")
    assert used.values[0] == -2
    assert r.columns("(cols mu 0)")["x"] == [3, -2, -2, 4, -2, 3]


def test_the_mode_of_numbers_by_groups(r: Rapids) -> None:
    r.put("gm", chunk_rows=3, g=np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 2]), x=np.array([-2.5, -2.5, 7, NAN, 3, -1, 3, -1, NAN, NAN]))
    table = r.columns("(h2o.impute gm 1 'mode' 'interpolate' [0] _ _)")
    assert table == {"g": [0, 1, 2], "mode_x": [-2.5, -1, None]}
    assert r.columns("(cols gm 1)")["x"] == [-2.5, -2.5, 7, -2.5, 3, -1, 3, -1, -1, None]


@pytest.mark.parametrize("chunk_rows", [1_000, 33_333, 100_000])
def test_sums_of_whole_numbers_are_whole(r: Rapids, chunk_rows: int) -> None:
    x = np.where(np.arange(100_000) % 3 == 0, 0.0, 1.0)
    r.put("ws", chunk_rows=chunk_rows, x=x, y=x * 1_234_567 - 17, z=np.where(x == 0, NAN, x))
    for j, name in enumerate("xyz"):
        expected = [66_666.0, 66_666.0 * 1_234_567 - 1_700_000, 66_666.0][j]
        assert r(f"(sumNA (cols ws {j}))") == expected
        assert r.columns(f"(sumaxis (cols ws {j}) TRUE 0)") == {name: [expected]}
    assert r("(sum (== (cols ws 0) 1))") == 66_666.0
    assert (
        r.columns("(cumsum (cols ws 1) 0)")[next(iter(r.columns("(cumsum (cols ws 1) 0)")))][-1] == 66_666.0 * 1_234_567 - 1_700_000
    )
    assert r.columns('(GB ws [] sum 1 "all")') == {"sum_y": [66_666.0 * 1_234_567 - 1_700_000]}


def test_outer_bins_of_given_breaks_take_the_rest(r: Rapids) -> None:
    out = r.columns("(hist (cols mu 'x') [0 1 2])")
    assert out["counts"] == [None, 2, 3]
    assert out["mids_true"] == [None, -1, 1.5]


@pytest.mark.parametrize(("rows", "bins"), [(4, 4), (5, 4), (8, 5), (100, 8), (128, 9), (150, 9)])
def test_bins_by_sturges(rapids1: Rapids, rows: int, bins: int) -> None:
    rapids1.put("st", x=np.arange(float(rows)))
    assert len(rapids1.columns("(hist (cols st 0) 'sturges')")["breaks"]) == bins
    rapids1("(rm out)")
    rapids1("(rm st)")


def test_cut_takes_breaks_in_any_order_and_repeated(r: Rapids) -> None:
    assert r.columns("(cut (cols mu 'x') [-3 3 0 3 5] [] FALSE TRUE 3)")["x"] == [
        "(0.0,3.0]", "(-3.0,0.0]", None, "(3.0,5.0]", "(-3.0,0.0]", "(0.0,3.0]",
    ]  # fmt: skip
    with pytest.raises(BadRequestError, match="more than twice"):
        r("(cut (cols mu 'x') [1 1 1] [] FALSE TRUE 3)")


def test_time_zones_come_with_their_offsets_after_a_heading(r: Rapids) -> None:
    lines = r.columns("(listTimeZones)")["Timezones"]
    assert lines[0].startswith("StandardOffset")
    assert {"+00:00 UTC", "+01:00 Europe/Paris", "-05:00 America/New_York", "+05:30 Asia/Kolkata"} <= set(lines)


def test_a_replacement_that_names_no_group_is_refused(r: Rapids) -> None:
    with pytest.raises(BadRequestError, match="does not fit the pattern"):
        r('(replaceall (as.character (as.factor (seq 1 3 1))) "a" "$1" 0)')


def test_what_programs_compare_is_said_as_h2o_does(r: Rapids) -> None:
    with pytest.raises(BadRequestError) as caught:
        r("(tmp= out (:= mu '1' 'e' (!= (cols_py mu 'e') '')))")
    assert caught.value.message == "Cannot assign value 1 into a vector of type Enum."
    assert caught.value.values["primitive"] == ":="


def test_parts_of_a_date_that_no_number_of_64_bits_holds_are_missing(r: Rapids) -> None:
    found = r.columns("(moment (+ (* (cols mu 'x') 1e300) 0) 1 1 0 0 0 0)")
    assert next(iter(found.values())) == [None] * 6


def test_texts_are_not_imputed_by_groups(r: Rapids) -> None:
    with pytest.raises(BadRequestError, match="by groups fills columns of numbers"):
        r("(h2o.impute mu 4 'mean' 'interpolate' [3] _ _)")

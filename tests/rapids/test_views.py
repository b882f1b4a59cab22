"""Filling in place: the frame that columns were picked from is filled, as the official client's ``frame["x"].impute()`` means."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import BadRequestError

from .conftest import NAN, Rapids

AGE, INCOME = [1.0, None, 3.0, 8.0], [10.0, None, 30.0, 20.0]


@pytest.fixture
def r(rapids: Rapids) -> Iterator[Rapids]:
    rapids.put(
        "people",
        2,
        {"c": "enum", "g": "enum"},
        age=np.array([1, NAN, 3, 8]),
        income=np.array([10, NAN, 30, 20]),
        c=["a", "a", None, "b"],
        g=["x", "x", "y", "y"],
    )
    yield rapids
    rapids.sessions.end("_sid_test")
    rapids.session = rapids.sessions.get("_sid_test")
    rapids("(rm people)")


def column(r: Rapids, name: str, key: str = "people") -> list[object]:
    frame = r.node.frames.get(key)
    return r.cells(frame, frame.names.index(name))


def test_a_selection_fills_the_frame_it_was_taken_from(r: Rapids) -> None:
    r('(tmp= t1 (cols_py people "age"))')
    assert r("(h2o.impute t1 -1 'median' 'interpolate' [] _ _)").values.tolist() == [4.0]
    assert column(r, "age") == column(r, "age", "t1") == [1, 4, 3, 8]
    assert column(r, "income") == INCOME
    assert r("(sum (is.na (cols_py people 'age')))") == 0


def test_selections_of_selections_and_of_no_name_do(r: Rapids) -> None:
    r("(tmp= t2 (cols_py (tmp= t1 (cols_py people ['age' 'income'])) 1))")
    r("(h2o.impute t2 0 'median' 'low' [] _ _)")
    assert column(r, "income") == column(r, "income", "t1") == [10, 20, 30, 20]
    assert r("(h2o.impute (cols people [2 3]) 0 'mode' 'interpolate' [] _ _)").values.tolist()[0] == 0
    assert column(r, "c") == ["a", "a", "a", "b"]
    assert column(r, "age") == AGE


def test_joined_and_renamed_selections_do(r: Rapids) -> None:
    r("(tmp= t1 (cbind (cols_py people 'age') (cols_py people 'income')))")
    r("(tmp= t2 (colnames= (cols_py people 'c') 0 'C'))")
    r("(h2o.impute t1 -1 'mean' 'interpolate' [] _ _)")
    r("(h2o.impute t2 0 'mode' 'interpolate' [] _ _)")
    assert [column(r, n) for n in ("age", "income", "c")] == [[1, 4, 3, 8], [10, 20, 30, 20], ["a", "a", "a", "b"]]
    assert r.node.frames.get("people").names == ("age", "income", "c", "g")


def test_groups_fill_it_too(r: Rapids) -> None:
    r("(tmp= t1 (cols_py people ['age' 'g']))")
    table = r.columns("(h2o.impute t1 0 'mean' 'interpolate' [1] _ _)")
    assert table == {"g": ["x", "y"], "mean_age": [1, 5.5]}
    assert column(r, "age") == column(r, "age", "t1") == [1, 1, 3, 8]


def test_views_taken_before_see_it(r: Rapids) -> None:
    r("(tmp= t1 (cols_py people 'age'))")
    r("(tmp= t2 (cols_py people ['c' 'age']))")
    r("(h2o.impute people 0 'mean' 'interpolate' [] _ _)")
    assert column(r, "age", "t1") == column(r, "age", "t2") == [1, 4, 3, 8]


def test_columns_of_ones_own_and_columns_replaced_since_stay(r: Rapids) -> None:
    r("(tmp= t1 (rows people [0 1 2]))")
    r("(h2o.impute t1 0 'mean' 'interpolate' [] _ _)")
    r("(tmp= t2 (cols_py people 'age'))")
    r("(assign people (:= people (* (cols people 0) 2) [0] []))")
    r("(h2o.impute t2 0 'mean' 'interpolate' [] _ _)")
    assert column(r, "age", "t2") == [1, 4, 3, 8]
    assert column(r, "age") == [2, None, 6, 16]


def test_types_are_named_without_a_slip(r: Rapids) -> None:
    with pytest.raises(BadRequestError, match="found one of type enum"):
        r("(hist (cols people 2) 'sturges')")


def test_a_renamed_frame_is_found(r: Rapids) -> None:
    r("(tmp= t1 (cols_py people 'age'))")
    r("(rename 'people' 'persons')")
    r("(h2o.impute t1 0 'mean' 'interpolate' [] _ _)")
    assert column(r, "age", "persons") == [1, 4, 3, 8]
    r("(rm persons)")
    r("(h2o.impute t1 0 'mean' 'interpolate' [] _ _)")


def test_a_single_negative_row_counts_from_the_end(r: Rapids) -> None:
    assert r.columns("(rows people -1)") == {"age": [8], "income": [20], "c": ["b"], "g": ["y"]}
    assert r.columns("(rows (cols people 0) -4)") == {"age": [1]}
    assert r.columns("(rows (cols people 0) [-1])") == {"age": [None, 3, 8]}
    assert r.columns("(:= (cols people 0) 7 0 -1)") == {"age": [1, None, 3, 7]}
    with pytest.raises(BadRequestError, match="counts from the end of 4 rows"):
        r("(rows people -5)")

"""Whole numbers beyond 2**53 through the language: compared, sorted, joined, grouped and written to the last digit."""

from __future__ import annotations

import numpy as np
import pytest
from h2ok.kernel import NA_INT64, Vec
from h2ok.kernel.frame.longs import exact_values, joined_values

from .conftest import Rapids

B = 2**53
MOST = 2**63 - 1
#: Neighbours that doubles make one, both ends, and a missing one.
IDS = [B + 1, B, B + 2, -B - 1, 3, MOST, MOST - 1, -MOST, NA_INT64, B + 1]


def exact(r: Rapids, vec: Vec) -> list[int | float | None]:
    values = joined_values([exact_values(vec.chunk(r.node, i)) for i in range(vec.n_chunks)])
    return [None if v == NA_INT64 or v != v else v for v in values.tolist()]


def column(r: Rapids, expr: str, at: int = 0) -> list[int | float | None]:
    return exact(r, r.frame(expr).vecs[at])


@pytest.fixture
def ids(rapids: Rapids) -> str:
    r = rapids
    columns = {"id": np.array(IDS), "n": np.arange(len(IDS))}
    r.node.frames.from_columns("ids", columns, chunk_rows=3)
    return "ids"


ID = "(cols_py ids 'id')"
SORTED = [None, -MOST, -B - 1, 3, B, B + 1, B + 1, B + 2, MOST - 1, MOST]


def test_comparisons_see_every_digit(rapids: Rapids, ids: str) -> None:
    r = rapids
    known = [None if v == NA_INT64 else v for v in IDS]
    for value in (B + 1, B, MOST, -B - 1, 3, -MOST):
        for op, compare in {"==": int.__eq__, "<": int.__lt__, "<=": int.__le__, ">": int.__gt__, ">=": int.__ge__}.items():
            expected = [float(v is not None and compare(v, value)) for v in known]
            assert column(r, f"({op} {ID} {value})") == expected, (op, value)
        assert column(r, f"(!= {ID} {value})") == [float(v != value) for v in known]
        assert column(r, f"(< {value} {ID})") == [float(v is not None and value < v) for v in known]
    assert column(r, f"(== {ID} {ID})") == [1.0] * len(IDS)
    assert column(r, f"(== {ID} (+ {ID} 0))")[:2] == [0.0, 1.0]
    assert r(f"(== {B + 1} {B})") == 0.0


def test_constants_meet_chunks_without_longs(rapids: Rapids) -> None:
    r = rapids
    r.node.frames.from_columns("few", {"v": np.array([float(B), 1.5, np.nan])})
    assert column(r, f"(== few {B + 1})") == [0.0, 0.0, 0.0]
    assert column(r, f"(< few {B + 1})") == [1.0, 1.0, 0.0]


def test_large_chunks_take_the_exact_way_too(rapids: Rapids) -> None:
    r = rapids
    n = 40_000
    values = np.where(np.arange(n) % 2 == 0, B + 1, B)
    r.node.frames.from_columns("many", {"v": values, "w": np.full(n, B)})
    assert sum(column(r, f"(== (cols_py many 'v') {B + 1})")) == n / 2
    assert sum(column(r, "(== (cols_py many 'v') (cols_py many 'w'))")) == n / 2
    assert sum(column(r, f"(& (> (cols_py many 'v') {B}) (== 1 1))")) == n / 2


def test_rows_are_picked_whole(rapids: Rapids, ids: str) -> None:
    r = rapids
    assert column(r, f"(rows ids (> {ID} {B}))") == [v for v in IDS if v > B]
    assert column(r, "(rows ids [0 5 8])") == [B + 1, MOST, None]
    assert column(r, "(na.omit ids)") == [v for v in IDS if v != NA_INT64]
    assert r(f"(flatten (rows {ID} 0))") == B + 1


def test_sort(rapids: Rapids, ids: str) -> None:
    r = rapids
    assert column(r, "(sort ids [0] [1])") == SORTED
    assert column(r, "(sort ids [0] [-1])") == [None, *SORTED[:0:-1]]
    # Stable: equal ids keep their order.
    assert column(r, "(sort ids [0] [1])", 1)[5:7] == [0.0, 9.0]


def test_group_unique_table_duplicates(rapids: Rapids, ids: str) -> None:
    r = rapids
    assert column(r, '(GB ids [0] sum 1 "all" nrow 1 "all")') == [v for i, v in enumerate(SORTED) if i != 6]
    assert column(r, '(GB ids [0] sum 1 "all" nrow 1 "all")', 2) == [1.0] * 5 + [2.0] + [1.0] * 3
    assert column(r, f"(unique {ID} FALSE)") == [v for i, v in enumerate(SORTED) if i != 6]
    assert column(r, f"(table {ID} FALSE)") == [v for i, v in enumerate(SORTED) if i not in (0, 6)]
    assert column(r, "(dropdup ids [0] 'first')") == [None if v == NA_INT64 else v for v in IDS[:-1]]
    r.node.frames.from_columns("two", {"a": np.array([B, B + 1, B + 1]), "b": np.array([MOST, MOST - 1, MOST])})
    wide = r.frame("(table two FALSE)")
    assert wide.names[1:] == (str(MOST - 1), str(MOST))
    assert exact(r, wide.vecs[0]) == [B, B + 1]
    assert [exact(r, v) for v in wide.vecs[1:]] == [[0.0, 1.0], [1.0, 1.0]]


def test_keys_with_fractions_are_never_cut(rapids: Rapids) -> None:
    r = rapids
    whole, parts = np.array([B + 1, B, B + 1, 0, 0, 0]), np.array([0, 0, 0, 1.2, 1.7, np.inf])
    r.node.frames.from_columns("halves", {"w": whole, "p": parts, "n": np.ones(6)}, chunk_rows=3)
    r("(tmp= mixed (cbind (ifelse (> (cols halves 0) 0) (cols halves 0) (cols halves 1)) (cols halves 2)))")
    known = [1.2, 1.7, float(B), float(B), np.inf]
    assert column(r, "(unique (cols mixed 0) FALSE)") == known
    assert column(r, "(table (cols mixed 0) FALSE)") == known
    assert column(r, '(GB mixed [0] nrow 1 "all")') == known
    assert column(r, '(GB mixed [0] nrow 1 "all")', 1) == [1.0, 1.0, 1.0, 2.0, 1.0]
    assert r.frame("(table (cols mixed [1 0]) FALSE)").names[1:] == ("1.2", "1.7", str(B), str(B + 1), "Infinity")
    r("(rm mixed)")


def test_filling_by_groups_keeps_every_digit(rapids: Rapids) -> None:
    r = rapids
    g, v = np.array([0, 0, 0, 1, 1, 1]), np.array([B + 1, B + 1, NA_INT64, MOST, 3, NA_INT64])
    for method, filled in (("mode", [B + 1, 3]), ("mean", [B, 2**62])):
        r.node.frames.from_columns("gaps", {"g": g, "v": v}, chunk_rows=4)
        r(f"(tmp= used (h2o.impute gaps 1 '{method}' 'interpolate' [0] _ _))")
        assert column(r, "gaps", 1) == [B + 1, B + 1, filled[0], MOST, 3, filled[1]]
        assert column(r, "used", 1) == filled
        if method == "mode":
            r.node.frames.from_columns("gaps", {"g": g, "v": v}, chunk_rows=4)
            r("(h2o.impute gaps 1 'mean' 'interpolate' [0] used _)")
            assert column(r, "gaps", 1) == [B + 1, B + 1, filled[0], MOST, 3, filled[1]]
        r("(rm used)")


def test_merge(rapids: Rapids, ids: str) -> None:
    r = rapids
    # One side alone has longs; the other has their neighbour, which is a double.
    r.node.frames.from_columns("right", {"id": np.array([B, 3, B + 4]), "m": np.array([1, 2, 3])})
    assert column(r, "(merge ids right FALSE FALSE [0] [0] 'auto')") == [3, B]
    assert column(r, "(merge right ids TRUE FALSE [0] [0] 'auto')") == [3, B, B + 4]
    r.node.frames.from_columns("right", {"id": np.array([B + 1, B + 2, MOST]), "m": np.array([1, 2, 3])})
    joined = r.frame("(merge ids right FALSE FALSE [0] [0] 'auto')")
    assert exact(r, joined.vecs[0]) == [B + 1, B + 1, B + 2, MOST]
    assert exact(r, joined.vecs[2]) == [1.0, 1.0, 2.0, 3.0]
    both = r.frame("(merge ids right TRUE TRUE [0] [0] 'auto')")
    assert exact(r, both.vecs[0]) == SORTED


def test_many_rows_go_by_ranges(rapids: Rapids) -> None:
    r = rapids
    n = 210_000
    rng = np.random.default_rng(5)
    values = B + rng.permutation(n)
    r.node.frames.from_columns("many", {"id": values, "n": np.arange(n)})
    r.node.frames.from_columns("few", {"id": B + np.arange(0, n, 1000) + 1, "m": np.arange(0, n, 1000)})
    assert column(r, "(sort many [0] [1])") == (B + np.arange(n)).tolist()
    joined = r.frame("(merge many few FALSE FALSE [0] [0] 'auto')")
    assert exact(r, joined.vecs[0]) == (B + np.arange(0, n, 1000) + 1).tolist()
    assert len(r.frame('(GB many [0] nrow 1 "all")').vecs[0]) == n


def test_levels_texts_and_numbers(rapids: Rapids, ids: str) -> None:
    r = rapids
    texts = [None if v is None else str(v) for v in SORTED]
    r("(tmp= sorted (sort ids [0] [1]))")
    levels = r.frame("(as.factor (cols_py sorted 'id'))").vecs[0]
    assert levels.to_strings(r.node) == texts
    assert levels.domain == tuple(t for i, t in enumerate(texts) if t is not None and i != 6)
    assert r.frame("(as.character (cols_py sorted 'id'))").vecs[0].to_strings(r.node) == texts
    assert column(r, "(as.numeric (as.factor (cols_py sorted 'id')))") == SORTED
    assert column(r, "(as.numeric (as.character (cols_py sorted 'id')))") == SORTED
    r("(rm sorted)")


def test_columns_that_are_put_together(rapids: Rapids, ids: str) -> None:
    r = rapids
    known = [None if v == NA_INT64 else v for v in IDS]
    assert column(r, "(rbind ids ids)") == known * 2
    assert column(r, f"(ifelse (== {ID} {B + 1}) {MOST} {ID})") == [MOST if v == B + 1 else v for v in known]
    assert column(r, f"(ifelse (== {ID} {B + 1}) 0.5 {ID})")[:2] == [0.5, float(B)]
    assert column(r, f"(:= ids {B + 5} [0] [4])") == [*known[:4], B + 5, *known[5:]]
    assert column(r, f"(:= ids {B + 5} [0] [])") == [B + 5] * len(IDS)
    assert column(r, f"(append ids {B + 7} 'new')", 2) == [B + 7] * len(IDS)
    assert column(r, f"(match {ID} [{B + 2} {MOST}] nan 1)") == [None, None, 1.0, None, None, 2.0, None, None, None, None]
    assert column(r, f"(h2o.fillna {ID} 'forward' 0 1)")[8] == -MOST
    melted = r.frame("(melt ids ['n'] ['id'] 'which' 'value' FALSE)")
    assert exact(r, melted.vecs[2]) == known
    assert column(r, "(topn ids 0 20 1)", 1) == [MOST, MOST - 1]


def test_checksums_tell_neighbours_apart(rapids: Rapids) -> None:
    r = rapids
    for key, value in (("a", B), ("b", B + 1)):
        r.node.frames.from_columns(key, {"v": np.array([value, MOST])})
    a, b = (r.node.rollups(r.node.frames.get(k).vecs[0]) for k in ("a", "b"))
    assert a.checksum != b.checksum
    assert b.is_int64
    assert b.is_int


def test_times_are_equal_to_dates(rapids: Rapids) -> None:
    r = rapids
    day = 86_400_000
    r.node.frames.from_columns("t", {"t": np.array([0, day, day + 5, NA_INT64])}, {"t": "time"})
    second = "(moment 1970 1 2 0 0 0 0)"
    r('(setTimeZone "UTC")')
    assert column(r, f"(== t {second})") == [0.0, 1.0, 0.0, 0.0]
    assert column(r, f"(!= t {second})") == [1.0, 0.0, 1.0, 1.0]
    assert column(r, f"(rows t (== t {second}))") == [day]

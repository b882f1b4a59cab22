"""Primitives against numpy and pandas statements of the same thing, on clouds of one and three nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from h2ok.ext.rapids.keys import decode_keys, order_of, ordered_codes
from h2ok.ext.rapids.ranges import join_rows
from h2ok.ext.rapids.rows import Text
from h2ok.kernel.frame.newchunk import encode_strings
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from .conftest import Rapids

FIXTURE = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

numbers = st.one_of(
    st.integers(-3, 3).map(float), st.floats(-1e6, 1e6, width=32), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, -0.0])
)
tame = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e3, 1e3, width=32), st.just(np.nan))
few = st.one_of(st.integers(0, 3).map(float), st.just(np.nan))
levels = st.sampled_from(["a", "b", "c", None])


def table(*columns: Any, least: int = 1, most: int = 40) -> Any:
    """Rows of equal length as a list of columns."""
    rows = st.lists(st.tuples(*columns), min_size=least, max_size=most)
    return rows.map(lambda r: [np.array(c) if not isinstance(c[0], str | None) else list(c) for c in zip(*r, strict=True)])


@pytest.fixture(autouse=True)
def clean(rapids: Rapids) -> Iterator[None]:
    before = {k for n in rapids.nodes for k in n.dkv.local_keys()}
    yield
    for key in ("fr", "l", "r", "out"):
        rapids(f"(rm {key})")
    assert {k for n in rapids.nodes for k in n.dkv.local_keys()} == before


def column(r: Rapids, expr: str, j: int = 0) -> Any:
    frame = r.frame(expr)
    return frame.vecs[j].to_numpy(r.node)


# -- element-wise ---------------------------------------------------------------------------------------------------------

_BINARY = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "%": np.fmod,
    "<": lambda a, b: (a < b) * 1.0,
    ">=": lambda a, b: (a >= b) * 1.0,
    "==": lambda a, b: ((a == b) | (np.isnan(a) & np.isnan(b))) * 1.0,
    "!=": lambda a, b: 1.0 - ((a == b) | (np.isnan(a) & np.isnan(b))),
    "&": lambda a, b: np.where((a == 0) | (b == 0), 0.0, np.where(np.isnan(a) | np.isnan(b), np.nan, 1.0)),
    "|": lambda a, b: np.where((a == 1) | (b == 1), 1.0, np.where(np.isnan(a) | np.isnan(b), np.nan, 0.0)),
}
_UNARY = {
    "abs": np.abs,
    "floor": np.floor,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "not": lambda a: np.where(np.isnan(a), np.nan, (a == 0) * 1.0),
}


@st.composite
def expressions(draw: Any, depth: int = 4) -> tuple[str, Any]:
    """(text, function of the columns a and b) of a random element-wise expression."""
    if depth == 0 or draw(st.booleans()):
        leaf = draw(st.sampled_from(["a", "b", "2"]))
        return (f"(cols fr '{leaf}')", lambda a, b: a if leaf == "a" else b) if leaf != "2" else ("2", lambda a, b: np.float64(2))
    if draw(st.booleans()):
        op = draw(st.sampled_from(sorted(_UNARY)))
        text, fn = draw(expressions(depth - 1))
        return f"({op} {text})", lambda a, b: _UNARY[op](fn(a, b))
    op = draw(st.sampled_from(sorted(_BINARY)))
    (t1, f1), (t2, f2) = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    return f"({op} {t1} {t2})", lambda a, b: _BINARY[op](f1(a, b), f2(a, b))


@FIXTURE
@given(table(numbers, numbers), expressions(), st.integers(1, 7))
def test_fused_expressions_equal_numpy(rapids: Rapids, columns: Any, expression: Any, chunk_rows: int) -> None:
    text, fn = expression
    a, b = columns
    rapids.put("fr", chunk_rows, a=a, b=b)
    with np.errstate(all="ignore"):
        expected = np.broadcast_to(fn(a, b), a.shape)
    got = column(rapids, f"(+ (* (cols fr 'a') 0) {text})" if "cols" not in text else text)
    if "cols" not in text:
        with np.errstate(all="ignore"):
            expected = a * 0 + expected
    np.testing.assert_array_equal(got, expected)


def test_fusing_makes_no_intermediate_columns(rapids1: Rapids) -> None:
    rapids1.put("fr", a=np.arange(100.0))
    rapids1("(rm out)")
    made = []
    run = rapids1.node.tasks.run

    def counted(task: Any, vecs: Any, espc: Any, outputs: Any = (), *more: Any) -> Any:
        made.extend(outputs)
        return run(task, vecs, espc, outputs, *more)

    rapids1.node.tasks.run = counted  # type: ignore[method-assign]
    try:
        rapids1("(tmp= out (/ (+ (* fr 2) (abs (- fr 50))) (+ 1 (sqrt fr))))")
    finally:
        rapids1.node.tasks.run = run  # type: ignore[method-assign]
    assert len(made) == 1
    rapids1("(rm out)")


@FIXTURE
@given(table(few, numbers, levels), st.integers(1, 7))
def test_filters(rapids: Rapids, columns: Any, chunk_rows: int) -> None:
    p, x, c = columns
    rapids.put("fr", chunk_rows, {"c": "enum"}, p=p, x=x, c=c)
    got = rapids.columns("(rows (cols fr ['x' 'c']) (cols fr 'p'))")
    keep = np.flatnonzero(p == 1)
    np.testing.assert_array_equal([np.nan if v is None else v for v in got["x"]], x[keep])
    assert got["c"] == [c[i] for i in keep]


# -- groups, order, joins -------------------------------------------------------------------------------------------------


@FIXTURE
@given(table(few, levels, tame, most=60), st.integers(1, 9))
def test_group_by_equals_pandas(rapids: Rapids, columns: Any, chunk_rows: int) -> None:
    g, h, v = columns
    rapids.put("fr", chunk_rows, {"h": "enum"}, g=g, h=h, v=v)
    frame = rapids.frame(
        "(GB fr [0 1] 'sum' 2 'rm' 'mean' 2 'rm' 'var' 2 'rm' 'min' 2 'rm' 'max' 2 'rm' 'nrow' 2 'all' 'median' 2 'rm')"
    )
    got = {n: np.asarray(frame.vecs[j].to_numpy(rapids.node)) for j, n in enumerate(frame.names)}
    used = sorted({x for x in h if x is not None})
    codes = pd.Series([-1 if x is None else used.index(x) for x in h])
    data = pd.DataFrame({"g": pd.Series(g).fillna(-1e9), "h": codes, "v": v})
    expected = data.groupby(["g", "h"]).v.agg(["sum", "mean", "var", "min", "max", "size", "median"]).reset_index()
    np.testing.assert_array_equal(np.nan_to_num(got["g"], nan=-1e9), expected.g)
    np.testing.assert_array_equal(np.nan_to_num(got["h"], nan=-1), expected.h)
    for ours, theirs in (
        ("sum_v", "sum"),
        ("mean_v", "mean"),
        ("min_v", "min"),
        ("max_v", "max"),
        ("nrow", "size"),
        ("median_v", "median"),
    ):
        np.testing.assert_allclose(got[ours], expected[theirs], rtol=1e-9, atol=1e-9, err_msg=ours)
    np.testing.assert_allclose(got["var_v"], expected["var"], rtol=1e-6, atol=1e-6)


@FIXTURE
@given(table(few, levels, numbers), st.sampled_from([1, -1]), st.sampled_from([1, -1]), st.integers(1, 7))
def test_sort_is_stable_with_missing_values_first(rapids: Rapids, columns: Any, d1: int, d2: int, chunk_rows: int) -> None:
    g, h, _ = columns
    rapids.put("fr", chunk_rows, {"h": "enum"}, g=g, h=h, row=np.arange(float(len(g))))
    got = column(rapids, f"(sort fr ['g' 'h'] [{d1} {d2}])", 2)

    def key(i: int) -> Any:
        a = -np.inf if np.isnan(g[i]) else d1 * g[i]
        b = -np.inf if h[i] is None else d2 * ord(h[i])
        return (a, b)

    np.testing.assert_array_equal(got, sorted(range(len(g)), key=key))


@FIXTURE
@given(
    table(few, levels, most=12), table(few, levels, most=12), st.sampled_from([(0, 0), (1, 0), (0, 1), (1, 1)]), st.integers(1, 5)
)
def test_merge_equals_nested_loops(rapids: Rapids, left: Any, right: Any, keep: Any, chunk_rows: int) -> None:
    (lk, lh), (rk, rh) = left, right
    types = {"h": "enum"}
    rapids.put("l", chunk_rows, types, k=lk, h=lh, i=np.arange(float(len(lk))))
    rapids.put("r", chunk_rows, types, k=rk, h=rh, j=np.arange(float(len(rk))))
    got = rapids.columns(f"(merge l r {keep[0]} {keep[1]} [] [] 'auto')")
    pairs = set()
    for i in range(len(lk)):
        mates = [j for j in range(len(rk)) if lk[i] == rk[j] and lh[i] == rh[j] and lh[i] is not None]
        pairs |= {(i, j) for j in mates} or ({(i, None)} if keep[0] else set())
    if keep[1]:
        pairs |= {(None, j) for j in range(len(rk)) if j not in {p[1] for p in pairs}}
    assert sorted(zip(got["i"], got["j"], strict=True), key=str) == sorted(pairs, key=str)
    order = [(-np.inf if k is None else k, h or "") for k, h in zip(got["k"], got["h"], strict=True)]
    if len({*lh, *rh} - {None}) == len(set(lh) - {None}):
        assert order == sorted(order)


def test_joins_of_many_rows(rapids1: Rapids) -> None:
    rng = np.random.default_rng(3)
    lk, rk = rng.integers(0, 20_000, 50_000).astype(float), rng.integers(0, 20_000, 10_000).astype(float)
    rapids1.put("l", 8192, k=lk, a=np.arange(50_000.0))
    rapids1.put("r", 8192, k=rk, b=np.arange(10_000.0))
    frame = rapids1.frame("(merge l r 0 0 [0] [0] 'auto')")
    got = np.column_stack([v.to_numpy(rapids1.node) for v in frame.vecs])
    expected = pd.DataFrame({"k": lk, "a": np.arange(50_000.0)}).merge(pd.DataFrame({"k": rk, "b": np.arange(10_000.0)}), on="k")
    expected = expected.sort_values(["k", "a", "b"]).to_numpy()
    np.testing.assert_array_equal(got, expected)


def test_many_distinct_groups_take_another_way_to_the_same_answer(rapids1: Rapids) -> None:
    rng = np.random.default_rng(4)
    n = 250_000
    k, v = rng.integers(0, n, n).astype(float), rng.normal(size=n)
    rapids1.put("fr", 32768, k=k, v=v)
    frame = rapids1.frame("(GB fr [0] 'sum' 1 'all' 'nrow' 1 'all')")
    expected = pd.DataFrame({"k": k, "v": v}).groupby("k").v.agg(["sum", "size"]).reset_index().to_numpy()
    np.testing.assert_allclose(np.column_stack([x.to_numpy(rapids1.node) for x in frame.vecs]), expected, rtol=1e-12, atol=1e-12)


def test_answers_are_the_same_bits_on_any_number_of_nodes() -> None:
    from h2ok.kernel.testing import local_cloud

    rng = np.random.default_rng(5)
    x, g = rng.normal(size=5000), rng.integers(0, 7, 5000).astype(float)
    answers = []
    for n in (1, 3):
        with local_cloud(n) as nodes:
            r = Rapids(nodes)
            r.put("fr", 256, x=x, g=g)
            parts = [
                column(r, e, 1) for e in ("(GB fr [1] 'var' 0 'all')", "(GB fr [1] 'sum' 0 'all')", "(var fr fr 'everything' 1)")
            ]
            parts += [
                column(r, "(h2o.runif fr 7)"),
                column(r, "(kfold_column fr 5 7)"),
                column(r, "(stratified_kfold_column (cols fr 1) 5 7)"),
            ]
            answers.append(np.concatenate(parts))
    np.testing.assert_array_equal(answers[0], answers[1])


# -- statistics -----------------------------------------------------------------------------------------------------------


@FIXTURE
@given(table(tame, tame, least=2), st.lists(st.floats(0, 1), min_size=1, max_size=4), st.integers(1, 7))
def test_statistics_equal_numpy(rapids: Rapids, columns: Any, probs: list[float], chunk_rows: int) -> None:
    x, y = columns
    rapids.put("fr", chunk_rows, x=x, y=y)
    known = x[~np.isnan(x)]
    if len(known):
        got = column(rapids, f"(quantile (cols fr 0) [{' '.join(map(repr, probs))}] 'interpolate' '_')", 1)
        np.testing.assert_allclose(got, np.quantile(known, probs), rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(rapids("(sumNA (cols fr 0))"), known.sum(), rtol=1e-9, atol=1e-6)
        assert rapids("(maxNA (cols fr 0))") == known.max()
        np.testing.assert_allclose(rapids("(median (cols fr 0) 1)").values, [np.median(known)], rtol=1e-12, atol=1e-9)
    both = ~(np.isnan(x) | np.isnan(y))
    if both.sum() > 1:
        np.testing.assert_allclose(
            rapids("(var (cols fr 0) (cols fr 1) 'complete.obs' 0)"), np.cov(x[both], y[both])[0, 1], rtol=1e-8, atol=1e-8
        )
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(column(rapids, "(cumsum (cols fr 0) 0)"), np.cumsum(x), rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(column(rapids, "(difflag1 (cols fr 0))")[1:], np.diff(x))


_METHODS = {"interpolate": "linear", "low": "lower", "high": "higher", "average": "midpoint"}


@FIXTURE
@given(table(tame, st.integers(0, 4).map(float)), st.floats(0, 1), st.sampled_from(sorted(_METHODS)), st.integers(1, 7))
def test_quantiles_of_every_method_and_of_weights(rapids: Rapids, columns: Any, prob: float, method: str, chunk_rows: int) -> None:
    """A weight counts a row as often."""
    x, w = columns
    rapids.put("fr", chunk_rows, x=x, w=w)
    known = ~np.isnan(x)
    if known.any():
        got = column(rapids, f"(quantile (cols fr 0) [{prob!r}] '{method}' '_')", 1)
        np.testing.assert_allclose(got, [np.quantile(x[known], prob, method=_METHODS[method])], rtol=1e-12, atol=1e-9)
    repeated = np.repeat(x[known], w[known].astype(int))
    if len(repeated):
        got = column(rapids, f"(quantile fr [{prob!r}] '{method}' 'w')", 1)
        np.testing.assert_allclose(got, [np.quantile(repeated, prob, method=_METHODS[method])], rtol=1e-12, atol=1e-9)


@FIXTURE
@given(table(few, levels, st.integers(-9, 9).map(float), most=30), st.integers(1, 7))
def test_pivot_equals_pandas(rapids: Rapids, columns: Any, chunk_rows: int) -> None:
    """Of several rows of a cell the first counts."""
    i, c, x = columns
    data = pd.DataFrame({"i": i, "c": c, "x": x}).dropna()
    assume(data.c.nunique() > 1)
    rapids.put("fr", chunk_rows, {"c": "enum"}, i=i, c=c, x=x)
    wide = rapids.columns("(pivot (na.omit fr) 'i' 'c' 'x')")
    expected = data.drop_duplicates(["i", "c"], keep="first").pivot(index="i", columns="c", values="x")
    assert wide["i"] == expected.index.tolist()
    for name in expected.columns:
        assert wide[name] == [None if np.isnan(v) else v for v in expected[name]]


@FIXTURE
@given(table(levels, few), st.integers(1, 7))
def test_tables_and_factors(rapids: Rapids, columns: Any, chunk_rows: int) -> None:
    c, x = columns
    rapids.put("fr", chunk_rows, {"c": "enum"}, c=c, x=x)
    counts = {k: float(c.count(k)) for k in sorted({v for v in c if v})}
    got = rapids.columns("(table (cols fr 0) 1)")
    assert dict(zip(got["c"], got["Count"], strict=True)) == counts
    text = rapids.columns("(as.character (cols fr 0))")["c"]
    assert text == c
    again = rapids.columns("(as.factor (as.character (cols fr 0)))")["c"]
    assert again == c
    back = rapids.columns("(as.numeric (as.factor (cols fr 1)))")["x"]
    assert back == [None if np.isnan(v) else v for v in x]


@FIXTURE
@given(table(levels, tame, least=2, most=20), st.integers(1, 5))
def test_rbind_melt_and_pivot(rapids: Rapids, columns: Any, chunk_rows: int) -> None:
    c, x = columns
    rapids.put("fr", chunk_rows, {"c": "enum"}, c=c, x=x, row=np.arange(float(len(x))))
    twice = rapids.columns("(rbind fr (rows fr [0 1]) fr)")
    assert twice["c"] == c + c[:2] + c
    long = rapids.columns("(melt fr ['row'] ['x' 'row'] 'name' 'value' 0)")
    assert long["name"] == ["x", "row"] * len(x)
    wide = rapids.columns("(pivot (melt fr ['row'] ['x' 'row'] 'name' 'value' 0) 'row' 'name' 'value')")
    assert wide["row"] == list(range(len(x)))
    assert wide["x"] == [None if np.isnan(v) else v for v in x]


# -- apply ----------------------------------------------------------------------------------------------------------------


@FIXTURE
@given(table(tame, tame, tame), st.integers(1, 7))
def test_functions_of_rows_equal_numpy(rapids: Rapids, columns: Any, chunk_rows: int) -> None:
    m = np.column_stack(columns)
    rapids.put("fr", chunk_rows, a=columns[0], b=columns[1], c=columns[2])
    np.testing.assert_allclose(column(rapids, "(apply fr 1 {x . (sum x)})"), m.sum(axis=1), rtol=1e-12, atol=1e-9)
    np.testing.assert_array_equal(column(rapids, "(apply fr 1 {x . (max x)})"), m.max(axis=1))
    chosen = column(rapids, "(apply fr 1 {x . (ifelse (> (cols x 0) (cols x 1)) (cols x 2) -1)})")
    np.testing.assert_array_equal(chosen, np.where(m[:, 0] > m[:, 1], m[:, 2], -1.0))
    assert rapids.columns("(apply fr 2 {x . (sumNA x)})").keys() == {"a", "b", "c"}


# -- pieces ---------------------------------------------------------------------------------------------------------------


@given(st.lists(numbers, max_size=50))
def test_ordered_codes_ascend_with_the_numbers_and_come_back(values: list[float]) -> None:
    x = np.array(values, dtype=np.float64)
    codes = ordered_codes(x)
    np.testing.assert_array_equal(decode_keys(codes), x)
    order = np.argsort(codes, kind="stable")
    expected = sorted(range(len(x)), key=lambda i: (not np.isnan(x[i]), 0.0 if np.isnan(x[i]) else x[i]))
    np.testing.assert_array_equal(order, expected)


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-2, 2)), max_size=50))
def test_radix_order_equals_sorted(rows: list[tuple[int, int]]) -> None:
    keys = [np.array([r[j] for r in rows], dtype=np.int64) for j in (0, 1)]
    np.testing.assert_array_equal(order_of(keys, len(rows)), sorted(range(len(rows)), key=lambda i: rows[i]))


@given(st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1, max_size=20), st.data())
def test_texts_are_taken_as_from_a_list(texts: list[str | None], data: Any) -> None:
    texts = [t if t is None else t.encode("utf-8", "ignore").decode() for t in texts]
    rows = data.draw(st.lists(st.integers(-1, len(texts) - 1), max_size=20))
    cut = data.draw(st.integers(0, len(texts)))
    text = Text.of([encode_strings(texts[:cut]), encode_strings(texts[cut:])])
    assert text.take(np.array(rows, dtype=np.int64)).strings() == [None if i < 0 else texts[i] for i in rows]


def test_a_join_of_nothing() -> None:
    none, no = np.zeros((0, 1), dtype=np.int64), np.zeros(0, dtype=np.bool_)
    some = np.array([[1], [2]], dtype=np.int64)
    left, right = join_rows(some, none, np.zeros(2, dtype=np.bool_), no, keep_left=True, keep_right=True)
    assert (left.tolist(), right.tolist()) == ([0, 1], [-1, -1])
    left, right = join_rows(none, some, no, np.zeros(2, dtype=np.bool_), keep_left=False, keep_right=True)
    assert (left.tolist(), right.tolist()) == ([-1, -1], [0, 1])

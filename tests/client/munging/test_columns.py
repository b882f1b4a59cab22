"""Element-wise work of H2OFrame against numpy: operators, functions, conditions, types, texts, times."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pandas as pd

from .conftest import columns, numbers

UNARY = {
    "abs": np.abs, "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan,
    "atanh": np.arctanh, "ceil": np.ceil, "cos": np.cos, "cosh": np.cosh, "exp": np.exp, "expm1": np.expm1, "floor": np.floor,
    "log": np.log, "log10": np.log10, "log1p": np.log1p, "log2": np.log2, "sign": np.sign, "sin": np.sin, "sinh": np.sinh,
    "sqrt": np.sqrt, "tan": np.tan, "tanh": np.tanh, "trunc": np.trunc, "cospi": lambda x: np.cos(np.pi * x),
    "sinpi": lambda x: np.sin(np.pi * x), "tanpi": lambda x: np.tan(np.pi * x),
}  # fmt: skip


def test_functions_of_a_number(fr: Any, table: pd.DataFrame) -> None:
    x = fr["p"] / 20
    expected = table.p.to_numpy() / 20
    frame = x
    for name in UNARY:
        frame = frame.cbind(getattr(x, name)())
    found = frame.as_data_frame()
    with np.errstate(all="ignore"):
        for j, (name, fn) in enumerate(UNARY.items()):
            np.testing.assert_allclose(found.iloc[:, j + 1], fn(expected), rtol=1e-9, atol=1e-12, err_msg=name)
    log_gamma = numbers(x.lgamma())
    np.testing.assert_allclose(np.exp(log_gamma), numbers(x.gamma()), rtol=1e-8)
    assert x.digamma().nrow == x.trigamma().nrow == 3000


def test_arithmetic(fr: Any, table: pd.DataFrame) -> None:
    p, k = table.p.to_numpy(), table.k.to_numpy().astype(float)
    operators = (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod)
    asked = [(op(fr["p"], fr["k"]), op(fr["p"], 3), op(3, fr["p"]), op(fr["n"], 2)) for op in operators]
    found = iter(columns(*(x for four in asked for x in four)))
    for op in operators:
        fn = np.fmod if op is operator.mod else op
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(next(found), fn(p, k), rtol=1e-12)
            np.testing.assert_allclose(next(found), fn(p, 3), rtol=1e-12)
            np.testing.assert_allclose(next(found), fn(3, p), rtol=1e-12)
        assert np.isnan(next(found)).sum() == table.n.isna().sum()


def test_whole_division_comparisons_and_logic(fr: Any, table: pd.DataFrame) -> None:
    k, p, n = table.k.to_numpy(), table.p.to_numpy(), table.n.to_numpy()
    pairs: list[tuple[Any, Any]] = [(fr["k"] // 7, k // 7)]
    for op in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        pairs += [(op(fr["k"], 20), op(k, 20)), (op(fr["p"], fr["k"]), op(p, k))]
    both = (fr["k"] > 10) & (fr["p"] > 4)
    pairs += [
        (both, (k > 10) & (p > 4)),
        ((fr["k"] > 10) | (fr["p"] > 4), (k > 10) | (p > 4)),
        (both.logical_negation(), ~((k > 10) & (p > 4))),
        (fr["e"] == "bee", (table.e == "bee").to_numpy()),
        (fr["s"] == "otter", (table.s == "otter").to_numpy()),
        (fr["n"].isna(), np.isnan(n)),
    ]
    *found, rounded = columns(*(x for x, _ in pairs), fr["p"].round(1))
    for got, (_, expected) in zip(found, pairs, strict=True):
        np.testing.assert_array_equal(got, expected * 1.0)
    np.testing.assert_allclose(rounded, np.floor(p * 10 + 0.5) / 10, rtol=1e-12)
    assert fr["f"].isin(["yes"]).sum() == (table.f == "yes").sum()
    assert fr["p"].signif(2).nrow == 3000


def test_choices_and_assignment(fr: Any, table: pd.DataFrame) -> None:
    chosen = fr["n"].isna().ifelse(fr["n"], (fr["n"] > 0).ifelse(fr["n"], 0 - fr["n"]))
    found, levels = columns(chosen, (fr["k"] > 20).ifelse("big", "small"))
    np.testing.assert_allclose(found, np.where(table.n.isna(), np.nan, table.n.abs()), rtol=1e-12)
    assert (levels == np.where(table.k > 20, "big", "small")).all()
    fr["twice"] = fr["p"] * 2
    fr["one"] = 1
    fr["word"] = "same"
    fr[fr["n"].isna(), "n"] = 0
    fr[0, "k"] = 99
    fr[5:8, "p"] = -1.0
    found = fr.as_data_frame()
    assert found.n.isna().sum() == 0
    assert found.k[0] == 99
    assert (found.p[5:8] == -1).all()
    assert (found.one == 1).all()
    assert (found.word == "same").all()
    fr.rename(columns={"one": "uno"})
    fr.set_names([*fr.names[:-1], "text"])
    assert fr.names[-2:] == ["uno", "text"]
    assert fr.pop("uno").names == ["uno"]
    assert "uno" not in fr.names
    assert fr.drop(["text", "twice"]).ncol == 8
    assert fr.drop([0, 1], axis=0).nrow == 2998


def test_types_and_levels(fr: Any, table: pd.DataFrame) -> None:
    assert fr.types == {"n": "real", "i": "int", "k": "int", "e": "enum", "f": "enum", "s": "string", "t": "time", "p": "real"}
    assert fr.isfactor() == [False, False, False, True, True, False, False, False]
    assert fr.isnumeric()[:3] == [True, True, True]
    assert fr.isstring()[5]
    assert fr.anyfactor()
    assert fr.columns_by_type("categorical") == [3.0, 4.0]
    assert fr.filter_na_cols(0.01) == [2.0, 4.0, 6.0, 7.0]
    assert fr["k"].asfactor().nlevels() == [40]
    assert fr["k"].asfactor().levels()[0][:3] == ["0", "1", "2"]
    np.testing.assert_array_equal(numbers(fr["k"].asfactor().asnumeric()), table.k)
    np.testing.assert_array_equal(numbers(fr["f"].asnumeric()), (table.f == "yes") * 1.0)
    assert fr["e"].ascharacter().types == {"e": "string"}
    assert fr["s"].asfactor().categories() == sorted(table.s.dropna().unique())
    assert fr["e"].relevel("cat").levels() == [["cat", "ant", "bee"]]
    by_frequency = fr["e"].relevel_by_frequency().levels()[0]
    assert by_frequency == list(table.e.value_counts().index)
    assert fr["e"].set_levels(["x", "y", "z"]).levels() == [["x", "y", "z"]]
    assert fr["e"].append_levels(["dog"]).levels() == [["ant", "bee", "cat", "dog"]]
    assert fr["e"].set_level("bee").unique().nrow == 1
    assert fr["e"].unique().nrow == 3
    np.testing.assert_array_equal(numbers(fr["k"].unique()), sorted(table.k.unique()))
    match = numbers(fr["e"].match(["cat", "ant"]))
    assert (match[table.e.isin(["cat", "ant"])] > 0).all()
    assert np.isnan(match[~table.e.isin(["cat", "ant"])]).all()
    cut = fr["p"].cut([0, 2, 5, 100], labels=["low", "mid", "high"])
    assert (numbers(cut) == pd.cut(table.p, [0, 2, 5, 100], labels=["low", "mid", "high"]).astype(str)).all()


def test_texts(fr: Any, table: pd.DataFrame) -> None:
    s = table.s
    known = s.notna().to_numpy()

    texts = [
        (fr["s"].toupper(), s.str.upper()),
        (fr["s"].tolower(), s.str.lower()),
        (fr["s"].trim(), s.str.strip()),
        (fr["s"].lstrip("rZ"), s.str.lstrip("rZ")),
        (fr["s"].rstrip("xy"), s.str.rstrip("xy")),
        (fr["s"].gsub("[aeiou]", "*"), s.str.replace("[aeiou]", "*", regex=True)),
        (fr["s"].sub("[aeiou]", "*"), s.str.replace("[aeiou]", "*", n=1, regex=True)),
        (fr["s"].substring(1, 4), s.str[1:4]),
        (fr["s"].nchar(), s.str.len().astype("Int64")),
        (fr["s"].countmatches(["e", "r"]), s.str.count("[er]").astype("Int64")),
    ]
    distances = fr["s"].strdistance(fr["s"].gsub("e", "i"), measure="lv")
    *found, matches, distance, entropy = columns(
        *(x for x, _ in texts), fr["s"].grep("^[a-z]", output_logical=True), distances, fr["s"].entropy()
    )
    for got, (_, expected) in zip(found, texts, strict=True):
        wanted = expected[known]
        if wanted.dtype == "Int64":
            np.testing.assert_array_equal(got[known], wanted.astype(float))
        else:
            assert (got[known].astype(str) == wanted.astype(str)).all()
    np.testing.assert_array_equal(matches, s.str.contains("^[a-z]").fillna(False) * 1.0)
    assert distance[known].min() >= 0
    assert distance[known].max() == 1
    assert entropy[known].min() > 1
    assert fr["s"].grep("fox").nrow == (s == "red fox").sum()
    parts = fr["s"].strsplit("[ -]")
    assert parts.ncol == 3
    assert fr["s"].tokenize(" ").nrow == int(s.dropna().str.split(" ").str.len().sum()) + 3000
    upper = fr["e"].toupper()
    assert upper.levels() == [["ANT", "BEE", "CAT"]]


def test_times(h2o: Any, fr: Any, table: pd.DataFrame) -> None:
    t = table.t.dt
    parts = ("year", "month", "day", "hour", "minute", "second")
    made = h2o.H2OFrame.moment(year=fr["t"].year(), month=fr["t"].month(), day=fr["t"].day())
    dates = (fr["t"].year().ascharacter()).as_date("%Y")
    *found, week, weekday, day, year = columns(
        *(getattr(fr["t"], name)() for name in parts), fr["t"].week(), fr["t"].dayOfWeek(), made.day(), dates.year()
    )
    for got, name in zip(found, parts, strict=True):
        np.testing.assert_array_equal(got, getattr(t, name), err_msg=name)
    np.testing.assert_array_equal(week, t.isocalendar().week)
    assert (weekday == t.day_name().str[:3]).all()
    np.testing.assert_array_equal(day, t.day)
    np.testing.assert_array_equal(year, t.year)
    later = fr[fr["t"] > h2o.H2OFrame.moment(2018, 6, 1), :]
    assert later.nrow == (table.t > "2018-06-01").sum()

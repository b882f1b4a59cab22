"""What H2OFrame computes of whole columns and of groups, against numpy and pandas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .conftest import columns, numbers

REAL = ["n", "i", "p"]


def test_numbers_of_columns(fr: Any, table: pd.DataFrame) -> None:
    x, expected = fr[REAL], table[REAL]
    close = np.testing.assert_allclose
    close(x.mean(skipna=True), expected.mean(), rtol=1e-11)
    close(x.sd(na_rm=True), expected.std(), rtol=1e-10)
    close(x.median(na_rm=True), expected.median(), rtol=1e-12)
    close(x.skewness(na_rm=True)[2], float(((table.p - table.p.mean()) ** 3).mean() / table.p.std(ddof=0) ** 3), rtol=1e-8)
    close(x.kurtosis(na_rm=True)[2], float(((table.p - table.p.mean()) ** 4).mean() / table.p.std(ddof=0) ** 4), rtol=1e-8)
    close(x.sum(skipna=True), expected.sum().sum(), rtol=1e-10)
    close(x.sum(skipna=True, axis=0, return_frame=True).as_data_frame().iloc[0], expected.sum(), rtol=1e-10)
    assert x.nacnt() == expected.isna().sum().tolist()
    assert fr["p"].min() == table.p.min()
    assert fr["p"].max() == table.p.max()
    close((fr["p"] / fr["p"]).prod(), 1.0)
    assert np.isnan(fr["n"].max())
    close(fr["p"].var(), table.p.var(), rtol=1e-10)
    close(fr["p"].cor(fr["k"]), table.p.corr(table.k), rtol=1e-8)
    close(fr[["p", "k"]].cor().as_data_frame(), table[["p", "k"]].corr(), rtol=1e-8)
    spearman = fr["p"].cor(fr["k"], method="Spearman")
    close(spearman, table.p.corr(table.k, method="spearman"), rtol=1e-8)
    assert fr["k"].any()
    assert not fr["k"].all()
    assert (fr["k"] >= 0).all()
    q = fr[["p", "k"]].quantile([0.01, 0.3, 0.5, 0.99]).as_data_frame()
    close(q.iloc[:, 1:], table[["p", "k"]].quantile([0.01, 0.3, 0.5, 0.99]), rtol=1e-10)
    for method in ("low", "high", "average"):
        assert fr["p"].quantile([0.37], combine_method=method).nrow == 1
    across = numbers(fr[["p", "k"]].mean(axis=1, return_frame=True))
    close(across, table[["p", "k"]].mean(axis=1), rtol=1e-12)
    close(numbers(fr[["p", "k"]].sum(axis=1, return_frame=True)), table[["p", "k"]].sum(axis=1), rtol=1e-12)
    assert fr["p"].idxmax().flatten() == table.p.argmax()
    assert fr["p"].idxmin().flatten() == table.p.argmin()
    fr.describe()


def test_running(fr: Any, table: pd.DataFrame) -> None:
    x = table.p / 5
    names = ("cumsum", "cumprod", "cummin", "cummax")
    for name, found in zip(names, columns(*(getattr(fr["p"] / 5, n)() for n in names)), strict=True):
        np.testing.assert_allclose(found, getattr(x, name)(), rtol=1e-8, err_msg=name)


def test_tables_and_histograms(h2o: Any, fr: Any, table: pd.DataFrame) -> None:
    counts = fr["e"].table().as_data_frame()
    np.testing.assert_array_equal(counts.Count, table.e.value_counts().sort_index())
    pairs = fr["e"].table(fr["f"]).as_data_frame()
    assert pairs.Counts.sum() == table.e.notna().sum()
    wide = fr["e"].table(fr["f"], dense=False)
    assert wide.ncol == 3
    h = h2o.rapids(f"(tmp= counted (hist (cols_py {fr.frame_id} 'p') 10))")
    assert h["num_cols"] == 4
    assert h2o.get_frame("counted")["counts"].sum() == 3000
    np.testing.assert_array_equal(numbers((fr["k"] == 3).which()), np.flatnonzero(table.k == 3))
    top = fr.topN("p", 1).as_data_frame()
    np.testing.assert_allclose(top.iloc[:, 1], np.sort(table.p)[::-1][:30])
    bottom = fr.bottomN("p", 1).as_data_frame()
    np.testing.assert_allclose(bottom.iloc[:, 1], np.sort(table.p)[:30])


def test_group_by(fr: Any, table: pd.DataFrame) -> None:
    for by in ("e", ["f", "k"], "k"):
        group_like_pandas(fr, table, by)


def group_like_pandas(fr: Any, table: pd.DataFrame, by: Any) -> None:
    made = fr.group_by(by)
    for how in ("mean", "sum", "min", "max", "sd", "var", "ss", "median"):
        getattr(made, how)("p", na="rm")
    found = made.count().get_frame()
    d = found.as_data_frame()
    keys = [by] if isinstance(by, str) else by
    groups = table.assign(sq=table.p**2).groupby(keys, dropna=False)
    expected = groups.p.agg(["mean", "sum", "min", "max", "std", "var", "median", "size"])
    expected["ss"] = groups.sq.sum()
    # Groups of a missing level come first in h2ok, last in pandas.
    d = d.sort_values(keys, na_position="last").reset_index(drop=True)
    for column, name in (
        ("mean_p", "mean"), ("sum_p", "sum"), ("min_p", "min"), ("max_p", "max"), ("sdev_p", "std"), ("var_p", "var"),
        ("sumSquares_p", "ss"), ("median_p", "median"), ("nrow", "size"),
    ):  # fmt: skip
        np.testing.assert_allclose(d[column], expected[name], rtol=1e-9, err_msg=column)


def test_group_by_missing_values_and_modes(fr: Any, table: pd.DataFrame) -> None:
    kept = fr.group_by("f").mean("n", na="rm").get_frame().as_data_frame()
    np.testing.assert_allclose(kept.mean_n, table.groupby("f").n.mean(), rtol=1e-10)
    poisoned = fr.group_by("f").mean("n", na="all").get_frame().as_data_frame()
    assert poisoned.mean_n.isna().all()
    ignored = fr.group_by("f").mean("n", na="ignore").get_frame().as_data_frame()
    np.testing.assert_allclose(ignored.mean_n, table.groupby("f").n.sum() / table.groupby("f").size(), rtol=1e-10)
    mode = fr.group_by("f").mode("e", na="rm").get_frame().as_data_frame()
    assert len(mode) == 2
    every = fr.drop("s").group_by("f").max(na="rm").get_frame()
    assert every.nrow == 2


def test_functions(fr: Any, table: pd.DataFrame) -> None:
    both = fr[["p", "k"]]
    np.testing.assert_allclose(numbers(both.apply(lambda row: row.sum(), axis=1)), table.p + table.k, rtol=1e-12)
    np.testing.assert_allclose(
        both.apply(lambda col: col.mean(), axis=0).as_data_frame().iloc[0], table[["p", "k"]].mean(), rtol=1e-10
    )
    np.testing.assert_allclose(both.apply(lambda col: col.abs() + 1, axis=0).as_data_frame().p, table.p + 1, rtol=1e-12)
    scaled = both.scale().as_data_frame()
    np.testing.assert_allclose(scaled.p, (table.p - table.p.mean()) / table.p.std(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(numbers(fr["p"].difflag1())[1:], np.diff(table.p), rtol=1e-9, atol=1e-12)
    few = both[0:200, :]
    product = few.transpose().mult(few).as_data_frame()
    np.testing.assert_allclose(product, table[["p", "k"]][:200].T @ table[["p", "k"]][:200], rtol=1e-10)
    near = both[0:5, :].distance(both[0:3, :], "l2")
    assert near.dim == [5, 3]
    assert fr["p"].rep_len(3500).nrow == 3500
    assert both.isax(1, 4).nrow == 3000

"""Rows and columns in other places: slices, joins, order, long and wide forms, samples, filling, assemblies, transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from .conftest import numbers


def test_slices(h2o: Any, fr: Any, table: pd.DataFrame) -> None:
    assert fr[0].names == ["n"]
    assert fr[["n", "p"]].dim == [3000, 2]
    assert fr[1:4].names == ["i", "k", "e"]
    assert fr[-1].names == ["p"]
    assert fr[10:20, :].nrow == 10
    assert fr[::500, :].nrow == 6
    assert fr[[1, 900, 2999], "k"].as_data_frame().k.tolist() == table.k[[1, 900, 2999]].tolist()
    assert fr[1234, "p"] == pytest.approx(table.p[1234])
    assert fr[2999, "f"] == table.f[2999]
    filtered = fr[(fr["k"] > 30) & (fr["f"] == "yes"), ["k", "s", "t"]].as_data_frame()
    expected = table[(table.k > 30) & (table.f == "yes")]
    np.testing.assert_array_equal(filtered.k, expected.k)
    assert (filtered.s.fillna("") == expected.s.fillna("").to_numpy()).all()
    assert fr.head(3).nrow == fr.tail(3).nrow == 3
    assert fr.tail(3)["k"].as_data_frame().k.tolist() == table.k[-3:].tolist()
    assert fr.na_omit().nrow == len(table.dropna())
    assert fr[fr["k"] < 0, :].nrow == 0
    assert fr[0, ["p", "k"]].getrow() == pytest.approx([table.p[0], table.k[0]])
    assert h2o.deep_copy(fr, "copied").dim == fr.dim


def test_merge(h2o: Any, fr: Any, table: pd.DataFrame) -> None:
    for key in ("k", "e"):
        for how in ("inner", "left", "right"):
            merge_like_pandas(h2o, fr, table, how, key)


def merge_like_pandas(h2o: Any, fr: Any, table: pd.DataFrame, how: str, key: str) -> None:
    if key == "k":
        side = pd.DataFrame({"k": [3, 5, 7, 41, 5], "w": [1.0, 2.0, 3.0, 4.0, 5.0]})
        types = ["int", "real"]
    else:
        side = pd.DataFrame({"e": ["cat", "dog", "ant"], "w": [1.0, 2.0, 3.0]})
        types = ["enum", "real"]
    other = h2o.H2OFrame(side, column_types=types)
    left = table[["k", "e", "p"]].dropna(subset=[key])
    expected = left.merge(side, on=key, how=how)
    merged = fr[fr[key].isna() == 0, ["k", "e", "p"]].merge(other, all_x=how == "left", all_y=how == "right")
    found = merged.as_data_frame()
    assert len(found) == len(expected)
    order = [key, "p", "w"]
    a, b = found.sort_values(order).reset_index(drop=True), expected.sort_values(order).reset_index(drop=True)
    np.testing.assert_allclose(a.w, b.w)
    np.testing.assert_allclose(a.p, b.p)
    known = found[key].dropna()
    assert known.is_monotonic_increasing


def test_merge_by_other_names_and_methods(h2o: Any, fr: Any, table: pd.DataFrame) -> None:
    side = h2o.H2OFrame(pd.DataFrame({"id": [1, 2, 3], "w": [0.1, 0.2, 0.3]}))
    for method in ("auto", "radix"):
        merged = fr[["k", "p"]].merge(side, by_x=["k"], by_y=["id"], method=method)
        assert merged.nrow == table.k.isin([1, 2, 3]).sum()
        assert merged.names == ["k", "p", "w"]


def test_sort(fr: Any, table: pd.DataFrame) -> None:
    for keys in (["p"], ["k", "p"], ["e", "k"], ["t"]):
        sort_like_pandas(fr, table, keys)


def sort_like_pandas(fr: Any, table: pd.DataFrame, keys: list[str]) -> None:
    found = fr.sort(keys).as_data_frame()
    expected = table.sort_values(keys, kind="stable", na_position="first")
    np.testing.assert_allclose(found.p, expected.p)
    down = fr.sort(keys, ascending=[False] * len(keys)).as_data_frame()
    flipped = table.sort_values(keys, kind="stable", na_position="first", ascending=False)
    np.testing.assert_allclose(down.p, flipped.p)


def test_long_and_wide(h2o: Any, fr: Any, table: pd.DataFrame) -> None:
    head = fr[0:50, ["p", "k"]]
    head["id"] = h2o.H2OFrame(pd.DataFrame({"id": range(50)}))
    long = head.melt(id_vars=["id"], value_vars=["p", "k"], var_name="what", value_name="x")
    assert long.dim == [100, 3]
    wide = long.pivot(index="id", column="what", value="x").as_data_frame()
    np.testing.assert_allclose(wide.p, table.p[:50])
    np.testing.assert_allclose(wide.k, table.k[:50])
    whole = fr[["e", "p", "k"]].melt(id_vars=["e"], skipna=True)
    assert whole.nrow == 6000
    assert fr.rbind(fr).nrow == 6000
    assert fr.rbind([fr, fr]).as_data_frame().p.tolist() == table.p.tolist() * 3
    assert fr.cbind(fr["p"]).names[-1] == "p0"
    assert fr.concat(fr[["k"]]).ncol == 9
    assert fr[0:200, ["p", "k"]].transpose().dim == [2, 200]
    unique = fr.drop_duplicates(["e", "f"]).as_data_frame()
    assert len(unique) == len(table.drop_duplicates(["e", "f"]))
    last = fr.drop_duplicates(["k"], keep="last").as_data_frame()
    np.testing.assert_allclose(np.sort(last.p), np.sort(table.drop_duplicates("k", keep="last").p))
    ranked = fr[["k", "p"]].rank_within_group_by(["k"], ["p"], [True], new_col_name="rank").as_data_frame()
    assert (ranked["rank"] == ranked.groupby("k").p.rank(method="first")).all()


def test_samples_and_folds(fr: Any, table: pd.DataFrame) -> None:
    parts = fr.split_frame([0.6, 0.2], seed=3)
    assert sum(p.nrow for p in parts) == 3000
    assert set(numbers(fr.kfold_column(4, seed=1))) == {0, 1, 2, 3}
    np.testing.assert_array_equal(numbers(fr.modulo_kfold_column(3)), np.arange(3000) % 3)
    assert set(numbers(fr["f"].stratified_kfold_column(3, seed=1))) == {0, 1, 2}
    split = numbers(fr["f"].stratified_split(0.25, seed=1))
    assert (split == "test").sum() == pytest.approx(750, abs=2)
    draws = numbers(fr.runif(seed=5))
    assert draws.min() >= 0
    assert draws.max() < 1
    pairs = fr[["e", "f"]].interaction(["e", "f"], pairwise=False, max_factors=10, min_occurrence=1)
    assert pairs.nrow == 3000
    fr.insert_missing_values(fraction=0.1, seed=1)
    assert fr["p"].nacnt()[0] > 0


def test_filling(fr: Any, table: pd.DataFrame) -> None:
    filled = numbers(fr[["n"]].fillna(method="forward", axis=0, maxlen=5))
    np.testing.assert_allclose(filled, table.n.ffill(limit=5))
    back = numbers(fr[["n"]].fillna(method="backward", axis=0, maxlen=1))
    np.testing.assert_allclose(back, table.n.bfill(limit=1))
    assert fr.impute("n", method="mean")[0] == pytest.approx(table.n.mean())
    assert fr["n"].nacnt() == [0]
    groups = fr.impute("i", method="median", by=["f"])
    assert groups.nrow == 2
    fr.impute("e", method="mode")
    assert sum(fr[["n", "i", "e"]].nacnt()) == 0


def test_assembly(h2o: Any, fr: Any, table: pd.DataFrame) -> None:
    from h2o.assembly import H2OAssembly
    from h2o.transforms.preprocessing import H2OBinaryOp, H2OCol, H2OColOp, H2OColSelect, H2OScaler

    assembly = H2OAssembly(
        steps=[
            ("select", H2OColSelect(["p", "k", "e"])),
            ("root", H2OColOp(op=h2o.H2OFrame.sqrt, col="p", inplace=True)),
            ("bees", H2OColOp(op=h2o.H2OFrame.countmatches, col="e", inplace=False, pattern="b")),
            ("more", H2OBinaryOp(op=h2o.H2OFrame.__add__, col="p", right=H2OCol("k"), inplace=False)),
        ]
    )
    made = assembly.fit(fr).as_data_frame()
    np.testing.assert_allclose(made.p, np.sqrt(table.p), rtol=1e-12)
    np.testing.assert_allclose(made.iloc[:, -1], np.sqrt(table.p) + table.k, rtol=1e-12)
    assert np.nansum(made.iloc[:, 3]) == (table.e == "bee").sum()
    scaler = H2OScaler()
    scaled = scaler.fit_transform(fr[["p", "k"]]).as_data_frame()
    # H2O multiplies by given factors.
    np.testing.assert_allclose(scaled.p, (table.p - table.p.mean()) * table.p.std(), rtol=1e-9, atol=1e-12)


def test_expressions_by_hand(h2o: Any, fr: Any, table: pd.DataFrame) -> None:
    answer = h2o.rapids(f"(sumNA (cols_py {fr.frame_id} 'p'))")
    assert answer["scalar"] == pytest.approx(table.p.sum())
    with pytest.raises(Exception, match="olumn"):
        h2o.rapids(f"(cols_py {fr.frame_id} 'nothing')")
    before = len(h2o.ls())
    for _ in range(3):
        (fr["p"] * 2 + 1).mean()
    assert len(h2o.ls()) <= before + 1

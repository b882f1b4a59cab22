"""Munging with the official client: what its methods send, checked against pandas where there is a simple statement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def fr(h2o: Any, people: pd.DataFrame) -> Any:
    """A frame of the people that a test may change; they are sent once to each server."""
    if "people.base" not in h2o.ls()["key"].tolist():
        types = {"city": "enum", "name": "string", "buys": "enum", "since": "time"}
        h2o.H2OFrame(people, column_types=types, destination_frame="people.base")
    h2o.rapids("(assign people.hex people.base)")
    return h2o.get_frame("people.hex")


def test_expressions_and_filters(h2o: Any, fr: Any, people: pd.DataFrame) -> None:
    expr = (fr["score"] * 2 - 1) / (fr["income"].abs() + 1)
    expected = (people.score * 2 - 1) / (people.income.abs() + 1)
    np.testing.assert_allclose(expr.as_data_frame().iloc[:, 0], expected, rtol=1e-12)
    old = fr[fr["age"] > 40, ["age", "city"]]
    assert old.nrow == int((people.age > 40).sum())
    both = fr[(fr["age"] > 40) & (fr["city"] == "Oslo"), :]
    assert both.nrow == int(((people.age > 40) & (people.city == "Oslo")).sum())
    assert fr[5, "name"] == "p5"
    assert fr[2:5, :].nrow == 3
    assert fr.head(7).nrow == 7
    assert fr.tail(3)["name"].as_data_frame().iloc[-1, 0] == "p2999"
    assert fr[-1].names == ["buys"]
    assert fr.drop("name").ncol == fr.ncol - 1


def test_assignment_and_columns(h2o: Any, fr: Any) -> None:
    fr["twice"] = fr["score"] * 2
    fr["one"] = 1
    fr[fr["age"].isna(), "age"] = 0
    assert fr["age"].nacnt() == [0]
    fr["city"] = fr["city"].ascharacter()
    assert fr.types["city"] == "string"
    fr["city"] = fr["city"].asfactor()
    assert fr["city"].levels() == [["Kyiv", "Lima", "Oslo", "Pune"]]
    fr.rename(columns={"one": "uno"})
    fr.set_name("twice", "double")
    assert {"uno", "double"} <= set(fr.names)
    wide = fr.cbind(fr["score"])
    assert wide.names[-1] == "score0"
    assert fr.rbind(fr).nrow == 6000
    assert h2o.deep_copy(fr, "copy_of_fr").nrow == 3000


def test_numbers(fr: Any, people: pd.DataFrame) -> None:
    score = fr["score"]
    assert score.mean()[0] == pytest.approx(people.score.mean())
    assert score.sd()[0] == pytest.approx(people.score.std())
    assert score.median()[0] == pytest.approx(people.score.median())
    assert np.isnan(fr["age"].min())
    assert score.max() == people.score.max()
    assert fr["score"].var() == pytest.approx(people.score.var())
    assert fr["score"].cor(fr["income"]) == pytest.approx(people.score.corr(people.income))
    q = score.quantile([0.1, 0.5, 0.9]).as_data_frame()
    np.testing.assert_allclose(q.iloc[:, 1], people.score.quantile([0.1, 0.5, 0.9]), rtol=1e-12)
    third = ((people.score - people.score.mean()) ** 3).mean() / people.score.std(ddof=0) ** 3
    assert score.skewness(na_rm=True)[0] == pytest.approx(third)
    assert score.cumsum().as_data_frame().iloc[-1, 0] == pytest.approx(people.score.sum())
    assert fr[["score", "income"]].scale().as_data_frame().iloc[:, 0].std() == pytest.approx(1.0)
    rounded = score.round(1).as_data_frame().iloc[:, 0]
    assert (abs(rounded - people.score) <= 0.0501).all()


def test_groups_and_tables(fr: Any, people: pd.DataFrame) -> None:
    grouped = fr.group_by("city").mean("score", na="rm").sum("income", na="rm").count().median("score", na="rm")
    g = grouped.get_frame().as_data_frame()
    score, income = (people.groupby("city")[c] for c in ("score", "income"))
    expected = {"mean": score.mean(), "total": income.sum(), "n": score.size(), "mid": score.median()}
    np.testing.assert_allclose(g["mean_score"], expected["mean"], rtol=1e-12)
    np.testing.assert_allclose(g["sum_income"], expected["total"], rtol=1e-12)
    np.testing.assert_array_equal(g["nrow"], expected["n"])
    np.testing.assert_allclose(g["median_score"], expected["mid"], rtol=1e-12)
    counts = fr["city"].table().as_data_frame()
    np.testing.assert_array_equal(counts["Count"], people.city.value_counts().sort_index())
    pairs = fr[["city", "buys"]].table().as_data_frame()
    assert pairs["Counts"].sum() == 3000
    assert fr["city"].unique().nrow == 4
    assert fr["city"].nlevels() == [4]


def test_order_joins_and_shapes(h2o: Any, fr: Any, people: pd.DataFrame) -> None:
    by_score = fr.sort("score").as_data_frame()["score"]
    np.testing.assert_array_equal(by_score, people.score.sort_values())
    countries = pd.DataFrame({"city": ["Oslo", "Lima", "Quito"], "country": ["NO", "PE", "EC"]})
    side = h2o.H2OFrame(countries, column_types=["enum", "enum"])
    assert fr.merge(side).nrow == int(people.city.isin(["Oslo", "Lima"]).sum())
    assert fr.merge(side, all_x=True).nrow == 3000
    small = fr[0:4, ["name", "score", "income"]]
    small["id"] = h2o.H2OFrame(pd.DataFrame({"id": [1, 2, 3, 4]}))
    long = small.melt(id_vars=["id"], value_vars=["score", "income"], var_name="what", value_name="x")
    assert long.dim == [8, 3]
    wide = long.pivot(index="id", column="what", value="x").as_data_frame()
    np.testing.assert_allclose(wide["score"], people.score[:4])
    assert fr[["score", "income"]][0:3, :].transpose().dim == [2, 3]
    assert fr.drop_duplicates(["city"]).nrow == 4
    assert fr.na_omit().nrow == int(people.age.notna().sum())
    ranked = fr[["city", "score"]].rank_within_group_by(["city"], ["score"], [True], new_col_name="rank")
    assert ranked["rank"].max() == people.city.value_counts().max()


def test_text_and_time(fr: Any, people: pd.DataFrame) -> None:
    assert fr["name"].nchar().as_data_frame().iloc[-1, 0] == 5
    assert fr["name"].toupper().as_data_frame().iloc[0, 0] == "P0"
    assert fr["name"].gsub("p", "q").as_data_frame().iloc[3, 0] == "q3"
    assert fr["name"].sub("p(.)", "<$1>").as_data_frame().iloc[12, 0] == "<1>2"
    assert fr["name"].substring(1).as_data_frame().iloc[12, 0] in (12, "12")
    assert fr["name"].grep("p1", output_logical=True).sum() == people.name.str.contains("p1").sum()
    assert fr["city"].countmatches("l").sum() == people.city.str.count("l").sum()
    since = pd.to_datetime(people.since)
    np.testing.assert_array_equal(fr["since"].year().as_data_frame().iloc[:, 0], since.dt.year)
    np.testing.assert_array_equal(fr["since"].month().as_data_frame().iloc[:, 0], since.dt.month)
    np.testing.assert_array_equal(fr["since"].day().as_data_frame().iloc[:, 0], since.dt.day)
    assert fr["since"].dayOfWeek().as_data_frame().iloc[0, 0] == "Wed"


def test_sampling_and_filling(h2o: Any, fr: Any, people: pd.DataFrame) -> None:
    train, test = fr.split_frame([0.75], seed=1)
    assert train.nrow + test.nrow == 3000
    assert 0.7 < train.nrow / 3000 < 0.8
    folds = fr.kfold_column(5, seed=2).as_data_frame().iloc[:, 0]
    assert set(folds) == {0, 1, 2, 3, 4}
    strata = fr["buys"].stratified_split(0.2, seed=3)
    assert strata[strata == "test"].nrow == pytest.approx(600, abs=2)
    before = fr["age"].nacnt()[0]
    assert before > 0
    fr.impute("age", method="median")
    assert fr["age"].nacnt() == [0]
    gaps = h2o.H2OFrame(pd.DataFrame({"x": [1.0, None, None, 4.0]}))
    assert gaps.fillna(method="forward", axis=0, maxlen=1).as_data_frame().iloc[1, 0] == 1.0
    cut = fr["score"].cut([-10, 0, 10], labels=["low", "high"]).as_data_frame().iloc[:, 0]
    assert (cut == "high").sum() == (people.score > 0).sum()


def test_functions_of_rows_and_columns(fr: Any, people: pd.DataFrame) -> None:
    sums = fr[["score", "income"]].apply(lambda row: row.sum(), axis=1).as_data_frame().iloc[:, 0]
    np.testing.assert_allclose(sums, people.score + people.income, rtol=1e-12)
    means = fr[["score", "income"]].apply(lambda col: col.mean(), axis=0).as_data_frame()
    np.testing.assert_allclose(means.iloc[0], [people.score.mean(), people.income.mean()], rtol=1e-12)
    chosen = (fr["score"] > 0).ifelse("up", "down").as_data_frame().iloc[:, 0]
    assert (chosen == "up").sum() == (people.score > 0).sum()
    assert fr["city"].match(["Oslo"]).as_data_frame().iloc[:, 0].notna().sum() == (people.city == "Oslo").sum()
    assert fr["city"].relevel("Pune").levels()[0][0] == "Pune"
    assert fr[["score"]].difflag1().nrow == 3000
    assert fr["score"].idxmax().as_data_frame().iloc[0, 0] == people.score.idxmax()

"""Getting data in and out, looking at it, slicing and computing through the official client."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

TYPES = {"age": "int", "income": "real", "city": "enum", "name": "string", "since": "time", "score": "real", "buys": "enum"}


def as_pandas(frame: Any) -> pd.DataFrame:
    out: pd.DataFrame = frame.as_data_frame(use_pandas=True)
    return out


@pytest.mark.parametrize("how", ["import_file", "upload_file", "gz", "zip"])
def test_a_csv_arrives_whole(h2o: Any, people: pd.DataFrame, people_csv: str, tmp_path: Path, how: str) -> None:
    path = people_csv
    if how == "gz":
        path = str(tmp_path / "people.csv.gz")
        Path(path).write_bytes(gzip.compress(Path(people_csv).read_bytes()))
    elif how == "zip":
        path = str(tmp_path / "people.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
            z.write(people_csv, "people.csv")
    frame = h2o.upload_file(path) if how == "upload_file" else h2o.import_file(path)
    assert frame.shape == people.shape
    assert frame.types == TYPES
    back = as_pandas(frame)
    assert back["name"].tolist() == people["name"].tolist()
    assert back["city"].tolist() == people["city"].tolist()
    np.testing.assert_array_equal(back["age"], people["age"])
    np.testing.assert_array_equal(back["income"], people["income"])


def test_python_objects_become_frames(h2o: Any, people: pd.DataFrame) -> None:
    assert h2o.H2OFrame(people).shape == people.shape
    by_name = h2o.H2OFrame({"x": [1, 2, None], "s": ["a", None, "c"]})
    assert by_name.names == ["x", "s"]
    assert by_name.nacnt() == [1.0, 0.0] or by_name["x"].nacnt() == [1.0]
    rows = h2o.H2OFrame([[1, 2.5], [3, 4.5]], column_names=["i", "r"])
    assert rows.types == {"i": "int", "r": "real"}
    assert rows[1, "r"] == 4.5


def test_head_tail_describe_and_summary(
    h2o: Any, people_csv: str, people: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = h2o.import_file(people_csv)
    assert as_pandas(frame.head(5))["name"].tolist() == people["name"].head(5).tolist()
    assert as_pandas(frame.tail(4))["name"].tolist() == people["name"].tail(4).tolist()
    frame.describe()
    frame.describe(chunk_summary=True)
    frame.show_summary()
    frame.show()
    assert "income" in capsys.readouterr().out
    assert frame["income"].mean()[0] == pytest.approx(people["income"].mean())
    assert frame["income"].sd()[0] == pytest.approx(people["income"].std())
    assert frame["age"].min() == people["age"].min() or np.isnan(frame["age"].min())


def test_slicing_filters_and_assignment(h2o: Any, people_csv: str, people: pd.DataFrame) -> None:
    frame = h2o.import_file(people_csv)
    old = frame[frame["age"] > 60, ["name", "age"]]
    assert as_pandas(old)["name"].tolist() == people[people.age > 60]["name"].tolist()
    assert frame[3, "name"] == "p3"
    assert frame[0:10, :].nrow == 10
    frame["double"] = frame["income"] * 2 + 1
    frame["rich"] = (frame["income"] > 30000).ifelse("rich", "poor").asfactor()
    back = as_pandas(frame)
    np.testing.assert_allclose(back["double"], people["income"] * 2 + 1)
    assert (back["rich"] == np.where(people["income"] > 30000, "rich", "poor")).all()
    frame[frame["city"] == "Oslo", "income"] = 0
    assert as_pandas(frame)["income"].tolist() == np.where(people.city == "Oslo", 0, people.income).tolist()


def test_arithmetic_matches_pandas(h2o: Any, people_csv: str, people: pd.DataFrame) -> None:
    frame = h2o.import_file(people_csv)
    for ours, theirs in (
        ((frame["age"] + 1) / frame["income"], (people.age + 1) / people.income),
        (frame["income"].log(), np.log(people.income)),
        (frame["age"] ** 2 - frame["income"] % 7, people.age**2 - np.fmod(people.income, 7)),
        (abs(frame["score"]).sqrt(), np.sqrt(np.abs(people.score))),
    ):
        np.testing.assert_allclose(as_pandas(ours).iloc[:, 0].to_numpy(float), theirs.to_numpy(float), rtol=1e-12)


def test_group_by(h2o: Any, people_csv: str, people: pd.DataFrame) -> None:
    frame = h2o.import_file(people_csv)
    grouped = as_pandas(frame.group_by("city").count().mean("income").sum("age", na="rm").max("score").get_frame())
    want = people.groupby("city").agg(n=("city", "size"), income=("income", "mean"), age=("age", "sum"), score=("score", "max"))
    assert grouped["city"].tolist() == want.index.tolist()
    assert grouped["nrow"].tolist() == want["n"].tolist()
    np.testing.assert_allclose(grouped["mean_income"], want["income"])
    np.testing.assert_allclose(grouped["sum_age"], want["age"])
    np.testing.assert_allclose(grouped["max_score"], want["score"])


def test_factors_levels_table_unique_quantile(h2o: Any, people_csv: str, people: pd.DataFrame) -> None:
    frame = h2o.import_file(people_csv)
    assert frame["city"].levels()[0] == sorted(people.city.unique())
    assert sorted(as_pandas(frame["city"].unique()).iloc[:, 0]) == sorted(people.city.unique())
    counts = as_pandas(frame["city"].table())
    assert dict(zip(counts["city"], counts["Count"], strict=True)) == people.city.value_counts().to_dict()
    quantiles = as_pandas(frame["income"].quantile([0.1, 0.5, 0.9]))
    np.testing.assert_allclose(quantiles.iloc[:, 1], people.income.quantile([0.1, 0.5, 0.9]))
    decade = (frame["age"] / 10).floor().asfactor()
    assert decade.isfactor() == [True]


def test_split_frame_is_a_partition_and_repeats_with_the_seed(h2o: Any, people_csv: str) -> None:
    frame = h2o.import_file(people_csv)
    parts = frame.split_frame([0.6, 0.2], seed=11)
    assert sum(p.nrow for p in parts) == frame.nrow
    assert 0.55 < parts[0].nrow / frame.nrow < 0.65
    again = frame.split_frame([0.6, 0.2], seed=11)
    assert [p.nrow for p in again] == [p.nrow for p in parts]
    names = pd.concat([as_pandas(p["name"]) for p in parts]).iloc[:, 0]
    assert len(set(names)) == frame.nrow


def test_rbind_cbind_sort_and_merge(h2o: Any) -> None:
    left = h2o.H2OFrame({"k": [3, 1, 2], "v": [30, 10, 20]})
    right = h2o.H2OFrame({"k": [1, 2, 4], "w": [0.1, 0.2, 0.4]})
    assert left.rbind(left).nrow == 6
    assert left.cbind(right["w"]).names == ["k", "v", "w"]
    assert as_pandas(left.sort("k"))["v"].tolist() == [10, 20, 30]
    merged = as_pandas(left.merge(right))
    assert merged.sort_values("k").to_numpy().tolist() == [[1, 10, 0.1], [2, 20, 0.2]]


def test_a_bad_path_is_an_error_and_leaves_nothing(h2o: Any) -> None:
    before = h2o.ls()["key"].tolist() if len(h2o.ls()) else []
    with pytest.raises((h2o.exceptions.H2OResponseError, h2o.exceptions.H2OServerError), match="nosuch"):
        h2o.import_file("/tmp/nosuch-file.csv")
    assert (h2o.ls()["key"].tolist() if len(h2o.ls()) else []) == before


def test_a_selection_that_is_imputed_fills_its_frame(h2o: Any, tmp_path: Path) -> None:
    (tmp_path / "holes.csv").write_text("age,income,c,g\n1,10,a,x\n,,a,x\n3,30,,y\n8,20,b,y\n")

    def people() -> Any:
        return h2o.upload_file(str(tmp_path / "holes.csv"), col_types=["numeric", "numeric", "enum", "enum"])

    frame = people()
    assert frame["age"].impute(method="median") == [4.0]
    assert (frame["age"].isna().sum(), frame.nacnt()) == (0, [0, 1, 1, 0])
    assert frame[["age", "income"]].impute() == [4.0, 20.0]
    assert frame["c"].impute(method="mode") == [0.0]
    assert frame.nacnt() == [0, 0, 0, 0]
    frame = people()
    table = frame[["c", "age", "g"]].impute("age", by="g")
    assert table.as_data_frame(use_multi_thread=False).values.tolist() == [["x", 1.0], ["y", 5.5]]
    assert frame.nacnt() == [0, 1, 1, 0]
    assert frame[-1, 0] == 8
    assert frame[-1, :].nrow == 1

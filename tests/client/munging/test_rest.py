"""What no other test of munging asks: the remaining methods of H2OFrame, and functions of the client that send expressions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from .conftest import columns, numbers


def test_looking_at_a_frame(fr: Any, table: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    assert (fr.nrows, fr.ncols, len(fr)) == (3000, 8, 3000)
    assert fr.col_names == list(table.columns)
    assert fr.ischaracter() == fr.isstring()
    assert "p" in fr.names
    fr.refresh()
    fr.structure()
    fr.get_summary()
    text = fr.get_frame_data()
    assert text.count("\n") in (3000, 3001)
    assert "3000 obs. of 8 variables" in capsys.readouterr().out


def test_remaining_methods(h2o: Any, fr: Any, table: pd.DataFrame, tmp_path: Path) -> None:
    from h2o.h2o import shallow_copy

    assert fr["n"].any_na_rm() == bool((table.n.dropna() != 0).any())
    top = fr.topNBottomN("p", 1, 1).as_data_frame()
    np.testing.assert_allclose(top.iloc[:, 1], np.sort(table.p)[::-1][:30])
    made = fr["t"].mktime(year=fr["t"].year(), month=0, day=3)
    np.testing.assert_array_equal(numbers(made.day()), 4)
    words = tmp_path / "words.txt"
    words.write_text("fox\nred\n")
    counted = numbers(fr["s"].num_valid_substrings(str(words)))
    assert np.nanmin(counted) >= 0
    sent = h2o.H2OFrame.from_python({"a": [1, 2], "b": ["x", "y"]})
    assert sent.dim == [2, 2]
    copy = h2o.deep_copy(fr[["p", "k"]], "copy")
    copy.col_names = ["q", "r"]
    assert copy.names == ["q", "r"]
    copy.detach()
    assert "copy" in h2o.ls()["key"].tolist()
    shallow = shallow_copy(fr[["p"]], "shallow")
    np.testing.assert_allclose(numbers(shallow), table.p)


def test_operators_of_python(fr: Any, table: pd.DataFrame) -> None:
    p, k = table.p.to_numpy(), table.k.to_numpy()
    found = columns(fr["p"].round(2), abs(fr["p"] - 5), ~(fr["k"] > 5), 2 ** (fr["k"] / 10), 7 // (fr["k"] + 1), 7 % (fr["k"] + 1))
    np.testing.assert_allclose(found[0], np.floor(p * 100 + 0.5) / 100, rtol=1e-12)
    expected = (np.abs(p - 5), ~(k > 5) * 1.0, 2 ** (k / 10), 7 // (k + 1), 7 % (k + 1))
    for got, wanted in zip(found[1:], expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)
    fr["k"] += 1
    assert fr["k"].min() == k.min() + 1


def test_functions_of_the_module(h2o: Any, fr: Any, table: pd.DataFrame) -> None:
    from h2o.information_retrieval import tf_idf

    assert h2o.assign(fr[["p"]], "kept").frame_id == "kept"
    documents = h2o.H2OFrame({"DocID": [0, 1], "Document": ["a b a", "b c"]}, column_types=["int", "string"])
    scores = tf_idf(documents, 0, 1, preprocess=True, case_sensitive=True).as_data_frame()
    assert set(scores.columns) >= {"DocID", "Word", "TF", "IDF", "TF-IDF"}
    pairs = h2o.interaction(fr, factors=["e", "f"], pairwise=True, max_factors=10, min_occurrence=1)
    assert pairs.nrow == 3000
    zones = h2o.rapids("(listTimeZones )")
    assert zones["num_rows"] > 100
    h2o.rapids('(setTimeZone "America/New_York")')
    try:
        assert h2o.rapids("(getTimeZone)")["string"] == "America/New_York"
    finally:
        h2o.rapids('(setTimeZone "UTC")')
    assert h2o.as_list(fr[0:3, "p"])["p"].tolist() == table.p[:3].tolist()


def test_functions_of_models(h2o: Any, fr: Any, table: pd.DataFrame) -> None:
    from h2o.estimators import H2OGeneralizedLinearEstimator

    kept = [H2OGeneralizedLinearEstimator(family="binomial", lambda_=v, model_id=f"glm{i}") for i, v in enumerate((0, 0.3))]
    for model in kept:
        model.train(["p", "k", "e"], "f", fr)
    board = h2o.make_leaderboard(kept, fr, sort_metric="logloss", extra_columns="ALL").as_data_frame()
    assert list(board.columns[:2]) == ["model_id", "logloss"]
    assert board.logloss.is_monotonic_increasing
    assert set(board.algo) == {"GLM"}
    predicted = kept[0].predict(fr)
    by_level = kept[0].predicted_vs_actual_by_variable(fr, predicted, "e").as_data_frame()
    actual = (table.f == "yes").groupby(table.e).mean()
    np.testing.assert_allclose(by_level.set_index("e").actual[actual.index], actual, rtol=1e-12)
    frames = kept[0].fairness_metrics(fr, ["e"], ["ant"], "yes")
    overview = frames["overview"].as_data_frame()
    assert len(overview) == 4
    assert overview.total.sum() == 3000
    models = H2OGeneralizedLinearEstimator(family="binomial", lambda_=0).train_segments(
        x=["p", "k"], y="f", training_frame=fr[fr["e"].isna() == 0, :], segments=["e"]
    )
    built = models.as_frame().as_data_frame()
    assert built.e.tolist() == ["ant", "bee", "cat"]
    assert set(built.status) == {"SUCCEEDED"}
    assert h2o.get_model(built.model[0]).model_id == built.model[0]

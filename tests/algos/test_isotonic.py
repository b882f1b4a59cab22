"""Isotonic regression against the min-max formula, out of bounds, and as a MOJO."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.capabilities.testing import MojoFile
from h2ok.ext.models.mojo import pack
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel.testing import local_cloud


def best_monotone(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The value of the monotone fit at each x: the largest over starts of the smallest over ends of the mean between."""
    values, at = np.unique(x, return_inverse=True)
    total, sums = np.bincount(at, weights=w), np.bincount(at, weights=w * y)
    n = len(values)
    mean = np.array([np.append(np.full(i, np.inf), np.cumsum(sums[i:]) / np.cumsum(total[i:])) for i in range(n)])
    return np.array([mean[: j + 1, j:].min(axis=1).max() for j in range(n)])[at]


@pytest.fixture
def columns() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(8)
    x = rng.integers(0, 60, 400).astype(float)
    return {"x": x, "y": np.sqrt(x) + rng.normal(size=400), "w": rng.integers(1, 4, 400).astype(float)}


def put(lab: Any, key: str, columns: dict[str, Any]) -> None:
    lab.node.frames.from_columns(key, columns, chunk_rows=70)


def predict(lab: Any, model: Any, x: Any) -> np.ndarray:
    put(lab, "new", {model.output.columns.names[0]: np.asarray(x, dtype=float)})
    frame, _ = predict_frame(lab.node, model, lab.node.frames.get("new"), "p")
    return frame.to_numpy(lab.node)[:, 0]


@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_best_monotone_fit(lab: Any, columns: dict[str, np.ndarray], weighted: bool) -> None:
    put(lab, "t", columns)
    more = {"weights_column": "w"} if weighted else {}
    model = lab.train("isotonicregression", "y", ("x",), training_frame="t", **more)
    expected = best_monotone(columns["x"], columns["y"], columns["w"] if weighted else np.ones(400))
    np.testing.assert_allclose(predict(lab, model, columns["x"]), expected, atol=1e-12)
    extra = model.output.extra
    assert (extra["min_x"], extra["max_x"]) == (columns["x"].min(), columns["x"].max())
    assert extra["thresholds_y"] == sorted(extra["thresholds_y"])
    between = predict(lab, model, [extra["thresholds_x"][0] / 2 + extra["thresholds_x"][1] / 2])[0]
    assert between == pytest.approx((extra["thresholds_y"][0] + extra["thresholds_y"][1]) / 2)


def test_levels_of_the_response_count_as_numbers(lab: Any) -> None:
    x, y, z = (lab.frame.vec(n).to_numpy(lab.node) for n in ("x1", "y", "k"))
    for name, codes in (("y", y), ("k", z)):
        model = lab.train("isotonicregression", name, ("x1",), nfolds=2)
        assert model.output.category == "Regression"
        np.testing.assert_allclose(predict(lab, model, x), best_monotone(x, codes, np.ones(600)), atol=1e-12)
        assert model.output.training_metrics.number("MSE") == pytest.approx(((predict(lab, model, x) - codes) ** 2).mean())


def test_out_of_bounds(lab: Any, columns: dict[str, np.ndarray]) -> None:
    put(lab, "t", columns)
    outside = [-1.0, 1000.0, np.nan]
    plain = lab.train("isotonicregression", "y", ("x",), training_frame="t")
    assert np.isnan(predict(lab, plain, outside)).all()
    clipped = lab.train("isotonicregression", "y", ("x",), training_frame="t", out_of_bounds="clip")
    ends = clipped.output.extra["thresholds_y"]
    np.testing.assert_array_equal(predict(lab, clipped, outside), [ends[0], ends[-1], np.nan])


def test_rows_with_missing_values_do_not_count(lab: Any, columns: dict[str, np.ndarray]) -> None:
    holes = {k: np.append(v, v[:3]) for k, v in columns.items()}
    holes["x"][-3], holes["y"][-2], holes["w"][-1] = np.nan, np.nan, np.nan
    put(lab, "t", columns)
    put(lab, "h", holes)
    a, b = (
        lab.train("isotonicregression", "y", ("x",), training_frame=k, weights_column="w").output.extra["thresholds_y"]
        for k in ("t", "h")
    )
    assert a == b


def test_the_same_bits_on_any_cloud(lab_class: Any, columns: dict[str, np.ndarray]) -> None:
    found = []
    for n in (1, 3):
        with local_cloud(n) as nodes:
            lab = lab_class(nodes)
            put(lab, "t", columns)
            model = lab.train(
                "isotonicregression", "y", ("x",), training_frame="t", nfolds=2, fold_assignment="Modulo", out_of_bounds="clip"
            )
            found.append((model.state.y.tobytes(), model.output.cross_validation_metrics.number("MSE")))
            lab.runtime.close()
    assert found[0] == found[1]


def test_other_predictors_are_refused(lab: Any) -> None:
    for ignored, words in ((["x2", "c"], ""), (["c"], "exactly one predictor"), (["x1", "x2"], "'c' is categorical")):
        names = [n for n in lab.frame.names if n not in ("x1", "x2", "c", "z")]
        builder = lab.builder("isotonicregression", training_frame="tr", response_column="z", ignored_columns=[*names, *ignored])
        if not words:
            assert lab.node.jobs.wait(builder.start().key).status == "DONE"
            continue
        with pytest.raises(ModelBuilderError, match=words):
            builder.start()


def test_its_mojo_holds_the_thresholds(lab: Any, columns: dict[str, np.ndarray]) -> None:
    put(lab, "t", columns)
    model = lab.train("isotonicregression", "y", ("x",), training_frame="t")
    mojo = MojoFile.read(pack(model))
    assert (mojo.info["algo"], mojo.info["n_features"]) == ("isotonicregression", 1)
    for name, values in (("calib/thresholds_x", model.state.x), ("calib/thresholds_y", model.state.y)):
        data = mojo.files[name]
        assert struct.unpack_from(">i", data) == (len(values),)
        np.testing.assert_array_equal(np.frombuffer(data, ">f8", offset=4), values)

"""Calibrated probabilities against their definitions, and what can be calibrated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import BadRequestError, ModelBuilderError
from h2ok.ext.models.calibration import CALIBRATION
from h2ok.ext.models.primitives import set_calibration
from h2ok.ext.models.scoring import predict_frame


def predicted(lab: Any, model: Any, key: str) -> tuple[tuple[str, ...], np.ndarray]:
    frame, _ = predict_frame(lab.node, model, lab.node.frames.get(key), "p")
    return frame.names, frame.subframe(frame.names[1:]).to_numpy(lab.node)


def train(lab: Any, method: str, **more: Any) -> Any:
    lab.put_frame("cal", seed=11)
    return lab.train("gbm", "y", ntrees=5, seed=1, calibrate_model=True, calibration_frame="cal", calibration_method=method, **more)


def test_platt_scaling_maximises_the_likelihood(lab: Any) -> None:
    model = train(lab, "AUTO")
    assert model.parameters["calibration_method"] == "PlattScaling"
    names, p = predicted(lab, model, "cal")
    assert names == ("predict", "no", "yes", "cal_no", "cal_yes")
    np.testing.assert_allclose(p[:, 2] + p[:, 3], 1)
    y = lab.node.frames.get("cal").vec("y").to_numpy(lab.node)
    # At the optimum residuals are orthogonal to the constant and to the probability.
    assert abs((y - p[:, 3]).sum()) < 1e-6
    assert abs(((y - p[:, 3]) * p[:, 1]).sum()) < 1e-6
    logit = np.log(p[:, 3] / p[:, 2])
    np.testing.assert_allclose(np.polyval(np.polyfit(p[:, 1], logit, 1), p[:, 1]), logit, atol=1e-9)


def test_isotonic_regression_is_the_best_monotone_fit(lab: Any) -> None:
    model = train(lab, "IsotonicRegression")
    _, p = predicted(lab, model, "cal")
    y = lab.node.frames.get("cal").vec("y").to_numpy(lab.node)
    values, at = np.unique(p[:, 1], return_inverse=True)
    w, s = np.bincount(at), np.bincount(at, weights=y)
    # Min-max formula of isotonic regression.
    n = len(values)
    mean = np.full((n, n), np.nan)
    for i in range(n):
        mean[i, i:] = np.cumsum(s[i:]) / np.cumsum(w[i:])
    best = [max(np.nanmin(mean[i, j:]) for i in range(j + 1)) for j in range(n)]
    np.testing.assert_allclose(p[:, 3], np.array(best)[at], atol=1e-12)


def test_weights_of_the_calibration_frame_count(lab: Any) -> None:
    plain, weighted = train(lab, "AUTO"), train(lab, "AUTO", weights_column="w")
    a, b = (m.attachments[CALIBRATION] for m in (plain, weighted))
    assert (a.intercept, a.slope) != (b.intercept, b.slope)


def test_cross_validation_predicts_without_calibration(lab: Any) -> None:
    model = train(lab, "AUTO", nfolds=2, keep_cross_validation_predictions=True)
    holdout = lab.node.frames.get(model.output.cross_validation_holdout)
    assert holdout.names == ("predict", "no", "yes")


def test_another_model_calibrates(lab: Any) -> None:
    lab.put_frame("cal", seed=11)
    model = lab.train("gbm", "y", ntrees=5, seed=1)
    _, p = predicted(lab, model, "cal")
    y = lab.node.frames.get("cal").vec("y").to_numpy(lab.node)
    lab.node.frames.from_columns("probabilities", {"p1": p[:, 1], "y": y})
    isotonic = lab.train("isotonicregression", "y", ("p1",), training_frame="probabilities")
    assert set_calibration(lab, model, isotonic) == "OK"
    calibrated = lab.node.dkv.require(model.key)
    same = train(lab, "IsotonicRegression")
    names, found = predicted(lab, calibrated, "tr")
    assert names == ("predict", "no", "yes", "cal_no", "cal_yes")
    np.testing.assert_array_equal(found, predicted(lab, same, "tr")[1])
    with pytest.raises(BadRequestError, match="which cannot calibrate"):
        set_calibration(lab, calibrated, model)
    with pytest.raises(BadRequestError, match="Only models of two classes"):
        set_calibration(lab, isotonic, isotonic)


@pytest.mark.parametrize(
    ("response", "more", "words"),
    [
        ("z", {"calibration_frame": "tr"}, "only currently supported for binomial"),
        ("y", {}, "Calibration frame was not specified"),
        ("y", {"calibration_frame": "short"}, "is missing response column 'y'"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(lab: Any, response: str, more: dict[str, Any], words: str) -> None:
    lab.node.frames.from_columns("short", {"x1": np.arange(3.0)})
    with pytest.raises(ModelBuilderError, match=words):
        lab.builder("gbm", training_frame="tr", response_column=response, calibrate_model=True, **more).start()

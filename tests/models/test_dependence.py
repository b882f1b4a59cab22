"""Partial dependence against predictions made by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from h2ok.ext.models.partial_dependence import PartialDependencePlan, compute
from h2ok.ext.models.routes_dependence import fetch, start
from h2ok.ext.models.schemas import PartialDependenceV3
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel import Frame, IllegalArgumentError


def by_hand(lab: Any, model: Any, values: dict[str, float], column: int) -> np.ndarray:
    """Predictions with some columns held at one value."""
    node, frame = lab.node, lab.frame
    n = frame.n_rows
    columns, domains = {}, {}
    for name in ("x1", "x2", "c"):
        held = frame.subframe([name]).to_numpy(node)[:, 0]
        array = np.full(n, values[name]) if name in values else held
        domain = frame.vec(name).domain
        columns[name] = np.where(np.isnan(array), -1, array).astype(np.int32) if domain else array
        if domain:
            domains[name] = domain
    made = node.frames.from_columns("held", columns, domains=domains, chunk_rows=100)
    predictions, _ = predict_frame(node, model, made, "held_p")
    return predictions.to_numpy(node)[:, column]


def plan_of(lab: Any, model: Any, *columns: str, **more: Any) -> PartialDependencePlan:
    settings: dict[str, Any] = {"pairs": (), "n_bins": 5, **more}
    return PartialDependencePlan(model, lab.frame, columns, settings.pop("pairs"), settings.pop("n_bins"), **settings)


def test_numbers_levels_and_pairs_match_predictions(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees=3, seed=1)
    plan = plan_of(lab, model, "x1", "c", pairs=(("x1", "c"),), add_missing=True)
    plan.check()
    one, two, both = compute(lab.node, plan)
    assert one.n_rows == 6
    assert two.n_rows == 5
    assert both.n_rows == 30
    assert two.column("c")[-1] == ".missing(NA)"
    assert math.isnan(one.column("x1")[-1])
    for value, mean, sd in zip(one.column("x1"), one.column("mean_response"), one.column("stddev_response"), strict=True):
        p = by_hand(lab, model, {"x1": value}, 2)
        assert mean == pytest.approx(p.mean(), abs=1e-12)
        assert sd == pytest.approx(p.std(ddof=1), abs=1e-12)
    p = by_hand(lab, model, {"x1": both.column("x1")[7], "c": 2.0}, 2)
    assert both.column("mean_response")[7] == pytest.approx(p.mean(), abs=1e-12)


def test_one_row_weights_and_splits(lab: Any) -> None:
    model = lab.train("glm", "z", lambda_=[0.0])
    row = compute(lab.node, plan_of(lab, model, "x1", row=150, splits={"x1": [0.5, 2.0]}))[0]
    assert row.column("x1") == [0.5, 2.0]
    assert row.column("stddev_response") == [0.0, 0.0]
    assert row.column("mean_response")[1] == pytest.approx(by_hand(lab, model, {"x1": 2.0}, 0)[150], abs=1e-12)
    weighted = compute(lab.node, plan_of(lab, model, "x1", weights=lab.frame.find("w")))[0]
    w = lab.frame.subframe(["w"]).to_numpy(lab.node)[:, 0]
    p = by_hand(lab, model, {"x1": weighted.column("x1")[2]}, 0)
    assert weighted.column("mean_response")[2] == pytest.approx((w * p).sum() / w.sum(), abs=1e-12)


def test_each_target_has_its_table(lab: Any) -> None:
    model = lab.train("gbm", "k", ntrees=2, seed=1)
    low, high = compute(lab.node, plan_of(lab, model, "x1", targets=("low", "high")))
    p = by_hand(lab, model, {"x1": low.column("x1")[0]}, 1)
    assert low.column("mean_response")[0] == pytest.approx(p.mean(), abs=1e-12)
    assert low != high
    with pytest.raises(IllegalArgumentError, match="needs targets"):
        plan_of(lab, model, "x1").check()
    with pytest.raises(IllegalArgumentError, match="no class"):
        plan_of(lab, model, "x1", targets=("blue",)).check()


def test_the_job_answers_with_tables(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees=2, seed=1)
    request = PartialDependenceV3.parse(
        {"model_id": model.key, "frame_id": "tr", "cols": '["x1"]', "nbins": "4", "col_pairs_2dpdp": "[[x1,x2]]"}
    )
    answer = lab.call(start, request=request)
    assert lab.node.jobs.wait(answer["key"]["name"]).status == "DONE"
    tables = lab.call(fetch, {"name": answer["dest"]["name"]})["partial_dependence_data"]
    assert [t["rowcount"] for t in tables] == [4, 16]
    assert lab.call(fetch, {"name": "nothing"})["partial_dependence_data"] is None


def test_too_many_levels_are_refused(lab: Any) -> None:
    model = lab.train("gbm", "y", ntrees=1, seed=1)
    assert isinstance(lab.frame, Frame)
    with pytest.raises(IllegalArgumentError, match="Raise nbins"):
        plan_of(lab, model, "c", n_bins=2).check()
    with pytest.raises(IllegalArgumentError, match="beyond"):
        plan_of(lab, model, "x1", row=600).check()

"""Contributions and leaves of XGBoost models."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from h2ok.ext.models.schemas import ModelMetricsListSchemaV3
from h2ok.ext.models.scoring import predict_frame, transform_frame
from h2ok.kernel import Frame, IllegalArgumentError, random_key

pytest.importorskip("xgboost")


def asked(lab: Any, model: Any, kind: str, **flags: Any) -> Frame:
    request = ModelMetricsListSchemaV3.parse({kind: "true", **{k: str(v) for k, v in flags.items()}})
    how = model.state.transform(kind, request, model.output.columns)
    return transform_frame(lab.node, model, lab.node.frames.get("tr"), random_key("out"), how)[0]


@pytest.mark.parametrize("dmatrix_type", ["dense", "sparse"])
def test_contributions_add_up_to_the_margin(lab: Any, dmatrix_type: str) -> None:
    model = lab.train("y", ntrees=4, max_depth=3, seed=1, dmatrix_type=dmatrix_type)
    frame = asked(lab, model, "predict_contributions")
    assert frame.names[:5] == ("c.a", "c.b", "c.cc", "c.d", "c.missing(NA)")
    margin = frame.to_numpy(lab.node).sum(axis=1)
    p = predict_frame(lab.node, model, lab.node.frames.get("tr"), "p")[0].to_numpy(lab.node)[:, 2]
    np.testing.assert_allclose(1 / (1 + np.exp(-margin)), p, atol=1e-5)
    compact = asked(lab, model, "predict_contributions", predict_contributions_output_format="Compact")
    assert set(compact.names) == {*model.output.columns.names, "BiasTerm"}
    np.testing.assert_allclose(compact.to_numpy(lab.node).sum(axis=1), margin, atol=1e-5)
    ranked = asked(lab, model, "predict_contributions", top_n=2).to_numpy(lab.node)
    np.testing.assert_array_equal(ranked[:, 1], frame.to_numpy(lab.node)[:, :-1].max(axis=1))


def test_leaves_by_way_and_by_number(lab: Any) -> None:
    model = lab.train("k", ntrees=2, max_depth=3, seed=1)
    ways = asked(lab, model, "leaf_node_assignment")
    assert ways.names == tuple(f"T{t}.C{c}" for t in (1, 2) for c in (1, 2, 3))
    numbers = asked(lab, model, "leaf_node_assignment", leaf_node_assignment_type="Node_ID").to_numpy(lab.node)
    codes = ways.to_numpy(lab.node)
    for t, vec in enumerate(ways.vecs):
        pairs = set(zip(codes[:, t], numbers[:, t], strict=True))
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
        assert all(set(level) <= set("LR") for level in vec.domain or ())


def test_what_a_model_cannot_tell_is_refused_by_name(lab: Any) -> None:
    several = lab.train("k", ntrees=1, seed=1)
    with pytest.raises(IllegalArgumentError, match="several classes"):
        asked(lab, several, "predict_contributions")
    with pytest.raises(IllegalArgumentError, match="feature_frequencies"):
        several.state.transform("feature_frequencies", SimpleNamespace(), several.output.columns)
    linear = lab.train("z", ntrees=1, seed=1, booster="gblinear")
    with pytest.raises(IllegalArgumentError, match="gblinear"):
        asked(lab, linear, "leaf_node_assignment")

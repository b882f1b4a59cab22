"""The same data and seed give the same bits on any number of nodes; every node predicts alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel.testing import local_cloud

pytest.importorskip("xgboost")

CASES: list[dict[str, Any]] = [
    {"y": "y", "sample_rate": "0.8", "col_sample_rate": "0.7"},
    {"y": "k", "x": ("x1", "x2", "c", "hi"), "dmatrix_type": "sparse", "nfolds": "2"},
    {"y": "z", "weights_column": "w", "booster": "gblinear"},
    {"y": "cnt", "distribution": "poisson", "booster": "dart", "rate_drop": "0.2", "validation_frame": "tr"},
]


@pytest.mark.parametrize("params", CASES, ids=lambda p: p["y"])
def test_bits_do_not_depend_on_nodes(lab_class: Any, params: dict[str, Any]) -> None:
    found = []
    for n in (1, 1, 3):
        with local_cloud(n) as nodes:
            lab = lab_class(nodes)
            model = lab.train(**params)
            frame, _ = predict_frame(lab.node, model, lab.frame, "p")
            metrics = {k: v for k, v in model.output.training_metrics.fields.items() if isinstance(v, float)}
            cv = model.output.cross_validation_metrics
            found.append((model.state.raw, frame.to_numpy(lab.node), metrics, None if cv is None else cv.mse))
            lab.runtime.close()
    for raw, p, metrics, cv in found[1:]:
        np.testing.assert_array_equal(raw, found[0][0])
        np.testing.assert_array_equal(p, found[0][1])
        np.testing.assert_equal(metrics, found[0][2])
        assert cv == found[0][3]

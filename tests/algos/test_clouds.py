"""The same data and seed give the same bits on any number of nodes and threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel.testing import local_cloud

CASES: list[tuple[str, dict[str, Any]]] = [
    ("gbm", {"y": "y", "ntrees": "6", "seed": "7", "sample_rate": "0.8", "col_sample_rate": "0.7"}),
    ("gbm", {"y": "k", "ntrees": "4", "seed": "7", "nfolds": "2"}),
    ("gbm", {"y": "z", "ntrees": "4", "seed": "7", "weights_column": "w"}),
    ("drf", {"y": "y", "ntrees": "6", "seed": "7", "nfolds": "2"}),
    ("drf", {"y": "k", "ntrees": "3", "seed": "7", "weights_column": "w"}),
    ("glm", {"y": "y", "seed": "7"}),
    ("glm", {"y": "z", "seed": "7", "nfolds": "3", "lambda": "0"}),
    ("glm", {"y": "k", "seed": "7", "alpha": "0.5", "lambda": "0.01"}),
    ("naivebayes", {"y": "k", "seed": "7", "nfolds": "2"}),
]


@pytest.mark.parametrize(("algo", "params"), CASES, ids=lambda v: v if isinstance(v, str) else v["y"])
def test_bits_do_not_depend_on_nodes_or_threads(lab_class: Any, algo: str, params: dict[str, Any]) -> None:
    found = []
    for n, threads in ((1, 1), (1, 2), (3, 2)):
        with local_cloud(n, nthreads=threads) as nodes:
            lab = lab_class(nodes)
            model = lab.train(algo, **params)
            frame, _ = predict_frame(lab.node, model, lab.frame, "p")
            metrics = {k: v for k, v in model.output.training_metrics.fields.items() if isinstance(v, float)}
            cv = model.output.cross_validation_metrics
            found.append((frame.to_numpy(lab.node), metrics, None if cv is None else cv.mse))
            lab.runtime.close()
    for p, metrics, cv in found[1:]:
        np.testing.assert_array_equal(p, found[0][0])
        np.testing.assert_equal(metrics, found[0][1])
        assert cv == found[0][2]

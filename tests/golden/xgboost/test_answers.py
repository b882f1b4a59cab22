"""XGBoost against what H2O-3 answered (``answers.json``, made by ``record.py``).

Both end in the same library, given the same matrix and parameters, so predictions agree to the rounding of float32. H2O sums its
importances in float32: 1e-4.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities import Registry, Runtime
from h2ok.capabilities.registry import Loaded
from h2ok.ext.models.builders import builder_class
from h2ok.ext.models.extension import extension as models
from h2ok.ext.models.scoring import predict_frame
from h2ok.ext.xgboost.extension import extension as xgb
from h2ok.kernel.testing import local_cloud

pytest.importorskip("xgboost")
HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "answers.json").read_text())["cases"]


def _record() -> Any:
    spec = importlib.util.spec_from_file_location("record_xgboost", HERE / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Runtime, Any]]:
    record = _record()
    with local_cloud(1) as nodes:
        runtime = Runtime(nodes[0], Registry([Loaded(e.name, e, "test", "0", "active") for e in (models, xgb)]))
        nodes[0].frames.from_columns("made", record.columns(), domains=record.LEVELS, chunk_rows=64)
        yield runtime, record
        runtime.close()


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_agrees_with_h2o(server: tuple[Runtime, Any], name: str) -> None:
    runtime, record = server
    y, x, params = record.CASES[name]
    frame, want = runtime.node.frames.get("made"), GOLDEN[name]
    keep = {*x, y, *(v for k, v in params.items() if k.endswith("_column"))}
    sent = {k: [{"key": a, "value": b} for a, b in v.items()] if isinstance(v, dict) else v for k, v in params.items()}
    sent |= {"training_frame": "made", "response_column": y, "ignored_columns": [n for n in frame.names if n not in keep]}
    cls = builder_class(runtime, "xgboost")
    job = runtime.node.jobs.wait(cls(runtime, cls.parameters.parse({"ntrees": 5, "seed": 1, **sent})).start().key)
    assert job.status == "DONE", job.stacktrace
    model: Any = runtime.node.dkv.get(job.dest)
    found = predict_frame(runtime.node, model, frame, "p")[0].to_numpy(runtime.node)
    np.testing.assert_allclose((found[:, 1:] if model.is_classifier else found)[::20], want["predictions"], rtol=1e-6, atol=1e-6)
    assert model.output.training_metrics.mse == pytest.approx(want["mse"], rel=1e-5)
    table = model.output.extra["variable_importances"]
    assert (table is None) == (want["importances"] is None)
    if table is not None:
        assert table.column("variable") == [n for n, _ in want["importances"]]
        np.testing.assert_allclose(table.column("relative_importance"), [v for _, v in want["importances"]], rtol=1e-4)

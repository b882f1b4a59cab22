"""Saving and loading: the format, the routes, and predictions that stay the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.removal import remove_key
from h2ok.ext.models.grid import Grid
from h2ok.ext.models.model import Model
from h2ok.ext.models.scoring import predict_frame
from h2ok.ext.models.storage import pack, restore, saved, unpack


@pytest.mark.parametrize(("algo", "y"), [("gbm", "k"), ("glm", "y")])
def test_a_loaded_model_predicts_the_same_bits(lab: Any, algo: str, y: str) -> None:
    model = lab.train(algo, y, seed=1, nfolds=2)
    before = predict_frame(lab.node, model, lab.frame, "p1")[0].to_numpy(lab.node)
    data = saved(lab.runtime, model)
    lab.node.dkv.remove_many([model.key, *model.output.cross_validation_models])
    again = restore(lab.runtime, data, (Model, Grid))
    assert isinstance(again, Model)
    assert again.parameters == model.parameters
    assert again.to_json([]) == model.to_json([])
    after = predict_frame(lab.node, again, lab.frame, "p2")[0].to_numpy(lab.node)
    np.testing.assert_array_equal(before, after)
    assert all(lab.node.dkv.get(k) is not None for k in model.output.cross_validation_models)


def test_garbage_cut_and_changed_files_are_refused() -> None:
    data = pack({"kind": "model", "a": np.arange(50.0)})
    assert unpack(data)["a"][7] == 7.0
    for bad, words in (
        (b"a,b\n1,2\n", "magic number"),
        (data[:30], "cut short|bytes"),
        (data[:-9], "bytes"),
        (data[:-20] + b"x" + data[-19:], "changed"),
        (data[:8] + b"\x09" + data[9:], "format 9"),
    ):
        with pytest.raises(BadRequestError, match=words):
            unpack(bad)


def test_other_values_are_refused(lab: Any, tmp_path: Path) -> None:
    assert tmp_path.exists()
    with pytest.raises(BadRequestError, match="no model"):
        restore(lab.runtime, pack([1, 2]), (Model, Grid))


def test_held_out_predictions_come_back_with_the_model(lab: Any) -> None:
    model = lab.train("gbm", "k", seed=1, nfolds=2, ntrees=2, keep_cross_validation_predictions=True)
    key = model.output.cross_validation_holdout
    before, domain = lab.node.frames.get(key).to_numpy(lab.node), lab.node.frames.get(key).vecs[0].domain
    files = {predictions: saved(lab.runtime, model, predictions=predictions) for predictions in (False, True)}
    for predictions, data in files.items():
        remove_key(lab.runtime, model.key)
        restore(lab.runtime, data, (Model, Grid))
        assert (lab.node.dkv.get(key) is not None) is predictions
    after = lab.node.frames.get(key)
    np.testing.assert_array_equal(after.to_numpy(lab.node), before)
    assert after.vecs[0].domain == domain
    assert all(lab.node.dkv.get(k) is not None for k in model.output.cross_validation_predictions)

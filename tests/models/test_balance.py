"""Balanced classes: as many rows of each, and probabilities that are right again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.ext.models.balance import CLASS_SHARES, balance
from h2ok.ext.models.mojo import pack
from h2ok.ext.models.rows import Rows, RowsTask
from h2ok.ext.models.scoring import predict_frame
from h2ok.kernel import IllegalArgumentError
from h2ok.kernel.testing import local_cloud

N = 3000


def put(lab: Any, key: str = "rare") -> np.ndarray:
    rng = np.random.default_rng(5)
    x = rng.normal(size=N)
    y = (rng.random(N) < 0.15 / (1 + np.exp(-2 * x))).astype(np.int32)
    lab.node.frames.from_columns(key, {"x": x, "y": y}, domains={"y": ("no", "yes")}, chunk_rows=500)
    return y


def counted(lab: Any, factors: list[float] | None, max_size: float = 5.0, seed: int = 3) -> tuple[np.ndarray, Any]:
    """How often each row counts."""

    class Weights(RowsTask):
        def map_rows(self, rows: Rows) -> list[tuple[int, np.ndarray]]:
            return [(rows.start, rows.weights())]

        def reduce(self, left: Any, right: Any) -> Any:
            return [*left, *right]

    builder = lab.builder("gbm", training_frame="rare", response_column="y")
    builder.check()
    data, shares = balance(builder.data, factors, max_size, seed)
    parts = sorted(data.do_all(Weights(data.spec)).value, key=lambda p: p[0])
    return np.concatenate([w for _, w in parts]), shares


def test_all_classes_are_as_frequent_as_the_most_frequent(lab: Any) -> None:
    y = put(lab)
    w, shares = counted(lab, None)
    assert (w[y == 0] == 1).all()
    assert w[y == 1].sum() == pytest.approx((y == 0).sum(), rel=0.03)
    factor = (y == 0).sum() / (y == 1).sum()
    assert set(w[y == 1]) == {np.floor(factor), np.floor(factor) + 1}
    np.testing.assert_allclose(shares.prior, [1 - y.mean(), y.mean()])
    np.testing.assert_allclose(shares.model, [0.5, 0.5])


def test_factors_and_the_largest_size(lab: Any) -> None:
    y = put(lab)
    w, shares = counted(lab, [0.5, 3.0])
    assert w[y == 0].mean() == pytest.approx(0.5, abs=0.05)
    assert (w[y == 1] == 3).all()
    bounded, _ = counted(lab, None, max_size=1.2)
    assert bounded.sum() == pytest.approx(1.2 * N, rel=0.03)
    again, _ = counted(lab, [0.5, 3.0])
    np.testing.assert_array_equal(w, again)
    assert (counted(lab, [0.5, 3.0], seed=4)[0] != w).any()
    assert shares.model[1] == pytest.approx(3 * y.sum() / (3 * y.sum() + 0.5 * (y == 0).sum()))


@pytest.mark.parametrize("algo", ["gbm", "drf", "naivebayes", "glm"])
def test_predicted_probabilities_have_the_real_share(lab: Any, algo: str) -> None:
    y = put(lab)
    model = lab.train(algo, "y", ("x",), training_frame="rare", seed=1, balance_classes=True)
    frame, _ = predict_frame(lab.node, model, lab.node.frames.get("rare"), "p")
    p = frame.to_numpy(lab.node)[:, 1:]
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert p[:, 1].mean() == pytest.approx(y.mean(), rel=0.35)
    if algo == "glm":
        with pytest.raises(IllegalArgumentError, match="balance_classes"):
            pack(model)
    # Without the correction it would be about one half.
    assert model.attachments[CLASS_SHARES].model[1] == pytest.approx(0.5)


def test_folds_are_balanced_and_corrected_too(lab: Any) -> None:
    y = put(lab)
    more = {"nfolds": 3, "fold_assignment": "Modulo", "keep_cross_validation_predictions": True}
    model = lab.train("gbm", "y", ("x",), training_frame="rare", seed=1, ntrees=10, balance_classes=True, **more)
    held = lab.node.frames.get(model.output.cross_validation_holdout).to_numpy(lab.node)
    assert held[:, 2].mean() == pytest.approx(y.mean(), rel=0.35)


def test_the_same_bits_on_any_cloud(lab_class: Any) -> None:
    found = []
    for n in (1, 3):
        with local_cloud(n) as nodes:
            lab = lab_class(nodes)
            put(lab)
            model = lab.train("gbm", "y", ("x",), training_frame="rare", seed=1, ntrees=5, balance_classes=True)
            frame, _ = predict_frame(lab.node, model, lab.node.frames.get("rare"), "p")
            found.append(frame.to_numpy(lab.node).tobytes())
            lab.runtime.close()
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "more",
    [
        {"balance_classes": True, "class_sampling_factors": [1.0]},
        {"balance_classes": True, "class_sampling_factors": [1.0, -1.0]},
        {"balance_classes": True, "class_sampling_factors": [0.0, 0.0]},
        {"class_sampling_factors": [1.0, 1.0]},
    ],
)
def test_wrong_factors_are_refused(lab: Any, more: dict[str, Any]) -> None:
    put(lab)
    with pytest.raises(ModelBuilderError, match="class_sampling_factors needs"):
        lab.builder("gbm", training_frame="rare", response_column="y", **more).start()

"""XGBoost's MOJO: the booster in the library's old binary layout, which H2O's scoring library reads."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.models import Mojo
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.models import Model
    from h2ok.ext.xgboost.boosted import Boosted

__all__ = ["booster_bytes", "mojo"]

_NODE = np.dtype([("parent", "<i4"), ("left", "<i4"), ("right", "<i4"), ("split", "<u4"), ("value", "<f4")])
_STATISTICS = np.dtype([("gain", "<f4"), ("cover", "<f4"), ("weight", "<f4"), ("leaf_children", "<i4")])
_HIGH_BIT = np.uint32(1 << 31)
_ROOT = 2**31 - 1


def mojo(state: Boosted, model: Model) -> Mojo:
    """The files of a model."""
    e, names = state.expansion, model.output.columns.names
    kinds = ["i"] * int(e.first[-1]) + ["q"] * len(e.numeric)
    lines = (f"{i} {name.replace(' ', '_')} {kind}\n" for i, (name, kind) in enumerate(zip(e.names, kinds, strict=True)))
    return Mojo(
        "XGBoost",
        "xgboost",
        "1.10",
        {
            "nums": len(e.numeric),
            "cats": len(e.categorical),
            "cat_offsets": e.first,
            "use_all_factor_levels": True,
            "sparse": e.sparse,
            "booster": state.booster,
            "ntrees": state.rounds,
            "use_java_scoring_by_default": True,
            "has_offset": state.has_offset,
        },
        {"boosterBytes": booster_bytes(json.loads(state.saved_json())), "feature_map": "".join(lines).encode()},
        inputs=tuple(names[j] for j in (*e.categorical, *e.numeric)),
    )


def booster_bytes(saved: dict[str, Any]) -> bytes:
    """A booster, given as the library's JSON model, in the binary layout of version 1.6."""
    learner = saved["learner"]
    declared, booster = learner["learner_model_param"], learner["gradient_booster"]
    base = float(np.ravel(json.loads(str(declared["base_score"])))[0])
    width, classes = int(declared["num_feature"]), int(declared["num_class"])
    head = struct.pack("<fIiiiII27i", base, width, classes, 0, 0, 1, 6, *[0] * 27)
    name = str(booster["name"])
    body = b"binf" + head + _text(str(learner["objective"]["name"])) + _text(name)
    if name == "gblinear":
        weights = np.asarray(booster["model"]["weights"], dtype="<f4")
        return body + struct.pack("<Ii128xQ", width, max(classes, 1), len(weights)) + weights.tobytes()
    body += _trees((booster["gbtree"] if name == "dart" else booster)["model"], width, max(classes, 1))
    if name == "dart":
        drops = np.asarray(booster["weight_drop"], dtype="<f4")
        body += struct.pack("<Q", len(drops)) + drops.tobytes()
    return body


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def _trees(model: dict[str, Any], width: int, groups: int) -> bytes:
    trees = model["trees"]
    head = struct.pack("<iiiiqii128x", len(trees), 1, width, 0, 0, groups, 0)
    return b"".join([head, *(_tree(t, width) for t in trees), np.asarray(model["tree_info"], dtype="<i4").tobytes()])


def _tree(tree: dict[str, Any], width: int) -> bytes:
    left = np.asarray(tree["left_children"], dtype=np.int32)
    parent = np.asarray(tree["parents"], dtype=np.int64)
    nodes = np.zeros(len(left), dtype=_NODE)
    nodes["left"], nodes["right"] = left, np.asarray(tree["right_children"], dtype=np.int32)
    nodes["parent"] = np.where(parent == _ROOT, -1, parent).astype(np.int32)
    missing_left: NDArray[np.bool_] = np.asarray(tree["default_left"], dtype=bool)
    nodes["split"] = np.asarray(tree["split_indices"], dtype=np.uint32) | np.where(missing_left, _HIGH_BIT, np.uint32(0))
    nodes["value"] = np.asarray(tree["split_conditions"], dtype=np.float32)
    statistics = np.zeros(len(left), dtype=_STATISTICS)
    statistics["gain"], statistics["cover"], statistics["weight"] = (
        np.asarray(tree[k], dtype=np.float32) for k in ("loss_changes", "sum_hessian", "base_weights")
    )
    head = struct.pack("<iiiiii124x", 1, len(left), 0, 0, width, 0)
    return head + nodes.tobytes() + statistics.tobytes()

"""Rapids primitives about trees."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.primitive import Primitive
from h2ok.ext.algos.gbm.cover import with_cover
from h2ok.ext.models.lookup import find_frame, find_model
from h2ok.ext.models.model import Model
from h2ok.kernel import Frame

__all__ = ["PRIMITIVES"]


def update_weights(env: Any, model: Any, frame: Any, weights: Any) -> str:
    """Let contributions of a model be those of the rows of a frame; OK, or a warning."""
    held = model if isinstance(model, Model) else find_model(env.node, str(model), argument="model")
    data = frame if isinstance(frame, Frame) else find_frame(env.node, str(frame), argument="fr")
    made = with_cover(env.node, held, data, str(weights))
    env.node.dkv.put(held.key, made)
    empty = int((made.state.forest.cover == 0).sum())
    if not empty:
        return "OK"
    return f"No row reaches {empty} of {len(made.state.forest.cover)} nodes of the trees; contributions pass by them half and half."


PRIMITIVES = [
    Primitive(
        "tree.update.weights",
        update_weights,
        3,
        ("model", "fr", "weights_col"),
        "Update the node weights of a tree model, which its contributions are made of.",
    )
]

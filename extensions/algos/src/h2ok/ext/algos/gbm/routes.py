"""Route of tree models: one tree as arrays."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import key_ref, to_wire
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.models import Model
from h2ok.ext.models.lookup import find_model

__all__ = ["tree", "tree_json"]


def _choose(model: Model, forest: Forest, number: int, name: str | None) -> tuple[int, str | None]:
    """(index of the tree, class shown)."""
    domain = model.domain or ()
    k = int(forest.tree_class.max(initial=0)) + 1
    if name is not None and name not in domain[: max(k, 1)]:
        raise BadRequestError(f"Model '{model.key}' has no trees for class '{name}'. Classes with trees: {list(domain[:k])}.")
    if k > 1 and name is None:
        raise BadRequestError(f"Model '{model.key}' has a tree for each class: name one of {list(domain)} as tree_class.")
    which = domain.index(name) if name is not None and k > 1 else 0
    if not 0 <= number < forest.n_trees // k:
        raise BadRequestError(f"Model '{model.key}' has trees 0 to {forest.n_trees // k - 1}; tree_number {number} was asked for.")
    return number * k + which, name if name is not None else (domain[0] if domain else None)


def tree_json(model: Model, number: int, tree_class: str | None) -> dict[str, Any]:
    """TreeV3; nodes level by level.

    Raises
    ------
    BadRequestError
        The model has no such tree.
    """
    forest = getattr(model.state, "forest", None)
    if not isinstance(forest, Forest):
        raise BadRequestError(f"'{model.key}' is a {model.full_name} model; it has no trees.")
    tree, shown = _choose(model, forest, number, tree_class)
    names, domains = model.output.columns.names, model.output.columns.domains
    out: dict[str, list[Any]] = {
        k: [] for k in ("left", "right", "threshold", "feature", "na", "text", "levels", "prediction", "path")
    }
    queue: deque[tuple[int, list[int] | None, str]] = deque([(int(forest.roots[tree]), None, "")])
    next_id = 1
    while queue:
        node, levels, path = queue.popleft()
        column = int(forest.feature[node])
        out["levels"].append(levels)
        out["prediction"].append(float(forest.value[node]))
        if column < 0:
            for name, value in (("left", -1), ("right", -1), ("threshold", math.nan), ("feature", None), ("na", None)):
                out[name].append(value)
            out["text"].append(f"Leaf. Prediction: {float(forest.value[node])}.")
            out["path"].append(f"{path}Prediction: {float(forest.value[node])}")
            continue
        start = int(forest.cat_start[node])
        threshold = float(forest.threshold[node]) if start < 0 else math.nan
        left = right = None
        if start >= 0:
            sides = forest.cat_left[start : start + int(forest.cat_size[node])]
            left, right = ([i for i, s in enumerate(sides) if bool(s) == want] for want in (True, False))
            shown_levels = [(domains[column] or ())[i] for i in left]
            rule, other = f"{names[column]} in [{', '.join(shown_levels)}]", f"{names[column]} not in [{', '.join(shown_levels)}]"
        elif math.isfinite(threshold):
            rule, other = (f"{names[column]} {sign} {threshold:.6g}" for sign in ("<", ">="))
        else:
            # All numbers go one way, what is missing the other: H2O has no threshold there.
            threshold = math.nan
            rule, other = f"{names[column]} is not NA", f"{names[column]} is NA"
        out["left"].append(next_id)
        out["right"].append(next_id + 1)
        next_id += 2
        out["threshold"].append(threshold)
        out["feature"].append(names[column])
        out["na"].append("LEFT" if forest.na_left[node] else "RIGHT")
        out["text"].append(f"Split by {names[column]}: left where {rule}, NA {'left' if forest.na_left[node] else 'right'}.")
        out["path"].append(None)
        queue.append((int(forest.left[node]), left, f"{path}If ({rule}) "))
        queue.append((int(forest.right[node]), right, f"{path}If ({other}) "))
    paths = [p for p in out["path"] if p is not None]
    return {
        "__meta": {"schema_version": 3, "schema_name": "TreeV3", "schema_type": "Iced"},
        "model": key_ref("Model", model.key),
        "tree_number": number,
        "tree_class": shown,
        "plain_language_rules": "AUTO",
        "left_children": out["left"],
        "right_children": out["right"],
        "root_node_id": 0,
        "thresholds": to_wire(out["threshold"]),
        "features": out["feature"],
        "nas": out["na"],
        "descriptions": out["text"],
        "levels": out["levels"],
        "predictions": to_wire(out["prediction"]),
        "tree_decision_path": "\n".join(paths),
        "decision_paths": out["path"],
    }


def tree(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """One tree of a model."""
    model = find_model(ctx.node, str(ctx.params.get("model") or ""), argument="model")
    raw = str(ctx.params.get("tree_number", "0"))
    if not raw.lstrip("-").isdigit():
        raise BadRequestError(f"tree_number must be a whole number; got '{raw}'.")
    name = ctx.params.get("tree_class")
    return tree_json(model, int(raw), str(name) if name not in (None, "", "None") else None)

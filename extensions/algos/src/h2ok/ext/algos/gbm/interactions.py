"""Interaction constraints: which columns may follow each other in a tree."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.ext.models.lenient_json import parse_lenient
from numpy.typing import NDArray

__all__ = ["column_groups"]


def column_groups(constraints: Any, names: tuple[str, ...]) -> NDArray[np.bool_] | None:
    """bool[n_groups, n_cols]: the columns of each interaction constraint; None without constraints.

    Raises
    ------
    ValueError
        A constraint is no list of predictors.
    """
    if not constraints:
        return None
    groups = parse_groups(constraints)
    out = np.zeros((len(groups), len(names)), dtype=bool)
    for i, group in enumerate(groups):
        for name in group:
            if name not in names:
                raise ValueError(f"'{name}' of interaction_constraints is no predictor. Predictors: {', '.join(names[:20])}.")
            out[i, names.index(name)] = True
    return out


def parse_groups(value: Any) -> list[list[str]]:
    """Groups of names from a list of lists, or their text with or without quotes."""
    if isinstance(value, str):
        value = parse_lenient(value)
    if not isinstance(value, list):
        raise ValueError(f"interaction_constraints must be a list of lists of columns; got {value!r}.")
    groups = [parse_lenient(g) if isinstance(g, str) and g.startswith("[") else g for g in value]
    if not all(isinstance(g, list) for g in groups):
        raise ValueError(f"interaction_constraints must be a list of lists of columns; got {value!r}.")
    return [[str(n) for n in g] for g in groups]

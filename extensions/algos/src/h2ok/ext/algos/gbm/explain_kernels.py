"""Compiled loops of ``explain``. Naive twins: tests/algos/test_gbm_explain.py."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["decide", "shapley", "walk"]


@njit(inline="always")
def decide(v, k, threshold, na_left, cat_start, cat_size, cat_left):  # type: ignore[no-untyped-def]
    """Whether a value goes left at node ``k``."""
    if math.isnan(v):
        return na_left[k]
    if cat_start[k] >= 0:
        code = int(v)
        return cat_left[cat_start[k] + code] if 0 <= code < cat_size[k] else na_left[k]
    return np.uint8(1) if v < threshold[k] else np.uint8(0)


@njit(cache=True, nogil=True)
def walk(x, roots, feature, threshold, na_left, left, right, cat_start, cat_size, cat_left, counts, counting, out):  # type: ignore[no-untyped-def]
    """out[i, t] = leaf of row i in tree t; ``counts`` float64[n, n_columns] counts the deciding columns."""
    for t in range(len(roots)):
        for i in range(x.shape[0]):
            k = roots[t]
            while feature[k] >= 0:
                j = feature[k]
                if counting:
                    counts[i, j] += 1.0
                k = left[k] if decide(x[i, j], k, threshold, na_left, cat_start, cat_size, cat_left) else right[k]
            out[i, t] = k


@njit(cache=True, nogil=True, error_model="numpy")
def shapley(  # type: ignore[no-untyped-def]
    x,
    feature,
    threshold,
    na_left,
    cat_start,
    cat_size,
    cat_left,
    leaf_value,
    leaf_steps,
    leaf_players,
    step_node,
    step_left,
    step_player,
    player_column,
    player_share,
    most,
    go,
    out,
):
    """Adds the Shapley values of all leaves: out float64[n, n_columns].

    ``most``: most players of a leaf; ``go``: room for the decision of each node.
    """
    follows = np.empty(most, dtype=np.uint8)
    product, quotient = np.empty(most + 2), np.empty(most + 2)
    # weight[d, s] = s! (d - s - 1)! / d!
    weight = np.zeros((most + 1, most + 1))
    for d in range(1, most + 1):
        w = 1.0 / d
        for s in range(d):
            weight[d, s] = w
            w = w * (s + 1) / max(d - s - 1, 1)
    for i in range(x.shape[0]):
        for k in range(len(feature)):
            if feature[k] >= 0:
                go[k] = decide(x[i, feature[k]], k, threshold, na_left, cat_start, cat_size, cat_left)
        for leaf in range(len(leaf_value)):
            first = leaf_players[leaf]
            d = leaf_players[leaf + 1] - first
            if d == 0 or leaf_value[leaf] == 0.0:
                continue
            for a in range(d):
                follows[a] = 1
            for s in range(leaf_steps[leaf], leaf_steps[leaf + 1]):
                if go[step_node[s]] != step_left[s]:
                    follows[step_player[s]] = 0
            product[0] = 1.0
            for a in range(d):
                z = player_share[first + a]
                product[a + 1] = product[a] if follows[a] else 0.0
                for s in range(a, 0, -1):
                    product[s] = z * product[s] + (product[s - 1] if follows[a] else 0.0)
                product[0] = z * product[0]
            for a in range(d):
                z = player_share[first + a]
                total = 0.0
                if follows[a]:
                    quotient[d - 1] = product[d]
                    for s in range(d - 1, 0, -1):
                        quotient[s - 1] = product[s] - z * quotient[s]
                    for s in range(d):
                        total += weight[d, s] * quotient[s]
                    out[i, player_column[first + a]] += leaf_value[leaf] * (1.0 - z) * total
                elif z > 0.0:
                    for s in range(d):
                        total += weight[d, s] * product[s] / z
                    out[i, player_column[first + a]] -= leaf_value[leaf] * z * total

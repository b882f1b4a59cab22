"""Joins of two frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.keys import NA_KEY, fetch_keys, order_of
from h2ok.ext.rapids.primitives.assigning import unique_name
from h2ok.ext.rapids.primitives.types import to_enum
from h2ok.ext.rapids.rows import NO_ROW, take_vecs
from h2ok.kernel import Frame, Node, Vec
from numpy.typing import NDArray

__all__ = ["PRIMITIVES", "join_rows"]

family = Family()
PRIMITIVES = family.primitives

METHODS = ("auto", "radix", "hash")
#: Rows a join may give.
MAX_RESULT_ROWS = 2**31


@family("merge", "l r all_l all_r by_l by_r method", "Join by equal keys: keys, the rest of l, the rest of r; sorted by the keys.")
def merge(env: Env, l: Any, r: Any, all_l: Any, all_r: Any, by_l: Any, by_r: Any, method: Any) -> Frame:
    left, right = args.as_frame(l, "left frame"), args.as_frame(r, "right frame")
    keep_left, keep_right = args.as_bool(all_l, "all_l flag"), args.as_bool(all_r, "all_r flag")
    how = args.as_string(method, "method").lower()
    if how not in METHODS:
        raise BadRequestError(f"Merge method '{how}' is unknown; it must be one of {', '.join(METHODS)}.")
    left_keys, right_keys = _key_columns(left, right, by_l, by_r)
    a, b, left_na, right_na = _common_keys(env.node, left, right, left_keys, right_keys)
    left_rows, right_rows = join_rows(a, b, left_na, right_na, keep_left=keep_left, keep_right=keep_right)
    if len(left_rows) > MAX_RESULT_ROWS:
        raise BadRequestError(
            f"The join gives {len(left_rows)} rows, at most {MAX_RESULT_ROWS} are allowed; are the keys unique on a side?"
        )
    return _joined(env.node, left, right, left_keys, right_keys, left_rows, right_rows)


def _key_columns(left: Frame, right: Frame, by_l: Any, by_r: Any) -> tuple[list[int], list[int]]:
    a, b = args.columns(left, by_l, "left keys"), args.columns(right, by_r, "right keys")
    if not a and not b:
        common = [n for n in left.names if n in right.names]
        a, b = [left.find(n) for n in common], [right.find(n) for n in common]
        if not common:
            raise BadRequestError("The frames have no column name in common; name the keys of both.")
    if len(a) != len(b):
        raise BadRequestError(f"{len(a)} left keys but {len(b)} right keys; both must be equal.")
    return a, b


def _common_keys(
    node: Node, left: Frame, right: Frame, left_keys: list[int], right_keys: list[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Comparable keys of both sides, int64[n, k], and which rows have a missing one."""
    pairs = [_pair(node, left, right, i, j) for i, j in zip(left_keys, right_keys, strict=True)]
    a = np.ascontiguousarray(np.column_stack([p[0] for p in pairs]))
    b = np.ascontiguousarray(np.column_stack([p[1] for p in pairs]))
    na = np.array([p[2] for p in pairs])
    return a, b, (a == na).any(axis=1), (b == na).any(axis=1)


def _pair(node: Node, left: Frame, right: Frame, i: int, j: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    v, w = left.vecs[i], right.vecs[j]
    text = ("enum", "string")
    if (v.type in text) != (w.type in text) or "uuid" in (v.type, w.type):
        raise BadRequestError(
            f"Merging columns must be the same type; key '{left.names[i]}' is {v.type} on the left and {w.type} on the right."
        )
    if v.type not in text:
        return fetch_keys(node, v), fetch_keys(node, w), int(NA_KEY)
    v, w = to_enum(node, v), to_enum(node, w)
    index = {level: k for k, level in enumerate(v.domain or ())}
    for level in w.domain or ():
        index.setdefault(level, len(index))
    table = np.array([*(index[level] for level in w.domain or ()), -1], dtype=np.int64)
    return fetch_keys(node, v), table[fetch_keys(node, w)], -1


def join_rows(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    a_na: NDArray[np.bool_],
    b_na: NDArray[np.bool_],
    *,
    keep_left: bool,
    keep_right: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of rows with equal keys, sorted by the key, then left row, then right row; NO_ROW where a side has none.

    ``a`` and ``b`` are int64[n, k]. Missing keys match nothing.
    """
    from h2ok.ext.rapids.kernels import group_rows

    n = len(a)
    ids, first = group_rows(np.ascontiguousarray(np.concatenate([a, b])))
    distinct = np.concatenate([a, b])[first]
    order = order_of([distinct[:, j] for j in range(distinct.shape[1])], len(first))
    rank = np.empty(len(first), dtype=np.int64)
    rank[order] = np.arange(len(first))
    left, right = rank[ids[:n]], rank[ids[n:]]
    right_order = order_of([right], len(right))
    right_order = right_order[~b_na[right_order]]
    count = np.bincount(right[right_order], minlength=len(first))
    start = np.concatenate([[0], np.cumsum(count)])[:-1]
    left_order = order_of([left], n)
    matches = np.where(a_na[left_order], 0, count[left[left_order]])
    repeats = np.maximum(matches, 1) if keep_left else matches
    left_rows = np.repeat(left_order, repeats)
    within = np.arange(len(left_rows)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    at = np.repeat(start[left[left_order]], repeats) + within
    matched = np.repeat(matches > 0, repeats)
    right_rows = np.full(len(left_rows), NO_ROW, dtype=np.int64)
    right_rows[matched] = right_order[at[matched]]
    if not keep_right:
        return left_rows, right_rows
    used = np.zeros(len(first), dtype=np.bool_)
    used[left[~a_na]] = True
    alone = np.flatnonzero(b_na | ~used[right])
    left_rows = np.concatenate([left_rows, np.full(len(alone), NO_ROW)])
    right_rows = np.concatenate([right_rows, alone])
    position = np.where(left_rows >= 0, left[left_rows] if n else 0, right[right_rows] if len(right) else 0)
    again = order_of([position], len(position))
    return left_rows[again], right_rows[again]


def _joined(
    node: Node,
    left: Frame,
    right: Frame,
    left_keys: list[int],
    right_keys: list[int],
    left_rows: NDArray[np.int64],
    right_rows: NDArray[np.int64],
) -> Frame:
    rest_left = [j for j in range(left.n_cols) if j not in left_keys]
    rest_right = [j for j in range(right.n_cols) if j not in right_keys]
    lonely = (left_rows < 0).any()
    if lonely:
        keys = [
            _either(node, left.vecs[i], right.vecs[j], left_rows, right_rows) for i, j in zip(left_keys, right_keys, strict=True)
        ]
    else:
        keys = list(take_vecs(node, [left.vecs[i] for i in left_keys], left_rows))
    vecs = [
        *keys,
        *take_vecs(node, [left.vecs[j] for j in rest_left], left_rows),
        *take_vecs(node, [right.vecs[j] for j in rest_right], right_rows),
    ]
    names: list[str] = []
    for name in [*(left.names[j] for j in left_keys + rest_left), *(right.names[j] for j in rest_right)]:
        names.append(unique_name(names, name))
    return Frame("", tuple(names), tuple(vecs))


def _either(node: Node, v: Vec, w: Vec, left_rows: NDArray[np.int64], right_rows: NDArray[np.int64]) -> Vec:
    """A key column taken from the left where there is a left row, else from the right."""
    from h2ok.ext.rapids.primitives.binding import stack

    both = stack(node, "key", [v, w])
    rows = np.where(left_rows >= 0, left_rows, np.where(right_rows >= 0, right_rows + len(v), NO_ROW))
    return take_vecs(node, [both], rows)[0]

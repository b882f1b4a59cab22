"""Joins of two frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.keys import NA_KEY, fetch_keys, rests_where, with_longs
from h2ok.ext.rapids.primitives.assigning import unique_name
from h2ok.ext.rapids.primitives.types import to_enum
from h2ok.ext.rapids.ranges import Side, join_rows, joined_rows, many_rows
from h2ok.ext.rapids.rows import NO_ROW, take_vecs
from h2ok.kernel import Frame, Node, Vec
from numpy.typing import NDArray

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

METHODS = ("auto", "radix", "hash")
_Pair = tuple[Vec, Vec, Any, int]
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
    sides, missing = _sides(env.node, left, right, left_keys, right_keys)
    if many_rows(*sides):
        left_rows, right_rows = joined_rows(env.node, *sides, missing, keep_left=keep_left, keep_right=keep_right)
    else:
        na = np.array(missing, dtype=np.int64)
        a, b = (_fetched(env.node, s) for s in sides)
        masks = ((a == na).any(axis=1), (b == na).any(axis=1))
        left_rows, right_rows = join_rows(a, b, *masks, keep_left=keep_left, keep_right=keep_right)
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


def _sides(
    node: Node, left: Frame, right: Frame, left_keys: list[int], right_keys: list[int]
) -> tuple[tuple[Side, Side], list[int]]:
    """The keys of both sides with comparable codes, and the code of a missing value of each key."""
    heads = [_pair(node, left, right, i, j) for i, j in zip(left_keys, right_keys, strict=True)]
    # Where one side has whole numbers that no double holds, both are told with what the nearest doubles leave.
    lefts, rights = [h[0] for h in heads], [h[1] for h in heads]
    longs = [a or b for a, b in zip(with_longs(node, lefts), with_longs(node, rights), strict=True)]
    pairs: list[_Pair] = []
    for head, a, b in zip(heads, rests_where(node, lefts, longs), rests_where(node, rights, longs), strict=True):
        pairs.append(head)
        if a is not None and b is not None:
            pairs.append((a, b, None, int(NA_KEY)))
    sides = (
        Side(tuple(p[0] for p in pairs)),
        Side(tuple(p[1] for p in pairs), tables=tuple(p[2] for p in pairs)),
    )
    return sides, [p[3] for p in pairs]


def _pair(node: Node, left: Frame, right: Frame, i: int, j: int) -> _Pair:
    """(left key, right key, the left's codes of the right's levels, code of a missing value)."""
    v, w = left.vecs[i], right.vecs[j]
    text = ("enum", "string")
    if (v.type in text) != (w.type in text) or "uuid" in (v.type, w.type):
        raise BadRequestError(
            f"Merging columns must be the same type; key '{left.names[i]}' is {v.type} on the left and {w.type} on the right."
        )
    if v.type not in text:
        return v, w, None, int(NA_KEY)
    v, w = to_enum(node, v), to_enum(node, w)
    index = {level: k for k, level in enumerate(v.domain or ())}
    for level in w.domain or ():
        index.setdefault(level, len(index))
    return v, w, np.array([*(index[level] for level in w.domain or ()), -1], dtype=np.int64), -1


def _fetched(node: Node, side: Side) -> NDArray[np.int64]:
    """All keys of a side on this node, int64[n, k]."""
    tables = side.tables or (None,) * len(side.keys)
    codes = [fetch_keys(node, v) for v in side.keys]
    return np.column_stack([c if t is None else t[c] for c, t in zip(codes, tables, strict=True)])


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

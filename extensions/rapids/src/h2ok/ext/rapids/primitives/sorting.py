"""Ordering rows: sort, duplicates, ranks within groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.grouping import key_columns
from h2ok.ext.rapids.keys import NA_KEY, fetch_keys, order_of, reversed_codes
from h2ok.ext.rapids.primitives.assigning import unique_name
from h2ok.ext.rapids.ranges import Side, many_rows, sorted_rows
from h2ok.ext.rapids.rows import take_rows
from h2ok.kernel import Frame
from numpy.typing import NDArray

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives


def _sort_side(env: Env, frame: Frame, picked: list[int], ascending: NDArray[np.float64]) -> Side:
    """The columns to sort by, each with what doubles leave of its numbers where they do.

    Raises
    ------
    BadRequestError
        A column holds texts, or a direction is none.
    """
    for j, direction in zip(picked, ascending.tolist(), strict=True):
        vec = frame.vecs[j]
        if vec.type in ("string", "uuid"):
            raise BadRequestError(f"Cannot sort by the {vec.type} column '{frame.names[j]}'; convert it first: (as.factor ...).")
        if direction not in (1.0, -1.0, 0.0):
            raise BadRequestError(f"A sort direction must be 1 (ascending) or -1 (descending), found {direction:g}.")
    keys = key_columns(env.node, [frame.vecs[j] for j in picked], [frame.names[j] for j in picked])
    down = np.repeat(ascending != 1, np.diff(keys.places))
    return Side(keys.vecs, (), tuple(down.tolist()))


def _sort_keys(env: Env, side: Side) -> list[NDArray[np.int64]]:
    """Keys whose ascending order is the wanted one; missing values come first in both directions."""
    out = []
    for vec, down in zip(side.keys, side.descending, strict=True):
        codes = fetch_keys(env.node, vec)
        out.append(codes if not down else reversed_codes(codes, -1 if vec.type == "enum" else NA_KEY))
    return out


@family("sort", "fr cols [asc]", "Rows ordered by columns; 1 ascending, -1 descending, missing values first; stable.")
def sort(env: Env, fr: Any, cols: Any, asc: Any = None) -> Frame:
    frame = args.as_frame(fr, "first argument of sort")
    picked = args.columns(frame, cols, "columns to sort by")
    directions = np.ones(len(picked)) if asc is None else args.as_numbers(asc, "sort directions")
    if len(directions) == 0:
        directions = np.ones(len(picked))
    if len(directions) != len(picked):
        raise BadRequestError(f"{len(picked)} columns to sort by, but {len(directions)} directions; both must be equal.")
    side = _sort_side(env, frame, picked, directions)
    if picked and many_rows(side):
        return take_rows(env.node, frame, sorted_rows(env.node, side))
    return take_rows(env.node, frame, order_of(_sort_keys(env, side), frame.n_rows))


@family("dropdup", "fr cols keep", "One row of each set with equal columns: the first or the last; rows keep their order.")
def drop_duplicates(env: Env, fr: Any, cols: Any, keep: Any) -> Frame:
    from h2ok.ext.rapids.kernels import group_rows

    frame, side = args.as_frame(fr, "first argument of dropdup"), args.as_string(keep, "keep").lower()
    picked = args.columns(frame, cols, "columns to compare")
    if side not in ("first", "last"):
        raise BadRequestError(f"keep must be first or last, found '{side}'.")
    columns = key_columns(env.node, [frame.vecs[j] for j in picked], [frame.names[j] for j in picked])
    keys = [fetch_keys(env.node, v) for v in columns.vecs]
    ids, first = group_rows(np.ascontiguousarray(np.column_stack(keys))) if keys else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    if side == "last":
        first = first.copy()
        first[ids] = np.arange(len(ids))
    return take_rows(env.node, frame, np.sort(first))


@family(
    "rank_within_groupby", "fr by sort orders new_name sort_by_sortcols", "Ranks 1, 2, ... of the rows of each group in sort order."
)
def rank_within_groups(env: Env, fr: Any, by: Any, sort_cols: Any, orders: Any, new_name: Any, sort_by_sort_cols: Any) -> Frame:
    frame = args.as_frame(fr, "first argument of rank_within_groupby")
    by_columns = args.columns(frame, by, "group-by columns")
    sort_columns = args.columns(frame, sort_cols, "sort columns")
    directions = args.as_numbers(orders, "sort directions")
    if len(directions) != len(sort_columns):
        raise BadRequestError(f"{len(sort_columns)} sort columns, but {len(directions)} directions; both must be equal.")
    side = _sort_side(env, frame, sort_columns, directions)
    groups = _sort_keys(env, _sort_side(env, frame, by_columns, np.ones(len(by_columns))))
    keys = _sort_keys(env, side)
    n = frame.n_rows
    order = order_of([*groups, *keys], n)
    missing = np.zeros(n, dtype=np.bool_)
    for vec, down, k in zip(side.keys, side.descending, keys, strict=True):
        missing |= k == (-1 if vec.type == "enum" and not down else NA_KEY)
    change = np.ones(n, dtype=np.bool_)
    if n:
        change[1:] = np.any([g[order][1:] != g[order][:-1] for g in groups], axis=0) if groups else False
    counted = ~missing[order]
    running = np.cumsum(counted)
    starts = np.flatnonzero(change)
    before: NDArray[np.int64] = (running - counted)[starts]
    rank: NDArray[np.int64] = running - np.repeat(before, np.diff(np.append(starts, n)))
    ranks = np.where(counted, rank, np.nan).astype(np.float64)
    if args.as_bool(sort_by_sort_cols, "sort flag"):
        again = order_of([k[order] for k in keys], n)
        order, ranks = order[again], ranks[again]
    out = take_rows(env.node, frame, order)
    name = unique_name(out.names, args.as_string(new_name, "name of the new column"))
    return Frame("", (*out.names, name), (*out.vecs, env.node.frames.vec_with_espc(ranks, out.espc)))

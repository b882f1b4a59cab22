"""Filling missing values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.ast import Ast, Ident
from h2ok.ext.rapids.blocks import blockwise, map_vecs
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.grouping import KNOWN, SUM, Groups, Keys, group, group_ids, key_columns, key_vecs
from h2ok.ext.rapids.keys import fetch_keys
from h2ok.ext.rapids.primitives.groupby import group_medians, group_modes
from h2ok.ext.rapids.primitives.levels import count_levels
from h2ok.ext.rapids.quantiles import quantiles
from h2ok.ext.rapids.rows import fetch, fetch_exact, spec_of
from h2ok.ext.rapids.values import Numbers, Row
from h2ok.ext.rapids.views import change_in_place, roots_of
from h2ok.kernel import NA_INT64, Block, Frame, OutputSpec, Vec
from h2ok.kernel.frame.longs import is_missing, with_value, with_values
from numpy.typing import NDArray

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

METHODS = ("mean", "median", "mode")


# -- fillna ---------------------------------------------------------------------------------------------------------------


def _fill(x: NDArray[np.float64], limit: int) -> NDArray[np.float64]:
    """``x`` with each run of NaN filled from before it, at most ``limit`` of them."""
    known = ~np.isnan(x)
    last = np.maximum.accumulate(np.where(known, np.arange(len(x)), -1))
    gap = np.arange(len(x)) - last
    usable = (last >= 0) & (gap <= limit)
    return np.where(usable, x[np.maximum(last, 0)], x)


@blockwise
def _fill_across(block: Block, params: dict[str, Any]) -> None:
    x = block.matrix()
    columns = range(x.shape[1]) if params["forward"] else range(x.shape[1] - 1, -1, -1)
    last = np.full(len(x), np.nan)
    gap = np.zeros(len(x), dtype=np.int64)
    for j in columns:
        na = np.isnan(x[:, j])
        gap = np.where(na, gap + 1, 0)
        last = np.where(na, last, x[:, j])
        block.write(j, np.where(na & (gap <= params["limit"]), last, x[:, j]))


@family("h2o.fillna", "fr method axis maxlen", "Fill gaps from before (forward) or after (backward), down (0) or across (1).")
def fillna(env: Env, fr: Any, method: Any, axis: Any, maxlen: Any) -> Frame:
    frame, how, limit = args.as_frame(fr), args.as_string(method, "method").lower(), args.as_int(maxlen, "maxlen")
    if how not in ("forward", "backward"):
        raise BadRequestError(f"Fill method '{how}' is unknown; it must be forward or backward.")
    if limit < 0:
        raise BadRequestError(f"maxlen must not be negative, found {limit}.")
    names = tuple(f"C{j + 1}" for j in range(frame.n_cols))
    if limit == 0:
        return Frame("", frame.names, frame.vecs)
    args.require_numeric(frame, "h2o.fillna", ("numeric", "bad", "time", "enum"))
    forward = how == "forward"
    if args.as_number(axis, "axis") == 1:
        return Frame(
            "", names, map_vecs(env.node, _fill_across, frame, [OutputSpec()] * frame.n_cols, forward=forward, limit=limit)
        )
    vecs = []
    for v in frame.vecs:
        x = fetch_exact(env.node, v)
        if x.dtype.kind == "i":
            # The rows to take are filled, and no digit goes through a double.
            rows = np.where(is_missing(x), np.nan, np.arange(len(x)))
            rows = _fill(rows, limit) if forward else _fill(rows[::-1], limit)[::-1]
            x = np.append(x, NA_INT64)[np.where(np.isnan(rows), len(x), rows).astype(np.int64)]
        else:
            x = _fill(x, limit) if forward else _fill(x[::-1], limit)[::-1]
        kind: Any = "numeric" if v.type == "bad" else v.type
        vecs.append(env.node.frames.vec_with_espc(np.ascontiguousarray(x), v.espc, kind, v.domain))
    return Frame("", names, tuple(vecs))


# -- impute ---------------------------------------------------------------------------------------------------------------


@family(
    "h2o.impute",
    "fr col method combine by groupFrame values",
    "Fill missing values of columns in place with mean, median or mode, also in the frame that the columns were picked from.",
    lazy=True,
)
def impute(env: Env, fr: Ast, col: Ast, method: Ast, combine: Ast, by: Ast, group_frame: Ast, values: Ast) -> Any:
    frame = env.frame(env.evaluate(fr))
    column = args.as_int(env.evaluate(col), "column")
    how, mix = env.text(method), env.text(combine)
    if how not in METHODS:
        raise BadRequestError(f"Impute method '{how}' is unknown; it must be one of {', '.join(METHODS)}.")
    if not -1 <= column < frame.n_cols:
        raise BadRequestError(f"Column must be -1 for all or from 0 to {frame.n_cols - 1}, found {column}.")
    picked = list(range(frame.n_cols)) if column == -1 else [column]
    groups = _absent(env, group_frame, "groupFrame")
    keys = _by(env, frame, by)
    roots = roots_of(env, fr)
    if groups is not None or keys:
        filled, table = _impute_groups(env, frame, picked, how, keys, groups)
        change_in_place(env, roots, frame, filled)
        return table
    given = _given(env, frame, values)
    used = np.full(frame.n_cols, math.nan)
    vecs = list(frame.vecs)
    for j in picked:
        if given is not None:
            used[j] = given[j]
        else:
            used[j] = _fill_value(env, frame.vecs[j], "" if column == -1 else how, mix, frame.names[j])
        if not math.isnan(used[j]):
            vecs[j] = _filled(env, vecs[j], float(used[j]))
    change_in_place(env, roots, frame, Frame(frame.key, frame.names, tuple(vecs)))
    return Row(used, frame.names)


def _absent(env: Env, tree: Ast, what: str) -> Any:
    """None for ``_`` and for an empty list; else a frame, a number, a text or a list."""
    if isinstance(tree, Ident) and tree.name == "_":
        return None
    value = env.forced(tree)
    if isinstance(value, Frame | float | int | Row):
        return value
    if isinstance(value, str):
        return None if value == "_" else value
    if isinstance(value, Numbers | tuple):
        return value if len(value) else None
    raise BadRequestError(f"Argument {what} of h2o.impute must be a list, a frame or _; found {describe(value)}.")


def _given(env: Env, frame: Frame, tree: Ast) -> Any:
    """The values to fill columns with, one for each column; None for none."""
    value = _absent(env, tree, "values")
    if value is None:
        return None
    numbers = args.as_numbers(value, "values")
    if len(numbers) != frame.n_cols:
        raise BadRequestError(
            f"Argument values of h2o.impute needs one number for each of {frame.n_cols} columns, found {len(numbers)}."
        )
    return numbers


def _by(env: Env, frame: Frame, tree: Ast) -> list[int]:
    value = _absent(env, tree, "by")
    return [] if value is None else args.columns(frame, value, "group-by columns")


def _fill_value(env: Env, vec: Vec, how: str, combine: str, name: str) -> float:
    """What fills a column; NaN when nothing can. ``how`` empty: the mean of numbers, the most frequent level of enums."""
    stats = env.node.rollups(vec)
    if vec.type == "enum":
        if how in ("mean", "median"):
            raise BadRequestError(f"Column '{name}' is an enum; only the mode can fill it.")
        counts = count_levels(env.node, vec)
        return float(np.argmax(counts)) if counts.any() else math.nan
    if vec.type in ("string", "uuid") or not stats.n_known:
        return math.nan
    if how == "mode":
        # Of equally frequent numbers the smallest.
        found = fetch(env.node, vec)
        known, frequency = np.unique(found[~np.isnan(found)], return_counts=True)
        return float(known[np.argmax(frequency)])
    return float(quantiles(env.node, vec, [0.5], combine, None)[0]) if how == "median" else stats.mean


@blockwise
def _fill_na(block: Block, params: dict[str, Any]) -> None:
    x = block.exact(0)
    block.write(0, with_value(x, is_missing(x), params["value"]))


@blockwise
def _fill_by_group(block: Block, params: dict[str, Any]) -> None:
    x = block.exact(0)
    ids = params["ids"][block.start : block.start + block.n_rows]
    missing = is_missing(x)
    block.write(0, with_values(x, missing, params["values"][ids[missing]]))


def _filled(env: Env, vec: Vec, value: float) -> Vec:
    return map_vecs(env.node, _fill_na, [vec], [spec_of(vec)], value=value)[0] if env.node.rollups(vec).na_count else vec


def _impute_groups(env: Env, frame: Frame, picked: list[int], how: str, by: list[int], given: Any) -> tuple[Frame, Frame]:
    """(the frame filled, the table of groups with what filled them)."""
    if given is not None:
        known = args.as_frame(given, "group frame")
        by = by or [args.named(frame.names, n) for n in known.names[:-1]]
    picked = [j for j in picked if j not in by and frame.vecs[j].type not in ("string", "uuid")]
    if not picked:
        raise BadRequestError("h2o.impute by groups fills columns of numbers, times or levels other than the keys; none was named.")
    if given is not None and (not by or known.n_cols != len(by) + len(picked)):
        raise BadRequestError(
            f"The group frame of h2o.impute must have {len(by)} columns of keys and {len(picked)} of values, found {known.n_cols}."
        )
    found = key_columns(env.node, [frame.vecs[j] for j in by], [frame.names[j] for j in by])
    keys = list(found.vecs)
    values = [frame.vecs[j] for j in picked]
    groups = group(env.node, keys, values)
    ids = group_ids(env.node, keys, groups)
    vecs, columns = list(frame.vecs), []
    for i, j in enumerate(picked):
        fill = (
            _group_values(env, keys, groups, i, frame.vecs[j], how)
            if given is None
            else _given_values(env, known, found, groups, i)
        )
        columns.append(fill)
        vecs[j] = map_vecs(env.node, _fill_by_group, [vecs[j]], [spec_of(vecs[j])], ids=ids, values=fill)[0]
    names = [frame.names[j] for j in by] + [f"{how}_{frame.names[j]}" for j in picked]
    made = [env.node.frames.vec_of(c) for c in columns]
    filled = Frame(frame.key, frame.names, tuple(vecs))
    return filled, Frame("", tuple(names), (*key_vecs(env.node, found, groups.keys), *made))


def _group_values(env: Env, keys: list[Vec], groups: Groups, index: int, vec: Vec, how: str) -> NDArray[Any]:
    if how == "mode":
        return group_modes(env, keys, groups, vec)
    if how == "median":
        return group_medians(env, keys, groups, vec, "rm")
    s = groups.stats[index]
    with np.errstate(all="ignore"):
        means: NDArray[np.float64] = s[:, SUM] / s[:, KNOWN]
    return means


def _given_values(env: Env, known: Frame, keys: Keys, groups: Groups, index: int) -> NDArray[Any]:
    """Values of a frame of groups in the order of ``groups``; NA for groups that are not in it."""
    n_keys = len(keys)
    given = key_columns(env.node, known.vecs[:n_keys], known.names[:n_keys], keys.have_rests)
    columns = [fetch_keys(env.node, v) for v in given.vecs]
    values = fetch_exact(env.node, known.vecs[n_keys + index])
    table = {tuple(row): value for row, value in zip(np.column_stack(columns).tolist(), values.tolist(), strict=True)}
    na = NA_INT64 if values.dtype.kind == "i" else math.nan
    return np.array([table.get(tuple(row), na) for row in groups.keys.tolist()], dtype=values.dtype)

"""Group by: aggregates, and any function, of the rows with equal keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.ast import Ast, Ident
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.fused import LazyFrame, force
from h2ok.ext.rapids.grouping import (
    DEVIATIONS,
    KNOWN,
    MAX,
    MIN,
    ROWS,
    SQUARES,
    SUM,
    Groups,
    group,
    group_ids,
    has_na,
    key_columns,
    key_vecs,
)
from h2ok.ext.rapids.keys import decode_keys, order_of, ordered_codes
from h2ok.ext.rapids.rows import fetch, take_rows
from h2ok.ext.rapids.values import Numbers, Row
from h2ok.kernel import NA_INT64, Frame, Vec
from numpy.typing import NDArray

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

#: Sub-frames that ddply may make.
MAX_DDPLY_GROUPS = 100_000

NA_MODES = ("all", "rm", "ignore")


def _divide(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        return a / b


def _variance(s: NDArray[np.float64], na: str) -> NDArray[np.float64]:
    n = s[:, ROWS if na == "ignore" else KNOWN]
    # With ignore, missing values count as rows but add nothing to the sums.
    squares = s[:, SQUARES] - _divide(s[:, SUM] ** 2, n) if na == "ignore" else s[:, DEVIATIONS]
    return np.where(n > 1, _divide(squares, n - 1), np.nan)


def _mean(s: NDArray[np.float64], na: str) -> NDArray[np.float64]:
    return _divide(s[:, SUM], s[:, ROWS if na == "ignore" else KNOWN])


def _extreme(s: NDArray[np.float64], which: int) -> NDArray[np.float64]:
    return np.where(s[:, KNOWN] > 0, s[:, which], np.nan)


#: name -> aggregate of the statistics of one column, float64[n_groups, 7], and the NA mode.
_AGGREGATES: dict[str, Callable[[NDArray[np.float64], str], NDArray[np.float64]]] = {
    "mean": _mean,
    "sum": lambda s, na: s[:, SUM],
    "sumSquares": lambda s, na: s[:, SQUARES],
    "var": _variance,
    "sdev": lambda s, na: np.sqrt(_variance(s, na)),
    "min": lambda s, na: _extreme(s, MIN),
    "max": lambda s, na: _extreme(s, MAX),
}
_ALL = (*_AGGREGATES, "nrow", "median", "mode")


@family(
    "GB",
    "fr by agg_col_na...",
    "Group by columns; then an aggregate, a column and an NA mode (all, rm, ignore), repeated.",
    lazy=True,
)
def group_by(env: Env, fr: Ast, by: Ast, *aggregates: Ast) -> Frame:
    frame = env.frame(env.evaluate(fr))
    picked = args.columns(frame, env.evaluate(by), "group-by columns")
    wanted = _wanted(env, frame, aggregates)
    found = key_columns(env.node, [frame.vecs[j] for j in picked], [frame.names[j] for j in picked])
    keys = list(found.vecs)
    value_columns = sorted({j for name, j, na in wanted if name in _AGGREGATES or (name == "nrow" and na != "all")})
    values = [frame.vecs[j] for j in value_columns]
    groups = group(env.node, keys, values or ([] if keys else frame.vecs[:1]))
    names = [frame.names[j] for j in picked]
    vecs = list(key_vecs(env.node, found, groups.keys))
    for name, j, na in wanted:
        if name == "nrow":
            # H2O: with rm and ignore only the rows where the column is known count.
            label, column = "nrow", groups.rows if na == "all" else groups.stats[value_columns.index(j)][:, KNOWN]
        else:
            label = f"{name}_{frame.names[j]}"
            if name in _AGGREGATES:
                column = _aggregate(name, groups.stats[value_columns.index(j)], na)
            elif name == "median":
                column = group_medians(env, keys, groups, frame.vecs[j], na)
            else:
                column = group_modes(env, keys, groups, frame.vecs[j])
        names.append(label)
        vecs.append(env.node.frames.vec_of(column))
    return Frame("", tuple(names), tuple(vecs))


def _wanted(env: Env, frame: Frame, aggregates: tuple[Ast, ...]) -> list[tuple[str, int, str]]:
    """(aggregate, column, NA mode) of each triple; string columns have no aggregates and are left out."""
    if len(aggregates) % 3:
        raise BadRequestError("GB takes triples of an aggregate, a column and an NA mode after the group-by columns.")
    out = []
    for agg, col, na in zip(aggregates[::3], aggregates[1::3], aggregates[2::3], strict=True):
        if isinstance(agg, Ident) and env.session.primitive(agg.name) is None:
            env.lookup(agg.name)
        name, mode = env.text(agg), env.text(na)
        if name not in _ALL:
            raise BadRequestError(f"Aggregate '{name}' is unknown; it must be one of {', '.join(sorted(_ALL))}.")
        if mode not in NA_MODES:
            raise BadRequestError(f"NA mode '{mode}' is unknown; it must be one of {', '.join(NA_MODES)}.")
        j = args.column(frame, env.evaluate(col), "column to aggregate")
        kind = frame.vecs[j].type
        if name == "mode" and kind != "enum":
            raise BadRequestError(f"The mode needs an enum column; '{frame.names[j]}' is {kind}.")
        if (name == "nrow" and mode == "all") or kind not in ("string", "uuid"):
            out.append((name, j, mode))
    return out


def _aggregate(name: str, stats: NDArray[np.float64], na: str) -> NDArray[np.float64]:
    out = _AGGREGATES[name](stats, na)
    return np.where(stats[:, KNOWN] < stats[:, ROWS], np.nan, out) if na == "all" else out


def _ids(env: Env, keys: list[Vec], groups: Groups, n_rows: int) -> NDArray[np.int64]:
    return group_ids(env.node, keys, groups) if keys else np.zeros(n_rows, dtype=np.int64)


def group_medians(env: Env, keys: list[Vec], groups: Groups, vec: Vec, na: str) -> NDArray[np.float64]:
    ids, x = _ids(env, keys, groups, len(vec)), fetch(env.node, vec)
    known = ~np.isnan(x)
    some_na = np.bincount(ids[~known], minlength=len(groups)) > 0
    ids, x = ids[known], x[known]
    x = x[order_of([ids, ordered_codes(x)], len(x))]
    counts = np.bincount(ids, minlength=len(groups))
    ends = np.cumsum(counts)
    out = np.full(len(groups), np.nan)
    some = counts > 0
    starts, n = (ends - counts)[some], counts[some]
    out[some] = (x[starts + (n - 1) // 2] + x[starts + n // 2]) / 2
    if na == "all":
        out[some_na] = np.nan
    return out


def group_modes(env: Env, keys: list[Vec], groups: Groups, vec: Vec) -> NDArray[Any]:
    """Most frequent level or number of each group, the first or smallest of equally frequent ones.

    A group where none is known has the first level (as in H2O), of numbers NA. Numbers are float64, int64 with NA as the smallest
    where doubles would round some.
    """
    found = key_columns(env.node, [vec], ["values"])
    finer = group(env.node, [*keys, *found.vecs])
    values, enum = finer.keys[:, len(keys) :], vec.type == "enum"
    known = ~has_na(found, values)
    coarse = np.ascontiguousarray(finer.keys[:, : len(keys)] if keys else np.zeros((len(finer), 1), dtype=np.int64))
    from h2ok.ext.rapids.kernels import group_rows

    ids = group_rows(np.concatenate([groups.keys, coarse]))[0][len(groups) :]
    ids, values, counts = ids[known], values[known], finer.rows[known].astype(np.int64)
    order = order_of([ids, -counts, *values.T], len(ids))
    some, first = np.unique(ids[order], return_index=True)
    best = values[order][first]
    modes = best[:, 0].astype(np.float64) if enum else decode_keys(best[:, 0], best[:, 1] if best.shape[1] > 1 else None)
    out = np.full(len(groups), 0 if enum else NA_INT64 if modes.dtype.kind == "i" else np.nan, dtype=modes.dtype)
    out[some] = modes
    return out


# -- ddply ----------------------------------------------------------------------------------------------------------------


@family("ddply", "fr by fun", "Apply a function to the rows of each group; groups sorted, NA first.")
def ddply(env: Env, fr: Any, by: Any, fun: Any) -> Frame:
    frame = args.as_frame(fr, "first argument of ddply")
    picked = args.columns(frame, by, "group-by columns")
    if not picked:
        raise BadRequestError("ddply needs at least one group-by column.")
    keys = key_columns(env.node, [frame.vecs[j] for j in picked], [frame.names[j] for j in picked])
    groups = group(env.node, keys.vecs)
    if len(groups) > MAX_DDPLY_GROUPS:
        raise BadRequestError(
            f"ddply makes a frame for each of {len(groups)} groups; at most {MAX_DDPLY_GROUPS} are allowed. Use GB."
        )
    ids = group_ids(env.node, keys.vecs, groups)
    order = order_of([ids], len(ids))
    bounds = np.searchsorted(ids[order], np.arange(len(groups) + 1))
    results = []
    for g in range(len(groups)):
        with env.node.scopes.enter():
            part = take_rows(env.node, frame, order[bounds[g] : bounds[g + 1]])
            results.append(_numbers_of(env, env.apply(fun, [part])))
    width = max((len(r) for r in results), default=1)
    if any(len(r) != width for r in results):
        raise BadRequestError("The function given to ddply must give equally many numbers for every group.")
    table = np.array(results).reshape(len(results), width)
    names = [frame.names[j] for j in picked] + [f"ddply_C{j + 1}" for j in range(width)]
    vecs = [*key_vecs(env.node, keys, groups.keys), *(env.node.frames.vec_of(table[:, j]) for j in range(width))]
    return Frame("", tuple(names), tuple(vecs))


def _numbers_of(env: Env, value: Any) -> list[float]:
    """The numbers a function gave: a number, a row, or a one-row frame."""
    if isinstance(value, LazyFrame):
        value = force(env.node, value)
    if isinstance(value, bool | int | float):
        return [float(value)]
    if isinstance(value, Row | Numbers):
        return [float(x) for x in args.as_numbers(value)]
    if isinstance(value, Frame) and value.n_rows == 1:
        return [v.at(env.node, 0) for v in value.vecs]
    raise BadRequestError(f"The function given to ddply must give numbers or a one-row frame, it gave {describe(value)}.")

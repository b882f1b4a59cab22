"""Numbers out of frames: sums, means, extremes, counts, moments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.ast import Ast
from h2ok.ext.rapids.blocks import blockwise, fold, foldable, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.fused import Expr, LazyFrame, RowBatch, RowNumber, force
from h2ok.ext.rapids.primitives.levels import count_levels, enum_column
from h2ok.ext.rapids.quantiles import quantiles
from h2ok.ext.rapids.rows import fetch_exact
from h2ok.ext.rapids.values import Row
from h2ok.kernel import Block, Frame, OutputSpec, RollupStats, Vec, even_espc
from h2ok.kernel.frame.longs import is_missing
from numpy.typing import NDArray

__all__ = ["PRIMITIVES", "known_sum"]

family = Family()
PRIMITIVES = family.primitives
_NAN = float("nan")


def known_sum(stats: RollupStats) -> float:
    """Sum of the known values. H2O: mean times count, which makes sums of whole numbers that are not whole."""
    if stats.pinf_count or stats.ninf_count:
        return _NAN if stats.pinf_count and stats.ninf_count else math.inf if stats.pinf_count else -math.inf
    return stats.total


def _is_number(vec: Vec) -> bool:
    return vec.type in ("numeric", "time", "bad")


# -- sum, min, max --------------------------------------------------------------------------------------------------------


def _sum(stats: RollupStats) -> float:
    return known_sum(stats)


def _min(stats: RollupStats) -> float:
    return stats.min if len(stats.mins) else math.inf


def _max(stats: RollupStats) -> float:
    return stats.max if len(stats.maxs) else -math.inf


_COMBINE: dict[str, Callable[[float, float], float]] = {"+": lambda a, b: a + b, "min": min, "max": max}


def _reduce_row(op: str, values: NDArray[np.float64]) -> float:
    ufunc: Any = {"+": np.add, "min": np.minimum, "max": np.maximum}[op]
    return float(ufunc.reduce(values)) if len(values) else _NAN


def _define(name: str, op: str, per_column: Callable[[RollupStats], float], start: float, *, skip_na: bool, help: str) -> None:
    combine: Callable[[float, float], float] = _COMBINE[op]

    def reduce(env: Env, fr: Ast, na_rm: Ast | None = None, axis: Ast | None = None) -> Any:
        value = env.evaluate(fr)
        # H2O: its clients send the flags of mean here, too, inside functions of rows.
        skip = skip_na or (na_rm is not None and args.as_bool(env.evaluate(na_rm), "na_rm flag"))
        if axis is not None:
            args.as_number(env.evaluate(axis), "axis")
        if isinstance(value, RowBatch | RowNumber):
            if op == "+":
                return _row_value(value, mean=False, na_rm=skip)
            return _fold_cells(f"{op}NA" if skip else op, value)
        if isinstance(value, Row):
            values = value.values[~np.isnan(value.values)] if skip else value.values
            return Row(np.array([_reduce_row(op, values)]), ())
        frame = force(env.node, value) if isinstance(value, LazyFrame) else args.as_frame(value, f"argument of {name}")
        total = start
        for v in frame.vecs:
            # H2O: of enums the level indexes count, but not in sums.
            if v.type in ("string", "uuid") or (v.type == "enum" and op == "+"):
                return _NAN
            stats = env.node.rollups(v)
            if stats.na_count and not skip:
                return _NAN
            total = combine(total, per_column(stats))
        return _NAN if math.isinf(total) and total == start else total

    family.add(name, reduce, ("fr", "[na_rm]", "[axis]"), help, lazy=True)


def _fold_cells(op: str, value: RowBatch | RowNumber) -> RowNumber:
    cells = value.columns if isinstance(value, RowBatch) else (value.column,)
    if not cells:
        raise BadRequestError("A row without cells cannot be reduced.")
    out = cells[0]
    for c in cells[1:]:
        out = Expr(op, (out, c), cells[0].espc)
    return RowNumber(out)


_define("sum", "+", _sum, 0.0, skip_na=False, help="Sum over all columns; NA when a value is missing.")
_define("sumNA", "+", _sum, 0.0, skip_na=True, help="Sum over all columns without missing values.")
_define("min", "min", _min, math.inf, skip_na=False, help="Smallest value; NA when a value is missing.")
_define("minNA", "min", _min, math.inf, skip_na=True, help="Smallest value without missing ones.")
_define("max", "max", _max, -math.inf, skip_na=False, help="Largest value; NA when a value is missing.")
_define("maxNA", "max", _max, -math.inf, skip_na=True, help="Largest value without missing ones.")


# -- products -------------------------------------------------------------------------------------------------------------


@foldable(lambda a, b: a * b)
def _product(block: Block, params: dict[str, Any]) -> float:
    out = 1.0
    with np.errstate(all="ignore"):
        for j in range(len(block.vecs)):
            x = block.numbers(j)
            out *= float(np.prod(x[~np.isnan(x)] if params["skip_na"] else x))
    return out


def _prod(env: Env, fr: Any, name: str, *, skip_na: bool) -> float:
    frame = args.as_frame(fr, f"argument of {name}")
    args.require_numeric(frame, name)
    return float(fold(env.node, _product, frame, skip_na=skip_na))


@family("prod", "fr", "Product of all cells; NA when a value is missing.")
def prod(env: Env, fr: Any) -> float:
    return _prod(env, fr, "prod", skip_na=False)


@family("prod.na", "fr", "Product of all cells without missing values.")
def prod_na(env: Env, fr: Any) -> float:
    return _prod(env, fr, "prod.na", skip_na=True)


# -- truth ----------------------------------------------------------------------------------------------------------------


def _truth_column(env: Env, vec: Vec) -> tuple[int, int, int] | None:
    """(true, false, missing) rows; None when the column has no truth values."""
    stats = env.node.rollups(vec)
    if vec.type == "enum":
        domain = [level.lower() for level in vec.domain or ()]
        if not set(domain) <= {"true", "false"}:
            return None
        counts = count_levels(env.node, vec)
        true = int(sum(c for level, c in zip(domain, counts, strict=True) if level == "true"))
        return true, stats.n_known - true, stats.na_count
    return (stats.n_known - stats.zero_count, stats.zero_count, stats.na_count) if _is_number(vec) else None


@family("all", "x", "1 when every value is true or missing.")
def all_true(env: Env, x: Any) -> float:
    if isinstance(x, int | float):
        return float(x != 0)
    found = [_truth_column(env, v) for v in args.as_frame(x).vecs]
    return float(all(t is not None and t[1] == 0 for t in found))


@family("any", "x", "1 when some value is true or missing.")
def any_true(env: Env, x: Any) -> float:
    if isinstance(x, int | float):
        return float(x != 0)
    found = [_truth_column(env, v) for v in args.as_frame(x).vecs]
    return float(any(t is not None and t[0] + t[2] > 0 for t in found))


@family("any.na", "x", "1 when some known value is not 0; of enums the level indexes count, of texts every known one.")
def any_na(env: Env, x: Any) -> float:
    return float(any(_has_nonzero(env, v) for v in args.as_frame(x).vecs))


def _has_nonzero(env: Env, vec: Vec) -> bool:
    stats = env.node.rollups(vec)
    if vec.type in ("string", "uuid"):
        return bool(stats.n_known > 0)
    return bool(stats.n_known - stats.zero_count > 0)


@family("naCnt", "fr", "Missing values of each column.")
def na_count(env: Env, fr: Any) -> Row:
    frame = args.as_frame(fr)
    return Row(np.array([float(env.node.rollups(v).na_count) for v in frame.vecs]), frame.names)


# -- mean and sum along an axis -------------------------------------------------------------------------------------------


def _column_value(env: Env, vec: Vec, na_rm: bool, *, mean: bool) -> float:
    # H2O: an enum of at most two levels is taken as 0 and 1.
    if not _is_number(vec) and vec.cardinality not in (1, 2):
        return _NAN
    stats = env.node.rollups(vec)
    if (stats.na_count and not na_rm) or (mean and not stats.n_known):
        return _NAN
    if not mean:
        return known_sum(stats)
    return known_sum(stats) / stats.n_known if stats.pinf_count or stats.ninf_count else stats.mean


@blockwise
def _across(block: Block, params: dict[str, Any]) -> None:
    total, count, na = np.zeros(block.n_rows), np.zeros(block.n_rows), np.zeros(block.n_rows, dtype=np.bool_)
    for j in range(len(block.vecs)):
        x = block.numbers(j)
        missing = np.isnan(x)
        total += np.where(missing, 0.0, x)
        count += ~missing
        na |= missing
    with np.errstate(all="ignore"):
        out = total / count if params["mean"] else np.where(count > 0, total, np.nan)
    block.write(0, out if params["na_rm"] else np.where(na, np.nan, out))


def _along_axis(env: Env, name: str, values: tuple[Any, ...]) -> Any:
    mean = name == "mean"
    na_rm = len(values) > 1 and args.as_bool(values[1], "na_rm flag")
    value = values[0]
    if isinstance(value, RowBatch | RowNumber):
        return _row_value(value, mean=mean, na_rm=na_rm)
    if isinstance(value, Row):
        x = value.values[~np.isnan(value.values)] if na_rm else value.values
        return float(np.mean(x) if mean else np.sum(x)) if len(x) else _NAN
    frame = args.as_frame(value, f"argument of {name}")
    if len(values) > 2 and args.as_number(values[2], "axis") == 1:
        return _across_rows(env, frame, name, na_rm)
    vecs = []
    for v in frame.vecs:
        cell = _column_value(env, v, na_rm, mean=mean)
        kind = "time" if v.type == "time" else "numeric"
        vecs.append(env.node.frames.vec_with_espc(np.array([cell]), even_espc(1), kind))  # type: ignore[arg-type]
    return Frame("", frame.names, tuple(vecs))


def _across_rows(env: Env, frame: Frame, name: str, na_rm: bool) -> Frame:
    picked = [v for v in frame.vecs if v.type in ("numeric", "bad")] or [v for v in frame.vecs if v.type == "time"]
    label = name if name == "mean" else "sum"
    if not picked or (not na_rm and len(picked) < frame.n_cols):
        nothing = map_vecs(env.node, _all_missing, frame.vecs[:1])
        return Frame("", (label,), nothing)
    kind = "time" if picked[0].type == "time" else "numeric"
    out = map_vecs(env.node, _across, picked, [OutputSpec(kind)], mean=name == "mean", na_rm=na_rm)  # type: ignore[arg-type]
    return Frame("", (label,), out)


@blockwise
def _all_missing(block: Block, params: dict[str, Any]) -> None:
    block.write(0, np.full(block.n_rows, np.nan))


def _row_value(value: RowBatch | RowNumber, *, mean: bool, na_rm: bool) -> RowNumber:
    cells = value.columns if isinstance(value, RowBatch) else (value.column,)
    espc = cells[0].espc
    if not na_rm:
        total = _fold_cells("+", value).column
        return RowNumber(Expr("/", (total, float(len(cells))), espc) if mean else total)
    known = tuple(Expr("ifelse", (Expr("is.na", (c,), espc), 0.0, c), espc) for c in cells)
    total = _fold_cells("+", RowBatch((), known)).column
    if not mean:
        return RowNumber(total)
    count = _fold_cells("+", RowBatch((), tuple(Expr("not", (Expr("is.na", (c,), espc),), espc) for c in cells))).column
    return RowNumber(Expr("/", (total, count), espc))


def _define_axis(name: str, help: str) -> None:
    def reduce(env: Env, fr: Ast, *rest: Ast) -> Any:
        value = env.evaluate(fr)
        value = force(env.node, value) if isinstance(value, LazyFrame) else value
        return _along_axis(env, name, (value, *(env.forced(a) for a in rest)))

    family.add(name, reduce, ("fr", "[na_rm]", "[axis]"), help, lazy=True)


_define_axis("mean", "Means down the columns (axis 0) or across the rows (axis 1).")
_define_axis("sumaxis", "Sums down the columns (axis 0) or across the rows (axis 1).")


# -- moments --------------------------------------------------------------------------------------------------------------


@family("sd", "fr na_rm", "Standard deviation of each column (n - 1).")
def sd(env: Env, fr: Any, na_rm: Any) -> Row:
    frame, skip = args.as_frame(fr), args.as_bool(na_rm, "na_rm flag")
    out = []
    for v in frame.vecs:
        stats = env.node.rollups(v) if v.type in ("numeric", "bad") else None
        out.append(_NAN if stats is None or (stats.na_count and not skip) else stats.sigma)
    return Row(np.array(out), frame.names)


@family("median", "fr na_rm", "Median of each column.")
def median(env: Env, fr: Any, na_rm: Any) -> Row:
    frame, skip = args.as_frame(fr), args.as_bool(na_rm, "na_rm flag")
    out = []
    for v in frame.vecs:
        usable = v.type in ("numeric", "bad") and (skip or env.node.rollups(v).na_count == 0)
        out.append(float(quantiles(env.node, v, [0.5], "interpolate", None)[0]) if usable else _NAN)
    return Row(np.array(out), frame.names)


@foldable()
def _central(block: Block, params: dict[str, Any]) -> NDArray[np.float64]:
    x = block.numbers(0)
    d = x[~np.isnan(x)] - params["mean"]
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array([np.sum(d**k) for k in (2, 3, 4)])


def _standardized(env: Env, fr: Any, na_rm: Any, order: int) -> Row:
    frame, skip = args.as_frame(fr), args.as_bool(na_rm, "na_rm flag")
    out = []
    for v in frame.vecs:
        stats = env.node.rollups(v) if v.type in ("numeric", "bad") else None
        if stats is None or stats.n_known == 0 or (stats.na_count and not skip):
            out.append(_NAN)
            continue
        # H2O: missing values are skipped, but the sums are divided by the number of all rows, sigma uses n - 1 of the known.
        moments = fold(env.node, _central, [v], mean=stats.mean) / len(v)
        sigma2 = moments[0]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            out.append(float(moments[order - 2] / sigma2 ** (order / 2)) if sigma2 else _NAN)
    return Row(np.array(out), frame.names)


@family("skewness", "fr na_rm", "Third standardized moment of each column.")
def skewness(env: Env, fr: Any, na_rm: Any) -> Row:
    return _standardized(env, fr, na_rm, 3)


@family("kurtosis", "fr na_rm", "Fourth standardized moment of each column.")
def kurtosis(env: Env, fr: Any, na_rm: Any) -> Row:
    return _standardized(env, fr, na_rm, 4)


@family("mode", "col", "Index of the most frequent level of an enum column.")
def mode(env: Env, col: Any) -> float:
    return float(np.argmax(count_levels(env.node, enum_column(col, "mode"))))


@family("h2o.mad", "col combine_method const", "const times the median of the absolute deviations from the median.")
def mad(env: Env, col: Any, combine_method: Any, const: Any) -> float:
    vec = args.one_column(col, "argument of h2o.mad")
    method, factor = args.as_string(combine_method, "combine method"), args.as_number(const, "constant")
    if not _is_number(vec) or env.node.rollups(vec).na_count:
        return _NAN
    center = float(quantiles(env.node, vec, [0.5], method, None)[0])
    deviations = force(env.node, LazyFrame(("d",), (Expr("abs", (Expr("-", (vec, center), vec.espc),), vec.espc),))).vecs[0]
    return factor * float(quantiles(env.node, deviations, [0.5], method, None)[0])


# -- which ----------------------------------------------------------------------------------------------------------------


@foldable(lambda a, b: a if b[1] < 0 or (a[1] >= 0 and a[0] >= b[0]) else b)
def _first_largest(block: Block, params: dict[str, Any]) -> tuple[float, int]:
    x = block.numbers(0) * params["sign"]
    if not (~np.isnan(x)).any():
        return (-math.inf, -1)
    at = int(np.nanargmax(x))
    return (float(x[at]), block.start + at)


@blockwise
def _largest_across(block: Block, params: dict[str, Any]) -> None:
    x = block.matrix() * params["sign"]
    na = np.isnan(x)
    out = np.argmax(np.where(na, -np.inf, x), axis=1).astype(np.float64)
    bad = na.all(axis=1) if params["na_rm"] else na.any(axis=1)
    out[bad] = np.nan
    block.write(0, out)


def _which(env: Env, fr: Any, na_rm: Any, axis: Any, name: str, sign: float) -> Frame:
    frame, skip = args.as_frame(fr), args.as_bool(na_rm, "na_rm flag")
    args.require_numeric(frame, name)
    if args.as_number(axis, "axis") == 1:
        return Frame("", (name,), map_vecs(env.node, _largest_across, frame, sign=sign, na_rm=skip))
    vecs = []
    for v in frame.vecs:
        at = fold(env.node, _first_largest, [v], sign=sign)[1]
        unknown = at < 0 or (not skip and env.node.rollups(v).na_count > 0)
        vecs.append(env.node.frames.vec_with_espc(np.array([_NAN if unknown else float(at)]), even_espc(1)))
    return Frame("", frame.names, tuple(vecs))


@family("which.max", "fr na_rm axis", "Index of the largest value of each column (axis 0) or row (axis 1).")
def which_max(env: Env, fr: Any, na_rm: Any, axis: Any) -> Frame:
    return _which(env, fr, na_rm, axis, "which.max", 1.0)


@family("which.min", "fr na_rm axis", "Index of the smallest value of each column (axis 0) or row (axis 1).")
def which_min(env: Env, fr: Any, na_rm: Any, axis: Any) -> Frame:
    return _which(env, fr, na_rm, axis, "which.min", -1.0)


@family("topn", "fr col percent which", "The given percentage of rows with the largest (1) or smallest (-1) values, best first.")
def topn(env: Env, fr: Any, col: Any, percent: Any, which: Any) -> Frame:
    frame, share = args.as_frame(fr), args.as_number(percent, "percentage")
    j = args.column(frame, col, "column")
    side = args.as_int(which, "which")
    vec = frame.vecs[j]
    if side not in (1, -1) or not 0 < share <= 100 or vec.type not in ("numeric", "time", "bad"):
        raise BadRequestError("topn needs a numeric column, a percentage from 0 to 100 and 1 (top) or -1 (bottom).")
    values = fetch_exact(env.node, vec)
    known = np.flatnonzero(~is_missing(values))
    count = min(math.floor(share * 0.01 * frame.n_rows + 0.5), len(known))
    # H2O: of equal values at the edge the later rows are in, yet equal values stand in the order of their rows.
    picked = np.sort(known[::-1][np.argsort(-side * values[known[::-1]], kind="stable")][:count])
    order = picked[np.argsort(-side * values[picked], kind="stable")]
    make = env.node.frames.vec_of
    return Frame("", ("Original_Row_Indices", frame.names[j]), (make(order.astype(np.float64)), make(values[order], vec.type)))

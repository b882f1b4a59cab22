"""Counts and distributions: tables, distinct values, quantiles, histograms, bins."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, fold, foldable, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.grouping import Keys, group, has_na, key_columns, key_labels, key_vecs
from h2ok.ext.rapids.primitives.levels import count_levels
from h2ok.ext.rapids.quantiles import quantiles
from h2ok.ext.rapids.values import format_number
from h2ok.kernel import Block, Frame, Node, OutputSpec, Vec
from numpy.typing import NDArray

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

#: Columns a sparse table may have.
MAX_TABLE_COLUMNS = 100_000


# -- tables ---------------------------------------------------------------------------------------------------------------


@family("table", "x [y] [dense]", "Counts of the values of one column, or of the pairs of values of two.")
def table(env: Env, x: Any, y: Any = None, dense: Any = None) -> Frame:
    frame = args.as_frame(x, "first argument of table")
    if isinstance(y, Frame):
        other = Frame("", y.names, env.node.frames.align(y.vecs, frame.espc))
        frame = Frame("", (*frame.names, *other.names), (*frame.vecs, *other.vecs))
        flag = True if dense is None else args.as_bool(dense, "dense flag")
    else:
        flag = True if y is None else args.as_bool(y, "dense flag")
    if frame.n_cols not in (1, 2):
        raise BadRequestError(f"table needs one or two columns, found {frame.n_cols}.")
    for n, v in zip(frame.names, frame.vecs, strict=True):
        if v.type in ("string", "uuid"):
            raise BadRequestError(f"table does not take the {v.type} column '{n}'; convert it first: (as.factor ...).")
    keys = key_columns(env.node, frame.vecs, frame.names)
    found = group(env.node, keys.vecs)
    known = ~has_na(keys, found.keys)
    codes, counts = found.keys[known], found.rows[known]
    if frame.n_cols == 2 and not flag:
        return _wide_table(env.node, frame, keys, codes, counts)
    whole = frame.vecs[0].type == "enum" or env.node.rollups(frame.vecs[0]).is_int
    label = "Count" if frame.n_cols == 1 and whole else "Counts"
    return Frame("", (*frame.names, label), (*key_vecs(env.node, keys, codes), env.node.frames.vec_of(counts)))


def _wide_table(node: Node, frame: Frame, keys: Keys, codes: NDArray[np.int64], counts: NDArray[np.float64]) -> Frame:
    """One row for each value of x, one column of counts for each value of y."""
    split = keys.places[1]
    xs, row = np.unique(codes[:, :split], axis=0, return_inverse=True)
    ys, column = np.unique(codes[:, split:], axis=0, return_inverse=True)
    row, column = row.reshape(-1), column.reshape(-1)
    if len(ys) > MAX_TABLE_COLUMNS:
        raise BadRequestError(
            f"The table would have {len(ys)} columns; at most {MAX_TABLE_COLUMNS} are allowed. Ask for the dense form."
        )
    cells = np.zeros((len(xs), len(ys)))
    cells[row, column] = counts
    labels = key_labels(keys.of(1), ys)
    first = key_vecs(node, keys.of(0), xs)
    return Frame("", (frame.names[0], *labels), (*first, *(node.frames.vec_of(cells[:, j]) for j in range(len(ys)))))


@family("unique", "col [include_na]", "The distinct values of a column: levels in their order, numbers ascending with NA first.")
def unique(env: Env, col: Any, include_na: Any = 0.0) -> Frame:
    vec = args.one_column(col, "argument of unique")
    if vec.type == "enum":
        codes = np.flatnonzero(count_levels(env.node, vec) > 0)
        if args.as_bool(include_na, "include_na flag") and env.node.rollups(vec).na_count:
            codes = np.append(codes, -1)
        return Frame("", ("C1",), (env.node.frames.vec_of(codes, "enum", vec.domain),))
    keys = key_columns(env.node, [vec], col.names)
    return Frame("", ("C1",), key_vecs(env.node, keys, group(env.node, keys.vecs).keys))


@family("quantile", "fr probs method weights", "Quantiles of the columns; method interpolate, average, low or high.", lazy=True)
def quantile(env: Env, fr: Any, probs: Any, method: Any, weights: Any) -> Frame:
    frame = env.frame(env.evaluate(fr))
    p = args.as_numbers(env.evaluate(probs), "probabilities")
    name = env.text(weights)
    weight = None
    if name not in ("_", ""):
        weight = frame.vecs[args.named(frame.names, name)]
    picked = [j for j, v in enumerate(frame.vecs) if v is not weight]
    how = env.text(method)
    columns = [env.node.frames.vec_of(p)]
    for j in picked:
        kind = "time" if frame.vecs[j].type == "time" else "numeric"
        if frame.vecs[j].type not in ("numeric", "time", "bad"):
            columns.append(env.node.frames.vec_of(np.full(len(p), np.nan)))
            continue
        columns.append(env.node.frames.vec_of(quantiles(env.node, frame.vecs[j], p.tolist(), how, weight), kind))  # type: ignore[arg-type]
    return Frame("", ("Probs", *(f"{frame.names[j]}Quantiles" for j in picked)), tuple(columns))


# -- bins -----------------------------------------------------------------------------------------------------------------


@blockwise
def _cut(block: Block, params: dict[str, Any]) -> None:
    x, breaks = block.numbers(0), params["breaks"]
    codes = np.searchsorted(breaks, x, side="left" if params["right"] else "right") - 1
    if params["lowest"]:
        edge = x == (breaks[0] if params["right"] else breaks[-1])
        codes[edge] = 0 if params["right"] else len(breaks) - 2
    codes[np.isnan(x) | (codes < 0) | (codes >= len(breaks) - 1)] = -1
    block.write(0, codes.astype(np.int32))


@family("cut", "col breaks labels lowest right digits", "Intervals of numbers as levels; breaks are a list or how many bins.")
def cut(env: Env, col: Any, breaks: Any, labels: Any, lowest: Any, right: Any, digits: Any) -> Frame:
    vec = args.one_column(col, "argument of cut")
    if vec.type not in ("numeric", "bad"):
        raise BadRequestError(f"cut needs a numeric column, found one of type {vec.type}.")
    places = min(max(args.as_int(digits, "digits"), 0), 12)
    edges = _edges(env, vec, args.as_numbers(breaks, "breaks"), places)
    low, closed_right = args.as_bool(lowest, "lowest flag"), args.as_bool(right, "right flag")
    names = list(args.as_strings(labels, "labels")) or _interval_names(edges, low, closed_right)
    if len(names) != len(edges) - 1:
        raise BadRequestError(f"{len(edges)} breaks make {len(edges) - 1} intervals, but there are {len(names)} labels.")
    vecs = map_vecs(env.node, _cut, [vec], [OutputSpec("enum", tuple(names))], breaks=edges, lowest=low, right=closed_right)
    return Frame("", col.names, vecs)


def _edges(env: Env, vec: Vec, breaks: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    if len(breaks) == 1:
        count = int(breaks[0]) if np.isfinite(breaks[0]) else 0
        stats = env.node.rollups(vec)
        if count < 2 or not stats.n_known:
            raise BadRequestError(f"cut needs at least 2 intervals and a known value, found {count} intervals.")
        span = stats.max - stats.min
        out = stats.min + span / count * np.arange(count + 1)
        # The outer breaks move out by a thousandth of the range so that the extremes are inside.
        out[0], out[-1] = stats.min - 0.001 * span, stats.max + 0.001 * span
        breaks = np.round(out, digits)
    else:
        breaks = np.sort(np.round(breaks, digits))
    # A repeated break makes an empty interval; more of the same would give two levels one name.
    if len(breaks) < 2 or np.isnan(breaks).any() or (breaks[2:] == breaks[:-2]).any():
        raise BadRequestError("The breaks of cut must be at least two numbers, none of them more than twice.")
    return breaks


def _interval_names(edges: NDArray[np.float64], lowest: bool, right: bool) -> list[str]:
    text = [format_number(e) for e in edges.tolist()]
    out = [f"({a},{b}]" if right else f"[{a},{b})" for a, b in pairwise(text)]
    if lowest and right:
        out[0] = "[" + out[0][1:]
    elif lowest:
        out[-1] = out[-1][:-1] + "]"
    return out


# -- histogram ------------------------------------------------------------------------------------------------------------


def _bins_by_rule(rule: str, x: Vec, node: Node) -> int:
    """Number of bins by a named rule (Sturges 1926, Scott 1979, Freedman and Diaconis 1981, Doane 1976)."""
    stats = node.rollups(x)
    n = max(len(x), 1)
    span = stats.max - stats.min
    if rule == "sturges":
        return n.bit_length() + 1
    if rule == "rice":
        return math.ceil(math.cbrt(n) * 2)
    if rule == "sqrt":
        return max(math.isqrt(n), 2)
    if rule == "doane":
        moments = fold(node, _third_moment, [x], mean=stats.mean)
        skew = float((moments[1] / n) / (moments[0] / n) ** 1.5) if moments[0] else 0.0
        spread = math.sqrt(6 * (n - 2) / ((n + 1) * (n + 3))) if n > 2 else 1.0
        return math.ceil(1 + math.log2(n) + math.log2(1 + abs(skew) / spread))
    width = 3.5 * stats.sigma / n ** (1 / 3)
    if rule == "fd":
        q = quantiles(node, x, [0.25, 0.75], "interpolate", None)
        width = 2 * float(q[1] - q[0]) / n ** (1 / 3)
    bins = span / width if width > 0 else 1.0
    return max(math.ceil(bins), 1) if math.isfinite(bins) else 1


@foldable()
def _third_moment(block: Block, params: dict[str, Any]) -> NDArray[np.float64]:
    x = block.numbers(0)
    d = x[~np.isnan(x)] - params["mean"]
    return np.array([np.sum(d**2), np.sum(d**3)])


@foldable(lambda a, b: (a[0] + b[0], np.fmin(a[1], b[1])))
def _bin_counts(block: Block, params: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, breaks = block.numbers(0), params["breaks"]
    n = len(breaks) - 1
    x = x[~np.isnan(x)]
    if params["width"]:
        # H2O: with computed breaks a value's bin is counted from the minimum, and the last bin takes the rest.
        bins = np.minimum(np.floor((x - params["start"]) / params["width"]).astype(np.int64), n - 1)
    else:
        # H2O: the outer bins take what lies beyond them.
        bins = np.clip(np.searchsorted(breaks, x, side="left") - 1, 0, n - 1)
    inside = (bins >= 0) & (bins < n)
    bins, x = bins[inside], x[inside]
    least = np.full(n, np.inf)
    np.minimum.at(least, bins, x)
    return np.bincount(bins, minlength=n).astype(np.float64), least


#: Bins that a histogram may have.
MAX_BINS = 1_000_000


@family(
    "hist", "col breaks", "Histogram: breaks, counts and middles of the bins; breaks are a list, how many, or the name of a rule."
)
def hist(env: Env, col: Any, breaks: Any) -> Frame:
    vec = args.one_column(col, "argument of hist")
    if vec.type not in ("numeric", "bad"):
        raise BadRequestError(f"hist needs a numeric column, found one of type {vec.type}.")
    stats = env.node.rollups(vec)
    if not stats.min < stats.max:
        raise BadRequestError("hist needs a column with at least two different values.")
    rules = ("sturges", "rice", "sqrt", "doane", "scott", "fd")
    start = width = 0.0
    if isinstance(breaks, str):
        if breaks.lower() not in rules:
            raise BadRequestError(f"Rule '{breaks}' for the number of bins is unknown; it must be one of {', '.join(rules)}.")
        count = _bins_by_rule(breaks.lower(), vec, env.node)
    else:
        given = args.as_numbers(breaks, "breaks")
        if not np.isfinite(given).all():
            raise BadRequestError("The breaks of hist must be finite numbers.")
        count = int(given[0]) if len(given) == 1 else 0
    if count:
        if not 2 <= count <= MAX_BINS:
            raise BadRequestError(f"hist needs 2 to {MAX_BINS} bins, found {count:g}.")
        start, width = stats.min, (stats.max - stats.min) / count
        edges = start + width * np.arange(1, count + 1)
        edges[-1] = stats.max
    else:
        edges = np.sort(given)
        if len(edges) < 2:
            raise BadRequestError("The breaks of hist must be at least two numbers.")
    counts, least = fold(env.node, _bin_counts, [vec], breaks=edges, start=start, width=width)
    columns = [edges, np.append(np.nan, counts)]
    # H2O: mids_true is half of the smallest value of a bin, 0 for an empty one.
    columns += [np.append(np.nan, np.where(counts > 0, least, 0.0) / 2), np.append(np.nan, (edges[:-1] + edges[1:]) / 2)]
    return Frame("", ("breaks", "counts", "mids_true", "mids"), tuple(env.node.frames.vec_of(c) for c in columns))

"""Columns and rows out of a frame."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.ast import Ast
from h2ok.ext.rapids.blocks import blockwise, map_vecs
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.fused import LazyFrame, RowBatch, columns_of, lazy
from h2ok.ext.rapids.rows import NO_ROW, chunk_rows, filter_rows, spec_of, take_rows
from h2ok.ext.rapids.values import Numbers, Row
from h2ok.kernel import Block, Frame
from numpy.typing import NDArray

__all__ = ["PRIMITIVES", "pick_columns"]

family = Family()
PRIMITIVES = family.primitives


# -- columns --------------------------------------------------------------------------------------------------------------


def pick_columns(names: tuple[str, ...], sel: Any, *, python: bool) -> list[int]:
    """Positions that a selection means.

    Parameters
    ----------
    python : negative numbers count from the end and numbers of a list outside the frame are ignored; otherwise negative
        numbers leave columns out (-1 the first) and every number must be a column.
    """
    n = len(names)
    if isinstance(sel, str | tuple):
        return [args.named(names, name) for name in args.as_strings(sel)]
    single = isinstance(sel, int | float)
    numbers = args.as_numbers(sel, "column selection")
    if not np.isfinite(numbers).all():
        raise BadRequestError("A column selection holds only whole numbers; found NaN or infinity.")
    picked = [int(x) for x in numbers.tolist()]
    if python:
        picked = [p + n if p < 0 else p for p in picked]
        if not single:
            return [p for p in picked if 0 <= p < n]
    elif picked and picked[0] < 0:
        if any(p >= 0 for p in picked):
            raise BadRequestError("A column selection mixes negative and positive numbers; use one kind.")
        left_out = {-p - 1 for p in picked}
        return [j for j in range(n) if j not in left_out]
    for p in picked:
        if not 0 <= p < n:
            raise BadRequestError(f"Column must be an integer from 0 to {n - 1}, found {p}.")
    return picked


def _select(env: Env, fr: Ast, sel: Ast, *, python: bool) -> Any:
    value = env.evaluate(fr)
    if isinstance(value, Frame | LazyFrame | RowBatch):
        picked = pick_columns(value.names, env.forced(sel), python=python)
        names = tuple(value.names[j] for j in picked)
        if isinstance(value, RowBatch):
            return RowBatch(names, tuple(value.columns[j] for j in picked))
        return lazy(names, [columns_of(value)[j] for j in picked])
    if isinstance(value, Row):
        names = value.names or tuple(str(j) for j in range(len(value.values)))
        picked = pick_columns(names, env.forced(sel), python=python)
        return Row(value.values[picked], tuple(names[j] for j in picked))
    raise BadRequestError(f"Columns can be taken from a frame or a row, found {describe(value)}.")


@family("cols", "fr sel", "Columns by index, name, list or range; negative numbers leave columns out.", lazy=True)
def cols(env: Env, fr: Ast, sel: Ast) -> Any:
    return _select(env, fr, sel, python=False)


@family("cols_py", "fr sel", "Columns by index, name, list or range; negative numbers count from the end.", lazy=True)
def cols_py(env: Env, fr: Ast, sel: Ast) -> Any:
    return _select(env, fr, sel, python=True)


# -- rows -----------------------------------------------------------------------------------------------------------------


@family(
    "rows",
    "fr sel",
    "Rows by index (-1: the last), sorted list, range, list of rows to leave out (-1: the first), or where a column is 1.",
)
def rows(env: Env, fr: Any, sel: Any) -> Frame:
    frame = args.as_frame(fr, "first argument of rows")
    if isinstance(sel, Frame):
        predicate = args.one_column(sel, "row predicate")
        if len(predicate) != frame.n_rows:
            raise BadRequestError(f"The row predicate has {len(predicate)} rows, the frame {frame.n_rows}; both must be equal.")
        if predicate.type in ("string", "uuid"):
            raise BadRequestError(f"A {predicate.type} column is no row predicate; a column of 1 and 0 was expected.")
        if frame.n_cols == 0:
            return frame
        return filter_rows(env.node, frame, env.node.frames.align([predicate], frame.espc)[0])
    if isinstance(sel, int | float) and math.isfinite(sel) and sel >= frame.n_rows:
        # H2O: a single row past the end is a row of missing values, in a list it is an error.
        return take_rows(env.node, frame, np.array([NO_ROW], dtype=np.int64))
    return take_rows(env.node, frame, row_numbers(sel, frame.n_rows))


def row_numbers(sel: Any, n_rows: int) -> NDArray[np.int64]:
    """Row numbers that a selection means, int64[n], ascending.

    Negative numbers of a list leave rows out, -1 the first (the clients' R); a single one counts from the end, -1 the last, as
    single columns do: only the Python client sends it, and takes the answer for one row.

    Raises
    ------
    BadRequestError
        Out of range, not sorted, or positive and negative mixed.
    """
    if isinstance(sel, int | float) and math.isfinite(sel) and int(sel) < 0:
        if int(sel) < -n_rows:
            raise BadRequestError(
                f"Row {int(sel)} counts from the end of {n_rows} rows; from {-n_rows} to -1 was expected. A list leaves rows out: "
                f"[{int(sel)}]."
            )
        return np.array([int(sel) + n_rows], dtype=np.int64)
    if isinstance(sel, Numbers) and len(sel) > max(n_rows, 1) * 2 and not sel.is_plain:
        raise BadRequestError(f"Row must be an integer from 0 to {n_rows - 1}; the selection has {len(sel)} rows.")
    numbers = args.as_numbers(sel, "row selection")
    if len(numbers) == 0:
        return np.zeros(0, dtype=np.int64)
    if not (np.abs(numbers) < 2.0**63).all():
        raise BadRequestError("A row selection holds only whole numbers of 64 bits; found others.")
    picked = numbers.astype(np.int64)
    if picked.min() < 0:
        if picked.max() >= 0:
            raise BadRequestError("A row selection mixes negative and positive numbers; use one kind.")
        keep = np.ones(n_rows, dtype=np.bool_)
        left_out = -picked - 1
        keep[left_out[left_out < n_rows]] = False
        return np.flatnonzero(keep)
    if picked.max() >= n_rows:
        raise BadRequestError(f"Row must be an integer from 0 to {n_rows - 1}, found {picked.max()}.")
    if (np.diff(picked) < 0).any():
        raise BadRequestError("A row selection must be sorted in ascending order.")
    return picked


@blockwise
def _drop_incomplete(block: Block, params: dict[str, Any]) -> None:
    keep = np.ones(block.n_rows, dtype=np.bool_)
    for j in range(len(block.vecs)):
        keep &= ~block.chunk(j).is_na()
    picked = np.flatnonzero(keep)
    for j, v in enumerate(block.vecs):
        block.write(j, chunk_rows(v, block.chunk(j), picked))


@family("na.omit", "fr", "The rows without a missing value.")
def na_omit(env: Env, fr: Any) -> Frame:
    frame = args.as_frame(fr)
    return Frame("", frame.names, map_vecs(env.node, _drop_incomplete, frame, [spec_of(v) for v in frame.vecs]))


# -- single values --------------------------------------------------------------------------------------------------------


@family("flatten", "fr", "The value of a frame of one row and column; other frames as they are.")
def flatten(env: Env, fr: Any) -> Any:
    if not isinstance(fr, Frame):
        return fr
    if fr.n_rows != 1 or fr.n_cols != 1:
        return fr.renamed("")
    vec = fr.vecs[0]
    if vec.type in ("enum", "string", "uuid"):
        text = vec.to_strings(env.node)[0]
        # H2O: a missing text is the text NA.
        return "NA" if text is None else text
    return vec.at(env.node, 0)


@family("getrow", "fr", "The row of a one-row frame as numbers; NaN for what is no number or time.")
def getrow(env: Env, fr: Any) -> Row:
    frame = args.as_frame(fr)
    if frame.n_rows != 1:
        raise BadRequestError(f"getrow needs a frame of one row, found {frame.n_rows}.")
    values = [v.at(env.node, 0) if v.type in ("numeric", "bad", "time") else float("nan") for v in frame.vecs]
    return Row(np.array(values), frame.names)


@family("nrow", "fr", "Number of rows.", lazy=True)
def nrow(env: Env, fr: Ast) -> float:
    value = env.evaluate(fr)
    if not isinstance(value, Frame | LazyFrame):
        raise BadRequestError(f"nrow needs a frame, found {describe(value)}.")
    return float(value.n_rows)


@family("ncol", "fr", "Number of columns.", lazy=True)
def ncol(env: Env, fr: Ast) -> float:
    value = env.evaluate(fr)
    if not isinstance(value, Frame | LazyFrame):
        raise BadRequestError(f"ncol needs a frame, found {describe(value)}.")
    return float(len(value.names))

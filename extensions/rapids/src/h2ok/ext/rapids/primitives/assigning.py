"""Changing cells, adding and renaming columns; storing and removing frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.ast import Ast
from h2ok.ext.rapids.blocks import blockwise, make_vecs, map_vecs
from h2ok.ext.rapids.evaluate import Env, VerbatimError, describe
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.fused import LazyFrame, force
from h2ok.ext.rapids.primitives.slicing import pick_columns, row_numbers
from h2ok.ext.rapids.rows import fetch_codes, fetch_exact, spec_of
from h2ok.ext.rapids.values import Numbers
from h2ok.ext.rapids.views import roots_of
from h2ok.kernel import NA_INT64, Block, Frame, OutputSpec, Vec
from h2ok.kernel.frame.codecs import ConstantChunk
from h2ok.kernel.frame.longs import is_exact_double, joined_values, with_value
from numpy.typing import NDArray

__all__ = ["PRIMITIVES", "constant", "mutate", "unique_name"]

family = Family()
PRIMITIVES = family.primitives


@blockwise
def _constant(block: Block, params: dict[str, Any]) -> None:
    value, n = params["value"], block.n_rows
    if isinstance(value, str):
        block.write(0, [value] * n)
    else:
        block.write(0, ConstantChunk(n, float(value)) if is_exact_double(value) else np.full(n, value, dtype=np.int64))


def constant(env: Env, value: float | str, espc: NDArray[np.int64]) -> Vec:
    """A column of one number or text."""
    return make_vecs(env.node, _constant, espc, [OutputSpec("string" if isinstance(value, str) else "numeric")], value=value)[0]


def unique_name(names: Sequence[str], name: str) -> str:
    """``name``, or ``name0``, ``name1``, ... when it is taken."""
    taken, out, i = set(names), name, 0
    while out in taken:
        out, i = f"{name}{i}", i + 1
    return out


def mutate(env: Env, frame: Frame, changed: Frame) -> Frame:
    """Put ``changed`` in the place of ``frame`` when that is stored; what to return."""
    return env.node.frames.put(changed.renamed(frame.key)) if frame.key else changed


# -- cells ----------------------------------------------------------------------------------------------------------------


@family(
    ":=",
    "fr src cols rows",
    "A copy with cells set: cols [] for all columns, rows [] for all rows, a list, or where a column is 1.",
)
def assign_cells(env: Env, fr: Any, src: Any, cols: Any, rows: Any) -> Frame:
    frame = args.as_frame(fr, "target of :=")
    every_column = isinstance(cols, Numbers) and len(cols) == 0
    picked = list(range(frame.n_cols)) if every_column else pick_columns(frame.names, cols, python=False)
    where = _where(env, frame, rows)
    if isinstance(src, Frame):
        new = _from_frame(env, frame, src, picked, where)
    elif isinstance(src, bool | int | float | str):
        new = [_from_scalar(env, frame.vecs[j], src, where) for j in picked]
    elif isinstance(src, Numbers) and len(src) == 0:
        new = [_from_scalar(env, frame.vecs[j], math.nan, where) for j in picked]
    else:
        raise BadRequestError(f"The source of := must be a number, a string or a frame, found {describe(src)}.")
    vecs = list(frame.vecs)
    for j, v in zip(picked, new, strict=True):
        vecs[j] = v
    return Frame("", frame.names, tuple(vecs))


def _where(env: Env, frame: Frame, rows: Any) -> Vec | NDArray[np.int64] | None:
    """None for all rows, an aligned predicate, or row numbers."""
    if isinstance(rows, Frame):
        predicate = args.one_column(rows, "row predicate")
        if len(predicate) != frame.n_rows:
            raise BadRequestError(f"The row predicate has {len(predicate)} rows, the frame {frame.n_rows}; both must be equal.")
        return env.node.frames.align([predicate], frame.espc)[0]
    if isinstance(rows, Numbers) and len(rows) == 0:
        return None
    numbers = row_numbers(rows, frame.n_rows)
    return None if len(numbers) == frame.n_rows and frame.n_rows and len(np.unique(numbers)) == frame.n_rows else numbers


def _bad_type(value: Any, vec: Vec) -> VerbatimError:
    return VerbatimError(f"Cannot assign value {value} into a vector of type {vec.type.capitalize()}.")


def _from_scalar(env: Env, vec: Vec, value: Any, where: Any) -> Vec:
    if isinstance(value, str):
        if vec.type == "enum" and value in (vec.domain or ()):
            value = float((vec.domain or ()).index(value))
        elif vec.type != "string":
            raise _bad_type(value, vec)
    elif where is None and not math.isnan(value):
        return constant(env, value, vec.espc)
    elif vec.type not in ("numeric", "bad", "time") and not math.isnan(value):
        raise _bad_type(value, vec)
    elif vec.type == "time" and abs(value) >= 2.0**63:
        raise BadRequestError(f"A time is a whole number of milliseconds of 64 bits, found {value:g}.")
    spec = OutputSpec("numeric") if vec.type == "bad" else spec_of(vec)
    inputs = [vec, where] if isinstance(where, Vec) else [vec]
    return map_vecs(env.node, _set_value, inputs, [spec], value=value, rows=where if isinstance(where, np.ndarray) else None)[0]


def _selected(block: Block, params: dict[str, Any]) -> NDArray[np.int64]:
    """Chunk-relative rows to change."""
    if len(block.vecs) == 2:
        return np.flatnonzero(block.numbers(1) == 1)
    rows: NDArray[np.int64] | None = params["rows"]
    if rows is None:
        return np.arange(block.n_rows)
    lo, hi = np.searchsorted(rows, [block.start, block.start + block.n_rows])
    return rows[lo:hi] - block.start


@blockwise
def _set_value(block: Block, params: dict[str, Any]) -> None:
    value, rows, kind = params["value"], _selected(block, params), block.vecs[0].type
    if len(rows) == 0:
        block.write(0, block.chunk(0))
    elif kind in ("string", "uuid"):
        texts = block.strings(0)
        for i in rows.tolist():
            texts[i] = value if isinstance(value, str) else None
        block.write(0, texts)
    else:
        if kind == "enum":
            new: NDArray[Any] = block.codes(0).copy()
            new[rows] = -1 if math.isnan(value) else value
        elif kind == "time":
            new = block.chunk(0).int64().copy()
            new[rows] = NA_INT64 if math.isnan(value) else value
        else:
            new = with_value(block.exact(0), rows, value)
        block.write(0, new)


def _from_frame(env: Env, frame: Frame, src: Frame, picked: list[int], where: Any) -> list[Vec]:
    if src.n_cols not in (1, len(picked)):
        raise BadRequestError(f"The source of := has {src.n_cols} columns, {len(picked)} are to be set; both must be equal.")
    sources = [src.vecs[i % src.n_cols] for i in range(len(picked))]
    if src.n_rows == 1 and (where is not None or frame.n_rows != 1):
        return [_from_scalar(env, frame.vecs[j], _cell(env, s), where) for j, s in zip(picked, sources, strict=True)]
    if where is None:
        if src.n_rows != frame.n_rows:
            raise BadRequestError(f"The source of := has {src.n_rows} rows, the frame {frame.n_rows}; both must be equal.")
        return list(env.node.frames.align(sources, frame.espc))
    if isinstance(where, Vec):
        raise BadRequestError("A frame cannot be assigned to rows chosen by a predicate; choose them by number, or assign a value.")
    if src.n_rows != len(where):
        raise BadRequestError(f"The source of := has {src.n_rows} rows, {len(where)} are to be set; both must be equal.")
    return [_set_rows(env, frame.vecs[j], s, where) for j, s in zip(picked, sources, strict=True)]


def _cell(env: Env, vec: Vec) -> Any:
    if vec.type in ("enum", "string"):
        text = vec.to_strings(env.node)[0]
        return math.nan if text is None else text
    return vec.at(env.node, 0)


def _set_rows(env: Env, vec: Vec, source: Vec, rows: NDArray[np.int64]) -> Vec:
    kinds = {vec.type, source.type}
    if not (kinds <= {"numeric", "bad", "time"} or kinds in ({"enum"}, {"string"})):
        raise _bad_type(f"of a column of type {source.type}", vec)
    values: Any
    if vec.type == "enum":
        index = {level: i for i, level in enumerate(vec.domain or ())}
        missing = [level for level in source.domain or () if level not in index]
        if missing:
            raise _bad_type(missing[0], vec)
        table = np.array([*(index[level] for level in source.domain or ()), -1], dtype=np.int32)
        values = table[fetch_codes(env.node, source)]
    else:
        values = source.to_strings(env.node) if vec.type == "string" else fetch_exact(env.node, source)
    order = np.argsort(rows, kind="stable")
    values = [values[i] for i in order.tolist()] if isinstance(values, list) else values[order]
    return map_vecs(env.node, _set_values, [vec], [spec_of(vec)], rows=rows[order], values=values)[0]


@blockwise
def _set_values(block: Block, params: dict[str, Any]) -> None:
    rows, values, kind = params["rows"], params["values"], block.vecs[0].type
    lo, hi = np.searchsorted(rows, [block.start, block.start + block.n_rows])
    local = rows[lo:hi] - block.start
    if kind == "string":
        texts = block.strings(0)
        for i, v in zip(local.tolist(), values[lo:hi], strict=True):
            texts[i] = v
        block.write(0, texts)
        return
    old = block.codes(0) if kind == "enum" else block.exact(0)
    both = np.concatenate([old, values[lo:hi]]) if kind == "enum" else joined_values([old, values[lo:hi]])
    new = both[: len(old)].copy()
    new[local] = both[len(old) :]
    block.write(0, new)


# -- columns --------------------------------------------------------------------------------------------------------------


@family("append", "fr src name more...", "A copy with columns added: numbers, strings or one-column frames, each with its name.")
def append(env: Env, fr: Any, *pairs: Any) -> Frame:
    frame = args.as_frame(fr, "first argument of append")
    if len(pairs) % 2:
        raise BadRequestError("append takes pairs of a source and a name after the frame; a name is missing.")
    names, vecs = list(frame.names), list(frame.vecs)
    for src, name in zip(pairs[::2], pairs[1::2], strict=True):
        if isinstance(src, Frame):
            vec = args.one_column(src, "column to append")
            if len(vec) != frame.n_rows and frame.n_cols:
                raise BadRequestError(f"Cannot append a column of {len(vec)} rows to a frame of {frame.n_rows} rows.")
            vec = env.node.frames.align([vec], frame.espc)[0] if frame.n_cols else vec
        elif isinstance(src, bool | int | float | str):
            vec = constant(env, src, frame.espc)
        else:
            raise BadRequestError(f"A column to append must be a number, a string or a frame, found {describe(src)}.")
        names.append(unique_name(names, args.as_string(name, "name of the new column")))
        vecs.append(vec)
    return Frame("", tuple(names), tuple(vecs))


@family("colnames=", "fr cols names", "Rename columns in place.")
def rename_columns(env: Env, fr: Any, cols: Any, names: Any) -> Frame:
    frame = args.as_frame(fr, "first argument of colnames=")
    picked = pick_columns(frame.names, cols, python=False)
    new_names = args.as_strings(names, "new names")
    if len(picked) != len(new_names):
        raise BadRequestError(f"{len(picked)} columns are to be renamed, but there are {len(new_names)} names.")
    out = list(frame.names)
    for j, name in zip(picked, new_names, strict=True):
        out[j] = name
    return mutate(env, frame, Frame(frame.key, tuple(out), frame.vecs))


# -- stored frames --------------------------------------------------------------------------------------------------------


def _frame_of(env: Env, tree: Ast, who: str) -> Frame:
    value = env.evaluate(tree)
    if isinstance(value, LazyFrame):
        return force(env.node, value)
    if not isinstance(value, Frame):
        raise BadRequestError(f"{who} stores frames, found {describe(value)}.")
    return value


@family("tmp=", "id expr", "Store a frame as a temporary of the session.", lazy=True)
def store_temp(env: Env, id: Ast, expr: Ast) -> Frame:
    frame = _frame_of(env, expr, "tmp=")
    return env.session.store_temp(env, env.expand(env.text(id)), frame, roots_of(env, expr))


@family("assign", "id fr", "Store a frame under a global key.", lazy=True)
def store_global(env: Env, id: Ast, fr: Ast) -> Frame:
    return env.session.store_global(env, env.expand(env.text(id)), _frame_of(env, fr, "assign"))


@family("rm", "id", "Remove what is stored under a key; 1 when there was something, else 0.", lazy=True)
def remove(env: Env, id: Ast) -> float:
    key = env.expand(env.text(id))
    return float(env.session.remove(env, key))


@family("rename", "old new", "Store a frame or model under another key.", lazy=True)
def rename(env: Env, old: Ast, new: Ast) -> float:
    env.session.rename(env, env.expand(env.text(old)), env.expand(env.text(new)))
    return math.nan

"""Frames side by side and one below the other; columns out of nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, make_vecs
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.primitives.assigning import constant, unique_name
from h2ok.ext.rapids.rows import Text, take_vecs
from h2ok.ext.rapids.values import Numbers, Row, format_number
from h2ok.kernel import Block, Frame, Node, OutputSpec, Vec, VecType, even_espc
from h2ok.kernel.frame.longs import exact_values, is_exact_double, joined_values
from h2ok.kernel.frame.newchunk import encode_string_buffers

__all__ = ["PRIMITIVES", "bind_rows", "stack"]

family = Family()
PRIMITIVES = family.primitives


@family("cbind", "frames...", "Frames of equal rows side by side; numbers become constant columns.")
def cbind(env: Env, *values: Any) -> Frame:
    first = next((v for v in values if isinstance(v, Frame) and v.n_cols), None)
    espc = even_espc(1) if first is None else first.espc
    names: list[str] = []
    vecs: list[Vec] = []
    for v in values:
        if isinstance(v, Frame):
            if v.n_cols and v.n_rows != int(espc[-1]):
                raise BadRequestError(f"cbind needs frames of equal numbers of rows, found {int(espc[-1])} and {v.n_rows}.")
            added, columns = v.names, env.node.frames.align(v.vecs, espc)
        elif isinstance(v, bool | int | float):
            added, columns = (format_number(float(v) if is_exact_double(v) else v),), (constant(env, v, espc),)
        elif isinstance(v, str):
            added, columns = (v,), (constant(env, v, espc),)
        else:
            raise BadRequestError(f"cbind takes frames and numbers, found {describe(v)}.")
        for name, vec in zip(added, columns, strict=True):
            names.append(unique_name(names, name))
            vecs.append(vec)
    return Frame("", tuple(names), tuple(vecs))


# -- rbind ----------------------------------------------------------------------------------------------------------------


@family("rbind", "frames...", "Frames of equal columns one below the other; a number is one row.")
def rbind(env: Env, *values: Any) -> Frame:
    if not values:
        raise BadRequestError("rbind needs at least one frame.")
    frames: list[Frame] = []
    first = next((v for v in values if isinstance(v, Frame)), None)
    for v in values:
        if isinstance(v, Frame):
            frames.append(v)
        elif isinstance(v, bool | int | float):
            names = first.names if first is not None else ("C1",)
            frames.append(Frame("", names, tuple(constant(env, v, even_espc(1)) for _ in names)))
        else:
            raise BadRequestError(f"rbind takes frames and numbers, found {describe(v)}.")
    return bind_rows(env, frames)


def bind_rows(env: Env, frames: Sequence[Frame]) -> Frame:
    """Frames one below the other.

    Raises
    ------
    BadRequestError
        Number, names or types of columns differ.
    """
    head = frames[0]
    for f in frames[1:]:
        if f.n_cols != head.n_cols:
            raise BadRequestError(f"rbind needs frames of equal numbers of columns, found {head.n_cols} and {f.n_cols}.")
        if f.names != head.names:
            j = next(j for j in range(head.n_cols) if f.names[j] != head.names[j])
            raise BadRequestError(f"rbind needs equal column names; column {j + 1} is '{head.names[j]}' and '{f.names[j]}'.")
    if len(frames) == 1:
        return head.renamed("")
    return Frame("", head.names, tuple(stack(env.node, head.names[j], [f.vecs[j] for f in frames]) for j in range(head.n_cols)))


def stack(node: Node, name: str, vecs: list[Vec]) -> Vec:
    """Columns of one type one below the other; levels of enums in order of appearance.

    Raises
    ------
    BadRequestError
        The types differ.
    """
    kind: VecType = next((v.type for v in vecs if v.type != "bad"), "bad")
    for v in vecs:
        if v.type not in (kind, "bad") and not _all_na(node, v):
            raise BadRequestError(f"rbind needs equal column types; column '{name}' is {kind} and {v.type}.")
    domain: list[str] | None = None
    tables: list[Any] = [None] * len(vecs)
    if kind == "enum":
        index: dict[str, int] = {}
        for v in vecs:
            for level in v.domain or ():
                index.setdefault(level, len(index))
        domain = list(index)
        tables = [np.array([*(index[level] for level in v.domain or ()), -1], dtype=np.int32) for v in vecs]
    starts = np.concatenate([[0], np.cumsum([len(v) for v in vecs])]).astype(np.int64)
    spec = OutputSpec(kind, tuple(domain) if domain is not None else None)
    return make_vecs(node, _stacked, even_espc(int(starts[-1])), [spec], vecs=vecs, starts=starts, tables=tables, kind=kind)[0]


def _all_na(node: Node, vec: Vec) -> bool:
    return node.rollups(vec).na_count == len(vec)


@blockwise
def _stacked(block: Block, params: dict[str, Any]) -> None:
    vecs, starts, kind = params["vecs"], params["starts"], params["kind"]
    lo, hi = block.start, block.start + block.n_rows
    parts: list[Any] = []
    for k, vec in enumerate(vecs):
        a, b = max(lo, int(starts[k])) - int(starts[k]), min(hi, int(starts[k + 1])) - int(starts[k])
        if b <= a:
            continue
        for i in range(vec.chunk_index_for_row(a), vec.n_chunks):
            first, last = int(vec.espc[i]), int(vec.espc[i + 1])
            if first >= b:
                break
            parts.append(_part(block, vec, i, slice(max(a - first, 0), min(b, last) - first), params["tables"][k], kind))
    block.write(0, _joined(parts, kind))


def _part(block: Block, vec: Vec, index: int, rows: slice, table: Any, kind: str) -> Any:
    chunk = vec.chunk(block.node, index)
    n = rows.stop - rows.start
    if kind == "string":
        return Text.of([chunk]).take(np.arange(rows.start, rows.stop)) if vec.type == "string" else Text.of([]).take(np.full(n, -1))
    if kind == "uuid":
        return chunk.strings()[rows] if vec.type == "uuid" else [None] * n
    if kind == "enum":
        return table[chunk.codes()[rows]] if vec.type == "enum" else np.full(n, -1, dtype=np.int32)
    return chunk.int64()[rows] if kind == "time" else exact_values(chunk)[rows]


def _joined(parts: list[Any], kind: str) -> Any:
    if kind == "string":
        text = Text.of(parts)
        return encode_string_buffers(text.offsets, text.data, text.na)
    if kind == "uuid":
        return [x for p in parts for x in p]
    return joined_values(parts)


# -- sequences ------------------------------------------------------------------------------------------------------------


@blockwise
def _sequence(block: Block, params: dict[str, Any]) -> None:
    block.write(0, params["first"] + params["step"] * np.arange(block.start, block.start + block.n_rows))


def _sequence_frame(env: Env, first: float, step: float, n: int) -> Frame:
    return Frame("", ("C1",), make_vecs(env.node, _sequence, even_espc(n), first=float(first), step=float(step)))


@family("seq", "from to by", "Numbers from, from + by, ... up to to.")
def seq(env: Env, first: Any, last: Any, by: Any) -> Frame:
    a, b, step = args.as_number(first, "start"), args.as_number(last, "end"), args.as_number(by, "step")
    if step == 0 or not math.isfinite((b - a) / step) or (b - a) / step < 0:
        raise BadRequestError(f"A sequence from {a:g} to {b:g} by {step:g} never ends; the step must lead from start to end.")
    count = args.as_length(math.floor((b - a) / step * (1 + 1e-12)) + 1.0, "length of the sequence")
    return _sequence_frame(env, a, step, count)


@family("seq_len", "n", "The numbers 1 to n.")
def seq_len(env: Env, n: Any) -> Frame:
    # H2O: a fraction rounds up.
    return _sequence_frame(env, 1.0, 1.0, args.as_length(n, "length of seq_len"))


@family("rep_len", "x n", "A column or number repeated to n rows; a frame repeated to n columns.")
def rep_len(env: Env, x: Any, n: Any) -> Frame:
    wide = isinstance(x, Frame) and x.n_cols > 1
    length = args.as_length(
        float(np.trunc(args.as_number(n, "length"))), "length of rep_len", args.MAX_COLUMNS if wide else args.MAX_ROWS
    )
    if isinstance(x, bool | int | float | str):
        return Frame("", ("C1",), (constant(env, x, even_espc(length)),))
    if isinstance(x, Row | Numbers):
        values = np.resize(args.as_numbers(x), length)
        return Frame("", ("C1",), (env.node.frames.vec_of(values),))
    frame = args.as_frame(x, "first argument of rep_len")
    if frame.n_cols == 1:
        if frame.n_rows == 0 and length:
            raise BadRequestError("Cannot repeat a column without rows.")
        return Frame("", ("C1",), take_vecs(env.node, frame.vecs, np.arange(length) % max(frame.n_rows, 1)))
    if frame.n_cols == 0 and length:
        raise BadRequestError("Cannot repeat a frame without columns.")
    return Frame("", tuple(f"C{j + 1}" for j in range(length)), tuple(frame.vecs[j % frame.n_cols] for j in range(length)))

"""apply: a function for every row or every column.

A function of rows is evaluated once, for all rows together: its argument stands for "the row", every operation on it becomes an
expression of columns, and the whole is computed chunk by chunk.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.fused import Expr, LazyFrame, RowBatch, RowNumber, force
from h2ok.ext.rapids.values import Numbers, Row
from h2ok.kernel import Frame, Vec

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives


@family("apply", "fr margin fun", "Apply a function to every row (margin 1) or column (margin 2).")
def apply(env: Env, fr: Any, margin: Any, fun: Any) -> Frame:
    frame = args.as_frame(fr, "first argument of apply")
    side = args.as_int(margin, "margin")
    if side == 1:
        return _rows(env, frame, fun)
    if side == 2:
        return _columns(env, frame, fun)
    raise BadRequestError(f"The margin of apply must be 1 (rows) or 2 (columns), found {side}.")


def _rows(env: Env, frame: Frame, fun: Any) -> Frame:
    for n, v in zip(frame.names, frame.vecs, strict=True):
        if v.type in ("string", "uuid"):
            raise BadRequestError(f"A function of rows sees numbers only; column '{n}' is {v.type}. Leave it out.")
    value = env.apply(fun, [RowBatch(frame.names, frame.vecs)])
    cells: list[Any]
    if isinstance(value, RowBatch):
        cells = list(value.columns)
    elif isinstance(value, RowNumber):
        cells = [value.column]
    elif isinstance(value, bool | int | float):
        cells = [float(value)]
    elif isinstance(value, Row | Numbers):
        cells = args.as_numbers(value).tolist()
    else:
        raise BadRequestError(f"A function of rows must give a number or a row, it gave {describe(value)}.")
    columns = tuple(c if isinstance(c, Vec | Expr) else _same_everywhere(frame, c) for c in cells)
    return force(env.node, LazyFrame(tuple(f"C{j + 1}" for j in range(len(columns))), columns))


def _same_everywhere(frame: Frame, value: float) -> Expr:
    return Expr("ifelse", (Expr("true", (frame.vecs[0],), frame.espc), value, value), frame.espc)


def _columns(env: Env, frame: Frame, fun: Any) -> Frame:
    names: list[str] = []
    vecs: list[Vec] = []
    for name, v in zip(frame.names, frame.vecs, strict=True):
        value = env.apply(fun, [Frame("", (name,), (v,))])
        if isinstance(value, LazyFrame):
            value = force(env.node, value)
        if isinstance(value, bool | int | float):
            new: tuple[Vec, ...] = (env.node.frames.vec_of(np.array([float(value)])),)
        elif isinstance(value, Row | Numbers):
            new = (env.node.frames.vec_of(args.as_numbers(value)),)
        elif isinstance(value, Frame):
            new = value.vecs
        else:
            raise BadRequestError(f"A function of columns must give a number or a frame, it gave {describe(value)}.")
        if vecs and len(new[0]) != len(vecs[0]):
            raise BadRequestError(
                f"The function gave {len(new[0])} rows for column '{name}' and {len(vecs[0])} for '{frame.names[0]}'; "
                "all must be equal."
            )
        vecs += env.node.frames.align(new, vecs[0].espc) if vecs else new
        names += [name] if len(new) == 1 else [f"{name}{k}" for k in range(len(new))]
    return Frame("", tuple(names), tuple(vecs))

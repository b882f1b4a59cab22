"""Running sums, products and extremes, down the columns or across the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, fold, foldable, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.kernel import Block, Frame, OutputSpec

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

_RUNNING = {"cumsum": np.add, "cumprod": np.multiply, "cummin": np.minimum, "cummax": np.maximum}


@foldable(lambda a, b: {**a, **b})
def _chunk_totals(block: Block, params: dict[str, Any]) -> dict[int, float]:
    x = block.numbers(0)
    with np.errstate(all="ignore"):
        return {block.index: float(_RUNNING[params["op"]].reduce(x))} if len(x) else {}


@blockwise
def _running_down(block: Block, params: dict[str, Any]) -> None:
    x, before = block.numbers(0).copy(), params["before"].get(block.index)
    op = _RUNNING[params["op"]]
    with np.errstate(all="ignore"):
        if before is not None and len(x):
            x[0] = op(before, x[0])
        block.write(0, op.accumulate(x) if len(x) else x)


@blockwise
def _running_across(block: Block, params: dict[str, Any]) -> None:
    with np.errstate(all="ignore"):
        x = _RUNNING[params["op"]].accumulate(block.matrix(), axis=1)
    for j in range(len(block.vecs)):
        block.write(j, x[:, j])


def _running(env: Env, name: str, fr: Any, axis: Any) -> Frame:
    frame = args.as_frame(fr)
    args.require_numeric(frame, name, ("numeric", "bad"))
    if args.as_number(axis, "axis") == 1:
        return Frame("", frame.names, map_vecs(env.node, _running_across, frame, [OutputSpec()] * frame.n_cols, op=name))
    vecs = []
    for v in frame.vecs:
        totals = fold(env.node, _chunk_totals, [v], op=name)
        before: dict[int, float] = {}
        total: float | None = None
        for i in range(v.n_chunks):
            if total is not None:
                before[i] = total
            if i in totals:
                with np.errstate(all="ignore"):
                    total = totals[i] if total is None else float(_RUNNING[name](total, totals[i]))
        vecs.append(map_vecs(env.node, _running_down, [v], op=name, before=before)[0])
    # H2O: a single column loses its name.
    return Frame("", ("C1",) if frame.n_cols == 1 else frame.names, tuple(vecs))


def _define_running(name: str, help: str) -> None:
    family.add(name, lambda env, fr, axis: _running(env, name, fr, axis), ("fr", "axis"), help)


_define_running("cumsum", "Running sum, down (axis 0) or across (axis 1); all NA after the first NA.")
_define_running("cumprod", "Running product, down (axis 0) or across (axis 1); all NA after the first NA.")
_define_running("cummin", "Running minimum, down (axis 0) or across (axis 1); all NA after the first NA.")
_define_running("cummax", "Running maximum, down (axis 0) or across (axis 1); all NA after the first NA.")

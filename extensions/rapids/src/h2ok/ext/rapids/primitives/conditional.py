"""ifelse: a choice for each row, or for the whole expression when the test is one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids.ast import Ast
from h2ok.ext.rapids.blocks import blockwise, foldable, map_vecs
from h2ok.ext.rapids.blocks import fold as fold_blocks
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.fused import Expr, LazyFrame, RowBatch, RowNumber, columns_of, force, lazy
from h2ok.ext.rapids.primitives.operators import force_one
from h2ok.kernel import Block, Frame, Node, OutputSpec, Vec

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives


@family("ifelse", "test yes no", "yes where the test is true, no where it is 0, NA where it is NA.", lazy=True)
def ifelse(env: Env, test: Ast, yes: Ast, no: Ast) -> Any:
    t = env.evaluate(test)
    if isinstance(t, bool | int | float):
        return float("nan") if np.isnan(t) else _first_cell(env, env.evaluate(yes if t != 0 else no))
    if isinstance(t, RowNumber | RowBatch):
        return _on_rows(env, t, env.evaluate(yes), env.evaluate(no))
    if not isinstance(t, Frame | LazyFrame):
        raise BadRequestError(f"The test of ifelse must be a number or a frame, found {describe(t)}.")
    for name, c in zip(t.names, columns_of(t), strict=True):
        if isinstance(c, Vec) and c.type in ("string", "uuid"):
            raise BadRequestError(f"The test of ifelse must hold numbers; column '{name}' is {c.type}. Compare it first: (== ...).")
    tests = [force_one(env.node, c) if isinstance(c, Expr) else c for c in columns_of(t)]
    some_true, some_false = _outcomes(env.node, tests)
    a = _branch(env, t, env.evaluate(yes)) if some_true else None
    b = _branch(env, t, env.evaluate(no)) if some_false else None
    out = [_choose(env.node, c, a and a[j], b and b[j]) for j, c in enumerate(tests)]
    return lazy([f"C{j + 1}" for j in range(len(tests))], out)


def _first_cell(env: Env, value: Any) -> Any:
    if not isinstance(value, Frame | LazyFrame):
        return value
    if value.n_rows == 0:
        raise BadRequestError("The chosen branch of ifelse is a frame without rows; it has no first cell.")
    vec = force(env.node, value).vecs[0]
    return vec.to_strings(env.node)[0] if vec.type in ("enum", "string") else vec.at(env.node, 0)


def _on_rows(env: Env, test: Any, yes: Any, no: Any) -> Any:
    from h2ok.ext.rapids.primitives.operators import _cells

    cells, a, b = _cells(test), _cells(yes), _cells(no)
    n = max(len(cells), len(a), len(b))
    out = tuple(Expr("ifelse", (cells[j % len(cells)], a[j % len(a)], b[j % len(b)]), cells[0].espc) for j in range(n))
    return RowNumber(out[0]) if isinstance(test, RowNumber) and n == 1 else RowBatch(tuple(f"C{j + 1}" for j in range(n)), out)


@foldable()
def _count_outcomes(block: Block, params: dict[str, Any]) -> tuple[int, int]:
    true = false = 0
    for j in range(len(block.vecs)):
        x = block.numbers(j)
        zeros = int((x == 0).sum())
        false += zeros
        true += block.n_rows - zeros - int(np.isnan(x).sum())
    return true, false


def _outcomes(node: Node, tests: list[Vec]) -> tuple[bool, bool]:
    true, false = fold_blocks(node, _count_outcomes, tests)
    return true > 0, false > 0


def _branch(env: Env, test: Frame | LazyFrame, value: Any) -> list[Any]:
    """One operand for each column of the test: numbers, texts or aligned columns."""
    if isinstance(value, bool | int | float | str):
        return [value] * len(test.names)
    if not isinstance(value, Frame | LazyFrame):
        raise BadRequestError(f"A branch of ifelse must be a number, a string or a frame, found {describe(value)}.")
    if value.n_rows != test.n_rows or len(value.names) != len(test.names):
        raise BadRequestError(
            f"A branch of ifelse has {value.n_rows} rows and {len(value.names)} columns, the test {test.n_rows} and "
            f"{len(test.names)}; both must have equal dimensions, or the branch be a single value."
        )
    if np.array_equal(value.espc, test.espc):
        return list(columns_of(value))
    return list(env.node.frames.align(force(env.node, value).vecs, test.espc))


def _choose(node: Node, test: Vec, yes: Any, no: Any) -> Any:
    """``yes`` and ``no`` are None when no row needs them."""
    kinds = {_kind(x) for x in (yes, no) if x is not None}
    if kinds <= {"numeric", "bad"}:
        nan = float("nan")
        return Expr("ifelse", (test, nan if yes is None else yes, nan if no is None else no), test.espc)
    if kinds == {"time"}:
        return map_vecs(node, _choose_times, [test, yes or no, no or yes], [OutputSpec("time")])[0]
    if kinds <= {"enum", "text"}:
        return _choose_levels(node, test, yes, no)
    if kinds <= {"string", "text"}:
        vecs = [x for x in (yes, no) if isinstance(x, Vec)]
        return map_vecs(node, _choose_texts, [test, *vecs], [OutputSpec("string")], yes=_spot(yes, 1), no=_spot(no, len(vecs)))[0]
    raise BadRequestError(f"The branches of ifelse are of different types: {' and '.join(sorted(kinds))}.")


def _kind(x: Any) -> str:
    return "text" if isinstance(x, str) else x.type if isinstance(x, Vec) else "numeric"


def _spot(x: Any, at: int) -> Any:
    """Where a branch comes from: input column ``at``, or the text itself."""
    return at if isinstance(x, Vec) else x


@blockwise
def _choose_times(block: Block, params: dict[str, Any]) -> None:
    t = block.numbers(0)
    out = np.where(t != 0, block.chunk(1).int64(), block.chunk(2).int64())
    out[np.isnan(t)] = np.iinfo(np.int64).min
    block.write(0, out)


@blockwise
def _choose_texts(block: Block, params: dict[str, Any]) -> None:
    sides = [block.strings(x) if isinstance(x, int) else [x] * block.n_rows for x in (params["no"], params["yes"])]
    t = block.numbers(0)
    missing = np.isnan(t).tolist()
    block.write(0, [None if missing[i] else sides[x != 0][i] for i, x in enumerate(t.tolist())])


def _choose_levels(node: Node, test: Vec, yes: Any, no: Any) -> Vec:
    """H2O: levels of two strings stand as (no, yes), with a column among the branches the union is sorted; unused ones go."""
    sides = [x for x in (no, yes) if x is not None]
    levels: list[str] = []
    for x in sides:
        levels += [v for v in ((x.domain or ()) if isinstance(x, Vec) else (x,)) if v not in levels]
    if any(isinstance(x, Vec) for x in sides):
        levels.sort()
    index = {level: i for i, level in enumerate(levels)}
    vecs = [x for x in (yes, no) if isinstance(x, Vec)]
    tables = [np.array([index[v] for v in x.domain or ()], dtype=np.int32) for x in vecs]
    codes = {name: index[x] if isinstance(x, str) else None for name, x in (("yes", yes), ("no", no))}
    spots = {"yes": 1 if isinstance(yes, Vec) else 0, "no": len(vecs) if isinstance(no, Vec) else 0}
    out = map_vecs(
        node, _choose_codes, [test, *vecs], [OutputSpec("enum", tuple(levels))], tables=tables, codes=codes, spots=spots
    )[0]
    from h2ok.ext.rapids.primitives.levels import drop_unused_levels

    return drop_unused_levels(node, out)


@blockwise
def _choose_codes(block: Block, params: dict[str, Any]) -> None:
    t = block.numbers(0)
    sides = {}
    for name in ("yes", "no"):
        spot = params["spots"][name]
        if spot:
            codes, table = block.codes(spot), params["tables"][spot - 1]
            sides[name] = np.where(codes >= 0, np.append(table, -1)[codes], -1)
        else:
            code = params["codes"][name]
            sides[name] = np.full(block.n_rows, -1 if code is None else code)
    out = np.where(t != 0, sides["yes"], sides["no"])
    out[np.isnan(t)] = -1
    block.write(0, out.astype(np.int32))

"""Operators of two operands and ifelse. Numeric ones build expressions that are computed chunk by chunk when needed.

Operands: numbers, strings, rows and frames. A frame of one column, or of one row, is repeated to fit the other frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import ApiError, BadRequestError
from h2ok.ext.rapids.arrays import EXACT, IN_PLACE, OPERATIONS, as_float, evaluate_scalar
from h2ok.ext.rapids.ast import Ast
from h2ok.ext.rapids.blocks import blockwise, map_vecs
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.fused import Column, Expr, LazyFrame, RowBatch, RowNumber, columns_of, force, lazy
from h2ok.ext.rapids.values import Numbers, Row
from h2ok.kernel import Block, Frame, IllegalArgumentError, Node, Vec
from h2ok.kernel.frame.longs import is_exact_double

__all__ = ["PRIMITIVES", "apply_binary", "paired"]

family = Family()
PRIMITIVES = family.primitives

_HELP = {
    "+": "Sum.",
    "-": "Difference.",
    "*": "Product.",
    "/": "Quotient; 1/0 is Infinity, 0/0 NaN.",
    "^": "Power.",
    "%": "Remainder with the sign of the dividend.",
    "intDiv": "Whole quotient of the operands cut to whole numbers; NA counts as 0.",
    "%/%": "Quotient cut to a whole number; NA becomes 0.",
    "==": "1 where equal (within an ulp), else 0; NA equals NA.",
    "!=": "The opposite of ==.",
    "<": "1 where less, else 0; 0 with NA.",
    "<=": "1 where less or equal, else 0; 0 with NA.",
    ">": "1 where greater, else 0; 0 with NA.",
    ">=": "1 where greater or equal, else 0; 0 with NA.",
    "&": "0 where an operand is 0, else NA where one is NA, else 1.",
    "|": "1 where an operand is 1, else NA where one is NA, else 0.",
    "round": "Rounded to digits.",
    "signif": "Rounded to significant digits.",
}
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_MIRROR = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
#: A code no row has.
_NO_LEVEL = -1.0


def apply_binary(node: Node, op: str, left: Any, right: Any) -> Any:
    """The operation on any two operands."""
    left, right = _operand(op, left), _operand(op, right)
    if isinstance(left, str) and isinstance(right, str):
        if op not in ("==", "!="):
            raise IllegalArgumentError(f"'{op}' of two strings is not implemented; only == and != are.")
        return float((left == right) == (op == "=="))
    if isinstance(left, int | float) and isinstance(right, int | float):
        return evaluate_scalar(op, left, right)
    if isinstance(left, RowBatch | RowNumber) or isinstance(right, RowBatch | RowNumber):
        return _row_batches(op, left, right)
    if isinstance(left, Frame | LazyFrame) or isinstance(right, Frame | LazyFrame):
        return _frames(node, op, left, right)
    return _rows(op, left, right)


def _operand(op: str, value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value if op in EXACT and not is_exact_double(value) else float(value)
    if isinstance(value, Numbers):
        return Row(value.expand(), ())
    if isinstance(value, str | Row | Frame | LazyFrame | RowBatch | RowNumber):
        return value
    raise IllegalArgumentError(f"'{op}' is not implemented for {describe(value)}.")


def _rows(op: str, left: Any, right: Any) -> Row:
    if isinstance(left, str) or isinstance(right, str):
        raise IllegalArgumentError(f"'{op}' of a row and a string is not implemented.")
    a, b = (x.values if isinstance(x, Row) else x for x in (left, right))
    if np.size(a) != np.size(b) and 1 not in (np.size(a), np.size(b)):
        raise BadRequestError(f"'{op}' needs rows of equal length, found {np.size(a)} and {np.size(b)}.")
    names = left.names if isinstance(left, Row) else right.names
    with np.errstate(all="ignore"):
        out = (IN_PLACE.get(op) or OPERATIONS[op])(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    return Row(np.atleast_1d(as_float(out)), names)


# -- rows of a frame, inside apply ----------------------------------------------------------------------------------------


def _row_batches(op: str, left: Any, right: Any) -> Any:
    if isinstance(left, str | Frame | LazyFrame) or isinstance(right, str | Frame | LazyFrame):
        raise IllegalArgumentError(
            f"'{op}' of a row and {describe(right if isinstance(left, RowBatch) else left)} is not implemented."
        )
    scalar = not isinstance(left, RowBatch) and not isinstance(right, RowBatch)
    a, b = _cells(left), _cells(right)
    n = max(len(a), len(b))
    if len(a) not in (1, n) or len(b) not in (1, n):
        raise BadRequestError(f"'{op}' needs rows of equal length, found {len(a)} and {len(b)}.")
    espc = next(c.espc for c in (*a, *b) if isinstance(c, Vec | Expr))
    cells = tuple(Expr(op, (a[j % len(a)], b[j % len(b)]), espc) for j in range(n))
    if scalar:
        return RowNumber(cells[0])
    names = next(x.names for x in (left, right) if isinstance(x, RowBatch) and len(x.columns) == n)
    return RowBatch(names, cells)


def _cells(x: Any) -> list[Any]:
    if isinstance(x, RowBatch):
        return list(x.columns)
    if isinstance(x, RowNumber):
        return [x.column]
    return x.values.tolist() if isinstance(x, Row) else [x]


# -- frames ---------------------------------------------------------------------------------------------------------------


def _frames(node: Node, op: str, left: Any, right: Any) -> Frame | LazyFrame:
    if isinstance(left, Frame | LazyFrame) and isinstance(right, Frame | LazyFrame):
        names, pairs, espc = paired(node, op, left, right)
        return lazy(names, [_columns(node, op, a, b, espc) for a, b in pairs])
    if isinstance(left, Frame | LazyFrame):
        return _frame_and_value(node, op, left, right, flipped=False)
    return _frame_and_value(node, op, right, left, flipped=True)


def _frame_and_value(node: Node, op: str, frame: Frame | LazyFrame, value: Any, *, flipped: bool) -> Frame | LazyFrame:
    cols = columns_of(frame)
    if isinstance(value, Row):
        if len(value.values) not in (1, len(cols)):
            raise BadRequestError(
                f"'{op}' of a frame of {len(cols)} columns needs a row of as many numbers, found {len(value.values)}."
            )
        values: Sequence[Any] = [float(v) for v in np.broadcast_to(value.values, (len(cols),))]
    else:
        values = [value] * len(cols)
    out = [_column_and_value(node, op, c, v, flipped=flipped) for c, v in zip(cols, values, strict=True)]
    # H2O: comparing a frame with a number on its right for (in)equality gives up the names.
    renamed = op in ("==", "!=") and isinstance(value, int | float) and not flipped
    return lazy([f"C{j + 1}" for j in range(len(cols))] if renamed else frame.names, out)


def paired(
    node: Node, op: str, left: Frame | LazyFrame, right: Frame | LazyFrame
) -> tuple[tuple[str, ...], list[tuple[Any, Any]], Any]:
    """(names, pairs of operands, row boundaries) of an element-wise operation on two frames.

    Raises
    ------
    BadRequestError
        Rows or columns do not fit.
    """
    n_left, n_right = len(left.names), len(right.names)
    wide = left if n_left >= n_right else right
    if n_left != n_right and (1 not in (n_left, n_right) or 0 in (n_left, n_right)):
        raise BadRequestError(f"'{op}' needs frames of equal numbers of columns, found {n_left} and {n_right}.")
    a: Sequence[Any] = columns_of(left)
    b: Sequence[Any] = columns_of(right)
    espc = left.espc
    if left.n_rows != right.n_rows:
        if right.n_rows == 1:
            b = _first_row(node, right)
        elif left.n_rows == 1:
            a, espc = _first_row(node, left), right.espc
        else:
            raise BadRequestError(f"'{op}' needs frames of equal numbers of rows, found {left.n_rows} and {right.n_rows}.")
    elif not np.array_equal(left.espc, right.espc):
        b = node.frames.align(force(node, right).vecs, espc)
    n = max(n_left, n_right)
    return wide.names, [(a[j % n_left], b[j % n_right]) for j in range(n)], espc


class _Moment(float):
    """The cell of a time column: milliseconds that compare with times, which plain numbers do not."""


def _first_row(node: Node, frame: Frame | LazyFrame) -> list[Any]:
    """Numbers of a one-row frame; the level of an enum and the text of a string column as text, times as moments."""
    cells: list[Any] = []
    for v in force(node, frame).vecs:
        text = v.to_strings(node)[0] if v.type in ("enum", "string") else None
        if text is None:
            number = float("nan") if v.type == "string" else v.at(node, 0)
            cells.append(_Moment(number) if v.type == "time" else number)
        else:
            cells.append(text)
    return cells


def _columns(node: Node, op: str, a: Any, b: Any, espc: Any) -> Column:
    if not isinstance(a, Vec | Expr):
        return _column_and_value(node, op, b, a, flipped=True)
    if not isinstance(b, Vec | Expr):
        return _column_and_value(node, op, a, b, flipped=False)
    kinds = (_kind(a), _kind(b))
    if "string" in kinds or "uuid" in kinds:
        if op not in ("==", "!=") or not set(kinds) <= {"string", "enum"}:
            raise _not_for_text(op, *kinds)
        return map_vecs(node, _compare_texts, [force_one(node, a), force_one(node, b)], equal=op == "==")[0]
    if "enum" in kinds:
        if op in ("==", "!="):
            if isinstance(a, Vec) and isinstance(b, Vec) and kinds == ("enum", "enum"):
                return Expr(op, (a, _recoded(b, a.domain or ())), espc)
            # H2O: against numbers the level index counts.
            return Expr(op, (a, b), espc)
        return Expr("na", (a,), espc)
    return Expr(op, (a, b), espc)


def _kind(c: Column) -> str:
    return c.type if isinstance(c, Vec) else "numeric"


def force_one(node: Node, column: Column) -> Vec:
    """A column, computed when it is an expression."""
    return force(node, LazyFrame(("x",), (column,))).vecs[0]


def _recoded(vec: Vec, domain: tuple[str, ...]) -> Column:
    """An enum with the codes its levels have in ``domain``; -2 for levels that are not there."""
    if vec.domain == domain:
        return vec
    index = {level: i for i, level in enumerate(domain)}
    table = np.array([index.get(level, -2) for level in vec.domain or ()] or [-2], dtype=np.float64)
    return Expr("lookup", (vec, table), vec.espc)


def _column_and_value(node: Node, op: str, c: Column, value: Any, *, flipped: bool) -> Column:
    kind = _kind(c)
    if isinstance(value, str):
        if op not in _COMPARISONS:
            raise IllegalArgumentError(f"'{op}' of a column and a string is not implemented.")
        if kind == "enum":
            assert isinstance(c, Vec)
            domain = c.domain or ()
            code = float(domain.index(value)) if value in domain else _NO_LEVEL
            return Expr(_MIRROR[op] if flipped else op, (c, code), c.espc)
        if kind in ("string", "uuid"):
            assert isinstance(c, Vec)
            if op not in ("==", "!="):
                raise _not_for_text(op, kind, "string")
            return map_vecs(node, _compare_text, [c], value=value, equal=op == "==")[0]
        return Expr("true" if op == "!=" else "false", (c,), c.espc)
    if kind in ("string", "uuid"):
        if op in ("==", "!="):
            missing = not isinstance(value, str) and math.isnan(value)
            if missing and kind == "string":
                assert isinstance(c, Vec)
                return map_vecs(node, _compare_text, [c], value=None, equal=op == "==")[0]
            return Expr("false" if op == "==" else "true", (c,), c.espc)
        raise _not_for_text(op, kind, "number")
    if (kind == "enum" or (kind == "time" and not isinstance(value, _Moment))) and op in ("==", "!="):
        # H2O: an enum or time is neither equal nor unequal to a number; a time may be equal to another.
        return Expr("false", (c,), c.espc)
    if kind == "enum":
        return Expr("na", (c,), c.espc)
    return Expr(op, (value, c) if flipped else (c, value), c.espc)


def _not_for_text(op: str, *kinds: str) -> ApiError:
    return ApiError(f"'{op}' of a {kinds[0]} and a {kinds[1]} column is not defined; == and != compare texts.", status=500)


@blockwise
def _compare_text(block: Block, params: dict[str, Any]) -> None:
    value, equal = params["value"], params["equal"]
    # H2O: an empty text counts as missing.
    found = ((not s) if value is None else s == value for s in block.strings(0))
    same = np.fromiter(found, dtype=np.bool_, count=block.n_rows)
    block.write(0, (same == equal).astype(np.float64))


@blockwise
def _compare_texts(block: Block, params: dict[str, Any]) -> None:
    pairs = zip(block.strings(0), block.strings(1), strict=True)
    # H2O: a missing text equals a missing or empty one.
    same = np.fromiter(((a or "") == (b or "") for a, b in pairs), dtype=np.bool_, count=block.n_rows)
    block.write(0, (same == params["equal"]).astype(np.float64))


def _define(name: str, op: str) -> None:
    words = ("x", "digits") if op in ("round", "signif") else ("l", "r")

    def binary(env: Env, left: Ast, right: Ast) -> Any:
        return apply_binary(env.node, op, env.evaluate(left), env.evaluate(right))

    family.add(name, binary, words, _HELP[op], lazy=True)


for _name in _HELP:
    _define(_name, _name)
_define("%%", "%")


@family("&&", "l r", "As &, but the right operand is not evaluated when the left is the number 0.", lazy=True)
def and_then(env: Env, left: Ast, right: Ast) -> Any:
    a = env.evaluate(left)
    return 0.0 if isinstance(a, int | float) and a == 0 else apply_binary(env.node, "&", a, env.evaluate(right))


@family("||", "l r", "As |, but the right operand is not evaluated when the left is the number 1.", lazy=True)
def or_else(env: Env, left: Ast, right: Ast) -> Any:
    a = env.evaluate(left)
    return 1.0 if isinstance(a, int | float) and a == 1 else apply_binary(env.node, "|", a, env.evaluate(right))

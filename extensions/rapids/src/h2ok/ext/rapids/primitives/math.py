"""Functions of one number, element by element; they fuse with their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids.arrays import IN_PLACE, OPERATIONS, as_float, evaluate_scalar
from h2ok.ext.rapids.ast import Ast
from h2ok.ext.rapids.evaluate import Env, describe
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.fused import Column, Expr, LazyFrame, RowBatch, RowNumber, columns_of, lazy
from h2ok.ext.rapids.values import Numbers, Row
from h2ok.kernel import Frame, IllegalArgumentError, Vec

__all__ = ["PRIMITIVES", "apply_unary"]

family = Family()
PRIMITIVES = family.primitives

_HELP = {
    "abs": "Absolute value.",
    "acos": "Arc cosine.",
    "acosh": "Inverse hyperbolic cosine.",
    "asin": "Arc sine.",
    "asinh": "Inverse hyperbolic sine.",
    "atan": "Arc tangent.",
    "atanh": "Inverse hyperbolic tangent.",
    "ceiling": "Rounded up.",
    "cos": "Cosine of radians.",
    "cosh": "Hyperbolic cosine.",
    "cospi": "Cosine of pi times x.",
    "digamma": "Derivative of lgamma.",
    "exp": "e to the power x.",
    "expm1": "exp(x) - 1.",
    "floor": "Rounded down.",
    "gamma": "Gamma function.",
    "lgamma": "Logarithm of the gamma function.",
    "log": "Natural logarithm; NaN below 0.",
    "log1p": "log(1 + x).",
    "log2": "Logarithm to base 2.",
    "log10": "Logarithm to base 10.",
    "none": "The number itself.",
    "not": "1 for 0, 0 for any other number; NA stays NA.",
    "sign": "-1, 0 or 1.",
    "sin": "Sine of radians.",
    "sinh": "Hyperbolic sine.",
    "sinpi": "Sine of pi times x.",
    "sqrt": "Square root.",
    "tan": "Tangent of radians.",
    "tanh": "Hyperbolic tangent.",
    "tanpi": "Tangent of pi times x.",
    "trigamma": "Second derivative of lgamma.",
    "trunc": "Rounded toward zero.",
}


def apply_unary(op: str, value: Any) -> Any:
    """The operation on a number, row or frame; columns of a frame are named ``op(name)``."""
    if isinstance(value, bool | int | float):
        return evaluate_scalar(op, float(value))
    if isinstance(value, Row | Numbers):
        numbers = value.values if isinstance(value, Row) else value.expand()
        with np.errstate(all="ignore"):
            out = as_float((IN_PLACE.get(op) or OPERATIONS[op])(numbers))
        return Row(out, value.names if isinstance(value, Row) else ())
    if isinstance(value, RowNumber):
        return RowNumber(_expr(op, value.column))
    if isinstance(value, RowBatch):
        return RowBatch(value.names, tuple(_expr(op, c) for c in value.columns))
    if not isinstance(value, Frame | LazyFrame):
        raise IllegalArgumentError(f"'{op}' is not implemented for {describe(value)}; it needs a number or numeric columns.")
    cols = columns_of(value)
    for name, c in zip(value.names, cols, strict=True):
        if isinstance(c, Vec) and c.type not in ("numeric", "bad"):
            raise BadRequestError(
                f"Operator {op}() cannot be applied to the {c.type} column '{name}'; it needs numeric columns. "
                "Convert it first: (as.numeric ...)."
            )
    return lazy([f"{op}({n})" for n in value.names], [_expr(op, c) for c in cols])


def _expr(op: str, column: Column) -> Expr:
    return Expr(op, (column,), column.espc)


def _define(name: str, op: str) -> None:
    def unary(env: Env, x: Ast) -> Any:
        return apply_unary(op, env.evaluate(x))

    family.add(name, unary, ("x",), _HELP[op], lazy=True)


for _name in _HELP:
    _define(_name, _name)
_define("!!", "not")


@family("is.na", "x", "1 where the value is missing, 0 elsewhere.", lazy=True)
def is_na(env: Env, x: Ast) -> Any:
    value = env.evaluate(x)
    if isinstance(value, bool | int | float):
        return float(np.isnan(value))
    if isinstance(value, str):
        return 0.0
    if isinstance(value, Row | Numbers | RowBatch | RowNumber):
        return apply_unary("is.na", value)
    if not isinstance(value, Frame | LazyFrame):
        raise BadRequestError(f"'is.na' needs a number, string or frame, found {describe(value)}.")
    return lazy([f"isNA({n})" for n in value.names], [_expr("is.na", c) for c in columns_of(value)])

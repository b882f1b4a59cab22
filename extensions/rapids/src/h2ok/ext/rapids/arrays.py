"""Element-wise operations on arrays: what the nodes of a fused expression compute.

Operands are float64 arrays (NA as NaN), bool arrays (results of comparisons) or floats; the result is float64 or bool. The
operations of ``EXACT`` also take int64 arrays (NA as the smallest int64) and ints, whole numbers that no double holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from h2ok.kernel import NA_INT64
from h2ok.kernel.frame.longs import as_doubles, is_exact_double, joined_values, rests_of
from numpy.typing import NDArray

__all__ = ["EXACT", "IN_PLACE", "OPERATIONS", "as_float", "evaluate_scalar"]

Operand = Any
_TINY = 2.3e-16


def as_float(x: Operand) -> Operand:
    """float64 of a bool or float operand."""
    return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype == np.bool_ else x


def _equal(a: Operand, b: Operand) -> Operand:
    """Equal within one (the smaller) ulp; NaN equals NaN (H2O: MathUtils.equalsWithinOneSmallUlp). Longs are equal or not."""
    if _is_long(a) or _is_long(b):
        (x, x_rest), (y, y_rest) = _parts(a), _parts(b)
        same = np.equal(x, y) & np.equal(x_rest, y_rest)
        return same if np.ndim(a) == 0 or np.ndim(b) == 0 else same | (np.isnan(x) & np.isnan(y))
    a, b = np.asarray(as_float(a), dtype=np.float64), np.asarray(as_float(b), dtype=np.float64)
    same = np.equal(a, b)
    gap = np.abs(a - b)
    near = (gap <= np.abs(a) * _TINY) & ~same
    if near.any():
        near &= gap <= np.minimum(np.spacing(np.abs(a)), np.spacing(np.abs(b)))
        same |= near
    scalar_known = (a.ndim == 0 and not np.isnan(a)) or (b.ndim == 0 and not np.isnan(b))
    return same if scalar_known else same | (np.isnan(a) & np.isnan(b))


def _is_long(x: Operand) -> bool:
    return x.dtype.kind == "i" if isinstance(x, np.ndarray) else isinstance(x, int)


def _parts(x: Operand) -> tuple[Operand, Operand]:
    """(nearest doubles, what they leave): pairs compare like the numbers."""
    if not _is_long(x):
        return as_float(x), 0.0
    whole = np.atleast_1d(np.asarray(x, dtype=np.int64))
    return (as_doubles(whole), rests_of(whole)) if np.ndim(x) else (float(x), float(rests_of(whole)[0]))


def _ordered(strict: np.ufunc, plain: np.ufunc) -> Callable[[Operand, Operand], Operand]:
    """``plain``, an order, of doubles and longs; ``strict`` is the same without equality."""

    def call(a: Operand, b: Operand) -> Operand:
        if not (_is_long(a) or _is_long(b)):
            return plain(as_float(a), as_float(b))
        (x, x_rest), (y, y_rest) = _parts(a), _parts(b)
        return strict(x, y) | (np.equal(x, y) & plain(x_rest, y_rest))

    return call


def _not_equal(a: Operand, b: Operand) -> Operand:
    return ~_equal(a, b)


def _and(a: Operand, b: Operand) -> Operand:
    if _is_bool(a) and _is_bool(b):
        return np.logical_and(a, b)
    a, b = as_float(a), as_float(b)
    out = np.where(np.isnan(a) | np.isnan(b), np.nan, 1.0)
    return np.where(np.equal(a, 0) | np.equal(b, 0), 0.0, out)


def _or(a: Operand, b: Operand) -> Operand:
    if _is_bool(a) and _is_bool(b):
        return np.logical_or(a, b)
    a, b = as_float(a), as_float(b)
    out = np.where(np.isnan(a) | np.isnan(b), np.nan, 0.0)
    # H2O: a number counts as true here only when it is exactly 1.
    return np.where(np.equal(a, 1) | np.equal(b, 1), 1.0, out)


def _is_bool(x: Operand) -> bool:
    return isinstance(x, np.ndarray) and x.dtype == np.bool_


def _power(a: Operand, b: Operand) -> Operand:
    out = np.power(a, b)
    # Java: 1 to a NaN or infinite power, and -1 to an infinite one, is NaN; C says 1.
    odd = np.equal(np.abs(a), 1) & ~np.isfinite(b)
    return np.where(odd, np.nan, out) if np.any(odd) else out


def _int_div(a: Operand, b: Operand) -> Operand:
    whole_a, whole_b = np.trunc(_zero_na(a)), np.trunc(_zero_na(b))
    return np.where(np.equal(whole_b, 0), np.nan, np.trunc(whole_a / whole_b))


def _int_quotient(a: Operand, b: Operand) -> Operand:
    return np.trunc(_zero_na(np.true_divide(a, b)))


def _zero_na(x: Operand) -> Operand:
    return np.where(np.isnan(x), 0.0, x)


def _round(x: Operand, digits: Operand) -> Operand:
    # H2O: a half digit rounds up, a missing number of digits is 0, and numbers too large to scale stay as they are.
    d = np.floor(np.where(np.isnan(digits), 0.0, digits) + 0.5)
    if np.ndim(d) == 0 and d == 0:
        return np.rint(x)
    scale = np.power(10.0, d)
    out = np.sign(x) * (np.floor(np.abs(x) * scale + 0.5) / scale)
    return np.where(d == 0, np.rint(x), np.where(np.isfinite(np.abs(x) * scale), out, x))


def _signif(x: Operand, digits: Operand) -> Operand:
    x, digits = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(digits, dtype=np.float64))
    # A double has at most 767 significant decimal digits. H2O: half a digit rounds up; without a number of digits x stays.
    places = np.clip(np.where(np.isnan(digits), 800, np.floor(digits + 0.5)), 1, 800).astype(np.int64)
    pairs = np.stack([x.ravel(), places.ravel().astype(np.float64)])
    # Exact decimal rounding needs arbitrary precision; the formatter does it, once for each distinct value.
    unique, back = np.unique(pairs, axis=1, return_inverse=True)
    rounded = [float(f"{v:.{int(p) - 1}e}") if np.isfinite(v) else v for v, p in unique.T.tolist()]
    return np.array(rounded)[back.ravel()].reshape(x.shape)


def _if_else(test: Operand, yes: Operand, no: Operand) -> Operand:
    if _is_long(test):
        test = as_doubles(test)
    if _is_long(yes) or _is_long(no):
        return _long_if_else(as_float(test), yes, no)
    if _is_bool(test):
        return np.where(test, as_float(yes), as_float(no))
    return np.where(np.isnan(test), np.nan, np.where(np.not_equal(test, 0), as_float(yes), as_float(no)))


def _long_if_else(test: NDArray[np.float64], yes: Operand, no: Operand) -> Operand:
    """``_if_else`` where a branch has longs; doubles again when the other one has fractions."""
    n = len(test)
    sides = [
        x if np.ndim(x) else np.full(n, x, dtype=np.int64 if _is_long(x) else np.float64) for x in (as_float(yes), as_float(no))
    ]
    both = joined_values(sides)
    out = np.where(test != 0, both[:n], both[n:])
    out[np.isnan(test)] = NA_INT64 if both.dtype.kind == "i" else np.nan
    return out


def _not(x: Operand) -> Operand:
    return np.logical_not(x) if _is_bool(x) else np.where(np.isnan(x), np.nan, np.where(np.equal(x, 0), 1.0, 0.0))


def _is_na(x: Operand) -> Operand:
    return np.zeros(x.shape, dtype=np.bool_) if _is_bool(x) else np.isnan(x)


def _na(x: Operand) -> Operand:
    return np.full(np.shape(x), np.nan)


def _true(x: Operand) -> Operand:
    return np.ones(np.shape(x), dtype=np.bool_)


def _false(x: Operand) -> Operand:
    return np.zeros(np.shape(x), dtype=np.bool_)


def _lookup(codes: Operand, table: Operand) -> Operand:
    """Entries of a table at codes; NA stays."""
    known = ~np.isnan(codes)
    out = np.full(np.shape(codes), np.nan)
    out[known] = table[codes[known].astype(np.int64)]
    return out


def _special(name: str) -> Callable[[Operand], Operand]:
    def call(x: Operand) -> Operand:
        from h2ok.ext.rapids import special

        flat = np.ascontiguousarray(x, dtype=np.float64).ravel()
        return getattr(special, name)(flat).reshape(np.shape(x))

    return call


def _log2(x: Operand) -> Operand:
    return np.log(x) / np.log(2.0)


#: Ufuncs that may write their result over a float operand nobody needs any more.
IN_PLACE: dict[str, np.ufunc] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "%": np.fmod,
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceiling": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "exp": np.exp,
    "expm1": np.expm1,
    "floor": np.floor,
    "log": np.log,
    "log1p": np.log1p,
    "log10": np.log10,
    "none": np.positive,
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
    "trunc": np.trunc,
}

#: name -> operation. Those that take bool operands as they are do so to stay cheap; the others get floats.
OPERATIONS: dict[str, Callable[..., Operand]] = {
    "^": lambda a, b: _power(as_float(a), as_float(b)),
    "intDiv": lambda a, b: _int_div(as_float(a), as_float(b)),
    "%/%": lambda a, b: _int_quotient(as_float(a), as_float(b)),
    "==": _equal,
    "!=": _not_equal,
    "<": _ordered(np.less, np.less),
    "<=": _ordered(np.less, np.less_equal),
    ">": _ordered(np.greater, np.greater),
    ">=": _ordered(np.greater, np.greater_equal),
    "&": _and,
    "|": _or,
    "round": lambda a, b: _round(as_float(a), as_float(b)),
    "signif": lambda a, b: _signif(as_float(a), as_float(b)),
    "ifelse": _if_else,
    "not": _not,
    "is.na": _is_na,
    "na": _na,
    "true": _true,
    "false": _false,
    "cospi": lambda x: np.cos(np.pi * as_float(x)),
    "sinpi": lambda x: np.sin(np.pi * as_float(x)),
    "tanpi": lambda x: np.tan(np.pi * as_float(x)),
    "log2": lambda x: _log2(as_float(x)),
    "gamma": _special("gamma"),
    "lgamma": _special("lgamma"),
    "digamma": _special("digamma"),
    "trigamma": _special("trigamma"),
    "min": np.minimum,
    "max": np.maximum,
    "minNA": np.fmin,
    "maxNA": np.fmax,
    "lookup": _lookup,
}


#: Operations that see every digit of whole numbers of 64 bits; the others compute with doubles.
EXACT = frozenset({"==", "!=", "<", "<=", ">", ">=", "ifelse"})


def evaluate_scalar(op: str, *values: float) -> float:
    """The operation on plain numbers."""
    with np.errstate(all="ignore"):
        arrays = [np.array([v], dtype=np.float64 if is_exact_double(v) else np.int64) for v in values]
        fn = IN_PLACE.get(op) or OPERATIONS[op]
        return float(fn(*arrays)[0])

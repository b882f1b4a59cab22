"""Arguments: values of an expression as what a primitive wants, or an error that says what was expected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids.evaluate import describe
from h2ok.ext.rapids.values import Numbers, Row
from h2ok.kernel import Frame, Vec
from numpy.typing import NDArray

__all__ = [
    "as_bool",
    "as_frame",
    "as_int",
    "as_length",
    "as_number",
    "as_numbers",
    "as_string",
    "as_strings",
    "column",
    "columns",
    "named",
    "one_column",
    "require_numeric",
]

#: Rows that a single expression may make out of nothing.
MAX_ROWS = 2**31 - 1
#: Columns that it may make.
MAX_COLUMNS = 100_000


def as_frame(value: Any, what: str = "argument") -> Frame:
    """A frame."""
    if not isinstance(value, Frame):
        raise BadRequestError(f"The {what} must be a frame, found {describe(value)}.")
    return value


def as_number(value: Any, what: str = "argument") -> float:
    """A number; a list of one number counts."""
    if isinstance(value, Numbers) and len(value) == 1:
        return float(value.expand()[0])
    if isinstance(value, Row) and len(value.values) == 1:
        return float(value.values[0])
    if not isinstance(value, int | float):
        raise BadRequestError(f"The {what} must be a number, found {describe(value)}.")
    return float(value)


def as_int(value: Any, what: str = "argument") -> int:
    """A whole number of 64 bits; decimals are cut off."""
    x = as_number(value, what)
    if not abs(x) < 2.0**63:
        raise BadRequestError(f"The {what} must be a whole number of at most 64 bits, found {x:g}.")
    return int(x)


def as_length(value: Any, what: str, most: int = MAX_ROWS) -> int:
    """A number of rows or columns to make; decimals are rounded up.

    Raises
    ------
    BadRequestError
        Negative, not finite, or larger than ``most``.
    """
    x = as_number(value, what)
    if not 0 <= x <= most:
        raise BadRequestError(f"The {what} must be from 0 to {most}, found {x:g}.")
    return math.ceil(x)


def as_bool(value: Any, what: str = "argument") -> bool:
    """A truth value: a number that is not 0."""
    return as_number(value, what) != 0


def as_string(value: Any, what: str = "argument") -> str:
    """A text."""
    if isinstance(value, tuple) and len(value) == 1:
        return str(value[0])
    if not isinstance(value, str):
        raise BadRequestError(f"The {what} must be a string, found {describe(value)}.")
    return value


def as_strings(value: Any, what: str = "argument") -> tuple[str, ...]:
    """A list of texts; one text and the empty list count."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Numbers) and len(value) == 0:
        return ()
    if not isinstance(value, tuple):
        raise BadRequestError(f"The {what} must be a list of strings, found {describe(value)}.")
    return value


def as_numbers(value: Any, what: str = "argument") -> NDArray[np.float64]:
    """A list of numbers, float64[n]; one number counts."""
    if isinstance(value, int | float):
        return np.array([float(value)])
    if isinstance(value, Row):
        return value.values
    if not isinstance(value, Numbers):
        raise BadRequestError(f"The {what} must be a list of numbers, found {describe(value)}.")
    return value.expand()


def columns(frame: Frame, value: Any, what: str = "columns") -> list[int]:
    """Positions of columns given by index, name, or a list of either; negative indexes are errors.

    Raises
    ------
    BadRequestError
        No such column.
    """
    if isinstance(value, str | tuple):
        return [named(frame.names, n) for n in as_strings(value)]
    out = []
    for x in as_numbers(value, what).tolist():
        if not (math.isfinite(x) and 0 <= x < frame.n_cols):
            raise BadRequestError(f"The {what} must be from 0 to {frame.n_cols - 1}, found {x:g}.")
        out.append(int(x))
    return out


def column(frame: Frame, value: Any, what: str = "column") -> int:
    """Position of one column given by index or name.

    Raises
    ------
    BadRequestError
        No such column, or not exactly one.
    """
    found = columns(frame, value, what)
    if len(found) != 1:
        raise BadRequestError(f"The {what} must be one column, found {len(found)}.")
    return found[0]


def named(names: Sequence[str], name: str) -> int:
    """Position of a column by name, the first when several have it.

    Raises
    ------
    BadRequestError
        No such column; the message lists near names.
    """
    from difflib import get_close_matches

    if name in names:
        return list(names).index(name)
    near = get_close_matches(name, names, n=3, cutoff=0.7)
    hint = f" Nearest: {', '.join(map(repr, near))}." if near else ""
    raise BadRequestError(f"Column '{name}' not found in a frame of {len(names)} columns.{hint}", column=name)


def one_column(value: Any, what: str = "argument") -> Vec:
    """The column of a frame of one column."""
    frame = as_frame(value, what)
    if frame.n_cols != 1:
        raise BadRequestError(f"The {what} must be a frame of a single column, found {frame.n_cols} columns.")
    return frame.vecs[0]


def require_numeric(frame: Frame, who: str, kinds: tuple[str, ...] = ("numeric", "bad", "time")) -> None:
    """Refuse columns that are not numbers.

    Raises
    ------
    BadRequestError
        A column is of another type; the message names it.
    """
    for name, v in zip(frame.names, frame.vecs, strict=True):
        if v.type not in kinds:
            raise BadRequestError(
                f"'{who}' is not applicable to the {v.type} column '{name}'; it needs {' or '.join(kinds[:1])} columns."
            )

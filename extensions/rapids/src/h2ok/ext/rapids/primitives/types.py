"""Types of columns: asking for them and converting between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, fold, foldable, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.values import Row, format_number
from h2ok.kernel import Block, Frame, Node, OutputSpec, Vec
from h2ok.kernel.frame.longs import LARGEST_EXACT, as_doubles, is_exact_double, is_missing, joined_values
from numpy.typing import NDArray

__all__ = ["PRIMITIVES", "string_levels", "to_enum"]

family = Family()
PRIMITIVES = family.primitives

#: Levels an enum may have.
MAX_LEVELS = 10_000_000


def _flags(value: Any, wanted: tuple[str, ...]) -> Row:
    frame = args.as_frame(value)
    return Row(np.array([float(v.type in wanted) for v in frame.vecs]), frame.names)


@family("is.factor", "fr", "1 for each enum column, 0 for others.")
def is_factor(env: Env, fr: Any) -> Row:
    return _flags(fr, ("enum",))


@family("is.numeric", "fr", "1 for each numeric column, 0 for others; times are not numeric.")
def is_numeric(env: Env, fr: Any) -> Row:
    return _flags(fr, ("numeric", "bad"))


@family("is.character", "fr", "1 for each string column, 0 for others.")
def is_character(env: Env, fr: Any) -> Row:
    return _flags(fr, ("string",))


_GROUPS = {
    "numeric": ("numeric", "bad"),
    "categorical": ("enum",),
    "string": ("string",),
    "time": ("time",),
    "uuid": ("uuid",),
    "bad": ("bad",),
}


@family("columnsByType", "fr type", "Indexes of the columns of a type: numeric, categorical, string, time, uuid or bad.")
def columns_by_type(env: Env, fr: Any, type: Any) -> Row:
    frame, name = args.as_frame(fr), args.as_string(type, "type")
    if name not in _GROUPS:
        raise BadRequestError(f"Column type '{name}' is unknown; it must be one of {', '.join(_GROUPS)}.")
    if name == "bad":
        found = [j for j, v in enumerate(frame.vecs) if v.type == "bad" or (v.type == "numeric" and _is_bad(env.node, v))]
    else:
        found = [j for j, v in enumerate(frame.vecs) if v.type in _GROUPS[name]]
    return Row(np.array(found, dtype=np.float64), ())


def _is_bad(node: Node, vec: Vec) -> bool:
    return int(node.rollups(vec).na_count) == len(vec)


@family("filterNACols", "fr frac", "Indexes of the columns with fewer missing values than this share of the rows.")
def filter_na_columns(env: Env, fr: Any, frac: Any) -> Row:
    frame, limit = args.as_frame(fr), args.as_number(frac, "fraction")
    kept = [float(j) for j, v in enumerate(frame.vecs) if env.node.rollups(v).na_count < limit * frame.n_rows]
    return Row(np.array(kept), ())


# -- to enum --------------------------------------------------------------------------------------------------------------


@foldable(lambda a, b: np.unique(joined_values([a, b])))
def distinct_numbers(block: Block, params: dict[str, Any]) -> Any:
    values = block.exact(0)
    return np.unique(values[~is_missing(values)])


@foldable(lambda a, b: sorted({*a, *b}))
def _distinct_texts(block: Block, params: dict[str, Any]) -> Any:
    return sorted({s for s in block.strings(0) if s is not None})


def string_levels(node: Node, vec: Vec) -> list[str]:
    """The distinct texts of a string column in the order of their code points."""
    return list(fold(node, _distinct_texts, [vec]) or [])


@blockwise
def _codes_of_numbers(block: Block, params: dict[str, Any]) -> None:
    values, levels = block.exact(0), params["levels"]
    # Levels are longs when some value of the column is one and none has a fraction.
    n = len(levels)
    both = joined_values([levels, values]) if levels.dtype.kind == "i" else np.concatenate([levels, as_doubles(values)])
    codes = np.searchsorted(both[:n], both[n:]).astype(np.int32)
    codes[is_missing(values)] = -1
    block.write(0, codes)


@blockwise
def _codes_of_texts(block: Block, params: dict[str, Any]) -> None:
    index = {level: i for i, level in enumerate(params["levels"])}
    index[None] = -1
    block.write(0, np.fromiter((index[s] for s in block.strings(0)), dtype=np.int32, count=block.n_rows))


def to_enum(node: Node, vec: Vec, name: str = "") -> Vec:
    """The column as an enum; levels sorted, numbers as numbers.

    Raises
    ------
    BadRequestError
        Times and UUIDs have no levels, or there are too many.
    """
    if vec.type == "enum":
        return vec
    if vec.type in ("time", "uuid"):
        raise BadRequestError(
            f"as.factor: column '{name}' of type {vec.type.capitalize()} is not accepted; numbers and strings are."
        )
    if vec.type == "string":
        domain = string_levels(node, vec)
        return map_vecs(node, _codes_of_texts, [vec], [OutputSpec("enum", tuple(domain))], levels=domain)[0]
    levels = fold(node, distinct_numbers, [vec])
    levels = np.empty(0) if levels is None else levels
    if len(levels) > MAX_LEVELS:
        raise BadRequestError(
            f"as.factor: column '{name}' has {len(levels)} distinct values; at most {MAX_LEVELS} levels are allowed."
        )
    whole = bool(np.isfinite(levels).all() and (levels == np.floor(levels)).all())
    # H2O: a column of whole numbers has levels 0, 1, ...; otherwise every number is written as a double.
    domain = [str(int(x)) if whole else format_number(x) for x in levels.tolist()]
    return map_vecs(node, _codes_of_numbers, [vec], [OutputSpec("enum", tuple(domain))], levels=levels)[0]


@family("as.factor", "fr", "Columns as enums; levels sorted.")
def as_factor(env: Env, fr: Any) -> Frame:
    frame = args.as_frame(fr)
    return Frame("", frame.names, tuple(to_enum(env.node, v, n) for n, v in zip(frame.names, frame.vecs, strict=True)))


# -- to numbers and text --------------------------------------------------------------------------------------------------


@blockwise
def _lookup_codes(block: Block, params: dict[str, Any]) -> None:
    block.write(0, joined_values([params["table"], np.array([np.nan])])[block.codes(0)])


@blockwise
def _numbers_of_texts(block: Block, params: dict[str, Any]) -> None:
    block.write(0, _parsed(block.strings(0)))


@blockwise
def _as_plain_numbers(block: Block, params: dict[str, Any]) -> None:
    block.write(0, block.numbers(0))


def _parse(text: str | None) -> float:
    """The number a text spells, an int where no double holds it; NaN when it spells none."""
    if text is None or "_" in text:
        return np.nan
    try:
        value = float(text)
    except ValueError:
        return np.nan
    if LARGEST_EXACT <= abs(value) <= 2.0**63 and text.strip().lstrip("+-").isdecimal():
        whole = int(text)
        return value if is_exact_double(whole) or abs(whole) >= 2**63 else whole
    return value


def _parsed(texts: Sequence[str | None]) -> NDArray[Any]:
    """The numbers of some texts: float64[n], or int64[n] where some are no doubles and all others are whole."""
    values = [_parse(s) for s in texts]
    parts = [np.array([v], dtype=np.int64 if isinstance(v, int) else np.float64) for v in values]
    return joined_values(parts) if any(isinstance(v, int) for v in values) else np.array(values, dtype=np.float64)


def to_numeric(node: Node, vec: Vec, name: str = "") -> Vec:
    """The column as numbers: level numbers of an enum (the numbers its levels spell if all do), parsed text, milliseconds.

    Raises
    ------
    BadRequestError
        A UUID column.
    """
    if vec.type in ("numeric", "bad"):
        return vec
    if vec.type == "enum":
        domain = vec.domain or ()
        table: NDArray[Any] = np.arange(len(domain), dtype=np.float64)
        if domain and _counts_as_number(domain):
            parsed = _parsed(domain)
            table = table if is_missing(parsed).any() else parsed
        return map_vecs(node, _lookup_codes, [vec], table=table)[0]
    if vec.type == "string":
        return map_vecs(node, _numbers_of_texts, [vec])[0]
    if vec.type == "time":
        return map_vecs(node, _as_plain_numbers, [vec])[0]
    raise BadRequestError(f"as.numeric: column '{name}' of type {vec.type} has no numbers.")


def _counts_as_number(domain: tuple[str, ...]) -> bool:
    # H2O: only levels that spell whole numbers are taken by their value; with a fraction among them the level index counts.
    return all(level.lstrip("+-").isdigit() for level in domain)


@family("as.numeric", "fr", "Columns as numbers.")
def as_numeric(env: Env, fr: Any) -> Frame:
    frame = args.as_frame(fr)
    return Frame("", frame.names, tuple(to_numeric(env.node, v, n) for n, v in zip(frame.names, frame.vecs, strict=True)))


@blockwise
def _texts_of_numbers(block: Block, params: dict[str, Any]) -> None:
    values = block.exact(0)
    distinct, back = np.unique(values, return_inverse=True)
    missing = is_missing(distinct).tolist()
    texts = [None if na else number_text(x) for x, na in zip(distinct.tolist(), missing, strict=True)]
    block.write(0, [texts[i] for i in back.tolist()])


@blockwise
def _texts(block: Block, params: dict[str, Any]) -> None:
    block.write(0, block.strings(0))


def number_text(x: float) -> str:
    """A number as as.character prints it: whole numbers without a decimal point."""
    return str(int(x)) if abs(x) < 2**63 and x == int(x) else format_number(x)


@family("as.character", "fr", "Columns as text.")
def as_character(env: Env, fr: Any) -> Frame:
    frame = args.as_frame(fr)
    # A column may stand in a frame many times.
    texts = {v.key: to_string(env.node, v) for v in {v.key: v for v in frame.vecs}.values()}
    return Frame("", frame.names, tuple(texts[v.key] for v in frame.vecs))


def to_string(node: Node, vec: Vec) -> Vec:
    """The column as text; times as milliseconds."""
    if vec.type == "string":
        return vec
    if vec.type in ("enum", "uuid"):
        return map_vecs(node, _texts, [vec], [OutputSpec("string")])[0]
    return map_vecs(node, _texts_of_numbers, [vec], [OutputSpec("string")])[0]

"""Levels of enum columns: listing, renaming, ordering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, fold, foldable, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.primitives.assigning import mutate
from h2ok.kernel import Block, Frame, Node, OutputSpec, Vec, even_espc
from h2ok.kernel.frame.codecs import ConstantChunk
from numpy.typing import NDArray

__all__ = ["PRIMITIVES", "count_levels", "drop_unused_levels", "enum_column", "recode"]

family = Family()
PRIMITIVES = family.primitives


def enum_column(value: Any, who: str) -> Vec:
    """The one enum column of a frame.

    Raises
    ------
    BadRequestError
        The value is something else.
    """
    vec = args.one_column(value, f"argument of {who}")
    if vec.type != "enum":
        raise BadRequestError(f"'{who}' needs an enum column, found a {vec.type} column. Convert it first: (as.factor ...).")
    return vec


@blockwise
def _recode(block: Block, params: dict[str, Any]) -> None:
    block.write(0, params["table"][block.codes(0)])


def recode(node: Node, vec: Vec, table: Sequence[int] | NDArray[Any], domain: Sequence[str]) -> Vec:
    """An enum with code i replaced by ``table[i]`` (-1 for NA) under the levels ``domain``; no copy when nothing changes."""
    full = np.append(np.asarray(table, dtype=np.int32), np.int32(-1))
    if np.array_equal(full[:-1], np.arange(len(full) - 1)):
        return vec.with_domain(tuple(domain))
    return map_vecs(node, _recode, [vec], [OutputSpec("enum", tuple(domain))], table=full)[0]


@foldable()
def _count(block: Block, params: dict[str, Any]) -> NDArray[np.float64]:
    codes = block.codes(0)
    known = codes >= 0
    weights = block.numbers(1)[known] if len(block.vecs) > 1 else None
    return np.bincount(codes[known], weights=weights, minlength=params["n"]).astype(np.float64)


def count_levels(node: Node, vec: Vec, weights: Vec | None = None) -> NDArray[np.float64]:
    """Rows (or weight) of every level, float64[cardinality]."""
    out = fold(node, _count, [vec] if weights is None else [vec, weights], n=vec.cardinality)
    return np.zeros(vec.cardinality) if out is None else out


def drop_unused_levels(node: Node, vec: Vec) -> Vec:
    """The enum with only the levels that occur."""
    used = count_levels(node, vec) > 0
    if used.all():
        return vec
    table = np.where(used, np.cumsum(used) - 1, -1)
    return recode(node, vec, table, [level for level, u in zip(vec.domain or (), used, strict=True) if u])


@family("levels", "fr", "The levels of each column, padded with NA; columns that are no enum give NA.")
def levels(env: Env, fr: Any) -> Frame:
    frame = args.as_frame(fr)
    n = max((v.cardinality for v in frame.vecs), default=0)
    espc = even_espc(n)
    vecs = []
    for v in frame.vecs:
        if v.type == "enum":
            codes = np.where(np.arange(n) < v.cardinality, np.arange(n), -1)
            vecs.append(env.node.frames.vec_with_espc(codes, espc, "enum", v.domain))
        else:
            vecs.append(env.node.frames.vec_with_espc(np.full(n, np.nan), espc))
    return Frame("", tuple(f"C{j + 1}" for j in range(len(vecs))), tuple(vecs))


@family("nlevels", "col", "Number of levels; 0 when the column is no enum.")
def nlevels(env: Env, col: Any) -> float:
    return float(args.one_column(col, "argument of nlevels").cardinality)


@family("any.factor", "fr", "1 when some column is an enum.")
def any_factor(env: Env, fr: Any) -> float:
    return float(any(v.type == "enum" for v in args.as_frame(fr).vecs))


@family("setLevel", "col level", "A column that has one of the column's levels in every row.")
def set_level(env: Env, col: Any, level: Any) -> Frame:
    vec, name = enum_column(col, "setLevel"), args.as_string(level, "level")
    code = _code(vec, name)
    return Frame("", col.names, map_vecs(env.node, _one_code, [vec], [OutputSpec("enum", vec.domain)], code=float(code)))


@blockwise
def _one_code(block: Block, params: dict[str, Any]) -> None:
    block.write(0, ConstantChunk(block.n_rows, params["code"]))


def _code(vec: Vec, level: str) -> int:
    domain = vec.domain or ()
    if level not in domain:
        shown = ", ".join(domain[:10]) + (f", {len(domain) - 10} more" if len(domain) > 10 else "")
        raise BadRequestError(f"'{level}' is no level of the column. Levels: {shown}.")
    return domain.index(level)


@family("setDomain", "col in_place levels", "Rename all levels; as many names as levels, or as levels that occur.")
def set_domain(env: Env, col: Any, in_place: Any, new_levels: Any) -> Frame:
    vec, new = enum_column(col, "setDomain"), args.as_strings(new_levels, "levels")
    if len(new) != vec.cardinality:
        vec = drop_unused_levels(env.node, vec)
        if len(new) != vec.cardinality:
            raise BadRequestError(f"The column has {vec.cardinality} levels that occur, but {len(new)} names were given.")
    changed = Frame("", col.names, (vec.with_domain(new),))
    return mutate(env, col, changed) if args.as_bool(in_place, "in_place flag") else changed


@family("appendLevels", "col in_place levels", "Add levels at the end.")
def append_levels(env: Env, col: Any, in_place: Any, new_levels: Any) -> Frame:
    vec, new = enum_column(col, "appendLevels"), args.as_strings(new_levels, "levels")
    domain = vec.domain or ()
    twice = [level for level in new if level in domain]
    if twice or len(set(new)) != len(new):
        raise BadRequestError(f"Levels must be new and different; '{(twice or list(new))[0]}' is there already.")
    changed = Frame("", col.names, (vec.with_domain((*domain, *new)),))
    return mutate(env, col, changed) if args.as_bool(in_place, "in_place flag") else changed


@family("relevel", "col level", "Move a level to the front.")
def relevel(env: Env, col: Any, level: Any) -> Frame:
    vec = enum_column(col, "relevel")
    first = _code(vec, args.as_string(level, "level"))
    return Frame("", col.names, (_reordered(env.node, vec, [first, *(i for i in range(vec.cardinality) if i != first)]),))


def _reordered(node: Node, vec: Vec, order: Sequence[int]) -> Vec:
    """The enum with its levels in the order of the old codes ``order``."""
    table = np.empty(len(order), dtype=np.int32)
    table[list(order)] = np.arange(len(order))
    return recode(node, vec, table, [(vec.domain or ())[i] for i in order])


@family(
    "relevel.by.freq",
    "fr weights topn",
    "Order the levels of every enum by how often they occur; only the topn first ones unless -1.",
)
def relevel_by_freq(env: Env, fr: Any, weights: Any, topn: Any) -> Frame:
    frame, top = args.as_frame(fr), args.as_int(topn, "topn")
    if top < -1 or top == 0:
        raise BadRequestError(f"topn must be -1 for all levels or a positive number, found {top}.")
    weight = None
    if isinstance(weights, str) and weights not in ("", "_"):
        weight = frame.vecs[args.column(frame, weights, "weights column")]
    vecs = []
    for v in frame.vecs:
        made = v
        if v.type == "enum" and v is not weight:
            counts = count_levels(env.node, v, weight)
            order = np.argsort(-counts, kind="stable").tolist()
            if top != -1:
                order = order[:top] + sorted(order[top:])
            made = _reordered(env.node, v, order)
        vecs.append(made)
    return Frame("", frame.names, tuple(vecs))

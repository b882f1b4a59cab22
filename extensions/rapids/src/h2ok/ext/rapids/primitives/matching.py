"""Finding values and rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import ApiError, BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.values import Numbers
from h2ok.kernel import Block, Frame
from h2ok.kernel.frame.longs import joined_values
from numpy.typing import NDArray

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives


@blockwise
def _match_codes(block: Block, params: dict[str, Any]) -> None:
    table = np.append(params["table"], params["nomatch"])
    block.write(0, table[block.codes(0)])


@blockwise
def _match_texts(block: Block, params: dict[str, Any]) -> None:
    index, nomatch = params["index"], params["nomatch"]
    found = (nomatch if s is None else index.get(s, nomatch) for s in block.strings(0))
    block.write(0, np.fromiter(found, dtype=np.float64, count=block.n_rows))


@blockwise
def _match_numbers(block: Block, params: dict[str, Any]) -> None:
    values, places = params["values"], params["places"]
    n = len(values)
    both = joined_values([values, block.exact(0)]) if n else np.zeros(block.n_rows)
    values, x = both[:n], both[n:]
    at = np.minimum(np.searchsorted(values, x), max(n - 1, 0))
    found = values[at] == x if len(values) else np.zeros(len(x), dtype=np.bool_)
    block.write(0, np.where(found, places[at] if len(values) else 0.0, params["nomatch"]))


@family("match", "col table nomatch start_index", "Where each value stands in a table (first place), counted from start_index.")
def match(env: Env, col: Any, table: Any, nomatch: Any, start_index: Any) -> Frame:
    vec = args.one_column(col, "first argument of match")
    missing = math.nan if not isinstance(nomatch, int | float) else float(nomatch)
    start = args.as_number(start_index, "start index")
    if vec.type in ("enum", "string"):
        index: dict[str, float] = {}
        for i, text in enumerate(args.as_strings(table, "table of match")):
            index.setdefault(text, start + i)
        if vec.type == "string":
            return Frame("", ("C1",), map_vecs(env.node, _match_texts, [vec], index=index, nomatch=missing))
        codes = np.array([index.get(level, missing) for level in vec.domain or ()], dtype=np.float64)
        return Frame("", ("C1",), map_vecs(env.node, _match_codes, [vec], table=codes, nomatch=missing))
    if vec.type == "uuid":
        raise BadRequestError("match does not take UUID columns; convert them first: (as.character ...).")
    longs = table.longs if isinstance(table, Numbers) else None
    values, first = np.unique(args.as_numbers(table, "table of match") if longs is None else longs, return_index=True)
    return Frame("", ("C1",), map_vecs(env.node, _match_numbers, [vec], values=values, places=first + start, nomatch=missing))


@blockwise
def _true_rows(block: Block, params: dict[str, Any]) -> None:
    x = block.numbers(0)
    if np.isnan(x).any():
        raise ApiError("which needs a column without missing values; found some. Fill or compare them first.", status=500)
    block.write(0, np.flatnonzero(x).astype(np.float64) + block.start)


@family("which", "col", "Numbers of the rows that are not 0; of the columns for a single row.")
def which(env: Env, col: Any) -> Frame:
    frame = args.as_frame(col, "argument of which")
    if frame.n_rows == 1 and frame.n_cols > 1:
        cells: NDArray[np.float64] = np.array([v.at(env.node, 0) for v in frame.vecs])
        return Frame("", ("C1",), (env.node.frames.vec_of(np.flatnonzero(np.nan_to_num(cells)).astype(np.float64)),))
    vec = args.one_column(frame, "argument of which")
    if env.node.rollups(vec).na_count:
        raise BadRequestError("which needs a column without missing values; found some. Fill or compare them first.")
    return Frame("", ("C1",), map_vecs(env.node, _true_rows, [vec]))

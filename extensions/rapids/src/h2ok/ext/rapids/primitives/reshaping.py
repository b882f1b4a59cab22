"""Long and wide forms."""

from __future__ import annotations

from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids import args
from h2ok.ext.rapids.blocks import blockwise, map_vecs
from h2ok.ext.rapids.evaluate import Env
from h2ok.ext.rapids.family import Family
from h2ok.ext.rapids.grouping import group, group_ids, has_na, key_columns, key_labels, key_vecs
from h2ok.ext.rapids.primitives.slicing import pick_columns
from h2ok.ext.rapids.rows import NO_ROW, chunk_rows, spec_of, take_vecs
from h2ok.kernel import Block, Frame, OutputSpec
from h2ok.kernel.frame.longs import is_missing, joined_values

__all__ = ["PRIMITIVES"]

family = Family()
PRIMITIVES = family.primitives

#: Columns a pivot may make.
MAX_PIVOT_COLUMNS = 100_000


@blockwise
def _melt(block: Block, params: dict[str, Any]) -> None:
    n_ids = params["n_ids"]
    k = len(block.vecs) - n_ids
    # One column after the other, then row by row.
    columns = joined_values([block.exact(j) for j in range(n_ids, len(block.vecs))])
    flat = np.ascontiguousarray(columns.reshape(k, block.n_rows).T).ravel()
    keep = np.flatnonzero(~is_missing(flat)) if params["skip_na"] else np.arange(flat.size)
    rows = keep // max(k, 1)
    for j in range(n_ids):
        block.write(j, chunk_rows(block.vecs[j], block.chunk(j), rows))
    block.write(n_ids, (keep % max(k, 1)).astype(np.int32))
    block.write(n_ids + 1, flat[keep])


@family("melt", "fr id_vars value_vars var_name value_name skip_na", "One row for each value column of each row.")
def melt(env: Env, fr: Any, id_vars: Any, value_vars: Any, var_name: Any, value_name: Any, skip_na: Any) -> Frame:
    frame = args.as_frame(fr, "first argument of melt")
    ids = pick_columns(frame.names, id_vars, python=False)
    values = pick_columns(frame.names, value_vars, python=False)
    values = values or [j for j in range(frame.n_cols) if j not in ids]
    if not values:
        raise BadRequestError("melt needs at least one value column.")
    args.require_numeric(frame.select(values), "melt", ("numeric", "bad"))
    levels = tuple(frame.names[j] for j in values)
    specs = [*(spec_of(frame.vecs[j]) for j in ids), OutputSpec("enum", levels), OutputSpec()]
    skip = args.as_bool(skip_na, "skip_na flag")
    vecs = map_vecs(env.node, _melt, [frame.vecs[j] for j in (*ids, *values)], specs, n_ids=len(ids), skip_na=skip)
    names = [*(frame.names[j] for j in ids), args.as_string(var_name, "var_name"), args.as_string(value_name, "value_name")]
    return Frame("", tuple(names), vecs)


@family(
    "pivot",
    "fr index column value",
    "One row for each index, one column for each value of a column; the first value of a cell wins.",
)
def pivot(env: Env, fr: Any, index: Any, column: Any, value: Any) -> Frame:
    frame = args.as_frame(fr, "first argument of pivot")
    i, c, v = (args.column(frame, name, what) for name, what in ((index, "index"), (column, "column"), (value, "value")))
    if frame.vecs[c].type == "string":
        raise BadRequestError(f"pivot does not take the string column '{frame.names[c]}'; convert it first: (as.factor ...).")
    keys = key_columns(env.node, [frame.vecs[i], frame.vecs[c]], [frame.names[i], frame.names[c]])
    if env.node.rollups(keys.vecs[0]).na_count:
        raise BadRequestError(f"The index column '{frame.names[i]}' of pivot has missing values; remove them first.")
    stats = env.node.rollups(keys.of(1).vecs[0])
    if stats.n_known == 0 or (stats.min == stats.max and not keys.have_rests[1]):
        raise BadRequestError(f"Column '{frame.names[c]}' of pivot is constant; it makes no columns.")
    rows = group(env.node, keys.of(0).vecs)
    columns = group(env.node, keys.of(1).vecs)
    known = ~has_na(keys.of(1), columns.keys)
    classes = columns.keys[known]
    if len(classes) > MAX_PIVOT_COLUMNS:
        raise BadRequestError(f"pivot would make {len(classes)} columns; at most {MAX_PIVOT_COLUMNS} are allowed.")
    row, found = group_ids(env.node, keys.of(0).vecs, rows), group_ids(env.node, keys.of(1).vecs, columns)
    inside, col = np.flatnonzero(known[found]), (np.cumsum(known) - 1)[found]
    cells = np.full((len(rows), len(classes)), NO_ROW, dtype=np.int64)
    places, first_rows = np.unique(row[inside] * len(classes) + col[inside], return_index=True)
    cells.ravel()[places] = inside[first_rows]
    labels = key_labels(keys.of(1), classes)
    made = [take_vecs(env.node, [frame.vecs[v]], np.ascontiguousarray(cells[:, j]))[0] for j in range(len(classes))]
    first = key_vecs(env.node, keys.of(0), rows.keys)
    return Frame("", (frame.names[i], *labels), (*first, *made))

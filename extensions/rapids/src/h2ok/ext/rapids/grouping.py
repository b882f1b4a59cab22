"""Grouping: distinct keys and statistics of their rows, chunk by chunk and merged along the canonical tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.rapids.blocks import fold, foldable
from h2ok.ext.rapids.keys import NA_KEY, codes_of, decode_keys, fetch_keys, order_of, rests_where, with_longs
from h2ok.ext.rapids.primitives.types import to_enum
from h2ok.ext.rapids.ranges import MANY_ROWS, Side, grouped
from h2ok.ext.rapids.values import format_number
from h2ok.kernel import Block, Node, Vec, even_espc
from numpy.typing import NDArray

__all__ = ["Groups", "Keys", "group", "group_ids", "has_na", "key_columns", "key_labels", "key_vecs"]

#: From how many chunks and distinct keys a row on rows are grouped by ranges of their keys.
_FEW_CHUNKS = 4
_DISTINCT_SHARE = 0.25

ROWS, KNOWN, SUM, SQUARES, DEVIATIONS, MIN, MAX = range(7)


@dataclass(frozen=True, slots=True)
class Groups:
    """``keys``: int64[n_groups, k], ascending. ``stats``: float64[n_columns, n_groups, 7], see ``kernels.group_statistics``.

    ``rows``: number of rows of each group, float64[n_groups].
    """

    keys: NDArray[np.int64]
    rows: NDArray[np.float64]
    stats: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class Keys:
    """Columns that rows are compared by.

    ``originals`` are the user's columns, ``vecs`` those that are compared: string columns as enums, and after a column with whole
    numbers that no double holds what the nearest doubles leave of it. ``places``: where the key of each original stands in
    ``vecs``, and behind the last one their number.
    """

    originals: tuple[Vec, ...]
    vecs: tuple[Vec, ...]
    places: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.originals)

    def of(self, index: int) -> Keys:
        """The keys of one original."""
        lo, hi = self.places[index : index + 2]
        return Keys((self.originals[index],), self.vecs[lo:hi], (0, hi - lo))

    @property
    def have_rests(self) -> list[bool]:
        """For each original whether a column of rests follows its key."""
        return [hi - lo > 1 for lo, hi in pairwise(self.places)]


def key_columns(node: Node, vecs: Sequence[Vec], names: Sequence[str], rests: Sequence[bool] | None = None) -> Keys:
    """Aligned columns as keys. ``rests``: for which columns rests are compared; those that need it when not given.

    Raises
    ------
    BadRequestError
        A UUID column.
    """
    heads = []
    for v, n in zip(vecs, names, strict=True):
        if v.type == "uuid":
            raise BadRequestError(f"Column '{n}' holds UUIDs, which cannot be keys; convert it first: (as.character ...).")
        heads.append(to_enum(node, v) if v.type == "string" else v)
    out: list[Vec] = []
    places = [0]
    for head, rest in zip(heads, rests_where(node, heads, with_longs(node, heads) if rests is None else rests), strict=True):
        out += [head] if rest is None else [head, rest]
        places.append(len(out))
    return Keys(tuple(vecs), tuple(out), tuple(places))


def _block_keys(block: Block, n_keys: int) -> NDArray[np.int64]:
    keys = np.zeros((block.n_rows, max(n_keys, 1)), dtype=np.int64)
    for j in range(n_keys):
        v = block.vecs[j]
        keys[:, j] = codes_of(v, block.codes(j) if v.type == "enum" else block.numbers(j))
    return keys


def _merge(a: Any, b: Any) -> Any:
    from h2ok.ext.rapids.kernels import group_rows

    n = len(a[0])
    ids, first = group_rows(np.ascontiguousarray(np.concatenate([a[0], b[0]])))
    keys = np.concatenate([a[0], b[0]])[first]
    rows = np.zeros(len(first))
    stats = np.zeros((a[2].shape[0], len(first), 7))
    other = np.zeros_like(stats)
    for target in (stats, other):
        target[:, :, MIN], target[:, :, MAX] = np.inf, -np.inf
    rows[ids[:n]] += a[1]
    rows[ids[n:]] += b[1]
    stats[:, ids[:n]] = a[2]
    other[:, ids[n:]] = b[2]
    return keys, rows, _combine(stats, other)


def _combine(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Statistics of two disjoint sets of rows. Chan et al. 1979 for the squared deviations."""
    out = a + b
    out[..., MIN] = np.minimum(a[..., MIN], b[..., MIN])
    out[..., MAX] = np.maximum(a[..., MAX], b[..., MAX])
    na, nb = a[..., KNOWN], b[..., KNOWN]
    both = (na > 0) & (nb > 0)
    with np.errstate(all="ignore"):
        delta = b[..., SUM] / nb - a[..., SUM] / na
        out[..., DEVIATIONS] += np.where(both, delta * delta * na * nb / (na + nb), 0.0)
    return out


@foldable(_merge)
def _group_block(block: Block, params: dict[str, Any]) -> Any:
    from h2ok.ext.rapids.kernels import group_rows, group_statistics

    n_keys = params["n_keys"]
    keys = _block_keys(block, n_keys)
    ids, first = group_rows(keys)
    values = range(n_keys, len(block.vecs))
    stats = np.zeros((len(values), len(first), 7))
    for i, j in enumerate(values):
        stats[i] = group_statistics(ids, np.ascontiguousarray(block.numbers(j)), len(first))
    return keys[first], np.bincount(ids, minlength=len(first)).astype(np.float64), stats


def group(node: Node, keys: Sequence[Vec], values: Sequence[Vec] = ()) -> Groups:
    """Group the rows of aligned columns by their keys (``Keys.vecs``); without keys all rows are one group."""
    if keys and _mostly_distinct(node, keys):
        return Groups(*grouped(node, Side(tuple(keys), tuple(values))))
    found = fold(node, _group_block, [*keys, *values], n_keys=len(keys))
    if found is None:
        return Groups(np.zeros((0, max(len(keys), 1)), dtype=np.int64), np.zeros(0), np.zeros((len(values), 0, 7)))
    order = order_of([found[0][:, j] for j in range(found[0].shape[1])], len(found[0]))
    return Groups(found[0][order], found[1][order], found[2][:, order])


def _mostly_distinct(node: Node, keys: Sequence[Vec]) -> bool:
    """Whether merging tables of groups chunk by chunk would mean to merge nearly all rows again and again.

    Decided by the keys of the first chunk that has rows, so by the data alone.
    """
    from h2ok.ext.rapids.kernels import group_rows

    sizes = np.diff(keys[0].espc)
    if len(keys[0]) < MANY_ROWS or len(sizes) < _FEW_CHUNKS:
        return False
    i = int(np.argmax(sizes > 0))
    columns = [codes_of(v, v.chunk(node, i).codes() if v.type == "enum" else v.chunk(node, i).decode()) for v in keys]
    return len(group_rows(np.ascontiguousarray(np.column_stack(columns)))[1]) > _DISTINCT_SHARE * int(sizes[i])


def group_ids(node: Node, keys: Sequence[Vec], groups: Groups) -> NDArray[np.int64]:
    """The group of every row, int64[n], numbered as in ``groups``; all keys come to this node."""
    from h2ok.ext.rapids.kernels import group_rows

    n = len(keys[0])
    table = np.zeros((len(groups) + n, groups.keys.shape[1]), dtype=np.int64)
    table[: len(groups)] = groups.keys
    for j, v in enumerate(keys):
        table[len(groups) :, j] = fetch_keys(node, v)
    # The groups come first, so they keep their numbers.
    ids: NDArray[np.int64] = group_rows(table)[0][len(groups) :]
    return ids


def key_vecs(node: Node, keys: Keys, codes: NDArray[np.int64]) -> tuple[Vec, ...]:
    """Columns of key values from their codes, int64[n, k], with the types of the original columns."""
    espc = even_espc(len(codes))
    out = []
    for original, (lo, hi) in zip(keys.originals, pairwise(keys.places), strict=True):
        key, column = keys.vecs[lo], codes[:, lo]
        if original.type == "string":
            domain = key.domain or ()
            out.append(node.frames.vec_with_espc([domain[c] if c >= 0 else None for c in column.tolist()], espc, "string"))
        elif key.type == "enum":
            out.append(node.frames.vec_with_espc(column.astype(np.int32), espc, "enum", key.domain))
        else:
            values = decode_keys(column, codes[:, lo + 1] if hi - lo > 1 else None)
            out.append(node.frames.vec_with_espc(values, espc, "time" if key.type == "time" else "numeric"))
    return tuple(out)


def key_labels(keys: Keys, codes: NDArray[np.int64]) -> list[str]:
    """The values of one key as names of columns, from int64[n, 1 or 2]."""
    head = keys.vecs[0]
    if head.type == "enum":
        domain = head.domain or ()
        return [domain[c] for c in codes[:, 0].tolist()]
    if len(keys.vecs) == 1:
        return [format_number(v) for v in decode_keys(codes[:, 0]).tolist()]
    # One by one, so that a fraction among them makes no two whole numbers the same name.
    return [format_number(decode_keys(c[:1], c[1:]).tolist()[0]) for c in codes]


def has_na(keys: Keys, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a key of each row of codes is missing."""
    out = np.zeros(len(codes), dtype=np.bool_)
    for j, v in enumerate(keys.vecs):
        out |= codes[:, j] == (-1 if v.type == "enum" else NA_KEY)
    return out

"""Matrix: the rows of a training, made where the chunks live and put together on the node that trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.models import Rows, RowsTask, TrainingData
from h2ok.ext.xgboost.expansion import Expansion
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["CollectTask", "Matrix", "Part", "collect", "is_sparse"]

#: Share of stored values below which ``dmatrix_type`` auto takes the sparse layout.
_SPARSE_BELOW = 0.1


@wire_type("xgboost.part")
@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one chunk that count. ``values``: float32[n, width], or float32[m] with ``columns`` and ``starts`` (see Expansion).

    ``y``, ``w``, ``offset``: float64[n].
    """

    index: int
    values: NDArray[np.float32]
    columns: NDArray[np.int32] | None
    starts: NDArray[np.int64] | None
    y: NDArray[np.float64]
    w: NDArray[np.float64]
    offset: NDArray[np.float64]


@wire_type("xgboost.collect")
@dataclass(frozen=True)
class CollectTask(RowsTask):
    """Parts in chunk order. Rows without response, with weight 0 or without offset are left out."""

    expansion: Expansion

    def map_rows(self, rows: Rows) -> list[Part] | None:
        offset = rows.offset()
        w = np.where(np.isnan(offset), 0.0, rows.weights())
        keep = w > 0
        if not keep.any():
            return None
        y = rows.response()
        if not self.expansion.sparse:
            return [Part(rows.block.index, self.expansion.dense(rows)[keep], None, None, y[keep], w[keep], offset[keep])]
        values, columns, starts = self.expansion.stored(rows)
        if not keep.all():
            sizes = np.diff(starts)
            stays = np.repeat(keep, sizes)
            values, columns = values[stays], columns[stays]
            starts = np.concatenate([[0], np.cumsum(sizes[keep])]).astype(np.int64)
        return [Part(rows.block.index, values, columns, starts, y[keep], w[keep], offset[keep])]

    def reduce(self, left: list[Part], right: list[Part]) -> list[Part]:
        return left + right


@dataclass(frozen=True, slots=True)
class Matrix:
    """``data``: the library's DMatrix. ``bounds``: int64[n_chunks + 1], where the rows of each chunk begin. The rest as in Part."""

    data: Any
    y: NDArray[np.float64]
    w: NDArray[np.float64]
    bounds: NDArray[np.int64]

    @property
    def n_rows(self) -> int:
        return len(self.y)


def collect(
    data: TrainingData, expansion: Expansion, *, nthread: int, max_bins: int = 0, cancelled: Callable[[], bool] | None = None
) -> Matrix | None:
    """The rows of ``data`` that count, in order; None when there are none.

    Parameters
    ----------
    max_bins : bins of a column when the matrix is to hold bins in place of values (tree_method hist); 0: values.
    """
    parts: list[Part] = data.do_all(CollectTask(data.spec, expansion), cancelled=cancelled).value or []
    if not parts:
        return None
    import xgboost

    sizes = np.zeros(data.frame.n_chunks, dtype=np.int64)
    for part in parts:
        sizes[part.index] = len(part.y)
    y, w, offset = (np.concatenate([getattr(p, name) for p in parts]) for name in ("y", "w", "offset"))
    named = {
        "label": y.astype(np.float32),
        "weight": w.astype(np.float32) if data.spec.weights >= 0 else None,
        "base_margin": offset.astype(np.float32) if data.spec.offset >= 0 else None,
        "missing": np.nan,
        "nthread": nthread,
    }
    x = _joined(parts, expansion)
    made = xgboost.QuantileDMatrix(x, max_bin=max_bins, **named) if max_bins else xgboost.DMatrix(x, **named)
    return Matrix(made, y, w, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))


def _joined(parts: list[Part], expansion: Expansion) -> Any:
    """All parts as one array or scipy CSR matrix; the parts are given up on the way, so that memory holds the rows once."""
    n = sum(len(p.y) for p in parts)
    if expansion.sparse:
        return _joined_sparse(parts, n, expansion.width)
    out = np.empty((n, expansion.width), dtype=np.float32)
    at = 0
    parts.reverse()
    while parts:
        values = parts.pop().values
        out[at : at + len(values)] = values
        at += len(values)
    return out


def _joined_sparse(parts: list[Part], n: int, width: int) -> Any:
    from scipy.sparse import csr_matrix

    values = np.concatenate([p.values for p in parts])
    columns = np.concatenate([p.columns for p in parts if p.columns is not None])
    starts = np.zeros(n + 1, dtype=np.int64)
    at = stored = 0
    for p in parts:
        if p.starts is not None:
            starts[at + 1 : at + len(p.starts)] = p.starts[1:] + stored
            at, stored = at + len(p.starts) - 1, stored + len(p.values)
    parts.clear()
    return csr_matrix((values, columns, starts), shape=(n, width))


def is_sparse(kind: str, data: TrainingData) -> bool:
    """Whether the matrix is sparse: as asked, or with auto when less than a tenth of it is known and not zero."""
    if kind != "auto":
        return kind == "sparse"
    cats = [c for c in data.spec.columns if c.domain is not None]
    numbers = [data.frame.vecs[c.position] for c in data.spec.columns if c.domain is None and c.source is None]
    encoded = [c.table for c in data.spec.columns if c.domain is None and c.table is not None]
    width = sum(c.cardinality + 1 for c in cats) + len(numbers) + len(encoded)
    found = data.node.rollups_many(numbers) if numbers else []
    filled = len(cats) + sum((s.n_known - s.zero_count) / max(s.n_rows, 1) for s in found)
    # As if all levels were equally frequent.
    filled += sum(float(np.mean(np.nan_to_num(t) != 0)) for t in encoded)
    return filled < _SPARSE_BELOW * width

"""Encodings: categorical predictors as columns of another kind, under the names of H2O's ``categorical_encoding``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from h2ok.ext.models.rows import ColumnSpec, Rows, RowsTask
from h2ok.ext.models.training import Encoded, TrainingData
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["EXPLICIT", "UNSUPERVISED", "encode"]

#: Levels that EnumLimited keeps.
_TOP = 10
#: Numbers and their sum of the response, level by level.
_Sums = NDArray[np.float64]


def encode(data: TrainingData, kind: str) -> TrainingData:
    """The same rows with every categorical predictor encoded; nothing is copied, rows are encoded when a task looks at them.

    Parameters
    ----------
    kind : one of ``EXPLICIT``.

    Notes
    -----
    Values follow from the training rows (those with a weight and a response) alone. A missing value and a level that was not
    trained on are alike: NA, or the column of missing values with OneHotExplicit, or 0 with Binary.
    """
    columns = data.spec.columns
    cats = [c for c in columns if c.domain is not None]
    if not cats:
        return data
    sums = _level_sums(data, cats) if kind in _NEEDS_SUMS else [np.zeros((2, c.cardinality)) for c in cats]
    made = {c.name: _ENCODINGS[kind](c, s) for c, s in zip(cats, sums, strict=True)}
    order = list(columns)
    if all(e is None or e.domain is None for found in made.values() for e in found):
        # No level is left that would come first.
        order.sort(key=lambda c: data.source.find(c.name))
    specs: list[ColumnSpec] = []
    encoded: list[Encoded | None] = []
    for column in order:
        for entry in made.get(column.name, [None]):
            encoded.append(entry)
            specs.append(column if entry is None else entry.spec(column))
    types = dict(zip(data.columns.names, data.columns.types, strict=True))
    named = replace(
        data.columns,
        names=tuple(s.name for s in specs),
        domains=tuple(s.domain for s in specs),
        types=tuple(types.get(s.name, "") if s.source is None else "Numeric" if s.domain is None else "Enum" for s in specs),
        encoded=tuple(encoded),
        # H2O: reordered levels leave the column what it was.
        originals=() if kind == "SortByResponse" else tuple(sorted((c.name for c in columns), key=data.source.find)),
    )
    return replace(data, spec=replace(data.spec, columns=tuple(specs)), columns=named)


def _level_sums(data: TrainingData, cats: list[ColumnSpec]) -> list[_Sums]:
    found: list[_Sums] = data.do_all(_LevelSums(replace(data.spec, columns=tuple(cats)))).value
    return found


@wire_type("models.level_sums")
@dataclass(frozen=True)
class _LevelSums(RowsTask):
    """float64[2, levels] of each categorical column: weights, and weights times response."""

    def map_rows(self, rows: Rows) -> list[_Sums]:
        w, y = rows.weights(), np.nan_to_num(rows.response())
        out = []
        for j, column in enumerate(self.spec.columns):
            codes, n = rows.codes(j), column.cardinality
            known = codes >= 0
            out.append(np.array([np.bincount(codes[known], weights=v[known], minlength=n) for v in (w, w * y)]))
        return out

    def reduce(self, left: Any, right: Any) -> Any:
        return [a + b for a, b in zip(left, right, strict=True)]


# -- the encodings ----------------------------------------------------------------------------------------------------
# Tables have a value for each level in training and one more for NA.


def _one_hot(c: ColumnSpec, _: _Sums) -> list[Encoded | None]:
    levels = c.domain or ()
    names = [*(f"{c.name}.{level}" for level in levels), f"{c.name}.missing(NA)"]
    return [Encoded(name, c.name, levels, None, row) for name, row in zip(names, np.eye(len(names)), strict=True)]


def _binary(c: ColumnSpec, _: _Sums) -> list[Encoded | None]:
    numbers = np.append(np.arange(1, c.cardinality + 1), 0)
    bits = int(c.cardinality).bit_length()
    return [Encoded(f"{c.name}:{i}", c.name, c.domain or (), None, (numbers >> i & 1).astype(float)) for i in range(bits)]


def _label(c: ColumnSpec, _: _Sums) -> list[Encoded | None]:
    return [Encoded(c.name, c.name, c.domain or (), None, np.append(np.arange(float(c.cardinality)), np.nan))]


def _eigen(c: ColumnSpec, sums: _Sums) -> list[Encoded | None]:
    """The entry of each level in the first eigenvector of the covariance of the level indicators."""
    share = sums[0] / max(sums[0].sum(), 1.0)
    vector = np.linalg.eigh(np.diag(share) - np.outer(share, share))[1][:, -1]
    vector = vector * (1.0 if vector[np.argmax(np.abs(vector))] > 0 else -1.0)
    return [Encoded(f"{c.name}.Eigen", c.name, c.domain or (), None, np.append(vector, np.nan))]


def _limited(c: ColumnSpec, sums: _Sums) -> list[Encoded | None]:
    levels = c.domain or ()
    if len(levels) <= _TOP:
        return [None]
    top = np.argsort(-sums[0], kind="stable")[:_TOP]
    table = np.full(len(levels) + 1, float(_TOP))
    table[top] = np.arange(_TOP)
    table[-1] = np.nan
    return [Encoded(f"{c.name}.top_{_TOP}_levels", c.name, levels, (*(levels[i] for i in top), "other"), table)]


def _by_response(c: ColumnSpec, sums: _Sums) -> list[Encoded | None]:
    levels = c.domain or ()
    with np.errstate(invalid="ignore"):
        order = np.argsort(sums[1] / sums[0], kind="stable")
    table = np.full(len(levels) + 1, np.nan)
    table[order] = np.arange(len(levels))
    return [Encoded(c.name, c.name, levels, tuple(levels[i] for i in order), table)]


_ENCODINGS: dict[str, Callable[[ColumnSpec, _Sums], list[Encoded | None]]] = {
    "OneHotExplicit": _one_hot, "Binary": _binary, "Eigen": _eigen, "LabelEncoder": _label, "SortByResponse": _by_response,
    "EnumLimited": _limited,
}  # fmt: skip
_NEEDS_SUMS = ("Eigen", "SortByResponse", "EnumLimited")
#: What the framework does before the algorithm sees a row, and what of it needs no response.
EXPLICIT = tuple(_ENCODINGS)
UNSUPERVISED = tuple(k for k in _ENCODINGS if k != "SortByResponse")

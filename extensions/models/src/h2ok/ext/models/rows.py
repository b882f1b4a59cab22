"""Rows: how a model sees a block of rows - predictors in the model's own terms, response, weights, offset, fold.

A RowSpec says where each of them stands among the vecs of a task and how levels translate; it travels with the task. The same
class serves training and scoring, so that a model never looks at a Frame itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from h2ok.kernel import NA_CODE, Block, MRTask, uniforms, wire_type
from numpy.typing import NDArray

__all__ = ["ColumnSpec", "RowSpec", "Rows", "RowsTask", "codes_of_numbers", "map_levels"]


_SAMPLING_STREAM = 1_000_019


@wire_type("models.column")
@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column as the model knows it.

    Parameters
    ----------
    position : index among the vecs of the task; -1 for a column the frame does not have (all NA).
    domain : levels in the model's order; None for a number.
    mapping : model code of each level of the frame's domain (-1: the model does not know it); None when both domains are equal.
    from_numbers : the frame holds numbers where the model has levels; they translate by their text.
    from_texts : the frame holds texts where the model has levels.
    constant : one value (a code for levels) that stands in every row instead of the frame's; NaN for NA.
    source, table : the categorical column this one is made of, and its value (a code for levels) for each level of that and, last,
        for NA. ``position``, ``mapping`` and the like are those of the source then.
    """

    name: str
    position: int
    domain: tuple[str, ...] | None = None
    mapping: NDArray[np.int32] | None = None
    from_numbers: bool = False
    constant: float | None = None
    source: ColumnSpec | None = None
    table: NDArray[np.float64] | None = None
    from_texts: bool = False

    @property
    def cardinality(self) -> int:
        return len(self.domain) if self.domain is not None else 0


@wire_type("models.rowspec")
@dataclass(frozen=True, slots=True)
class RowSpec:
    """Where everything stands. Positions are indexes among the task's vecs, -1 for none.

    ``sampling``: how often rows of each class count, the fraction drawn by row with ``sampling_seed``; () for once.
    ``fold``/``fold_index`` choose the rows of a cross-validation model: all but those of the fold, or with ``holdout`` only those.
    """

    columns: tuple[ColumnSpec, ...]
    response: ColumnSpec | None = None
    weights: int = -1
    offset: int = -1
    fold: int = -1
    fold_index: int = -1
    holdout: bool = False
    sampling: tuple[float, ...] = ()
    sampling_seed: int = 0

    def in_fold(self, index: int, *, holdout: bool) -> RowSpec:
        """The same for the rows inside (or outside) of a fold."""
        return replace(self, fold_index=index, holdout=holdout)


class Rows:
    """A block of rows. Arrays may be shared and read-only: do not write into them."""

    def __init__(self, block: Block, spec: RowSpec) -> None:
        self.block = block
        self.spec = spec
        self.n_rows = block.n_rows
        #: Row number of the first row in the whole frame.
        self.start = block.start
        #: Stays with these rows between tasks of one session (see ``Block.state``).
        self.state = block.state

    @property
    def n_columns(self) -> int:
        return len(self.spec.columns)

    def numbers(self, j: int) -> NDArray[np.float64]:
        """float64[n_rows] of predictor ``j``, NA as NaN; levels as their code."""
        column = self.spec.columns[j]
        if column.domain is not None:
            codes = self.codes(j)
            return np.where(codes < 0, np.nan, codes)
        if column.constant is not None:
            return np.full(self.n_rows, column.constant)
        if column.source is not None and column.table is not None:
            return column.table[self._codes(column.source)]
        return np.full(self.n_rows, np.nan) if column.position < 0 else self.block.numbers(column.position)

    def codes(self, j: int) -> NDArray[np.int32]:
        """int32[n_rows] of a categorical predictor in the model's levels; NA and unknown levels as -1."""
        return self._codes(self.spec.columns[j])

    def matrix(self) -> NDArray[np.float64]:
        """float64[n_rows, n_columns], C order: numbers as they are, levels as codes, NA as NaN."""
        out = np.empty((self.n_rows, self.n_columns))
        for j in range(self.n_columns):
            out[:, j] = self.numbers(j)
        return out

    def response(self) -> NDArray[np.float64]:
        """float64[n_rows] of the response, classes as codes, NA as NaN."""
        column = self.spec.response
        if column is None or column.position < 0:
            return np.full(self.n_rows, np.nan)
        if column.domain is None:
            return self.block.numbers(column.position)
        codes = self._codes(column)
        return np.where(codes < 0, np.nan, codes)

    def weights(self) -> NDArray[np.float64]:
        """float64[n_rows]: 0 for rows without response, without weight, or outside of the chosen fold."""
        spec = self.spec
        out = np.ones(self.n_rows) if spec.weights < 0 else np.nan_to_num(self.block.numbers(spec.weights), nan=0.0)
        if spec.response is not None and spec.response.position >= 0:
            out = np.where(np.isnan(self.response()), 0.0, out)
        if spec.fold >= 0 and spec.fold_index >= 0:
            held = self.block.numbers(spec.fold) == spec.fold_index
            out = np.where(held == spec.holdout, out, 0.0)
        return out * self._copies() if spec.sampling else out

    def _copies(self) -> NDArray[np.float64]:
        """How often each row counts."""
        y = self.response()
        factors = np.append(self.spec.sampling, 0.0)[np.where(np.isnan(y), -1, y).astype(np.int64)]
        whole: NDArray[np.float64] = np.floor(factors)
        more = uniforms(self.spec.sampling_seed, _SAMPLING_STREAM, self.start, self.n_rows) < factors - whole
        return whole + more

    def offset(self) -> NDArray[np.float64]:
        """float64[n_rows], zeros when there is none, NaN where it is missing."""
        return np.zeros(self.n_rows) if self.spec.offset < 0 else self.block.numbers(self.spec.offset)

    def _codes(self, column: ColumnSpec) -> NDArray[np.int32]:
        if column.constant is not None:
            code = NA_CODE if np.isnan(column.constant) else int(column.constant)
            return np.full(self.n_rows, code, dtype=np.int32)
        if column.source is not None and column.table is not None:
            codes = np.nan_to_num(column.table, nan=NA_CODE).astype(np.int32)
            return codes[self._codes(column.source)]
        if column.position < 0:
            return np.full(self.n_rows, NA_CODE, dtype=np.int32)
        if column.from_numbers:
            return codes_of_numbers(self.block.numbers(column.position), column.domain or ())
        if column.from_texts:
            index = {level: i for i, level in enumerate(column.domain or ())}
            found = [index.get(text, NA_CODE) for text in self.block.strings(column.position)]  # type: ignore[arg-type]
            return np.array(found, dtype=np.int32)
        codes = self.block.codes(column.position)
        if column.mapping is None:
            return codes
        # One more slot at the end, which the index -1 (NA) picks.
        return np.append(column.mapping, np.int32(NA_CODE))[codes]


def map_levels(have: tuple[str, ...], want: tuple[str, ...]) -> NDArray[np.int32] | None:
    """Code in ``want`` of each level of ``have``, -1 for unknown ones; None when both are equal."""
    if have == want:
        return None
    index = {level: i for i, level in enumerate(want)}
    return np.array([index.get(level, NA_CODE) for level in have], dtype=np.int32)


def codes_of_numbers(values: NDArray[np.float64], domain: Sequence[str]) -> NDArray[np.int32]:
    """Code of the level that is each number, -1 for none; levels that are no numbers are left aside."""
    known = [(float(level), i) for i, level in enumerate(domain) if _is_number(level)]
    out = np.full(len(values), NA_CODE, dtype=np.int32)
    if known:
        known.sort()
        keys, codes = np.array([k for k, _ in known]), np.array([c for _, c in known], dtype=np.int32)
        at = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
        hit = keys[at] == values
        out[hit] = codes[at[hit]]
    return out


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class RowsTask(MRTask):
    """An MRTask over Rows: subclasses define ``map_rows`` (and ``reduce`` where sums are not enough).

    ``spec`` is the first field of every subclass; ``session`` names the state kept between tasks.
    """

    fixed: ClassVar[tuple[str, ...]] = ("spec",)

    spec: RowSpec
    session: str = field(default="", kw_only=True)

    def map(self, block: Block) -> Any:
        return self.map_rows(Rows(block, self.spec))

    def map_rows(self, rows: Rows) -> Any:
        """The partial result of one block of rows."""
        raise TypeError(f"{type(self).__name__} defines no map_rows(rows).")

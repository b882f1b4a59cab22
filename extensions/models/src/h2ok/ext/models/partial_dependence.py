"""Partial dependence: the mean prediction of a model when one or two columns take given values in every row.

Friedman (2001), doi:10.1214/aos/1013203451, section 8.2; of a single row: Goldstein et al. (2015),
doi:10.1080/10618600.2014.907095.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models.adaptation import adapt
from h2ok.ext.models.model import Model
from h2ok.ext.models.rows import ColumnSpec, Rows, RowsTask
from h2ok.ext.models.training import TrainingData
from h2ok.kernel import Frame, IllegalArgumentError, Node, OutputSpec, RollupStats, wire_type

__all__ = ["PartialDependence", "PartialDependencePlan", "compute"]

_MISSING = ".missing(NA)"


@wire_type("models.partial_dependence")
@dataclass(frozen=True, slots=True)
class PartialDependence:
    """What was asked for, and one table for each column (or pair) and target."""

    key: str
    model: str
    frame: str
    request: dict[str, Any]
    tables: tuple[TwoDimTable, ...] = ()


@dataclass(frozen=True)
class PartialDependencePlan:
    """Checked settings. ``row``: the only row to look at, -1 for all; ``weights``: column of the frame, -1 for none.

    ``splits``: values by column where the user chose them (codes for levels).
    """

    model: Model
    frame: Frame
    columns: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    n_bins: int
    row: int = -1
    weights: int = -1
    add_missing: bool = False
    splits: dict[str, list[float]] | None = None
    targets: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuse what cannot be computed.

        Raises
        ------
        IllegalArgumentError
            An unknown column, target or row, or too few bins for the levels of a column.
        """
        named = [*self.columns, *itertools.chain(*self.pairs)]
        if not named:
            raise IllegalArgumentError("Partial dependence needs cols or col_pairs_2dpdp; both are empty.", argument="cols")
        for name in named:
            self._check_column(name)
        domain = self.model.domain or ()
        if self.model.output.category == "Multinomial" and not self.targets:
            raise IllegalArgumentError(
                f"A model of several classes needs targets: some of {', '.join(domain)}.", argument="targets"
            )
        if self.targets and self.model.output.category != "Multinomial":
            raise IllegalArgumentError("targets are for models of several classes only. Leave them out.", argument="targets")
        unknown = [t for t in self.targets if t not in domain]
        if unknown:
            raise IllegalArgumentError(f"Target '{unknown[0]}' is no class of the model: {', '.join(domain)}.", argument="targets")
        if self.row >= self.frame.n_rows:
            raise IllegalArgumentError(
                f"row_index {self.row} is beyond the last row {self.frame.n_rows - 1} of '{self.frame.key}'.", argument="row_index"
            )
        if self.weights >= self.frame.n_cols:
            raise IllegalArgumentError(f"weight_column_index {self.weights} is no column of '{self.frame.key}'.")

    def _check_column(self, name: str) -> None:
        if self.frame.find(name) < 0:
            raise BadRequestError(f"Frame '{self.frame.key}' has no column '{name}'.", argument="cols")
        vec, levels = self.frame.vec(name), self.levels(name)
        if levels is None and vec.type in ("string", "uuid"):
            raise IllegalArgumentError(f"Column '{name}' is {vec.type}; numbers, times and levels can be varied.", argument="cols")
        if levels is not None and name not in (self.splits or {}) and len(levels) > self.n_bins:
            raise IllegalArgumentError(
                f"Column '{name}' has {len(levels)} levels, more than nbins={self.n_bins}. Raise nbins or give user_splits.",
                argument="nbins",
            )

    def levels(self, name: str) -> tuple[str, ...] | None:
        """Levels a column takes: the frame's, or those of the model where the frame has texts; None for numbers."""
        vec = self.frame.vec(name)
        return self.model.output.columns.source_levels().get(name) if vec.type == "string" else vec.domain

    @property
    def n_tables(self) -> int:
        """Tables there will be."""
        return (len(self.columns) + len(self.pairs)) * max(len(self.targets), 1)


@wire_type("models.dependence_task")
@dataclass(frozen=True)
class _PredictionTask(RowsTask):
    """Writes the prediction of some classes; with ``weighted``, sums [w, w p, w p^2] of each instead."""

    predictor: Any
    which: tuple[int, ...]
    row: int = -1
    weighted: bool = False

    def map_rows(self, rows: Rows) -> Any:
        at = self.row - rows.start
        if self.row >= 0 and not 0 <= at < rows.n_rows:
            return None
        p = self.predictor.predict(rows)[:, list(self.which)]
        if self.row >= 0:
            return p[at]
        if self.weighted:
            w = rows.block.numbers(rows.spec.weights)
            keep = (w > 0) & ~np.isnan(p[:, 0])
            w, p = w[keep, None], p[keep]
            return np.array([np.broadcast_to(w, p.shape).sum(axis=0), (w * p).sum(axis=0), (w * p * p).sum(axis=0)])
        for j in range(p.shape[1]):
            rows.block.write(j, np.ascontiguousarray(p[:, j]))
        return None

    def reduce(self, left: Any, right: Any) -> Any:
        if left is None or right is None:
            return right if left is None else left
        return left + right


Cell = tuple[float, float, float]


def compute(node: Node, plan: PartialDependencePlan, on_table: Callable[[int], None] | None = None) -> tuple[TwoDimTable, ...]:
    """The tables of a plan: columns first, then pairs; for each the targets in turn.

    Parameters
    ----------
    on_table : called with the number of tables done; may raise to stop.
    """
    data = adapt(node, plan.model.output.columns, plan.frame)
    data = _with_weights(data, plan)
    tables: list[TwoDimTable] = []
    for names in [*((c,) for c in plan.columns), *plan.pairs]:
        grids = [_values(node, plan, n) for n in names]
        points = list(itertools.product(*grids))
        cells = [_at(data, plan, names, point) for point in points]
        for t in range(max(len(plan.targets), 1)):
            tables.append(_table(plan, names, points, [c[t] for c in cells], plan.targets[t] if plan.targets else None))
        if on_table is not None:
            on_table(len(tables))
    return tuple(tables)


def _with_weights(data: TrainingData, plan: PartialDependencePlan) -> TrainingData:
    if plan.weights < 0:
        return data
    frame = Frame("", (*data.frame.names, "w "), (*data.frame.vecs, plan.frame.vecs[plan.weights]))
    return replace(data, frame=frame, spec=replace(data.spec, weights=len(data.frame.vecs)))


def _values(node: Node, plan: PartialDependencePlan, name: str) -> list[float]:
    levels = plan.levels(name)
    chosen = (plan.splits or {}).get(name)
    if chosen is not None:
        values = [float(v) for v in chosen]
    elif levels is not None:
        values = [float(i) for i in range(len(levels))]
    else:
        values = _even(node.rollups(plan.frame.vec(name)), plan.n_bins)
    return [*values, math.nan] if plan.add_missing else values


def _even(stats: RollupStats, n: int) -> list[float]:
    low, high = stats.min, stats.max
    if math.isnan(low):
        return []
    if stats.is_int and high - low + 1 < n:
        n = int(high - low + 1)
    if n == 1:
        return [low]
    step = (high - low) / (n - 1)
    return [low + i * step for i in range(n)]


def _at(data: TrainingData, plan: PartialDependencePlan, names: Sequence[str], point: Sequence[float]) -> list[Cell]:
    """(mean, standard deviation, standard error) of the prediction of each target."""
    model = plan.model
    category = model.output.category
    fixed = dict(zip(names, point, strict=True))

    def at_point(c: ColumnSpec) -> ColumnSpec:
        if c.source is not None:
            return replace(c, source=at_point(c.source))
        return replace(c, constant=_code(plan.levels(c.name), c.domain, fixed[c.name])) if c.name in fixed else c

    columns = tuple(at_point(c) for c in data.spec.columns)
    which = tuple((model.domain or ()).index(t) for t in plan.targets) or ((1,) if category == "Binomial" else (0,))
    task = _PredictionTask(replace(data.spec, columns=columns), model.predictor, which, plan.row, plan.weights >= 0)
    node = data.node
    if plan.row >= 0:
        return [(float(v), 0.0, 0.0) for v in data.do_all(task).value]
    if plan.weights >= 0:
        w, wp, wpp = data.do_all(task).value
        return [_weighted(*v, data.n_rows) for v in zip(w.tolist(), wp.tolist(), wpp.tolist(), strict=True)]
    with node.scopes.enter():
        stats = [node.rollups(v) for v in data.do_all(task, [OutputSpec() for _ in which]).vecs]
    return [(s.mean, s.sigma, s.sigma / math.sqrt(s.n_rows)) for s in stats]


def _weighted(w: float, wp: float, wpp: float, n: int) -> Cell:
    if w <= 0:
        return math.nan, math.nan, math.nan
    mean = wp / w
    spread = max(wpp / w - mean * mean, 0.0) * (n / (n - 1) if n > 1 else 1.0)
    return mean, math.sqrt(spread), math.sqrt(spread / n)


def _code(levels: tuple[str, ...] | None, domain: tuple[str, ...] | None, value: float) -> float:
    """A value of the frame's column, a code among its ``levels``, as the model knows it: levels by their text."""
    if domain is None or levels is None or math.isnan(value):
        return value
    level = levels[int(value)]
    return float(domain.index(level)) if level in domain else math.nan


def _table(
    plan: PartialDependencePlan, names: Sequence[str], points: list[tuple[float, ...]], cells: list[Cell], target: str | None
) -> TwoDimTable:
    # H2O writes the names in lower case here.
    heads = [Column(n.lower(), "string" if plan.levels(n) is not None else "double", "", n) for n in names]
    heads = [replace(h, format="%s" if h.type == "string" else "%5f") for h in heads]
    heads += [Column(n, "double", "%5f", n) for n in ("mean_response", "stddev_response", "std_error_mean_response")]
    rows = [[*(_shown(plan.levels(n), v) for n, v in zip(names, p, strict=True)), *c] for p, c in zip(points, cells, strict=True)]
    kind = "2D-Partial Dependence" if len(names) > 1 else "PartialDependence"
    text = f"Mean response of model {plan.model.key} by {' and '.join(names)}"
    text += "" if plan.row < 0 else f" in row {plan.row}"
    text += "" if target is None else f" for class {target}"
    return TwoDimTable.of_rows(kind, text, heads, rows)


def _shown(levels: tuple[str, ...] | None, value: float) -> Any:
    if levels is None:
        return value
    return _MISSING if math.isnan(value) else levels[int(value)]

"""Tabulate: how often the values of two columns occur together, and the mean of one for each value of the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.frames.schemas import TabulateV3
from h2ok.kernel import Block, IllegalArgumentError, MRTask, wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel import Node, Vec

__all__ = ["Bins", "tabulate"]

_MISSING = "missing(NA)"
_MAX_CELLS = 10_000_000


@wire_type("frames.bins")
@dataclass(frozen=True, slots=True)
class Bins:
    """Where the values of a column go: levels and few whole numbers each to a bin of their own, other numbers to ``n`` bins of
    equal width; missing values to bin 0 when there are any (``has_na``), before all others.
    """

    n: int
    least: float
    width: float
    has_na: bool
    whole: bool = False

    @classmethod
    def of(cls, node: Node, vec: Vec, n: int) -> Bins:
        stats = node.rollups(vec)
        has_na = stats.na_count > 0
        if vec.domain is not None:
            return cls(vec.cardinality, 0.0, 1.0, has_na)
        if stats.na_count == len(vec):
            return cls(0, 0.0, 1.0, has_na)
        least, span = float(stats.mins[0]), float(stats.maxs[0] - stats.mins[0])
        if not np.isfinite(span):
            raise IllegalArgumentError("A column with infinite values cannot be cut into bins of equal width; replace them first.")
        if stats.is_int and span + 1 <= n:
            return cls(int(span) + 1, least, 1.0, has_na, True)
        return cls(n, least, span / n, has_na) if span > 0 else cls(1, least, 0.0, has_na)

    @property
    def size(self) -> int:
        return self.n + self.has_na

    def places(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """The bin of each value; -1 for what is missing where nothing is expected to be."""
        at = np.zeros(len(values)) if self.width == 0 else np.floor((values - self.least) / self.width)
        out = np.where(np.isnan(values), -1.0, np.clip(at, 0, self.n - 1)).astype(np.int64)
        return out + self.has_na

    def labels(self, domain: tuple[str, ...] | None) -> list[str]:
        """Levels, whole numbers, or the middles of the bins."""
        if domain is not None:
            names = list(domain)
        elif self.whole:
            names = [str(int(self.least) + i) for i in range(self.n)]
        else:
            names = [f"{self.least + (i + 0.5) * self.width:.6f}" for i in range(self.n)]
        return [_MISSING, *names] if self.has_na else names


@wire_type("frames.tabulate")
@dataclass(frozen=True)
class _Tabulate(MRTask):
    """(weights of all pairs of bins, weights and weighted sums of known responses for each bin of the predictor)."""

    predictor: Bins
    response: Bins

    def map(self, block: Block) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        x, y = block.numbers(0), block.numbers(1)
        weights = block.numbers(2) if len(block.vecs) > 2 else np.ones(block.n_rows)
        weights = np.where(np.isnan(weights), 0.0, weights)
        at = self.predictor.places(x)
        pair = self.response.places(y) * self.predictor.size + at
        known = ~np.isnan(y)
        n = self.predictor.size
        return (
            np.bincount(pair, weights, n * self.response.size),
            np.bincount(at[known], weights[known], n),
            np.bincount(at[known], (weights * y)[known], n),
        )


def tabulate(ctx: RequestContext, request: TabulateV3) -> TabulateV3:
    """POST /99/Tabulate."""
    frame = ctx.node.frames.get(request.dataset)
    names = [("predictor", request.predictor), ("response", request.response)]
    names += [("weight", request.weight)] if request.weight else []
    vecs = []
    for role, name in names:
        if name not in frame.names:
            raise IllegalArgumentError(
                f"{role.capitalize()} column {name} not found in frame '{frame.key}'. Its columns: {', '.join(frame.names[:20])}.",
                argument=role,
            )
        vec = frame.vec(name)
        if vec.type in ("string", "uuid") or (role == "weight" and vec.type != "numeric"):
            raise IllegalArgumentError(f"The {role} '{name}' is a column of type {vec.type}; choose a numeric one.", argument=role)
        vecs.append(vec)
    for role, n in (("predictor", request.nbins_predictor), ("response", request.nbins_response)):
        if n < 1:
            raise IllegalArgumentError(f"Number of bins for {role} must be >= 1; got {n}.", argument=f"nbins_{role}")
    x, y = Bins.of(ctx.node, vecs[0], request.nbins_predictor), Bins.of(ctx.node, vecs[1], request.nbins_response)
    if x.size * y.size > _MAX_CELLS:
        raise IllegalArgumentError(f"{x.size} x {y.size} bins are more than {_MAX_CELLS} cells; choose columns with fewer levels.")
    if not frame.n_rows:
        raise IllegalArgumentError(f"Frame '{frame.key}' has no rows to tabulate.", argument="dataset")
    pairs, counts, sums = ctx.node.tasks.do_all(_Tabulate(x, y), vecs).value
    left, right = x.labels(vecs[0].domain), y.labels(vecs[1].domain)
    first, second = request.predictor, request.response
    request.count_table = TwoDimTable(
        f"(Weighted) co-occurrence counts of '{first}' and '{second}'",
        "",
        (Column(first, "string"), Column(second, "string"), Column("counts", "double")),
        [left * len(right), [label for label in right for _ in left], pairs.tolist()],
    ).to_json()
    means = [float(s / c) if c else float("nan") for s, c in zip(sums, counts, strict=True)]
    for role, name in names:
        setattr(request, role, _column(name))
    request.response_table = TwoDimTable(
        f"Mean value of '{second}' and (weighted) counts for '{first}' values",
        "",
        (Column(first, "string"), Column(f"mean_{second}", "double"), Column("counts", "double")),
        [left, means, counts.tolist()],
    ).to_json()
    return request


def _column(name: str) -> dict[str, Any]:
    meta = {"schema_version": 3, "schema_name": "ColSpecifierV3", "schema_type": "VecSpecifier"}
    return {"__meta": meta, "column_name": name, "is_member_of_frames": None}

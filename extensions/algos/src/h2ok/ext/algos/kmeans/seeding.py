"""First centers: a few rows drawn where the others are far off, weighed by the rows they stand for, and clustered.

Bahmani et al. (2012), doi:10.14778/2180912.2180915: a handful of passes whatever the number of centers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from h2ok.ext.algos.kmeans.lloyd import cluster_sums, moved_centers, work_of
from h2ok.ext.algos.kmeans.state import Preparation
from h2ok.ext.models import Rows, RowsTask
from h2ok.kernel import uniforms, wire_type
from numpy.typing import NDArray

__all__ = ["FEWEST_DRAWN", "ROUNDS", "CandidatePass", "Candidates", "WeightPass", "best_start"]

#: Rounds of drawing, and the fewest rows drawn in each; as many as centers where these are more.
ROUNDS = 5
FEWEST_DRAWN = 40
_STREAM = 0x4B4D4341  # "KMCA"
_STARTS_STREAM = 0x4B4D5354  # "KMST"
#: Starts that are tried, the last of them with the candidates furthest apart; most moves of each, and distances computed for it.
_STARTS = 5
_MOST_MOVES = 100
_MOST_DISTANCES = 3e7


@wire_type("kmeans.candidates")
@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows in descending order of ``key`` float64[m]: ``row`` int64[m], their numbers, and ``x`` float64[m, p], prepared."""

    key: NDArray[np.float64]
    row: NDArray[np.int64]
    x: NDArray[np.float64]

    def first(self, n: int) -> Candidates:
        """The ``n`` with the largest keys; lower rows win among equals."""
        order = np.lexsort((self.row, -self.key))[:n]
        return Candidates(self.key[order], self.row[order], self.x[order])


@wire_type("kmeans.candidate_pass")
@dataclass(frozen=True)
class CandidatePass(RowsTask):
    """Draws ``count`` rows with their squared distance to the nearest candidate as weight; ``new``: those of the round before.

    Drawn by the largest u^(1/d) (Efraimidis & Spirakis 2006), which depends on the row alone. Rows that are candidates are not
    drawn again, nor are their equals.
    """

    prepared: Preparation
    new: NDArray[np.float64]
    number: int
    count: int
    seed: int

    def map_rows(self, rows: Rows) -> Candidates:
        from h2ok.ext.algos.kmeans.kernels import assign

        work = work_of(rows, self.prepared)
        if len(self.new):
            distance = np.empty(rows.n_rows)
            assign(work.x, self.prepared.is_cat, self.new, np.empty(rows.n_rows, dtype=np.int32), distance)
            work.distance = np.minimum(work.distance, distance)
        draws = np.log(1.0 - uniforms(self.seed, _STREAM + self.number, rows.start, rows.n_rows))
        far = np.flatnonzero((work.w > 0) & (work.distance > 0))
        return Candidates(draws[far] / work.distance[far], rows.start + far, work.x[far]).first(self.count)

    def reduce(self, left: Candidates, right: Candidates) -> Candidates:
        both = (np.concatenate([getattr(c, name) for c in (left, right)]) for name in ("key", "row", "x"))
        return Candidates(*both).first(self.count)


@wire_type("kmeans.weight_pass")
@dataclass(frozen=True)
class WeightPass(RowsTask):
    """Weight of the rows nearest to each point: float64[n_points]."""

    prepared: Preparation
    points: NDArray[np.float64]

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        from h2ok.ext.algos.kmeans.kernels import assign

        work = work_of(rows, self.prepared)
        cluster, distance = np.empty(rows.n_rows, dtype=np.int32), np.empty(rows.n_rows)
        assign(work.x, self.prepared.is_cat, self.points, cluster, distance)
        return np.bincount(cluster, work.w, minlength=len(self.points)).astype(np.float64)


def best_start(
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    prepared: Preparation,
    k: int,
    seed: int,
    alive: Callable[[], None],
) -> NDArray[np.float64]:
    """Centers of weighted points with the least sum of squares among a few starts: float64[k, p].

    Points furthest apart are outliers where columns are skewed, and a few rounds over all rows do not get away from them; the
    other starts are drawn (Arthur & Vassilvitskii 2007). Each is moved until it rests: points are few. Where they are many, for
    many centers, one drawn start has to do. ``alive`` is called often and may raise to stop.
    """
    cost = len(points) * k * points.shape[1]
    moves = int(np.clip(_MOST_DISTANCES / cost, 1, _MOST_MOVES))
    best: tuple[float, NDArray[np.float64]] | None = None
    for start in range(_STARTS if cost <= _MOST_DISTANCES else 1):
        centers = points[_chosen(points, weights, prepared, k, seed, start, alive)]
        for _ in range(moves):
            alive()
            sums = cluster_sums(points, weights, prepared, centers)[2]
            moved = moved_centers(prepared, centers, sums)
            if (moved == centers).all():
                break
            centers = moved
        within = float(cluster_sums(points, weights, prepared, centers)[2]["within"].sum())
        if best is None or within < best[0]:
            best = within, centers
    assert best is not None
    return best[1]


def _chosen(
    points: NDArray[np.float64],
    weights: NDArray[np.float64],
    prepared: Preparation,
    k: int,
    seed: int,
    start: int,
    alive: Callable[[], None],
) -> list[int]:
    """Indices of k points: the first and those furthest from all before, or drawn with weight times squared distance."""
    from h2ok.ext.algos.kmeans.kernels import closer

    furthest = start == _STARTS - 1
    draws = uniforms(seed, _STARTS_STREAM, start * k, k)
    distance = np.full(len(points), np.inf)
    out = [0] if furthest else [_drawn(weights, float(draws[0]))]
    for i in range(1, k):
        alive()
        closer(points, prepared.is_cat, points[out[-1]], distance)
        out.append(int(np.argmax(distance)) if furthest else _drawn(weights * distance, float(draws[i])))
    return out


def _drawn(chance: NDArray[np.float64], draw: float) -> int:
    """Index drawn by weight; the last one when all weights are 0."""
    total = np.cumsum(chance)
    return min(int(np.searchsorted(total, draw * total[-1], side="right")), len(chance) - 1)

"""The passes of K-means over the rows; prepared rows stay in ``Block.state`` on the chunk's home node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.algos.kmeans.state import Preparation
from h2ok.ext.models import Rows, RowsTask
from h2ok.kernel import uniforms, wire_type
from numpy.typing import NDArray

__all__ = ["Candidate", "LloydPass", "PointsTask", "SeedPass"]

_STREAM = 0x4B4D4E53  # "KMNS"
#: A row as the best of something: (how good, row number, prepared row); lower rows win among equals.
Candidate = tuple[float, int, NDArray[np.float64]]


@dataclass(slots=True)
class Work:
    """Arrays of one chunk: prepared rows, weights, cluster and distance to the nearest center so far."""

    x: NDArray[np.float64]
    w: NDArray[np.float64]
    cluster: NDArray[np.int32]
    distance: NDArray[np.float64]


def work_of(rows: Rows, prepared: Preparation) -> Work:
    """The chunk's arrays, made on first use."""
    found = rows.state.get("kmeans")
    if not isinstance(found, Work):
        n = rows.n_rows
        found = Work(prepared.matrix(rows), rows.weights(), np.full(n, -1, dtype=np.int32), np.full(n, np.inf))
        rows.state["kmeans"] = found
    return found


def better(left: Candidate | None, right: Candidate | None) -> Candidate | None:
    """The better one of two candidates."""
    if left is None or right is None:
        return right if left is None else left
    return right if (right[0], -right[1]) > (left[0], -left[1]) else left


def best_row(rows: Rows, work: Work, score: NDArray[np.float64]) -> Candidate | None:
    """The row that counts with the largest score."""
    counted = np.where(work.w > 0, score, -np.inf)
    i = int(np.argmax(counted)) if len(counted) else 0
    if not len(counted) or counted[i] == -np.inf:
        return None
    return float(counted[i]), rows.start + i, work.x[i].copy()


@wire_type("kmeans.seed_pass")
@dataclass(frozen=True)
class SeedPass(RowsTask):
    """The row that becomes the next center, ``centers`` being those chosen so far (the last one is new).

    ``how``: Random - any row; Furthest - the row furthest from all centers; PlusPlus - a row drawn with its squared distance as
    weight (Arthur & Vassilvitskii 2007), by the largest of u^(1/d) (Efraimidis & Spirakis 2006), which needs one pass only.
    """

    prepared: Preparation
    centers: NDArray[np.float64]
    how: str
    seed: int

    def map_rows(self, rows: Rows) -> Candidate | None:
        from h2ok.ext.algos.kmeans.kernels import closer

        work = work_of(rows, self.prepared)
        if len(self.centers):
            closer(work.x, self.prepared.is_cat, self.centers[-1], work.distance)
        number = len(self.centers)
        if self.how == "Furthest" and number:
            return best_row(rows, work, work.distance)
        draws = np.log(1.0 - uniforms(self.seed, _STREAM + number, rows.start, rows.n_rows))
        if number == 0:
            return best_row(rows, work, draws)
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = work.distance if self.how == "PlusPlus" else (work.distance > 0).astype(np.float64)
            return best_row(rows, work, np.where(chance > 0, draws / chance, -1e308))

    def reduce(self, left: Candidate | None, right: Candidate | None) -> Candidate | None:
        return better(left, right)


@wire_type("kmeans.lloyd_pass")
@dataclass(frozen=True)
class LloydPass(RowsTask):
    """Assigns rows to the nearest center and sums up the clusters; ``worst``: the row furthest from its center."""

    prepared: Preparation
    centers: NDArray[np.float64]

    def map_rows(self, rows: Rows) -> dict[str, Any]:
        from h2ok.ext.algos.kmeans.kernels import assign, sum_clusters

        work, p = work_of(rows, self.prepared), self.prepared
        k = len(self.centers)
        cluster = np.empty_like(work.cluster)
        assign(work.x, p.is_cat, self.centers, cluster, work.distance)
        moved = int(((cluster != work.cluster) & (work.w > 0)).sum())
        work.cluster[:] = cluster
        sizes, within = np.zeros(k), np.zeros(k)
        sums, counts = np.zeros_like(self.centers), np.zeros((k, p.n_levels))
        sum_clusters(work.x, work.w, p.is_cat, p.first, cluster, work.distance, sizes, within, sums, counts)
        worst = best_row(rows, work, work.distance)
        return {"sizes": sizes, "within": within, "sums": sums, "counts": counts, "moved": moved, "worst": worst}

    def reduce(self, left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
        return {k: better(v, right[k]) if k == "worst" else v + right[k] for k, v in left.items()}


@wire_type("kmeans.points")
@dataclass(frozen=True)
class PointsTask(RowsTask):
    """The prepared rows of a small frame."""

    prepared: Preparation

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        return self.prepared.matrix(rows)

    def reduce(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([left, right])

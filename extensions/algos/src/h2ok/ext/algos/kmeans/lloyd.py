"""The passes of K-means over the rows; prepared rows stay in ``Block.state`` on the chunk's home node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.algos.kmeans.state import Preparation
from h2ok.ext.models import Rows, RowsTask
from h2ok.kernel import uniforms, wire_type
from numpy.typing import NDArray

__all__ = ["Candidate", "LloydPass", "PointsTask", "SeedPass", "Work", "cluster_sums", "moved_centers", "work_of"]

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


def best_row(x: NDArray[np.float64], w: NDArray[np.float64], score: NDArray[np.float64], start: int = 0) -> Candidate | None:
    """The row that counts with the largest score; ``start``: number of the first row."""
    counted = np.where(w > 0, score, -np.inf)
    i = int(np.argmax(counted)) if len(counted) else 0
    if not len(counted) or counted[i] == -np.inf:
        return None
    return float(counted[i]), start + i, x[i].copy()


def cluster_sums(
    x: NDArray[np.float64],
    w: NDArray[np.float64],
    prepared: Preparation,
    centers: NDArray[np.float64],
    start: int = 0,
) -> tuple[NDArray[np.int32], NDArray[np.float64], dict[str, Any]]:
    """(cluster of each row, squared distance to its center, sums by cluster); in these ``worst``: the row furthest off."""
    from h2ok.ext.algos.kmeans.kernels import assign, sum_clusters

    n, k, p = len(x), len(centers), prepared
    cluster, distance = np.empty(n, dtype=np.int32), np.empty(n)
    assign(x, p.is_cat, centers, cluster, distance)
    sizes, within = np.zeros(k), np.zeros(k)
    sums, counts = np.zeros_like(centers), np.zeros((k, p.n_levels))
    sum_clusters(x, w, p.is_cat, p.first, cluster, distance, sizes, within, sums, counts)
    worst = best_row(x, w, distance, start)
    return cluster, distance, {"sizes": sizes, "within": within, "sums": sums, "counts": counts, "worst": worst}


def moved_centers(prepared: Preparation, centers: NDArray[np.float64], sums: dict[str, Any]) -> NDArray[np.float64]:
    """Means and most frequent levels; one empty cluster a round starts anew at the row furthest from its center."""
    out, used = centers.copy(), sums["sizes"] > 0
    ends = np.append(prepared.first[1:], prepared.n_levels)
    for j in range(centers.shape[1]):
        if prepared.is_cat[j]:
            out[used, j] = np.argmax(sums["counts"][used, prepared.first[j] : ends[j]], axis=1)
        else:
            out[used, j] = sums["sums"][used, j] / sums["sizes"][used]
    empty = np.flatnonzero(~used)
    if len(empty) and sums["worst"] is not None:
        out[empty[0]] = sums["worst"][2]
    return out


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
            return best_row(work.x, work.w, work.distance, rows.start)
        draws = np.log(1.0 - uniforms(self.seed, _STREAM + number, rows.start, rows.n_rows))
        if number == 0:
            return best_row(work.x, work.w, draws, rows.start)
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = work.distance if self.how == "PlusPlus" else (work.distance > 0).astype(np.float64)
            return best_row(work.x, work.w, np.where(chance > 0, draws / chance, -1e308), rows.start)

    def reduce(self, left: Candidate | None, right: Candidate | None) -> Candidate | None:
        return better(left, right)


@wire_type("kmeans.lloyd_pass")
@dataclass(frozen=True)
class LloydPass(RowsTask):
    """Assigns rows to the nearest center and sums up the clusters; ``worst``: the row furthest from its center."""

    prepared: Preparation
    centers: NDArray[np.float64]

    def map_rows(self, rows: Rows) -> dict[str, Any]:
        work = work_of(rows, self.prepared)
        cluster, work.distance, sums = cluster_sums(work.x, work.w, self.prepared, self.centers, rows.start)
        moved = int(((cluster != work.cluster) & (work.w > 0)).sum())
        work.cluster = cluster
        return {**sums, "moved": moved}

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

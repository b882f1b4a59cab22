"""K-means: checks, first centers, Lloyd's rounds, the number of clusters, and the finished model."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.algos.kmeans.lloyd import LloydPass, PointsTask, SeedPass, moved_centers
from h2ok.ext.algos.kmeans.params import KMeansParametersV3
from h2ok.ext.algos.kmeans.seeding import FEWEST_DRAWN, ROUNDS, CandidatePass, WeightPass, best_start
from h2ok.ext.algos.kmeans.state import KMeansState, Preparation
from h2ok.ext.models import ModelBuilder, TrainContext, Trained, TrainingData, Validation
from h2ok.ext.models.adaptation import adapt
from h2ok.ext.models.datainfo import column_statistics
from h2ok.ext.models.encoding import UNSUPERVISED
from h2ok.ext.models.history import format_duration
from h2ok.ext.models.lookup import optional_frame
from h2ok.kernel import Frame, random_key
from numpy.typing import NDArray

__all__ = ["KMeans"]

#: Rounds end when centers move less than this (mean squared distance).
_TOLERANCE = 1e-6


class KMeans(ModelBuilder):
    """Clusters by Lloyd's algorithm."""

    algo = "kmeans"
    full_name = "K-means"
    schema = "KMeans"
    parameters = KMeansParametersV3
    can_build = ("Clustering",)
    supervised = False
    encodings = ("Enum", *UNSUPERVISED)

    def validate(self, v: Validation, data: TrainingData | None) -> None:
        p = self.params
        assert isinstance(p, KMeansParametersV3)
        points = optional_frame(self.node, p.user_points, "user_points")
        if points is not None:
            p.init = "User"
            if p.estimate_k:
                v.error("estimate_k", "Cannot estimate k if user_points are provided.")
            if self.given.get("k") is None:
                p.k = points.n_rows
            if points.n_rows != p.k:
                v.error("user_points", f"k={p.k} needs as many user-specified points; '{points.key}' has {points.n_rows} rows.")
            if data is not None and points.n_cols != len(data.columns.sources):
                v.error(
                    "user_points",
                    f"The user-specified points must have the same number of columns ({len(data.columns.sources)}) as the training "
                    f"observations; '{points.key}' has {points.n_cols}.",
                )
            elif data is not None:
                self._check_points(v, data, points)
        elif p.init == "User":
            v.error("user_points", "init User needs user_points: a frame with a row for each first center.")
        if data is not None and p.k > data.n_rows:
            v.error("k", f"Cannot make {p.k} clusters out of {data.n_rows} rows.")

    def _check_points(self, v: Validation, data: TrainingData, points: Frame) -> None:
        with self.node.scopes.enter():
            try:
                adapt_points(data, points)
            except BadRequestError as e:
                v.error("user_points", str(e))

    def build(self, ctx: TrainContext) -> Trained:
        session = random_key("kmeans")
        try:
            return _Clustering(ctx, session, optional_frame(ctx.node, ctx.params.user_points, "user_points")).run()
        finally:
            ctx.node.tasks.free_state(session)


class _Clustering:
    """One training."""

    def __init__(self, ctx: TrainContext, session: str, points: Frame | None) -> None:
        self.ctx, self.session, self.points = ctx, session, points
        p: KMeansParametersV3 = ctx.params
        self.p = p
        if p.categorical_encoding == "AUTO":
            p.categorical_encoding = "Enum"
        stats = column_statistics(ctx.data)
        self.prepared = Preparation.of(ctx.data.spec, stats, standardize=p.standardize)
        self.history: list[list[Any]] = []
        self.begin = time.time()
        self.rounds = 0

    def run(self) -> Trained:
        self._note(0, math.nan, math.nan)
        centers = self._grow_k() if self.p.estimate_k else self._rounds(self._first_centers(), self.p.k)[0]
        state = KMeansState(self.prepared, centers)
        metrics = self.ctx.metrics(self.ctx.data, state)
        if metrics is None:
            raise ValueError("No row is left to train on: every row has weight 0.")
        original = self.prepared.original(centers)
        extra = {
            "centers": self._centers_table("Cluster Means", original),
            "centers_std": self._centers_table("Standardized Cluster Means", centers) if self.p.standardize else None,
        }
        summary = [
            "", metrics.nobs, len(centers), int(self.prepared.is_cat.sum()), self.rounds, metrics.number("tot_withinss"),
            metrics.number("totss"), metrics.number("betweenss"),
        ]  # fmt: skip
        table = TwoDimTable.of_rows("Model Summary", "", _SUMMARY, [summary])
        return Trained(state, table, self._history_table(), extra, training_metrics=metrics)

    def _pass(self, task: Any) -> Any:
        return self.ctx.data.do_all(task, cancelled=self.ctx.cancelled).value

    def _first_centers(self) -> NDArray[np.float64]:
        if self.points is not None:
            return self._user_points(self.points)
        centers = np.empty((0, len(self.ctx.data.names)))
        if self.p.init == "Furthest" and self.p.k > 1:
            centers = self._of_candidates(self._one_more(centers, "Random"))
        while len(centers) < self.p.k:
            centers = self._one_more(centers, self.p.init)
        return centers

    def _of_candidates(self, first: NDArray[np.float64]) -> NDArray[np.float64]:
        """Centers chosen among rows that were drawn; fewer than k where there are not as many different rows."""
        found, new, data = [first], first, self.ctx.data
        for number in range(ROUNDS):
            new = self._pass(
                CandidatePass(
                    data.spec, self.prepared, new, number, max(FEWEST_DRAWN, self.p.k), self.ctx.seed, session=self.session
                )
            ).x
            found.append(new)
        points = np.vstack(found)
        weights = self._pass(WeightPass(data.spec, self.prepared, points, session=self.session))
        k = min(self.p.k, len(points))
        return best_start(points, weights, self.prepared, k, self.ctx.seed, lambda: self.ctx.update(0.0, "Choosing centers"))

    def _one_more(self, centers: NDArray[np.float64], how: str) -> NDArray[np.float64]:
        found = self._pass(SeedPass(self.ctx.data.spec, self.prepared, centers, how, self.ctx.seed, session=self.session))
        if found is None:
            raise ValueError("No row is left to train on: every row has weight 0.")
        return np.vstack([centers, found[2]])

    def _user_points(self, frame: Frame) -> NDArray[np.float64]:
        with self.ctx.node.scopes.enter():
            data = adapt_points(self.ctx.data, frame)
            points: NDArray[np.float64] = data.do_all(PointsTask(data.spec, self.prepared)).value
        return points

    def _rounds(self, centers: NDArray[np.float64], k: int) -> tuple[NDArray[np.float64], float]:
        """Centers moved until they rest, and the sum of squares within clusters of the last round."""
        within = math.inf
        for i in range(self.p.max_iterations):
            sums = self._pass(LloydPass(self.ctx.data.spec, self.prepared, centers, session=self.session))
            within = float(sums["within"].sum())
            moved = moved_centers(self.prepared, centers, sums)
            self.rounds += 1
            self._note(len(centers), sums["moved"], within)
            done = (k - 1 + (i + 1) / self.p.max_iterations) / k if self.p.estimate_k else (i + 1) / self.p.max_iterations
            self.ctx.update(done, f"Iteration {self.rounds}")
            change = _distance(moved, centers, self.prepared.is_cat) / len(centers)
            centers = moved
            if change < _TOLERANCE or self.ctx.out_of_time():
                break
        return centers, within

    def _grow_k(self) -> NDArray[np.float64]:
        """One cluster more as long as it explains enough more; H2O's rule for what is enough."""
        n, features = self.ctx.data.n_rows, len(self.ctx.data.names)
        enough = min(0.02 + 10.0 / n + 2.5 / features**2, 0.8)
        centers, within = self._rounds(self.prepared.grand_mean()[None, :], 1)
        for k in range(2, self.p.k + 1):
            if within <= 0 or self.ctx.out_of_time():
                break
            more, less = self._rounds(self._split(centers), k)
            if 1 - less / within < enough:
                break
            centers, within = more, less
        return centers

    def _split(self, centers: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = self._pass(LloydPass(self.ctx.data.spec, self.prepared, centers, session=self.session))
        return np.vstack([centers, sums["worst"][2]])

    def _note(self, k: int, moved: float, within: float) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        clusters = [k] if self.p.estimate_k else []
        self.history.append(["", stamp, format_duration(now - self.begin), self.rounds, *clusters, moved, within])

    def _history_table(self) -> TwoDimTable:
        columns = [
            Column("", "string"),
            Column("timestamp", "string", "%s", "Timestamp"),
            Column("duration", "string", "%s", "Duration"),
            Column("iterations", "long", "%d", "Iterations"),
        ]
        if self.p.estimate_k:
            columns.append(Column("number_of_clusters", "long", "%d", "Number of Clusters"))
        columns += [
            Column("number_of_reassigned_observations", "long", "%d", "Number of Reassigned Observations"),
            Column("within_cluster_sum_of_squares", "double", "%.5f", "Within Cluster Sum Of Squares"),
        ]
        return TwoDimTable.of_rows("Scoring History", "", columns, self.history)

    def _centers_table(self, name: str, centers: NDArray[np.float64]) -> TwoDimTable:
        specs = self.ctx.data.spec.columns
        columns = [Column("centroid", "string", "%s", "Centroid")]
        columns += [Column(c.name.lower(), "double" if c.domain is None else "string", "", c.name) for c in specs]
        rows: list[list[Any]] = [
            [str(i + 1), *(float(v) if c.domain is None else c.domain[int(v)] for c, v in zip(specs, row, strict=True))]
            for i, row in enumerate(centers)
        ]
        return TwoDimTable.of_rows(name, "", columns, rows)


def adapt_points(data: TrainingData, points: Frame) -> TrainingData:
    """Rows of the user's centers in the terms of the training rows; columns count by position, as in H2O.

    Numbers for a categorical column are codes of its levels. What is made of them belongs to the scope.

    Raises
    ------
    BadRequestError
        A column is of another kind, or a number is no code.
    """
    node, names, levels = data.node, data.columns.sources, data.columns.source_levels()
    vecs = list(points.vecs)
    for j, (name, vec) in enumerate(zip(names, points.vecs, strict=True)):
        domain = levels.get(name)
        if domain is None or vec.type != "numeric":
            continue
        codes = np.nan_to_num(vec.to_numpy(node), nan=-1.0)
        if not np.isin(codes, np.arange(-1, len(domain))).all():
            raise BadRequestError(
                f"Column {j + 1} of the user-specified points '{points.key}' stands for the categorical column '{name}': levels, "
                f"or their numbers from 0 to {len(domain) - 1} were expected."
            )
        vecs[j] = node.frames.vec_with_espc(codes.astype(np.int32), vec.espc, "enum", domain)
    return adapt(node, data.columns, Frame(points.key, names, tuple(vecs)))


_SUMMARY = (
    Column("", "string"),
    Column("number_of_rows", "long", "%d", "Number of Rows"),
    Column("number_of_clusters", "long", "%d", "Number of Clusters"),
    Column("number_of_categorical_columns", "long", "%d", "Number of Categorical Columns"),
    Column("number_of_iterations", "long", "%d", "Number of Iterations"),
    Column("within_cluster_sum_of_squares", "double", "%.5f", "Within Cluster Sum of Squares"),
    Column("total_sum_of_squares", "double", "%.5f", "Total Sum of Squares"),
    Column("between_cluster_sum_of_squares", "double", "%.5f", "Between Cluster Sum of Squares"),
)


def _distance(a: NDArray[np.float64], b: NDArray[np.float64], is_cat: NDArray[np.bool_]) -> float:
    """Sum of the squared distances of centers."""
    return float(np.where(is_cat, a != b, (a - b) ** 2).sum())

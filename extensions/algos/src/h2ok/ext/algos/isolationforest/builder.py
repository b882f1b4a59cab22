"""Isolation forest: checks, the loop over trees, and the finished model."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.algos.isolationforest.grower import IsolationTree, fetch, grow, sample_rows
from h2ok.ext.algos.isolationforest.params import IsolationForestParametersV3
from h2ok.ext.algos.isolationforest.state import IsolationForestState, LengthPass, anomaly_metrics, normalised
from h2ok.ext.algos.trees import scores_at, summary
from h2ok.ext.models import ModelBuilder, TrainContext, Trained, TrainingData, Validation
from h2ok.ext.models.encoding import UNSUPERVISED
from h2ok.ext.models.history import format_duration
from h2ok.ext.models.stopping import should_stop
from h2ok.kernel import random_key
from numpy.typing import NDArray

__all__ = ["IsolationForest"]

#: Rows times trees up to which every tree is scored when nothing else is asked for.
_CHEAP = 2_000_000


class IsolationForest(ModelBuilder):
    """Anomalies by the length of their paths in random trees."""

    algo = "isolationforest"
    full_name = "Isolation Forest"
    schema = "IsolationForest"
    parameters = IsolationForestParametersV3
    can_build = ("AnomalyDetection",)
    supervised = False
    encodings = ("Enum", *UNSUPERVISED)

    def validate(self, v: Validation, data: TrainingData | None) -> None:
        p = self.params
        assert isinstance(p, IsolationForestParametersV3)
        if p.stopping_metric not in ("AUTO", "anomaly_score"):
            v.error("stopping_metric", f"stopping_metric {p.stopping_metric} does not exist for anomalies: AUTO, anomaly_score do.")
        if data is not None and p.mtries > len(data.names):
            v.error("mtries", f"Computed mtries should be in interval <1,{len(data.names)}> but it is {p.mtries}")

    def build(self, ctx: TrainContext) -> Trained:
        session = random_key("isolationforest")
        try:
            return _Isolation(ctx, session).run()
        finally:
            ctx.node.tasks.free_state(session)


class _Isolation:
    """One training."""

    def __init__(self, ctx: TrainContext, session: str) -> None:
        self.ctx, self.session = ctx, session
        p: IsolationForestParametersV3 = ctx.params
        self.p = p
        p.categorical_encoding = "Enum" if p.categorical_encoding == "AUTO" else p.categorical_encoding
        p.stopping_metric = "anomaly_score" if p.stopping_rounds else p.stopping_metric
        self.trees: list[IsolationTree] = []
        self.scored, self.begin = 0, time.time()
        self.stops: list[float] = [math.nan]
        self.history: list[list[Any]] = []

    def run(self) -> Trained:
        p, ctx, n = self.p, self.ctx, self.ctx.data.n_rows
        size = min(n, p.sample_size if p.sample_rate == -1 else max(1, round(p.sample_rate * n)))
        if p.sample_rate == -1:
            p.sample_rate = p.sample_size / n
        samples = [sample_rows(n, size, ctx.seed, t) for t in range(p.ntrees)]
        numbers = np.unique(np.concatenate(samples))
        x = fetch(ctx.data, numbers)
        levels = np.array([c.cardinality for c in ctx.data.spec.columns], dtype=np.int64)
        depth = p.max_depth if p.max_depth > 0 else 2**31 - 1
        self._note(math.nan, math.nan)
        for t, sample in enumerate(samples):
            rows = np.searchsorted(numbers, sample).astype(np.int32)
            self.trees.append(grow(x, rows, levels, p.col_sample_rate_per_tree, depth, float(p.min_rows), ctx.seed, t))
            ctx.update((t + 1) / p.ntrees, f"Tree {t + 1} of {p.ntrees}")
            last = t + 1 == p.ntrees or ctx.out_of_time()
            if last or scores_at(p, t + 1, n * p.ntrees, _CHEAP):
                found = self._score()
                if last or should_stop(self.stops, p.stopping_rounds, p.stopping_tolerance, higher=False):
                    break
        return self._finish(found)

    def _score(self) -> NDArray[np.float64]:
        """[rows, sum, shortest, longest] of the path lengths with all trees so far."""
        new = Forest.of(self.trees[self.scored :])  # type: ignore[arg-type]
        self.scored = len(self.trees)
        task = LengthPass(self.ctx.data.spec, new, session=self.session)
        found: NDArray[np.float64] = self.ctx.data.do_all(task, cancelled=self.ctx.cancelled).value
        mean = found[1] / found[0]
        score = float(normalised(mean, found[2], found[3]))
        self.stops.append(score)
        self._note(mean / self.scored, score)
        return found

    def _note(self, length: float, score: float) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        self.history.append(["", stamp, format_duration(now - self.begin), len(self.trees), length, score])

    def _finish(self, found: NDArray[np.float64]) -> Trained:
        n, total, shortest, longest = found.tolist()
        forest = Forest.of(self.trees)  # type: ignore[arg-type]
        state = IsolationForestState(forest, shortest, longest)
        metrics = anomaly_metrics(n, normalised(total / n, shortest, longest), total / n / len(self.trees))
        extra = {"init_f": 0.0, "variable_splits": self._variable_splits()}
        history = TwoDimTable.of_rows("Scoring History", "", _HISTORY, self.history)
        return Trained(state, summary(len(self.trees), forest.nbytes, *self._shape()), history, extra, training_metrics=metrics)

    def _shape(self) -> tuple[list[int], list[int]]:
        """(depth, leaves) of each tree."""
        return [int(t.depth.max()) for t in self.trees], [t.n_leaves() for t in self.trees]

    def _variable_splits(self) -> TwoDimTable:
        """How often, how unevenly and how deep each column splits."""
        p = len(self.ctx.data.names)
        count, ratio, depth = np.zeros(p), np.zeros(p), np.zeros(p)
        for t in self.trees:
            at = np.flatnonzero(t.feature >= 0)
            column, left, right = t.feature[at], t.size[t.left[at]], t.size[t.right[at]]
            count += np.bincount(column, minlength=p)
            ratio += np.bincount(column, np.abs(left - right) / (left + right), p)
            depth += np.bincount(column, t.depth[at] + 1.0, p)
        rows = [[n, int(c), float(r), int(d)] for n, c, r, d in zip(self.ctx.data.names, count, ratio, depth, strict=True)]
        columns = (
            Column("variable", "string", "%s", "Variable"),
            Column("count", "int", "%d", "Count"),
            Column("aggregated_split_ratios", "double", "%.5f", "Aggregated Split Ratios"),
            Column("aggregated_split_depths", "long", "%d", "Aggregated Split Depths"),
        )
        return TwoDimTable.of_rows("Variable Splits", "", columns, rows)


_HISTORY = (
    Column("", "string"),
    Column("timestamp", "string", "%s", "Timestamp"),
    Column("duration", "string", "%s", "Duration"),
    Column("number_of_trees", "long", "%d", "Number of Trees"),
    Column("mean_tree_path_length", "double", "%.5f", "Mean Tree Path Length"),
    Column("mean_anomaly_score", "double", "%.5f", "Mean Anomaly Score"),
)

"""Boosting: the loop over the trees of a GBM, early stopping, and the finished model."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from h2ok.ext.algos.binned_trees import BinnedTree, Unbinning, add_gains
from h2ok.ext.algos.gbm.binning import make_mapper, uses_weights
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.algos.gbm.grower import Grower, GrowSettings, IterationPass, grow_iteration
from h2ok.ext.algos.gbm.interactions import column_groups
from h2ok.ext.algos.gbm.params import GBMParametersV3
from h2ok.ext.algos.gbm.passes import Grow, ResumePass, SessionScores, SetUp, ValidationUpdate
from h2ok.ext.algos.gbm.robust import ROBUST, huber_delta, start_score
from h2ok.ext.algos.gbm.state import GBMState
from h2ok.ext.algos.gbm.sums import CloudSums
from h2ok.ext.algos.trees import scores_at, summary
from h2ok.ext.models import (
    Distribution,
    Model,
    ModelMetrics,
    Rows,
    RowSpec,
    RowsTask,
    TrainContext,
    Trained,
    TrainingData,
)
from h2ok.ext.models.history import ScoringHistory
from h2ok.ext.models.metrics.task import MetricsTask, exact_for, make_metrics
from h2ok.ext.models.stopping import more_is_better, resolve_metric, should_stop, stopping_value
from h2ok.ext.models.tables import variable_importances
from h2ok.kernel import wire_type
from numpy.typing import NDArray

__all__ = ["Boosting", "checkpoint_of", "resolve_distribution"]

#: Rows times trees up to which every tree is scored when nothing else is asked for.
_CHEAP = 20_000_000
_HISTOGRAM_BITS = 39
#: What scales of gradients and weights are made for at least, so that they stay finite.
_SMALLEST = 2.0**-900
#: Up to this many rows the sums of all rows stay packed: 23 bits of count, and at least 17 bits for a row's gradient.
_NARROW_ROWS = 1 << 22


@wire_type("gbm.response_task")
@dataclass(frozen=True)
class ResponseTask(RowsTask):
    """Sums for the start of the scores: [w, w y exp(a offset), w exp(b offset), w (y - offset)]; ``powers`` are (a, b), so that
    the start of a log link is log of the second over the third.
    """

    powers: tuple[float, float] = (0.0, 1.0)

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        offset = rows.offset()
        w = np.where(np.isnan(offset), 0.0, rows.weights())
        keep = w > 0
        w, y, o = w[keep], rows.response()[keep], offset[keep]
        above, below = (np.exp(np.clip(a * o, -700, 700)) for a in self.powers)
        return np.array([w.sum(), (w * y * above).sum(), (w * below).sum(), (w * (y - o)).sum()])


@wire_type("gbm.offset_task")
@dataclass(frozen=True)
class OffsetTask(RowsTask):
    """Gradient and curvature of the logistic likelihood at ``start + offset``: one Newton step of the intercept."""

    start: float

    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        w = np.where(np.isnan(rows.offset()), 0.0, rows.weights())
        keep = w > 0
        p = 1 / (1 + np.exp(-(self.start + rows.offset()[keep])))
        return np.array([(w[keep] * (rows.response()[keep] - p)).sum(), (w[keep] * p * (1 - p)).sum()])


def resolve_distribution(name: str, data: TrainingData) -> str:
    """AUTO by the type of the response."""
    if name != "AUTO":
        return name
    return {"Binomial": "bernoulli", "Multinomial": "multinomial"}.get(data.category, "gaussian")


def checkpoint_of(value: Any) -> Model | None:
    """A stored value as a GBM to go on from; None when it is none."""
    return value if isinstance(value, Model) and isinstance(value.state, GBMState) and value.algo == "gbm" else None


class Boosting:
    """One training."""

    def __init__(self, ctx: TrainContext, session: str) -> None:
        self.ctx, self.session = ctx, session
        p: GBMParametersV3 = ctx.params
        self.p = p
        name = resolve_distribution(p.distribution, ctx.data)
        p.distribution = name
        p.histogram_type = "QuantilesGlobal"
        p.categorical_encoding = "Enum" if p.categorical_encoding == "AUTO" else p.categorical_encoding
        self.distribution = Distribution(name, p.tweedie_power, p.quantile_alpha)
        self.k = ctx.data.n_classes if name == "multinomial" else 1
        self.earlier = checkpoint_of(ctx.node.dkv.get(str(p.checkpoint))) if p.checkpoint is not None else None
        self.init = self._start_scores() if self.earlier is None else self.earlier.state.init
        self.weighted = uses_weights(ctx.data.spec)
        self.metric = resolve_metric(p.stopping_metric, ctx.data.category)
        self.stops: list[float] = []
        self.trees: list[BinnedTree] = []
        #: Of the latest scoring: sums of the metrics of the training rows and of the validation rows.
        self.sums: tuple[Any, Any] = (None, None)

    def run(self) -> Trained:
        p, ctx = self.p, self.ctx
        ctx.update(0.0, "Binning")
        mapper = make_mapper(ctx.data, min(max(p.nbins, p.nbins_top_level), 254), p.nbins_cats, ctx.seed)
        setup = SetUp(ctx.data.spec, mapper, self.distribution, self.init, self.weighted, session=self.session)
        counted, chunk_rows, self.max_weight, largest = ctx.data.do_all(setup, cancelled=ctx.cancelled).value
        if counted == 0:
            raise ValueError("No row is left to train on: every row misses its response or has weight 0.")
        self.n_rows, self.chunk_rows = int(counted), int(chunk_rows)
        self.narrow = not self.weighted and self.n_rows <= _NARROW_ROWS
        settings = GrowSettings(
            p.max_depth, p.min_rows, p.min_split_improvement, p.col_sample_rate, p.col_sample_rate_per_tree,
            p.col_sample_rate_change_per_level, p.max_abs_leafnode_pred, ctx.seed,
            column_groups(p.interaction_constraints, ctx.data.names), self.k, self.weighted, self.narrow,
        )  # fmt: skip
        self.mapper, self.settings, self.unbinning = mapper, settings, Unbinning(mapper)
        self.grower = Grower(mapper, settings)
        self.cloud = CloudSums(ctx, self.distribution, self.session, narrow=self.narrow)
        history = ScoringHistory(
            ctx.data.category, [("number_of_trees", "long", "Number of Trees")], with_validation=ctx.valid is not None
        )
        before = 0
        if self.earlier is None:
            self._score(history, 0)
        else:
            largest, before = self._resume(self.earlier)
            self._score(history, before)
        rate = p.learn_rate * p.learn_rate_annealing**before
        for number in range(before, p.ntrees):
            done = number + 1
            scores = done == p.ntrees or scores_at(p, done, ctx.data.n_rows * p.ntrees * self.k, _CHEAP)
            largest, sums = self._iteration(number, rate, largest, scores=scores)
            rate *= p.learn_rate_annealing
            ctx.update(done / p.ntrees, f"Tree {done} of {p.ntrees}")
            last = done == p.ntrees or ctx.out_of_time()
            if last or scores:
                self._score(history, done, sums)
                if should_stop(self.stops, p.stopping_rounds, p.stopping_tolerance, higher=more_is_better(self.metric)):
                    break
            if last:
                break
        return self._finish(history)

    def _resume(self, model: Model) -> tuple[float, int]:
        """Add the trees of a checkpoint to the scores; the largest gradient, and how many iterations it has."""
        forest: Forest = model.state.forest
        task = ResumePass(self.ctx.data.spec, self.distribution, forest, session=self.session)
        largest = float(self.ctx.data.do_all(task, cancelled=self.ctx.cancelled).value)
        if self.ctx.valid is not None:
            valid = self.ctx.valid
            valid.do_all(ValidationUpdate(valid.spec, forest, self.init, session=self.session + "v"))
        return largest, forest.n_trees // self.k

    def _start_scores(self) -> NDArray[np.float64]:
        if self.k > 1:
            return np.zeros(self.k)
        if self.distribution.name in ROBUST:
            return np.array([start_score(self.ctx.data, self.distribution)])
        p = self.distribution.tweedie_power
        powers = {"gamma": (-1.0, 0.0), "tweedie": (1.0 - p, 2.0 - p)}.get(self.distribution.name, (0.0, 1.0))
        weight, total, exp_offset, centred = self.ctx.data.do_all(ResponseTask(self.ctx.data.spec, powers)).value
        if weight == 0:
            return np.zeros(1)
        name = self.distribution.name
        if name == "gaussian":
            return np.array([centred / weight])
        if name == "bernoulli":
            start = self.distribution.link(total / weight)
            return np.array([self._with_offset(start) if self.ctx.data.spec.offset >= 0 else start])
        return np.array([self.distribution.link(total / exp_offset)])

    def _with_offset(self, start: float) -> float:
        """The intercept that fits beside the offset, by Newton's method."""
        for _ in range(20):
            gradient, curve = self.ctx.data.do_all(OffsetTask(self.ctx.data.spec, start)).value
            step = gradient / max(curve, 1e-12)
            start += step
            if abs(step) < 1e-9:
                break
        return start

    def _iteration(self, number: int, rate: float, largest: float, *, scores: bool) -> tuple[float, Any]:
        """The trees of one iteration, added to the scores; the largest gradient of the next, and the sums of metrics."""
        data = self.ctx.data
        if self.distribution.name == "huber":
            delta = huber_delta(data, self.session, self.p.huber_alpha)
            self.distribution = self.cloud.distribution = replace(self.distribution, delta=max(delta, 1e-300))
            largest = self.distribution.delta
        starts = tuple(self._start_of(number, which, largest) for which in range(self.k))
        metrics = self._metrics_task(data, RowSpec(())) if scores else None
        if data.frame.n_chunks == 1:
            task = IterationPass(
                data.spec, self.mapper, self.settings, self.distribution, starts, rate, metrics, session=self.session
            )
            trees, bound, sums = data.do_all(task, cancelled=self.ctx.cancelled).value
        else:
            trees, bound, sums = grow_iteration(self.grower, self.cloud, starts, rate, metrics, self._following(number + 1))
        self.trees += trees
        if self.ctx.valid is not None:
            valid, forest = self.ctx.valid, self.unbinning.forest(trees)
            valid.do_all(ValidationUpdate(valid.spec, forest, self.init, session=self.session + "v"))
        return bound, sums

    def _following(self, number: int) -> Grow | None:
        """The start of an iteration to come where it does not hang on the scores: probabilities have gradients up to 1."""
        bounded = self.distribution.name in ("bernoulli", "multinomial")
        return self._start_of(number, 0, 1.0) if bounded and number < self.p.ntrees else None

    def _start_of(self, number: int, which: int, largest: float) -> Grow:
        """Scales that use the integers' width without overflow: 2^39 when packed, 2^61 in all with weights."""
        p = self.p
        # Where the scores meet the response, as they do for a constant one, all gradients are 0.
        largest, heaviest = (max(float(v), _SMALLEST) for v in (largest, self.max_weight))
        most = max(largest * heaviest, _SMALLEST)
        stream = number * self.k + which
        if not self.weighted:
            rows = self.n_rows if self.narrow else self.chunk_rows
            scale = _power_below(2.0**_HISTOGRAM_BITS / (rows + 1) / largest)
            return Grow(which, stream, p.sample_rate, self.ctx.seed, scale, 1.0)
        weight_scale = min(_power_below(2.0**61 / (self.n_rows + 1) / heaviest), _power_below(2.0**40 / heaviest))
        scale = min(_power_below(2.0**61 / (self.n_rows + 1) / most), _power_below(2.0**40 / most))
        return Grow(which, stream, p.sample_rate, self.ctx.seed, scale, weight_scale)

    def _score(self, history: ScoringHistory, done: int, sums: Any = None) -> None:
        """Score the training rows (``sums``: what is summed up already) and the validation rows."""
        task = self._metrics_task(self.ctx.data, self.ctx.data.spec, self.session)
        if sums is None:
            sums = self.ctx.data.do_all(task, cancelled=self.ctx.cancelled).value
        valid_sums = None
        if self.ctx.valid is not None:
            if done == 0:
                self.ctx.valid.do_all(ValidationUpdate(self.ctx.valid.spec, Forest.of([]), self.init, session=self.session + "v"))
            task = self._metrics_task(self.ctx.valid, self.ctx.valid.spec, self.session + "v")
            valid_sums = self.ctx.valid.do_all(task, cancelled=self.ctx.cancelled).value
        self.sums = sums, valid_sums
        train, valid = self._metrics_of(sums, brief=True), self._metrics_of(valid_sums, brief=True)
        history.add([done], train, valid)
        watched = valid if valid is not None else train
        if watched is not None:
            self.stops.append(stopping_value(watched, self.metric))

    def _metrics_task(self, data: TrainingData, spec: RowSpec, session: str = "") -> MetricsTask:
        category = self.ctx.data.category
        deviance = self.distribution if category == "Regression" else None
        exact = exact_for(data.n_rows)
        return MetricsTask(
            spec, SessionScores(self.distribution), category, data.n_classes, deviance, math.nan, exact, self.p.auc_type,
            session=session,
        )  # fmt: skip

    def _metrics_of(self, sums: Any, *, brief: bool = False) -> ModelMetrics | None:
        if sums is None:
            return None
        data = self.ctx.data
        return make_metrics(data.category, sums, tuple(data.domain or ()), self.p.gainslift_bins, self.p.auc_type, brief=brief)

    def _finish(self, history: ScoringHistory) -> Trained:
        forest, importance = self.unbinning.forest(self.trees), np.zeros(len(self.ctx.data.names))
        if self.earlier is not None:
            forest = self.earlier.state.forest.followed_by(forest)
            table = self.earlier.output.extra["variable_importances"]
            found = dict(zip(table.column("variable"), table.column("relative_importance"), strict=True))
            importance += np.array([found[n] for n in self.ctx.data.names])
        add_gains(self.trees, importance)
        self.p.ntrees = forest.n_trees // self.k
        state = GBMState(forest, self.distribution, self.init)
        category = self.ctx.data.category
        extra = {
            "variable_importances": variable_importances(self.ctx.data.names, importance.tolist()),
            "init_f": float(self.init[0]),
        }
        return Trained(
            state,
            summary(self.p.ntrees, forest.nbytes, *forest.statistics()),
            history.table(),
            extra,
            self.distribution if category == "Regression" else None,
            training_metrics=self._metrics_of(self.sums[0]),
            validation_metrics=self._metrics_of(self.sums[1]),
        )


def _power_below(x: float) -> float:
    """The largest power of two not above ``x``: scaling by it rounds nothing."""
    return 2.0 ** math.floor(math.log2(x))

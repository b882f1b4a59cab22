"""DRF: checks, the loop over trees, out-of-bag metrics, early stopping, and the finished model."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from h2ok.ext.algos.binned_trees import BinnedTree, Unbinning
from h2ok.ext.algos.drf.continuing import Restore, check_checkpoint
from h2ok.ext.algos.drf.grower import BinnedRows, ForestSettings, GrownTree, gather, grow_trees
from h2ok.ext.algos.drf.params import DISTRIBUTIONS, DRFParametersV3
from h2ok.ext.algos.drf.state import DRFState, SessionMean, TrainingPart, ValidationUpdate, mean_of_trees
from h2ok.ext.algos.gbm.binning import make_mapper
from h2ok.ext.algos.gbm.forest import Forest
from h2ok.ext.algos.trees import check_binning, scores_at, summary
from h2ok.ext.models import ModelBuilder, ModelMetrics, TrainContext, Trained, TrainingData, Validation
from h2ok.ext.models.encoding import EXPLICIT
from h2ok.ext.models.history import ScoringHistory
from h2ok.ext.models.metrics.task import MetricsTask, compute_metrics, exact_for, make_metrics
from h2ok.ext.models.stopping import more_is_better, resolve_metric, should_stop, stopping_value
from h2ok.ext.models.tables import variable_importances
from h2ok.kernel import random_key
from numpy.typing import NDArray

__all__ = ["DRF"]

#: Rows times trees up to which every tree is scored when nothing else is asked for.
_CHEAP = 2_000_000
_OUT_OF_BAG = "Metrics reported on Out-Of-Bag training samples"


class DRF(ModelBuilder):
    """A forest of trees on random rows and columns."""

    algo = "drf"
    full_name = "Distributed Random Forest"
    schema = "DRF"
    parameters = DRFParametersV3
    encodings = ("Enum", *EXPLICIT)

    def validate(self, v: Validation, data: TrainingData | None) -> None:
        p = self.params
        assert isinstance(p, DRFParametersV3)
        check_binning(v, p)
        if p.distribution not in ("AUTO", *DISTRIBUTIONS):
            v.error(
                "distribution", f"distribution {p.distribution} does not exist for forests: AUTO, {', '.join(DISTRIBUTIONS)} do."
            )
        if data is not None:
            self._check_data(v, data, p)

    def _check_data(self, v: Validation, data: TrainingData, p: DRFParametersV3) -> None:
        response, n_cols = str(data.columns.response), len(data.names)
        fitting = {"Binomial": ("bernoulli", "multinomial"), "Multinomial": ("multinomial",)}.get(data.category, ("gaussian",))
        if p.distribution in DISTRIBUTIONS and p.distribution not in fitting:
            kind = f"{data.n_classes} levels" if data.domain is not None else "numbers"
            v.error("distribution", f"{p.distribution} does not go with '{response}', which has {kind}. Use AUTO.")
        if p.checkpoint is not None:
            check_checkpoint(v, self.node.dkv.get(p.checkpoint), p, data)
        if p.mtries > n_cols:
            v.error("mtries", f"Computed mtries should be in interval <1,{n_cols}> but it is {p.mtries}")
        if p.binomial_double_trees and data.category != "Binomial":
            v.error("binomial_double_trees", f"binomial_double_trees needs a response with 2 classes; '{response}' has others.")
        rates = p.sample_rate_per_class
        if rates and (len(rates) != data.n_classes or data.domain is None or not all(0 < r <= 1 for r in rates)):
            v.error(
                "sample_rate_per_class",
                f"sample_rate_per_class must be a number in (0, 1] for each of the {data.n_classes} classes; got {rates}.",
            )
        stats = self.node.rollups(data.frame.vec(response))
        if p.check_constant_response and stats.n_known > 0 and stats.min == stats.max:
            v.error("response", "Response cannot be constant. Choose another column, or set check_constant_response to false.")
        if data.frame.n_rows < 2 * p.min_rows and data.columns.weights is None:
            v.error(
                "min_rows",
                f"The dataset size is too small to split for min_rows={p.min_rows}: must have at least "
                f"{2 * p.min_rows:g} (weighted) rows, but have only {data.frame.n_rows}.",
            )

    def after_folds(self, params: Any, trained: list[Trained]) -> None:
        """With early stopping, the main model grows as many trees as the folds did on average."""
        if params.stopping_rounds > 0 and trained:
            params.ntrees = max(1, round(sum(t.state.rounds for t in trained) / len(trained)))
            params.stopping_rounds = 0

    def build(self, ctx: TrainContext) -> Trained:
        session = random_key("drf")
        try:
            return _Planting(ctx, session).run()
        finally:
            ctx.node.tasks.free_state(session)


@dataclass(slots=True)
class _Local:
    """Rows that are here already, as MetricsTask asks for them; ``predictions`` stands for the model too."""

    y: NDArray[np.float64]
    w: NDArray[np.float64]
    predictions: NDArray[np.float64]

    def weights(self) -> NDArray[np.float64]:
        return self.w

    def response(self) -> NDArray[np.float64]:
        return self.y

    def predict(self, _rows: Any) -> NDArray[np.float64]:
        return self.predictions


def _unknown_metrics(data: TrainingData) -> ModelMetrics:
    """Metrics of no row: numbers NaN, tables left out, as H2O's."""
    names = {
        "Regression": ("r2", "mean_residual_deviance", "mae", "rmsle", "loglikelihood", "AIC"),
        "Binomial": ("r2", "logloss", "loglikelihood", "AIC", "AUC", "pr_auc", "Gini", "mean_per_class_error"),
        "Multinomial": ("r2", "logloss", "loglikelihood", "AIC", "mean_per_class_error", "AUC", "pr_auc"),
    }[data.category]
    tables = {
        "Regression": (),
        "Binomial": ("cm", "thresholds_and_metric_scores", "max_criteria_and_metric_scores", "gains_lift_table"),
        "Multinomial": ("cm", "hit_ratio_table", "multinomial_auc_table", "multinomial_aucpr_table"),
    }[data.category]
    fields: dict[str, Any] = {**dict.fromkeys(names, math.nan), **dict.fromkeys(tables)}
    if data.category == "Binomial":
        fields["domain"] = list(data.domain or ())
    return ModelMetrics(f"ModelMetrics{data.category}", data.category, math.nan, 0, fields)


class _Planting:
    """One training."""

    def __init__(self, ctx: TrainContext, session: str) -> None:
        self.ctx, self.session = ctx, session
        p: DRFParametersV3 = ctx.params
        self.p = p
        data = ctx.data
        if p.distribution == "AUTO":
            # H2O: two classes are two of several.
            p.distribution = "gaussian" if data.category == "Regression" else "multinomial"
        p.histogram_type = "QuantilesGlobal"
        p.categorical_encoding = "Enum" if p.categorical_encoding == "AUTO" else p.categorical_encoding
        self.n_classes = data.n_classes
        single = data.category == "Regression" or (data.category == "Binomial" and not p.binomial_double_trees)
        self.k = 1 if single else self.n_classes
        self.metric = resolve_metric(p.stopping_metric, data.category)
        self.stops: list[float] = [math.nan]
        self.trees: list[BinnedTree] = []
        self.before: DRFState | None = None
        self.importance = np.zeros(len(data.names))

    def run(self) -> Trained:
        p, ctx = self.p, self.ctx
        ctx.update(0.0, "Binning")
        mapper = make_mapper(ctx.data, min(max(p.nbins, p.nbins_top_level), 254), p.nbins_cats, ctx.seed)
        self.unbinning = Unbinning(mapper)
        self.rows = gather(ctx.data, mapper, ctx.cancelled)
        self.sums, self.counts = np.zeros((len(self.rows.y), self.k)), np.zeros(len(self.rows.y))
        history = ScoringHistory(
            ctx.data.category, [("number_of_trees", "long", "Number of Trees")], with_validation=ctx.valid is not None
        )
        done = self._resume(history)
        rounds = range(done, p.ntrees)
        grown = grow_trees(self.rows, mapper, self._settings(), rounds, self.k, self.n_classes, ctx.node.tasks.nthreads)
        with closing(grown):  # type: ignore[type-var]
            for trees in grown:
                done += 1
                self._add(trees)
                ctx.update(done / p.ntrees, f"Tree {done} of {p.ntrees}")
                last = done == p.ntrees or ctx.out_of_time()
                if last or self._scores_at(done):
                    self._score(history, done)
                    if should_stop(self.stops, p.stopping_rounds, p.stopping_tolerance, higher=more_is_better(self.metric)):
                        break
                if last:
                    break
        return self._finish(done, history)

    def _resume(self, history: ScoringHistory) -> int:
        """Take over the trees of a checkpoint; rounds done so far."""
        held = self.ctx.node.dkv.get(self.p.checkpoint) if self.p.checkpoint is not None else None
        if held is None:
            history.add([0], None, None)
            return 0
        state: DRFState = held.state
        self.before = state
        rates = self._settings().sample_rates
        task = Restore(self.ctx.data.spec, state, rates, self.ctx.data.key)
        parts = sorted(self.ctx.data.do_all(task, cancelled=self.ctx.cancelled).value, key=lambda part: int(part[0]))
        self.sums, self.counts = np.concatenate([p[1] for p in parts]), np.concatenate([p[2] for p in parts])
        table = held.output.extra["variable_importances"]
        known = dict(zip(table.column("variable"), table.column("relative_importance"), strict=True))
        self.importance += np.array([known[n] for n in self.ctx.data.names])
        self._update_validation(state.forest)
        self._score(history, state.rounds)
        return state.rounds

    def _update_validation(self, forest: Forest) -> None:
        valid = self.ctx.valid
        if valid is not None:
            valid.do_all(ValidationUpdate(valid.spec, forest, self.k, session=self.session))

    def _settings(self) -> ForestSettings:
        p, n = self.p, len(self.ctx.data.names)
        tries = p.mtries
        if tries == -1:
            tries = max(1, n // 3 if self.ctx.data.category == "Regression" else int(math.sqrt(n)))
        elif tries == -2:
            tries = n
        depth = p.max_depth if p.max_depth > 0 else 2**31 - 1
        rates = np.array(p.sample_rate_per_class or [p.sample_rate], dtype=np.float64)
        return ForestSettings(
            depth, float(p.min_rows), p.min_split_improvement, tries, p.col_sample_rate_change_per_level,
            p.col_sample_rate_per_tree, rates, self.ctx.seed,
        )  # fmt: skip

    def _add(self, trees: list[GrownTree]) -> None:
        for grown in trees:
            self.sums[grown.out_rows, grown.tree.which] += grown.out_values
            self.importance += grown.importance
        self.counts[trees[0].out_rows] += 1
        new = [grown.tree for grown in trees]
        self.trees += new
        if self.ctx.valid is not None:
            self._update_validation(self.unbinning.forest(new))

    def _scores_at(self, done: int) -> bool:
        p = self.p
        if self.ctx.is_fold and not (p.score_each_iteration or p.score_tree_interval > 0 or p.stopping_rounds > 0):
            return False
        return scores_at(p, done, self.ctx.data.n_rows * p.ntrees * self.k, _CHEAP)

    def _score(self, history: ScoringHistory, done: int) -> None:
        train = self._out_of_bag_metrics(brief=True)
        valid = self._validation_metrics(done)
        history.add([done], train, valid)
        watched = valid if valid is not None else train
        if watched is not None:
            self.stops.append(stopping_value(watched, self.metric))

    def _task(self, data: TrainingData, predictor: Any, session: str = "") -> MetricsTask:
        category = self.ctx.data.category
        return MetricsTask(
            data.spec, predictor, category, self.n_classes, None, math.nan, exact_for(data.n_rows), self.p.auc_type, session=session
        )

    def _out_of_bag_metrics(self, *, brief: bool = False) -> ModelMetrics | None:
        """Metrics of the rows that were left out by at least one tree, each predicted by those trees; see ``make_metrics``."""
        seen = self.counts > 0
        if not seen.any():
            return replace(_unknown_metrics(self.ctx.data), description=_OUT_OF_BAG)
        rows: BinnedRows = self.rows
        local = _Local(rows.y[seen], rows.w[seen], mean_of_trees(self.sums[seen], self.counts[seen], self.n_classes))
        sums = self._task(self.ctx.data, local).map_rows(local)  # type: ignore[arg-type]
        if sums is None:
            return None
        domain, groups = self.ctx.data.domain or (), self.p.gainslift_bins
        metrics = make_metrics(self.ctx.data.category, sums, domain, groups, self.p.auc_type, brief=brief)
        return replace(metrics, description=_OUT_OF_BAG)

    def _validation_metrics(self, done: int) -> ModelMetrics | None:
        valid = self.ctx.valid
        if valid is None:
            return None
        task = self._task(valid, SessionMean(done, self.n_classes), self.session)
        return compute_metrics(
            valid.node, valid.frame, task, self.ctx.data.domain, gainslift_bins=self.p.gainslift_bins, cancelled=self.ctx.cancelled
        )[0]

    def _finish(self, done: int, history: ScoringHistory) -> Trained:
        self.p.ntrees = done
        forest = self.unbinning.forest(self.trees)
        parts: tuple[TrainingPart, ...] = (TrainingPart(self.ctx.seed, len(self.trees) // self.k, self.ctx.data.key),)
        if self.before is not None:
            forest, parts = self.before.forest.followed_by(forest), (*self.before.parts, *parts)
        if not (self.counts > 0).any():
            self.ctx.warn("No row was left out of a tree (sample_rate is 1), so that there are no training metrics.")
        extra = {
            "variable_importances": variable_importances(self.ctx.data.names, self.importance.tolist()),
            "init_f": 0.0,
        }
        return Trained(
            DRFState(forest, done, self.k, self.n_classes, parts),
            summary(forest.n_trees // self.k, forest.nbytes, *forest.statistics()),
            history.table(),
            extra,
            training_metrics=self._out_of_bag_metrics(),
            validation_metrics=history.validation[-1],
        )

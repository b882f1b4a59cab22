"""Boosting: the loop over iterations of one training, its scoring, and the finished model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models import Distribution, ModelMetrics, TrainContext, Trained
from h2ok.ext.models.history import ScoringHistory
from h2ok.ext.models.stopping import more_is_better, resolve_metric, should_stop, stopping_value
from h2ok.ext.xgboost.expansion import Expansion
from h2ok.ext.xgboost.importance import importance_tables
from h2ok.ext.xgboost.matrix import Matrix, collect, is_sparse
from h2ok.ext.xgboost.native_parameters import n_threads, native_parameters, native_table
from h2ok.ext.xgboost.params import XGBoostParametersV3
from h2ok.ext.xgboost.scoring import matrix_metrics
from h2ok.ext.xgboost.state import XGBoostState, probabilities

__all__ = ["Boosting"]

#: Rows times trees up to which every tree is scored when nothing else is asked for.
_CHEAP = 2_000_000


class Boosting:
    """One training. ``before``: what to continue from."""

    def __init__(self, ctx: TrainContext, before: XGBoostState | None) -> None:
        self.ctx, self.before = ctx, before
        p: XGBoostParametersV3 = ctx.params
        self.p = p
        sparse = before.expansion.sparse if before is not None else is_sparse(p.dmatrix_type, ctx.data)
        p.dmatrix_type = "sparse" if sparse else "dense"
        self.expansion = Expansion.of(ctx.data.spec, sparse=sparse)
        self.native = native_parameters(p, ctx, self.expansion)
        self.k = ctx.data.n_classes if p.distribution == "multinomial" else 1
        self.metric = resolve_metric(p.stopping_metric, ctx.data.category)
        deviance = Distribution(p.distribution, p.tweedie_power)
        self.deviance = deviance if ctx.data.category == "Regression" else None
        self.stops: list[float] = []
        self.custom: list[tuple[float, float]] = []
        self.history = ScoringHistory(
            ctx.data.category, [("number_of_trees", "long", "Number of Trees")], with_validation=ctx.valid is not None
        )

    def run(self) -> Trained:
        """Train until ntrees, early stopping, or the end of the time; a cancel raises.

        Raises
        ------
        ValueError
            There is no row to train on, or the library refuses the parameters or data.
        """
        from xgboost.core import XGBoostError

        try:
            return self._run()
        except XGBoostError as e:
            said = str(e).partition("\nStack trace")[0].strip()
            raise ValueError(f"The xgboost library refuses to train: {said}. Check the parameters it names.") from e

    def _run(self) -> Trained:
        p, ctx = self.p, self.ctx
        ctx.update(0.0, "Collecting the rows")
        self.train, self.valid = self._matrices()
        self.booster = self._start()
        first = self.before.rounds if self.before is not None else 0
        self._score(first, last=False)
        rounds = first
        for number in range(first, p.ntrees):
            self.booster.update(self.train.data, number)
            rounds = number + 1
            ctx.update(rounds / p.ntrees, f"Tree {rounds} of {p.ntrees}")
            last = rounds == p.ntrees or ctx.out_of_time()
            if last or self._scores_at(rounds):
                self._score(rounds, last=last)
                if should_stop(self.stops, p.stopping_rounds, p.stopping_tolerance, higher=more_is_better(self.metric)):
                    break
            if last:
                break
        return self._finish(rounds)

    def _matrices(self) -> tuple[Matrix, Matrix | None]:
        p, ctx = self.p, self.ctx
        threads = n_threads(p, ctx)
        binned = p.booster != "gblinear" and p.tree_method == "hist"
        train = collect(ctx.data, self.expansion, nthread=threads, max_bins=p.max_bins if binned else 0, cancelled=ctx.cancelled)
        if train is None:
            raise ValueError("No row is left to train on: every row misses its response or has weight 0.")
        valid = None
        if ctx.valid is not None:
            valid = collect(ctx.valid, self.expansion, nthread=threads, cancelled=ctx.cancelled)
        return train, valid

    def _start(self) -> Any:
        import xgboost

        cached = [m.data for m in (self.train, self.valid) if m is not None]
        if self.before is None:
            return xgboost.Booster(self.native, cached)
        booster = xgboost.Booster(self.native, cached, model_file=bytearray(self.before.raw.tobytes()))
        booster.set_param(self.native)
        return booster

    def _scores_at(self, done: int) -> bool:
        p = self.p
        if p.score_each_iteration:
            return True
        if p.score_tree_interval > 0:
            return done % p.score_tree_interval == 0
        return p.stopping_rounds > 0 or self.train.n_rows * p.ntrees * self.k <= _CHEAP

    def _score(self, done: int, *, last: bool) -> None:
        if self.p.eval_metric:
            self.custom.append((self._library_metric(self.train), self._library_metric(self.valid)))
        full = last or not self.p.score_eval_metric_only
        train = self._metrics(self.train) if full else None
        valid = self._metrics(self.valid) if full else None
        self.history.add([done], train, valid)
        watched = valid if valid is not None else train
        if watched is not None:
            self.stops.append(stopping_value(watched, self.metric))

    def _metrics(self, matrix: Matrix | None) -> ModelMetrics | None:
        if matrix is None:
            return None
        # The library keeps the scores of both matrices, so that only new trees are walked through here.
        p = probabilities(self.booster.predict(matrix.data, validate_features=False), self.p.distribution)
        data = self.ctx.data
        return matrix_metrics(matrix, p, data.category, data.domain, self.deviance, self.p.gainslift_bins, self.p.auc_type)

    def _library_metric(self, matrix: Matrix | None) -> float:
        if matrix is None:
            return math.nan
        found = self.booster.eval(matrix.data, "eval")
        return float(found.rpartition(":")[2])

    def _finish(self, rounds: int) -> Trained:
        p, ctx = self.p, self.ctx
        p.ntrees = rounds
        raw = np.frombuffer(bytes(self.booster.save_raw("ubj")), dtype=np.uint8)
        state = XGBoostState(raw, self.expansion, p.distribution, p.booster, rounds, ctx.data.spec.offset >= 0, ctx.data.n_classes)
        tables = importance_tables(self.booster, self.expansion.names) if p.booster != "gblinear" else {}
        extra = {
            "variable_importances": tables.get("total_gain"),
            "variable_importances_cover": tables.get("total_cover"),
            "variable_importances_frequency": tables.get("weight"),
            "native_parameters": native_table(self.native, rounds),
            "sparse": self.expansion.sparse,
        }
        summary = TwoDimTable.of_rows(
            "Model Summary", "", [Column("", "string"), Column("number_of_trees", "long", "%d", "Number of Trees")], [["", rounds]]
        )
        return Trained(
            state,
            summary,
            self._history_table(),
            extra,
            self.deviance,
            # Dropped trees are summed up in another order when a model predicts: the framework computes these metrics itself.
            training_metrics=None if p.booster == "dart" else self.history.training[-1],
            validation_metrics=None if p.booster == "dart" else self.history.validation[-1],
        )

    def _history_table(self) -> TwoDimTable:
        table = self.history.table()
        if not self.custom:
            return table
        added = [(Column("training_custom", "double", "%.5f", "Training Custom"), [t for t, _ in self.custom])]
        if self.valid is not None:
            added.append((Column("validation_custom", "double", "%.5f", "Validation Custom"), [v for _, v in self.custom]))
        columns = (*table.columns, *(c for c, _ in added))
        return TwoDimTable(table.name, table.description, columns, [*table.data, *(cells for _, cells in added)])

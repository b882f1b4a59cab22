"""GBM: what its parameters and the data must be, and how a training begins."""

from __future__ import annotations

from typing import Any

from h2ok.ext.algos.gbm.boosting import Boosting, checkpoint_of, resolve_distribution
from h2ok.ext.algos.gbm.interactions import column_groups
from h2ok.ext.algos.gbm.params import DISTRIBUTIONS, GBMParametersV3
from h2ok.ext.algos.trees import check_binning, check_kept
from h2ok.ext.models import (
    ModelBuilder,
    TrainContext,
    Trained,
    TrainingData,
    Validation,
)
from h2ok.ext.models.encoding import EXPLICIT
from h2ok.kernel import random_key

__all__ = ["GBM"]


class GBM(ModelBuilder):
    """Gradient boosting of regression trees on binned columns."""

    algo = "gbm"
    full_name = "Gradient Boosting Machine"
    schema = "GBM"
    parameters = GBMParametersV3
    encodings = ("Enum", *EXPLICIT)

    def validate(self, v: Validation, data: TrainingData | None) -> None:
        p = self.params
        assert isinstance(p, GBMParametersV3)
        if p.distribution not in ("AUTO", *DISTRIBUTIONS):
            v.error(
                "distribution", f"distribution {p.distribution} is not built into h2ok yet. Built are: {', '.join(DISTRIBUTIONS)}."
            )
        check_binning(v, p)
        if data is not None and p.checkpoint is not None:
            self._check_checkpoint(v, data, p)
        if data is not None:
            try:
                column_groups(p.interaction_constraints, data.names)
            except ValueError as e:
                v.error("interaction_constraints", str(e))
        if data is not None and p.distribution in ("AUTO", *DISTRIBUTIONS):
            self._check_response(v, data, p)

    def _check_checkpoint(self, v: Validation, data: TrainingData, p: GBMParametersV3) -> None:
        model = checkpoint_of(self.node.dkv.get(str(p.checkpoint)))
        if model is None:
            v.error("checkpoint", f"checkpoint '{p.checkpoint}' is no GBM.")
            return
        state, columns = model.state, model.output.columns
        if state.distribution.name != resolve_distribution(p.distribution, data):
            v.error("checkpoint", f"The checkpoint was trained with distribution {state.distribution.name}; keep it.")
        if (columns.names, columns.domains, columns.response_domain) != (data.names, data.columns.domains, data.domain):
            v.error("checkpoint", "The checkpoint was trained on other columns or levels; train on the same ones.")
        check_kept(v, p, model.parameters)
        before = state.forest.n_trees // len(state.init)
        if p.ntrees <= before:
            v.error("ntrees", f"If checkpoint is specified then requested ntrees must be higher than {before}.")
        if p.value("nfolds") or p.value("fold_column"):
            v.error("checkpoint", "Cross-validation does not go on from a checkpoint. Set nfolds to 0.")

    def _check_response(self, v: Validation, data: TrainingData, p: GBMParametersV3) -> None:
        name = resolve_distribution(p.distribution, data)
        response = data.columns.response
        stats = self.node.rollups(data.frame.vec(str(response)))
        if name == "bernoulli" and data.category != "Binomial":
            v.error("distribution", f"bernoulli needs a response with 2 classes; '{response}' has {_kind(data)}.")
        elif name == "multinomial" and data.domain is None:
            v.error("distribution", f"multinomial needs a categorical response; '{response}' is numeric.")
        elif name not in ("bernoulli", "multinomial") and data.domain is not None:
            v.error("distribution", f"{name} needs a numeric response; '{response}' is categorical.")
        elif name in ("poisson", "tweedie") and stats.min < 0:
            v.error(
                "response_column", f"{name} needs a response of at least 0; the smallest value of '{response}' is {stats.min:g}."
            )
        elif name == "gamma" and stats.min <= 0:
            v.error(
                "response_column", f"gamma needs a response greater than 0; the smallest value of '{response}' is {stats.min:g}."
            )
        if p.check_constant_response and stats.n_known > 0 and stats.min == stats.max:
            v.error("response", "Response cannot be constant. Choose another column, or set check_constant_response to false.")
        if name == "multinomial" and data.columns.offset is not None:
            v.error("offset_column", "An offset is not available for several classes.")
        if data.frame.n_rows < 2 * p.min_rows and data.columns.weights is None:
            v.error(
                "min_rows",
                f"The dataset size is too small to split for min_rows={p.min_rows}: must have at least "
                f"{2 * p.min_rows:g} (weighted) rows, but have only {data.frame.n_rows}.",
            )

    def after_folds(self, params: Any, trained: list[Trained]) -> None:
        """With early stopping, the main model grows as many trees as the folds did on average."""
        if params.stopping_rounds > 0 and trained:
            params.ntrees = max(1, round(sum(_n_iterations(t) for t in trained) / len(trained)))
            params.stopping_rounds = 0

    def build(self, ctx: TrainContext) -> Trained:
        session = random_key("gbm")
        try:
            return Boosting(ctx, session).run()
        finally:
            ctx.node.tasks.free_state(session)
            ctx.node.tasks.free_state(session + "v")


def _kind(data: TrainingData) -> str:
    return f"{data.n_classes} levels" if data.domain is not None else "numbers"


def _n_iterations(t: Trained) -> int:
    table = t.model_summary
    return int(table.column("number_of_trees")[0]) if table is not None else 0

"""XGBoost: checks of the parameters; the training itself is in ``training``."""

from __future__ import annotations

from typing import Any

from h2ok.ext.models import Model, ModelBuilder, TrainContext, Trained, TrainingData, Validation
from h2ok.ext.models.encoding import EXPLICIT
from h2ok.ext.xgboost.params import ALIASES, DISTRIBUTIONS, XGBoostParametersV3, constraint_pairs
from h2ok.ext.xgboost.state import XGBoostState
from h2ok.ext.xgboost.training import Boosting

__all__ = ["XGBoost", "resolve_distribution"]


class XGBoost(ModelBuilder):
    """Gradient boosting by the xgboost library."""

    algo = "xgboost"
    full_name = "XGBoost"
    schema = "XGBoost"
    parameters = XGBoostParametersV3
    cats_first = True
    encodings = ("OneHotInternal", *(e for e in EXPLICIT if e != "Eigen"))

    def validate(self, v: Validation, data: TrainingData | None) -> None:
        p = self.params
        assert isinstance(p, XGBoostParametersV3)
        _join_aliases(v, p)
        if p.distribution not in ("AUTO", *DISTRIBUTIONS):
            v.error(
                "distribution", f"distribution {p.distribution} is not built for XGBoost. Use AUTO, {', '.join(DISTRIBUTIONS)}."
            )
        if p.backend == "gpu":
            v.error("backend", "There is no GPU backend in h2ok. Use auto or cpu.")
        if p.score_eval_metric_only and not p.eval_metric:
            v.error("score_eval_metric_only", "score_eval_metric_only needs eval_metric, the metric to report.")
        if p.score_eval_metric_only and p.stopping_rounds > 0:
            v.error("score_eval_metric_only", "Early stopping needs the other metrics too. Leave score_eval_metric_only at false.")
        _check_trees(v, p)
        if data is not None:
            self._check_data(v, data, p)

    def _check_data(self, v: Validation, data: TrainingData, p: XGBoostParametersV3) -> None:
        _check_constraints(v, data, p)
        if p.distribution in ("AUTO", *DISTRIBUTIONS):
            self._check_response(v, data, p)
        if p.nthread > self.node.config.nthreads:
            v.warn(
                "nthread", f"nthread={p.nthread} is more than the {self.node.config.nthreads} threads of the node, which are used."
            )
        if p.checkpoint is not None:
            self._check_checkpoint(v, data, p)

    def _check_response(self, v: Validation, data: TrainingData, p: XGBoostParametersV3) -> None:
        name, response = resolve_distribution(p.distribution, data), data.columns.response
        low = f"the smallest value of '{response}' is"
        stats = self.node.rollups(data.frame.vec(str(response)))
        if name == "bernoulli" and data.category != "Binomial":
            found = f"{data.n_classes} levels" if data.domain is not None else "numbers"
            v.error("distribution", f"bernoulli needs a response with 2 classes; '{response}' has {found}.")
        elif name == "multinomial" and data.domain is None:
            v.error("distribution", f"multinomial needs a categorical response; '{response}' is numeric.")
        elif name not in ("bernoulli", "multinomial") and data.domain is not None:
            v.error("distribution", f"{name} needs a numeric response; '{response}' is categorical.")
        elif name in ("poisson", "tweedie") and stats.min < 0:
            v.error("response_column", f"{name} needs a response of at least 0; {low} {stats.min:g}.")
        elif name == "gamma" and stats.min <= 0:
            v.error("response_column", f"gamma needs a response greater than 0; {low} {stats.min:g}.")
        if name == "multinomial" and data.columns.offset is not None:
            v.error("offset_column", "An offset is not available for several classes.")
        if p.scale_pos_weight != 1.0 and name != "bernoulli":
            v.error("scale_pos_weight", f"scale_pos_weight needs a response with 2 classes; the distribution is {name}.")

    def _check_checkpoint(self, v: Validation, data: TrainingData, p: XGBoostParametersV3) -> None:
        found = self.node.dkv.get(str(p.checkpoint))
        if not isinstance(found, Model) or not isinstance(found.state, XGBoostState):
            v.error("checkpoint", f"checkpoint '{p.checkpoint}' is no XGBoost model. Models: GET /3/Models.")
            return
        old = found.output.columns
        if (old.names, old.domains, old.response_domain) != (data.columns.names, data.columns.domains, data.domain):
            v.error("checkpoint", f"The columns or levels differ from those checkpoint '{p.checkpoint}' was trained with.")
        if p.ntrees <= found.state.rounds:
            v.error("ntrees", f"ntrees must be greater than the {found.state.rounds} of the checkpoint; got {p.ntrees}.")
        same = (p.booster, resolve_distribution(p.distribution, data), bool(data.columns.offset))
        if same != (found.state.booster, found.state.distribution, found.state.has_offset):
            v.error("checkpoint", "booster, distribution and offset must be those of the checkpoint.")

    def after_folds(self, params: Any, trained: list[Trained]) -> None:
        """With early stopping, the main model grows as many trees as the folds did on average."""
        if params.stopping_rounds > 0 and trained:
            params.ntrees = max(1, round(sum(t.state.rounds for t in trained) / len(trained)))
            params.stopping_rounds = 0

    def build(self, ctx: TrainContext) -> Trained:
        p: XGBoostParametersV3 = ctx.params
        p.distribution = resolve_distribution(p.distribution, ctx.data)
        p.categorical_encoding = "OneHotInternal" if p.categorical_encoding == "AUTO" else p.categorical_encoding
        p.backend = "cpu"
        if p.tree_method == "auto":
            p.tree_method = "hist"
        before = ctx.node.dkv.get(p.checkpoint) if p.checkpoint is not None else None
        return Boosting(ctx, before.state if isinstance(before, Model) else None).run()


def resolve_distribution(name: str, data: TrainingData) -> str:
    """AUTO by the type of the response."""
    if name != "AUTO":
        return name
    return {"Binomial": "bernoulli", "Multinomial": "multinomial"}.get(data.category, "gaussian")


def _join_aliases(v: Validation, p: XGBoostParametersV3) -> None:
    """Give both names of a parameter the value the user set by one of them."""
    for ours, theirs in ALIASES:
        declared = XGBoostParametersV3.by_wire_name(ours)
        default = declared.default if declared is not None else None
        a, b = getattr(p, ours), getattr(p, theirs)
        if b in (a, default):
            setattr(p, theirs, a)
        elif a == default:
            setattr(p, ours, b)
            v.warn(theirs, f"{theirs}={b} is taken for {ours} too: both are names of one parameter.")
        else:
            v.error(ours, f"{ours}={a} and its alias {theirs}={b} differ. Set one of them only.")


def _check_trees(v: Validation, p: XGBoostParametersV3) -> None:
    if p.grow_policy == "lossguide" and p.tree_method not in ("auto", "hist"):
        v.error("grow_policy", f"grow_policy lossguide needs tree_method hist; got {p.tree_method}.")
    if p.tree_method == "exact" and p.max_leaves > 0:
        v.error("max_leaves", "max_leaves needs tree_method hist or approx; got exact.")
    if p.tree_method == "exact" and p.max_depth == 0:
        v.error("max_depth", "tree_method exact needs a max_depth of at least 1; got 0.")
    if p.tree_method == "exact" and p.colsample_bynode < 1:
        v.error("colsample_bynode", "colsample_bynode below 1 needs tree_method hist or approx; got exact.")
    if p.booster != "dart" and (p.rate_drop > 0 or p.one_drop or p.skip_drop > 0):
        v.error("rate_drop", f"rate_drop, one_drop and skip_drop need booster dart; got {p.booster}.")
    if p.booster == "gblinear" and (p.monotone_constraints or p.interaction_constraints):
        v.error("booster", "Constraints need trees; booster gblinear has none.")


def _check_constraints(v: Validation, data: TrainingData, p: XGBoostParametersV3) -> None:
    domains = dict(zip(data.names, data.columns.domains, strict=True))
    try:
        pairs = constraint_pairs(p.monotone_constraints)
    except ValueError as e:
        v.error("monotone_constraints", str(e))
        pairs = []
    for column, direction in pairs:
        if data.source.find(column) < 0:
            v.error(
                "monotone_constraints",
                f"A constraint names column '{column}', which the training frame '{data.key}' does not have.",
            )
        elif column not in domains:
            v.warn("monotone_constraints", f"Column '{column}' is no predictor; its constraint has no effect.")
        elif domains[column] is not None:
            v.error("monotone_constraints", f"Column '{column}' is categorical; only a numeric column can have a direction.")
        if direction not in (-1.0, 0.0, 1.0):
            v.error("monotone_constraints", f"The direction of column '{column}' must be 1, -1 or 0; got {direction:g}.")
    if pairs:
        p.monotone_constraints = [{"key": c, "value": d} for c, d in pairs]
    for column in (c for group in p.interaction_constraints or () for c in group):
        if data.source.find(column) < 0:
            v.error(
                "interaction_constraints",
                f"A constraint names column '{column}', which the training frame '{data.key}' does not have.",
            )
        elif column not in domains:
            v.warn("interaction_constraints", f"Column '{column}' is no predictor; it is left out of its group.")

"""Fit: one training of a GLM - resolved settings and the path of penalties."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from h2ok.ext.algos.glm.bounds import Bounds
from h2ok.ext.algos.glm.family import DEFAULT_LINKS, Family
from h2ok.ext.algos.glm.gram import ResponseTask
from h2ok.ext.algos.glm.history import FoldPaths, GLMHistory, Scored
from h2ok.ext.algos.glm.irls import Irls, Settings
from h2ok.ext.algos.glm.params import GLMParametersV3
from h2ok.ext.algos.glm.solver import Penalty, independent_columns, symmetric
from h2ok.ext.algos.glm.state import GLMState
from h2ok.ext.models import DataInfo, TrainContext, TrainingData
from h2ok.ext.models.datainfo import column_statistics
from numpy.typing import NDArray

__all__ = ["Fit", "Submodel", "Walked", "active_count", "resolve_family"]

_ALPHA = 0.5
#: The path ends when this many lambdas in a row explain less than the tolerance more.
_PATIENCE, _EXPLAINED = 5, 1e-5


@dataclass
class Submodel:
    """One point of the path."""

    alpha: float
    strength: float
    beta: NDArray[np.float64]
    deviance: float
    valid_deviance: float
    iterations: int
    explained_valid: float = math.nan

    @property
    def chosen_by(self) -> float:
        """What the best point has least of."""
        return self.deviance if math.isnan(self.valid_deviance) else self.valid_deviance


@dataclass
class Walked:
    """A path that was walked to its end; ``best`` is the position of the chosen point, ``irls`` stands at the last one."""

    irls: Irls
    path: list[Submodel]
    best: int
    history: GLMHistory


def resolve_family(name: str, data: TrainingData) -> str:
    """AUTO by the type of the response."""
    if name != "AUTO":
        return name
    return {"Binomial": "binomial", "Multinomial": "multinomial"}.get(data.category, "gaussian")


class Fit:
    """One training: resolved settings and the path."""

    #: The strength at which every coefficient is zero; known once a path was searched.
    lambda_max = -1.0
    #: Of the validation rows: how many count, and their deviance from the null model.
    _valid_totals: tuple[int, float] | None = None

    def __init__(self, ctx: TrainContext, session: str, folds: FoldPaths) -> None:
        self.ctx, self.session, self.folds = ctx, session, folds
        self.valid_session = session + "v"
        p: GLMParametersV3 = ctx.params
        self.p = p
        name = resolve_family(p.family, ctx.data)
        link = DEFAULT_LINKS[name] if p.link == "family_default" else p.link
        self.family = Family(name, link, p.tweedie_variance_power, p.tweedie_link_power, p.theta)
        p.family, p.link, p.solver = name, link, "IRLSM" if p.solver == "AUTO" else p.solver
        # H2O: with a penalty no level serves as the reference, so that all levels are shrunk alike.
        unpenalised = not p.lambda_search and p.lambda_ is not None and all(x == 0 for x in p.lambda_)
        if p.compute_p_values and p.lambda_ is None:
            p.lambda_, unpenalised = [0.0], True
        skip = p.missing_values_handling == "Skip"
        stats = column_statistics(ctx.data)
        self.info = DataInfo.of(
            ctx.data.spec, stats, standardize=p.standardize, drop_first=unpenalised and p.intercept, impute=not skip
        )
        sigma = stats.sigma()[list(self.info.numeric)]
        self.sigma = np.where(sigma > 0, sigma, 1.0)
        response = ctx.data.do_all(ResponseTask(ctx.data.spec, self.info, ctx.data.n_classes, skip, session=session)).value
        self.n, self.weight, self.response_sums = response["n"], response["w"], response["sums"]
        if self.n == 0:
            raise ValueError("No row is left to train on: every row misses its response, has weight 0 or was skipped.")
        self.skip = skip
        self.bounds: Bounds | None = None
        if p.beta_constraints is not None:
            self.bounds = Bounds.read(ctx.node, ctx.node.frames.get(p.beta_constraints), self.info)

    def run(self) -> Walked:
        """Walk the whole path and choose the best point."""
        p = self.p
        self._resolve_numbers()
        start = self._null_model()
        history = GLMHistory(
            self.ctx.data.category,
            path=p.lambda_search,
            validation=self.ctx.valid is not None,
            folds=bool(self.folds),
            detailed=p.generate_scoring_history,
        )
        irls = Irls(self.ctx, self.info, self.family, self._settings(start), start, self.session)
        null_objective = irls.sums().objective
        self.null_deviance = 2 * null_objective / self.weight
        if not p.lambda_search:
            history.add(0, self._shown(null_objective), self._shown(null_objective) * p.obj_reg)
            irls.on_iteration = lambda i, likelihood, value: self._note(history, irls, i, likelihood, value)
        path = self._walk(irls, start, history)
        return Walked(irls, path, self._best(path), history)

    def _shown(self, objective: float) -> float:
        # H2O: the history of gaussian shows the whole residual sum of squares.
        return 2 * objective if self.family.name == "gaussian" else objective

    def _best(self, path: list[Submodel]) -> int:
        """The point with the least deviance: of the folds' holdout rows, else of the validation rows, else of the training."""
        if self.folds and len(path) > 1:
            return min(range(len(path)), key=lambda i: (self.of_folds(path, i)[0], i))
        return min(range(len(path)), key=lambda i: (path[i].chosen_by, i))

    def of_folds(self, path: list[Submodel], i: int) -> tuple[float, float]:
        """(mean, standard error) of the deviance of the folds at point ``i``."""
        first = next(j for j, s in enumerate(path) if s.alpha == path[i].alpha)
        return self.folds.deviance(path[i].alpha, i - first)

    def _scores_at(self, iteration: int) -> bool:
        p = self.p
        return bool(p.score_each_iteration) or (p.score_iteration_interval > 0 and iteration % p.score_iteration_interval == 0)

    def scored(self, irls: Irls, alpha: float, strength: float, folds: tuple[float, float] = (math.nan, math.nan)) -> Scored:
        """The model as it stands, with its metrics."""
        state = self.state(irls.beta)
        deviance = None if self.family.name == "multinomial" else self.family
        found = [
            None if data is None else self.ctx.metrics(data, state, deviance, self.null_mu)
            for data in (self.ctx.data, self.ctx.valid)
        ]
        return Scored(irls.iterations, alpha, strength, 2 * irls.sums().objective / self.weight, found[0], found[1], folds)

    def _note(self, history: GLMHistory, irls: Irls, i: int, likelihood: float, value: float) -> None:
        scored = None
        if self._scores_at(i):
            alpha, strength = self._now
            scored = self.scored(irls, alpha, strength, self.folds.deviance(alpha, self._position))
        history.add(i, self._shown(likelihood), value, scored=scored)
        self.ctx.update(i / max(self.p.max_iterations, 1), f"Iteration {i}")

    def _resolve_numbers(self) -> None:
        p = self.p
        if p.obj_reg == -1:
            p.obj_reg = 1.0 / self.weight
        if p.max_iterations == -1:
            p.max_iterations = 50
        if p.max_active_predictors == -1:
            p.max_active_predictors = 5000
        penalised = p.lambda_search or p.lambda_ is None or any(x > 0 for x in p.lambda_)
        if p.objective_epsilon == -1:
            p.objective_epsilon = 1e-4 if penalised else 1e-6
        if p.gradient_epsilon == -1:
            p.gradient_epsilon = p.objective_epsilon
        if p.alpha is None or len(p.alpha) == 0:
            p.alpha = [0.0 if p.solver == "L_BFGS" else _ALPHA]
        if p.lambda_min_ratio == -1:
            p.lambda_min_ratio = 1e-4 if self.n / 16 > self.info.n_expanded else 1e-2
            # H2O: a path that begins with ridge alone starts at a large lambda.
            p.lambda_min_ratio *= 1e-2 if p.alpha[0] == 0 else 1.0

    def _settings(self, start: NDArray[np.float64]) -> Settings:
        p = self.p
        active = None
        settings = Settings(
            p.obj_reg,
            p.max_iterations,
            p.objective_epsilon,
            p.beta_epsilon,
            p.gradient_epsilon,
            p.intercept,
            p.non_negative,
            self.skip,
        )
        if p.remove_collinear_columns:
            sums = Irls(self.ctx, self.info, self.family, settings, start, self.session).sums()
            k = start.shape[-1]
            active = independent_columns(symmetric(sums.gram)[:k, :k])
            active[-1] = p.intercept
        return replace(settings, active=active, bounds=self.bounds)

    def _null_model(self) -> NDArray[np.float64]:
        k = self.info.n_expanded + 1
        if self.family.name == "multinomial":
            start = np.zeros((self.ctx.data.n_classes, k))
            if self.p.intercept:
                start[:, -1] = np.log(np.maximum(self.response_sums / self.weight, 1e-10))
            return start
        beta = np.zeros(k)
        if self.p.intercept:
            beta[-1] = self.family.linkfun(self.mean)
        elif self.family._link() in ("inverse", "power"):
            beta[-1] = 0.0
        return beta

    @property
    def mean(self) -> float:
        """Weighted mean of the response."""
        return float(self.response_sums[0] / self.weight)

    def _walk(self, irls: Irls, start: NDArray[np.float64], history: GLMHistory) -> list[Submodel]:
        p = self.p
        path: list[Submodel] = []
        assert p.alpha is not None
        begin = self._begin(start)
        irls.beta, irls._sums = start.copy(), None
        # H2O: all alphas take the lambdas of the first one.
        strengths = self._strengths(irls, p.alpha[0])
        first = irls._sums if begin is start else None
        for alpha in p.alpha:
            irls.beta, irls._sums = begin.copy(), first
            done: list[Submodel] = []
            for i, strength in enumerate(strengths):
                if p.cold_start and i:
                    irls.beta, irls._sums = begin.copy(), None
                self._now, self._position = (alpha, strength), i
                irls.fit(Penalty.of(alpha, strength))
                done.append(self._submodel(irls, alpha, strength))
                if p.lambda_search:
                    self._note_point(history, irls, done[-1])
                    self.ctx.update((i + 1) / len(strengths), f"lambda {i + 1} of {len(strengths)}")
                if self.ctx.out_of_time() or active_count(irls.beta) > p.max_active_predictors:
                    break
                if p.lambda_search and p.early_stopping and _flat(done):
                    break
            path += done
        return path

    def _note_point(self, history: GLMHistory, irls: Irls, point: Submodel) -> None:
        test = [] if self.ctx.valid is None else [point.valid_deviance]
        folds = self.folds.deviance(point.alpha, self._position)
        scored = self.scored(irls, point.alpha, point.strength, folds) if self._scores_at(irls.iterations) else None
        own = (irls.iterations, _short(point.strength), active_count(irls.beta), point.deviance, *test)
        history.add(*own, *(folds if self.folds else ()), point.alpha, scored=scored)

    def _begin(self, start: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients to begin with: given ones, those of a checkpoint, or the null model; within the bounds."""
        begin = start
        if self.p.startval is not None:
            if len(self.p.startval) != start.size:
                raise ValueError(
                    f"startval must have {start.size} values, one for each coefficient and intercept; got {len(self.p.startval)}."
                )
            begin = np.array(self.p.startval, dtype=np.float64).reshape(start.shape)
        elif self.p.checkpoint is not None:
            begin = self._checkpoint(start)
        return begin if self.bounds is None else self.bounds.inside(begin)

    def _checkpoint(self, start: NDArray[np.float64]) -> NDArray[np.float64]:
        model = self.ctx.node.dkv.get(str(self.p.checkpoint))
        state = getattr(model, "state", None)
        if not isinstance(state, GLMState) or state.info.names != self.info.names or state.beta.shape != start.shape:
            raise ValueError(f"checkpoint '{self.p.checkpoint}' is no GLM of the same columns, levels and response.")
        raw = np.apply_along_axis(state.info.destandardize, -1, state.beta)
        c = self.info.n_categorical
        out = raw.copy()
        out[..., c:-1] = raw[..., c:-1] * self.info.scale
        out[..., -1] = raw[..., -1] + (raw[..., c:-1] * self.info.shift).sum(axis=-1)
        return np.asarray(out)

    def _strengths(self, irls: Irls, alpha: float) -> list[float]:
        p = self.p
        if p.lambda_ and not p.lambda_search:
            return sorted(p.lambda_, reverse=True)
        gradient = irls.gradient()[:-1]
        largest = float(gradient.max(initial=0.0)) / max(alpha, 1e-2)
        self.lambda_max = largest
        if not p.lambda_search:
            # H2O: ten times the smallest lambda a search would try.
            p.lambda_ = [10 * p.lambda_min_ratio * largest]
            return p.lambda_
        if p.lambda_:
            return sorted(p.lambda_, reverse=True)
        n = p.nlambdas if p.nlambdas != -1 else (100 if alpha > 0 else 30)
        p.nlambdas = n
        ratio = p.lambda_min_ratio ** (1 / max(n - 1, 1))
        return [largest * ratio**i for i in range(n)]

    def _submodel(self, irls: Irls, alpha: float, strength: float) -> Submodel:
        valid, explained = math.nan, math.nan
        several = len(self.p.alpha or ()) > 1 or self.p.lambda_search or len(self.p.lambda_ or ()) > 1
        if several or not self.ctx.is_fold or self.p.generate_scoring_history:
            valid, explained = self._valid_deviance(irls)
        deviance = 2 * irls.sums().objective / self.weight
        return Submodel(alpha, strength, irls.beta.copy(), deviance, valid, irls.iterations, explained)

    def _valid_deviance(self, irls: Irls) -> tuple[float, float]:
        """Deviance a row of the validation rows, and the share of it that is explained."""
        valid = self.ctx.valid
        if valid is None:
            return math.nan, math.nan
        if self._valid_totals is None:
            # PERF: all metrics once for what does not change along the path; a point of it needs its deviance alone.
            metrics = self.ctx.metrics(valid, self.state(irls.beta), self.family if irls.beta.ndim == 1 else None, self.null_mu)
            self._valid_totals = (0, math.nan) if metrics is None else (metrics.nobs, metrics.number("null_deviance"))
        rows, null = self._valid_totals
        if rows == 0:
            return math.nan, math.nan
        deviance = irls.deviance_of(valid, self.valid_session)
        return deviance / rows, 1 - deviance / null

    @property
    def null_mu(self) -> float:
        """What the null model predicts; NaN for several classes."""
        return math.nan if self.family.name == "multinomial" else self.mean

    def state(self, beta: NDArray[np.float64]) -> GLMState:
        """What predicts with these coefficients."""
        rank = active_count(beta)
        priors = self.response_sums / self.weight if self.family.name == "multinomial" else None
        return GLMState(self.info, self.family, beta, rank, self.p.intercept, self.skip, priors)


def active_count(beta: NDArray[np.float64]) -> int:
    """Coefficients that are not zero."""
    return int(np.count_nonzero(beta))


def _short(x: float) -> str:
    """Lambda in two digits as H2O's path shows it: .22E0, .58E-4."""
    if x <= 0:
        return "0"
    exponent = math.floor(math.log10(x)) + 1
    digits = f"{x / 10**exponent:.2f}"[1:].rstrip("0").rstrip(".")
    return f"{digits or '.1'}E{exponent}"


def _flat(done: list[Submodel]) -> bool:
    if len(done) <= _PATIENCE:
        return False
    recent = [s.chosen_by for s in done[-_PATIENCE - 1 :]]
    return (recent[0] - min(recent[1:])) < _EXPLAINED * abs(recent[0])

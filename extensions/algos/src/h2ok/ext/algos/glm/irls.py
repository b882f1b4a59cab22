"""IRLSM: from one set of coefficients and one penalty to the optimum, pass by pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from h2ok.ext.algos.glm.bounds import Bounds
from h2ok.ext.algos.glm.family import Family
from h2ok.ext.algos.glm.gram import GramTask, IrlsSums, MultinomialTask
from h2ok.ext.algos.glm.solver import Penalty, solve, symmetric
from h2ok.ext.models import DataInfo, TrainContext, TrainingData
from numpy.typing import NDArray

__all__ = ["Irls", "Settings"]

_HALVINGS = 12


@dataclass(frozen=True, slots=True)
class Settings:
    """What does not change along a path. ``obj_reg``: weight of the likelihood. ``active``: bool[p + 1], columns that may enter."""

    obj_reg: float
    max_iterations: int
    objective_epsilon: float
    beta_epsilon: float
    gradient_epsilon: float
    intercept: bool
    non_negative: bool
    skip_missing: bool
    active: NDArray[np.bool_] | None = None
    bounds: Bounds | None = None


@dataclass
class Irls:
    """Coefficients and the sums at them; ``fit`` moves both to the optimum of a penalty. ``beta``: float64[p + 1] or [k, p + 1]."""

    ctx: TrainContext
    info: DataInfo
    family: Family
    settings: Settings
    beta: NDArray[np.float64]
    session: str
    iterations: int = 0
    on_iteration: Callable[[int, float, float], None] | None = None
    _sums: IrlsSums | None = field(default=None, repr=False)

    @property
    def is_multinomial(self) -> bool:
        return self.family.name == "multinomial"

    def run(self, beta: NDArray[np.float64], which: int = 0, *, working: bool = True) -> IrlsSums:
        """One pass over the rows."""
        return self._pass(self.ctx.data, self.session, beta, which, working=working)

    def deviance_of(self, rows: TrainingData, session: str) -> float:
        """Deviance of other rows at the present coefficients; ``session`` keeps them ready, and is the caller's to free."""
        return 2 * self._pass(rows, session, self.beta, 0, working=False).objective

    def _pass(self, rows: TrainingData, session: str, beta: NDArray[np.float64], which: int, *, working: bool) -> IrlsSums:
        self.ctx.job.check()
        skip = self.settings.skip_missing
        task: Any
        if self.is_multinomial:
            task = MultinomialTask(rows.spec, self.info, beta, which, skip, working, session=session)
        else:
            task = GramTask(rows.spec, self.info, self.family, beta, skip, working, session=session)
        out: IrlsSums = rows.do_all(task, cancelled=self.ctx.cancelled).value
        return out

    def expected(self) -> IrlsSums:
        """The sums at the present coefficients with expected weights (Fisher information)."""
        s = self.settings
        task = GramTask(self.ctx.data.spec, self.info, self.family, self.beta, s.skip_missing, observed=False, session=self.session)
        out: IrlsSums = self.ctx.data.do_all(task, cancelled=self.ctx.cancelled).value
        return out

    def stand_at(self, beta: NDArray[np.float64]) -> None:
        """Go back to coefficients of an earlier point; sums are computed anew when they are asked for."""
        if not np.array_equal(beta, self.beta):
            self._sums = None
        self.beta = beta

    def sums(self) -> IrlsSums:
        """The sums at the present coefficients (of class 0 for several classes)."""
        if self._sums is None:
            self._sums = self.run(self.beta)
        return self._sums

    def gradient(self) -> NDArray[np.float64]:
        """Gradient of the likelihood part of the objective, largest over the classes: float64[p + 1], absolute values."""
        if not self.is_multinomial:
            return np.abs(self._gradient(self.sums(), self.beta))
        each = [np.abs(self._gradient(self.run(self.beta, k), self.beta[k])) for k in range(len(self.beta))]
        return np.asarray(np.max(each, axis=0))

    def _gradient(self, sums: IrlsSums, beta: NDArray[np.float64]) -> NDArray[np.float64]:
        p = len(beta)
        full = symmetric(sums.gram)
        out: NDArray[np.float64] = self.settings.obj_reg * (full[p, :p] - full[:p, :p] @ beta)
        return out

    def fit(self, penalty: Penalty) -> float:
        """Move to the optimum; the objective there."""
        return self._fit_classes(penalty) if self.is_multinomial else self._fit_one(penalty)

    def objective(self, sums: IrlsSums, beta: NDArray[np.float64], penalty: Penalty) -> float:
        """Weighted likelihood plus penalty."""
        bounds = self.settings.bounds
        pull = 0.0 if bounds is None else bounds.value(beta)
        return self.settings.obj_reg * sums.objective + penalty.value(beta) + pull

    def _solve(self, sums: IrlsSums, beta: NDArray[np.float64], penalty: Penalty) -> NDArray[np.float64]:
        s = self.settings
        return solve(
            sums.gram * s.obj_reg,
            beta,
            penalty,
            intercept=s.intercept,
            non_negative=s.non_negative,
            active=s.active,
            bounds=s.bounds,
        )

    def _fit_one(self, penalty: Penalty) -> float:
        s = self.settings
        quadratic = self.family.name == "gaussian" and self.family.link == "identity"
        value = self.objective(self.sums(), self.beta, penalty)
        for _ in range(s.max_iterations):
            new = self._solve(self.sums(), self.beta, penalty)
            sums = self.run(new, working=not quadratic)
            after = self.objective(sums, new, penalty)
            for _ in range(_HALVINGS):
                if np.isfinite(after) and after <= value + 1e-9 * abs(value):
                    break
                new = 0.5 * (new + self.beta)
                sums = self.run(new, working=not quadratic)
                after = self.objective(sums, new, penalty)
            if not np.isfinite(after) or after > value + 1e-9 * abs(value):
                break
            moved = float(np.max(np.abs(new - self.beta)))
            gain = (value - after) / max(abs(value), 1e-300)
            # The quadratic sums of gaussian-identity do not depend on the coefficients: keep those of the first pass.
            self._sums = IrlsSums(self.sums().gram, sums.objective) if quadratic else sums
            self.beta, value = new, after
            self.iterations += 1
            if self.on_iteration is not None:
                self.on_iteration(self.iterations, sums.objective, after)
            if quadratic or gain < s.objective_epsilon or moved < s.beta_epsilon or self.ctx.out_of_time():
                break
        return value

    def _fit_classes(self, penalty: Penalty) -> float:
        """Block coordinate descent: one Newton step for each class in turn (Friedman et al. 2010, section 4)."""
        s = self.settings
        value = self.objective(self.sums(), self.beta, penalty)
        for _ in range(s.max_iterations):
            before = self.beta
            for k in range(len(self.beta)):
                sums = self.run(self.beta, k)
                new = self.beta.copy()
                new[k] = self._solve(sums, self.beta[k], penalty)
                self.beta = self._shortened(new, k, penalty)
            self._sums = self.run(self.beta)
            after = self.objective(self._sums, self.beta, penalty)
            gain, moved = (value - after) / max(abs(value), 1e-300), float(np.max(np.abs(self.beta - before)))
            value = after
            self.iterations += 1
            if self.on_iteration is not None:
                self.on_iteration(self.iterations, self._sums.objective, after)
            if gain < s.objective_epsilon or moved < s.beta_epsilon or self.ctx.out_of_time():
                break
        return value

    def _shortened(self, new: NDArray[np.float64], k: int, penalty: Penalty) -> NDArray[np.float64]:
        """A step of class ``k`` that does not raise the objective."""
        now = self.objective(self.run(self.beta, k, working=False), self.beta, penalty)
        for _ in range(_HALVINGS):
            if self.objective(self.run(new, k, working=False), new, penalty) <= now + 1e-9 * abs(now):
                return new
            new = 0.5 * (new + self.beta)
        return self.beta

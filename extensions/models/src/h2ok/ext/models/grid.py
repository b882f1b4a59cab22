"""Grid: models of one algorithm over combinations of hyper parameters - Cartesian, in random order, or in sequence."""

from __future__ import annotations

import itertools
import math
import time
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.installing import nearest
from h2ok.capabilities.removal import remove_key
from h2ok.ext.models import stopping
from h2ok.ext.models.ids import automatic_id
from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.model import Model
from h2ok.ext.models.parameters import Parameters
from h2ok.ext.models.recovery import Recovery
from h2ok.ext.models.storage import saved, write_file
from h2ok.kernel import (
    H2OKError,
    IllegalArgumentError,
    Job,
    JobCancelledError,
    JobContext,
    given_key,
    new_seed,
    random_bits,
    sanitize,
    wire_type,
)

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime
    from h2ok.ext.models.builder import ModelBuilder
    from h2ok.kernel import Node

__all__ = ["Grid", "GridSearch", "SearchCriteria", "best_metrics"]

_STREAM = 0x47524944  # "GRID"


@wire_type("models.grid")
@dataclass(frozen=True, slots=True)
class Grid:
    """A finished or growing grid. ``values``: hyper values of each model, in the order of ``hyper_names``; ``failures``: of the
    last search, dicts with ``params``, ``message``, ``stacktrace``, ``values``. ``base``, ``hyper``, ``criteria``: the search that
    is under way or was the last one, to go on from.
    """

    key: str
    algo: str
    hyper_names: tuple[str, ...]
    models: tuple[str, ...] = ()
    values: tuple[tuple[Any, ...], ...] = ()
    failures: tuple[dict[str, Any], ...] = ()
    #: Models begun so far, failed ones included: what names count.
    started: int = 0
    base: dict[str, Any] = field(default_factory=dict)
    hyper: dict[str, list[Any]] = field(default_factory=dict)
    criteria: dict[str, Any] = field(default_factory=dict)

    @property
    def saved_as(self) -> str:
        return "grid"

    @property
    def parts(self) -> tuple[str, ...]:
        """Keys of its models."""
        return self.models

    def retained_keys(self) -> tuple[str, ...]:
        """What must stay while the grid does."""
        return self.models

    def on_remove(self, runtime: Runtime) -> None:
        """Remove its models with all they own."""
        for key in self.models:
            remove_key(runtime, key)


@dataclass(frozen=True, slots=True)
class SearchCriteria:
    """How to walk through the combinations; 0 for no limit."""

    strategy: str = "Cartesian"
    max_models: int = 0
    max_runtime_secs: float = 0.0
    seed: int = -1
    stopping_rounds: int = 0
    stopping_metric: str = "AUTO"
    stopping_tolerance: float = 0.001

    @classmethod
    def of(cls, given: dict[str, Any]) -> SearchCriteria:
        """From a request.

        Raises
        ------
        IllegalArgumentError
            An unknown criterion or strategy.
        """
        kinds: dict[str, Any] = {
            "max_models": int,
            "max_runtime_secs": float,
            "seed": int,
            "stopping_rounds": int,
            "stopping_metric": str,
            "stopping_tolerance": float,
        }
        found: dict[str, Any] = {}
        for name, value in given.items():
            if name == "strategy":
                folded = {s.lower(): s for s in ("Cartesian", "RandomDiscrete", "Sequential")}
                strategy = folded.get(str(value).lower().replace("_", ""))
                if strategy is None:
                    raise IllegalArgumentError(
                        f"Unknown search strategy '{value}'. Allowed: {', '.join(folded.values())}.", argument=name
                    )
                found[name] = strategy
            elif name == "early_stopping":
                continue
            elif name not in kinds:
                raise IllegalArgumentError(
                    f"Unknown search criterion '{name}'. Known: strategy, {', '.join(kinds)}.", argument=name
                )
            elif value is not None:
                found[name] = _criterion(name, value, kinds[name])
        metric = found.get("stopping_metric", "AUTO")
        found["stopping_metric"] = next((m for m in stopping.METRICS if m.lower() == metric.lower()), metric)
        return cls(**found)


def _criterion(name: str, value: Any, kind: type) -> Any:
    try:
        return int(float(value)) if kind is int else kind(value)
    except (TypeError, ValueError, OverflowError):
        what = "a whole number" if kind is int else "a number"
        raise IllegalArgumentError(f"{name} must be {what}; got {value!r}.", argument=name) from None


def combinations(hyper: dict[str, list[Any]], criteria: SearchCriteria) -> Iterator[dict[str, Any]]:
    """The points of a grid in the order they are tried."""
    names = sorted(hyper)
    if criteria.strategy == "Sequential":
        lengths = {len(v) for v in hyper.values()}
        if len(lengths) > 1:
            raise IllegalArgumentError(f"A Sequential search needs lists of equal length; got lengths {sorted(lengths)}.")
        yield from (dict(zip(names, point, strict=True)) for point in zip(*(hyper[n] for n in names), strict=True))
        return
    sizes = [len(hyper[n]) for n in names]
    if criteria.strategy == "Cartesian":
        yield from (dict(zip(names, point, strict=True)) for point in itertools.product(*(hyper[n] for n in names)))
        return
    seed = new_seed() if criteria.seed == -1 else criteria.seed
    for index in _shuffled(math.prod(sizes), seed):
        rest, point = index, {}
        for n, size in zip(names, sizes, strict=True):
            rest, i = divmod(rest, size)
            point[n] = hyper[n][i]
        yield point


def _shuffled(n: int, seed: int) -> Iterator[int]:
    """0 .. n - 1 in random order without repetition; draws one by one where the space is too large to hold."""
    if n <= 1_000_000:
        yield from np.argsort(random_bits(seed, _STREAM, 0, n), kind="stable").tolist()
        return
    seen: set[int] = set()
    for i in itertools.count():
        index = int(random_bits(seed, _STREAM, i, 1)[0]) % n
        if index not in seen:
            seen.add(index)
            yield index


class GridSearch:
    """One search: a job that trains a model for each point."""

    def __init__(
        self,
        runtime: Runtime,
        builder: type[ModelBuilder],
        base: dict[str, Any],
        hyper: dict[str, list[Any]],
        criteria: SearchCriteria,
        grid_id: str | None = None,
        user_agent: str = "",
    ) -> None:
        self._runtime, self._builder, self._base = runtime, builder, base
        self._hyper, self._criteria, self._agent = hyper, criteria, user_agent
        self._node: Node = runtime.node
        self._check()
        if grid_id is None:
            grid_id = sanitize(automatic_id(self._node, f"Grid_{builder.schema}_{base.get('training_frame')}", user_agent))
        self.key = given_key(grid_id, "grid_id", slashes=False)
        self._resumed = False
        #: Where the search is kept while it is under way.
        self.recovery: Recovery | None = None

    @classmethod
    def resume(cls, runtime: Runtime, builder: type[ModelBuilder], grid: Grid, user_agent: str = "") -> GridSearch:
        """The last search of a grid, to go on where it ended.

        Raises
        ------
        IllegalArgumentError
            The grid was saved without its search.
        """
        if not grid.hyper:
            raise IllegalArgumentError(
                f"Grid '{grid.key}' does not know its search; start one with the same grid_id instead.", argument="grid_id"
            )
        found = cls(runtime, builder, grid.base, grid.hyper, SearchCriteria(**grid.criteria), grid.key, user_agent)
        found._resumed = True
        return found

    @property
    def hyper(self) -> dict[str, list[Any]]:
        """Values of each hyper parameter."""
        return self._hyper

    @property
    def parameters(self) -> Parameters:
        """What all models have in common."""
        parsed: Parameters = self._builder.parameters.parse(self._base)
        return parsed

    def start(self) -> Job:
        """Search as a job; points that fail are reported in the grid.

        Raises
        ------
        IllegalArgumentError
            The key holds something else, or a grid over other hyper parameters.
        """
        names = tuple(sorted(self._hyper))
        held = self._node.dkv.get(self.key)
        if held is not None and not isinstance(held, Grid):
            raise IllegalArgumentError(
                f"Object '{self.key}' is a {type(held).__name__}, a Grid was expected. Choose another grid_id."
            )
        if isinstance(held, Grid) and (held.algo != self._builder.algo or held.hyper_names != names):
            raise IllegalArgumentError(
                f"Grid '{self.key}' is over {', '.join(held.hyper_names)} of {held.algo}; it can only grow by the same ones."
            )
        grid = held or Grid(self.key, self._builder.algo, names)
        # Points that failed before are tried again where they are among these; those of other searches are forgotten, as in H2O.
        grid = replace(grid, failures=(), base=self._base, hyper=self._hyper, criteria=asdict(self._criteria))
        self._node.dkv.put(self.key, grid)
        return self._node.jobs.start(f"{self._builder.algo} hyperparameter search", self.key, "Grid", self._run)

    def _check(self) -> None:
        for name, values in self._hyper.items():
            p = self._builder.parameters.by_wire_name(name)
            if p is None or not p.gridable:
                known = [q.wire_name for q in self._builder.parameters.params() if q.gridable]
                text = f"'{name}' is no hyper parameter of {self._builder.algo}. {nearest(name, known)}".rstrip()
                raise IllegalArgumentError(f"{text} These are: {', '.join(known)}.", argument=name)
            if not values:
                raise IllegalArgumentError(f"Hyper parameter '{name}' has no values; give a list.", argument=name)

    def _run(self, job: JobContext) -> None:
        end = time.monotonic() + self._criteria.max_runtime_secs if self._criteria.max_runtime_secs else math.inf
        space = math.prod(len(v) for v in self._hyper.values())
        if self._criteria.strategy == "Sequential":
            space = max(len(v) for v in self._hyper.values())
        total = min(space, self._criteria.max_models or space)
        watched: list[float] = []
        grid: Grid = self._node.dkv.require(self.key)
        if self.recovery is not None:
            self.recovery.begin(grid, self._builder.parameters)
        # As H2O does, points that cannot be built do not count as models.
        built = tried = len(grid.models) if self._resumed else 0
        for point in combinations(self._hyper, self._criteria):
            if built >= total or time.monotonic() > end:
                break
            values = tuple(point[n] for n in grid.hyper_names)
            if values in grid.values:
                continue
            left = end - time.monotonic()
            done = built if self._criteria.max_models else tried
            grid, model = self._one(job, grid, point, values, (done / total, (done + 1) / total), left)
            self._node.dkv.put(self.key, grid)
            self._save(grid)
            tried += 1
            built += model is not None
            if model is not None and self._stops(model, watched):
                break
        if self.recovery is not None:
            self.recovery.end()

    def _save(self, grid: Grid) -> None:
        if self.recovery is not None:
            self.recovery.save(grid)
        folder = self._base.get("export_checkpoints_dir")
        if folder:
            path = f"{str(folder).rstrip('/')}/{grid.key}"
            write_file(self._runtime, path, saved(self._runtime, grid), force=True, function="exportGrid")

    def _one(
        self,
        job: JobContext,
        grid: Grid,
        point: dict[str, Any],
        values: tuple[Any, ...],
        progress: tuple[float, float],
        left: float,
    ) -> tuple[Grid, Model | None]:
        number = grid.started + 1
        grid = replace(grid, started=number)
        key = f"{self.key}_model_{number}"
        try:
            params = self._builder.parameters.parse({**self._base, **point, "model_id": key})
            if self._criteria.strategy == "RandomDiscrete" and self._criteria.seed != -1 and params.value("seed") == -1:
                # H2O: a seeded search seeds its models too, each with its own number.
                params.seed = self._criteria.seed + number - 1
            if math.isfinite(left) and hasattr(params, "max_runtime_secs"):
                own = params.max_runtime_secs
                params.max_runtime_secs = min(own, left) if own else left
            model = self._builder(self._runtime, params, user_agent=self._agent).train(job, progress)
            return replace(grid, models=(*grid.models, key), values=(*grid.values, values)), model
        except JobCancelledError:
            raise
        except Exception as e:  # a point that cannot be built must not end the search
            text = e.message if isinstance(e, H2OKError) else str(e)
            failed = {
                "params": {**self._base, **point},
                "message": text,
                "stacktrace": traceback.format_exc(),
                "values": list(values),
            }
            return replace(grid, failures=(*grid.failures, failed)), None

    def _stops(self, model: Model, watched: list[float]) -> bool:
        c = self._criteria
        metrics = best_metrics(model)
        if c.stopping_rounds <= 0 or metrics is None:
            return False
        name = stopping.resolve_metric(c.stopping_metric, model.output.category)
        watched.append(stopping.stopping_value(metrics, name))
        higher = stopping.more_is_better(name)
        best = np.maximum.accumulate(watched) if higher else np.minimum.accumulate(watched)
        return stopping.should_stop(best.tolist(), c.stopping_rounds, c.stopping_tolerance, higher=higher)


def best_metrics(model: Model) -> ModelMetrics | None:
    """The metrics models are compared by: cross-validation, else validation, else training."""
    out = model.output
    return out.cross_validation_metrics or out.validation_metrics or out.training_metrics

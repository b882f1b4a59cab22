"""Algorithm: the short way to a new algorithm - parameters, ``fit``, ``predict``; everything else comes from the framework.

    @dataclass
    class NearestMeanParameters:
        shrink: float = field(0.0, "Share by which means move to the grand mean.", gridable=True, check=between(0, 1))

    class NearestMean(Algorithm):
        algo, full_name, categories = "nearestmean", "Nearest Mean", ("Binomial", "Multinomial")
        Parameters = NearestMeanParameters

        def fit(self, ctx, frame, params):
            x, y, w = frame.arrays()
            ...
            return {"means": means}

        @staticmethod
        def predict(state, x):
            ...

An extension names the class in ``Algo(name, "module:NearestMean")``. Route, schema, validation, job, metrics, predictions, grids
and cross-validation follow.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

import numpy as np
from h2ok.capabilities.contracts.schema import Level
from h2ok.ext.models.builder import ModelBuilder
from h2ok.ext.models.common_parameters import CommonParameters, CrossValidationParameters, MetricParameters, SupervisedParameters
from h2ok.ext.models.context import TrainContext, Trained
from h2ok.ext.models.datainfo import DataInfo, column_statistics
from h2ok.ext.models.mojo import Mojo
from h2ok.ext.models.parameters import Check, Parameters, param
from h2ok.ext.models.rows import Rows, RowsTask
from h2ok.ext.models.training import TrainingData
from h2ok.kernel import H2OKError, IllegalArgumentError, WireError, wire_type
from h2ok.kernel.wire import encode
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.models.model import Model

__all__ = ["Algorithm", "AlgorithmError", "FitFrame", "field"]

_TYPES = {
    int: "long",
    float: "double",
    bool: "boolean",
    str: "string",
    list[float]: "double[]",
    list[str]: "string[]",
    list[int]: "int[]",
}
_known: dict[str, type[Algorithm]] = {}
#: How far rounding may take a probability out of [0, 1], and the sum of the classes' probabilities away from 1.
_EPS, _SUM_EPS = 1e-9, 1e-5


class AlgorithmError(H2OKError, RuntimeError):
    """The code of an algorithm's author failed, or gave what no model can be made of."""


@contextmanager
def _authors(algo: str, method: str) -> Iterator[None]:
    """Run an author's code; what it raises says whose it is."""
    try:
        yield
    except H2OKError:
        raise
    except Exception as e:
        raise AlgorithmError(f"{method} of algorithm '{algo}' failed: {type(e).__name__}: {e}", algo=algo) from e


def field(
    default: Any,
    help: str = "",
    *,
    level: Level = "critical",
    gridable: bool = False,
    values: Iterable[str] = (),
    check: Check | None = None,
) -> Any:
    """A parameter of an Algorithm's dataclass; ``values`` makes a text an enum. See ``h2ok.ext.models.parameters.param``."""
    meta = {"help": help, "level": level, "gridable": gridable, "values": tuple(values), "check": check}
    factory = (lambda: list(default)) if isinstance(default, list) else None
    return (
        dataclasses.field(default_factory=factory, metadata=meta) if factory else dataclasses.field(default=default, metadata=meta)
    )


class FitFrame:
    """The training rows as an author sees them.

    Rows without response, with weight 0, or of a held out fold have weight 0 in tasks and are left out of ``arrays``, as are rows
    whose offset is missing.

    Attributes
    ----------
    names : columns of ``x``, with ``inputs = "expanded"`` one for each level (``city.Oslo``).
    category : what is to be built, one of the algorithm's ``categories``: "Regression", "Binomial", "Multinomial", ...
    n_classes : levels of the response, 1 for a number.
    levels : these levels, in the order of their codes in ``y``; empty for a number.
    n_rows : rows of the training frame, those that do not count among them.
    data, info : the same for authors of a RowsTask: where the rows are, and how columns are expanded (None for raw inputs).
    """

    def __init__(self, data: TrainingData, info: DataInfo | None, ctx: TrainContext) -> None:
        self.data, self.info, self._ctx = data, info, ctx
        self.names: tuple[str, ...] = info.names if info is not None else data.names
        self.category: str = data.category
        self.n_classes: int = data.n_classes
        self.levels: tuple[str, ...] = data.columns.response_domain or ()

    @property
    def n_rows(self) -> int:
        return self.data.n_rows

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """(x float64[n, p], y float64[n], w float64[n]) of the rows that count, fetched to this node: for data that fits there."""
        x, y, w = self.do_all(_Collect(self.data.spec, self.info))
        return x, y, w

    def offset(self) -> NDArray[np.float64]:
        """float64[n], what is added to the linear predictor of the same rows; zeros without an offset column."""
        found: NDArray[np.float64] = self.do_all(_CollectOffset(self.data.spec))
        return found

    def do_all(self, task: RowsTask) -> Any:
        """Run a RowsTask over the rows where they live; its reduced result."""
        return self.data.do_all(task, cancelled=self._ctx.cancelled).value


@wire_type("models.collect")
@dataclass(frozen=True)
class _Collect(RowsTask):
    info: DataInfo | None

    def map_rows(self, rows: Rows) -> tuple[Any, Any, Any]:
        w = rows.weights()
        keep = _counts(rows)
        x = rows.matrix() if self.info is None else self.info.expand(rows)
        return x[keep], rows.response()[keep], w[keep]

    def reduce(self, left: tuple[Any, Any, Any], right: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        x, y, w = (np.concatenate([a, b]) for a, b in zip(left, right, strict=True))
        return x, y, w


@wire_type("models.collect_offset")
@dataclass(frozen=True)
class _CollectOffset(RowsTask):
    def map_rows(self, rows: Rows) -> NDArray[np.float64]:
        return rows.offset()[_counts(rows)]

    def reduce(self, left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([left, right])


def _counts(rows: Rows) -> NDArray[np.bool_]:
    return (rows.weights() > 0) & ~np.isnan(rows.offset())


@wire_type("models.algorithm_state")
@dataclass(frozen=True, slots=True)
class AlgorithmState:
    """What an Algorithm learned, and how its columns are made. ``has_offset``: it was trained with an offset column."""

    algo: str
    category: str
    info: DataInfo | None
    state: Any
    n_classes: int = 0
    has_offset: bool = False

    @property
    def mojo(self) -> Callable[[Model], Mojo] | None:
        """The author's codec, given a model with this state; None with an offset, which no codec is told of."""
        cls = _known.get(self.algo)
        known = cls is not None and not self.has_offset and self.category in (cls.mojo_categories or cls.categories)
        codec = cls.mojo if cls is not None and known else None
        return None if codec is None else lambda model: codec(self.state, model, self.info)

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Probabilities or numbers: float64[n_rows, k]."""
        cls = _known.get(self.algo)
        if cls is None:
            raise IllegalArgumentError(
                f"Algorithm '{self.algo}' is not installed on node {rows.block.node.label}; install its package there."
            )
        x = rows.matrix() if self.info is None else self.info.expand(rows)
        offset = rows.offset()
        unknown = np.isnan(offset)
        more = (np.where(unknown, 0.0, offset),) if cls.offset else ()
        predict: Callable[..., Any] = cls.predict
        with _authors(self.algo, "predict"):
            p = np.asarray(predict(self.state, x, *more), dtype=np.float64)
        self._check_shape(p, rows.n_rows)
        p = p if p.ndim == 2 else p[:, None]
        self._check_values(p, x)
        if self.category == "Binomial" and p.shape[1] == 1:
            p = np.column_stack([1 - p, p])
        return np.where(unknown[:, None], np.nan, p) if unknown.any() else p

    def _check_shape(self, p: NDArray[np.float64], n: int) -> None:
        """Refuse predictions that are none: an author's slip must not become somebody's numbers."""
        wide = {"Binomial": 2, "Regression": 1, "Multinomial": self.n_classes}.get(self.category, 0)
        vector = self.category != "Multinomial" and p.shape == (n,)
        if not vector and not (p.ndim == 2 and len(p) == n and p.shape[1] == (wide or p.shape[1])):
            expected = f"[{n}, {wide}]" if wide else f"[{n}, k]"
            self._refuse(
                f"an array of shape {list(p.shape)} for {n} rows of a {self.category} model; "
                f"{expected}{'' if self.category == 'Multinomial' else f' or [{n}]'} was expected"
            )

    def _check_values(self, p: NDArray[np.float64], x: NDArray[np.float64]) -> None:
        """The same for the numbers, p : float64[n, k]. Rows with NaN in their inputs ``x`` may have no prediction."""
        fine = np.isfinite(p).all(axis=1)
        if not fine.all():
            wrong = int((~fine & ~np.isnan(x).any(axis=1)).sum())
            if wrong:
                self._refuse(f"NaN or infinity for {wrong} of {len(p)} rows whose inputs are known; finite numbers were expected")
            p = p[fine]
        if self.category not in ("Binomial", "Multinomial") or not len(p):
            return
        low, high = float(p.min()), float(p.max())
        if low < -_EPS or high > 1 + _EPS:
            self._refuse(f"numbers from {low:g} to {high:g} for a {self.category} model; probabilities from 0 to 1 were expected")
        total = p.sum(axis=1) if p.shape[1] > 1 else np.ones(len(p))
        off = int(np.argmax(np.abs(total - 1)))
        if abs(total[off] - 1) > _SUM_EPS:
            self._refuse(
                f"probabilities that sum to {total[off]:g} in a row of a {self.category} model; rows that sum to 1 (within "
                f"{_SUM_EPS:g}) were expected"
            )

    def _refuse(self, what: str) -> NoReturn:
        raise AlgorithmError(f"predict of algorithm '{self.algo}' returned {what}.", algo=self.algo)


class Algorithm(ABC):
    """Base of algorithms written the short way.

    Attributes
    ----------
    algo : name in URLs; full_name : name for people; schema : stem of schema names, made of ``algo`` when not given.
    categories : what it can build.
    inputs : "expanded" - levels as 0/1 columns, numbers imputed by their mean and standardised; "raw" - levels as codes, NA as NaN.
    offset : it takes an offset: ``offset_column`` is offered, ``fit`` finds it in ``frame.offset()``, and ``predict`` gets a third
        argument, float64[n], zeros without such a column. Without it the parameter does not exist. Rows whose offset is missing
        are not learned from and have no prediction.
    weights : it counts rows by their weight; without it the parameter ``weights_column`` does not exist.
    mojo : a static method ``mojo(state, model, info)`` that returns a Mojo, for models that H2O's scoring library can read;
        ``info`` says how the columns were made (None for raw inputs). Without it models have no MOJO.
    mojo_categories : what ``mojo`` can write; empty: all categories.
    """

    algo: ClassVar[str]
    full_name: ClassVar[str]
    schema: ClassVar[str] = ""
    categories: ClassVar[tuple[str, ...]] = ("Regression", "Binomial", "Multinomial")
    supervised: ClassVar[bool] = True
    inputs: ClassVar[Literal["expanded", "raw"]] = "expanded"
    offset: ClassVar[bool] = False
    weights: ClassVar[bool] = True
    Parameters: ClassVar[type[Any]]
    mojo: ClassVar[Callable[..., Mojo] | None] = None
    mojo_categories: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "algo" in cls.__dict__:
            _known[cls.algo] = cls

    @abstractmethod
    def fit(self, ctx: TrainContext, frame: FitFrame, params: Any) -> Any:
        """Learn; the state must be a wire value (numbers, text, arrays, lists, dicts). ``params``: a ``Parameters``."""

    @staticmethod
    @abstractmethod
    def predict(state: Any, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Pure. float64[n, p] to numbers[n], the probability of the second class[n], or probabilities[n, n_classes].

        Every row needs finite numbers and probabilities that sum to 1; only rows with a NaN in ``x`` may be NaN. Algorithms with
        ``offset`` get it as a third argument, float64[n].
        """

    @classmethod
    def as_builder(cls) -> type[ModelBuilder]:
        """The ModelBuilder made of this class; one for each class."""
        made = cls.__dict__.get("_builder")
        if made is None:
            made = _make_builder(cls)
            cls._builder = made  # type: ignore[attr-defined]
        return typing.cast("type[ModelBuilder]", made)


class _AlgorithmBuilder(ModelBuilder):
    """Runs an Algorithm."""

    algorithm: ClassVar[type[Algorithm]]

    def build(self, ctx: TrainContext) -> Trained:
        cls = self.algorithm
        info = None
        if cls.inputs == "expanded":
            info = DataInfo.of(ctx.data.spec, column_statistics(ctx.data), standardize=True, drop_first=False)
        names = [f.name for f in dataclasses.fields(cls.Parameters)]
        params = cls.Parameters(**{n: getattr(ctx.params, n) for n in names})
        with _authors(cls.algo, "fit"):
            state = cls().fit(ctx, FitFrame(ctx.data, info, ctx), params)
        try:
            encode(state)
        except WireError as e:
            raise AlgorithmError(
                f"fit of algorithm '{cls.algo}' returned a state that can neither travel between nodes nor be saved: {e} Return "
                "numbers, text, arrays, lists and dicts of them, or a dataclass marked with wire_type.",
                algo=cls.algo,
            ) from e
        has_offset = ctx.data.columns.offset is not None
        return Trained(AlgorithmState(cls.algo, ctx.data.category, info, state, ctx.data.n_classes, has_offset))


def _make_builder(cls: type[Algorithm]) -> type[ModelBuilder]:
    schema = cls.schema or cls.algo.title().replace("_", "")
    hints = typing.get_type_hints(cls.Parameters)
    declared = {f.name: _declare(f, hints[f.name]) for f in dataclasses.fields(cls.Parameters)}
    bases: tuple[type[Parameters], ...] = (CommonParameters, CrossValidationParameters, MetricParameters)
    if cls.supervised:
        bases = (CommonParameters, SupervisedParameters, CrossValidationParameters, MetricParameters)
    name = f"{schema}ParametersV3"
    # What the algorithm would ignore is not offered: it learns in one go, and says itself whether it takes offset and weights.
    ignored = {
        "score_each_iteration": True,
        "offset_column": not cls.offset,
        "weights_column": not cls.weights,
        "gainslift_bins": "Binomial" not in cls.categories,
        "auc_type": "Multinomial" not in cls.categories,
    }
    body = {**declared, "schema_type": f"{schema}Parameters", "without": tuple(n for n, drop in ignored.items() if drop)}
    parameters = types.new_class(name, bases, exec_body=lambda ns: ns.update(body))
    attributes = {
        "algo": cls.algo,
        "full_name": cls.full_name,
        "schema": schema,
        "parameters": parameters,
        "can_build": cls.categories,
        "supervised": cls.supervised,
        "algorithm": cls,
        "__doc__": cls.__doc__,
    }
    return types.new_class(schema, (_AlgorithmBuilder,), exec_body=lambda ns: ns.update(attributes))


def _declare(f: dataclasses.Field[Any], hint: Any) -> Any:
    default = (
        f.default
        if f.default is not dataclasses.MISSING
        else f.default_factory()
        if f.default_factory is not dataclasses.MISSING
        else None
    )
    meta = dict(f.metadata) or {"help": "", "level": "critical", "gridable": False, "values": (), "check": None}
    if isinstance(hint, types.UnionType):
        hint = next(a for a in typing.get_args(hint) if a is not type(None))
    kind = "enum" if meta["values"] else _TYPES.get(hint)
    if kind is None:
        raise TypeError(f"Parameter '{f.name}' has type {hint}; known are {', '.join(str(t) for t in _TYPES)}.")
    return param(
        kind, default, meta["help"], level=meta["level"], gridable=meta["gridable"], values=meta["values"], check=meta["check"]
    )

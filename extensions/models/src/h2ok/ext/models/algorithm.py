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
from typing import TYPE_CHECKING, Any, ClassVar, Literal

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
#: How far rounding may take a probability out of [0, 1].
_EPS = 1e-9


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

    ``names``: columns of ``x``. Rows without response, with weight 0, or of a held out fold have weight 0 in tasks and are left out
    of ``arrays``.
    """

    def __init__(self, data: TrainingData, info: DataInfo | None, ctx: TrainContext) -> None:
        self.data, self.info, self._ctx = data, info, ctx
        self.names: tuple[str, ...] = info.names if info is not None else data.names
        self.n_classes = data.n_classes
        self.category = data.category

    @property
    def n_rows(self) -> int:
        return self.data.n_rows

    def arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """(x float64[n, p], y float64[n], w float64[n]) of the rows that count, fetched to this node: for data that fits there."""
        x, y, w = self.do_all(_Collect(self.data.spec, self.info))
        return x, y, w

    def do_all(self, task: RowsTask) -> Any:
        """Run a RowsTask over the rows where they live; its reduced result."""
        return self.data.do_all(task, cancelled=self._ctx.cancelled).value


@wire_type("models.collect")
@dataclass(frozen=True)
class _Collect(RowsTask):
    info: DataInfo | None

    def map_rows(self, rows: Rows) -> tuple[Any, Any, Any]:
        w = rows.weights()
        keep = w > 0
        x = rows.matrix() if self.info is None else self.info.expand(rows)
        return x[keep], rows.response()[keep], w[keep]

    def reduce(self, left: tuple[Any, Any, Any], right: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        x, y, w = (np.concatenate([a, b]) for a, b in zip(left, right, strict=True))
        return x, y, w


@wire_type("models.algorithm_state")
@dataclass(frozen=True, slots=True)
class AlgorithmState:
    """What an Algorithm learned, and how its columns are made."""

    algo: str
    category: str
    info: DataInfo | None
    state: Any
    n_classes: int = 0

    @property
    def mojo(self) -> Callable[[Model], Mojo] | None:
        """The author's codec, given a model with this state."""
        cls = _known.get(self.algo)
        codec = cls.mojo if cls is not None and self.category in (cls.mojo_categories or cls.categories) else None
        return None if codec is None else lambda model: codec(self.state, model, self.info)

    def predict(self, rows: Rows) -> NDArray[np.float64]:
        """Probabilities or numbers: float64[n_rows, k]."""
        cls = _known.get(self.algo)
        if cls is None:
            raise IllegalArgumentError(
                f"Algorithm '{self.algo}' is not installed on node {rows.block.node.label}; install its package there."
            )
        x = rows.matrix() if self.info is None else self.info.expand(rows)
        with _authors(self.algo, "predict"):
            p = np.asarray(cls.predict(self.state, x), dtype=np.float64)
        self._check(p, rows.n_rows)
        if p.ndim == 2:
            return p
        return np.column_stack([1 - p, p]) if self.category == "Binomial" else p[:, None]

    def _check(self, p: NDArray[np.float64], n: int) -> None:
        """Refuse predictions that are none: an author's slip must not become somebody's numbers."""
        wide = {"Binomial": 2, "Regression": 1, "Multinomial": self.n_classes}.get(self.category, 0)
        vector = self.category != "Multinomial" and p.shape == (n,)
        if not vector and not (p.ndim == 2 and len(p) == n and p.shape[1] == (wide or p.shape[1])):
            expected = f"[{n}, {wide}]" if wide else f"[{n}, k]"
            raise AlgorithmError(
                f"predict of algorithm '{self.algo}' returned an array of shape {list(p.shape)} for {n} rows of a {self.category} "
                f"model; {expected}{'' if self.category == 'Multinomial' else f' or [{n}]'} was expected.",
                algo=self.algo,
            )
        if (
            self.category in ("Binomial", "Multinomial")
            and n
            and (np.nanmin(p, initial=0.0) < -_EPS or np.nanmax(p, initial=1.0) > 1 + _EPS)
        ):
            raise AlgorithmError(
                f"predict of algorithm '{self.algo}' returned numbers from {np.nanmin(p):g} to {np.nanmax(p):g} for a "
                f"{self.category} model; probabilities from 0 to 1 were expected.",
                algo=self.algo,
            )


class Algorithm(ABC):
    """Base of algorithms written the short way.

    Attributes
    ----------
    algo : name in URLs; full_name : name for people; schema : stem of schema names, made of ``algo`` when not given.
    categories : what it can build.
    inputs : "expanded" - levels as 0/1 columns, numbers imputed by their mean and standardised; "raw" - levels as codes, NA as NaN.
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
    Parameters: ClassVar[type[Any]]
    mojo: ClassVar[Callable[[Any, Model, DataInfo | None], Mojo] | None] = None
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
        """Pure. float64[n, p] to numbers[n], the probability of the second class[n], or probabilities[n, n_classes]."""

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
        return Trained(AlgorithmState(cls.algo, ctx.data.category, info, state, ctx.data.n_classes))


def _make_builder(cls: type[Algorithm]) -> type[ModelBuilder]:
    schema = cls.schema or cls.algo.title().replace("_", "")
    hints = typing.get_type_hints(cls.Parameters)
    declared = {f.name: _declare(f, hints[f.name]) for f in dataclasses.fields(cls.Parameters)}
    bases: tuple[type[Parameters], ...] = (CommonParameters, CrossValidationParameters, MetricParameters)
    if cls.supervised:
        bases = (CommonParameters, SupervisedParameters, CrossValidationParameters, MetricParameters)
    name = f"{schema}ParametersV3"
    parameters = types.new_class(name, bases, exec_body=lambda ns: ns.update({**declared, "schema_type": f"{schema}Parameters"}))
    body = {
        "algo": cls.algo,
        "full_name": cls.full_name,
        "schema": schema,
        "parameters": parameters,
        "can_build": cls.categories,
        "supervised": cls.supervised,
        "algorithm": cls,
        "__doc__": cls.__doc__,
    }
    return types.new_class(schema, (_AlgorithmBuilder,), exec_body=lambda ns: ns.update(body))


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

"""TrainingData: the columns of a frame in the roles a builder gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from h2ok.ext.models.parameters import Parameters
from h2ok.ext.models.rows import ColumnSpec, RowSpec, RowsTask
from h2ok.ext.models.validation import Validation
from h2ok.kernel import Block, Frame, MRTask, Node, OutputSpec, TaskResult, Vec, wire_type
from numpy.typing import NDArray

__all__ = ["Encoded", "ModelColumns", "TrainingData", "prepare"]

_ROLES = ("weights_column", "offset_column", "fold_column", "treatment_column")


@wire_type("models.encoded")
@dataclass(frozen=True, slots=True)
class Encoded:
    """A predictor that is made of a categorical column.

    Parameters
    ----------
    source, levels : the column and its levels in training.
    domain : levels of the predictor; None for a number.
    table : float64[levels + 1]: value (a code for levels) for each level of the source and, last, for NA.
    """

    name: str
    source: str
    levels: tuple[str, ...]
    domain: tuple[str, ...] | None
    table: NDArray[np.float64]

    def spec(self, source: ColumnSpec) -> ColumnSpec:
        """The predictor, read from the source as a frame has it."""
        return ColumnSpec(self.name, -1, self.domain, source=source, table=self.table)


@wire_type("models.columns")
@dataclass(frozen=True, slots=True)
class ModelColumns:
    """Names and levels a model was trained with. ``names``/``domains``/``types`` are the predictors only.

    ``encoded``: what each predictor is made of where that is no column of its own; () when all are. ``originals``: the columns
    that the frame had for them, in its order; () without encoding.
    """

    names: tuple[str, ...]
    domains: tuple[tuple[str, ...] | None, ...]
    types: tuple[str, ...]
    response: str | None = None
    response_domain: tuple[str, ...] | None = None
    weights: str | None = None
    offset: str | None = None
    fold: str | None = None
    encoded: tuple[Encoded | None, ...] = ()
    originals: tuple[str, ...] = ()
    #: The classes are whole numbers of a numeric column.
    response_numbers: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Columns of a frame that the predictors are read from."""
        return self.originals or self.names

    def frame_names(self) -> list[str]:
        """Columns of a frame that the model looks at: predictors, weights, offset, folds, response."""
        return [*self.sources, *self.all_names()[len(self.names) :]]

    def source_levels(self) -> dict[str, tuple[str, ...]]:
        """Levels of the columns of a frame that the model takes as categorical, the response among them."""
        made = self.encoded or (None,) * len(self.names)
        own = ((n, d) if e is None else (e.source, e.levels) for n, d, e in zip(self.names, self.domains, made, strict=True))
        return {n: d for n, d in (*own, (self.response, self.response_domain)) if n is not None and d is not None}

    def original_names(self) -> list[str] | None:
        """``frame_names`` when predictors were encoded, None otherwise - as a model's output has it."""
        return self.frame_names() if self.originals else None

    def all_names(self) -> list[str]:
        """Predictors, then the other columns, the response last - H2O's order in a model's output."""
        rest = (self.weights, self.offset, self.fold, self.response)
        return [*self.names, *(n for n in rest if n is not None)]

    def all_domains(self) -> list[tuple[str, ...] | None]:
        """Levels for ``all_names``."""
        plain = [None for n in (self.weights, self.offset, self.fold) if n is not None]
        return [*self.domains, *plain, *([self.response_domain] if self.response is not None else [])]

    def all_types(self) -> list[str]:
        """H2O's type names for ``all_names``."""
        plain = ["Numeric" for n in (self.weights, self.offset, self.fold) if n is not None]
        last = [] if self.response is None else ["Enum" if self.response_domain is not None else "Numeric"]
        return [*self.types, *plain, *last]


@dataclass(frozen=True)
class TrainingData:
    """Rows to learn from (or validate on). ``frame`` holds the used columns only and is not stored.

    ``category``: Binomial, Multinomial, Regression or Unknown (no response).
    """

    node: Node
    key: str
    frame: Frame
    spec: RowSpec
    columns: ModelColumns
    source: Frame
    #: Levels of the response count as numbers.
    codes_as_numbers: bool = False

    @property
    def n_rows(self) -> int:
        return self.frame.n_rows

    @property
    def names(self) -> tuple[str, ...]:
        return self.columns.names

    @property
    def domain(self) -> tuple[str, ...] | None:
        """Levels of the response."""
        return self.columns.response_domain

    @property
    def n_classes(self) -> int:
        return len(self.domain) if self.domain is not None else 1

    @property
    def category(self) -> str:
        if self.columns.response is None:
            return "Unknown"
        if self.domain is None or self.codes_as_numbers:
            return "Regression"
        return "Binomial" if len(self.domain) == 2 else "Multinomial"

    def do_all(self, task: RowsTask, outputs: Sequence[OutputSpec] = (), cancelled: Callable[[], bool] | None = None) -> TaskResult:
        """Run a RowsTask over these rows."""
        return self.node.tasks.do_all(task, self.frame, outputs, cancelled)

    def with_fold(self, vec: Vec) -> TrainingData:
        """With the fold of each row as one more column."""
        frame = Frame("", (*self.frame.names, "fold_assignment"), (*self.frame.vecs, vec))
        return replace(self, frame=frame, spec=replace(self.spec, fold=len(self.frame.vecs)))

    def in_fold(self, index: int, *, holdout: bool) -> TrainingData:
        """The rows outside (or with ``holdout`` inside) of a fold; no data is copied."""
        return replace(self, spec=self.spec.in_fold(index, holdout=holdout))


def column_type(vec: Vec) -> str:
    """H2O's name of a column's type in a model."""
    return {"enum": "Enum", "time": "Time", "string": "String", "uuid": "UUID"}.get(vec.type, "Numeric")


def prepare(
    node: Node,
    params: Parameters,
    frame: Frame,
    v: Validation,
    *,
    supervised: bool,
    cats_first: bool = False,
    two_classes: bool = False,
) -> TrainingData | None:
    """Sort the columns of a training frame into roles; findings go to ``v``. None when nothing can be trained.

    ``cats_first``: categorical predictors first, those with more levels before those with fewer (H2O: DataInfo).
    ``two_classes``: a numeric response of two whole numbers stands for two classes.
    """
    roles = {r: _role(params, r, frame, v) for r in _ROLES}
    response = _response(params, frame, v) if supervised else None
    taken = {n for n in (*roles.values(), response) if n is not None}
    names = _predictors(node, params, frame, taken, v)
    if supervised and response is None:
        return None
    if not names:
        v.error(
            "training_frame", f"Frame '{frame.key}' has no column left to learn from. Check ignored_columns and constant columns."
        )
        return None
    if cats_first:
        names = sorted(names, key=lambda n: -frame.vec(n).cardinality)
    extra = [n for n in (roles["weights_column"], roles["offset_column"], response) if n is not None]
    used = [*names, *(n for n in dict.fromkeys(extra))]
    sub = frame.subframe(used)
    at = {n: i for i, n in enumerate(used)}
    levels = _classes(node, frame.vec(response), asked=two_classes) if response is not None else None
    columns = ModelColumns(
        tuple(names),
        tuple(frame.vec(n).domain for n in names),
        tuple(column_type(frame.vec(n)) for n in names),
        response,
        levels,
        roles["weights_column"],
        roles["offset_column"],
        roles["fold_column"],
        response_numbers=levels is not None and response is not None and frame.vec(response).domain is None,
    )
    spec = RowSpec(
        tuple(ColumnSpec(n, at[n], frame.vec(n).domain) for n in names),
        ColumnSpec(response, at[response], levels, from_numbers=columns.response_numbers) if response is not None else None,
        at.get(roles["weights_column"] or "", -1),
        at.get(roles["offset_column"] or "", -1),
    )
    return TrainingData(node, frame.key, sub, spec, columns, frame)


def _role(params: Parameters, role: str, frame: Frame, v: Validation) -> str | None:
    name = params.value(role)
    if name is None:
        return None
    if frame.find(name) < 0:
        v.error(role, f"{role.split('_', maxsplit=1)[0].title()} column '{name}' is not in the training frame '{frame.key}'.")
        return None
    vec = frame.vec(name)
    if role in ("weights_column", "offset_column") and vec.type not in ("numeric", "time"):
        v.error(role, f"{role} '{name}' must be numeric; it is {vec.type}.")
        return None
    return str(name)


def _response(params: Parameters, frame: Frame, v: Validation) -> str | None:
    name = params.value("response_column")
    if name is None:
        v.error("response_column", "Response column is not set. Name the column to predict.")
        return None
    if frame.find(name) < 0:
        v.error("response_column", f"Response column '{name}' is not in the training frame '{frame.key}'.")
        return None
    vec = frame.vec(name)
    if vec.type in ("string", "uuid", "bad"):
        v.error("response_column", f"Response column '{name}' is of type {vec.type}; make it numeric or a factor first.")
        return None
    return str(name)


def _classes(node: Node, vec: Vec, *, asked: bool) -> tuple[str, ...] | None:
    """Levels of the response; with ``asked`` also of a number that takes two whole values."""
    if vec.domain is not None or not asked or vec.type != "numeric":
        return vec.domain
    stats = node.rollups(vec)
    if not stats.is_int or not stats.min < stats.max:
        return None
    if stats.max - stats.min > 1:
        others = node.tasks.do_all(_OtherValues(stats.min, stats.max), Frame("", ("y",), (vec,))).value
        if others:
            return None
    return f"{stats.min:.0f}", f"{stats.max:.0f}"


@wire_type("models.other_values")
@dataclass(frozen=True)
class _OtherValues(MRTask):
    """Number of known values other than two."""

    low: float
    high: float

    def map(self, block: Block) -> int:
        x = block.numbers(0)
        return int(np.count_nonzero((x != self.low) & (x != self.high) & ~np.isnan(x)))


def _predictors(node: Node, params: Parameters, frame: Frame, taken: set[str], v: Validation) -> list[str]:
    ignored = set(params.value("ignored_columns") or ())
    names, text, constant = [], [], []
    for name, vec in zip(frame.names, frame.vecs, strict=True):
        if name in taken or name in ignored:
            continue
        if vec.type in ("string", "uuid"):
            text.append(name)
        elif _is_useless(node, vec, keep_constant=not params.value("ignore_const_cols", True)):
            constant.append(name)
        else:
            names.append(name)
    if text:
        v.warn("ignored_columns", f"Left out columns of text or UUIDs: {_listed(text)}.")
    if constant:
        v.warn("ignored_columns", f"Left out bad and constant columns: {_listed(constant)}.")
    return names


def _is_useless(node: Node, vec: Vec, *, keep_constant: bool) -> bool:
    stats = node.rollups(vec)
    if stats.n_known == 0:
        return True
    return not keep_constant and stats.is_const


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:10])
    return f"[{shown}]" if len(names) <= 10 else f"[{shown}] and {len(names) - 10} more"

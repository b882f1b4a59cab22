"""Adaptation: a frame in the terms of a model - which column stands for which, levels by their text, what does not fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.ext.models.rows import ColumnSpec, RowSpec, codes_of_numbers, map_levels
from h2ok.ext.models.training import ModelColumns, TrainingData
from h2ok.kernel import Block, Frame, MRTask, Node, Vec, wire_type
from numpy.typing import NDArray

__all__ = ["adapt", "misfits", "model_numbers"]

#: Unknown texts of a column that are counted one by one; beyond, only the first and the last are known.
_MOST_TEXTS = 10_000
#: Unknown levels that a warning lists from each end.
_LISTED = 10
#: A level that is a whole number.
_INTEGER = re.compile("[+-]?[0-9]{1,15}")


def adapt(node: Node, columns: ModelColumns, frame: Frame, *, need_response: bool = False) -> TrainingData:
    """A frame in the terms of a model; no data is copied. What it lacks is told by ``misfits``.

    Levels are matched by their text, whether the frame has them as levels or as texts; levels the model does not know and columns
    that are missing become NA. Numbers and times stand for one another. Numbers may stand for levels that are whole numbers when
    each of them is a level; looking for that reads the column once.

    Raises
    ------
    BadRequestError
        The frame has none of the model's columns, numbers where the model has other levels, levels where the model has numbers, or
        misses offset or (when needed) response. The first sentence is H2O's.
    """
    if columns.names and all(frame.find(n) < 0 for n in columns.frame_names()):
        raise BadRequestError(
            "Test/Validation dataset has no columns in common with the training set. "
            f"Frame '{frame.key}' needs some of: {_some(columns.sources)}."
        )
    reader = _Reader(node, frame, [])
    specs = _predictors(reader, columns)
    response: ColumnSpec | None = None
    if columns.response is not None:
        if frame.find(columns.response) >= 0:
            response = reader.column(columns.response, columns.response_domain, numbers=columns.response_numbers)
        elif need_response:
            raise BadRequestError(
                f"Test/Validation dataset is missing response column '{columns.response}'. Metrics need it: add it to frame "
                f"'{frame.key}'."
            )
    weights = reader.number(columns.weights)
    offset = reader.number(columns.offset)
    if columns.offset is not None and offset < 0:
        raise BadRequestError(
            f"Test/Validation dataset is missing offset column '{columns.offset}'. If your intention is to disable the effect of "
            f"the offset add a zero offset column to frame '{frame.key}'."
        )
    spec = RowSpec(tuple(specs), response, weights, offset)
    return TrainingData(node, frame.key, frame.subframe(reader.used), spec, columns, frame)


def misfits(data: TrainingData) -> list[str]:
    """H2O's warnings about adapted rows: predictors that are missing, and levels that the model does not know.

    Texts are looked through once for them.
    """
    sources = {c.name if c.source is None else c.source.name: c if c.source is None else c.source for c in data.spec.columns}
    texts = {n: c for n, c in sources.items() if c.from_texts}
    strange = dict(zip(texts, _strange_texts(data, list(texts.values())), strict=True))
    out = []
    for name, column in sources.items():
        if column.position < 0:
            out.append(f"Test/Validation dataset is missing column '{name}': substituting in a column of NaN")
            continue
        if column.from_texts:
            unknown, more = strange[name]
        else:
            levels = data.frame.vecs[column.position].domain or ()
            unknown = () if column.mapping is None else tuple(levels[i] for i in np.flatnonzero(column.mapping < 0))
            more = False
        if unknown:
            listed = _listed(unknown, more=more)
            out.append(f"Test/Validation dataset column '{name}' has levels not trained on: [{listed}]")
    return out


def model_numbers(node: Node, vec: Vec, domain: Sequence[str] | None) -> NDArray[np.float64]:
    """A column brought to this node: float64[n_rows], levels and texts as their code in ``domain``, NA and others as NaN.

    Numbers are codes already, unless all levels are whole numbers: then they are read as these.
    """
    if domain is None or vec.type not in ("enum", "string"):
        found = vec.to_numpy(node)
        if domain is None or vec.type != "numeric" or not _are_integers(domain):
            return found
        codes = codes_of_numbers(found, domain)
        return np.where(codes < 0, np.nan, codes)
    index = {level: float(i) for i, level in enumerate(domain)}
    if vec.domain is None:
        texts = vec.to_strings(node)
        return np.array([np.nan if text is None else index.get(text, np.nan) for text in texts], dtype=np.float64)
    codes = np.nan_to_num(vec.to_numpy(node), nan=len(vec.domain)).astype(np.int64)
    return np.array([*(index.get(level, np.nan) for level in vec.domain), np.nan])[codes]


@dataclass(frozen=True)
class _Reader:
    """How the columns of a frame are read; ``used``: names of those that are, in the order of the task's vecs."""

    node: Node
    frame: Frame
    used: list[str]

    def place(self, name: str) -> int:
        """Index among the used columns, -1 when the frame has no such column."""
        if self.frame.find(name) < 0:
            return -1
        if name not in self.used:
            self.used.append(name)
        return self.used.index(name)

    def number(self, name: str | None) -> int:
        """Place of a column of numbers, such as weights; -1 for none."""
        return -1 if name is None else self.column(name, None).position

    def column(self, name: str, domain: tuple[str, ...] | None, *, numbers: bool = False) -> ColumnSpec:
        """A column as the model has it; ``numbers``: numbers may stand for the levels, by their text."""
        at = self.place(name)
        if at < 0:
            return ColumnSpec(name, -1, domain)
        vec = self.frame.vec(name)
        if domain is None:
            if vec.type in ("enum", "string", "uuid"):
                kind = "categorical" if vec.type == "enum" else f"a {vec.type}"
                raise BadRequestError(
                    f"Test/Validation dataset has {kind} column '{name}' which is real-valued in the training data. "
                    f"Give numbers in frame '{self.frame.key}': asnumeric() makes them of texts and levels."
                )
            return ColumnSpec(name, at)
        if vec.domain is not None:
            return ColumnSpec(name, at, domain, map_levels(vec.domain, domain))
        if vec.type == "string":
            return ColumnSpec(name, at, domain, from_texts=True)
        if numbers and vec.type == "numeric":
            return ColumnSpec(name, at, domain, from_numbers=True)
        if vec.type == "bad" or not self.node.rollups(vec).n_known:
            return ColumnSpec(name, at, domain, constant=np.nan)
        strange = ""
        if vec.type == "numeric" and _are_integers(domain):
            unknown = self.node.tasks.do_all(_StrangeNumber(domain), Frame("", (name,), (vec,))).value
            if unknown is None:
                return ColumnSpec(name, at, domain, from_numbers=True)
            strange = f"{unknown:.17g} is none of its levels. "
        raise BadRequestError(
            f"Test/Validation dataset has a non-categorical column '{name}' which is categorical in the training data. "
            f"{strange}Give levels in frame '{self.frame.key}': asfactor() makes them of numbers."
        )


def _predictors(reader: _Reader, columns: ModelColumns) -> list[ColumnSpec]:
    sources: dict[str, ColumnSpec] = {}
    specs = []
    made = columns.encoded or (None,) * len(columns.names)
    for name, domain, encoded in zip(columns.names, columns.domains, made, strict=True):
        if encoded is None:
            specs.append(reader.column(name, domain))
            continue
        if encoded.source not in sources:
            sources[encoded.source] = reader.column(encoded.source, encoded.levels)
        specs.append(encoded.spec(sources[encoded.source]))
    return specs


class _Texts(NamedTuple):
    """Different texts, sorted; with ``more`` some in the middle are left out."""

    texts: tuple[str, ...] = ()
    more: bool = False


def _strange_texts(data: TrainingData, columns: Sequence[ColumnSpec]) -> list[_Texts]:
    if not columns:
        return []
    vecs = tuple(data.frame.vecs[c.position] for c in columns)
    task = _StrangeTexts(tuple(c.domain or () for c in columns))
    found = data.node.tasks.do_all(task, Frame("", tuple(c.name for c in columns), vecs)).value
    return [_Texts(*t) for t in found] if found is not None else [_Texts()] * len(columns)


@wire_type("models.strange_texts")
@dataclass(frozen=True)
class _StrangeTexts(MRTask):
    """Texts of each column that are none of its levels, as (texts, more)."""

    domains: tuple[tuple[str, ...], ...]

    def map(self, block: Block) -> list[tuple[tuple[str, ...], bool]]:
        return [self._few({t for t in block.strings(j) if t is not None} - set(d)) for j, d in enumerate(self.domains)]

    def reduce(self, left: list[_Texts], right: list[_Texts]) -> list[tuple[tuple[str, ...], bool]]:
        return [self._few({*a[0], *b[0]}, more=a[1] or b[1]) for a, b in zip(left, right, strict=True)]

    def _few(self, texts: set[str], *, more: bool = False) -> tuple[tuple[str, ...], bool]:
        found = sorted(texts)
        if more or len(found) > _MOST_TEXTS:
            return (*found[:_LISTED], *found[-_LISTED:]), True
        return tuple(found), False


@wire_type("models.strange_number")
@dataclass(frozen=True)
class _StrangeNumber(MRTask):
    """The first number of a column that is none of some levels, None when all are."""

    domain: tuple[str, ...]

    def map(self, block: Block) -> float | None:
        values = block.numbers(0)
        strange = values[(codes_of_numbers(values, self.domain) < 0) & ~np.isnan(values)]
        return float(strange[0]) if len(strange) else None

    def reduce(self, left: float | None, right: float | None) -> float | None:
        return right if left is None else left


def _are_integers(levels: Sequence[str]) -> bool:
    return bool(levels) and all(_INTEGER.fullmatch(level) for level in levels)


def _listed(levels: Sequence[str], *, more: bool = False) -> str:
    """Levels in quotes, as H2O lists them: of many the first and the last."""
    quoted = [f'"{level}"' for level in levels]
    if more:
        left_out = f"...more than {_MOST_TEXTS - 2 * _LISTED} not listed..."
    elif len(quoted) > 2 * _LISTED:
        left_out = f"...{len(quoted) - 2 * _LISTED} not listed..."
    else:
        return ", ".join(quoted)
    return ", ".join([*quoted[:_LISTED], left_out, *quoted[-_LISTED:]])


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"

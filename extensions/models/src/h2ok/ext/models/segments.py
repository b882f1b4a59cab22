"""Segment models: one model of an algorithm for each group of rows."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.removal import remove_key
from h2ok.ext.models.ids import automatic_id
from h2ok.ext.models.lookup import find_frame
from h2ok.kernel import (
    Block,
    Frame,
    H2OKError,
    IllegalArgumentError,
    Job,
    JobCancelledError,
    JobContext,
    MRTask,
    Node,
    OutputSpec,
    Vec,
    given_key,
    wire_type,
)
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime
    from h2ok.ext.models.builder import ModelBuilder

__all__ = ["SegmentModels", "SegmentSearch", "segment_columns"]

SUCCEEDED, FAILED = "SUCCEEDED", "FAILED"


@wire_type("models.segment_models")
@dataclass(frozen=True, slots=True)
class SegmentModels:
    """The models of segments. ``codes`` float64[n_segments, n_columns]: numbers, or indices into ``domains``; NA as NaN.

    ``models``, ``errors``: of the segments done so far; an error is empty for a model that was built.
    """

    key: str
    algo: str
    columns: tuple[str, ...]
    domains: tuple[tuple[str, ...] | None, ...]
    codes: NDArray[np.float64]
    models: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """Keys of the models that were built."""
        return tuple(m for m, e in zip(self.models, self.errors, strict=True) if not e)

    def retained_keys(self) -> tuple[str, ...]:
        """What must stay while this does."""
        return self.parts

    def on_remove(self, runtime: Runtime) -> None:
        """Remove the models with all they own."""
        for key in self.parts:
            remove_key(runtime, key)


def segment_columns(held: SegmentModels) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Columns, types and domains of the table of the models done so far."""
    n = len(held.models)
    columns: dict[str, Any] = {}
    types: dict[str, Any] = {"model": "string", "errors": "string", "warnings": "string"}
    domains: dict[str, Any] = {}
    for j, name in enumerate(held.columns):
        codes, domain = held.codes[:n, j], held.domains[j]
        columns[name] = codes if domain is None else np.where(np.isnan(codes), -1, codes).astype(np.int32)
        if domain is not None:
            types[name], domains[name] = "enum", domain
    columns["model"] = list(held.models)
    columns["status"] = np.array([int(bool(e)) for e in held.errors], dtype=np.int32)
    types["status"], domains["status"] = "enum", (SUCCEEDED, FAILED)
    columns["errors"] = [e or None for e in held.errors]
    columns["warnings"] = [w or None for w in held.warnings]
    return columns, types, domains


@wire_type("models.distinct_rows")
@dataclass(frozen=True)
class DistinctRows(MRTask):
    """The distinct rows of all columns in ascending order, float64[n, n_columns], NA as -inf."""

    def map(self, block: Block) -> Any:
        x = block.matrix()
        return np.unique(np.where(np.isnan(x), -np.inf, x), axis=0)

    def reduce(self, left: Any, right: Any) -> Any:
        return np.unique(np.concatenate([left, right]), axis=0)


@wire_type("models.segment_rows")
@dataclass(frozen=True)
class SegmentRows(MRTask):
    """The rows whose last columns are ``codes`` (NA as NaN), of the columns before."""

    codes: NDArray[np.float64]

    def map(self, block: Block) -> None:
        n = len(block.vecs) - len(self.codes)
        keep = np.ones(block.n_rows, dtype=np.bool_)
        for j, code in enumerate(self.codes.tolist()):
            x = block.numbers(n + j)
            keep &= np.isnan(x) if np.isnan(code) else x == code
        rows = np.flatnonzero(keep)
        for j in range(n):
            kind = block.vecs[j].type
            if kind in ("string", "uuid"):
                texts = block.strings(j)
                block.write(j, [texts[i] for i in rows.tolist()])
            elif kind == "enum":
                block.write(j, block.codes(j)[rows])
            else:
                block.write(j, block.chunk(j).int64()[rows] if kind == "time" else block.numbers(j)[rows])


class SegmentSearch:
    """One job that trains a model for each segment, one after the other; each uses all threads of the cloud.

    ``columns``: segments are the combinations of their values that occur; or ``segments``: a frame that lists them.
    """

    def __init__(
        self,
        runtime: Runtime,
        builder: type[ModelBuilder],
        base: dict[str, Any],
        columns: Sequence[str] = (),
        segments: Frame | None = None,
        key: str | None = None,
        user_agent: str = "",
    ) -> None:
        self._runtime, self._builder, self._base, self._agent = runtime, builder, base, user_agent
        self._node: Node = runtime.node
        parsed = builder.parameters.parse(base)
        self._train = find_frame(self._node, str(parsed.value("training_frame")), argument="training_frame")
        valid = parsed.value("validation_frame") if builder.parameters.by_wire_name("validation_frame") else None
        self._valid = find_frame(self._node, str(valid), argument="validation_frame") if valid is not None else None
        self._columns = tuple(segments.names if segments is not None else columns)
        self._listed = segments
        self._check()
        stem = automatic_id(self._node, builder.schema, user_agent).replace("_model_", "_segment_models_", 1)
        self.key = given_key(key or stem, "segment_models_id", slashes=False)

    def start(self) -> Job:
        """Train as a job; models that cannot be built are reported in the table."""
        domains = tuple(self._train.vec(c).domain for c in self._columns)
        held = SegmentModels(self.key, self._builder.algo, self._columns, domains, self._segments())
        self._node.dkv.put(self.key, held)
        return self._node.jobs.start(f"{self._builder.schema}", self.key, "SegmentModels", self._run)

    def _check(self) -> None:
        if not self._columns:
            raise IllegalArgumentError("Name the columns to segment by (segment_columns), or a frame of segments (segments).")
        for name in self._columns:
            if name not in self._train.names:
                raise IllegalArgumentError(f"Frame '{self._train.key}' has no column '{name}' to segment by.", argument=name)
            v = self._train.vec(name)
            if v.type != "enum" and not (v.type in ("numeric", "bad") and self._node.rollups(v).is_int):
                raise IllegalArgumentError(
                    f"Columns to segment by must be categorical or of whole numbers; '{name}' is {v.type}.", argument=name
                )
            if self._listed is not None and (self._listed.vec(name).domain is None) != (v.domain is None):
                raise IllegalArgumentError(f"Column '{name}' of the segments must be of the type it has in the training frame.")

    def _segments(self) -> NDArray[np.float64]:
        if self._listed is None:
            vecs = [self._train.vec(c) for c in self._columns]
            found = self._node.tasks.do_all(DistinctRows(), vecs).value
            codes: NDArray[np.float64] = np.where(np.isneginf(found), np.nan, found)
            return codes
        listed = []
        for name in self._columns:
            v, want = self._listed.vec(name), self._train.vec(name).domain
            x = v.to_numpy(self._node)
            if want is not None:
                # A level that the training frame has not is a segment without rows.
                place = {level: float(i) for i, level in enumerate(want)}
                texts = v.to_strings(self._node)
                x = np.array([np.nan if t is None else place.get(t, -1.0) for t in texts])
            listed.append(x)
        return np.column_stack(listed)

    def _run(self, job: JobContext) -> None:
        held: SegmentModels = self._node.dkv.require(self.key)
        for i, codes in enumerate(held.codes):
            error, warnings = self._one(job, i, codes, (i / len(held.codes), (i + 1) / len(held.codes)))
            held = replace(
                held,
                models=(*held.models, f"{self.key}_{i}"),
                errors=(*held.errors, error),
                warnings=(*held.warnings, warnings),
            )
            self._node.dkv.put(self.key, held)

    def _one(self, job: JobContext, i: int, codes: NDArray[np.float64], progress: tuple[float, float]) -> tuple[str, str]:
        """What went wrong (empty when nothing did) and what the user should know."""
        key = f"{self.key}_{i}"
        made: list[str] = []
        try:
            given = {**self._base, "model_id": key}
            for name, frame in (("training_frame", self._train), ("validation_frame", self._valid)):
                if frame is not None:
                    given[name] = self._rows_of(frame, codes, f"{key}_{name}")
                    made.append(given[name])
            builder = self._builder(self._runtime, self._builder.parameters.parse(given), user_agent=self._agent)
            builder.train(job, progress)
        except JobCancelledError:
            raise
        except Exception as e:  # a segment that cannot be learned must not end the others
            return (e.message if isinstance(e, H2OKError) else f"{e}\n{traceback.format_exc()}") or type(e).__name__, ""
        finally:
            for name in made:
                self._node.frames.remove(name)
        return "", "\n".join(m.message for m in builder.validation.messages if m.type == "WARN")

    def _rows_of(self, frame: Frame, codes: NDArray[np.float64], key: str) -> str:
        """Store the rows of a segment under a key."""
        by: list[Vec] = []
        wanted = codes.copy()
        for j, name in enumerate(self._columns):
            if name not in frame.names:
                raise IllegalArgumentError(f"Frame '{frame.key}' has no column '{name}' to segment by.")
            by.append(frame.vec(name))
            have, want = frame.vec(name).domain, self._train.vec(name).domain
            if want is not None and have != want and codes[j] >= 0:
                level = want[int(codes[j])]
                wanted[j] = float(have.index(level)) if have is not None and level in have else -1.0
        outputs = [OutputSpec(v.type, v.domain) for v in frame.vecs]
        with self._node.scopes.enter():
            vecs = self._node.tasks.run(SegmentRows(wanted), [*frame.vecs, *by], frame.vecs[0].espc, outputs).vecs
            self._node.frames.put(Frame(key, frame.names, vecs))
        return key

"""CreateFrame: a frame of random columns; every cell depends on the seed, its column and its row alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.frames.schemas import CreateFrameV3
from h2ok.kernel import (
    Block,
    Frame,
    JobContext,
    MRTask,
    OutputSpec,
    VecType,
    even_espc,
    given_key,
    new_seed,
    random_key,
    uniforms,
    wire_type,
)
from numpy.typing import NDArray

__all__ = ["ColumnPlan", "create_frame", "plan_columns"]

_MAX_CELLS = 10**11
_MAX_FACTORS = 10_000_000
_STRING_LENGTH = 8
_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
#: Times are drawn from 1970 to 2020.
_TIME_SPAN = 50 * 365 * 86_400_000


@wire_type("frames.column_plan")
@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """``kind``: real, enum, int, binary, time or string; ``size``: range or number of levels; ``positive``: no real below 0;
    ``prefix``: what the names of the levels start with.
    """

    name: str
    kind: str
    size: float
    constant: float | None = None
    positive: bool = False
    prefix: str = ""

    @property
    def spec(self) -> OutputSpec:
        kinds: dict[str, VecType] = {"enum": "enum", "time": "time", "string": "string"}
        domain = tuple(f"{self.prefix}{i}" for i in range(int(self.size))) if self.kind == "enum" else None
        return OutputSpec(kinds.get(self.kind, "numeric"), domain)


@wire_type("frames.create")
@dataclass(frozen=True)
class _Create(MRTask):
    columns: tuple[ColumnPlan, ...]
    seed: int
    missing: float

    def map(self, block: Block) -> None:
        for j, column in enumerate(self.columns):
            draw = uniforms(self.seed, 2 * j, block.start, block.n_rows)
            gone = uniforms(self.seed, 2 * j + 1, block.start, block.n_rows) < self.missing
            if column.name == "response":
                gone[:] = False
            block.write(j, _values(column, draw, gone))


def _values(column: ColumnPlan, draw: NDArray[np.float64], gone: NDArray[np.bool_]) -> Any:
    if column.kind == "string":
        letters = _LETTERS[((draw[:, None] * 26.0 ** np.arange(1, _STRING_LENGTH + 1)) % 26).astype(np.int64)]
        return [None if g else "".join(row) for row, g in zip(letters.tolist(), gone.tolist(), strict=True)]
    if column.constant is not None:
        values = np.full(len(draw), column.constant)
    elif column.kind == "enum":
        return np.where(gone, -1, (draw * column.size).astype(np.int32))
    elif column.kind == "time":
        values = np.floor(draw * _TIME_SPAN)
    elif column.kind == "binary":
        values = (draw < column.size).astype(np.float64)
    elif column.kind == "int":
        values = np.floor(draw * (2 * column.size + 1)) - column.size
    else:
        values = draw * column.size if column.positive else (2 * draw - 1) * column.size
    values[gone] = np.nan
    return values


def create_frame(ctx: RequestContext, request: CreateFrameV3) -> JobV3:
    """POST /3/CreateFrame."""
    columns = plan_columns(request)
    dest = given_key(request.dest, "dest") if request.dest else random_key("frame_")
    seed = new_seed() if request.seed == -1 else request.seed
    rows = request.rows

    def work(job: JobContext) -> None:
        task = _Create(tuple(columns), seed, request.missing_fraction)
        specs = [c.spec for c in columns]
        vecs = job.node.tasks.run(task, (), even_espc(rows), specs, cancelled=job.cancelled).vecs
        job.node.frames.put(Frame(dest, tuple(c.name for c in columns), vecs))

    return JobV3.of(ctx.node.jobs.start("CreateFrame", dest, "Frame", work))


def plan_columns(request: CreateFrameV3) -> list[ColumnPlan]:
    """The columns of a request: fractions times ``cols`` of each kind, the rest reals, in an order drawn from a seed.

    Raises
    ------
    BadRequestError
        Sizes or fractions are outside what makes a frame.
    """
    _check(request)
    fractions = {
        "enum": request.categorical_fraction,
        "int": request.integer_fraction,
        "binary": request.binary_fraction,
        "time": request.time_fraction,
        "string": request.string_fraction,
    }
    kinds = [k for k, f in fractions.items() for _ in range(round(f * request.cols))][: request.cols]
    kinds += ["real"] * (request.cols - len(kinds))
    seed = request.seed_for_column_types if request.seed_for_column_types != -1 else request.seed
    if request.randomize:
        order = np.argsort(uniforms(new_seed() if seed == -1 else seed, 1, 0, request.cols), kind="stable")
        kinds = [kinds[i] for i in order]
    sizes = {
        "enum": float(request.factors),
        "int": float(request.integer_range),
        "binary": request.binary_ones_fraction,
        "real": float(request.real_range),
    }
    constant = None if request.randomize else float(request.value)
    # Levels are named after the place of their column in the frame, which a response moves by one.
    first = int(bool(request.has_response))
    columns = [ColumnPlan(f"C{i + 1}", k, sizes.get(k, 0.0), constant, prefix=f"c{i + first}.l") for i, k in enumerate(kinds)]
    if request.has_response:
        kind = "real" if request.response_factors == 1 else "enum"
        size = float(request.real_range if kind == "real" else request.response_factors)
        columns.insert(0, ColumnPlan("response", kind, size, None, request.positive_response))
    return columns


def _check(request: CreateFrameV3) -> None:
    if request.rows <= 0 or request.cols <= 0:
        raise BadRequestError(f"rows and cols must be positive; got {request.rows} and {request.cols}.")
    if request.rows * request.cols > _MAX_CELLS:
        raise BadRequestError(
            f"{request.rows} rows of {request.cols} columns are more than {_MAX_CELLS} cells; make a smaller frame."
        )
    names = ("categorical", "integer", "binary", "time", "string")
    fractions = [getattr(request, f"{n}_fraction") for n in names]
    every = [*fractions, request.missing_fraction, request.binary_ones_fraction]
    if any(not 0 <= f <= 1 for f in every):
        raise BadRequestError("Fractions must lie between 0 and 1: " + ", ".join(f"{f:g}" for f in every) + ".")
    if sum(fractions) > 1 + 1e-9:
        raise BadRequestError(f"Fractions of column kinds must add up to at most 1; they make {sum(fractions):g}.")
    if not request.randomize and any(fractions[:2]):
        raise BadRequestError("randomize=False makes constant reals only; set categorical_fraction and integer_fraction to 0.")
    if request.factors < 1 or request.response_factors < 1:
        raise BadRequestError("factors and response_factors must be at least 1.")
    if max(request.factors, request.response_factors) > _MAX_FACTORS:
        most = max(request.factors, request.response_factors)
        raise BadRequestError(f"Number of factors must be <= {_MAX_FACTORS:,}; got {most:,}.")

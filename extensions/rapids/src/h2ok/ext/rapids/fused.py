"""Fusing: columns that are expressions of other columns, computed chunk by chunk in one MRTask when somebody needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.rapids.arrays import EXACT, IN_PLACE, OPERATIONS, as_float
from h2ok.kernel import Block, Frame, MRTask, Node, OutputSpec, Vec, wire_type
from h2ok.kernel.frame.chunk import Chunk
from h2ok.kernel.frame.codecs import ConstantChunk, IntegerChunk
from h2ok.kernel.frame.longs import as_doubles, is_exact_double, joined_values
from h2ok.kernel.frame.newchunk import encode_numbers, encode_whole
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.ext.rapids.programs import Program

__all__ = ["Column", "Expr", "LazyFrame", "RowBatch", "RowNumber", "columns_of", "compute", "force", "lazy"]

#: Rows computed at once: a few operands of this length fit into the second-level cache.
#: PERF: 16384 rows beat whole chunks of 65536 by about a quarter on a five-operator expression.
_SLICE = 16384
#: Chunks of so many rows are worth the compiled loop; small frames do without loading the compiler.
_COMPILED_ROWS = 16384


@dataclass(frozen=True, slots=True, eq=False)
class Expr:
    """A numeric column to be computed: an operation of ``arrays`` on columns, expressions, numbers or lookup tables."""

    op: str
    args: tuple[Any, ...]
    espc: NDArray[np.int64]


Column = Vec | Expr


@dataclass(frozen=True, slots=True, eq=False)
class LazyFrame:
    """A frame some of whose columns are still expressions. All columns have equal row boundaries."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def n_cols(self) -> int:
        return len(self.columns)

    @property
    def espc(self) -> NDArray[np.int64]:
        return self.columns[0].espc

    @property
    def n_rows(self) -> int:
        return int(self.espc[-1]) if self.columns else 0


@dataclass(frozen=True, slots=True, eq=False)
class RowBatch:
    """The row of a frame, whichever it is, inside a function applied to rows: its columns stand for the row's cells."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, eq=False)
class RowNumber:
    """A number for each row, inside a function applied to rows."""

    column: Column


def columns_of(frame: Frame | LazyFrame) -> tuple[Column, ...]:
    """The columns of a frame, computed or not."""
    return frame.vecs if isinstance(frame, Frame) else frame.columns


def lazy(names: Sequence[str], columns: Sequence[Column]) -> Frame | LazyFrame:
    """A frame of columns; a plain one when nothing is left to compute."""
    if all(isinstance(c, Vec) for c in columns):
        return Frame("", tuple(names), tuple(columns))  # type: ignore[arg-type]
    return LazyFrame(tuple(names), tuple(columns))


def force(node: Node, frame: Frame | LazyFrame) -> Frame:
    """The frame with every column computed, all in one pass."""
    if isinstance(frame, Frame):
        return frame
    todo = [c for c in frame.columns if isinstance(c, Expr)]
    made = iter(compute(node, todo))
    vecs = [next(made) if isinstance(c, Expr) else c for c in frame.columns]
    return Frame("", frame.names, tuple(vecs))


def compute(node: Node, exprs: Sequence[Expr]) -> tuple[Vec, ...]:
    """Compute expressions with equal row boundaries in one pass."""
    if not exprs:
        return ()
    program = _Compiler(exprs)
    espc = exprs[0].espc
    task = FusedTask(program.code, program.outputs, program.tables, int(np.diff(espc).max(initial=0)))
    return node.tasks.run(task, program.vecs, espc, [OutputSpec()] * len(exprs)).vecs


class _Compiler:
    """Turns trees into straight-line code; equal sub-expressions and inputs appear once."""

    def __init__(self, exprs: Sequence[Expr]) -> None:
        self.code: list[tuple[Any, ...]] = []
        self.vecs: list[Vec] = []
        self.tables: list[NDArray[np.float64]] = []
        self._known: dict[Any, int] = {}
        self.outputs = [self.visit(e) for e in exprs]

    def emit(self, instruction: tuple[Any, ...]) -> int:
        key = repr(instruction)
        if key not in self._known:
            self._known[key] = len(self.code)
            self.code.append(instruction)
        return self._known[key]

    def visit(self, node: Any) -> int:
        if isinstance(node, Vec):
            key: tuple[str, Any] = ("vec", node.key)
            if key not in self._known:
                self.vecs.append(node)
                self._known[key] = self.emit(("load", len(self.vecs) - 1))
            return self._known[key]
        if isinstance(node, Expr):
            key = ("expr", id(node))
            if key not in self._known:
                self._known[key] = self.emit((node.op, *(self.visit(a) for a in node.args)))
            return self._known[key]
        if isinstance(node, np.ndarray):
            self.tables.append(node)
            return self.emit(("table", len(self.tables) - 1))
        return self.emit(("const", float(node) if is_exact_double(node) else node))


@wire_type("rapids.fused")
@dataclass
class FusedTask(MRTask):
    """Straight-line code over blocks.

    ``code``: instructions (operation, operand registers...); the result of instruction i is register i. ``load``, ``const``
    and ``table`` take an input column, a number and an index into ``tables``. ``outputs``: the registers to write. ``rows``: of the
    longest chunk.
    """

    code: list[Any]
    outputs: list[int]
    tables: list[Any]
    rows: int = 0

    def setup_local(self, node: Node) -> None:
        """Compile the outputs that need nothing but plain operators; longs among the numbers are for numpy."""
        self._programs: dict[int, Program] = {}
        exact = {a for op, *operands in self.code if op in EXACT for a in operands}
        #: Input columns whose digits count where no double holds them.
        self._exact_inputs = sorted({self.code[i][1] for i in exact if self.code[i][0] == "load"})
        if self.rows < _COMPILED_ROWS or any(op == "const" and isinstance(x[0], int) for op, *x in self.code):
            return
        from h2ok.ext.rapids.programs import compile_program

        for r in set(self.outputs):
            program = compile_program(self.code, r)
            if program is not None:
                self._programs[r] = program

    def map(self, block: Block) -> None:
        self.map_group([block])

    def map_group(self, blocks: Sequence[Block]) -> list[Any]:
        """Several blocks; those that are large go through each program together."""
        large = [b for b in blocks if b.n_rows >= _COMPILED_ROWS and not self._has_longs(b)]
        made: dict[int, dict[int, Chunk]] = {b.index: {} for b in blocks}
        for r, program in self._programs.items() if large else ():
            for block, chunk in zip(large, _run_program(large, program), strict=True):
                made[block.index][r] = chunk
        for block in blocks:
            chunks = made[block.index]
            chunks.update(self._run_slices(block, [r for r in self.outputs if r not in chunks]))
            for j, r in enumerate(self.outputs):
                block.write(j, chunks[r])
        return [None] * len(blocks)

    def _has_longs(self, block: Block) -> bool:
        return any(block.chunk(j).is_long() for j in self._exact_inputs)

    def _run_slices(self, block: Block, outputs: list[int]) -> dict[int, Chunk]:
        """Chunks of some outputs by numpy, a slice of rows after the other."""
        if not outputs:
            return {}
        n = block.n_rows
        # NOTE: chunks are decoded whole; what is cut into slices is the computing.
        loads = {tuple(c) for c in self.code if c[0] == "load"}
        inputs = {i: block.exact(i[1]) if i[1] in self._exact_inputs else block.numbers(i[1]) for i in loads}
        results: dict[int, list[Any]] = {r: [] for r in outputs}
        last_use = self._last_uses()
        for lo in range(0, n, _SLICE) if n else (0,):
            registers = self._run(inputs, lo, min(lo + _SLICE, n), last_use)
            for r, parts in results.items():
                parts.append(registers[r])
        return {
            r: _encode(joined_values(parts) if len(parts) > 1 else parts[0], n, owned=len(parts) > 1)
            for r, parts in results.items()
        }

    def _last_uses(self) -> dict[int, int]:
        last: dict[int, int] = {}
        for i, (op, *args) in enumerate(self.code):
            if op not in ("load", "const", "table"):
                last.update(dict.fromkeys(args, i))
        last.update(dict.fromkeys(self.outputs, len(self.code)))
        return last

    def _run(self, inputs: dict[Any, NDArray[Any]], lo: int, hi: int, last_use: dict[int, int]) -> list[Any]:
        registers: list[Any] = []
        owned: list[bool] = []
        with np.errstate(all="ignore"):
            for i, (op, *args) in enumerate(self.code):
                fresh = False
                if op == "load":
                    value: Any = inputs[(op, args[0])][lo:hi]
                elif op == "const":
                    value = args[0]
                elif op == "table":
                    value = self.tables[args[0]]
                else:
                    values = [registers[a] for a in args]
                    if op not in EXACT:
                        values = [as_doubles(v) if isinstance(v, np.ndarray) else v for v in values]
                    fresh = True
                    ufunc = IN_PLACE.get(op)
                    if ufunc is None:
                        value = OPERATIONS[op](*values)
                    else:
                        out = self._reusable(args, registers, owned, last_use, i)
                        value = ufunc(*map(as_float, values), out=out) if out is not None else ufunc(*map(as_float, values))
                    if np.ndim(value) == 0:
                        value = np.full(hi - lo, float(value))
                    for a in args:
                        if last_use[a] == i:
                            registers[a] = None
                registers.append(value)
                owned.append(fresh)
        return registers

    def _reusable(self, args: list[int], registers: list[Any], owned: list[bool], last_use: dict[int, int], at: int) -> Any:
        """A float operand made here that nobody reads after instruction ``at``."""
        for a in args:
            r = registers[a]
            if owned[a] and last_use[a] == at and isinstance(r, np.ndarray) and r.dtype == np.float64:
                return r
        return None


def _run_program(blocks: Sequence[Block], program: Program) -> list[Chunk]:
    """The chunks of an output by the compiled loop."""
    from h2ok.ext.rapids.looking import look
    from h2ok.ext.rapids.programs import run_program_on

    made = run_program_on(program, [[b.numbers(j) for j in program.inputs] for b in blocks], [b.n_rows for b in blocks])
    if program.truth:
        return [_truths(values) for values in made]
    return [encode_numbers(values, owned=True, seen=look(values)) for values in made]


def _encode(values: Any, n: int, *, owned: bool) -> Any:
    if isinstance(values, float):
        return ConstantChunk(n, values)
    if values.dtype.kind == "i":
        return encode_whole(values)
    if values.dtype != np.bool_:
        return encode_numbers(values, owned=owned)
    return _truths(values.view(np.int8))


def _truths(values: NDArray[np.int8]) -> Chunk:
    """A chunk of 0 and 1 without NA."""
    n, count = len(values), int(np.count_nonzero(values))
    if n and count in (0, n):
        return ConstantChunk(n, float(count > 0))
    return IntegerChunk(n, values, 0, 1.0, False)

"""Element-wise expressions of plain operators as machine code: one loop over the rows of a chunk, made by LLVM in a millisecond.

Eight rows are computed at a time, from the columns to the result without a number in between that is stored, so that only the
columns and the result travel to and from memory. Operations are those of ``arrays`` that need no library function; the results are
the same bits. Numbers are float64 with NA as NaN; what is true or false only is one bit until a number is wanted. Programs that
differ in nothing but columns and numbers share their code.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

__all__ = ["Program", "compile_program", "run_program", "run_program_on"]

#: Rows computed at a time. The compiler takes as many registers for them as the processor needs.
_WIDTH = 8
#: Programs with more operations are left to numpy: the time to make code grows with them.
_MOST_STEPS = 1000
#: Codes that are kept for the next expression of the same shape.
_KEPT = 256
_REALS, _TRUTHS, _BYTES, _WORDS = (f"<{_WIDTH} x {kind}>" for kind in ("double", "i1", "i8", "i64"))
_ZERO = "zeroinitializer"
_ONE, _NAN, _ULP, _NEXT, _TRUE = (
    f"<{', '.join([text] * _WIDTH)}>"
    for text in ("double 1.0", "double 0x7FF8000000000000", f"double {2.3e-16:e}", "i64 1", "i1 true")
)
_ARITHMETIC = {"+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"}
_FUNCTIONS = {"abs": "fabs", "sqrt": "sqrt", "floor": "floor", "ceiling": "ceil", "trunc": "trunc"}
_ORDERS = {"<": "olt", "<=": "ole", ">": "ogt", ">=": "oge"}
_LOGIC = ("==", "!=", "&", "|", "not", "is.na", "ifelse", "none")
_KNOWN = frozenset({"load", "const", *_ARITHMETIC, *_FUNCTIONS, *_ORDERS, *_LOGIC})

_Run = ctypes.CFUNCTYPE(None, ctypes.c_int64, *[ctypes.c_void_p] * 4)
#: What the code of a program depends on: how many inputs and constants, then operations with the places of their operands, counted
#: through inputs, constants and earlier operations.
_Shape = tuple[int, int, tuple[tuple[Any, ...], ...]]


@dataclass(frozen=True, slots=True)
class _Code:
    """``run(chunks, addresses of: rows of each, addresses of the columns of each, constants, addresses of the results)``.

    ``engine`` owns its memory.
    """

    engine: Any
    run: Any
    truth: bool


@dataclass(frozen=True, slots=True)
class Program:
    """Code with the columns it reads, by the numbers that ``load`` has for them, and its constants, float64[c]."""

    inputs: tuple[int, ...]
    constants: NDArray[np.float64]
    code: _Code

    @property
    def truth(self) -> bool:
        """Whether the result is 0 or 1 only."""
        return self.code.truth


def compile_program(code: Sequence[Sequence[Any]], output: int) -> Program | None:
    """The program of one output of straight-line code as in ``FusedTask``; None where an operation is not among those here."""
    needed = _needed(code, output)
    if len(needed) > _MOST_STEPS or any(code[i][0] not in _KNOWN for i in needed) or code[output][0] in ("const", "load"):
        return None
    loads = [i for i in needed if code[i][0] == "load"]
    numbers = [i for i in needed if code[i][0] == "const"]
    steps = [i for i in needed if code[i][0] not in ("load", "const")]
    place = {i: at for at, i in enumerate(loads + numbers + steps)}
    shape = tuple((code[i][0], *(place[a] for a in code[i][1:])) for i in steps)
    constants = np.array([float(code[i][1]) for i in numbers])
    return Program(tuple(int(code[i][1]) for i in loads), constants, _machine_code((len(loads), len(numbers), shape)))


def run_program(program: Program, inputs: Sequence[NDArray[np.float64]], n: int) -> Any:
    """The result for ``n`` rows of ``program.inputs``: float64[n], or int8[n] of a truth."""
    if n < _WIDTH:
        inputs = [np.concatenate([x, np.zeros(_WIDTH - n)]) for x in inputs]
        return run_program(program, inputs, _WIDTH)[:n]
    return run_program_on(program, [inputs], [n])[0]


def run_program_on(program: Program, inputs: Sequence[Sequence[NDArray[np.float64]]], rows: Sequence[int]) -> list[Any]:
    """The results for several chunks, each with at least eight rows.

    PERF: a thread that comes back from compiled code while another one runs Python sleeps, and to wake it takes longer than to
    compute a chunk. So it goes there once for several.
    """
    columns = [[np.ascontiguousarray(x, dtype=np.float64) for x in chunk] for chunk in inputs]
    for chunk, n in zip(columns, rows, strict=True):
        if len(chunk) != len(program.inputs) or any(len(x) != n for x in chunk) or n < _WIDTH:
            raise ValueError(f"A program over {len(program.inputs)} columns of {n} rows got rows {[len(x) for x in chunk]}.")
    out = [np.empty(n, dtype=np.int8 if program.truth else np.float64) for n in rows]
    sizes = np.array(rows, dtype=np.int64)
    addresses = np.array([_address(x) for chunk in columns for x in chunk], dtype=np.uint64)
    results = np.array([_address(x) for x in out], dtype=np.uint64)
    program.code.run(len(out), _address(sizes), _address(addresses), _address(program.constants), _address(results))
    return out


def _address(x: NDArray[Any]) -> int:
    return int(x.__array_interface__["data"][0])


def _needed(code: Sequence[Sequence[Any]], output: int) -> list[int]:
    """Instructions that the output depends on, in order."""
    found, todo = set(), [output]
    while todo:
        i = todo.pop()
        if i not in found:
            found.add(i)
            todo.extend(() if code[i][0] in ("load", "const", "table") else code[i][1:])
    return sorted(found)


# -- code --------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=_KEPT)
def _machine_code(shape: _Shape) -> _Code:
    text, truth = _source(shape)
    module = llvm.parse_assembly(text)
    module.verify()
    engine = llvm.create_mcjit_compiler(module, _machine())
    engine.finalize_object()
    return _Code(engine, _Run(engine.get_function_address("run_on")), truth)


def _machine() -> Any:
    """The compiler for this processor. An engine takes it over, so that each needs its own.

    PERF: without optimisation code is made in a fifth of the time and takes a sixth longer to run.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features, opt=0, jit=True)


def _source(shape: _Shape) -> tuple[str, bool]:
    """LLVM's text of the loop, and whether its result is 0 or 1 only.

    The last rows are those that end with the last one: some are computed twice, which changes nothing.
    """
    n_inputs, n_constants, steps = shape
    w = _Writer()
    values = []
    for k in range(n_inputs):
        at = w.add(f"getelementptr ptr, ptr %inputs, i64 {k}")
        values.append(w.add(f"load ptr, ptr {at}"))
    for k in range(n_constants):
        at = w.add(f"getelementptr double, ptr %constants, i64 {k}")
        first = w.add(f"insertelement {_REALS} undef, double {w.add(f'load double, ptr {at}')}, i32 0")
        values.append(w.add(f"shufflevector {_REALS} {first}, {_REALS} undef, <{_WIDTH} x i32> {_ZERO}"))
    before, w.lines = w.lines, []
    for k in range(n_inputs):
        at = w.add(f"getelementptr double, ptr {values[k]}, i64 %at")
        values[k] = w.add(f"load {_REALS}, ptr {at}, align 8")
    operands = [_Operand(w, real=v) for v in values]
    for op, *args in steps:
        operands.append(_step(w, op, [operands[a] for a in args]))
    truth = operands[-1].truth is not None
    if truth:
        result, kind = w.add(f"zext {_TRUTHS} {operands[-1].truth} to {_BYTES}"), "i8"
    else:
        result, kind = operands[-1].real, "double"
    at = w.add(f"getelementptr {kind}, ptr %out, i64 %at")
    w.lines.append(f"store <{_WIDTH} x {kind}> {result}, ptr {at}, align 1")
    return _LOOP.format(
        declared="\n".join(f"declare {_REALS} @llvm.{f}.v{_WIDTH}f64({_REALS})" for f in _FUNCTIONS.values()),
        before="\n".join(before), body="\n".join(w.lines), width=_WIDTH, n_inputs=n_inputs,
    ), truth  # fmt: skip


_LOOP = """{declared}
define void @run(i64 %n, ptr %inputs, ptr %constants, ptr %out) {{
entry:
%last = sub i64 %n, {width}
{before}
br label %loop
loop:
%i = phi i64 [0, %entry], [%next, %loop]
%over = icmp slt i64 %last, %i
%at = select i1 %over, i64 %last, i64 %i
{body}
%next = add i64 %i, {width}
%more = icmp slt i64 %next, %n
br i1 %more, label %loop, label %end
end:
ret void
}}
define void @run_on(i64 %chunks, ptr %rows, ptr %inputs, ptr %constants, ptr %results) {{
entry:
br label %loop
loop:
%j = phi i64 [0, %entry], [%next, %loop]
%at_rows = getelementptr i64, ptr %rows, i64 %j
%n = load i64, ptr %at_rows
%first = mul i64 %j, {n_inputs}
%columns = getelementptr ptr, ptr %inputs, i64 %first
%at_result = getelementptr ptr, ptr %results, i64 %j
%result = load ptr, ptr %at_result
call void @run(i64 %n, ptr %columns, ptr %constants, ptr %result)
%next = add i64 %j, 1
%more = icmp slt i64 %next, %chunks
br i1 %more, label %loop, label %end
end:
ret void
}}
"""


class _Writer:
    """Instructions, each with a name for its result."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names = 0

    def add(self, instruction: str) -> str:
        self._names += 1
        self.lines.append(f"%v{self._names} = {instruction}")
        return f"%v{self._names}"

    def choose(self, condition: str, yes: str, no: str) -> str:
        return self.add(f"select {_TRUTHS} {condition}, {_REALS} {yes}, {_REALS} {no}")

    def compare(self, how: str, a: str, b: str) -> str:
        return self.add(f"fcmp {how} {_REALS} {a}, {b}")

    def bits(self, how: str, a: str, b: str) -> str:
        return self.add(f"{how} {_TRUTHS} {a}, {b}")

    def call(self, function: str, a: str) -> str:
        return self.add(f"call {_REALS} @llvm.{function}.v{_WIDTH}f64({_REALS} {a})")


class _Operand:
    """A result: eight numbers, or eight bits of which numbers are made when they are wanted."""

    def __init__(self, writer: _Writer, real: str = "", truth: str | None = None) -> None:
        self._writer, self._real, self.truth = writer, real, truth

    @property
    def real(self) -> str:
        if not self._real:
            self._real = self._writer.choose(str(self.truth), _ONE, _ZERO)
        return self._real


def _step(w: _Writer, op: str, args: list[_Operand]) -> _Operand:
    """One operation, with the rules of ``arrays`` for NA."""
    if op in ("&", "|", "not") and all(a.truth is not None for a in args):
        return _of_truths(w, op, args)
    if op == "ifelse" and args[0].truth is not None:
        return _Operand(w, w.choose(str(args[0].truth), args[1].real, args[2].real))
    a, b, c = [x.real for x in args] + [args[0].real] * (3 - len(args))
    if op in _ARITHMETIC:
        return _Operand(w, w.add(f"{_ARITHMETIC[op]} {_REALS} {a}, {b}"))
    if op in _FUNCTIONS:
        return _Operand(w, w.call(_FUNCTIONS[op], a))
    if op in _ORDERS:
        return _Operand(w, truth=w.compare(_ORDERS[op], a, b))
    if op == "is.na":
        return _Operand(w, truth=w.compare("uno", a, a))
    if op in ("==", "!="):
        same = _equal(w, a, b)
        return _Operand(w, truth=same if op == "==" else w.bits("xor", same, _TRUE))
    return _Operand(w, a) if op == "none" else _Operand(w, _logic(w, op, a, b, c))


def _of_truths(w: _Writer, op: str, args: list[_Operand]) -> _Operand:
    bits = [str(x.truth) for x in args]
    if op == "not":
        return _Operand(w, truth=w.bits("xor", bits[0], _TRUE))
    return _Operand(w, truth=w.bits("and" if op == "&" else "or", *bits))


def _logic(w: _Writer, op: str, a: str, b: str, c: str) -> str:
    """Logic of numbers that may be missing."""
    missing = w.compare("uno", a, b if op in ("&", "|") else a)
    if op == "&":
        zero = w.bits("or", w.compare("oeq", a, _ZERO), w.compare("oeq", b, _ZERO))
        return w.choose(zero, _ZERO, w.choose(missing, _NAN, _ONE))
    if op == "|":
        # H2O: a number counts as true here only when it is exactly 1.
        one = w.bits("or", w.compare("oeq", a, _ONE), w.compare("oeq", b, _ONE))
        return w.choose(one, _ONE, w.choose(missing, _NAN, _ZERO))
    if op == "not":
        return w.choose(missing, _NAN, w.choose(w.compare("oeq", a, _ZERO), _ONE, _ZERO))
    return w.choose(missing, _NAN, w.choose(w.compare("une", a, _ZERO), b, c))


def _equal(w: _Writer, a: str, b: str) -> str:
    """Equal within one ulp, that of the smaller number; NaN equals NaN."""
    same = w.bits("or", w.compare("oeq", a, b), w.bits("and", w.compare("uno", a, a), w.compare("uno", b, b)))
    gap, size = w.call("fabs", w.add(f"fsub {_REALS} {a}, {b}")), w.call("fabs", a)
    near = w.compare("ole", gap, w.add(f"fmul {_REALS} {size}, {_ULP}"))
    for x in (size, w.call("fabs", b)):
        word = w.add(f"bitcast {_REALS} {x} to {_WORDS}")
        after = w.add(f"bitcast {_WORDS} {w.add(f'add {_WORDS} {word}, {_NEXT}')} to {_REALS}")
        near = w.bits("and", near, w.compare("ole", gap, w.add(f"fsub {_REALS} {after}, {x}")))
    return w.bits("or", same, near)

"""Straight-line code over tiles of a chunk in one compiled loop: what element-wise expressions of plain operators run on.

A program is int64[m, 5]: operation, the registers of three operands, the register of the result. Registers are rows of a small
array that stays in the processor's cache, so that only inputs and the result travel to and from memory; -1, -2, ... are the
inputs. Operations are those of ``arrays`` that need no library function; the results are the same bits. Numbers are float64 with
NA as NaN, truth is 0 and 1.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import float64, int8, int64, njit, types, void
from numba.extending import intrinsic
from numpy.typing import NDArray

__all__ = ["Program", "compile_program", "run_program"]

#: Rows of a tile. PERF: a dozen registers of 2 KB fit into a first-level cache that two threads share; with 512 rows an
#: expression takes a quarter longer.
_TILE = 256
_OPERATIONS = (
    "+", "-", "*", "/", "abs", "sqrt", "floor", "ceiling", "trunc", "<", "<=", ">", ">=", "==", "!=", "&", "|", "not",
    "is.na", "ifelse", "none",
)  # fmt: skip
(
    _ADD, _SUB, _MUL, _DIV, _ABS, _SQRT, _FLOOR, _CEIL, _TRUNC, _LT, _LE, _GT, _GE, _EQ, _NE, _AND, _OR, _NOT, _IS_NA,
    _IF_ELSE, _NONE,
) = range(len(_OPERATIONS))  # fmt: skip
_CODES = {name: i for i, name in enumerate(_OPERATIONS)}
#: Operations whose result is true or false, never missing.
_TRUTHS = frozenset({"<", "<=", ">", ">=", "==", "!=", "is.na"})
_TINY = 2.3e-16
#: Below it all digits of a number of five places fit into a double.
_MOST_DECIMAL = 2.0**53 / 1e5
_SIGN = np.int64(np.iinfo(np.int64).min)
_MOST = np.int64(np.iinfo(np.int64).max)
#: Bits of infinity: those of a NaN are greater without the sign.
_INFINITY = np.int64(0x7FF0000000000000)


@dataclass(frozen=True, slots=True)
class Program:
    """``code`` int64[m, 5], its last instruction makes the result; ``inputs``: the columns that ``load`` counts; ``constants``:
    (register, number); ``output``: the register of the result; ``truth``: it is 0 or 1 only.
    """

    inputs: tuple[int, ...]
    code: NDArray[np.int64]
    constants: NDArray[np.float64]
    n_registers: int
    output: int
    truth: bool


def compile_program(code: Sequence[Sequence[Any]], output: int) -> Program | None:
    """The program of one output of straight-line code as in ``FusedTask``; None where an operation is not among those here.

    A result never overwrites an operand, so that the compiler may assume that rows do not overlap.
    """
    needed = _needed(code, output)
    if any(code[i][0] not in _CODES and code[i][0] not in ("const", "load") for i in needed):
        return None
    inputs = tuple(dict.fromkeys(int(code[i][1]) for i in needed if code[i][0] == "load"))
    if code[output][0] in ("const", "load"):
        return None
    last: dict[int, int] = {output: len(code)}
    for i in reversed(needed):
        for a in _operands(code[i]):
            last.setdefault(a, i)
    place: dict[int, int] = {}
    free: list[int] = []
    steps, constants, size = [], [], 0
    for i in needed:
        op, *args = code[i]
        if op == "load":
            place[i] = -1 - inputs.index(args[0])
            continue
        if op == "const" or not free:
            place[i], size = size, size + 1
        else:
            place[i] = free.pop()
        if op == "const":
            constants.append((float(place[i]), float(args[0])))
            continue
        given = [place[a] for a in args]
        steps.append([_CODES[op], *given, *[given[0]] * (3 - len(given)), place[i]])
        free.extend(place[a] for a in dict.fromkeys(args) if last[a] == i and code[a][0] not in ("const", "load"))
    truth = _truths(code, needed)[output]
    steps_array = np.array(steps, dtype=np.int64).reshape(-1, 5)
    return Program(inputs, steps_array, np.array(constants).reshape(-1, 2), size, place[output], truth)


def _operands(instruction: Sequence[Any]) -> tuple[int, ...]:
    return () if instruction[0] in ("load", "const", "table") else tuple(instruction[1:])


def _needed(code: Sequence[Sequence[Any]], output: int) -> list[int]:
    """Instructions that the output depends on, in order."""
    found, todo = set(), [output]
    while todo:
        i = todo.pop()
        if i not in found:
            found.add(i)
            todo.extend(_operands(code[i]))
    return sorted(found)


def _truths(code: Sequence[Sequence[Any]], needed: Sequence[int]) -> dict[int, bool]:
    """Which results are true or false only, as ``arrays`` types them."""
    truth: dict[int, bool] = {}
    for i in needed:
        op, *args = code[i]
        truth[i] = op in _TRUTHS or (op in ("&", "|", "not") and all(truth[a] for a in args))
    return truth


def run_program(
    program: Program, inputs: Sequence[NDArray[np.float64]], n: int
) -> tuple[Any, tuple[float, float, bool, bool, bool]]:
    """The result for ``n`` rows of ``program.inputs``: float64[n], or int8[n] of a truth; and (least, greatest known value, any
    missing, any -0.0, whether only a chunk of doubles can hold it).
    """
    columns = [np.ascontiguousarray(x, dtype=np.float64) for x in inputs]
    if any(len(x) != n for x in columns):
        raise ValueError(f"A program over {n} rows got columns of {[len(x) for x in columns]} rows.")
    out = np.empty(n, dtype=np.int8 if program.truth else np.float64)
    registers = np.empty((program.n_registers, _TILE))
    for at, value in program.constants:
        registers[int(at)] = value
    addresses = np.array([x.__array_interface__["data"][0] for x in columns], dtype=np.int64)
    found = np.array([_MOST, _SIGN, 0, 0, 0], dtype=np.int64)
    where = out.__array_interface__["data"][0]
    _run(
        program.code, registers.__array_interface__["data"][0], addresses, n, *((0, where) if program.truth else (where, 0)), found
    )
    least, most, missing, negative_zero, nonzero = found.tolist()
    if least > most:
        return out, (np.nan, np.nan, bool(missing), bool(negative_zero), False)
    ends = (found[:2] ^ ((found[:2] >> np.int64(63)) & _MOST)).view(np.float64)
    plain = not program.truth and nonzero * 8 > n and any(map(_is_plain, out[:8].tolist()))
    return out, (float(ends[0]), float(ends[1]), bool(missing), bool(negative_zero), plain)


def _is_plain(x: float) -> bool:
    """Whether a chunk with this value can only be one of doubles: no whole number, no float, not of up to five places."""
    return abs(x) < _MOST_DECIMAL and round(x * 1e5) / 1e5 != x and struct.unpack("f", struct.pack("f", x))[0] != x


_REALS, _BYTES, _WHOLES = types.CPointer(float64), types.CPointer(int8), types.CPointer(int64)
_STEP = void(int64, _REALS, _REALS, _REALS, _REALS, int64)


def _pointer_to(kind: Any) -> Any:
    """A compiled function that makes a pointer of an address.

    PERF: taking slices of arrays costs 0.2 us for each instruction and tile, as much as computing it; pointers cost nothing.
    """

    @intrinsic
    def pointer(_context: Any, _address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

        return kind(types.int64), generate

    return pointer


_reals, _bytes, _wholes = _pointer_to(_REALS), _pointer_to(_BYTES), _pointer_to(_WHOLES)


@njit(void(_REALS, _REALS, _REALS, int64, float64, float64), cache=True, nogil=True, error_model="numpy")
def _equal(a: Any, b: Any, out: Any, m: int, yes: float, no: float) -> None:
    """``yes`` where equal within one (the smaller) ulp; NaN equals NaN."""
    near = False
    for i in range(m):
        x, y = a[i], b[i]
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        near |= (not same) & (abs(x - y) <= abs(x) * _TINY)
        out[i] = yes if same else no
    if near:
        for i in range(m):
            gap = abs(a[i] - b[i])
            small = min(np.spacing(abs(a[i])), np.spacing(abs(b[i])))
            if a[i] != b[i] and gap <= abs(a[i]) * _TINY and gap <= small:
                out[i] = yes


@njit(_STEP, cache=True, nogil=True, error_model="numpy")
def _logic(op: int, a: Any, b: Any, c: Any, out: Any, m: int) -> None:
    if op == _AND:
        for i in range(m):
            some = np.nan if np.isnan(a[i]) | np.isnan(b[i]) else 1.0
            out[i] = 0.0 if (a[i] == 0.0) | (b[i] == 0.0) else some
    elif op == _OR:
        # H2O: a number counts as true here only when it is exactly 1.
        for i in range(m):
            some = np.nan if np.isnan(a[i]) | np.isnan(b[i]) else 0.0
            out[i] = 1.0 if (a[i] == 1.0) | (b[i] == 1.0) else some
    elif op == _NOT:
        for i in range(m):
            some = 1.0 if a[i] == 0.0 else 0.0
            out[i] = np.nan if np.isnan(a[i]) else some
    elif op == _IS_NA:
        for i in range(m):
            out[i] = 1.0 if np.isnan(a[i]) else 0.0
    elif op == _IF_ELSE:
        for i in range(m):
            chosen = b[i] if a[i] != 0.0 else c[i]
            out[i] = np.nan if np.isnan(a[i]) else chosen
    else:
        for i in range(m):
            out[i] = a[i]


@njit(_STEP, cache=True, nogil=True, error_model="numpy")
def _step(op: int, a: Any, b: Any, c: Any, out: Any, m: int) -> None:
    """One operation over the first ``m`` rows of its operands; ``out`` overlaps none of them."""
    if op == _ADD:
        for i in range(m):
            out[i] = a[i] + b[i]
    elif op == _SUB:
        for i in range(m):
            out[i] = a[i] - b[i]
    elif op == _MUL:
        for i in range(m):
            out[i] = a[i] * b[i]
    elif op == _DIV:
        for i in range(m):
            out[i] = a[i] / b[i]
    elif op == _ABS:
        for i in range(m):
            out[i] = abs(a[i])
    elif op == _SQRT:
        for i in range(m):
            out[i] = np.sqrt(a[i])
    elif op == _FLOOR:
        for i in range(m):
            out[i] = np.floor(a[i])
    elif op == _CEIL:
        for i in range(m):
            out[i] = np.ceil(a[i])
    elif op == _TRUNC:
        for i in range(m):
            out[i] = np.trunc(a[i])
    elif op == _LT:
        for i in range(m):
            out[i] = 1.0 if a[i] < b[i] else 0.0
    elif op == _LE:
        for i in range(m):
            out[i] = 1.0 if a[i] <= b[i] else 0.0
    elif op == _GT:
        for i in range(m):
            out[i] = 1.0 if a[i] > b[i] else 0.0
    elif op == _GE:
        for i in range(m):
            out[i] = 1.0 if a[i] >= b[i] else 0.0
    elif op == _EQ:
        _equal(a, b, out, m, 1.0, 0.0)
    elif op == _NE:
        _equal(a, b, out, m, 0.0, 1.0)
    else:
        _logic(op, a, b, c, out, m)


@njit(void(_REALS, _BYTES, int64), cache=True, nogil=True)
def _to_bytes(source: Any, target: Any, m: int) -> None:
    for i in range(m):
        target[i] = 1 if source[i] != 0.0 else 0


@njit(void(_WHOLES, int64, int64[::1]), cache=True, nogil=True)
def _look(bits: Any, m: int, seen: NDArray[np.int64]) -> None:
    """Update (least, greatest, any NaN, any -0.0, how many are not 0) of doubles by their bits; least and greatest as whole numbers
    in their order.

    PERF: comparing whole numbers is what the compiler turns into vector code; comparing doubles that may be NaN is not.
    """
    least, most, missing, negative_zero, nonzero = seen[0], seen[1], seen[2], seen[3], seen[4]
    for i in range(m):
        v = bits[i]
        nonzero += np.int64(v != 0)
        nan = (v & _MOST) > _INFINITY
        key = v ^ ((v >> np.int64(63)) & _MOST)
        least = min(least, _MOST if nan else key)
        most = max(most, _SIGN if nan else key)
        missing |= np.int64(nan)
        negative_zero |= np.int64(v == _SIGN)
    seen[0], seen[1], seen[2], seen[3], seen[4] = least, most, missing, negative_zero, nonzero


@njit(int64(int64, int64, int64[::1], int64, int64), cache=True, nogil=True)
def _operand(r: int, registers: int, inputs: NDArray[np.int64], lo: int, tile: int) -> int:
    """Address of the rows of a register, or of those of an input from ``lo`` on."""
    return registers + r * tile * 8 if r >= 0 else inputs[-1 - r] + lo * 8


@njit(void(int64[:, ::1], int64, int64[::1], int64, int64, int64, int64[::1]), cache=True, nogil=True)
def _run(
    code: NDArray[np.int64], registers: int, inputs: NDArray[np.int64], n: int, out: int, mask: int, seen: NDArray[np.int64]
) -> None:
    """Run a program over ``n`` rows. All arrays but ``code`` and ``seen`` come as addresses: ``registers`` is scratch with the
    constants in place, ``inputs`` are read, ``out`` is written, or ``mask`` when it is not 0; ``seen`` is updated by ``_look``.
    """
    steps = code.shape[0]
    for lo in range(0, n, _TILE):
        m = min(_TILE, n - lo)
        target = registers
        for k in range(steps):
            a = _operand(code[k, 1], registers, inputs, lo, _TILE)
            b = _operand(code[k, 2], registers, inputs, lo, _TILE)
            c = _operand(code[k, 3], registers, inputs, lo, _TILE)
            # The last instruction makes the result.
            target = out + lo * 8 if k == steps - 1 and mask == 0 else registers + code[k, 4] * _TILE * 8
            _step(code[k, 0], _reals(a), _reals(b), _reals(c), _reals(target), m)
        if mask != 0:
            _to_bytes(_reals(target), _bytes(mask + lo), m)
        _look(_wholes(target), m, seen)

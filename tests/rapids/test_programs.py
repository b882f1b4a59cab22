"""The compiled loop against the numpy statement of the same expressions, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from h2ok.ext.rapids.arrays import IN_PLACE, OPERATIONS, as_float
from h2ok.ext.rapids.looking import look
from h2ok.ext.rapids.programs import compile_program, run_program, run_program_on
from h2ok.kernel.frame.codecs import FloatChunk
from h2ok.kernel.frame.newchunk import encode_numbers

from .conftest import Rapids

NAN, INF = np.nan, np.inf
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, NAN, INF, -INF, 0.1 + 0.2, 0.3, 5e-324, -5e-324, 1.7976931348623157e308, 2.0**53, -2.5]
BINARY = ["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "&", "|"]
UNARY = ["abs", "sqrt", "floor", "ceiling", "trunc", "not", "is.na", "none"]


def naive(op: str, *values: Any) -> Any:
    with np.errstate(all="ignore"):
        ufunc = IN_PLACE.get(op)
        return as_float(ufunc(*values) if ufunc is not None else OPERATIONS[op](*values))


def pairs(rows: int) -> tuple[Any, Any]:
    a, b = (x.ravel() for x in np.meshgrid(EDGES, EDGES))
    return np.resize(a, rows), np.resize(b, rows)


@pytest.mark.parametrize("rows", [1, 255, 256, 257, 1300])
@pytest.mark.parametrize("op", BINARY + UNARY)
def test_operations(op: str, rows: int) -> None:
    a, b = pairs(rows)
    args = (0, 1) if op in BINARY else (1,)
    program = compile_program([("load", 0), ("load", 1), (op, *args)], 2)
    assert program is not None
    columns = [(a, b)[j] for j in program.inputs]
    got = run_program(program, columns, rows)
    expected = naive(op, *((a, b) if op in BINARY else (b,)))
    assert program.truth == (got.dtype == np.int8)
    np.testing.assert_array_equal(got, expected)
    if not program.truth:
        np.testing.assert_array_equal(np.signbit(got)[~np.isnan(got)], np.signbit(expected)[~np.isnan(expected)])
        check_seen(got)


def check_seen(values: Any) -> None:
    known, seen = values[~np.isnan(values)], look(values)
    if seen.plain:
        assert isinstance(encode_numbers(values), FloatChunk)
        return
    assert seen.has_na == bool(np.isnan(values).any())
    assert seen.negative_zero == bool(((known == 0) & np.signbit(known)).any())
    if len(known):
        assert (seen.lo, seen.hi) == (known.min(), known.max())
    else:
        assert np.isnan(seen.lo)


def test_choosing() -> None:
    a, b = pairs(600)
    program = compile_program([("load", 0), ("load", 1), ("const", 7.0), ("ifelse", 0, 1, 2)], 3)
    assert program is not None
    got = run_program(program, [a, b], 600)
    expected = naive("ifelse", a, b, 7.0)
    np.testing.assert_array_equal(got, expected)
    check_seen(got)


def test_sub_expressions_are_used_again() -> None:
    """A long chain, with sub-expressions used again late."""
    code: list[Any] = [("load", 3), ("const", 3.0), ("*", 0, 1)]
    for i in range(20):
        code.append(("+", len(code) - 1, 2 if i % 3 else 0))
    code.append(("/", len(code) - 1, 2))
    program = compile_program(code, len(code) - 1)
    assert program is not None
    assert program.inputs == (3,)
    x = np.arange(1.0, 2000.0)
    registers: list[Any] = []
    for op, *args in code:
        registers.append(x if op == "load" else args[0] if op == "const" else naive(op, *(registers[a] for a in args)))
    np.testing.assert_array_equal(run_program(program, [x], len(x)), registers[-1])


def test_what_it_leaves_to_numpy() -> None:
    assert compile_program([("load", 0), ("exp", 0)], 1) is None
    assert compile_program([("load", 0)], 0) is None
    program = compile_program([("load", 0), ("exp", 0), ("abs", 0)], 2)
    assert program is not None
    with pytest.raises(ValueError, match=r"of 50 rows got rows \[40\]"):
        run_program(program, [np.zeros(40)], 50)
    with pytest.raises(ValueError, match="got rows"):
        run_program(program, [np.zeros(4)], 5)


def test_chunks_together_give_what_each_gives_alone() -> None:
    program = compile_program([("load", 0), ("load", 1), ("/", 0, 1), ("+", 2, 0)], 3)
    assert program is not None
    rng = np.random.default_rng(2)
    chunks = [[rng.normal(size=n), rng.normal(size=n)] for n in (8, 9, 1000, 64)]
    together = run_program_on(program, chunks, [8, 9, 1000, 64])
    for (a, b), got in zip(chunks, together, strict=True):
        np.testing.assert_array_equal(got, a / b + a)


def test_large_chunks_give_what_small_ones_do(rapids1: Rapids) -> None:
    rng = np.random.default_rng(1)
    a, b = np.round(rng.normal(size=40_000), 1), rng.choice([0.0, 1.0, NAN], 40_000)
    text = "(ifelse (& (> (cols fr 0) 0.5) (not (is.na (cols fr 1)))) (/ (+ (cols fr 0) 1) (abs (cols fr 0))) (exp (cols fr 1)))"
    both = "(cbind (* fr 2) (== fr 1) (cbind (log (cols fr 0)) (| (cols fr 1) (cols fr 0))))"
    found = []
    for chunk_rows in (40_000, 1000):
        rapids1.put("fr", chunk_rows, a=a, b=b)
        found.append([*rapids1.columns_of(text), *rapids1.columns_of(both)])
    rapids1("(rm fr)")
    for x, y in zip(*found, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    "values",
    [
        [1.5, 2.25, NAN],
        [1.0, 0.0, 1.0],
        [0.1, 0.2, 1e11 + 0.1],
        [-0.0, 1.0, 2.0],
        [NAN, NAN, NAN],
        [7.0, 7.0, 7.0],
        [INF, 1, 2],
        [np.pi, np.e],
        [np.pi, *[0.0] * 30],
        [np.pi, NAN],
        [np.pi],
        [np.pi, 1e300],
    ],
)
def test_encoding_what_was_seen(values: list[float]) -> None:
    x = np.resize(np.array(values), 300)
    plain, known = encode_numbers(x), encode_numbers(x, seen=look(x))
    assert type(plain) is type(known)
    assert plain.nbytes == known.nbytes
    np.testing.assert_array_equal(known.decode(), x)


@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed: int) -> None:
    """Operations on numbers, truths and constants in any combination, as numpy computes them one by one."""
    rng = np.random.default_rng(seed)
    a, b = pairs(300)
    code: list[Any] = [("load", 0), ("load", 1), ("const", float(rng.choice([0.0, 1.0, -2.5, NAN])))]
    registers: list[Any] = [a, b, code[2][1]]
    for _ in range(int(rng.integers(1, 25))):
        op = str(rng.choice([*BINARY, *UNARY, "ifelse"]))
        args = rng.integers(0, len(code), {"ifelse": 3}.get(op, 2 if op in BINARY else 1)).tolist()
        if all(code[r][0] == "const" for r in args):
            args[0] = 0
        code.append((op, *args))
        values = [np.full(300, r) if isinstance(r, float) else r for r in (registers[r] for r in args)]
        registers.append(naive(op, *values))
    program = compile_program(code, len(code) - 1)
    assert program is not None
    got = run_program(program, [(a, b)[j] for j in program.inputs], 300)
    np.testing.assert_array_equal(got, registers[-1])
    zeros = np.asarray(registers[-1]) == 0
    if not program.truth:
        np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(np.asarray(registers[-1])[zeros]))

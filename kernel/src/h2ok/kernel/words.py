"""Eight bytes at a time: unaligned loads and questions about the bytes of a word, for numba kernels.

A word holds the first byte of the text in its lowest bits. All arithmetic is on uint64: numba makes floats of mixed signs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

__all__ = [
    "all_digits", "bits_of", "byte_bits", "byte_index", "count_bits", "double_of", "eight_digits", "has_byte", "high_product",
    "leading_zeros", "load_word", "mark_bits", "trailing_zeros",
]  # fmt: skip

_ONES = np.uint64(0x0101010101010101)
_TOPS = np.uint64(0x8080808080808080)
_ZEROS = np.uint64(0x3030303030303030)
_NIBBLES = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIXES = np.uint64(0x0606060606060606)
_PAIR = np.uint64(0x000000FF000000FF)
_1, _8, _16, _32, _56 = (np.uint64(k) for k in (1, 8, 16, 32, 56))
_TEN = np.uint64(10)
_HIGH_PAIRS = np.uint64(100 + (1_000_000 << 32))
_LOW_PAIRS = np.uint64(1 + (10_000 << 32))


@intrinsic  # type: ignore[misc]
def load_word(context: Any, data: Any, at: Any) -> Any:  # noqa: ARG001 - numba names them
    """uint64 of the eight bytes of ``data`` (uint8[n]) from ``at``, which must lie within; aligned or not."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.gep(array.data, [args[1]])
        return builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.int64), codegen


@intrinsic  # type: ignore[misc]
def mark_bits(context: Any, data: Any, at: Any, separator: Any) -> Any:  # noqa: ARG001 - numba names them
    """uint64: bit k tells whether byte ``at + k`` of ``data`` is the separator or ends a line; 64 bytes must be there."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, vector = ir.IntType(8), ir.VectorType(ir.IntType(8), 64)
        array = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.bitcast(builder.gep(array.data, [args[1]]), vector.as_pointer())
        some = builder.load(place, align=1)
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), args[2], ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
        marks = builder.icmp_unsigned("==", some, builder.shuffle_vector(first, first, everywhere))
        for end in (10, 13):
            marks = builder.or_(marks, builder.icmp_unsigned("==", some, ir.Constant(vector, [ir.Constant(byte, end)] * 64)))
        return builder.bitcast(marks, ir.IntType(64))

    return types.uint64(data, types.int64, types.uint8), codegen


@intrinsic  # type: ignore[misc]
def byte_bits(context: Any, data: Any, at: Any, wanted: Any) -> Any:  # noqa: ARG001 - numba names them
    """uint64: bit k tells whether byte ``at + k`` of ``data`` is the wanted one; 64 bytes must be there."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.IntType(8), 64)
        array = context.make_array(signature.args[0])(context, builder, args[0])
        some = builder.load(builder.bitcast(builder.gep(array.data, [args[1]]), vector.as_pointer()), align=1)
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), args[2], ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
        marks = builder.icmp_unsigned("==", some, builder.shuffle_vector(first, first, everywhere))
        return builder.bitcast(marks, ir.IntType(64))

    return types.uint64(data, types.int64, types.uint8), codegen


@intrinsic  # type: ignore[misc]
def count_bits(context: Any, value: Any) -> Any:  # noqa: ARG001 - numba names them
    """How many bits of a uint64 are set."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), codegen


@intrinsic  # type: ignore[misc]
def trailing_zeros(context: Any, value: Any) -> Any:  # noqa: ARG001 - numba names them
    """Zero bits below the lowest one of a uint64 that is not zero."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), codegen


@intrinsic  # type: ignore[misc]
def leading_zeros(context: Any, value: Any) -> Any:  # noqa: ARG001 - numba names them
    """Zero bits above the highest one of a uint64 that is not zero."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


@intrinsic  # type: ignore[misc]
def high_product(context: Any, left: Any, right: Any) -> Any:  # noqa: ARG001 - numba names them
    """The upper 64 bits of the product of two uint64."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return types.uint64(types.uint64, types.uint64), codegen


@intrinsic  # type: ignore[misc]
def double_of(context: Any, bits: Any) -> Any:  # noqa: ARG001 - numba names them
    """The double that 64 bits are."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.uint64), codegen


@intrinsic  # type: ignore[misc]
def bits_of(context: Any, value: Any) -> Any:  # noqa: ARG001 - numba names them
    """The 64 bits of a double as uint64."""

    def codegen(_: Any, builder: Any, __: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.uint64(types.float64), codegen


@njit(cache=True, nogil=True, inline="always")
def has_byte(word, pattern):  # type: ignore[no-untyped-def]
    """A mask whose lowest bit stands in the first byte of ``word`` that equals the byte ``pattern`` repeats; 0 when none does."""
    x = word ^ pattern
    return (x - _ONES) & ~x & _TOPS


@njit(cache=True, nogil=True, inline="always")
def byte_index(mask):  # type: ignore[no-untyped-def]
    """The number of bytes below the lowest bit of a mask of ``has_byte``."""
    return np.int64(((((mask - _1) & ~mask) & _ONES) * _ONES) >> _56) - 1


@njit(cache=True, nogil=True, inline="always")
def all_digits(word):  # type: ignore[no-untyped-def]
    """Whether all bytes are ASCII digits."""
    return (word & _NIBBLES) == _ZEROS and ((word + _SIXES) & _NIBBLES) == _ZEROS


@njit(cache=True, nogil=True, inline="always")
def eight_digits(word):  # type: ignore[no-untyped-def]
    """The number eight ASCII digits are: pairs, fours, eight."""
    v = word - _ZEROS
    v = v * _TEN + (v >> _8)
    return ((v & _PAIR) * _HIGH_PAIRS + ((v >> _16) & _PAIR) * _LOW_PAIRS) >> _32

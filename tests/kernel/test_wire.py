"""The wire format: round trips, and whatever comes in, only WireError comes out."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
from h2ok.kernel import WireError, wire_type
from h2ok.kernel.wire import decode, encode, sizeof
from hypothesis import given, settings
from hypothesis import strategies as st


@wire_type("test.point")
@dataclass(frozen=True)
class Point:
    x: Any
    y: Any = None

    def __post_init__(self) -> None:
        if isinstance(self.x, str) and self.x == "refuse":
            raise KeyError("refused by the constructor")


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=4), inner, max_size=4),
        st.builds(Point, inner.filter(lambda v: v != "refuse"), inner),
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(plain)
def test_values_make_the_round_trip(value: Any) -> None:
    got = decode([bytes(f) for f in encode(value)])
    assert got == value
    assert type(got) is type(value)
    assert sizeof(value) > 0


@settings(max_examples=300, deadline=None)
@given(plain, st.data())
def test_damaged_messages_raise_wire_errors_only(value: Any, data: st.DataObject) -> None:
    frames = [bytes(f) for f in encode((value, np.arange(4), Point(1, np.zeros(3))))]
    kind = data.draw(st.sampled_from(["flip", "cut", "drop", "swap", "junk"]))
    at = data.draw(st.integers(0, len(frames) - 1))
    if kind == "flip" and frames[at]:
        where = data.draw(st.integers(0, len(frames[at]) - 1))
        damaged = bytearray(frames[at])
        damaged[where] ^= data.draw(st.integers(1, 255))
        frames[at] = bytes(damaged)
    elif kind == "cut":
        frames[at] = frames[at][: data.draw(st.integers(0, len(frames[at])))]
    elif kind == "drop":
        del frames[at]
    elif kind == "swap":
        frames.reverse()
    else:
        frames[at] = data.draw(st.binary(max_size=50))
    with contextlib.suppress(WireError):
        decode(frames)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xdd\xff\xff\xff\xff",  # a list that claims four billion items
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 5000 + b"\x00",
        msgspec.msgpack.encode(msgspec.msgpack.Ext(1, msgspec.msgpack.encode([1, "|O", [1]]))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(1, msgspec.msgpack.encode([9, "<f8", [1]]))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(1, msgspec.msgpack.encode([1, "<f8", [2**62]]))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(1, msgspec.msgpack.encode([1, "{", [1]]))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(2, msgspec.msgpack.encode(["os.system", ["ls"]]))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(2, msgspec.msgpack.encode(["test.point", ["refuse", None]]))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(2, msgspec.msgpack.encode(["test.point", [1]]))),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(4, b"9" * 10_000)),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(77, b"x")),
    ],
)
def test_hostile_messages_are_refused(head: bytes) -> None:
    with pytest.raises(WireError):
        decode([head, b"\0" * 8])


def test_deep_nesting_is_refused_both_ways() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = (deep,)
    with pytest.raises(WireError, match="nested deeper"):
        encode(deep)
    message = msgspec.msgpack.encode(1)
    for _ in range(200):
        message = msgspec.msgpack.encode(msgspec.msgpack.Ext(3, b"\x91" + message))
    with pytest.raises(WireError, match="nested deeper"):
        decode([message])


def test_what_cannot_travel_is_named() -> None:
    for value in (object(), {1, 2}, np.array([object()]), print, np.zeros(2, dtype=[("a", "f8")])):
        with pytest.raises(WireError, match="Cannot send"):
            encode({"x": value})


def test_an_array_used_twice_travels_once() -> None:
    a = np.arange(1000)
    frames = encode([a, a, Point(a)])
    assert len(frames) == 2
    first, second, point = decode(frames)
    assert first is second is point.x


@pytest.mark.parametrize("dtype", ["f8", "f4", "i1", "i2", "i4", "i8", "u1", "u8", "?", "U3", "S2", "M8[ms]"])
@pytest.mark.parametrize("shape", [(0,), (6,), (2, 3), (0, 4), (2, 0, 1), ()])
def test_arrays_of_every_kind(dtype: str, shape: tuple[int, ...]) -> None:
    a = np.arange(int(np.prod(shape))).reshape(shape).astype("i8").astype(dtype)
    for value in (a, np.asfortranarray(a), a[::-1] if shape else a):
        got = decode([bytearray(f) for f in encode(value)])
        np.testing.assert_array_equal(got, value)
        assert got.dtype == value.dtype


@pytest.mark.parametrize(
    "a", [np.zeros(0), np.array(3.5), np.array(["a", "bc"]), np.zeros((2, 0, 3)), np.arange(9)[::2], np.ones((3, 4), order="F")]
)
def test_small_arrays_stand_in_the_first_frame(a: Any) -> None:
    frames = encode([a, a])
    assert len(frames) == 1
    first, second = decode([bytes(frames[0])])
    for got in (first, second):
        assert (got.dtype, got.shape) == (a.dtype, a.shape)
        np.testing.assert_array_equal(got, a)
    # Each is its owner's to write to.
    if a.dtype == np.float64 and a.size:
        first[...] = 7
        np.testing.assert_array_equal(second, a)
    assert len(encode(np.zeros(1000))) == 2


def test_sizes_of_nested_values_add_up() -> None:
    row = ["a", 1, 2.5, None, True, b"xy"]
    assert sizeof(row) == 64 + 51 + 4 * 24 + 52
    assert sizeof((row, {"k": row})) == 64 + sizeof(row) + 64 + 51 + sizeof(row)
    assert sizeof([0.5] * 100) == 64 + 2400
    assert sizeof(["ab"] * 100) == 64 + 5200
    assert sizeof([*range(20), "ab"]) == 64 + 20 * 24 + 52
    assert sizeof(np.float64(1)) == 24
    assert sizeof(np.zeros(10)) == 192

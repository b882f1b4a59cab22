"""Receive buffers: memory is used again only when nobody holds an array on it."""

from __future__ import annotations

import numpy as np
from h2ok.kernel.transport.buffers import ReceiveBuffers
from numpy.typing import NDArray


def array_on(memory: memoryview) -> NDArray[np.uint8]:
    return np.frombuffer(memory, dtype=np.uint8)


def address(a: NDArray[np.uint8]) -> int:
    return int(a.__array_interface__["data"][0])


def test_memory_is_used_again_once_the_last_array_is_gone() -> None:
    buffers = ReceiveBuffers()
    first = array_on(buffers.take(1000))
    first[:] = 7
    view = first[10:20]
    second = array_on(buffers.take(1000))
    second[:] = 8
    was = address(first)
    del first
    third = array_on(buffers.take(1000))
    assert len({was, address(second), address(third)}) == 3
    assert view.tolist() == [7] * 10
    del view
    assert address(array_on(buffers.take(900))) == was


def test_what_is_much_too_long_or_too_short_is_left_alone() -> None:
    buffers = ReceiveBuffers()
    was = address(array_on(buffers.take(1000)))
    for size in (100, 1001):
        held = array_on(buffers.take(size))
        assert (len(held), address(held) != was) == (size, True)
    buffers.clear()
    assert len(buffers._kept) == 0


def test_little_is_kept() -> None:
    buffers = ReceiveBuffers()
    held = [array_on(buffers.take(size)) for size in (10, 20, 30, 40, (64 << 20) + 1)]
    del held
    assert len(buffers._kept) == 2
    assert sum(map(len, buffers._kept)) < 100


def test_nodes_with_a_limit_keep_nothing() -> None:
    buffers = ReceiveBuffers(keep=False)
    held = array_on(buffers.take(1000))
    held[:] = 1
    del held
    assert len(buffers._kept) == 0

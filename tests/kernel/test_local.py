"""The values a node holds, read without the lock that writers take."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest
from h2ok.kernel.dkv.local import LocalStore


@pytest.fixture
def eager_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_key_that_is_written_again_is_never_missing(eager_switching: None) -> None:
    store = LocalStore()
    store.set("k", 0)
    reads_done = threading.Event()

    def write() -> None:
        number = 0
        while not reads_done.is_set():
            number += 1
            store.set("k", number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = []
        while len(set(seen)) < 30 and len(seen) < 100:
            seen += dict.fromkeys(store.get("k") for _ in range(100_000))
    finally:
        reads_done.set()
        writer.join()
    assert None not in seen
    assert seen == sorted(seen)
    assert len(set(seen)) > 2, "nothing was written while it was read, so this test shows nothing"


def test_bytes_are_counted_once() -> None:
    store = LocalStore()
    for size in (10, 1000, 100):
        store.set("k", b"x" * size)
        store.set("other", b"y")
    sizes = store.nbytes
    store.set("k", None)
    store.set("other", None)
    assert sizes > 100
    assert (store.nbytes, store.fixed) == (0, 0)

"""Progress: says what is being done, and every second or so that it still is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["telling"]

#: Seconds between lines.
_EVERY = 1.5


@contextmanager
def telling(what: str, say: Callable[[str], None], details: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Say that ``what`` goes on while the context lasts, with the seconds so far and ``details``; nothing where it is quick."""
    ended, began = threading.Event(), time.monotonic()

    def tick() -> None:
        while not ended.wait(_EVERY):
            more = details()
            say(f"{what} ... {time.monotonic() - began:.0f} s{f' ({more})' if more else ''}")

    thread = threading.Thread(target=tick, name="demo-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

"""Compressed sources on a cloud of one node: lines are read while what follows them is still being unpacked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from h2ok.ext.parsers.compression import compression_of, decompressed
from h2ok.ext.parsers.csv.blocks import BlockRef, whole_lines
from h2ok.ext.parsers.raw import RawFile, read_raw
from h2ok.kernel import Block, JobCancelledError

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.ext.parsers.columns import ReadColumns
    from h2ok.kernel import JobContext

__all__ = ["can_stream", "read_stream", "unpacked_blocks"]

#: Blocks that wait for a thread, beside those that are being read.
_WAITING = 2


def can_stream(runtime: Runtime, sources: Sequence[RawFile]) -> bool:
    """Whether all lines are read by this node, and all have to be unpacked."""
    return len(runtime.node.cloud.members) == 1 and all(compression_of(read_raw(runtime, raw, 0, 8)) for raw in sources)


def unpacked_blocks(runtime: Runtime, sources: Sequence[RawFile], block_bytes: int, quote: str) -> Iterator[tuple[BlockRef, bytes]]:
    """The blocks of compressed sources in order, each with its lines."""
    for raw in sources:
        for i, lines in enumerate(whole_lines(decompressed(runtime, raw), block_bytes, ord(quote) if quote else 0)):
            yield BlockRef(raw, 0, len(lines), i == 0), lines


def read_stream(job: JobContext, task: ReadColumns, readers: Iterator[Callable[[Block], Any]]) -> tuple[int, Any]:
    """(number of blocks, what ``task.reduce`` makes of all of them); ``readers`` read one block each, on any thread, in any order.

    Raises
    ------
    JobCancelledError
        The job was cancelled.
    Exception
        What a reader raised first.
    """
    node = job.node
    threads = node.tasks.nthreads
    room = BoundedSemaphore(threads + _WAITING)
    futures: list[Future[Any]] = []

    def work(index: int, reader: Callable[[Block], Any]) -> Any:
        try:
            return task.keep_columns(block := Block(node, index, index, 1, (), {}, task.session), reader(block))
        finally:
            room.release()

    pool = ThreadPoolExecutor(threads, thread_name_prefix=f"{node.label}-unpack")
    try:
        for index, reader in enumerate(readers):
            room.acquire()
            if job.cancelled() or any(f.done() and f.exception() for f in futures[-threads - _WAITING :]):
                room.release()
                break
            futures.append(pool.submit(work, index, reader))
    finally:
        pool.shutdown(wait=True)
        task.close_local(node)
    if job.cancelled():
        raise JobCancelledError("The parse was cancelled.")
    value = None
    for future in futures:
        part = future.result()
        value = part if value is None else task.reduce(value, part)
    return len(futures), value

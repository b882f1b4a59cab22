"""Cutting sources into line-aligned blocks: one block becomes one chunk, whatever the number of nodes and threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby
from operator import xor
from typing import TYPE_CHECKING

import numpy as np
from h2ok.ext.parsers.columns import runtime_of
from h2ok.ext.parsers.compression import compression_of, decompressed
from h2ok.ext.parsers.csv.scratch import Scratch
from h2ok.ext.parsers.raw import RawFile, read_raw, read_raw_into
from h2ok.kernel import Block, MRTask
from h2ok.kernel.key import chunk_key, random_key
from h2ok.kernel.wire import wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.kernel import JobContext, Node
    from numpy.typing import NDArray

__all__ = ["BlockRef", "Plan", "count_quotes", "plan_blocks", "whole_lines", "with_quotes"]

#: Bytes looked ahead for the end of the last line of a block, at first.
_LOOK_AHEAD = 1 << 16
#: Line ends inside one quoted cell that are believed; beyond, the quotes are taken as plain characters.
_MAX_LINE_ENDS = 1000
_LF = 10


@wire_type("csv.block")
@dataclass(frozen=True, slots=True)
class BlockRef:
    """Where the bytes of a block are: a range of a raw file that must still be aligned to lines, or staged whole lines in the DKV.

    ``first`` marks the first block of its source (where a header may stand). ``quote_open`` tells that byte ``start`` lies inside
    quotes.
    """

    raw: RawFile
    start: int
    stop: int
    first: bool
    staged: str = ""
    quote_open: bool = False
    quote_aware: bool = True
    header: bool = False

    def read(self, runtime: Runtime, quote: int) -> bytes:
        """Whole lines of the block: from after the first line end past ``start`` to the end of the line that ``stop`` cuts."""
        return self.text(runtime, quote, Scratch())[0].tobytes()

    def text(self, runtime: Runtime, quote: int, scratch: Scratch) -> tuple[NDArray[np.uint8], bool]:
        """(the bytes of ``read`` in ``scratch``, whether the block has an odd number of quotes)."""
        from h2ok.ext.parsers.csv.kernels import count_marks

        if self.staged:
            return self._unpacked_into(runtime, scratch), False
        quote = quote if self.quote_aware else 0
        lead = 0 if self.first else 1
        size = self.stop - self.start + lead
        room = size + (_LOOK_AHEAD if self.stop < self.raw.size else 0)
        held = scratch.array("text", room, np.uint8)
        held = held[: read_raw_into(runtime, self.raw, self.start - lead, held.data)]
        data = held[:size]
        is_open = self.quote_open ^ bool(lead and quote and len(data) and data[0] == quote)
        begin = 0 if self.first else _line_after(data, quote, is_open)
        cut_open = bool(quote) and is_open ^ bool(count_marks(data, quote)[1] % 2)
        odd = cut_open ^ self.quote_open
        if begin < 0:
            return data[:0], odd
        if self.stop >= self.raw.size or (len(data) and data[-1] == _LF and not cut_open):
            return data[begin:], odd
        end = _line_after(held[size:], quote, cut_open)
        if end >= 0:
            return held[begin : size + end], odd
        return np.concatenate([data[begin:], np.frombuffer(self._tail(runtime, quote, cut_open), dtype=np.uint8)]), odd

    def _unpacked_into(self, runtime: Runtime, scratch: Scratch) -> NDArray[np.uint8]:
        data = self._unpacked(runtime)
        out = scratch.array("text", len(data), np.uint8)
        out[:] = np.frombuffer(data, dtype=np.uint8)
        return out

    def _unpacked(self, runtime: Runtime) -> bytes:
        import pyarrow as pa

        staged = runtime.node.dkv.require(self.staged)
        out: bytes = pa.decompress(staged, decompressed_size=self.stop, codec="lz4", asbytes=True)
        return out

    def head(self, runtime: Runtime, n_bytes: int) -> bytes:
        """About the first ``n_bytes`` of a block that is the first of its source."""
        if self.staged:
            return self._unpacked(runtime)[:n_bytes]
        return read_raw(runtime, self.raw, self.start, min(self.stop - self.start, n_bytes))

    def _tail(self, runtime: Runtime, quote: int, is_open: bool) -> bytes:
        step, tail = _LOOK_AHEAD, b""
        while True:
            piece = read_raw(runtime, self.raw, self.stop + len(tail), step)
            tail += piece
            end = _after_line_end(tail, 0, quote, is_open)
            if end >= 0:
                return tail[:end]
            if not piece:
                return tail
            step *= 4


@dataclass(slots=True)
class Plan:
    """The blocks of all sources in order; ``staged`` keys must be removed after the parse."""

    blocks: list[BlockRef] = field(default_factory=list)
    staged: list[str] = field(default_factory=list)
    n_bytes: int = 0


def plan_blocks(runtime: Runtime, sources: Sequence[RawFile], block_bytes: int, quote: str) -> Plan:
    """Cut sources into blocks of about ``block_bytes``; compressed ones are staged in the DKV as whole lines, lightly packed.

    The cuts of plain files suppose that no quotes are open there: see ``with_quotes``.
    """
    plan = Plan()
    mark = ord(quote) if quote else 0
    pending: list[bytes] = []
    for raw in sources:
        if compression_of(read_raw(runtime, raw, 0, 8)) is None:
            starts = range(0, max(raw.size, 1), block_bytes)
            plan.blocks += [BlockRef(raw, start, min(start + block_bytes, raw.size), start == 0) for start in starts]
            plan.n_bytes += raw.size
            continue
        for i, lines in enumerate(whole_lines(decompressed(runtime, raw), block_bytes, mark)):
            plan.blocks.append(BlockRef(raw, 0, len(lines), i == 0, staged=f"?{len(pending)}"))
            plan.n_bytes += len(lines)
            pending.append(_packed(lines))
    _stage(runtime.node, plan, pending)
    return plan


def with_quotes(job: JobContext, runtime: Runtime, blocks: list[BlockRef], quote: str) -> list[BlockRef]:
    """Blocks that know whether they begin inside quotes: all nodes count, unless the first lines of the sources show no quotes."""
    if not quote or not any(_shows(b, runtime, quote.encode()) for b in blocks):
        return blocks
    return count_quotes(job, blocks, quote)


def count_quotes(job: JobContext, blocks: list[BlockRef], quote: str) -> list[BlockRef]:
    """As ``with_quotes``, whatever the first lines show."""
    espc = np.arange(len(blocks) + 1, dtype=np.int64)
    odd = set((job.node.tasks.run(_OddQuotes(tuple(blocks), ord(quote)), (), espc, cancelled=job.cancelled).value or "").split())
    out: list[BlockRef] = []
    for _, same in groupby(enumerate(blocks), key=lambda p: p[1].raw):
        some = list(same)
        opened = [False, *accumulate((str(i) in odd for i, _ in some), xor)]
        # An odd number of quotes in the whole file: they are no quotes (5" disks), so line ends decide alone.
        aware = not opened[-1]
        out += [replace(b, quote_open=is_open and aware, quote_aware=aware) for (_, b), is_open in zip(some, opened, strict=False)]
    return out


@wire_type("csv.odd_quotes")
@dataclass(frozen=True)
class _OddQuotes(MRTask):
    """The indexes of the blocks with an odd number of quotes, as text."""

    blocks: tuple[BlockRef, ...]
    quote: int

    def map(self, block: Block) -> str | None:
        found = self.blocks[block.index]
        if found.staged:
            return None
        data = read_raw(runtime_of(block.node), found.raw, found.start, found.stop - found.start)
        return str(block.index) if data.count(self.quote) % 2 else None

    def reduce(self, left: str, right: str) -> str:
        return f"{left} {right}"


def _shows(block: BlockRef, runtime: Runtime, quote: bytes) -> bool:
    return block.first and not block.staged and quote in block.head(runtime, _LOOK_AHEAD)


def _packed(lines: bytes) -> bytes:
    """Bytes for waiting in memory: a third of the text, at a gigabyte a second."""
    import pyarrow as pa

    out: bytes = pa.compress(lines, codec="lz4", asbytes=True)
    return out


def _stage(node: Node, plan: Plan, pending: list[bytes]) -> None:
    """Put decompressed lines on the nodes that will parse them."""
    base, n = random_key("s", system=True), len(plan.blocks)
    for i, block in enumerate(plan.blocks):
        if block.staged:
            index = int(block.staged[1:])
            key = chunk_key(base, i, n)
            node.dkv.put(key, np.frombuffer(pending[index], dtype=np.uint8))
            pending[index] = b""
            plan.staged.append(key)
            plan.blocks[i] = BlockRef(block.raw, 0, block.stop, block.first, staged=key)


def whole_lines(pieces: Iterator[bytes], block_bytes: int, quote: int) -> Iterator[bytes]:
    """Bytes that come in pieces, in blocks of whole lines."""
    have, size = [], 0
    for piece in pieces:
        have.append(piece)
        size += len(piece)
        if size < block_bytes:
            continue
        cut = piece.rfind(b"\n") + 1
        # PERF: without quotes the last piece tells, and the block is copied once.
        if cut > 0 and not (quote and any(quote in some for some in have)):
            yield b"".join([*have[:-1], memoryview(piece)[:cut]])
            have, size = [piece[cut:]], len(piece) - cut
            continue
        data = b"".join(have)
        cut = _last_line_end(data, quote)
        if cut > 0:
            yield data[:cut]
            data = data[cut:]
        have, size = [data], len(data)
    if size:
        yield b"".join(have)


def _last_line_end(data: bytes, quote: int) -> int:
    """Position after the last line end that is not inside quotes, 0 when there is none."""
    at = len(data)
    for _ in range(_MAX_LINE_ENDS):
        at = data.rfind(b"\n", 0, at)
        if at < 0:
            return 0
        if not quote or data.count(quote, 0, at) % 2 == 0:
            return at + 1
    return data.rfind(b"\n") + 1


def _after_line_end(data: bytes, at: int, quote: int, is_open: bool) -> int:
    """Position after the first line end from ``at`` that is not inside quotes, -1 when there is none."""
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            return -1
        if quote and data.count(quote, at, end) % 2:
            is_open = not is_open
        if not is_open:
            return end + 1
        at = end + 1


def _line_after(data: NDArray[np.uint8], quote: int, is_open: bool) -> int:
    """``_after_line_end`` of an array. PERF: a copy of a short part mostly tells."""
    end = _after_line_end(data[:_LOOK_AHEAD].tobytes(), 0, quote, is_open)
    return end if end >= 0 or len(data) <= _LOOK_AHEAD else _after_line_end(data.tobytes(), 0, quote, is_open)

"""Cutting sources into line-aligned blocks: one block becomes one chunk, whatever the number of nodes and threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from h2ok.ext.parsers.compression import compression_of, decompressed
from h2ok.ext.parsers.raw import RawFile, read_raw
from h2ok.kernel.key import chunk_key, random_key
from h2ok.kernel.wire import wire_type

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.kernel import Node

__all__ = ["BlockRef", "Plan", "plan_blocks"]

#: Bytes looked ahead for the end of the last line of a block, at first.
_LOOK_AHEAD = 1 << 16
#: Line ends inside one quoted cell that are believed; beyond, the quotes are taken as plain characters.
_MAX_LINE_ENDS = 1000


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
        if self.staged:
            return self._unpacked(runtime)
        if not self.quote_aware:
            quote = 0
        lead = 0 if self.first else 1
        data = read_raw(runtime, self.raw, self.start - lead, self.stop - self.start + lead)
        is_open = self.quote_open ^ bool(lead and quote and data[:1] == bytes([quote]))
        begin = 0 if self.first else _after_line_end(data, 0, quote, is_open)
        if begin < 0:
            return b""
        cut_open = _open_at_end(data, quote, is_open)
        if self.stop >= self.raw.size or (data.endswith(b"\n") and not cut_open):
            return data[begin:]
        return b"".join((memoryview(data)[begin:], self._tail(runtime, quote, cut_open)))

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
    """Cut sources into blocks of about ``block_bytes``; compressed ones are staged in the DKV as whole lines, lightly packed."""
    plan = Plan()
    mark = ord(quote) if quote else 0
    pending: list[bytes] = []
    for raw in sources:
        if compression_of(read_raw(runtime, raw, 0, 8)) is None:
            plan.blocks += _ranges(runtime, raw, block_bytes, mark)
            plan.n_bytes += raw.size
            continue
        for i, lines in enumerate(_whole_lines(decompressed(runtime, raw), block_bytes, mark)):
            plan.blocks.append(BlockRef(raw, 0, len(lines), i == 0, staged=f"?{len(pending)}"))
            plan.n_bytes += len(lines)
            pending.append(_packed(lines))
    _stage(runtime.node, plan, pending)
    return plan


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


def _ranges(runtime: Runtime, raw: RawFile, block_bytes: int, quote: int) -> list[BlockRef]:
    bounds = [(start, min(start + block_bytes, raw.size)) for start in range(0, max(raw.size, 1), block_bytes)]
    opened = [False] * len(bounds)
    is_open = False
    if quote and len(bounds) > 1:
        # PERF: counting quotes reads the file once more, from the page cache: 0.1 ns a byte.
        for i, (start, stop) in enumerate(bounds):
            opened[i] = is_open
            is_open ^= bool(read_raw(runtime, raw, start, stop - start).count(quote) % 2)
    # An odd number of quotes in the whole file: they are no quotes (5" disks), so line ends decide alone.
    balanced = not is_open
    return [
        BlockRef(raw, start, stop, i == 0, quote_open=opened[i] and balanced, quote_aware=balanced)
        for i, (start, stop) in enumerate(bounds)
    ]


def _whole_lines(pieces: Iterator[bytes], block_bytes: int, quote: int) -> Iterator[bytes]:
    have, size = [], 0
    for piece in pieces:
        have.append(piece)
        size += len(piece)
        if size < block_bytes:
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


def _open_at_end(data: bytes, quote: int, is_open: bool) -> bool:
    return bool(quote) and is_open ^ bool(data.count(quote) % 2)

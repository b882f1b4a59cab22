"""Compressed sources: lines are read, on all nodes, while what follows them is still being unpacked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from h2ok.ext.parsers.compression import compression_of, decompressed
from h2ok.ext.parsers.csv.blocks import BlockRef, whole_lines
from h2ok.ext.parsers.raw import RawFile, read_raw

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["can_stream", "unpacked_blocks"]


def can_stream(runtime: Runtime, sources: Sequence[RawFile]) -> bool:
    """Whether all sources have to be unpacked."""
    return all(compression_of(read_raw(runtime, raw, 0, 8)) for raw in sources)


def unpacked_blocks(runtime: Runtime, sources: Sequence[RawFile], block_bytes: int, quote: str) -> Iterator[tuple[BlockRef, bytes]]:
    """The blocks of compressed sources in order, each with its lines."""
    for raw in sources:
        for i, lines in enumerate(whole_lines(decompressed(runtime, raw), block_bytes, ord(quote) if quote else 0)):
            yield BlockRef(raw, 0, len(lines), i == 0), lines

"""CsvParser: delimited text into a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.capabilities.settings import TIME_ZONE_KEY
from h2ok.ext.parsers.columns import Columns, DoubtfulError, ReadColumns, runtime_of, write_frame
from h2ok.ext.parsers.csv.blocks import BlockRef, count_quotes, plan_blocks, with_quotes
from h2ok.ext.parsers.csv.cells import cut_cells
from h2ok.ext.parsers.csv.guess import guess_csv
from h2ok.ext.parsers.csv.reader import Layout, read_block
from h2ok.ext.parsers.csv.scratch import ScratchPool
from h2ok.ext.parsers.csv.stream import can_stream, unpacked_blocks
from h2ok.ext.parsers.kept import kept_positions, spread, spread_types
from h2ok.ext.parsers.partitions import Partitions, partitions_of
from h2ok.ext.parsers.raw import require_raw
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, Node, random_key, wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["CsvParser", "layout_of"]

_BOM = b"\xef\xbb\xbf"
#: Bytes read for the header line of a source.
_HEAD_BYTES = 1 << 24


@wire_type("csv.read")
@dataclass(frozen=True)
class _Read(ReadColumns):
    blocks: tuple[BlockRef, ...]
    layout: Layout
    partitions: Partitions
    sources: tuple[str, ...]
    #: Whether the quotes before the blocks were counted.
    counted: bool

    def read(self, block: Block) -> Columns:
        return self.read_ref(runtime_of(block.node), self.blocks[block.index])

    def read_ref(self, runtime: Runtime, ref: BlockRef, lines: NDArray[np.uint8] | None = None) -> Columns:
        """The columns of a block, whose lines may be there already."""
        quote = ord(self.layout.line_quote) if self.layout.line_quote else 0
        with runtime.service(ScratchPool).taken() as scratch:
            if lines is None:
                text, odd = ref.text(runtime, quote, scratch)
            else:
                text, odd = scratch.array("text", len(lines), np.uint8), False
                text[:] = lines
            if ref.first and text[:3].tobytes() == _BOM:
                text = text[3:]
            if self.layout.rows is not None:
                text = self.layout.rows.rewrite(text, scratch)
            columns = read_block(text, self.layout, header=ref.first and ref.header, scratch=scratch, session=self.session)
        columns.doubtful = odd and not self.counted
        return self.partitions.extend(columns, self.sources.index(ref.raw.key)) if self.partitions.names else columns

    def feed(self, block: Block, payload: tuple[BlockRef, NDArray[np.uint8]]) -> list[Any]:
        return self.keep_columns(block, self.read_ref(runtime_of(block.node), *payload))

    def close_local(self, node: Node) -> None:
        runtime_of(node).service(ScratchPool).clear()


class CsvParser(Parser):
    """Comma, tab, semicolon, bar, blank or any other separator; quotes, escapes, comments, ragged lines."""

    name = "CSV"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        return guess_csv(sample, given)

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        layout, names = layout_of(setup)
        return self.read(job, sources, setup, layout, names, dest)

    def read(
        self, job: JobContext, sources: Sequence[str], setup: ParseSetup, layout: Layout, names: Sequence[str], dest: str
    ) -> Frame:
        """The frame of text in a layout, which ``layout_of`` made of the setup or a format of rows like these has of its own."""
        raws = [require_raw(job.node, s) for s in sources]
        zone = job.node.dkv.get(TIME_ZONE_KEY)
        layout = replace(layout, zone=zone if isinstance(zone, str) else "UTC")
        parts = partitions_of([r.uri for r in raws], setup.partition_by)
        domains = [setup.domains[j] if setup.domains and j < len(setup.domains) else None for j in layout.keep]
        domains += [None] * len(parts.names)
        types = [*(layout.types[j] for j in layout.keep), *parts.types]
        kept = [*(names[j] for j in layout.keep), *parts.names]
        block_bytes, keys = max(setup.chunk_size, 4096), tuple(r.key for r in raws)

        def reader(blocks: Sequence[BlockRef], *, counted: bool) -> _Read:
            return _Read(random_key("parse", system=True), tuple(blocks), layout, parts, keys, counted)

        if can_stream(self.runtime, raws):
            read = reader((), counted=True)

            def stream() -> tuple[int, Any]:
                found = unpacked_blocks(self.runtime, raws, block_bytes, layout.line_quote)
                return job.node.tasks.feed(read, self._with_header(read, found, setup, names), job.cancelled)

            return write_frame(job, read, 0, types, kept, dest, domains, stream)
        plan = plan_blocks(self.runtime, raws, block_bytes, layout.line_quote)
        try:
            blocks = with_quotes(job, self.runtime, plan.blocks, layout.line_quote)
            if setup.check_header == 1:
                blocks = self._with_headers(blocks, layout, names)
            try:
                return write_frame(job, reader(blocks, counted=False), len(blocks), types, kept, dest, domains)
            except DoubtfulError:
                blocks = count_quotes(job, blocks, layout.line_quote)
                return write_frame(job, reader(blocks, counted=True), len(blocks), types, kept, dest, domains)
        finally:
            job.node.dkv.remove_many(plan.staged)

    def _with_header(
        self, read: _Read, blocks: Iterator[tuple[BlockRef, bytes]], setup: ParseSetup, names: Sequence[str]
    ) -> Iterator[tuple[BlockRef, NDArray[np.uint8]]]:
        """Blocks of a stream marked where a header stands, as in ``_with_headers``. PERF: arrays travel without being copied."""
        header: list[str] | None = None
        for ref, lines in blocks:
            if ref.first and setup.check_header == 1:
                line = _cells_of_first_line(lines[:_HEAD_BYTES], read.layout)
                header = header or line
                ref = replace(ref, header=line in (header, list(names)))  # noqa: PLW2901 - the same block
            yield ref, np.frombuffer(lines, dtype=np.uint8)

    def _with_headers(self, blocks: list[BlockRef], layout: Layout, names: Sequence[str]) -> list[BlockRef]:
        """Blocks marked where a header stands: in the first source, and in others whose first line repeats it or ``names``."""
        out, header = [], None
        for block in blocks:
            line = self._first_line(block, layout) if block.first else None
            header = header or line
            out.append(block if line is None else replace(block, header=line in (header, list(names))))
        return out

    def _first_line(self, block: BlockRef, layout: Layout) -> list[str]:
        """Texts of the first line of a block; an empty list when there is none."""
        return _cells_of_first_line(block.head(self.runtime, _HEAD_BYTES), layout)


def _cells_of_first_line(head: bytes, layout: Layout) -> list[str]:
    cells = cut_cells(head.removeprefix(_BOM), layout.dialect, 1)
    return [t.text for t in cells.row(0)] if cells.n_rows else []


def layout_of(setup: ParseSetup) -> tuple[Layout, tuple[str, ...]]:
    """What a setup says of text, and the names of all its columns.

    Raises
    ------
    IllegalArgumentError
        There are no columns, or all are skipped.
    """
    n = setup.number_columns or len(setup.column_types or ()) or len(setup.column_names or ())
    if n < 1:
        raise IllegalArgumentError("Cannot parse: the setup has no columns. Run ParseSetup on the source first.")
    keep = tuple(kept_positions(setup, n))
    if not keep:
        raise IllegalArgumentError("Cannot parse: every column is skipped.")
    types = tuple(spread_types(setup, ["Numeric"] * n))
    names = tuple(spread(setup.column_names or (), keep, [f"C{i + 1}" for i in range(n)]))
    na = setup.na_strings or ()
    na_sets = tuple(tuple(na[j] or ()) if j < len(na) else () for j in range(n))
    quote = "'" if setup.single_quotes else '"'
    comments = "#" if setup.custom_non_data_line_markers is None else setup.custom_non_data_line_markers
    escape = chr(setup.escapechar) if setup.escapechar else ""
    return Layout(chr(setup.separator or 44), quote, escape, comments, types, keep, na_sets), names

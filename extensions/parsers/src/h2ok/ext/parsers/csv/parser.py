"""CsvParser: delimited text into a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.capabilities.settings import TIME_ZONE_KEY
from h2ok.ext.parsers.columns import Columns, ReadColumns, runtime_of, write_frame
from h2ok.ext.parsers.csv.blocks import BlockRef, plan_blocks
from h2ok.ext.parsers.csv.guess import guess_csv
from h2ok.ext.parsers.csv.reader import Layout, read_block
from h2ok.ext.parsers.csv.tokens import Dialect, split_lines
from h2ok.ext.parsers.raw import require_raw
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, random_key, wire_type

__all__ = ["CsvParser"]


@wire_type("csv.read")
@dataclass(frozen=True)
class _Read(ReadColumns):
    blocks: tuple[BlockRef, ...]
    layout: Layout
    header: bool

    def read(self, block: Block) -> Columns:
        ref = self.blocks[block.index]
        quote = ord(self.layout.quote) if self.layout.quote else 0
        data = ref.read(runtime_of(block.node), quote)
        if ref.first:
            data = _without_bom(data)
            if self.header:
                data = _without_header(data, self.layout)
        return read_block(data, self.layout)


class CsvParser(Parser):
    """Comma, tab, semicolon, bar, blank or any other separator; quotes, escapes, comments, ragged lines."""

    name = "CSV"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        return guess_csv(sample, given)

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raws = [require_raw(job.node, s) for s in sources]
        layout, names = _layout(setup)
        zone = job.node.dkv.get(TIME_ZONE_KEY)
        layout = replace(layout, zone=zone if isinstance(zone, str) else "UTC")
        plan = plan_blocks(self.runtime, raws, max(setup.chunk_size, 4096), layout.quote)
        read = _Read(random_key("parse", system=True), tuple(plan.blocks), layout, setup.check_header == 1)
        domains = [setup.domains[j] if setup.domains and j < len(setup.domains) else None for j in layout.keep]
        types = [layout.types[j] for j in layout.keep]
        try:
            return write_frame(job, read, len(plan.blocks), types, [names[j] for j in layout.keep], dest, domains)
        finally:
            job.node.dkv.remove_many(plan.staged)


def _layout(setup: ParseSetup) -> tuple[Layout, tuple[str, ...]]:
    n = setup.number_columns or len(setup.column_types or ()) or len(setup.column_names or ())
    if n < 1:
        raise IllegalArgumentError("Cannot parse: the setup has no columns. Run ParseSetup on the source first.")
    skipped = set(setup.skipped_columns)
    keep = tuple(j for j in range(n) if j not in skipped)
    if not keep:
        raise IllegalArgumentError("Cannot parse: every column is skipped.")
    types = _spread(tuple(setup.column_types or ()), n, keep, ["Numeric"] * n)
    types = tuple("Numeric" if t == "Unknown" else t for t in types)
    names = _spread(tuple(setup.column_names or ()), n, keep, [f"C{i + 1}" for i in range(n)])
    na = setup.na_strings or ()
    na_sets = tuple(tuple(na[j] or ()) if j < len(na) else () for j in range(n))
    quote = "'" if setup.single_quotes else '"'
    comments = "#" if setup.custom_non_data_line_markers is None else setup.custom_non_data_line_markers
    escape = chr(setup.escapechar) if setup.escapechar else ""
    return Layout(chr(setup.separator or 44), quote, escape, comments, types, keep, na_sets), names


def _spread(values: tuple[str, ...], n: int, keep: tuple[int, ...], defaults: list[str]) -> tuple[str, ...]:
    """``values`` for all ``n`` columns of the file; clients may name only those that are kept."""
    if len(values) == len(keep) < n:
        for j, value in zip(keep, values, strict=True):
            defaults[j] = value
        return tuple(defaults)
    return (*values[:n], *defaults[len(values[:n]) :])


def _without_bom(data: bytes) -> bytes:
    return data.removeprefix(b"\xef\xbb\xbf")


def _without_header(data: bytes, layout: Layout) -> bytes:
    """``data`` without its first data line (H2O: each file's first line is dropped when the setup has a header)."""
    dialect: Dialect = layout.dialect
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        stop = len(data) if end < 0 else end + 1
        line = data[at:stop].decode("utf-8", "replace")
        if dialect.quote and line.count(dialect.quote) % 2:
            quoted = _logical_line_end(data, at, dialect.quote.encode())
            stop, line = quoted, data[at:quoted].decode("utf-8", "replace")
        if split_lines(line, dialect):
            return data[stop:]
        at = stop
    return b""


def _logical_line_end(data: bytes, at: int, quote: bytes) -> int:
    end = at
    while True:
        end = data.find(b"\n", end)
        if end < 0:
            return len(data)
        if data.count(quote, at, end) % 2 == 0:
            return end + 1
        end += 1

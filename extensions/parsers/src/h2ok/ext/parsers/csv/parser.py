"""CsvParser: delimited text into a frame.

One MRTask reads blocks into chunks, a second one writes them, enums under the merged domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.csv.blocks import BlockRef, plan_blocks
from h2ok.ext.parsers.csv.guess import guess_csv
from h2ok.ext.parsers.csv.reader import Layout, read_block
from h2ok.ext.parsers.csv.tokens import Dialect, split_lines
from h2ok.ext.parsers.raw import require_raw
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, MRTask, OutputSpec, random_key, wire_type
from h2ok.kernel.frame.newchunk import encode_codes

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.kernel import Node

__all__ = ["CsvParser"]

#: Levels of one column beyond which it is read as text (H2O: 10 million).
MAX_LEVELS = 10_000_000
_VEC_TYPES = {"Numeric": "numeric", "Enum": "enum", "Time": "time", "String": "string", "UUID": "uuid", "Bad": "bad"}


@wire_type("csv.read")
@dataclass(frozen=True)
class _Read(MRTask):
    """First pass: block -> encoded columns in the block's state; the partial is each enum's set of levels."""

    session: str
    blocks: tuple[BlockRef, ...]
    layout: Layout
    header: bool

    def map(self, block: Block) -> list[Any]:
        runtime: Runtime = runtime_of(block.node)
        ref = self.blocks[block.index]
        quote = ord(self.layout.quote) if self.layout.quote else 0
        data = ref.read(runtime, quote)
        if ref.first:
            data = _without_bom(data)
            if self.header:
                data = _without_header(data, self.layout)
        columns = read_block(data, self.layout)
        block.state["columns"] = columns
        return [None if v is None else np.array(sorted(v), dtype=np.str_) for v in columns.levels]

    def reduce(self, left: list[Any], right: list[Any]) -> list[Any]:
        return [None if a is None else np.union1d(a, b) for a, b in zip(left, right, strict=True)]


@wire_type("csv.write")
@dataclass(frozen=True)
class _Write(MRTask):
    """Second pass: enum codes under the merged domain, everything into output vecs."""

    session: str
    domains: tuple[tuple[str, ...] | None, ...]

    def map(self, block: Block) -> None:
        columns = block.state.pop("columns")
        for j, chunk in enumerate(columns.chunks):
            if chunk is not None:
                block.write(j, chunk)
                continue
            domain = self.domains[j] or ()
            index = {level: i for i, level in enumerate(domain)}
            remap = np.array([index.get(t, -1) for t in columns.levels[j]] + [-1], dtype=np.int32)
            block.write(j, encode_codes(remap[columns.codes[j]]))


class CsvParser(Parser):
    """Comma, tab, semicolon, bar, blank or any other separator; quotes, escapes, comments, ragged lines."""

    name = "CSV"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        return guess_csv(sample, given)

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        node = job.node
        raws = [require_raw(node, s) for s in sources]
        layout, names = _layout(setup)
        session = random_key("parse", system=True)
        plan = plan_blocks(self.runtime, raws, max(setup.chunk_size, 4096), layout.quote)
        n = len(plan.blocks)
        try:
            job.update(0.05, "Reading")
            espc = np.arange(n + 1, dtype=np.int64)
            header = setup.check_header == 1
            read = _Read(session, tuple(plan.blocks), layout, header)
            levels = node.tasks.run(read, (), espc, cancelled=job.cancelled).value
            job.update(0.8, "Writing columns")
            domains = tuple(_domain(v, setup, j) for v, j in zip(levels, layout.keep, strict=True))
            kinds = [_VEC_TYPES[layout.types[j]] for j in layout.keep]
            specs = [OutputSpec(k, d) for k, d in zip(kinds, domains, strict=True)]  # type: ignore[arg-type]
            vecs = node.tasks.run(_Write(session, domains), (), espc, specs, cancelled=job.cancelled).vecs
        finally:
            node.tasks.free_state(session)
            node.dkv.remove_many(plan.staged)
        kept = tuple(_unique_names([names[j] for j in layout.keep]))
        return node.frames.put(Frame(dest, kept, vecs))


def runtime_of(node: Node) -> Any:
    """The runtime that composed ``node``; parse tasks need it on every node to read storage."""
    found = node.context
    if found is None:
        raise IllegalArgumentError(f"Node {node.label} runs without extensions and cannot read files.")
    return found


def _layout(setup: ParseSetup) -> tuple[Layout, tuple[str, ...]]:
    n = setup.number_columns or len(setup.column_types or ()) or len(setup.column_names or ())
    if n < 1:
        raise IllegalArgumentError("Cannot parse: the setup has no columns. Run ParseSetup on the source first.")
    types = tuple(setup.column_types or ())[:n]
    types += ("Numeric",) * (n - len(types))
    types = tuple("Numeric" if t == "Unknown" else t for t in types)
    names = tuple(setup.column_names or ())[:n]
    names += tuple(f"C{i + 1}" for i in range(len(names), n))
    na = setup.na_strings or ()
    na_sets = tuple(tuple(na[j] or ()) if j < len(na) else () for j in range(n))
    skipped = set(setup.skipped_columns)
    keep = tuple(j for j in range(n) if j not in skipped)
    if not keep:
        raise IllegalArgumentError("Cannot parse: every column is skipped.")
    quote = "'" if setup.single_quotes else '"'
    comments = "#" if setup.custom_non_data_line_markers is None else setup.custom_non_data_line_markers
    escape = chr(setup.escapechar) if setup.escapechar else ""
    layout = Layout(chr(setup.separator or 44), quote, escape, comments, types, keep, na_sets)
    return layout, names


def _unique_names(names: Sequence[str]) -> Sequence[str]:
    """The names as they are; two equal ones are an error, as in H2O."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise IllegalArgumentError(f"Found duplicate column name '{name}'. Pass column_names with different names.")
        seen.add(name)
    return names


def _domain(levels: Any, setup: ParseSetup, column: int) -> tuple[str, ...] | None:
    if levels is None:
        return None
    given = setup.domains[column] if setup.domains and column < len(setup.domains) else None
    found = [str(v) for v in levels]
    if len(found) > MAX_LEVELS:
        raise IllegalArgumentError(
            f"Column {column + 1} has more than {MAX_LEVELS} levels. Read it as a string: col_types={{...: 'string'}}."
        )
    if given:
        return tuple(given) + tuple(v for v in found if v not in set(given))
    return tuple(_in_order(found))


def _in_order(levels: list[str]) -> list[str]:
    """Levels sorted by text; all-integer levels by value (H2O: domains of whole numbers are numeric in order)."""
    if levels and all(v.isascii() and v.lstrip("-").isdigit() for v in levels):
        return sorted(levels, key=lambda v: (int(v), v))
    return sorted(levels)


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

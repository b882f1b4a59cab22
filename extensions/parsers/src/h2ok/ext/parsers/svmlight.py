"""SvmLightParser: ``label index:value index:value``, mostly zeros."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.columns import ROUNDED, Columns, ReadColumns, runtime_of, write_frame
from h2ok.ext.parsers.csv.blocks import BlockRef, plan_blocks
from h2ok.ext.parsers.csv.cells import exact_number
from h2ok.ext.parsers.csv.pairs import LABEL, PLAIN, QUERY, TOO_WIDE, WHOLE, read_pairs
from h2ok.ext.parsers.csv.reader import encode_large
from h2ok.ext.parsers.kept import refuse_skipping
from h2ok.ext.parsers.raw import require_raw
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, MRTask, random_key, wire_type
from h2ok.kernel.frame.newchunk import encode_numbers
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Entries", "SvmLightParser", "read_sparse"]

_NUMBER = rb"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_PAIRS = rb"((?:\s+\d+:(?:" + _NUMBER + rb"|[-+]?(?:nan|inf)))*)"
_LINE = re.compile(rb"\s*" + _NUMBER + rb"(\s+qid:\d+)?" + _PAIRS + rb"\s*(?:#.*)?\Z", re.IGNORECASE)
_INDEX = re.compile(rb"(\d+):")
#: Lines that must be of the format; more are looked at until one has a feature.
_LOOKED_AT, _PREVIEW_LINES = 20, 10
#: A column costs about two kilobytes and a tenth of a millisecond, however few values it has.
_MAX_COLUMNS = 200_000
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Entries:
    """The numbers of some lines: int64[m] rows and columns (an index as it is written, ``LABEL`` or ``QUERY``), float64[m] values.

    kinds : uint8[m] and whole : int64[m], see ``pairs``.
    """

    n_rows: int
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]
    whole: NDArray[np.int64]
    kinds: NDArray[np.uint8]

    def span(self) -> tuple[int, int, bool]:
        """(largest index and -1 for none, whether 0 is one, whether there are queries)."""
        c = self.columns
        return max(-1, int(c.max(initial=-1))), bool((c == 0).any()), bool((c == QUERY).any())


def read_sparse(data: bytes) -> Entries:
    """The entries of whole lines.

    Raises
    ------
    IllegalArgumentError
        A word is no number where one must stand, or no ``index:value``.
    """
    text = np.frombuffer(data, dtype=np.uint8).copy()
    most = int((text == ord(":")).sum() + ((text == 10) | (text == 13)).sum()) + 1
    rows, columns, whole = (np.empty(most, dtype=np.int64) for _ in range(3))
    values, kinds, hard = np.empty(most), np.empty(most, dtype=np.uint8), np.empty((most, 3), dtype=np.int64)
    n_rows, n, left, wrong = read_pairs(text, rows, columns, values, whole, kinds, hard)
    if wrong >= 0:
        raise IllegalArgumentError(_complaint(data, wrong))
    for entry, start, stop in hard[:left].tolist():
        values[entry] = float(exact_number(data[start:stop].decode("ascii")))
        kinds[entry] = TOO_WIDE if abs(values[entry]) >= 2.0**63 else PLAIN
    return Entries(n_rows, rows[:n], columns[:n], values[:n], whole[:n], kinds[:n])


def _complaint(data: bytes, at: int) -> str:
    """What is wrong with the word at a position."""
    begin = max(data.rfind(b"\n", 0, at), data.rfind(b"\r", 0, at)) + 1
    number = len(data[:begin].splitlines()) + 1
    wanted = "index:value with a whole number as index" if data[begin:at].strip() else "a number"
    shown = data[at : at + 41].split()[0][:40].decode("utf-8", "replace")
    return f"line {number}, column {at - begin + 1}: expected {wanted}, found '{shown}'"


def _read_block(runtime: Runtime, ref: BlockRef) -> Entries:
    """``read_sparse`` of a block; what is wrong with it is told with the name of the file.

    Raises
    ------
    IllegalArgumentError
        A line is malformed.
    """
    data = ref.read(runtime, 0)
    try:
        return read_sparse(data.removeprefix(_BOM) if ref.first else data)
    except IllegalArgumentError as e:
        where = "" if ref.first else f", lines counted from byte {ref.start}"
        raise IllegalArgumentError(f"'{ref.raw.key}' is no SVMLight file{where}: {e.message}") from e


@wire_type("svmlight.width")
@dataclass(frozen=True)
class _Width(MRTask):
    """The largest index, whether 0 is one, and whether there are queries, as numbers."""

    blocks: tuple[BlockRef, ...]

    def map(self, block: Block) -> list[int]:
        return list(map(int, _read_block(runtime_of(block.node), self.blocks[block.index]).span()))

    def reduce(self, left: list[int], right: list[int]) -> list[int]:
        return list(map(max, left, right))


@wire_type("svmlight.read")
@dataclass(frozen=True)
class _Read(ReadColumns):
    """``width`` features from index ``base`` on, and perhaps the queries behind them."""

    blocks: tuple[BlockRef, ...]
    base: int
    width: int
    queries: bool

    def read(self, block: Block) -> Columns:
        found = _read_block(runtime_of(block.node), self.blocks[block.index])
        order = np.argsort(found.columns, kind="stable")
        wanted = [LABEL, *range(self.base, self.base + self.width), *([QUERY] if self.queries else [])]
        begins = np.searchsorted(found.columns[order], wanted)
        ends = np.searchsorted(found.columns[order], wanted, side="right")
        out = Columns(found.n_rows, [], [None] * len(wanted), [None] * len(wanted))
        for j, column in enumerate(wanted):
            dense = np.full(found.n_rows, np.nan) if column == QUERY else np.zeros(found.n_rows)
            picked = order[begins[j] : ends[j]]
            dense[found.rows[picked]] = found.values[picked]
            large = picked[found.kinds[picked] == WHOLE]
            chunk = encode_large(dense, found.rows[large], found.whole[large]) if len(large) else None
            if (len(large) and chunk is None) or (found.kinds[picked] == TOO_WIDE).any():
                out.notes.add((ROUNDED, j))
            out.chunks.append(encode_numbers(dense) if chunk is None else chunk)
        return out


class SvmLightParser(Parser):
    """Column C1 is the label, C2 the first feature, the last one the query of ranking sets; what a line does not name is zero.

    Features count from 1, or from 0 when any line names feature 0, as scikit-learn writes them.
    """

    name = "SVMLight"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        shown, largest, zero, queries = [], -1, False, False
        for n, line in enumerate(_lines_of(sample)):
            if n >= _LOOKED_AT and largest >= 0:
                break
            match = _LINE.match(line)
            if match is None:
                return None
            indexes = [int(m[:10]) for m in _INDEX.findall(match[2])]
            largest = max([largest, *indexes])
            zero, queries = zero or 0 in indexes, queries or match[1] is not None
            if n < _PREVIEW_LINES:
                shown.append(line)
        if largest < 0:
            return None
        self.check(given)
        n_columns = 1 + _width(largest, zero) + queries
        return replace(
            given, parse_type=self.name, separator=ord(" "), check_header=-1, number_columns=n_columns,
            column_names=given.column_names, column_types=given.column_types or ("Numeric",) * n_columns,
            data=tuple(tuple(t.decode("utf-8", "replace") for t in x.split()) for x in shown),
        )  # fmt: skip

    def check(self, setup: ParseSetup) -> None:
        refuse_skipping(setup, "SVMLight")

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raws = [require_raw(job.node, s) for s in sources]
        plan = plan_blocks(self.runtime, raws, max(setup.chunk_size, 4096), "")
        blocks = tuple(plan.blocks)
        try:
            espc = np.arange(len(blocks) + 1, dtype=np.int64)
            span = job.node.tasks.run(_Width(blocks), (), espc, cancelled=job.cancelled).value
            largest, zero, queries = span[0], bool(span[1]), bool(span[2])
            width = _width(largest, zero)
            n = 1 + width + queries
            given = setup.column_names or ()
            own = [*(f"C{i + 1}" for i in range(1 + width)), *(["qid"] if queries else [])]
            names = [given[i] if i < len(given) else own[i] for i in range(n)]
            read = _Read(random_key("parse", system=True), blocks, 0 if zero else 1, width, queries)
            return write_frame(job, read, len(blocks), ["Numeric"] * n, names, dest)
        finally:
            job.node.dkv.remove_many(plan.staged)


def _lines_of(sample: bytes) -> Iterator[bytes]:
    """The lines of a sample that are no remarks; a last one that may be cut is left out."""
    lines = sample.removeprefix(_BOM).splitlines()
    cut = len(lines) > 1 and not sample.endswith((b"\n", b"\r"))
    return (line for line in lines[: -1 if cut else None] if line.strip() and not line.lstrip().startswith(b"#"))


def _width(largest: int, zero: bool) -> int:
    """The number of features up to an index; they count from 0 as soon as one has the index 0.

    Raises
    ------
    IllegalArgumentError
        There are too many.
    """
    if largest >= _MAX_COLUMNS:
        raise IllegalArgumentError(
            f"The largest feature index is {largest}; at most {_MAX_COLUMNS} columns can be read. Hash or select the features"
            " first."
        )
    return max(0, largest + 1 if zero else largest)

"""Columns of blocks into a frame: one MRTask reads, a second one writes enums under the domain merged from all blocks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from h2ok.ext.parsers.csv.levels import Levels, remap_of
from h2ok.kernel import Block, Chunk, Frame, IllegalArgumentError, JobContext, MRTask, OutputSpec, Vec, wire_type
from h2ok.kernel.frame.newchunk import encode_codes
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = [
    "MANY", "ROUNDED", "UNREAD", "Columns", "DoubtfulError", "ReadColumns", "check_names", "code_type", "runtime_of", "vec_type",
    "write_frame",
]  # fmt: skip

#: Levels of one column beyond which it cannot be an enum (H2O: 10 million).
MAX_LEVELS = 10_000_000
#: Rows of a block from which compiled code is worth its loading.
MANY = 1 << 15
#: Digits of a column of numbers were lost; texts of a column of times are none.
ROUNDED, UNREAD = "rounded", "unread"
_NOTES = {
    ROUNDED: "Column '{}' has whole numbers that are rounded to doubles: beyond 2^53 they are kept only where all numbers near them"
    " are whole and lie between -2^63 and 2^63. Read it as enum or string to keep every digit.",
    UNREAD: "Column '{}' has texts that are no times in the form the file declares; they are missing. Read it as string to"
    " see them.",
}  # fmt: skip
_VEC_TYPES = {"Numeric": "numeric", "Enum": "enum", "Time": "time", "String": "string", "UUID": "uuid", "Bad": "bad"}


@wire_type("parsers.columns")
@dataclass(slots=True)
class Columns:
    """``chunks[j]`` of column j, or for an enum None with ``codes[j]`` signed integers (NA -1) into ``levels[j]``.

    ``fresh``: those levels of a column that no block with the same ``levels`` has told yet; without it all of them.
    """

    n_rows: int
    chunks: list[Chunk | None]
    codes: list[NDArray[Any] | None]
    levels: list[list[str] | Levels | None]
    #: The block may not begin where it was said to: the whole must be read anew.
    doubtful: bool = False
    fresh: dict[int, list[str]] = field(default_factory=dict, metadata={"wire": False})
    #: What the user should be told of columns: a key of ``_NOTES`` and the column.
    notes: set[tuple[str, int]] = field(default_factory=set, metadata={"wire": False})

    def append(self, other: Columns) -> None:
        """Add further columns of the same rows."""
        self.n_rows = other.n_rows
        self.notes |= {(what, len(self.chunks) + j) for what, j in other.notes}
        self.chunks += other.chunks
        self.codes += other.codes
        self.levels += other.levels

    def told(self, column: int) -> NDArray[np.str_] | None:
        """The levels of an enum to tell the others, sorted; None for other columns."""
        levels = self.levels[column]
        if levels is None:
            return None
        return np.array(sorted(self.fresh[column] if isinstance(levels, Levels) else levels), dtype=np.str_)


class DoubtfulError(Exception):
    """A block was cut wrongly; nothing was written."""


@dataclass(frozen=True)
class ReadColumns(MRTask):
    """First pass: subclasses read one block; its columns are stashed, the partial is each enum's levels."""

    session: str

    @abstractmethod
    def read(self, block: Block) -> Columns:
        """The columns of a block."""

    def map(self, block: Block) -> list[Any]:
        return self.keep_columns(block, self.read(block))

    def keep_columns(self, block: Block, columns: Columns) -> list[Any]:
        """Stash the columns of a block; its partial."""
        told = [columns.told(j) for j in range(len(columns.levels))]
        block.stash("columns", columns)
        return [columns.doubtful, sorted(map(list, columns.notes)), *told]

    def reduce(self, left: list[Any], right: list[Any]) -> list[Any]:
        notes = left[1] + [n for n in right[1] if n not in left[1]]
        return [left[0] or right[0], notes, *map(_union, left[2:], right[2:])]


def _union(left: Any, right: Any) -> Any:
    """Both sorted lists of levels in one. PERF: blocks mostly tell the same ones, or none."""
    if left is None or not len(right) or np.array_equal(left, right):
        return left
    return np.union1d(left, right) if len(left) else right


@wire_type("parsers.write")
@dataclass(frozen=True)
class _WriteColumns(MRTask):
    session: str
    domains: tuple[tuple[str, ...] | None, ...]

    def map(self, block: Block) -> None:
        columns = block.unstash("columns")
        for j, chunk in enumerate(columns.chunks):
            if chunk is not None:
                block.write(j, chunk)
                continue
            levels, domain = columns.levels[j], self.domains[j] or ()
            remap = levels.remap(domain) if isinstance(levels, Levels) else remap_of(levels, domain)
            if columns.n_rows >= MANY:
                from h2ok.kernel.frame.packing import encode_picked_codes

                block.write(j, encode_picked_codes(columns.codes[j], remap))
            else:
                block.write(j, encode_codes(remap[columns.codes[j]]))


def write_frame(
    job: JobContext,
    read: ReadColumns,
    n_blocks: int,
    types: Sequence[str],
    names: Sequence[str],
    dest: str,
    given_domains: Sequence[Sequence[str] | None] | None = None,
    stream: Callable[[], tuple[int, Any]] | None = None,
) -> Frame:
    """Read all blocks and store the frame ``dest``; on failure nothing is left.

    Parameters
    ----------
    types, names : of the columns ``read`` makes, types as in ParseSetup.
    given_domains : levels that come first, in this order; None to sort the levels found.
    stream : reads the blocks in place of an MRTask: how many there were, and the partial of them all.

    Raises
    ------
    DoubtfulError
        A block said so; nothing was written.
    """
    check_names(names)
    node = job.node

    def work() -> tuple[Vec, ...]:
        try:
            job.update(0.05, "Reading")
            n = n_blocks
            if stream is not None:
                n, (doubtful, notes, *levels) = stream()
            espc = np.arange(n + 1, dtype=np.int64)
            if stream is None:
                doubtful, notes, *levels = node.tasks.run(read, (), espc, cancelled=job.cancelled).value
            if doubtful:
                raise DoubtfulError
            for what, column in sorted(map(tuple, notes)):
                job.warn(_NOTES[what].format(names[column]))
            job.update(0.8, "Writing columns")
            domains = tuple(_domain(found, given_domains[j] if given_domains else None, names[j]) for j, found in enumerate(levels))
            specs = [OutputSpec(vec_type(t), d) for t, d in zip(types, domains, strict=True)]
            return node.tasks.run(_WriteColumns(read.session, domains), (), espc, specs, cancelled=job.cancelled).vecs
        finally:
            node.tasks.free_state(read.session)

    return node.frames.put(Frame(dest, tuple(names), job.survive(work)))


def code_type(n_levels: int) -> type[np.signedinteger[Any]]:
    """The narrowest type of codes, which wait in memory until the levels of all blocks are known."""
    return np.int8 if n_levels < 1 << 7 else np.int16 if n_levels < 1 << 15 else np.int32


def vec_type(name: str) -> Any:
    """The kernel's type of a column type of ParseSetup."""
    return _VEC_TYPES[name]


def runtime_of(node: Node) -> Any:
    """The runtime that composed ``node``; parse tasks need it on every node to read storage."""
    found = node.context
    if found is None:
        raise IllegalArgumentError(f"Node {node.label} runs without extensions and cannot read files.")
    return found


def check_names(names: Sequence[str]) -> None:
    """Refuse names that occur twice.

    Raises
    ------
    IllegalArgumentError
        A name does.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise IllegalArgumentError(f"Found duplicate column name '{name}'. Pass column_names with different names.")
        seen.add(name)


def _domain(levels: Any, given: Sequence[str] | None, name: str) -> tuple[str, ...] | None:
    if levels is None:
        return None
    found = [str(v) for v in levels]
    if len(found) > MAX_LEVELS:
        raise IllegalArgumentError(
            f"Column '{name}' has more than {MAX_LEVELS} levels. Read it as a string: col_types={{'{name}': 'string'}}."
        )
    if given:
        known = set(given)
        return (*given, *(v for v in found if v not in known))
    # H2O: by text, also where every level is a number.
    return tuple(sorted(found))

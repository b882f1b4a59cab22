"""SvmLightParser: ``label index:value index:value``, mostly zeros."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from h2ok.capabilities.contracts.parser import Parser, ParseSetup
from h2ok.ext.parsers.columns import Columns, ReadColumns, runtime_of, write_frame
from h2ok.ext.parsers.csv.blocks import BlockRef, plan_blocks
from h2ok.ext.parsers.kept import refuse_skipping
from h2ok.ext.parsers.raw import require_raw
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, MRTask, random_key, wire_type
from h2ok.kernel.frame.newchunk import encode_numbers
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["SvmLightParser", "read_sparse"]

_LINE = re.compile(rb"\s*[-+]?[\d.]+(?:[eE][-+]?\d+)?(?:\s+\d+:[-+]?[\d.]+(?:[eE][-+]?\d+)?)+\s*(?:#.*)?\Z")
_LABEL = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_PAIR = re.compile(rb"0*[1-9]\d*:[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
#: A column costs about two kilobytes and a tenth of a millisecond, however few values it has.
_MAX_COLUMNS = 200_000


def read_sparse(data: bytes) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(labels, row, column, value) of the lines of a block; columns count from 1 as in the text.

    Raises
    ------
    IllegalArgumentError
        A token is no number, or an index is not a positive whole number.
    """
    if b"#" in data:
        data = re.sub(rb"#[^\n]*", b"", data)
    lines = [line for line in data.splitlines() if line.strip()]
    counts = np.array([line.count(b":") for line in lines], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(1 + 2 * counts)])
    try:
        flat = np.array(b" ".join(lines).replace(b":", b" ").split(), dtype=np.float64)
    except ValueError:
        flat = np.empty(0)
    if len(flat) != starts[-1]:
        raise IllegalArgumentError(_complaint(data))
    is_label = np.zeros(len(flat), dtype=np.bool_)
    is_label[starts[:-1]] = True
    pairs = flat[~is_label].reshape(-1, 2)
    index = pairs[:, 0].astype(np.int64)
    if len(index) and (index.min() < 1 or (index != pairs[:, 0]).any()):
        raise IllegalArgumentError(_complaint(data) or "Indexes of SVMLight features are whole numbers from 1.")
    return flat[starts[:-1]], np.repeat(np.arange(len(lines)), counts), index, pairs[:, 1]


def _complaint(data: bytes) -> str:
    """The first line and column that is not of the form ``label index:value ...``; empty when all are."""
    for number, line in enumerate(data.splitlines(), 1):
        for word in re.finditer(rb"\S+", line):
            is_label = not line[: word.start()].strip()
            if not (_LABEL if is_label else _PAIR).fullmatch(word.group()):
                wanted = "a number" if is_label else "index:value with an index from 1"
                shown = word.group()[:40].decode("utf-8", "replace")
                return f"line {number}, column {word.start() + 1}: expected {wanted}, found '{shown}'"
    return ""


def _read_block(
    runtime: Runtime, ref: BlockRef
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """``read_sparse`` of a block; what is wrong with it is told with the name of the file.

    Raises
    ------
    IllegalArgumentError
        A line is malformed.
    """
    try:
        return read_sparse(ref.read(runtime, 0))
    except IllegalArgumentError as e:
        where = "" if ref.first else f", lines counted from byte {ref.start}"
        raise IllegalArgumentError(f"'{ref.raw.key}' is no SVMLight file{where}: {e.message}") from e


@wire_type("svmlight.width")
@dataclass(frozen=True)
class _Width(MRTask):
    """Largest feature index."""

    blocks: tuple[BlockRef, ...]

    def map(self, block: Block) -> int:
        _, _, index, _ = _read_block(runtime_of(block.node), self.blocks[block.index])
        return int(index.max()) if len(index) else 0

    def reduce(self, left: int, right: int) -> int:
        return max(left, right)


@wire_type("svmlight.read")
@dataclass(frozen=True)
class _Read(ReadColumns):
    blocks: tuple[BlockRef, ...]
    width: int

    def read(self, block: Block) -> Columns:
        labels, row, index, value = _read_block(runtime_of(block.node), self.blocks[block.index])
        order = np.argsort(index, kind="stable")
        bounds = np.searchsorted(index[order], np.arange(1, self.width + 2))
        chunks = [encode_numbers(labels)]
        for j in range(self.width):
            dense = np.zeros(len(labels))
            picked = order[bounds[j] : bounds[j + 1]]
            dense[row[picked]] = value[picked]
            chunks.append(encode_numbers(dense))
        return Columns(len(labels), list(chunks), [None] * len(chunks), [None] * len(chunks))


class SvmLightParser(Parser):
    """Column C1 is the label, C2 is feature 1; what a line does not name is zero."""

    name = "SVMLight"

    def guess(self, sample: bytes, given: ParseSetup, source: str) -> ParseSetup | None:
        lines = [line for line in sample.splitlines()[:20] if line.strip() and not line.startswith(b"#")]
        lines = lines[:-1] if len(lines) > 1 and not sample.endswith(b"\n") else lines
        if not lines or not all(_LINE.match(line) for line in lines):
            return None
        self.check(given)
        width = max(int(m) for line in lines for m in re.findall(rb"(\d+):", line))
        if width >= _MAX_COLUMNS:
            raise _too_wide(width)
        n = width + 1
        return replace(
            given, parse_type=self.name, separator=ord(" "), check_header=-1, number_columns=n, column_names=given.column_names,
            column_types=given.column_types or ("Numeric",) * n,
            data=tuple(tuple(t.decode() for t in x.split()) for x in lines[:10]),
        )  # fmt: skip

    def check(self, setup: ParseSetup) -> None:
        refuse_skipping(setup, "SVMLight")

    def parse(self, job: JobContext, sources: Sequence[str], setup: ParseSetup, dest: str) -> Frame:
        raws = [require_raw(job.node, s) for s in sources]
        plan = plan_blocks(self.runtime, raws, max(setup.chunk_size, 4096), "")
        blocks = tuple(plan.blocks)
        try:
            espc = np.arange(len(blocks) + 1, dtype=np.int64)
            width = job.node.tasks.run(_Width(blocks), (), espc, cancelled=job.cancelled).value
            if width >= _MAX_COLUMNS:
                raise _too_wide(width)
            given = setup.column_names or ()
            names = [given[i] if i < len(given) else f"C{i + 1}" for i in range(width + 1)]
            read = _Read(random_key("parse", system=True), blocks, width)
            return write_frame(job, read, len(blocks), ["Numeric"] * (width + 1), names, dest)
        finally:
            job.node.dkv.remove_many(plan.staged)


def _too_wide(width: int) -> IllegalArgumentError:
    return IllegalArgumentError(
        f"The largest feature index is {width}; at most {_MAX_COLUMNS} columns can be read. Hash or select the features first."
    )

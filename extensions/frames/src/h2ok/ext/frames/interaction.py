"""Interaction: enum columns combined into new ones whose levels are combinations of levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import xor
from typing import TYPE_CHECKING

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.ext.frames.schemas import InteractionV3
from h2ok.kernel import Block, Frame, IllegalArgumentError, JobContext, MRTask, OutputSpec, Vec, given_key, random_key, wire_type
from numpy.typing import NDArray

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = ["interact", "interaction"]

#: The level that takes all combinations beyond ``max_factors``.
OTHER = "other"


@wire_type("frames.combinations")
@dataclass(frozen=True)
class _Combinations(MRTask):
    """Combined codes: int64[k, 3] (code, rows, first row), sorted by code."""

    sizes: tuple[int, ...]

    def map(self, block: Block) -> NDArray[np.int64]:
        codes, first, counts = np.unique(combined(block, self.sizes), return_index=True, return_counts=True)
        return np.column_stack([codes, counts, first + block.start])

    def reduce(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
        both = np.concatenate([left, right])
        # The left part comes first in the frame, so the first of equal codes has the first row.
        codes, first, where = np.unique(both[:, 0], return_index=True, return_inverse=True)
        counts = np.zeros(len(codes), dtype=np.int64)
        np.add.at(counts, where, both[:, 1])
        return np.column_stack([codes, counts, both[first, 2]])


@wire_type("frames.interact")
@dataclass(frozen=True)
class _Interact(MRTask):
    sizes: tuple[int, ...]
    kept: NDArray[np.int64]
    other: int

    def map(self, block: Block) -> None:
        codes = combined(block, self.sizes)
        order = np.argsort(self.kept)
        at = np.clip(np.searchsorted(self.kept, codes, sorter=order), 0, len(self.kept) - 1)
        found = self.kept[order[at]] == codes
        block.write(0, np.where(found, order[at], self.other))


def combined(block: Block, sizes: Sequence[int]) -> NDArray[np.int64]:
    """int64[n_rows]: mixed-radix number of the codes of all columns; a missing value is a digit of its own."""
    out = np.zeros(block.n_rows, dtype=np.int64)
    for j, size in enumerate(sizes):
        codes = block.codes(j).astype(np.int64)
        out = out * (size + 1) + np.where(codes < 0, size, codes)
    return out


def interaction(ctx: RequestContext, request: InteractionV3) -> JobV3:
    """POST /3/Interaction."""
    if not request.source_frame:
        raise IllegalArgumentError("source_frame is not specified.", argument="source_frame")
    frame = ctx.node.frames.get(request.source_frame)
    names = request.factor_columns or []
    if len(names) < 2:
        raise BadRequestError("An interaction needs at least two factor_columns.")
    vecs = [frame.vec(n) for n in names]
    for name, v in zip(names, vecs, strict=True):
        if v.domain is None:
            raise BadRequestError(f"Column '{name}' is {v.type}; interactions need enum columns. Convert it with asfactor().")
    if request.max_factors < 1:
        raise BadRequestError(f"max_factors must be at least 1; got {request.max_factors}.")
    if request.min_occurrence < 1:
        raise BadRequestError(f"min_occurrence must be at least 1; got {request.min_occurrence}.")
    dest = given_key(request.dest, "dest") if request.dest else random_key("interaction_")

    def work(job: JobContext) -> None:
        groups = list(combinations(range(len(names)), 2)) if request.pairwise else [tuple(range(len(names)))]
        made = []
        for i, group in enumerate(groups):
            job.update(i / len(groups))
            made.append(interact(job.node, [vecs[j] for j in group], request.max_factors, request.min_occurrence))
        titles = tuple("_".join(names[j] for j in g) for g in groups)
        job.node.frames.put(Frame(dest, titles, tuple(made)))

    return JobV3.of(ctx.node.jobs.start("Interactions", dest, "Frame", work))


def interact(node: Node, vecs: Sequence[Vec], max_factors: int, min_occurrence: int) -> Vec:
    """An enum of the combinations of enums, most frequent first; rare ones become ``other``. NA combines as a level ``NA``."""
    sizes = tuple(v.cardinality for v in vecs)
    if np.prod([float(s + 1) for s in sizes]) >= 2**62:
        raise BadRequestError("The factors have too many combinations of levels to interact.")
    table = node.tasks.do_all(_Combinations(sizes), vecs).value
    texts = [level_text(int(code), vecs) for code in table[:, 0]]
    # H2O: the most frequent levels come first; equally frequent ones by the exclusive or of their codes, then as they occur.
    mixed = [reduce(xor, level_codes(int(code), sizes)) for code in table[:, 0]]
    order = sorted(range(len(table)), key=lambda i: (-int(table[i, 1]), mixed[i], int(table[i, 2])))
    kept = [i for i in order if table[i, 1] >= min_occurrence][:max_factors]
    domain = [texts[i] for i in kept]
    if len(kept) < len(table):
        domain.append(OTHER)
    codes = table[kept, 0] if kept else np.array([-1], dtype=np.int64)
    task = _Interact(sizes, codes, len(kept))
    return node.tasks.do_all(task, vecs, [OutputSpec("enum", tuple(domain))]).vecs[0]


def level_codes(code: int, sizes: Sequence[int]) -> list[int]:
    """The codes of a combined code, one a column."""
    out = []
    for size in reversed(sizes):
        code, digit = divmod(code, size + 1)
        out.append(digit)
    return out[::-1]


def level_text(code: int, vecs: Sequence[Vec]) -> str:
    """The joined levels of a combined code."""
    digits = level_codes(code, [v.cardinality for v in vecs])
    return "_".join("NA" if v.domain is None or d == len(v.domain) else v.domain[d] for v, d in zip(vecs, digits, strict=True))

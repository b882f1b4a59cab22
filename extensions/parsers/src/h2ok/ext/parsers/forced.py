"""Forced kinds of numbers: ``force_col_types`` makes whole numbers of reals, or tells whole numbers as reals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from h2ok.capabilities.contracts.parser import ParseSetup
from h2ok.ext.parsers.kept import kept_positions
from h2ok.kernel import Block, Frame, JobContext, MRTask, OutputSpec, Vec, wire_type
from h2ok.kernel.frame.rollups import rollups_many

__all__ = ["StoresKinds", "force_kinds", "kind_of_type", "kinds_by_name"]

_KINDS = {"int": "int", "real": "real", "float": "real", "double": "real"}


@runtime_checkable
class StoresKinds(Protocol):
    """A parser whose files say whether numbers are whole."""

    def stored_kinds(self, source: Any) -> list[str]:
        """For each column of the file ``int``, ``real``, or nothing when it holds no numbers."""


def kind_of_type(name: str | None) -> str:
    """``int`` or ``real`` for the name of a column type that says which, else nothing."""
    return _KINDS.get((name or "").lower(), "")


def kinds_by_name(frame: Frame, setup: ParseSetup, given: Sequence[str], stored: Sequence[str]) -> dict[str, str]:
    """What each column shall be: as the user says, else as the file does. Both count all columns of the file, or those kept."""
    n_kept = frame.n_cols - len(setup.partition_by or ())

    def kept(kinds: Sequence[str]) -> list[str]:
        return list(kinds) if len(kinds) == n_kept else [kinds[j] for j in kept_positions(setup, len(kinds))]

    out = dict(zip(frame.names, kept(stored), strict=False))
    out.update((n, k) for n, k in zip(frame.names, kept(given), strict=False) if k)
    return out


def force_kinds(job: JobContext, frame: Frame, kinds: dict[str, str]) -> Frame:
    """Replace a stored frame by one whose numeric columns are what ``kinds`` says.

    Reals become the nearest whole number, halves the one above, as H2O (Math.round) makes them; NA stays NA.
    """
    node = job.node
    numeric = [j for j, v in enumerate(frame.vecs) if v.type == "numeric" and kinds.get(frame.names[j])]
    known = dict(zip(numeric, rollups_many(node, [frame.vecs[j] for j in numeric]), strict=True))
    rounded = [j for j in numeric if kinds[frame.names[j]] == "int" and not known[j].is_int]
    told = [j for j in numeric if kinds[frame.names[j]] == "real" and known[j].is_int]
    if not rounded and not told:
        return frame

    def work() -> tuple[Vec, ...]:
        inputs = [frame.vecs[j] for j in rounded]
        return node.tasks.run(RoundTask(), inputs, inputs[0].espc, [OutputSpec()] * len(inputs), cancelled=job.cancelled).vecs

    vecs = list(frame.vecs)
    if rounded:
        for j, vec in zip(rounded, job.survive(work), strict=True):
            vecs[j] = vec
    for j in told:
        vecs[j] = replace(vecs[j], real=True)
    return node.frames.put(Frame(frame.key, frame.names, tuple(vecs)))


@wire_type("parsers.round")
@dataclass(frozen=True)
class RoundTask(MRTask):
    """Each input, rounded to whole numbers."""

    def map(self, block: Block) -> None:
        for j in range(len(block.vecs)):
            block.write(j, np.floor(block.numbers(j) + 0.5))

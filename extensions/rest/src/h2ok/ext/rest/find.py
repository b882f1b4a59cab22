"""Search for a value in a frame, forwards and backwards from a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from h2ok.kernel import Block, Frame, IllegalArgumentError, MRTask, Node, Vec, wire_type
from h2ok.kernel.frame.longs import is_exact_double

__all__ = ["find_value"]


@wire_type("rest.find")
@dataclass(frozen=True)
class _Find(MRTask):
    """Last match before and first match at or behind ``row``; -1 for none. ``text`` None: missing values."""

    row: int
    number: float | None
    text: str | None

    def map(self, block: Block) -> tuple[int, int]:
        hits = np.zeros(block.n_rows, dtype=np.bool_)
        for j, vec in enumerate(block.vecs):
            if vec.type in ("string", "uuid"):
                hits |= np.fromiter((v == self.text for v in block.strings(j)), dtype=np.bool_, count=block.n_rows)
            elif self.text is None:
                hits |= block.chunk(j).is_na()
            elif vec.domain is not None:
                if self.text in vec.domain:
                    hits |= block.codes(j) == vec.domain.index(self.text)
            elif self.number is not None:
                values = block.exact(j)
                if values.dtype.kind == "i" or is_exact_double(self.number):
                    hits |= values == self.number
        rows = np.flatnonzero(hits) + block.start
        before, after = rows[rows < self.row], rows[rows >= self.row]
        return (int(before[-1]) if len(before) else -1, int(after[0]) if len(after) else -1)

    def reduce(self, left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        return (right[0] if right[0] >= 0 else left[0], left[1] if left[1] >= 0 else right[1])


def find_value(node: Node, frame: Frame, column: str | None, row: int, match: str | None) -> tuple[int, int]:
    """(row of the match before, row of the match at or behind); -1 for none.

    Parameters
    ----------
    column : None searches all columns.
    match : number, level or text; None searches missing values.
    """
    vecs: list[Vec] = [frame.vec(column)] if column else list(frame.vecs)
    if not 0 <= row <= frame.n_rows:
        raise IllegalArgumentError(f"row must be from 0 to {frame.n_rows}; got {row}.", argument="row", value=str(row))
    if not vecs:
        return -1, -1
    found: tuple[int, int] = node.tasks.do_all(_Find(row, _number(match), match), vecs).value
    return found


def _number(text: str | None) -> float | None:
    """The number a text spells, an int where it is a whole number of 64 bits that no double holds."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    if not abs(value) < 2.0**63 or not text.strip().lstrip("+-").isdecimal():
        return value
    whole = int(text)
    return value if is_exact_double(whole) else whole

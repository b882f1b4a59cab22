"""Values of the expression language that are neither numbers, texts nor frames: number lists and rows; how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from h2ok.capabilities.contracts.errors import BadRequestError
from numpy.typing import NDArray

__all__ = ["Numbers", "Row", "format_number"]

#: Numbers a list of ranges may expand to.
MAX_EXPANDED = 2**30


class Numbers:
    """A list of numbers as written: runs of ``count`` numbers ``base, base + stride, ...``.

    A list without ranges has one run for each number. Ranges stay unexpanded until somebody needs the numbers. ``longs`` has the
    numbers as int64[n] when all are whole, none is part of a range and some are no doubles; else it is None.
    """

    __slots__ = ("bases", "counts", "longs", "strides")

    def __init__(self, bases: Sequence[float], counts: Sequence[int] | None = None, strides: Sequence[float] | None = None) -> None:
        self.bases: NDArray[np.float64] = np.asarray(bases, dtype=np.float64)
        n = len(self.bases)
        self.counts: NDArray[np.int64] = np.ones(n, dtype=np.int64) if counts is None else np.asarray(counts, dtype=np.int64)
        self.strides: NDArray[np.float64] = np.ones(n) if strides is None else np.asarray(strides, dtype=np.float64)
        self.longs: NDArray[np.int64] | None = None
        if self.is_plain and any(isinstance(b, int) for b in bases) and all(map(_is_whole, bases)):
            self.longs = np.array([int(b) for b in bases], dtype=np.int64)

    @property
    def is_plain(self) -> bool:
        """No run is longer than one number."""
        return bool((self.counts == 1).all())

    def __len__(self) -> int:
        return int(self.counts.sum())

    def __iter__(self) -> Iterator[float]:
        return iter(self.expand().tolist())

    def expand(self) -> NDArray[np.float64]:
        """All numbers, float64[n].

        Raises
        ------
        BadRequestError
            There are more than 2**30.
        """
        if len(self) > MAX_EXPANDED:
            raise BadRequestError(f"A list of {len(self)} numbers is too long; at most {MAX_EXPANDED} are allowed.")
        if self.is_plain:
            return self.bases
        parts = [b + s * np.arange(c) for b, c, s in zip(self.bases, self.counts, self.strides, strict=True)]
        return np.concatenate(parts)

    def check_sorted(self) -> None:
        """Refuse ranges that overlap or are out of order.

        Raises
        ------
        BadRequestError
            Two ranges overlap or stand in the wrong order.
        """
        if self.is_plain or len(self.bases) < 2:
            return
        ends = self.bases + self.strides * (self.counts - 1)
        bad = np.flatnonzero(~(self.bases[1:] > ends[:-1]))
        if len(bad):
            i = int(bad[0])
            raise BadRequestError(
                f"Bad number list: overlapping ranges or not sorted - the range from {self.bases[i + 1]:g} begins before the one "
                f"that ends at {ends[i]:g}. Sort the ranges."
            )

    def __str__(self) -> str:
        items = []
        for b, c, s in zip(self.bases.tolist(), self.counts.tolist(), self.strides.tolist(), strict=True):
            text = format_number(b)
            items.append(text if c == 1 else f"{text}:{c}" if s == 1 else f"{text}:{c}:{format_number(s)}")
        return "[" + " ".join(items) + "]"


def _is_whole(value: float) -> bool:
    return isinstance(value, int) or (abs(value) < 2.0**63 and value == int(value))


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row of numbers taken out of a frame: float64[n] with the column names."""

    values: NDArray[np.float64]
    names: tuple[str, ...]


def format_number(value: float) -> str:
    """A double as Java prints it: ``1.0``, ``NaN``, ``1.0E-5``; an int by its digits."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    size = abs(value)
    if size == 0 or 1e-3 <= size < 1e7:
        return repr(float(value)) if "e" not in repr(float(value)) else f"{value:f}".rstrip("0")
    mantissa, _, exponent = f"{value!r}".partition("e")
    if not exponent:
        mantissa, _, exponent = _shortest_scientific(value).partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}E{int(exponent)}"


def _shortest_scientific(value: float) -> str:
    for digits in range(17):
        text = f"{value:.{digits}e}"
        if float(text) == value:
            return text
    return f"{value:.17e}"

"""Columns of feature contributions: all of them, or the largest and smallest of each row with their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.models.rows import Rows
from h2ok.kernel import IllegalArgumentError, OutputSpec, wire_type
from numpy.typing import NDArray

__all__ = ["Ranking", "check_request", "columns_for"]


@wire_type("models.ranking")
@dataclass(frozen=True, slots=True)
class Ranking:
    """``top`` contributions from above, then ``low`` from below; both 0: all. ``by_size``: compare without signs."""

    top: int = 0
    low: int = 0
    by_size: bool = False

    @classmethod
    def of(cls, request: Any, n: int) -> Ranking:
        """What a request asks for of ``n`` features; negative numbers ask for all of them, ranked."""
        top, low = request.top_n, request.bottom_n
        if top == 0:
            top, low = 0, n if low < 0 else min(low, n)
        elif low == 0:
            top, low = n if top < 0 else min(top, n), 0
        elif top < 0 or low < 0 or top + low >= n:
            top, low = n, 0
        return cls(top, low, bool(request.compare_abs))

    def write(self, rows: Rows, phi: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
        """Write ``phi`` float64[n_rows, n_features] and ``bias`` float64[n_rows] into the columns of ``columns_for``."""
        if self.top == 0 and self.low == 0:
            for j in range(phi.shape[1]):
                rows.block.write(j, np.ascontiguousarray(phi[:, j]))
            rows.block.write(phi.shape[1], bias)
            return
        key, at = np.abs(phi) if self.by_size else phi, 0
        for order, n in (
            (np.argsort(-key, axis=1, kind="stable"), self.top),
            (np.argsort(key, axis=1, kind="stable"), self.low),
        ):
            for i in range(n):
                which = order[:, i]
                rows.block.write(at, which.astype(np.int32))
                rows.block.write(at + 1, phi[np.arange(rows.n_rows), which])
                at += 2
        rows.block.write(at, bias)


def columns_for(features: tuple[str, ...], ranking: Ranking) -> tuple[tuple[str, ...], list[OutputSpec]]:
    """Names and types of the columns."""
    if ranking.top == 0 and ranking.low == 0:
        return (*features, "BiasTerm"), [OutputSpec() for _ in range(len(features) + 1)]
    sides = (("top", ranking.top), ("bottom", ranking.low))
    heads = [f"{side}_{what}_{i + 1}" for side, n in sides for i in range(n) for what in ("feature", "value")]
    return (*heads, "BiasTerm"), [OutputSpec("enum", features) if "_feature_" in n else OutputSpec() for n in (*heads, "BiasTerm")]


def check_request(request: Any) -> None:
    """Refuse what contributions cannot be asked for.

    Raises
    ------
    IllegalArgumentError
        A background frame, or an output space that needs one.
    """
    if request.background_frame:
        raise IllegalArgumentError(
            "Contributions against a background_frame are not available; leave it out to use the cover of the trees.",
            argument="background_frame",
        )
    if request.output_space:
        raise IllegalArgumentError("output_space needs a background_frame, which is not available.", argument="output_space")

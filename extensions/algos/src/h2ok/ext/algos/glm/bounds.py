"""Bounds: limits and targets of single coefficients, from a frame of beta constraints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from h2ok.ext.models import DataInfo
from h2ok.kernel import Frame, Node
from h2ok.kernel.frame.rechunk import read_rows
from numpy.typing import NDArray

__all__ = ["Bounds"]

_COLUMNS = ("names", "lower_bounds", "upper_bounds", "beta_given", "beta_start", "rho")


@dataclass(frozen=True)
class Bounds:
    """float64[p + 1] each, intercept last, of columns as training sees them: ``low <= b <= high``, and
    ``rho/2 (b - given)^2`` is added to the objective. ``start`` is NaN where nothing was asked for.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    given: NDArray[np.float64]
    rho: NDArray[np.float64]
    start: NDArray[np.float64]

    @classmethod
    def read(cls, node: Node, frame: Frame, info: DataInfo) -> Bounds:
        """From a frame with the columns names, lower_bounds, upper_bounds, beta_given, beta_start, rho (all but names may miss).

        Raises
        ------
        ValueError
            The frame has other columns, names an unknown or repeated coefficient, or its bounds contradict each other.
        """
        table = _table(node, frame)
        names = [*info.names, "Intercept"]
        k = len(names)
        own = {c: np.full(k, d) for c, d in zip(_COLUMNS[1:], (-np.inf, np.inf, 0.0, np.nan, 0.0), strict=True)}
        seen: set[str] = set()
        for i, name in enumerate(table["names"]):
            if name not in names:
                raise ValueError(f"beta_constraints names '{name}', which is no coefficient. There are: {', '.join(names[:20])}.")
            if name in seen:
                raise ValueError(f"beta_constraints names '{name}' twice.")
            seen.add(name)
            for c in _COLUMNS[1:]:
                if c in table and not np.isnan(table[c][i]):
                    own[c][names.index(name)] = table[c][i]
        first = info.n_categorical
        for c in ("lower_bounds", "upper_bounds", "beta_given", "beta_start"):
            own[c][first:-1] *= info.scale
        shifted = bool(np.any(info.shift != 0))
        if shifted and "Intercept" in seen:
            raise ValueError("The intercept can only be bounded with standardize=False.")
        wrong = np.flatnonzero(own["lower_bounds"] > own["upper_bounds"])
        if len(wrong):
            raise ValueError(f"beta_constraints: the lower bound of '{names[wrong[0]]}' is above the upper one.")
        return cls(own["lower_bounds"], own["upper_bounds"], own["beta_given"], own["rho"], own["beta_start"])

    def inside(self, beta: NDArray[np.float64]) -> NDArray[np.float64]:
        """``beta`` with the wished starts, within the limits."""
        return np.clip(np.where(np.isnan(self.start), beta, self.start), self.low, self.high)

    def value(self, beta: NDArray[np.float64]) -> float:
        """What the targets add to the objective."""
        return 0.5 * float((self.rho * (beta - self.given) ** 2).sum())


def _table(node: Node, frame: Frame) -> dict[str, Any]:
    unknown = [n for n in frame.names if n not in _COLUMNS]
    if unknown or "names" not in frame.names:
        raise ValueError(
            f"beta_constraints needs a column names, and may have {', '.join(_COLUMNS[1:])}; found {list(frame.names)}."
        )
    out: dict[str, Any] = {}
    for name, vec in zip(frame.names, frame.vecs, strict=True):
        values = read_rows(node, vec, 0, frame.n_rows)
        if name == "names":
            out[name] = list(values) if vec.type == "string" else [(vec.domain or ())[c] for c in values]
        else:
            out[name] = np.asarray(values, dtype=np.float64)
    return out

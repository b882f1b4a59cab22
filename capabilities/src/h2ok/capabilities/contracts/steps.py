"""The ModelingSteps contract: what an algorithm takes part in AutoML with. Since API 1.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["ModelingStep"]


@dataclass(frozen=True, slots=True)
class ModelingStep:
    """One model, or one random search, that AutoML may train.

    Parameters
    ----------
    id : unique within its provider; clients choose steps by it (``modeling_plan``).
    algo : name of the algorithm, as in ``Algo``.
    parameters : beside those AutoML sets itself (frames, columns, folds, seed, stopping, time limit).
    hyper_parameters : lists of values of gridable parameters; given, the step is a random search.
    weight : share of the time and number of models; group : steps of a lower one are trained first.
    categories : problems it is meant for.
    """

    id: str
    algo: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    hyper_parameters: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    weight: int = 10
    group: int = 1
    categories: tuple[str, ...] = ("Binomial", "Multinomial", "Regression")

    @property
    def kind(self) -> Literal["defaults", "grids"]:
        """H2O's word for it."""
        return "grids" if self.hyper_parameters else "defaults"

"""Boosted: what is asked of a trained booster beside predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from h2ok.ext.models import Rows
    from h2ok.ext.xgboost.expansion import Expansion
    from numpy.typing import NDArray

__all__ = ["Boosted"]


class Boosted(Protocol):
    """See ``XGBoostState``, which is one."""

    @property
    def expansion(self) -> Expansion: ...

    @property
    def distribution(self) -> str: ...

    @property
    def booster(self) -> str: ...

    @property
    def n_classes(self) -> int: ...

    @property
    def rounds(self) -> int: ...

    @property
    def has_offset(self) -> bool: ...

    def explained(self, rows: Rows, **what: bool) -> NDArray[np.float32]:
        """What the library says about the margin of rows."""

    def dump(self, *, with_stats: bool = False) -> list[str]:
        """All trees as JSON texts."""

    def saved_json(self) -> bytes:
        """The booster as the library's JSON model."""

"""Where the sums come from that grow a tree: from all nodes of the cloud, a pass for each step, or from the one chunk at hand."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from h2ok.ext.algos.gbm.passes import (
    Grow,
    LeafPass,
    Level,
    LevelPass,
    UpdatePass,
    Work,
    leaf_sums,
    level_sums,
    no_routing,
    root_sums,
    score_sums,
    start_tree,
    update_scores,
    work_of,
)
from h2ok.ext.algos.gbm.robust import ResidualPass, residuals
from h2ok.ext.models import Distribution, Rows, TrainContext
from h2ok.ext.models.metrics.task import MetricsTask
from numpy.typing import NDArray

__all__ = ["ChunkSums", "CloudSums", "TreeSums"]


class TreeSums(Protocol):
    """What growing asks of the rows."""

    distribution: Distribution

    def root(self, start: Grow) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Start a tree; the histogram of its root and the sum of squares, see ``LevelPass``."""
        ...

    def level(self, level: Level) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Move the rows to a level; its histograms and sums of squares."""
        ...

    def leaves(self, which: int, level: Level, n_leaves: int) -> NDArray[np.float64]:
        """Move the rows to their leaves; numerator and denominator of each, float64[n_leaves, 2]."""
        ...

    def residuals(self, level: Level) -> list[tuple[Any, Any, Any]]:
        """Move the rows to their leaves; (leaf, residual, weight) of those in the bag, in parts."""
        ...

    def update(
        self, which: int, values: NDArray[np.float64], *, last: bool, metrics: MetricsTask | None, following: Grow | None
    ) -> tuple[float, Any]:
        """Add a tree to the scores; the largest gradient of the next one, and the sums for ``metrics``.

        ``last``: of its iteration; ``following``: the next tree where its start is known by now.
        """
        ...


class CloudSums:
    """A pass over all chunks for each step."""

    def __init__(self, ctx: TrainContext, distribution: Distribution, session: str, *, narrow: bool) -> None:
        self._ctx, self.distribution, self._session, self._narrow = ctx, distribution, session, narrow
        #: The next tree's start and the sums of its root, once ``update`` has made them.
        self._root: tuple[Grow, tuple[Any, Any]] | None = None

    def root(self, start: Grow) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """See ``TreeSums``."""
        made, self._root = self._root, None
        if made is not None and made[0] == start:
            return made[1]
        found: tuple[Any, Any] = self._run(
            LevelPass(self._spec, self.distribution, start, no_routing(), self._narrow, session=self._session)
        )
        return found

    def level(self, level: Level) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """See ``TreeSums``."""
        found: tuple[Any, Any] = self._run(
            LevelPass(self._spec, self.distribution, None, level, self._narrow, session=self._session)
        )
        return found

    def leaves(self, which: int, level: Level, n_leaves: int) -> NDArray[np.float64]:
        """See ``TreeSums``."""
        task = LeafPass(self._spec, self.distribution, which, level, n_leaves, session=self._session)
        found: NDArray[np.float64] = self._run(task)
        return found

    def residuals(self, level: Level) -> list[tuple[Any, Any, Any]]:
        """See ``TreeSums``."""
        found: list[tuple[Any, Any, Any]] = self._run(ResidualPass(self._spec, level, session=self._session))
        return found

    def update(
        self, which: int, values: NDArray[np.float64], *, last: bool, metrics: MetricsTask | None, following: Grow | None
    ) -> tuple[float, Any]:
        """See ``TreeSums``; the root of the following tree is summed up on the way."""
        task = UpdatePass(
            self._spec, self.distribution, which, values, last, metrics, following, self._narrow, session=self._session
        )
        largest, sums, root = self._run(task)
        self._root = None if following is None else (following, root)
        return float(largest), sums

    @property
    def _spec(self) -> Any:
        return self._ctx.data.spec

    def _run(self, task: Any) -> Any:
        return self._ctx.data.do_all(task, cancelled=self._ctx.cancelled).value


class ChunkSums:
    """Sums of the one chunk that a frame consists of: a tree needs no message and no task."""

    def __init__(self, rows: Rows, distribution: Distribution, *, narrow: bool) -> None:
        self._rows, self._work, self.distribution, self._narrow = rows, work_of(rows), distribution, narrow

    def started(self, start: Grow) -> Work:
        """The working arrays with a tree's gradients, and all rows at its root."""
        start_tree(self._rows, self._work, self.distribution, start)
        return self._work

    def root(self, start: Grow) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """See ``TreeSums``."""
        return root_sums(self._rows, self._work, self.distribution, start, self._narrow)

    def level(self, level: Level) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """See ``TreeSums``."""
        return level_sums(self._work, level, self._narrow)

    def leaves(self, which: int, level: Level, n_leaves: int) -> NDArray[np.float64]:
        """See ``TreeSums``."""
        return leaf_sums(self._work, self.distribution, which, level, n_leaves)

    def residuals(self, level: Level) -> list[tuple[Any, Any, Any]]:
        """See ``TreeSums``."""
        return residuals(self._work, level)

    def update(
        self, which: int, values: NDArray[np.float64], *, last: bool, metrics: MetricsTask | None, following: Grow | None
    ) -> tuple[float, Any]:
        """See ``TreeSums``."""
        largest = update_scores(self._work, self.distribution, which, values, last=last)
        return largest, None if metrics is None else score_sums(self._rows, self._work, self.distribution, metrics)

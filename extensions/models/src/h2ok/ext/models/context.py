"""TrainContext and Trained: what the framework hands to an algorithm, and what it gets back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.tables import TwoDimTable
from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.scoring import training_metrics
from h2ok.ext.models.training import TrainingData
from h2ok.kernel import JobContext

if TYPE_CHECKING:
    from h2ok.kernel import Node

__all__ = ["TrainContext", "Trained"]


@dataclass
class TrainContext:
    """What ``build`` gets.

    ``params``: resolved parameters, to be changed where AUTO stands for something. ``valid``: rows of the validation frame (or the
    held out fold), None without. ``progress`` maps this build's share of the job onto the job's progress.
    """

    node: Node
    params: Any
    data: TrainingData
    valid: TrainingData | None
    job: JobContext
    seed: int
    deadline: float = float("inf")
    progress: tuple[float, float] = (0.0, 1.0)
    warnings: list[str] = field(default_factory=list)
    #: True while a model of a fold is built.
    is_fold: bool = False

    def update(self, done: float, message: str = "") -> None:
        """Report progress from 0 to 1; raises JobCancelledError when the user wants to stop."""
        start, stop = self.progress
        self.job.update(start + (stop - start) * min(max(done, 0.0), 1.0), message)

    def cancelled(self) -> bool:
        """Whether to stop; cheap enough to hand to ``do_all``."""
        return self.job.cancelled()

    def out_of_time(self) -> bool:
        """Whether max_runtime_secs is over: end with what there is."""
        return time.monotonic() > self.deadline

    def warn(self, message: str) -> None:
        """Tell the user at the end of the job."""
        if not self.is_fold:
            self.job.warn(message)

    def metrics(
        self, data: TrainingData, predictor: Any, deviance: Any = None, null_mu: float = float("nan")
    ) -> ModelMetrics | None:
        """Metrics of a predictor on rows, as the finished model would report them."""
        groups = self.params.value("gainslift_bins", -1)
        auc_type = self.params.value("auc_type", "AUTO")
        return training_metrics(data, predictor, self.data.category, deviance, null_mu, groups, self.cancelled, auc_type)


@dataclass
class Trained:
    """What ``build`` returns. Metrics left None are computed by the framework."""

    state: Any
    model_summary: TwoDimTable | None = None
    scoring_history: TwoDimTable | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    deviance: Any = None
    null_mu: float = float("nan")
    training_metrics: ModelMetrics | None = None
    validation_metrics: ModelMetrics | None = None
    #: False: a training frame's metrics that are not given are not wanted.
    compute_metrics: bool = True
    #: Kept with the model but not reported, by name: wire values.
    attachments: dict[str, Any] = field(default_factory=dict)

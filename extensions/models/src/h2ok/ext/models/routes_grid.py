"""Handlers of grids: search, list, look at, delete."""

from __future__ import annotations

import math
from typing import Any

from h2ok.capabilities.contracts.errors import NotFoundError
from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import key_ref, parse_value, to_wire
from h2ok.capabilities.contracts.tables import Column, TwoDimTable
from h2ok.ext.models.available import why_missing
from h2ok.ext.models.builders import builder_class
from h2ok.ext.models.grid import Grid, GridSearch, SearchCriteria, best_metrics
from h2ok.ext.models.history import metric_cells, metric_columns
from h2ok.ext.models.lenient_json import parse_lenient
from h2ok.ext.models.metrics.measures import MEASURES, larger_is_better, measure, measures_of
from h2ok.ext.models.metrics.metrics import ModelMetrics
from h2ok.ext.models.model import Model
from h2ok.ext.models.parameters import wire_value
from h2ok.ext.models.recovery import Recovery, load_references
from h2ok.ext.models.routes_builders import request_params
from h2ok.ext.models.storage import read_file, restore
from h2ok.kernel import ClassMismatchError, IllegalArgumentError, KeyNotFoundError

__all__ = ["find_grid", "get_grid", "list_grids", "recover", "resume", "search"]

_OWN = ("hyper_parameters", "search_criteria", "grid_id", "parallelism", "recovery_dir", "job_id")


def search(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Start a search."""
    algo = ctx.path_params["algo"]
    if algo not in ctx.runtime.registry.algos():
        raise NotFoundError(f"Resource {ctx.path} not found: algorithm '{algo}' is not available{why_missing(ctx.runtime, algo)}")
    builder = builder_class(ctx.runtime, algo)
    given = request_params(ctx)
    own = {k: given.pop(k) for k in _OWN if k in given}
    hyper = _mapping(own.get("hyper_parameters"), "hyper_parameters")
    lists = {k: v if isinstance(v, list) else [v] for k, v in hyper.items()}
    criteria = _mapping(own.get("search_criteria"), "search_criteria")
    base = {k: v for k, v in given.items() if k not in lists}
    agent = _agent(ctx)
    try:
        wanted = SearchCriteria.of(criteria)
    except IllegalArgumentError as e:
        raise _unreadable("search_criteria", own["search_criteria"], e) from None
    grid_search = GridSearch(ctx.runtime, builder, base, lists, wanted, own.get("grid_id"), agent)
    grid_search.recovery = _recovery(ctx, own)
    return _started(grid_search, criteria, int(own.get("parallelism", 1)))


def resume(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Go on with the search of a grid."""
    given = request_params(ctx)
    if not given.get("grid_id"):
        raise IllegalArgumentError("Required field 'grid_id' is not specified: the grid to go on with.", argument="grid_id")
    grid = find_grid(ctx, str(given["grid_id"]))
    if grid.algo != ctx.path_params["algo"]:
        raise IllegalArgumentError(f"Grid '{grid.key}' is a grid of {grid.algo} models.", argument="grid_id")
    search = GridSearch.resume(ctx.runtime, builder_class(ctx.runtime, grid.algo), grid, _agent(ctx))
    search.recovery = _recovery(ctx, given)
    return _started(search, grid.criteria, int(given.get("parallelism", 1)))


def recover(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """Go on with the search that was interrupted, from its folder."""
    folder = str(request_params(ctx).get("recovery_dir") or "").strip()
    if not folder:
        raise IllegalArgumentError(
            "Required field 'recovery_dir' is not specified: the folder of the search. h2ok has no folder of its own for it.",
            argument="recovery_dir",
        )
    recovery = Recovery(ctx.runtime, folder)
    path = recovery.interrupted()
    if path is not None:
        load_references(ctx.runtime, path)
        grid = restore(ctx.runtime, read_file(ctx.runtime, path, "importGrid"), (Grid,))
        search = GridSearch.resume(ctx.runtime, builder_class(ctx.runtime, grid.algo), grid, _agent(ctx))
        search.recovery = recovery
        search.start()
    meta = {"schema_version": 3, "schema_name": "ResumeV3", "schema_type": "Iced"}
    return {"__meta": meta, "_exclude_fields": "", "recovery_dir": folder}


def _started(grid_search: GridSearch, criteria: dict[str, Any], parallelism: int) -> dict[str, Any]:
    parsed, lists = grid_search.parameters, grid_search.hyper
    job = grid_search.start()
    return {
        "__meta": {"schema_version": -1, "schema_name": "GridSearchSchema", "schema_type": "Grid"},
        "parameters": parsed.to_json(),
        "hyper_parameters": to_wire(lists),
        "grid_id": key_ref("Grid", grid_search.key),
        "search_criteria": to_wire(criteria),
        "parallelism": parallelism,
        "total_models": math.prod(len(v) for v in lists.values()),
        "job": JobV3.of(job).to_json(),
    }


def _agent(ctx: RequestContext) -> str:
    return next((v for k, v in ctx.headers.items() if k.lower() == "user-agent"), "")


def _recovery(ctx: RequestContext, given: dict[str, Any]) -> Recovery | None:
    return Recovery(ctx.runtime, str(given["recovery_dir"])) if given.get("recovery_dir") else None


def _mapping(raw: Any, name: str) -> dict[str, Any]:
    try:
        value = parse_lenient(raw) if isinstance(raw, str) else raw
    except IllegalArgumentError as e:
        raise _unreadable(name, raw, e) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise IllegalArgumentError(f"{name} must be a map of names to values; got {raw!r}.", argument=name)
    return value


def _unreadable(name: str, raw: Any, why: Exception) -> IllegalArgumentError:
    return IllegalArgumentError(f"Can't parse the {name} dictionary {raw!r}: {why}", argument=name)


def find_grid(ctx: RequestContext, key: str) -> Grid:
    """The grid under a key."""
    value = ctx.node.dkv.get(key)
    if value is None:
        text = f"Object '{key}' not found for argument: grid_id. {ctx.node.dkv.loss_of(key)}Grids: GET /99/Grids."
        raise KeyNotFoundError(text, argument="grid_id", name=key)
    if not isinstance(value, Grid):
        raise ClassMismatchError(f"Object '{key}' is a {type(value).__name__}, a Grid was expected.", key=key)
    return value


def _sorted(models: list[Model], sort_by: str | None, decreasing: bool | None) -> tuple[list[Model], str | None, bool]:
    """Models in order, the metric's name and whether large comes first; models without the metric come last.

    Without ``sort_by`` the metric is that of the first model's category, None where there is none.
    """
    category = models[0].output.category if models else ""
    default = {"Regression": "residual_deviance", "Binomial": "logloss", "Multinomial": "logloss"}.get(category)
    shown = sort_by or default
    if shown is None:
        return models, None, False
    name = shown.lower()
    known = [m for m in MEASURES if any(m in measures_of(best_metrics(model)) for model in models)] if models else MEASURES
    if sort_by and name not in known:
        raise IllegalArgumentError(
            f"Invalid argument for sort_by specified: '{sort_by}'. Must be one of: [{', '.join(known)}]", argument="sort_by"
        )
    down = larger_is_better(name) if decreasing is None or sort_by is None else decreasing

    def order(m: Model) -> tuple[bool, float]:
        value = measure(best_metrics(m), name)
        return math.isnan(value), -value if down else value

    return sorted(models, key=order), shown, down


def _failed_parameters(ctx: RequestContext, grid: Grid, failure: dict[str, Any]) -> dict[str, Any] | None:
    """Parameters of a model that was not built, as its schema; what could not be read stands as it was given."""
    if grid.algo not in ctx.runtime.registry.algos():
        return None
    parameters = builder_class(ctx.runtime, grid.algo).parameters
    out = parameters().to_json()
    for p in parameters.params():
        given = failure["params"].get(p.wire_name)
        if given is not None:
            try:
                out[p.wire_name] = wire_value(p, parse_value(p, given, parameters.schema_name))
            except IllegalArgumentError:
                out[p.wire_name] = to_wire(given)
    for name, value in zip(grid.hyper_names, failure["values"], strict=False):
        out.setdefault(name, to_wire(value))
    return out


def grid_json(ctx: RequestContext, grid: Grid, sort_by: str | None = None, decreasing: bool | None = None) -> dict[str, Any]:
    """GridSchemaV99 of a grid."""
    stored = ctx.node.dkv.get_many(grid.models)
    models, shown, down = _sorted([m for m in stored.values() if isinstance(m, Model)], sort_by, decreasing)
    at = dict(zip(grid.models, grid.values, strict=True))
    columns = [Column("", "string"), *(_hyper_column(n, [at[m.key][i] for m in models]) for i, n in enumerate(grid.hyper_names))]
    columns.append(Column("model_ids", "string", "%s", "model_ids"))
    rows = [["", *map(_cell, at[m.key]), m.key] for m in models]
    text = ""
    if shown is not None:
        columns.append(Column(shown, "double", "%.5f", shown))
        rows = [[*row, measure(best_metrics(m), shown.lower())] for row, m in zip(rows, models, strict=True)]
        text = f"ordered by {'decreasing' if down else 'increasing'} {shown}"
    summaries = [m.output.cross_validation_metrics_summary for m in models]
    return {
        "__meta": {"schema_version": 99, "schema_name": "GridSchemaV99", "schema_type": "Grid"},
        "grid_id": key_ref("Grid", grid.key),
        "sort_by": shown,
        "decreasing": down,
        "model_ids": [key_ref("Model", m.key) for m in models],
        "hyper_names": list(grid.hyper_names),
        "failed_params": [_failed_parameters(ctx, grid, f) for f in grid.failures],
        "warning_details": [],
        "failure_details": [f["message"] for f in grid.failures],
        "failure_stack_traces": [f["stacktrace"] for f in grid.failures],
        "failed_raw_params": [[str(v) for v in f["values"]] for f in grid.failures],
        "training_metrics": [_metrics(m.output.training_metrics) for m in models],
        "validation_metrics": [_metrics(m.output.validation_metrics) for m in models],
        "cross_validation_metrics": [_metrics(m.output.cross_validation_metrics) for m in models],
        "cross_validation_metrics_summary": [None if s is None else s.to_json() for s in summaries],
        "export_checkpoints_dir": None,
        "summary_table": TwoDimTable.of_rows("Hyper-Parameter Search Summary", text, columns, rows).to_json(),
        "scoring_history": _history(models).to_json(),
    }


def _metrics(metrics: ModelMetrics | None) -> dict[str, Any] | None:
    return None if metrics is None else metrics.to_json()


def _hyper_column(name: str, values: list[Any]) -> Column:
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return Column(name, "double", "%.5f", name) if numeric and values else Column(name, "string", "%s", name)


def _cell(value: Any) -> Any:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def _history(models: list[Model]) -> TwoDimTable:
    category = models[0].output.category if models else ""
    columns = [
        Column("", "string"),
        Column("timestamp", "string", "%s", "Timestamp"),
        Column("duration", "string", "%s", "Duration"),
    ]
    columns += metric_columns("training", category)
    rows = []
    for m in models:
        history = m.output.scoring_history
        stamp = [history.column(n)[-1] for n in ("timestamp", "duration")] if history is not None and history.n_rows else ["", ""]
        rows.append(["", *stamp, *metric_cells(m.output.training_metrics, category)])
    return TwoDimTable.of_rows("Scoring History", "", columns, rows)


def get_grid(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """One grid, its models in order."""
    decreasing = ctx.params.get("decreasing")
    flag = None if decreasing is None else str(decreasing).lower() in ("true", "1")
    return grid_json(ctx, find_grid(ctx, ctx.path_params["grid_id"]), ctx.params.get("sort_by") or None, flag)


def list_grids(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """All grids."""
    found = ctx.node.dkv.get_many(ctx.node.dkv.keys())
    grids = [grid_json(ctx, v) for _, v in sorted(found.items()) if isinstance(v, Grid)]
    return {"__meta": {"schema_version": 99, "schema_name": "GridsV99", "schema_type": "Grids"}, "grids": grids}

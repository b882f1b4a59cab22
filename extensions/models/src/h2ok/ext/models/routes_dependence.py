"""Handlers of partial dependence: start the computation, fetch its tables."""

from __future__ import annotations

import json
from typing import Any

from h2ok.capabilities.contracts.jobs import JobV3
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.contracts.schema import key_ref, to_wire
from h2ok.ext.models.lookup import find_frame, find_model
from h2ok.ext.models.partial_dependence import PartialDependence, PartialDependencePlan, compute
from h2ok.ext.models.schemas import PartialDependenceV3
from h2ok.kernel import IllegalArgumentError, JobContext, random_key

__all__ = ["fetch", "start"]


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    if not value:
        return ()
    if isinstance(value, str):
        text = value.strip()
        try:
            value = json.loads(text)
        except ValueError:
            inner = text[1:-1].strip() if text.startswith("[") and text.endswith("]") else text
            value = [part.strip("[] ").split(",") for part in inner.split("],")] if inner else []
    pairs = tuple(tuple(str(n).strip().strip("\"'") for n in p) for p in value)
    if any(len(p) != 2 for p in pairs):
        raise IllegalArgumentError(
            f"col_pairs_2dpdp must be a list of pairs of columns; got {value!r}.", argument="col_pairs_2dpdp"
        )
    return tuple((p[0], p[1]) for p in pairs)


def _splits(request: PartialDependenceV3) -> dict[str, list[float]] | None:
    if not request.user_cols:
        return None
    counts, values = request.num_user_splits or [], request.user_splits or []
    if len(counts) != len(request.user_cols) or sum(counts) != len(values):
        raise IllegalArgumentError(
            f"user_cols, num_user_splits and user_splits do not fit: {len(request.user_cols)} columns, {len(counts)} counts that "
            f"sum to {sum(counts)}, {len(values)} values.",
            argument="user_splits",
        )
    out, at = {}, 0
    for name, n in zip(request.user_cols, counts, strict=True):
        out[name] = values[at : at + n]
        at += n
    return out


def start(ctx: RequestContext, request: PartialDependenceV3) -> dict[str, Any]:
    """Compute partial dependence as a job."""
    node = ctx.node
    model = find_model(node, request.model_id or "", argument="model_id")
    frame = find_frame(node, request.frame_id or "", argument="frame_id")
    columns = tuple(request.cols or ())
    pairs = _pairs(request.col_pairs_2dpdp)
    if not columns and not pairs:
        columns = model.output.columns.sources[:1]
    if request.nbins < 1:
        raise IllegalArgumentError(f"nbins must be at least 1; got {request.nbins}.", argument="nbins")
    plan = PartialDependencePlan(
        model, frame, columns, pairs, request.nbins, request.row_index, request.weight_column_index, request.add_missing_na,
        _splits(request), tuple(request.targets or ()),
    )  # fmt: skip
    plan.check()
    key = request.destination_key or random_key("pdp")
    names = (
        "row_index",
        "weight_column_index",
        "add_missing_na",
        "nbins",
        "user_splits",
        "user_cols",
        "num_user_splits",
        "targets",
    )
    echo = {n: getattr(request, n) for n in names}
    echo |= {"cols": list(columns) or None, "col_pairs_2dpdp": [list(p) for p in pairs] or None}

    def work(job: JobContext) -> None:
        tables = compute(node, plan, lambda done: job.update(done / plan.n_tables, f"Table {done} of {plan.n_tables}"))
        node.dkv.put(key, PartialDependence(key, model.key, frame.key, echo, tables))

    return JobV3.of(node.jobs.start("PartialDependence", key, "PartialDependence", work)).to_json()


def fetch(ctx: RequestContext, _request: Any) -> dict[str, Any]:
    """The tables; all fields null for an unknown key, as H2O answers."""
    found = ctx.node.dkv.get(ctx.path_params["name"])
    known = isinstance(found, PartialDependence)
    echo: dict[str, Any] = found.request if known else {}
    return {
        "__meta": {"schema_version": 3, "schema_name": "PartialDependenceV3", "schema_type": "PartialDependence"},
        "model_id": key_ref("Model", found.model) if known else None,
        "frame_id": key_ref("Frame", found.frame) if known else None,
        "row_index": echo.get("row_index", -1),
        "cols": echo.get("cols"),
        "weight_column_index": echo.get("weight_column_index", -1),
        "add_missing_na": echo.get("add_missing_na", False),
        "nbins": echo.get("nbins", 0),
        "user_splits": to_wire(echo.get("user_splits")),
        "user_cols": echo.get("user_cols"),
        "num_user_splits": echo.get("num_user_splits"),
        "partial_dependence_data": [t.to_json() for t in found.tables] if known else None,
        "col_pairs_2dpdp": echo.get("col_pairs_2dpdp"),
        "destination_key": None,
        "targets": echo.get("targets"),
    }

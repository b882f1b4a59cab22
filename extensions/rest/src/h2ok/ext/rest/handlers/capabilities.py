"""Handlers of capabilities: what H2O's clients read, and our own detailed report."""

# ruff: noqa: ARG001 - every handler takes (context, request)
from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.report import extension_report
from h2ok.ext.rest.app import Application
from h2ok.ext.rest.schemas.metadata import CapabilitiesV3, CapabilityEntryV3


def list_all(context: RequestContext, request: CapabilitiesV3) -> CapabilitiesV3:
    request.capabilities = _entries(context.runtime.registry.core_names() + _rest_names(context))
    return request


def list_core(context: RequestContext, request: CapabilitiesV3) -> CapabilitiesV3:
    request.capabilities = _entries(context.runtime.registry.core_names())
    return request


def list_api(context: RequestContext, request: CapabilitiesV3) -> CapabilitiesV3:
    request.capabilities = _entries(_rest_names(context))
    return request


def list_extensions(context: RequestContext, request: CapabilitiesV3) -> dict[str, Any]:
    """Every extension found, with state and reason; H2O has no counterpart."""
    app: Application = context.runtime.service_named("rest.app")
    report = extension_report(context.runtime.registry)
    report["route_clashes"] = list(app.router.clashes)
    report["failed_routes"] = {name: text.strip().rsplit("\n", 1)[-1] for name, text in app.failed.items()}
    meta = {"schema_version": 3, "schema_name": "ExtensionsV3", "schema_type": "Extensions"}
    return {"__meta": meta, **report}


def _rest_names(context: RequestContext) -> list[str]:
    """Names of the route groups that are served; a name shared by several appears once."""
    app: Application = context.runtime.service_named("rest.app")
    return list(dict.fromkeys(g.name for g in context.runtime.registry.routes() if g.name not in app.failed))


def _entries(names: list[str]) -> list[CapabilityEntryV3]:
    return [CapabilityEntryV3(name=n) for n in names]

"""Handlers of metadata: routes and schemas, described from the objects themselves."""

# ruff: noqa: ARG001 - every handler takes (context, request)
from __future__ import annotations

from h2ok.capabilities.contracts.errors import BadRequestError, NotFoundError
from h2ok.capabilities.contracts.routes import RequestContext
from h2ok.capabilities.surface import not_built
from h2ok.ext.rest.catalog import Catalog, route_json, schema_json
from h2ok.ext.rest.schemas.metadata import EndpointsListV4, EndpointV4, ListRequestV4, MetadataV3


def endpoints(context: RequestContext, request: MetadataV3) -> MetadataV3:
    request.routes = [route_json(b) for b in context.runtime.service(Catalog).routes()]
    return request


def endpoint(context: RequestContext, request: MetadataV3) -> MetadataV3:
    """One route, by position or by path."""
    routes = context.runtime.service(Catalog).routes()
    wanted = request.path or ""
    if wanted.isdigit():
        if int(wanted) >= len(routes):
            raise BadRequestError(f"There is no route number {wanted}; routes are numbered 0 to {len(routes) - 1}.")
        found = [routes[int(wanted)]]
    else:
        path = "/" + wanted.lstrip("/")
        method = (request.http_method or "").upper()
        found = [b for b in routes if b.route.path == path and method in ("", b.route.method)]
        if not found:
            raise NotFoundError(f"There is no route '{wanted}'. Routes: GET /3/Metadata/endpoints.")
    request.routes = [route_json(b, markdown=True) for b in found]
    return request


def schemas(context: RequestContext, request: MetadataV3) -> MetadataV3:
    catalog = context.runtime.service(Catalog)
    request.schemas = [schema_json(s) for s in catalog.schemas().values()]
    return request


def schema(context: RequestContext, request: MetadataV3) -> MetadataV3:
    catalog = context.runtime.service(Catalog)
    found = catalog.schema(request.schemaname or "")
    if found is None:
        known = not_built("schema", request.schemaname or "")
        why = f": {known}." if known else "."
        raise NotFoundError(f"There is no schema '{request.schemaname}'{why} Schemas: GET /3/Metadata/schemas.")
    request.schemas = [schema_json(found, markdown=True)]
    return request


def schema_for_class(context: RequestContext, request: MetadataV3) -> MetadataV3:
    """A schema by the kind of object it describes, such as Frame."""
    catalog = context.runtime.service(Catalog)
    wanted = (request.classname or "").rsplit(".", 1)[-1]
    for s in catalog.schemas().values():
        if wanted in (s.schema_type, s.schema_name):
            request.schemas = [schema_json(s, markdown=True)]
            return request
    raise NotFoundError(f"No schema describes '{request.classname}'. Schemas: GET /3/Metadata/schemas.")


def endpoints_v4(context: RequestContext, request: ListRequestV4) -> EndpointsListV4:
    found = []
    for b in context.runtime.service(Catalog).routes():
        r = route_json(b)
        found.append(
            EndpointV4(
                url=f"{r.http_method} {r.url_pattern}",
                description=r.summary,
                name=r.api_name,
                input_schema=f"/4/schemas/{r.input_schema}",
                output_schema=f"/4/schemas/{r.output_schema}",
            )
        )
    return EndpointsListV4(endpoints=found)

"""Catalog: every route and schema of the active extensions, and their descriptions for the metadata routes."""

from __future__ import annotations

import logging
import re
import threading
from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.extension import Algo
from h2ok.capabilities.contracts.schema import ApiField, RequestSchema, Schema, to_wire
from h2ok.capabilities.registry import resolve
from h2ok.ext.rest.app import Application
from h2ok.ext.rest.schemas.metadata import FieldMetadataV3, RouteV3, SchemaMetadataV3

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.ext.rest.routing import Bound

__all__ = ["Catalog", "route_json", "schema_json"]

_log = logging.getLogger("h2ok.rest")
#: Classes that only their subclasses use: groups of parameters, and private ones.
_PART = re.compile(r"^_|Parameters$")


class Catalog:
    """Routes and schemas of one runtime. Schemas named by text are imported when somebody asks for one."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._mutex = threading.Lock()
        self._schemas: dict[str, type[Schema]] | None = None

    def routes(self) -> list[Bound]:
        """All routes, in the order of their groups."""
        app: Application = self._runtime.service_named("rest.app")
        return app.router.bound

    def schema(self, name: str) -> type[Schema] | None:
        """The schema of a name. Looks among those already imported first, so that the common ones stay cheap."""
        if self._schemas is None:
            found = _imported().get(name)
            if found is not None:
                return found
        return self.schemas().get(name)

    def schemas(self) -> dict[str, type[Schema]]:
        """All schemas by name, sorted."""
        with self._mutex:
            if self._schemas is None:
                for bound in self.routes():
                    for target in (bound.route.input, bound.route.output):
                        _resolve_quietly(target)
                # The parameters of an algorithm are a schema too, made with its builder.
                for algo in self._runtime.registry.provided(Algo):
                    _resolve_quietly(algo.target)
                self._schemas = dict(sorted(_imported().items()))
            return self._schemas


def _resolve_quietly(target: Any) -> None:
    try:
        found = resolve(target)
        if hasattr(found, "as_builder"):
            found.as_builder()
    except Exception:  # one schema that cannot be imported must not hide the others
        _log.exception("Schema %s cannot be imported", target)


def _imported() -> dict[str, type[Schema]]:
    # Imported for their classes: schemas that others name but no route holds.
    import h2ok.ext.rest.errors
    import h2ok.ext.rest.schemas.values  # noqa: F401 - for its classes

    out: dict[str, type[Schema]] = {"SchemaV3": Schema, "RequestSchemaV3": RequestSchema}
    todo = list(Schema.__subclasses__())
    while todo:
        cls = todo.pop(0)
        todo += cls.__subclasses__()
        if not _PART.search(cls.schema_name):
            out.setdefault(cls.schema_name, cls)
    return out


def schema_name(target: Any) -> str | None:
    """Name of a schema class or of what a target text leads to."""
    if target is None:
        return None
    try:
        return str(resolve(target).schema_name)
    except Exception:  # a schema that cannot be imported is reported where it is used
        return str(target).rpartition(":")[2]


def route_json(bound: Bound, *, markdown: bool = False) -> RouteV3:
    """RouteV3 of a route."""
    route = bound.route
    handler = route.handler
    if isinstance(handler, str):
        module, _, function = handler.partition(":")
    else:
        module, function = handler.__module__, getattr(handler, "__name__", "?")
    out = RouteV3(
        http_method=route.method,
        url_pattern=route.path,
        summary=route.summary,
        api_name=route.api_name or function,
        handler_class=module,
        handler_method=function,
        input_schema=schema_name(route.input),
        output_schema=schema_name(route.output),
        path_params=re.findall(r"\{([^}]*)\}", route.path),
    )
    if markdown:
        out.markdown = (
            f"# {route.method} {route.path}\n\n{route.summary}\n\nInput: {out.input_schema}. Output: {out.output_schema}."
        )
    return out


def schema_json(schema: type[Schema], *, markdown: bool = False) -> SchemaMetadataV3:
    """SchemaMetadataV3 of a schema: own fields first, then those of its bases."""
    parent = _parent(schema)
    fields = [_field(f, _owner(schema, f)) for f in _ordered(schema)]
    if schema.has_meta:
        fields.append(_meta_field(schema))
    return SchemaMetadataV3(
        version=schema.schema_version,
        name=schema.schema_name or "SchemaV3",
        label=schema.schema_name or "SchemaV3",
        superclass=parent,
        type=schema.schema_type,
        fields=fields,
        markdown=_markdown(schema) if markdown else None,
    )


def _parent(schema: type[Schema]) -> str:
    bases = (b for b in schema.__mro__[1:] if b is Schema or not _PART.search(getattr(b, "schema_name", "_")))
    base = next(bases, Schema)
    if base is Schema:
        return "SchemaV3" if schema.schema_version <= 3 else "Schema"
    return str(getattr(base, "schema_name", "Schema")) or "Schema"


def _ordered(schema: type[Schema]) -> list[ApiField]:
    out: list[ApiField] = []
    for cls in schema.__mro__:
        out += [f for f in cls.__dict__.values() if isinstance(f, ApiField) and schema.api_fields.get(f.name) is f]
    seen = {f.name for f in out}
    return out + [f for f in schema.api_fields.values() if f.name not in seen]


def _owner(schema: type[Schema], f: ApiField) -> str | None:
    """Name of the base that declares a field; None for the schema itself."""
    for cls in schema.__mro__:
        if cls.__dict__.get(f.name) is f:
            return None if cls is schema else str(getattr(cls, "schema_name", cls.__name__))
    return None


def _field(f: ApiField, owner: str | None) -> FieldMetadataV3:
    return FieldMetadataV3(
        name=f.wire_name,
        type=f.type,
        is_schema=f.schema is not None,
        value_schema=f.schema,
        value=_default(f),
        help=f.help or f.wire_name,
        label=f.wire_name,
        required=f.required,
        level=f.level,
        direction=f.direction,
        is_inherited=owner is not None,
        inherited_from=owner,
        is_gridable=f.gridable,
        values=list(f.values),
        json=f.json,
        is_member_of_frames=list(f.is_member_of_frames),
        is_mutually_exclusive_with=list(f.is_mutually_exclusive_with),
    )


def _default(f: ApiField) -> Any:
    try:
        return to_wire(f.default)
    except TypeError:
        return str(f.default)


def _meta_field(schema: type[Schema]) -> FieldMetadataV3:
    return FieldMetadataV3(
        name="__meta",
        type="Schema.Meta",
        value=schema.meta(),
        help="Name, version and kind of the schema, so that an answer describes itself.",
        label="__meta",
        level="critical",
        direction="OUTPUT",
        is_inherited=True,
        inherited_from="SchemaV3",
        values=[],
        json=True,
        is_member_of_frames=[],
        is_mutually_exclusive_with=[],
    )


def _markdown(schema: type[Schema]) -> str:
    lines = [f"# {schema.schema_name}", "", "name | direction | type | default | description", "--- | --- | --- | --- | ---"]
    lines += [f"{f.wire_name} | {f.direction} | {f.type} | {_default(f)} | {f.help}" for f in _ordered(schema)]
    return "\n".join(lines)

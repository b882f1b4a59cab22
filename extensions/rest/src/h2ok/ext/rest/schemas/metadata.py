"""Schemas that describe routes, schemas, capabilities and logs."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.schema import OutputSchemaV4, RequestSchema, Schema, api

__all__ = [
    "CapabilitiesV3",
    "CapabilityEntryV3",
    "EndpointV4",
    "EndpointsListV4",
    "FieldMetadataV3",
    "ListRequestV4",
    "LogAndEchoV3",
    "LogsV3",
    "MetadataV3",
    "NodePersistentStorageEntryV3",
    "NodePersistentStorageV3",
    "RouteV3",
    "SchemaMetadataV3",
    "TypeaheadV3",
]


class MetadataV3(RequestSchema):
    """Routes and schemas of this server."""

    num: int = api("int", 0, direction="INPUT", json=False, help="Position of a route.")
    http_method: str = api("string", direction="INPUT", json=False, help="Method of the route.")
    path: str = api("string", direction="INPUT", json=False, help="Position, or method and path, of a route.")
    classname: str = api("string", direction="INPUT", json=False, help="Class of a schema.")
    schemaname: str = api("string", direction="INPUT", json=False, help="Name of a schema.")
    routes: list[Any] = api("Route[]", direction="OUTPUT", schema="RouteV3", help="The routes.")
    schemas: list[Any] = api("SchemaMetadata[]", direction="OUTPUT", schema="SchemaMetadataV3", help="The schemas.")
    markdown: str = api("string", direction="OUTPUT", help="The same as text for people.")


class RouteV3(Schema):
    """One route."""

    schema_type = "Route"
    http_method: str = api("string", direction="OUTPUT", help="Method of the route.")
    url_pattern: str = api("string", direction="OUTPUT", help="Path with parameters in braces.")
    summary: str = api("string", direction="OUTPUT", help="What it does.")
    api_name: str = api("string", direction="OUTPUT", help="Name of the route.")
    handler_class: str = api("string", direction="OUTPUT", help="Module that answers.")
    handler_method: str = api("string", direction="OUTPUT", help="Function that answers.")
    input_schema: str = api("string", direction="OUTPUT", help="Schema of the request.")
    output_schema: str = api("string", direction="OUTPUT", help="Schema of the answer.")
    path_params: list[str] = api("string[]", direction="OUTPUT", help="Parameters in the path.")
    markdown: str = api("string", direction="OUTPUT", help="The same as text for people.")


class SchemaMetadataV3(Schema):
    """One schema."""

    schema_type = "SchemaMetadata"
    version: int = api("int", 0, direction="INPUT", help="Version of the schema.")
    name: str = api("string", direction="INPUT", help="Name of the schema.")
    label: str = api("string", direction="OUTPUT", help="Name for people.")
    superclass: str = api("string", direction="INPUT", help="Schema it extends.")
    type: str = api("string", direction="INPUT", help="Kind of object it describes.")
    fields: list[Any] = api("FieldMetadata[]", [], direction="OUTPUT", schema="FieldMetadataV3", help="The fields, own ones first.")
    markdown: str = api("string", direction="OUTPUT", help="The same as text for people.")


class FieldMetadataV3(Schema):
    """One field of a schema."""

    schema_type = "FieldMetadata"
    name: str = api("string", direction="OUTPUT", help="Name of the field.")
    type: str = api("string", direction="OUTPUT", help="Type of the field.")
    is_schema: bool = api("boolean", False, direction="OUTPUT", help="Whether the value is an object with a schema.")
    value_schema: str = api("string", direction="INPUT", help="Schema of the value.", wire_name="schema_name")
    value: Any = api("Polymorphic", direction="OUTPUT", help="Default.")
    help: str = api("string", direction="OUTPUT", help="What it means.")
    label: str = api("string", direction="OUTPUT", help="Name for people.")
    required: bool = api("boolean", False, direction="OUTPUT", help="Whether a request must give it.")
    level: str = api("enum", direction="OUTPUT", values=("critical", "secondary", "expert"), help="How many users need it.")
    direction: str = api(
        "enum", direction="OUTPUT", values=("INPUT", "OUTPUT", "INOUT"), help="Whether it is read, written or both."
    )
    is_inherited: bool = api("boolean", False, direction="OUTPUT", help="Whether another schema declares it.")
    inherited_from: str = api("string", direction="OUTPUT", help="The schema that declares it.")
    is_gridable: bool = api("boolean", False, direction="OUTPUT", help="Whether grid search may vary it.")
    values: list[str] = api("string[]", direction="OUTPUT", help="Allowed values.")
    json: bool = api("boolean", False, direction="OUTPUT", help="Whether answers hold it.")
    is_member_of_frames: list[str] = api(
        "string[]", direction="OUTPUT", help="Parameters that name frames which must have this column."
    )
    is_mutually_exclusive_with: list[str] = api(
        "string[]", direction="OUTPUT", help="Parameters that may not name the same column."
    )


class CapabilitiesV3(RequestSchema):
    """What this server can do."""

    capabilities: list[Any] = api("Iced[]", direction="OUTPUT", schema="CapabilityEntryV3", help="The capabilities.")


class CapabilityEntryV3(Schema):
    """One capability."""

    name: str = api("string", direction="OUTPUT", help="Name of the capability.")


class EndpointV4(OutputSchemaV4):
    """A route, version 4."""

    schema_type = "Route"
    url: str = api("string", direction="INPUT", help="Method and path.")
    description: str = api("string", direction="INPUT", help="What it does.")
    name: str = api("string", direction="INPUT", help="Name of the route.")
    input_schema: str = api("string", direction="INPUT", help="Schema of the request.")
    output_schema: str = api("string", direction="INPUT", help="Schema of the answer.")


class EndpointsListV4(OutputSchemaV4):
    """All routes, version 4."""

    endpoints: list[Any] = api("Route[]", direction="INPUT", schema="EndpointV4", help="The routes.")


class ListRequestV4(OutputSchemaV4):
    """Request for a list, version 4."""


class LogAndEchoV3(RequestSchema):
    """A line for the log."""

    message: str = api("string", direction="INPUT", help="The text.")


class LogsV3(RequestSchema):
    """Text of a log file."""

    nodeidx: str = api("string", direction="INPUT", required=True, help="Position of the node, -1 for the answering one.")
    name: str = api(
        "string", direction="INPUT", help="Log file: default, trace, debug, info, warn, error, fatal, httpd, stdout or stderr."
    )
    log: str = api("string", direction="OUTPUT", help="Its text.")


class TypeaheadV3(RequestSchema):
    """File names that begin with a text."""

    src: str = api("string", direction="INPUT", required=True, help="Begin of a path.")
    limit: int = api("int", 0, direction="INPUT", help="Most names to return.")
    matches: list[str] = api("string[]", direction="OUTPUT", help="The names found.")


class NodePersistentStorageV3(RequestSchema):
    """Small documents kept by the node."""

    category: str = api("string", help="Group of documents.")
    name: str = api("string", help="Name of a document.")
    value: str = api("string", help="Its text.")
    configured: bool = api("boolean", False, direction="OUTPUT", help="Whether there is a place to keep documents.")
    exists: bool = api("boolean", False, direction="OUTPUT", help="Whether it is there.")
    entries: list[Any] = api("Iced[]", direction="OUTPUT", schema="NodePersistentStorageEntryV3", help="Documents of the category.")


class NodePersistentStorageEntryV3(Schema):
    """One stored document."""

    category: str = api("string", direction="OUTPUT", help="Group of documents.")
    name: str = api("string", direction="OUTPUT", help="Name of the document.")
    size: int = api("long", 0, direction="OUTPUT", help="Bytes.")
    timestamp_millis: int = api("long", 0, direction="OUTPUT", help="Last change, milliseconds since the epoch.")

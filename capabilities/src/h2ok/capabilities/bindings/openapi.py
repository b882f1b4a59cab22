"""An OpenAPI 3.1 document of a server, made from its routes and schemas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from h2ok.capabilities.bindings.metadata import Metadata

__all__ = ["openapi_document"]

_SCALARS: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "byte": {"type": "integer", "minimum": -128, "maximum": 127},
    "short": {"type": "integer", "minimum": -32768, "maximum": 32767},
    "int": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "string": {"type": "string"},
    "enum": {"type": "string"},
}
#: Doubles that JSON has no number for.
_NON_FINITE = {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}
#: Bodies that are no JSON.
_RAW = re.compile(r"(DownloadDataset|\.bin|/Logs/download|^/$|/flow/|favicon|PostFile|\.fetch)")


def openapi_document(metadata: Metadata) -> dict[str, Any]:
    """The document as JSON values."""
    schemas = {s["name"]: s for s in metadata.get("/3/Metadata/schemas")["schemas"]}
    routes = metadata.get("/3/Metadata/endpoints")["routes"]
    about = metadata.get("/3/About")
    version = next((e["value"] for e in about.get("entries", ()) if "version" in e["name"].lower()), "3")
    paths: dict[str, Any] = {}
    templates: dict[str, str] = {}
    operations: set[str] = set()
    for r in routes:
        if r["http_method"] == "HEAD":
            continue
        pattern = str(r["url_pattern"])
        # Paths that differ in the names of their parameters only are one path for OpenAPI.
        path = templates.setdefault(re.sub(r"\{[^}]*\}", "{}", pattern), pattern)
        names = dict(zip(re.findall(r"\{([^}]*)\}", pattern), re.findall(r"\{([^}]*)\}", path), strict=True))
        operation = _operation(r, schemas, names)
        operation["operationId"] = _unique(f"{r['http_method'].lower()}_{_word(pattern)}", operations)
        paths.setdefault(path, {}).setdefault(r["http_method"].lower(), operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "h2ok",
            "version": str(version),
            "description": "The REST API of this server, made from its own metadata: every route and schema of its extensions.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": {_component(n): _schema(s, schemas) for n, s in sorted(schemas.items())}},
    }


def _operation(r: Mapping[str, Any], schemas: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    inputs = schemas.get(r["input_schema"] or "", {"fields": ()})
    fields = [f for f in inputs["fields"] if f["direction"] != "OUTPUT" and f["name"] != "__meta"]
    by_name = {f["name"]: f for f in fields}
    parameters = []
    for own, shared in names.items():
        about = by_name.get(own, {"help": f"{own} of the path.", "type": "string"})
        # A key in a path is one segment of text.
        parameters.append({
            "name": shared, "in": "path", "required": True, "description": about["help"],
            "schema": _scalar(about) if about["type"] in _SCALARS else {"type": "string", "minLength": 1},
        })  # fmt: skip
    rest = [f for f in fields if f["name"] not in names]
    out: dict[str, Any] = {"summary": r["summary"] or r["api_name"], "tags": [_tag(r["url_pattern"])]}
    if r["http_method"] in ("GET", "DELETE"):
        parameters += [
            {"name": f["name"], "in": "query", "required": bool(f["required"]), "description": f["help"], "schema": _request(f)}
            for f in rest
        ]
    elif rest:
        body = {"type": "object", "properties": {f["name"]: {**_request(f), "description": f["help"]} for f in rest}}
        required = [f["name"] for f in rest if f["required"]]
        if required:
            body["required"] = required
        out["requestBody"] = {"required": bool(required), "content": {"application/x-www-form-urlencoded": {"schema": body}}}
    if parameters:
        out["parameters"] = parameters
    out["responses"] = {"200": _answer(r, schemas), "default": _error(schemas)}
    return out


def _answer(r: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    if _RAW.search(r["url_pattern"]):
        return {"description": "Bytes, text, or what was stored.", "content": {"*/*": {"schema": {}}}}
    name = r["output_schema"]
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{_component(name)}"} if name in schemas else {"type": "object"}
    return {"description": "Success.", "content": {"application/json": {"schema": schema}}}


def _error(schemas: Mapping[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": "#/components/schemas/H2OErrorV3"} if "H2OErrorV3" in schemas else {"type": "object"}
    return {"description": "What happened, what was expected, what to do.", "content": {"application/json": {"schema": schema}}}


def _schema(s: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """An answer: every field may be null, as H2O writes what is not set."""
    properties = {f["name"]: {**_output(f, schemas), "description": f["help"]} for f in s["fields"] if f["json"]}
    return {"type": "object", "title": s["name"], "properties": properties}


def _output(f: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(f["type"])
    if f["name"] == "__meta" or (kind.startswith(("Key<", "Map<", "Poly", "Iced", "Schema.")) and not kind.endswith("[]")):
        return {}
    if kind.endswith("[]"):
        return {"type": ["array", "null"], "items": _output({**f, "type": kind[:-2]}, schemas)}
    if kind in ("float", "double"):
        return {"oneOf": [{"type": ["number", "null"]}, _NON_FINITE]}
    if kind in _SCALARS:
        plain = dict(_SCALARS[kind])
        return {**plain, "type": [plain["type"], "null"]}
    name = str(f.get("schema_name"))
    return {"oneOf": [{"$ref": f"#/components/schemas/{_component(name)}"}, {"type": "null"}]} if name in schemas else {}


def _request(f: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(f["type"])
    if kind.endswith("[]"):
        return {"type": "string", "description": "A list as text: [a,b]."}
    return _scalar(f) if kind in _SCALARS else {"type": "string"}


def _scalar(f: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(_SCALARS[str(f["type"])])
    if f["type"] == "enum" and f.get("values"):
        out["enum"] = list(f["values"])
    return out


def _component(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def _tag(pattern: str) -> str:
    parts = [p for p in pattern.split("/") if p and not p.isdigit()]
    return parts[0] if parts else "root"


def _word(pattern: str) -> str:
    return re.sub(r"\W+", "_", pattern).strip("_") or "root"


def _unique(word: str, taken: set[str]) -> str:
    out, n = word, 1
    while out in taken:
        n += 1
        out = f"{word}_{n}"
    taken.add(out)
    return out

"""AVRO fields: which can be columns, of which type, and what their stored values mean."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["AvroField", "fields_of"]

_NUMBERS = {"boolean", "int", "long", "float", "double"}
_TEXTS = {"string", "bytes"}
_NANOS = ("timestamp-nanos", "local-timestamp-nanos")
_UUID_BYTES = 16
#: Uses of named types inside each other that are followed.
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class AvroField:
    """A field of a record. ``type`` as in ParseSetup, empty when it cannot be a column; ``kind`` is what its schema calls it."""

    name: str
    type: str
    kind: str
    #: The declared levels of an enum: they are the domain in this order, as in H2O.
    symbols: tuple[str, ...] | None = None
    #: Makes of a value that the library leaves as it is stored what it means.
    convert: Callable[[Any], Any] | None = None


def fields_of(schema: dict[str, Any]) -> list[AvroField]:
    """All fields of a record's schema."""
    named: dict[str, Any] = {}
    _collect(schema, "", named, 0)
    space = str(schema.get("namespace") or "")
    return [_field(str(f["name"]), f["type"], named, space, 0) for f in schema["fields"]]


def _field(name: str, kind: Any, named: dict[str, Any], space: str, depth: int) -> AvroField:
    if isinstance(kind, list):
        known = [k for k in kind if k != "null"]
        return _field(name, known[0], named, space, depth) if len(known) == 1 else AvroField(name, "", "a union of several types")
    if isinstance(kind, str):
        found = named.get(kind) or named.get(f"{space}.{kind}")
        if found is not None and depth < _MAX_DEPTH:
            return _field(name, found, named, space, depth + 1)
        return AvroField(name, "Numeric" if kind in _NUMBERS else "String" if kind in _TEXTS else "", kind)
    if not isinstance(kind, dict):
        return AvroField(name, "", str(kind)[:100])
    stored, logical = kind.get("type"), str(kind.get("logicalType", ""))
    if isinstance(stored, (dict, list)) and depth < _MAX_DEPTH:
        return _field(name, stored, named, space, depth + 1)
    label = f"{logical} ({stored})" if logical else str(stored)
    if stored == "enum":
        return AvroField(name, "Enum", label, tuple(map(str, kind["symbols"])))
    if stored == "long" and logical in _NANOS:
        return AvroField(name, "Time", label, convert=_time_of_nanos)
    if logical == "date" or logical.startswith(("timestamp-", "local-timestamp-")):
        return AvroField(name, "Time", label)
    if logical == "uuid" and (stored == "string" or (stored == "fixed" and kind.get("size") == _UUID_BYTES)):
        return AvroField(name, "UUID", label, convert=None if stored == "string" else _uuid_of_bytes)
    if logical == "decimal":
        return AvroField(name, "Numeric", label)
    if logical == "big-decimal":
        return AvroField(name, "", label)
    # Times of day are milliseconds.
    return AvroField(name, "Numeric" if stored in _NUMBERS else "String" if stored in _TEXTS else "", label)


def _collect(kind: Any, space: str, named: dict[str, Any], depth: int) -> None:
    """The named types of a schema, by their names with and without namespace."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(kind, list):
        for k in kind:
            _collect(k, space, named, depth + 1)
    if not isinstance(kind, dict):
        return
    space = str(kind.get("namespace") or space)
    if kind.get("type") in ("enum", "fixed", "record") and "name" in kind:
        name = str(kind["name"])
        named[name] = named[f"{space}.{name}"] = kind
        for field in kind.get("fields") or ():
            _collect(field.get("type"), space, named, depth + 1)
        return
    for part in ("type", "items", "values"):
        _collect(kind.get(part), space, named, depth + 1)


def _time_of_nanos(value: Any) -> Any:
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=value // 1000) if isinstance(value, int) else value


def _uuid_of_bytes(value: Any) -> Any:
    return uuid.UUID(bytes=value) if isinstance(value, bytes) else value

"""Schema: typed request and response objects in H2O's JSON shape, from which parsing, writing and metadata derive.

A schema is a class with fields made by ``api``; order of declaration is order on the wire, inherited fields come first unless
``inherited_last`` is set::

    class PingV3(Schema):
        schema_type = "Ping"
        cloud_uptime_millis: int = api("long", 0, direction="OUTPUT", help="Milliseconds since the cloud was formed.")
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from h2ok.capabilities.installing import nearest
from h2ok.kernel import H2OKError, IllegalArgumentError

__all__ = [
    "ApiField",
    "Direction",
    "EnumValueError",
    "Level",
    "OutputSchemaV4",
    "RequestSchema",
    "Schema",
    "api",
    "key_ref",
    "parse_array",
    "parse_value",
    "to_wire",
]

Direction = Literal["INPUT", "OUTPUT", "INOUT"]
Level = Literal["critical", "secondary", "expert"]


class ApiField:
    """One field of a schema.

    ``type`` uses H2O's names: int, long, float, double, boolean, string, enum, Key<Frame>, T[], Map<..>, Iced.
    """

    __slots__ = (
        "default",
        "direction",
        "gridable",
        "help",
        "is_member_of_frames",
        "is_mutually_exclusive_with",
        "json",
        "level",
        "name",
        "required",
        "schema",
        "type",
        "values",
        "wire_name",
    )

    def __init__(
        self,
        type: str,
        default: Any,
        direction: Direction,
        level: Level,
        help: str,
        values: tuple[str, ...],
        schema: str | None,
        required: bool,
        gridable: bool,
        is_member_of_frames: tuple[str, ...],
        is_mutually_exclusive_with: tuple[str, ...],
        wire_name: str | None,
        json: bool = True,
    ) -> None:
        self.name = ""
        self.wire_name = wire_name or ""
        self.type = type
        self.default = default
        self.direction = direction
        self.level = level
        self.help = help
        self.values = values
        self.schema = schema
        self.required = required
        self.gridable = gridable
        self.is_member_of_frames = is_member_of_frames
        self.is_mutually_exclusive_with = is_mutually_exclusive_with
        self.json = json

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.wire_name = self.wire_name or name


def api(
    type: str,
    default: Any = None,
    *,
    direction: Direction = "INOUT",
    level: Level = "critical",
    help: str = "",
    values: Iterable[str] = (),
    schema: str | None = None,
    required: bool = False,
    gridable: bool = False,
    is_member_of_frames: Iterable[str] = (),
    is_mutually_exclusive_with: Iterable[str] = (),
    wire_name: str | None = None,
    json: bool = True,
) -> Any:
    """Declare a field of a Schema.

    Parameters
    ----------
    schema : name of the schema class of the value(s), for objects.
    wire_name : name in JSON where it is no Python identifier (``lambda``).
    json : False for a parameter that answers do not repeat.
    """
    return ApiField(
        type,
        default,
        direction,
        level,
        help,
        tuple(values),
        schema,
        required,
        gridable,
        tuple(is_member_of_frames),
        tuple(is_mutually_exclusive_with),
        wire_name,
        json,
    )


class Schema:
    """Base of all schemas. Construct with keyword arguments; other fields take their defaults."""

    schema_version: ClassVar[int] = 3
    schema_name: ClassVar[str] = ""
    schema_type: ClassVar[str] = "Iced"
    #: False for objects without ``__meta`` on the wire.
    has_meta: ClassVar[bool] = True
    api_fields: ClassVar[dict[str, ApiField]] = {}
    #: By field; (field, name on the wire) of those that answers have.
    _defaults: ClassVar[dict[str, Any]] = {}
    _written: ClassVar[list[tuple[str, str]]] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "schema_name" not in cls.__dict__:
            cls.schema_name = cls.__name__
        fields: dict[str, ApiField] = {}
        for base in reversed(cls.__mro__):
            fields.update({k: v for k, v in base.__dict__.items() if isinstance(v, ApiField)})
        cls.api_fields = fields
        cls._defaults = {name: f.default for name, f in fields.items()}
        cls._written = [(name, f.wire_name) for name, f in fields.items() if f.json]

    def __init__(self, **values: Any) -> None:
        unknown = values.keys() - self._defaults.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(map(repr, sorted(unknown)))}.")
        self.__dict__.update(self._defaults, **values)

    @classmethod
    def meta(cls) -> dict[str, Any]:
        """The ``__meta`` object."""
        return {"schema_version": cls.schema_version, "schema_name": cls.schema_name, "schema_type": cls.schema_type}

    @classmethod
    def parse(cls, params: Mapping[str, Any]) -> Any:
        """An instance from request parameters (texts of a form or query, or JSON values).

        Raises
        ------
        IllegalArgumentError
            Unknown parameter, output-only field, or a text that is no value of the field's type; names field, value, schema.
        """
        by_wire = {f.wire_name: f for f in cls.api_fields.values()}
        out = cls()
        for wire_name, raw in params.items():
            f = by_wire.get(wire_name)
            if f is None:
                text = f"Unknown parameter '{wire_name}' for {cls.schema_name}. {nearest(wire_name, by_wire)}".rstrip()
                raise IllegalArgumentError(f"{text} Known: {', '.join(by_wire)}.", argument=wire_name)
            if f.direction == "OUTPUT":
                raise IllegalArgumentError(
                    f"Attempting to set output field '{wire_name}' of {cls.schema_name}; leave it out.", argument=wire_name
                )
            setattr(out, f.name, parse_value(f, raw, cls.schema_name))
        missing = [f.wire_name for f in by_wire.values() if f.required and f.wire_name not in params]
        if missing:
            raise IllegalArgumentError(
                f"Required field '{missing[0]}' of {cls.schema_name} is not specified.", argument=missing[0], schema=cls.schema_name
            )
        return out

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, ``__meta`` first; non-finite doubles as text."""
        out: dict[str, Any] = {"__meta": self.meta()} if self.has_meta else {}
        for name, wire_name in self._written:
            value = getattr(self, name)
            out[wire_name] = value if type(value) in _PLAIN else to_wire(value)
        return out


class RequestSchema(Schema):
    """Base of the schemas that requests of version 3 are parsed into; adds the filter of answer fields."""

    schema_name = "RequestSchemaV3"
    _exclude_fields: str = api(
        "string", "", direction="INPUT", help="Paths of fields to leave out of the answer, such as frames/columns/data,__meta."
    )


class OutputSchemaV4(Schema):
    """Base of the answers of version 4, which carry ``__schema`` in place of ``__meta``."""

    schema_version = 4
    has_meta = False

    def to_json(self) -> dict[str, Any]:
        return {"__schema": f"/4/schemas/{self.schema_name}", **super().to_json()}


class EnumValueError(H2OKError, ValueError):
    """A text is none of the values of an enum field (H2O answers 400, not 412)."""


_TRUE = {"true", "1"}
_NULLS = {"null", "none", ""}


def parse_value(f: ApiField, raw: Any, schema_name: str = "") -> Any:
    """A Python value of the field's type from request text (client-contract section 0) or a JSON value."""
    kind = f.type
    if kind.endswith("[]"):
        return None if raw is None else parse_array(kind[:-2], raw, f, schema_name)
    return _parse_scalar(kind, raw, f, schema_name)


def parse_array(item_type: str, raw: Any, f: ApiField | None = None, schema_name: str = "") -> list[Any] | None:
    """A list from ``[a,b]`` text with bare or quoted items, a bare single item, or a JSON list."""
    items = raw if isinstance(raw, (list, tuple)) else _split_list(str(raw))
    if items is None:
        return None
    if item_type.endswith("[]"):
        return [parse_array(item_type[:-2], i, f, schema_name) for i in items]
    return [_parse_scalar(item_type, i, f, schema_name) for i in items]


def _split_list(text: str) -> list[str | None] | None:
    """Items of a list text; nested lists stay text. None for an empty or null text."""
    text = text.strip()
    if text.lower() in _NULLS:
        return None
    if not (text.startswith("[") and text.endswith("]")):
        return [_unquote(text)]
    inner, items, depth, start, quoted = text[1:-1], [], 0, 0, False
    i = 0
    while i < len(inner):
        c = inner[i]
        if c == "\\" and quoted:
            i += 1
        elif c == '"':
            quoted = not quoted
        elif not quoted and c in "[{(":
            depth += 1
        elif not quoted and c in "]})":
            depth -= 1
        elif not quoted and depth == 0 and c == ",":
            items.append(inner[start:i])
            start = i + 1
        i += 1
    if inner.strip():
        items.append(inner[start:])
    return [_item(s.strip()) for s in items]


def _item(text: str) -> str | None:
    return None if text.lower() in ("null", "na") else _unquote(text)


def _unquote(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        body = text[1:-1]
        return body.replace('\\"', '"').replace("\\\\", "\\") if "\\" in body else body
    return text.lstrip('"') if text.startswith('"') else text


def _parse_scalar(kind: str, raw: Any, f: ApiField | None, schema_name: str) -> Any:
    if raw is None:
        return None
    text = raw if isinstance(raw, str) else None
    try:
        if kind == "boolean":
            return raw if isinstance(raw, bool) else str(raw).strip().lower() in _TRUE
        if kind in ("int", "long", "short", "byte"):
            return _parse_int(raw, kind)
        if kind in ("double", "float"):
            return _parse_double(raw)
        if kind == "enum":
            return _parse_enum(str(raw), f)
        if kind.startswith("Key<") or kind in ("VecSpecifier", "ColSpecifier"):
            name = raw.get("name", raw.get("column_name")) if isinstance(raw, dict) else _unquote(str(raw))
            return name or None
    except (ValueError, OverflowError) as e:
        if isinstance(e, H2OKError):
            raise
        name = f.wire_name if f else "value"
        raise IllegalArgumentError(
            f"Illegal argument for field '{name}' of schema {schema_name}: cannot read {raw!r} as type {kind}.",
            argument=name,
            value=str(raw),
        ) from e
    return text if text is not None else raw


def _parse_int(raw: Any, kind: str) -> int | None:
    if isinstance(raw, str):
        if raw.strip().lower() in _NULLS:
            return None
        if "_" in raw:
            raise ValueError(raw)
    value = float(raw) if isinstance(raw, float) or (isinstance(raw, str) and not raw.strip().lstrip("+-").isdigit()) else int(raw)
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError(raw)
        value = int(value)
    bits = 31 if kind == "int" else 63
    if not -(2**bits) <= value < 2**bits:
        raise OverflowError(raw)
    return value


def _parse_double(raw: Any) -> float | None:
    if isinstance(raw, str):
        text = raw.strip()
        if text.lower() in _NULLS:
            return None
        if "_" in text:
            raise ValueError(raw)
        return float(text)
    return float(raw)


def _parse_enum(raw: str, f: ApiField | None) -> str | None:
    wanted = _fold(raw)
    known = () if f is None else f.values
    # Where None is a value of its own, as NONE of transform, it is no null.
    if raw.strip().lower() in _NULLS and (not wanted or wanted not in map(_fold, known)):
        return None
    if f is None or not known:
        return raw
    for v in f.values:
        if _fold(v) == wanted:
            return v
    raise EnumValueError(f"'{raw}' is no value of '{f.wire_name}'. Allowed: {', '.join(f.values)}.", argument=f.wire_name)


def _fold(text: str) -> str:
    return "".join(c for c in text.upper() if "0" <= c <= "9" or "A" <= c <= "Z")


#: Types whose values are JSON as they are.
_PLAIN = frozenset((type(None), str, bool, int))


def to_wire(value: Any) -> Any:
    """Plain JSON of a value: schemas written out, numpy as Python, non-finite doubles as NaN, Infinity, -Infinity."""
    if type(value) in _PLAIN or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (list, tuple)):
        # PERF: finite doubles and what is plain need no call; a wide frame has millions.
        return [v if type(v) in _PLAIN or (type(v) is float and math.isfinite(v)) else to_wire(v) for v in value]
    if isinstance(value, Schema):
        return value.to_json()
    if isinstance(value, Mapping):
        return {k: v if type(v) in _PLAIN else to_wire(v) for k, v in value.items()}
    if hasattr(value, "tolist"):
        return to_wire(value.tolist())
    raise TypeError(f"Cannot write a {type(value).__qualname__} as JSON.")


_KEYS = {
    "Frame": ("FrameKeyV3", "/3/Frames/"),
    "Model": ("ModelKeyV3", "/3/Models/"),
    "Job": ("JobKeyV3", "/3/Jobs/"),
    "Grid": ("GridKeyV3", None),
    "AutoML": ("AutoMLKeyV3", None),
    "PartialDependence": ("PartialDependenceKeyV3", "/3/PartialDependence/"),
    "SegmentModels": ("SegmentModelsKeyV3", None),
    "Keyed": ("KeyV3", None),
}


def key_ref(kind: str, name: str | None) -> dict[str, Any] | None:
    """The JSON of a key: ``key_ref("Frame", "tr")``; None for no name."""
    if name is None:
        return None
    schema, url = _KEYS.get(kind, _KEYS["Keyed"])
    return {
        "__meta": {"schema_version": 3, "schema_name": schema, "schema_type": f"Key<{kind}>"},
        "name": name,
        "type": f"Key<{kind}>",
        "URL": None if url is None else url + name,
    }

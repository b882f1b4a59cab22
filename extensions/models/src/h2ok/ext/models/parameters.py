"""Parameters: what a user may set on a model builder, declared once.

A parameters class is a Schema whose fields are made by ``param``. From the declaration follow the REST schema, the parser of
requests, the validation messages, the ``parameters`` list of builders and models, and what a grid may vary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from h2ok.capabilities.contracts.schema import ApiField, Level, Schema, key_ref, to_wire

__all__ = ["Param", "Parameters", "at_least", "between", "one_of", "param", "positive"]

#: A constraint: the complaint about a value ("must be ..."), or None when it is fine.
Check = Callable[[Any], str | None]


class Param(ApiField):
    """An ApiField with the constraint of its value, and whether h2ok can act on it yet.

    ``needs`` names what is missing: a value other than the default is then an error that says so.
    """

    __slots__ = ("check", "needs")

    def __init__(self, *args: Any, check: Check | None = None, needs: str = "") -> None:
        super().__init__(*args)
        self.check = check
        self.needs = needs


def param(
    type: str,
    default: Any = None,
    help: str = "",
    *,
    level: Level = "critical",
    gridable: bool = False,
    values: Iterable[str] = (),
    check: Check | None = None,
    needs: str = "",
    is_member_of_frames: Iterable[str] = (),
    is_mutually_exclusive_with: Iterable[str] = (),
    wire_name: str | None = None,
) -> Any:
    """Declare a parameter.

    Parameters
    ----------
    type : H2O's type name: int, long, double, float, boolean, string, enum, Key<Frame>, VecSpecifier, T[].
    values : allowed values of an enum, in H2O's spelling.
    check : see ``at_least``, ``between``, ``positive``, ``one_of``; called with the value when it is not None.
    needs : for a parameter that is known but not built: what would be needed.
    """
    return Param(
        type,
        default,
        "INPUT",
        level,
        help,
        tuple(values),
        None,
        False,
        gridable,
        tuple(is_member_of_frames),
        tuple(is_mutually_exclusive_with),
        wire_name,
        check=check,
        needs=needs,
    )


def at_least(low: float) -> Check:
    """Value >= low."""
    return lambda v: None if v >= low else f"must be at least {low:g}; got {v}."


def positive(v: Any) -> str | None:
    """Value > 0."""
    return None if v > 0 else f"must be greater than 0; got {v}."


def between(low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> Check:
    """Low <= value <= high; either end may be left out."""
    left, right = "(" if open_low else "[", ")" if open_high else "]"

    def check(v: Any) -> str | None:
        fine = (v > low if open_low else v >= low) and (v < high if open_high else v <= high)
        return None if fine else f"must be in {left}{low:g}, {high:g}{right}; got {v}."

    return check


def one_of(*allowed: Any) -> Check:
    """Value among ``allowed``."""
    return lambda v: None if v in allowed else f"must be one of {', '.join(map(str, allowed))}; got {v}."


class Parameters(Schema):
    """Base of all parameter classes; instances hold plain values (keys and columns as text).

    ``fields`` lists the parameters in wire order, as far as it is given; parameters it does not name come first. ``without`` names
    parameters of the groups it inherits that an algorithm does not have.
    """

    has_meta = True
    fields: ClassVar[tuple[str, ...]] = ()
    without: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.fields:
            by_wire = {f.wire_name: (n, f) for n, f in cls.api_fields.items()}
            unknown = [f for f in cls.fields if f not in by_wire]
            if unknown:
                raise TypeError(f"{cls.__name__}.fields names parameters that are not declared: {', '.join(unknown)}.")
            rest = [w for w in by_wire if w not in cls.fields]
            cls.api_fields = {by_wire[w][0]: by_wire[w][1] for w in (*rest, *cls.fields)}
        cls.api_fields = {n: f for n, f in cls.api_fields.items() if f.wire_name not in cls.without}

    @classmethod
    def params(cls) -> list[Param]:
        """The declared parameters in wire order."""
        return [f for f in cls.api_fields.values() if isinstance(f, Param)]

    @classmethod
    def by_wire_name(cls, name: str) -> Param | None:
        """The parameter the client calls ``name``."""
        return next((p for p in cls.params() if p.wire_name == name), None)

    def value(self, wire_name: str, default: Any = None) -> Any:
        """Value of a parameter by its wire name; ``default`` where the algorithm has no such parameter."""
        p = type(self).by_wire_name(wire_name)
        return default if p is None else getattr(self, p.name)

    def to_dict(self) -> dict[str, Any]:
        """Values by wire name: what a model keeps of its parameters."""
        return {p.wire_name: getattr(self, p.name) for p in type(self).params()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Any:
        """The inverse of ``to_dict``; parameters left out take their defaults."""
        out = cls()
        for p in cls.params():
            if p.wire_name in values:
                setattr(out, p.name, values[p.wire_name])
        return out

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"__meta": self.meta()}
        for p in type(self).params():
            out[p.wire_name] = wire_value(p, getattr(self, p.name))
        return out

    @classmethod
    def describe(cls, actual: dict[str, Any] | None = None, given: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The ``parameters`` list (ModelParameterSchemaV3) of a builder or model.

        Parameters
        ----------
        actual : values as resolved, by wire name; defaults where missing.
        given : values as the user sent them; None: nothing was sent.
        """
        values = actual or {}
        sent = given if given is not None else {}
        return [
            {
                "__meta": {"schema_version": 3, "schema_name": "ModelParameterSchemaV3", "schema_type": "Iced"},
                "name": p.wire_name,
                "label": p.wire_name,
                "help": p.help,
                "required": p.required,
                "type": p.type,
                "default_value": wire_value(p, p.default),
                "actual_value": wire_value(p, values.get(p.wire_name, p.default)),
                "input_value": wire_value(p, sent.get(p.wire_name)),
                "level": p.level,
                "values": list(p.values),
                "is_member_of_frames": list(p.is_member_of_frames),
                "is_mutually_exclusive_with": list(p.is_mutually_exclusive_with),
                "gridable": p.gridable,
            }
            for p in cls.params()
        ]


def wire_value(p: ApiField, value: Any) -> Any:
    """JSON of a parameter's value: keys as key objects, columns as ColSpecifierV3."""
    if value is None:
        return None
    if p.type.startswith("Key<"):
        return key_ref(p.type[4:-1], str(value))
    if p.type == "VecSpecifier":
        return {
            "__meta": {"schema_version": 3, "schema_name": "ColSpecifierV3", "schema_type": "VecSpecifier"},
            "column_name": value,
            "is_member_of_frames": None,
        }
    if p.type in ("double", "float") and isinstance(value, int):
        value = float(value)
    return to_wire(value)

"""Surface: what H2O-3 has and h2ok has not built, so that an answer says that and not only that something is not found."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Literal

__all__ = ["LIST", "not_built", "route_not_built"]

Kind = Literal["algorithm", "schema", "route", "primitive"]
#: Where everything of H2O-3 stands with its state.
LIST = "docs/compatibility.md lists what is built"
_VERSION = re.compile(r"^/[0-9]{1,9}/")


def not_built(kind: Kind, name: str) -> str:
    """What to say of something that H2O-3 has and h2ok has not, without the stop; empty for everything else.

    An extension may bring it: ask only where nobody serves the name. ``not_built.json`` is made by ``docs/make_compatibility.py``.
    """
    # Many answers have their shape without a class that describes it.
    lacks = "has not built what it belongs to, or does not describe it" if kind == "schema" else "has not built it yet"
    return f"H2O-3 has the {kind} '{name}', h2ok {lacks}; {LIST}" if name in _names()[kind] else ""


def route_not_built(method: str, path: str) -> str:
    """The same for a request, whatever the version and the keys in its path."""
    parts = _parts(path)
    for route in _names()["route"]:
        theirs, pattern = route.split(" ", 1)
        fixed = _parts(pattern)
        fits = theirs == method and len(fixed) == len(parts)
        if fits and all(f.startswith("{") or f == p for f, p in zip(fixed, parts, strict=True)):
            return f"H2O-3 has the route {route}, h2ok has not built it yet; {LIST}"
    return ""


def _parts(path: str) -> list[str]:
    return _VERSION.sub("/", path).split("/")


@cache
def _names() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(files(__package__).joinpath("not_built.json").read_text())
    return found

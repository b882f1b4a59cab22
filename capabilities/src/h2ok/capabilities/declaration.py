"""Declarations: is what an entry point leads to a sound Extension? Nothing that it names is imported here."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.extension import API_VERSION, KINDS, Extension, Persist, Primitives
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["claims", "declaration_faults", "fits_api", "item_name"]

_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_.-]*$")


def declaration_faults(extension: Extension) -> list[str]:
    """What is wrong with a declaration, in words an author can act on; empty when nothing is."""
    out = []
    if not isinstance(extension.name, str) or not _NAME.match(extension.name):
        out.append(f"name={extension.name!r} is no name; letters, digits, '_', '-' and '.' were expected, a letter first.")
    for attribute in ("provides", "requires", "modules"):
        value = getattr(extension, attribute)
        if not isinstance(value, tuple | list):
            out.append(f"{attribute}={value!r} is a {type(value).__name__}, a tuple was expected. Write {attribute}=({value!r},).")
        elif attribute != "provides":
            out += [f"{attribute} holds {v!r}, a name was expected." for v in value if not isinstance(v, str)]
    if not isinstance(extension.priority, int):
        out.append(f"priority={extension.priority!r} is no whole number; 100 is usual.")
    if isinstance(extension.provides, tuple | list):
        out += [fault for item in extension.provides for fault in _item_faults(item)]
    return out


def _item_faults(item: Any) -> Iterator[str]:
    if type(item) not in KINDS:
        known = ", ".join(sorted(k.__name__ for k in KINDS))
        yield f"provides holds {item!r}, which declares nothing. Use one of {known} of h2ok.capabilities.contracts.extension."
        return
    what = type(item).__name__
    for f in fields(item):
        value = getattr(item, f.name)
        if f.name == "target":
            if isinstance(value, str) and not re.match(r"^[\w.]+:[\w.]+$", value):
                yield f"{what} target={value!r} is no 'module:attribute'."
        elif f.name in ("name", "full_name", "help") and not isinstance(value, str):
            yield f"{what} {f.name}={value!r} is a {type(value).__name__}, a text was expected."
        elif f.name in ("schemes", "names", "requires") and not _is_texts(value):
            yield f"{what} {f.name}={value!r} must be a tuple of texts."
        elif f.name == "priority" and not isinstance(value, int):
            yield f"{what} priority={value!r} is no whole number."


def _is_texts(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(v, str) for v in value)


def fits_api(api: str) -> bool:
    """Whether this is one of the API versions an extension was written for.

    Raises
    ------
    ValueError
        ``api`` is no version range.
    """
    try:
        return SpecifierSet(api).contains(Version(API_VERSION), prereleases=True)
    except (InvalidSpecifier, AttributeError, TypeError) as e:
        raise ValueError(f"api={api!r} is no version range; write it as '>=1.0,<2'.") from e


def item_name(item: Any) -> str:
    """What an item is called in reports."""
    return f"{len(item.names)} primitives" if isinstance(item, Primitives) else item.name


def claims(extension: Extension) -> Iterator[tuple[str, str]]:
    """(kind, name) of everything in a declaration that only one extension may provide."""
    for item in extension.provides:
        kind = KINDS[type(item)]
        if isinstance(item, Persist):
            yield from (("URI scheme", scheme or "(plain path)") for scheme in item.schemes)
        elif isinstance(item, Primitives):
            yield from (("primitive", name) for name in item.names)
        elif kind.unique:
            yield kind.word, item.name

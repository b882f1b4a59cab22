"""Registry: finds extensions through entry points and answers who provides what."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import importlib_metadata
from h2ok.capabilities.contracts.extension import Algo, Extension, Parser, Persist, Primitives, Routes, Service

__all__ = ["GROUP", "Loaded", "Registry", "resolve"]

#: The one entry-point group.
GROUP = "h2ok.extensions"

State = Literal["active", "disabled", "blocked", "failed"]
P = TypeVar("P")


def resolve(target: Any) -> Any:
    """The object behind ``"module:attribute"``; anything that is no text is returned as it is."""
    if not isinstance(target, str):
        return target
    module, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split(".") if attribute else ():
        found = getattr(found, part)
    return found


@dataclass(slots=True)
class Loaded:
    """An extension as found: its state, and why when it is not active."""

    name: str
    extension: Extension | None
    distribution: str
    version: str
    state: State
    reason: str = ""
    traceback: str = ""


class Registry:
    """The extensions of one node. ``discover`` never raises for a broken package; it reports it."""

    def __init__(self, loaded: Iterable[Loaded] = ()) -> None:
        self.loaded: list[Loaded] = list(loaded)

    @classmethod
    def discover(cls, exclude: Iterable[str] = ()) -> Registry:
        """Load every entry point of the group, each in its own try."""
        skip = set(exclude)
        found: list[Loaded] = []
        for ep in importlib_metadata.entry_points(group=GROUP):
            dist = ep.dist.name if ep.dist else "?"
            version = ep.dist.version if ep.dist else "?"
            if ep.name in skip:
                found.append(Loaded(ep.name, None, dist, version, "disabled", "excluded by --no-ext"))
                continue
            try:
                extension = ep.load()
                if not isinstance(extension, Extension):
                    raise TypeError(f"Entry point '{ep.value}' is a {type(extension).__name__}, an Extension was expected.")
                found.append(Loaded(extension.name, extension, dist, version, "active"))
            except Exception as e:  # one broken package must not stop the boot
                found.append(Loaded(ep.name, None, dist, version, "failed", f"{type(e).__name__}: {e}", traceback.format_exc()))
        found.sort(key=lambda x: (x.extension.priority if x.extension else 100, x.name))
        return cls(found)

    def active(self) -> list[Extension]:
        """Active extensions in order of (priority, name)."""
        return [x.extension for x in self.loaded if x.state == "active" and x.extension is not None]

    def provided(self, kind: type[P]) -> list[P]:
        """Everything of one kind that active extensions provide."""
        return [p for e in self.active() for p in e.provides if isinstance(p, kind)]

    def algos(self) -> dict[str, Algo]:
        """Algorithms by name."""
        return {a.name: a for a in self.provided(Algo)}

    def parsers(self) -> list[Parser]:
        """Parsers, first asked first."""
        return sorted(self.provided(Parser), key=lambda p: (p.priority, p.name))

    def persist_for(self, scheme: str) -> Persist | None:
        """The storage backend of a URI scheme."""
        return next((p for p in self.provided(Persist) if scheme in p.schemes), None)

    def primitives_for(self, name: str) -> Primitives | None:
        """The primitives module that holds ``name``."""
        return next((p for p in self.provided(Primitives) if name in p.names), None)

    def routes(self) -> list[Routes]:
        """All groups of routes."""
        return self.provided(Routes)

    def service_class(self, name: str) -> type[Any]:
        """The class of a named service.

        Raises
        ------
        LookupError
            No active extension provides it.
        """
        for s in self.provided(Service):
            if s.name == name:
                cls: type[Any] = resolve(s.target)
                return cls
        raise LookupError(f"No active extension provides the service '{name}'. See `h2ok ext list`.")

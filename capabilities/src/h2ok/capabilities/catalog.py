"""Catalog: the extensions of a node as everybody reads them - who provides what, and why something is not there."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterable
from typing import Any, TypeVar

import pluggy
from h2ok.capabilities.contracts.extension import (
    KINDS,
    Algo,
    Command,
    Extension,
    Parser,
    Persist,
    Primitives,
    Routes,
    Service,
)
from h2ok.capabilities.declaration import item_name
from h2ok.capabilities.installing import OPTIONAL, how_to_get, nearest
from h2ok.capabilities.loading import Loaded
from h2ok.capabilities.surface import not_built
from h2ok.kernel import H2OKError

__all__ = ["Catalog", "ExtensionError", "is_met", "resolve", "said"]

P = TypeVar("P")


class ExtensionError(H2OKError, ImportError):
    """An extension that was asked for by name cannot be used."""


def resolve(target: Any) -> Any:
    """The object behind ``"module:attribute"``; anything that is no text is returned as it is."""
    if not isinstance(target, str):
        return target
    module, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split(".") if attribute else ():
        found = getattr(found, part)
    return found


class Catalog:
    """Questions about extensions. ``plugins``: the core extensions, as pluggy calls their hooks."""

    def __init__(self, loaded: Iterable[Loaded] = ()) -> None:
        self.loaded: list[Loaded] = list(loaded)
        self.plugins = pluggy.PluginManager("h2ok")
        #: Milliseconds that finding and starting them took.
        self.load_ms = 0.0

    def owner(self, core: str) -> Loaded | None:
        """The extension that a registered core extension belongs to."""
        return next((x for x in self.loaded if core in x.core), None)

    def provider(self, item: Any) -> Loaded | None:
        """The extension that declares an item."""
        return next((x for x in self.loaded if x.extension is not None and item in x.extension.provides), None)

    def blamed(self, error: BaseException) -> Loaded | None:
        """The active extension in whose code an error was raised, or which was nearest to it on the way."""
        places = [(p, x) for x in self.loaded if x.state == "active" and x.extension is not None for p in packages(x.extension)]
        found, at = None, error.__traceback__
        while at is not None:
            name = str(at.tb_frame.f_globals.get("__name__", ""))
            found = next((x for p, x in places if name == p or name.startswith(p + ".")), found)
            at = at.tb_next
        return found

    def info(self, x: Loaded) -> dict[str, Any]:
        """What the core extensions of an extension say about themselves (``build_info``)."""
        out: dict[str, Any] = {}
        for core in x.core:
            ask = getattr(self.plugins.get_plugin(core), "build_info", None)
            try:
                out.update((ask() if ask is not None else None) or {})
            except Exception as e:
                x.warn(f"Core extension '{core}' failed in build_info: {said(e)}")
        return out

    def load(self, item: Any) -> Any:
        """What an item's ``target`` leads to, imported on first use.

        Raises
        ------
        ExtensionError
            It cannot be imported; the text names the extension, the target and the reason.
        """
        try:
            return resolve(item.target)
        except Exception as e:
            x = self.provider(item)
            kind = KINDS[type(item)].word
            text = f"The {kind} '{item_name(item)}' of extension {x.origin if x else '?'} cannot be used: {item.target}: {said(e)}"
            if x is not None:
                x.warn(text)
            raise ExtensionError(f"{text} Update the package, or keep it out with --no-ext.", extension=x.name if x else "") from e

    def require(self, name: str) -> Loaded:
        """The active extension ``name``.

        Raises
        ------
        ExtensionError
            It is not installed, or not active; the text says why and what to do.
        """
        found = [x for x in self.loaded if x.name == name]
        if not found:
            installed = ", ".join(x.name for x in self.loaded) or "none"
            raise ExtensionError(
                f"Extension '{name}' is not installed. {how_to_get(name, [x.name for x in self.loaded])} Installed: {installed}.",
                extension=name,
            )
        x = next((x for x in found if x.state == "active"), found[0])
        if x.state != "active":
            raise ExtensionError(f"Extension '{name}' ({x.distribution} {x.version}) is {x.state}: {x.reason}", extension=name)
        return x

    def active(self) -> list[Extension]:
        """Active extensions in order of (priority, name)."""
        return [x.extension for x in self.loaded if x.state == "active" and x.extension is not None]

    def provided(self, kind: type[P]) -> list[P]:
        """Everything of one kind that active extensions provide, in their order."""
        return [p for e in self.active() for p in e.provides if isinstance(p, kind)]

    def core_names(self) -> list[str]:
        """Core extensions that are on."""
        return [c for x in self.loaded if x.state == "active" for c in x.core]

    def algos(self) -> dict[str, Algo]:
        """Algorithms by name."""
        return {a.name: a for a in self.provided(Algo)}

    def why_no_algo(self, name: str) -> str:
        """Why no algorithm ``name`` is active and what to do about it; empty when nobody knows the name."""
        for x in self.loaded:
            declared = x.extension is not None and any(isinstance(p, Algo) and p.name == name for p in x.extension.provides)
            if x.state != "active" and (declared or x.name == name):
                return f"Extension '{x.name}' ({x.distribution} {x.version}) is {x.state}: {x.reason}"
        if name in OPTIONAL:
            return f"It is not installed. {how_to_get(name, ())}"
        return not_built("algorithm", name) or nearest(name, self.algos())

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
        """All groups of routes whose needs are met."""
        names = {x.name for x in self.loaded if x.state == "active"}
        cores = set(self.core_names())
        return [r for r in self.provided(Routes) if all(is_met(n, names, cores) for n in r.requires)]

    def commands(self) -> list[Command]:
        """Sub-commands of ``h2ok``."""
        return self.provided(Command)

    def named(self, kind: type[P], name: str) -> Any:
        """What the item of a kind and name leads to.

        Raises
        ------
        ExtensionError
            No active extension provides it, or it cannot be imported.
        """
        items: list[Any] = self.provided(kind)
        for item in items:
            if item.name == name:
                return self.load(item)
        word = KINDS[kind].word  # type: ignore[index]
        known = ", ".join(i.name for i in items) or "none"
        near = nearest(name, [i.name for i in items]) or "Install the package that brings it; see `h2ok ext list`."
        raise ExtensionError(f"There is no {word} '{name}'. {near} Known: {known}.")

    def has_service(self, name: str) -> bool:
        """Whether some active extension provides the service."""
        return any(s.name == name for s in self.provided(Service))

    def service_class(self, name: str) -> type[Any]:
        """The class of a named service.

        Raises
        ------
        LookupError
            No active extension provides it.
        """
        for s in self.provided(Service):
            if s.name == name:
                cls: type[Any] = self.load(s)
                return cls
        raise LookupError(f"No active extension provides the service '{name}'. See `h2ok ext list`.")

    def versions(self) -> list[str]:
        """``name==version`` of the active extensions, sorted: what all nodes of a cloud must agree on."""
        return sorted(f"{x.name}=={x.version}" for x in self.loaded if x.state == "active")

    def set_hash(self) -> str:
        """A short hash of ``versions``."""
        return hashlib.blake2b("\n".join(self.versions()).encode(), digest_size=8).hexdigest()


def said(error: BaseException) -> str:
    """An error in a line, with its class where the text alone does not tell enough."""
    text = str(error).strip()
    out = (
        text
        if isinstance(error, H2OKError | pluggy.PluginValidationError) and text
        else f"{type(error).__name__}: {text}".rstrip(": ")
    )
    return out if out.endswith((".", "!", "?")) else out + "."


def packages(extension: Extension) -> set[str]:
    """Packages, or single modules, that hold the code of an extension."""
    targets = [p.target for p in extension.provides if isinstance(p.target, str)]
    modules = [t.partition(":")[0] for t in targets] + list(extension.modules)
    return {m.rpartition(".")[0] or m for m in modules}


def is_met(need: str, extensions: set[str], cores: set[str]) -> bool:
    """Whether a need, an extension or ``core:`` and a core extension, is among the active ones."""
    return need[5:] in cores if need.startswith("core:") else need in extensions

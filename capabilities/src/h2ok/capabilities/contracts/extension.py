"""Extension: what a distribution declares under the entry-point group ``h2ok.extensions``.

Everything provided is named by a ``"module:attribute"`` string and imported on first use, so that declaring is cheap: the module
of the entry point must import nothing but this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "API_VERSION",
    "Algo",
    "Command",
    "CoreExtension",
    "Extension",
    "Parser",
    "Persist",
    "Primitives",
    "Provided",
    "Routes",
    "Service",
    "UnavailableError",
]

#: Version of the contracts in this package. Extensions declare the range they were written for.
API_VERSION = "1.0"


class UnavailableError(ImportError):
    """Raised by ``init`` of a core extension that cannot work on this machine (a library or device is missing).

    The extension is then disabled, which is no failure; the text says what is missing and how to get it.
    """


@dataclass(frozen=True, slots=True)
class Routes:
    """REST routes: ``target`` names a list of Route. ``name`` is what ``/3/Capabilities/API`` reports (a shared name once)."""

    name: str
    target: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Algo:
    """A model builder: ``name`` is the algorithm in URLs, ``target`` the builder class (see ``h2ok.ext.models``)."""

    name: str
    target: str
    full_name: str = ""
    visibility: Literal["Stable", "Beta", "Experimental"] = "Stable"


@dataclass(frozen=True, slots=True)
class Parser:
    """A file format; asked in order of ``priority``, lowest first (H2O: 10000 and above for non-core formats)."""

    name: str
    target: str
    priority: int = 20_000


@dataclass(frozen=True, slots=True)
class Persist:
    """A storage backend for URI ``schemes`` (without ``://``; the empty scheme is a plain path)."""

    name: str
    target: str
    schemes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Primitives:
    """Rapids primitives: ``target`` names a list of Primitive; ``names`` lists them so that the module is imported on first use."""

    target: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CoreExtension:
    """A life-cycle plugin: ``target`` names a class with pluggy hook implementations (see ``hookspecs``)."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Command:
    """A sub-command of ``h2ok``: ``target`` names a class with ``configure(parser)`` and ``run(args) -> int``."""

    name: str
    target: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """An object made once for each node on first use, found by name through ``Runtime.service_named``."""

    name: str
    target: str


Provided = Routes | Algo | Parser | Persist | Primitives | CoreExtension | Command | Service


@dataclass(frozen=True, slots=True)
class Extension:
    """The declaration of one extension.

    Parameters
    ----------
    name : unique; what ``--ext`` and ``--no-ext`` take.
    api : range of API versions, as in packaging specifiers.
    requires : names of extensions that must be active; ``core:NAME`` for a core extension that must be enabled.
    priority : extensions are set up in order of (priority, name).
    """

    name: str
    provides: tuple[Provided, ...] = ()
    api: str = ">=1.0,<2"
    requires: tuple[str, ...] = ()
    priority: int = 100
    help: str = ""
    #: Modules with wire types that no target imports; see ``h2ok.capabilities.wiretypes``.
    modules: tuple[str, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)

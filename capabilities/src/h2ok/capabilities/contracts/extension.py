"""Extension: what a distribution declares under the entry-point group ``h2ok.extensions``.

Everything provided is named by a ``"module:attribute"`` string and imported on first use, so that declaring is cheap: the module
of the entry point must import nothing but this one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "API_VERSION",
    "KINDS",
    "Algo",
    "Auth",
    "Codec",
    "Command",
    "CoreExtension",
    "Discovery",
    "Exporter",
    "Extension",
    "Kind",
    "Launcher",
    "Listener",
    "ModelingSteps",
    "Parser",
    "Persist",
    "Primitives",
    "Provided",
    "Routes",
    "Service",
    "UnavailableError",
]

#: Version of the contracts in this package. Extensions declare the range they were written for.
#: 1.1 added Auth, Codec, Discovery, Exporter, Launcher, Listener and ModelingSteps; 1.2 ``watch`` and ``close`` of Discovery;
#: 1.3 has a Launcher start all nodes, tell their states and replace them.
API_VERSION = "1.3"


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


@dataclass(frozen=True, slots=True)
class Auth:
    """Who may ask: ``target`` names an Authenticator. Since API 1.1."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Codec:
    """A compressed form of chunks: ``target`` names an OfferedCodec. Since API 1.1."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """Where the other nodes are (``h2ok start --discovery NAME``): ``target`` names a Discovery contract class. Since API 1.1."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Launcher:
    """Runs the nodes of ``h2ok start --nodes N --launcher NAME``: ``target`` names a Launcher class. Since API 1.1."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Exporter:
    """A file format frames are written in; ``name`` is what clients give as ``format``. Since API 1.1."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Listener:
    """Told what happens on a node: ``target`` names an EventListener. Since API 1.1."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class ModelingSteps:
    """What an algorithm takes part in AutoML with: ``target`` names a list of ModelingStep. Since API 1.1."""

    name: str
    target: str


Provided = (
    Routes
    | Algo
    | Parser
    | Persist
    | Primitives
    | CoreExtension
    | Command
    | Service
    | Auth
    | Codec
    | Discovery
    | Launcher
    | Exporter
    | Listener
    | ModelingSteps
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing an extension provides.

    Parameters
    ----------
    word : its name in reports; ``page`` its page below docs/extending.
    contract : what ``target`` leads to, as ``"module:attribute"``.
    conformance : the class of ``h2ok.capabilities.testing`` a test inherits.
    since : API version that brought it.
    unique : whether a name may be provided once only.
    """

    word: str
    page: str
    contract: str
    conformance: str
    since: str = "1.0"
    unique: bool = True


_C = "h2ok.capabilities.contracts."
#: Every kind with its contract, its conformance class and its page.
KINDS: dict[type[Provided], Kind] = {
    Algo: Kind("algorithm", "algorithm", "h2ok.ext.models:Algorithm", "AlgorithmContract"),
    Auth: Kind("auth", "auth", _C + "auth:Authenticator", "AuthContract", "1.1"),
    Codec: Kind("codec", "codec", _C + "codec:OfferedCodec", "CodecContract", "1.1"),
    Command: Kind("command", "command", _C + "command:CommandLine", "CommandContract"),
    CoreExtension: Kind("core", "core", "h2ok.capabilities.hookspecs:HookSpecs", "CoreContract"),
    Discovery: Kind("discovery", "discovery", _C + "discovery:Discovery", "DiscoveryContract", "1.1"),
    Exporter: Kind("exporter", "exporter", _C + "exporter:Exporter", "ExporterContract", "1.1"),
    Launcher: Kind("launcher", "launcher", _C + "launcher:Launcher", "LauncherContract", "1.1"),
    Listener: Kind("listener", "listener", _C + "listener:EventListener", "ListenerContract", "1.1"),
    ModelingSteps: Kind("steps", "automl", _C + "steps:ModelingStep", "StepsContract", "1.1"),
    Parser: Kind("parser", "parser", _C + "parser:Parser", "ParserContract"),
    Persist: Kind("persist", "persist", _C + "persist:Persist", "PersistContract"),
    Primitives: Kind("primitives", "primitive", _C + "primitive:Primitive", "PrimitiveContract"),
    Routes: Kind("routes", "routes", _C + "routes:Route", "RouteContract", unique=False),
    Service: Kind("service", "service", "builtins:object", "ServiceContract"),
}


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

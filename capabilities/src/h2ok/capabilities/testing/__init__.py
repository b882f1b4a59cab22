"""h2ok.capabilities.testing: what authors of extensions test with (a pytest plugin, loaded with the distribution).

Fixtures: ``runtime`` (one node in this process with all installed extensions), ``client`` (REST without a socket), ``cloud3`` (the
runtimes of three nodes in this process). Mark a test with
``@pytest.mark.extensions("rest", "models")`` to load those only, ``@pytest.mark.extensions(extra=[EXTENSION])`` to add one that is
not installed.

Conformance: one class for each kind of thing that an extension provides. Inherit it, say what yours is called and how it looks, and
run pytest; our own parts inherit the same classes::

    class TestKnn(AlgorithmContract):
        extension, algo = extension, "knn"
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from h2ok.capabilities.testing.algorithm import AlgorithmContract
    from h2ok.capabilities.testing.auth import AuthContract
    from h2ok.capabilities.testing.client import Answer, Client
    from h2ok.capabilities.testing.cloud import DiscoveryContract, LauncherContract
    from h2ok.capabilities.testing.codec import CodecContract
    from h2ok.capabilities.testing.contract import Contract
    from h2ok.capabilities.testing.exporter import ExporterContract
    from h2ok.capabilities.testing.lifecycle import CommandContract, CoreContract, ListenerContract, ServiceContract
    from h2ok.capabilities.testing.local import local_runtime, local_runtimes
    from h2ok.capabilities.testing.mojo import MojoFile
    from h2ok.capabilities.testing.parser import ParserContract
    from h2ok.capabilities.testing.persist import PersistContract
    from h2ok.capabilities.testing.primitive import PrimitiveContract
    from h2ok.capabilities.testing.routes import RouteContract
    from h2ok.capabilities.testing.server import ServerProcess
    from h2ok.capabilities.testing.steps import StepsContract

_HOMES = {
    "AlgorithmContract": "algorithm",
    "Answer": "client",
    "AuthContract": "auth",
    "Client": "client",
    "CodecContract": "codec",
    "CommandContract": "lifecycle",
    "Contract": "contract",
    "CoreContract": "lifecycle",
    "DiscoveryContract": "cloud",
    "ExporterContract": "exporter",
    "LauncherContract": "cloud",
    "ListenerContract": "lifecycle",
    "MojoFile": "mojo",
    "ParserContract": "parser",
    "PersistContract": "persist",
    "PrimitiveContract": "primitive",
    "RouteContract": "routes",
    "ServerProcess": "server",
    "ServiceContract": "lifecycle",
    "StepsContract": "steps",
    "local_runtime": "local",
    "local_runtimes": "local",
}

__all__ = [
    "AlgorithmContract",
    "Answer",
    "AuthContract",
    "Client",
    "CodecContract",
    "CommandContract",
    "Contract",
    "CoreContract",
    "DiscoveryContract",
    "ExporterContract",
    "LauncherContract",
    "ListenerContract",
    "MojoFile",
    "ParserContract",
    "PersistContract",
    "PrimitiveContract",
    "RouteContract",
    "ServerProcess",
    "ServiceContract",
    "StepsContract",
    "local_runtime",
    "local_runtimes",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'h2ok.capabilities.testing' has no attribute '{name}'")
    return getattr(import_module(f"h2ok.capabilities.testing.{home}"), name)

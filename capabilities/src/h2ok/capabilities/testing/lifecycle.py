"""CoreContract, ListenerContract, ServiceContract and CommandContract: what lives with a node or a command line."""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from h2ok.capabilities.contracts.command import CommandLine
from h2ok.capabilities.contracts.extension import Command, CoreExtension, Listener, Service
from h2ok.capabilities.contracts.listener import EVENTS, EventListener
from h2ok.capabilities.hookspecs import HookSpecs
from h2ok.capabilities.testing.client import Client
from h2ok.capabilities.testing.contract import Contract
from h2ok.capabilities.testing.local import local_runtime

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["CommandContract", "CoreContract", "ListenerContract", "ServiceContract"]


class CoreContract(Contract):
    """Inherit, and name ``core``.

    Attributes
    ----------
    init_seconds : how long ``init`` may take; every boot pays it.
    """

    core: ClassVar[str]
    init_seconds: ClassVar[float] = 0.2

    def test_it_is_on_and_listed(self, runtime: Runtime, client: Client) -> None:
        """As H2O's clients read it."""
        self.provided(CoreExtension, self.core)
        assert self.core in {c["name"] for c in client.get("/3/Capabilities/Core")["capabilities"]}

    def test_its_hooks_are_hooks(self, runtime: Runtime) -> None:
        """All that is marked is known."""
        plugin = runtime.registry.plugins.get_plugin(self.core)
        marked = [n for n in dir(plugin) if hasattr(getattr(plugin, n), "h2ok_impl")]
        assert marked
        assert set(marked) <= {n for n in dir(HookSpecs) if not n.startswith("_")}

    def test_init_is_quick(self) -> None:
        """Heavy libraries are looked for, not imported."""
        with local_runtime(extra=[self.extension]):
            pass
        started = time.perf_counter()
        with local_runtime(only=(), extra=[self.extension]) as runtime:
            took = time.perf_counter() - started
            assert runtime.registry.loaded[0].state in ("active", "blocked")
        assert took < self.init_seconds + 0.5

    def test_it_can_be_switched_off(self) -> None:
        """By H2O's toggle: the server runs without it."""
        from h2ok.capabilities.registry import Registry

        registry = Registry.discover(extra=[self.extension], toggles={self.core.lower(): False})
        assert self.core not in registry.core_names()

    def test_it_ends_with_the_node(self) -> None:
        """No thread of its own outlives it."""
        before = set(threading.enumerate())
        with local_runtime(extra=[self.extension]):
            pass
        left = [t for t in threading.enumerate() if t not in before and t.is_alive()]
        for t in left:
            t.join(5)
        assert not [t.name for t in left if t.is_alive()]


class ListenerContract(Contract):
    """Inherit, name ``listener``, and implement ``heard``: what it made of the events."""

    listener: ClassVar[str]

    def heard(self, listener: Any) -> Sequence[str]:
        """Names of the events the listener was told, in order."""
        raise TypeError(f"{type(self).__name__} defines no heard(listener).")

    def made(self, runtime: Runtime) -> Any:
        """The node's listener."""
        return runtime.service(runtime.registry.load(self.provided(Listener, self.listener)))

    def test_it_hears_of_the_node(self, runtime: Runtime) -> None:
        """From the start on."""
        listener = self.made(runtime)
        assert isinstance(listener, EventListener)
        assert "node_started" in self.heard(listener)

    def test_it_takes_events_it_does_not_know(self, runtime: Runtime) -> None:
        """Later versions and other extensions report more."""
        listener = self.made(runtime)
        for event in (*EVENTS, "something.new"):
            listener.report(event, {})


class ServiceContract(Contract):
    """Inherit, and name ``service``."""

    service: ClassVar[str]

    def test_there_is_one_a_node(self, runtime: Runtime) -> None:
        """Made on first use, then the same; its module is not imported before."""
        self.provided(Service, self.service)
        assert runtime.service_named(self.service) is runtime.service_named(self.service)

    def test_nodes_do_not_share_it(self, cloud3: list[Runtime]) -> None:
        """Nothing is global."""
        assert len({id(r.service_named(self.service)) for r in cloud3}) == 3


class CommandContract(Contract):
    """Inherit, name ``command``, and give arguments that work without a server.

    Attributes
    ----------
    arguments : of a run that ends with status 0, printing ``prints``. refused : of runs that must not.
    """

    command: ClassVar[str]
    arguments: ClassVar[Sequence[str] | None] = None
    prints: ClassVar[str] = ""
    refused: ClassVar[Sequence[Sequence[str]]] = ()

    def made(self) -> Any:
        """The command and its parser."""
        from h2ok.capabilities.registry import resolve

        command = resolve(self.provided(Command, self.command).target)()
        assert isinstance(command, CommandLine)
        parser = argparse.ArgumentParser(f"h2ok {self.command}")
        command.configure(parser)
        return command, parser

    def test_it_explains_itself(self, capsys: pytest.CaptureFixture[str]) -> None:
        """``--help`` works, and the list of commands says what it is for."""
        assert self.provided(Command, self.command).help
        _, parser = self.made()
        with pytest.raises(SystemExit) as ended:
            parser.parse_args(["--help"])
        assert ended.value.code == 0
        assert "usage" in capsys.readouterr().out

    def test_it_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Status 0 and what was promised on standard output."""
        if self.arguments is None:
            pytest.skip("give arguments of a run")
        command, parser = self.made()
        assert int(command.run(parser.parse_args(list(self.arguments))) or 0) == 0
        assert self.prints in capsys.readouterr().out

    def test_what_makes_no_sense_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        """With a status other than 0 or an error in words."""
        from h2ok.kernel import H2OKError

        for arguments in self.refused:
            command, parser = self.made()
            try:
                status = command.run(parser.parse_args(list(arguments)))
            except (H2OKError, SystemExit) as e:
                status = getattr(e, "code", 1)
            assert status
            capsys.readouterr()

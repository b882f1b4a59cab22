"""DiscoveryContract and LauncherContract: what the start of a cloud relies on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from h2ok.capabilities.contracts.extension import Discovery, Launcher
from h2ok.capabilities.contracts.launcher import LaunchPlan, NodeState
from h2ok.capabilities.registry import resolve
from h2ok.capabilities.testing.contract import Contract
from h2ok.kernel import H2OKError

__all__ = ["DiscoveryContract", "LauncherContract"]

_ADDRESS = re.compile(r"^(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+)(:\d{1,5})?$")


class DiscoveryContract(Contract):
    """Inherit, name ``discovery``, and give arguments with what they lead to.

    Attributes
    ----------
    discovery : the item's name. refused : arguments that must end the start in words.
    """

    discovery: ClassVar[str]
    refused: ClassVar[Sequence[str]] = ()

    def cases(self, folder: Path) -> Mapping[str, Sequence[str]]:
        """Argument -> addresses. Files may be made in ``folder``."""
        raise TypeError(f"{type(self).__name__} defines no cases(folder).")

    def made(self, argument: str) -> Any:
        """The implementation."""
        return resolve(self.provided(Discovery, self.discovery).target)(argument)

    def test_addresses_are_found_again_and_again(self, tmp_path: Path) -> None:
        """``resolve`` has no memory that would hide a node that comes later."""
        for argument, wanted in self.cases(tmp_path).items():
            discovery = self.made(argument)
            for _ in range(2):
                found = discovery.resolve()
                assert list(found) == list(wanted)
                assert all(_ADDRESS.match(a) for a in found)

    def test_what_cannot_be_read_is_told_in_words(self) -> None:
        """An H2OKError, which ends the start without a traceback."""
        for argument in self.refused:
            with pytest.raises(H2OKError) as told:
                self.made(argument).resolve()
            assert len(told.value.message.split()) > 5


class LauncherContract(Contract):
    """Inherit, and name ``launcher``. Real nodes are started by a test of your own (``ServerProcess`` with ``--launcher``)."""

    launcher: ClassVar[str]

    def plan(self, folder: Path, n_nodes: int = 3) -> LaunchPlan:
        """What to launch."""
        return LaunchPlan(n_nodes, "contract", "127.0.0.1", 54321, folder, ("--nthreads", "1"))

    def made(self, folder: Path) -> Any:
        """The implementation."""
        return resolve(self.provided(Launcher, self.launcher).target)(self.plan(folder))

    def test_addresses_are_known_before_the_start(self, tmp_path: Path) -> None:
        """One a node, that of the plan first, all different."""
        launcher = self.made(tmp_path)
        try:
            found = list(launcher.addresses)
            assert len(set(found)) == 3
            assert found[0] == "127.0.0.1:54321"
            assert all(_ADDRESS.match(a) for a in found)
        finally:
            launcher.close()

    def test_states_are_of_its_nodes_alone(self, tmp_path: Path) -> None:
        """Also before the start, when there may be none."""
        launcher = self.made(tmp_path)
        try:
            states = launcher.states()
            assert set(states) <= set(launcher.addresses)
            assert not [s for s in states.values() if not isinstance(s, NodeState)]
        finally:
            launcher.close()

    def test_it_closes_whatever_happened_before(self, tmp_path: Path) -> None:
        """Without a start, and twice; nothing is left."""
        launcher = self.made(tmp_path)
        launcher.ask_to_end()
        launcher.close()
        launcher.close()
        assert not list(tmp_path.iterdir())

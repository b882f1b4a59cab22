"""Contract: what every conformance class shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from h2ok.capabilities.contracts.extension import Extension
from h2ok.capabilities.declaration import declaration_faults, item_name
from h2ok.capabilities.testing.client import Client
from h2ok.capabilities.testing.local import local_runtime, local_runtimes

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime

__all__ = ["Contract"]


class Contract:
    """Base of the conformance classes.

    Attributes
    ----------
    extension : the extension under test; it need not be installed, and replaces an installed one of its name.
    expected_failures : names of checks that cannot hold, each with the reason. A check that starts to hold fails the run.
    """

    extension: ClassVar[Extension]
    expected_failures: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture(autouse=True)
    def _known_exceptions(self, request: pytest.FixtureRequest) -> None:
        reason = self.expected_failures.get(getattr(request.node, "originalname", None) or request.node.name)
        if reason is not None:
            request.node.add_marker(pytest.mark.xfail(reason=reason, strict=True))

    @pytest.fixture
    def runtime(self) -> Iterator[Runtime]:
        """A node with all installed extensions and the one under test."""
        with local_runtime(extra=[self.extension]) as made:
            yield made

    @pytest.fixture
    def client(self, runtime: Runtime) -> Client:
        """REST requests to that node."""
        return Client.of(runtime)

    @pytest.fixture
    def cloud3(self) -> Iterator[list[Runtime]]:
        """Three nodes of one cloud in this process."""
        with local_runtimes(3, extra=[self.extension]) as made:
            yield made

    def provided(self, kind: type[Any], name: str) -> Any:
        """The item of that name in the declaration."""
        found = [p for p in self.extension.provides if isinstance(p, kind) and getattr(p, "name", name) == name]
        known = [item_name(p) for p in self.extension.provides if isinstance(p, kind)]
        assert found, f"Extension '{self.extension.name}' provides no {kind.__name__} '{name}', only {known}."
        return found[0]

    def test_the_declaration_is_sound_and_the_extension_active(self, runtime: Runtime) -> None:
        """Names, ranges and targets are well formed, and everything it needs is there."""
        assert not declaration_faults(self.extension)
        found = runtime.registry.require(self.extension.name)
        assert not found.warnings
        assert self.extension.help, "Say in a sentence what the extension brings: Extension(help=...)."

    def test_what_it_provides_can_be_imported(self, runtime: Runtime) -> None:
        """Every target leads somewhere."""
        for item in self.extension.provides:
            assert runtime.registry.load(item) is not None

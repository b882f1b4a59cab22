"""The pytest plugin of h2ok-capabilities: fixtures ``runtime`` and ``client``. Imports nothing heavy before a fixture is used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

# Contract classes live in modules of their own; their asserts should explain themselves like those of tests.
pytest.register_assert_rewrite(
    *(f"h2ok.capabilities.testing.{m}" for m in ("algorithm", "auth", "client", "cloud", "codec", "contract"))
)
pytest.register_assert_rewrite(
    *(f"h2ok.capabilities.testing.{m}" for m in ("exporter", "lifecycle", "parser", "persist", "primitive"))
)
pytest.register_assert_rewrite(*(f"h2ok.capabilities.testing.{m}" for m in ("routes", "steps")))

if TYPE_CHECKING:
    from h2ok.capabilities.runtime import Runtime
    from h2ok.capabilities.testing.client import Client


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", "extensions(*names, extra=()): load only these extensions (none: all installed), and extra ones, into `runtime`"
    )


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    mark = request.node.get_closest_marker("extensions")
    return {} if mark is None else {"only": mark.args or mark.kwargs.get("only"), "extra": mark.kwargs.get("extra", ())}


@pytest.fixture(scope="session", autouse=True)
def own_ice_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nodes that tests start without ``--ice-root``, in processes too, log and spill where pytest tidies up."""
    with pytest.MonkeyPatch.context() as patch:
        if "H2OK_ICE_ROOT" not in os.environ:
            patch.setenv("H2OK_ICE_ROOT", str(tmp_path_factory.mktemp("ice")))
        yield


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """One node in this process with all installed extensions, or those of the ``extensions`` mark."""
    from h2ok.capabilities.testing.local import local_runtime

    with local_runtime(**_options(request)) as made:
        yield made


@pytest.fixture
def cloud3(request: pytest.FixtureRequest) -> Iterator[list[Runtime]]:
    """Three nodes of one cloud in this process, with the extensions that ``runtime`` would have."""
    from h2ok.capabilities.testing.local import local_runtimes

    with local_runtimes(3, **_options(request)) as made:
        yield made


@pytest.fixture
def client(runtime: Runtime) -> Client:
    """REST requests to ``runtime`` without a socket."""
    from h2ok.capabilities.testing.client import Client

    return Client.of(runtime)

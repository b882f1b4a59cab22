"""The fixtures that authors of extensions get."""

from __future__ import annotations

import subprocess
import sys

import pytest
from h2ok.capabilities import Extension, Runtime
from h2ok.capabilities.contracts.extension import Routes
from h2ok.capabilities.contracts.routes import RequestContext, Route
from h2ok.capabilities.testing import Client


def _hello(context: RequestContext, request: object) -> dict[str, object]:
    return {"hello": context.params["name"]}


HELLO = Extension("hello", provides=(Routes("Hello", [Route("GET", "/3/Hello/{name}", _hello)]),))  # type: ignore[arg-type]


@pytest.mark.extensions("rest", extra=[HELLO])
def test_client_reaches_an_extension_that_is_not_installed(client: Client, runtime: Runtime) -> None:
    assert client.get("/3/Hello/you") == {"hello": "you"}
    assert [x.name for x in runtime.registry.loaded] == ["rest", "hello"]


@pytest.mark.extensions(only=())
def test_discovery_may_be_refused(runtime: Runtime) -> None:
    assert runtime.registry.loaded == []
    with pytest.raises(LookupError, match=r"rest\.app"):
        Client.of(runtime)


def test_all_installed_extensions_are_the_default(runtime: Runtime) -> None:
    assert {"rest", "parsers"} <= {x.name for x in runtime.registry.loaded}


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    heavy = "('numba', 'pyarrow', 'falcon', 'gunicorn', 'zmq')"
    code = f"import sys, h2ok.capabilities.testing.plugin; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"

"""The fixtures that authors of extensions get."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from h2ok.capabilities import Extension, Runtime
from h2ok.capabilities.contracts.extension import Routes
from h2ok.capabilities.contracts.routes import RequestContext, Route
from h2ok.capabilities.testing import Client
from h2ok.capabilities.testing.server import free_ports


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


def test_nodes_that_tests_start_leave_nothing_where_real_ones_log(tmp_path: Path) -> None:
    """An author's test of a command, run with the plugin alone."""
    code = "from h2ok.capabilities.cli import main\n"
    code += "def test_it():\n    assert main(['start', '--port', '{}', '--discovery', 'nosuch']) == 1\n"
    (tmp_path / "test_author.py").write_text(code.format(free_ports(2)))
    shared = tmp_path / "shared"
    shared.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "H2OK"))} | {"TMPDIR": str(shared)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", "base", "test_author.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert not list(shared.iterdir())
    assert list((tmp_path / "base").rglob("h2o_*.log"))


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    heavy = "('numba', 'pyarrow', 'falcon', 'gunicorn', 'zmq')"
    code = f"import sys, h2ok.capabilities.testing.plugin; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"

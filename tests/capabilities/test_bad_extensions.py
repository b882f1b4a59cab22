# ruff: noqa: E501 - sources of modules as they are
"""Bad extensions: each boots beside a good server, and is reported with a reason that a stranger can act on."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from h2ok.capabilities.registry import Registry
from h2ok.capabilities.testing import Client, local_runtime

_HEAD = """
from h2ok.capabilities.contracts.extension import *
from h2ok.capabilities.contracts.extension import Extension
from h2ok.capabilities.contracts.routes import Route
from h2ok.capabilities.hookspecs import hookimpl
"""


@dataclass(frozen=True)
class Bad:
    """Source of a module ``bad_extension``; the state it ends in and words its report must hold, reason or warning."""

    source: str
    state: str
    words: tuple[str, ...]
    head: bool = True


BAD = {
    "an import that fails": Bad("import a_library_nobody_has", "failed", ("a_library_nobody_has", "Install", "--no-ext"), head=False),
    "an import that raises": Bad("raise RuntimeError('no licence')", "failed", ("no licence", "Update h2ok-bad"), head=False),
    "an import that exits": Bad("raise SystemExit(3)", "failed", ("SystemExit: 3",), head=False),
    "a syntax error": Bad("def broken(:", "failed", ("SyntaxError", "bad_extension.py"), head=False),
    "no Extension": Bad("extension = {'name': 'bad'}", "failed", ("is a dict", "an Extension was expected")),
    "another API version": Bad("extension = Extension('bad', api='>=2.0,<3')", "blocked", (">=2.0,<3", "API 1.", "pip install")),
    "an API range that is none": Bad("extension = Extension('bad', api='two')", "failed", ("api='two'", ">=1.0,<2")),
    "a name other than its entry point's": Bad("extension = Extension('good')", "failed", ("'bad'", "'good'", "one name")),
    "a text where a tuple belongs": Bad("extension = Extension('bad', requires='models')", "failed", ("requires=('models',)",)),
    "something that declares nothing": Bad("extension = Extension('bad', provides=(42,))", "failed", ("42", "Use one of Algo")),
    "a target that is none": Bad("extension = Extension('bad', (Algo('worse', 'no colon'),))", "failed", ("'module:attribute'",)),
    "a requirement that is missing": Bad(
        "extension = Extension('bad', requires=('quantum',))", "blocked", ("needs quantum", "none of h2ok's own")
    ),
    "an algorithm of that name": Bad(
        "extension = Extension('bad', (Algo('gbm', 'bad_extension:Mine'),))", "blocked", ("'gbm'", "'algos' (h2ok-algos", "--no-ext")
    ),
    "a storage scheme of that name": Bad(
        "extension = Extension('bad', (Persist('Mine', 'bad_extension:Mine', ('http',)),), priority=900)",
        "blocked",
        ("'http'", "persist_http"),
    ),
    "a misspelt hook": Bad(
        """
        class Core:
            @hookimpl
            def on_raedy(self): ...
        extension = Extension('bad', (CoreExtension('Bad', 'bad_extension:Core'),))
        """,
        "failed",
        ("on_raedy", "on_ready"),
    ),
    "a hook with an unknown argument": Bad(
        """
        class Core:
            @hookimpl
            def on_ready(self, adress): ...
        extension = Extension('bad', (CoreExtension('Bad', 'bad_extension:Core'),))
        """,
        "failed",
        ("adress", "on_ready"),
    ),
    "a core extension without its class": Bad(
        "extension = Extension('bad', (CoreExtension('Bad', 'bad_extension:Core'),))", "failed", ("has no attribute 'Core'",)
    ),
    "a slow import": Bad("import time; time.sleep(0.25)\nextension = Extension('bad')", "active", ("ms of the boot",)),
    "a heavy import": Bad("import scipy\nextension = Extension('bad')", "active", ("imports scipy",)),
    "an algorithm whose module is broken": Bad(
        "extension = Extension('bad', (Algo('worse', 'bad_extension:Nowhere'),), requires=('models',))", "active", ("Nowhere", "'worse'")
    ),
    "a parser whose module is broken": Bad(
        "extension = Extension('bad', (Parser('WORSE', 'bad_extension:Nowhere', 5),))", "active", ("Nowhere", "'WORSE'")
    ),
    "a parser that guesses nonsense": Bad(
        """
        class Nonsense:
            def __init__(self, runtime): ...
            def guess(self, sample, given, source): return 5
        extension = Extension('bad', (Parser('WORSE', 'bad_extension:Nonsense', 5),))
        """,
        "active",
        ("Parser 'WORSE' is passed over", "returned a int", "ParseSetup"),
    ),
    "routes that cannot be imported": Bad("extension = Extension('bad', (Routes('Bad', 'bad_extension:NOWHERE'),))", "active", ("NOWHERE",)),
    "a route of another's": Bad(
        """
        ROUTES = [Route('GET', '/3/Cloud', lambda c, r: {})]
        extension = Extension('bad', (Routes('Bad', 'bad_extension:ROUTES'),), priority=900)
        """,
        "active",
        ("/3/Cloud", "already provided"),
    ),
    **{
        f"an exception in {hook}": Bad(
            f"""
            class Core:
                @hookimpl
                def {hook}(self):
                    raise RuntimeError('the flux is negative')
            extension = Extension('bad', (CoreExtension('Bad', 'bad_extension:Core'),))
            """,
            state,
            ("the flux is negative", hook) if hook != "init" else ("the flux is negative",),
        )
        for hook, state in {"init": "failed", "on_node_started": "failed", "on_ready": "active", "build_info": "active"}.items()
    },
}  # fmt: skip


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Write a distribution h2ok-bad 1.0 with one entry point onto the path."""

    def run(source: str, *, head: bool = True) -> None:
        (tmp_path / "bad_extension.py").write_text((_HEAD if head else "") + textwrap.dedent(source) + "\n")
        info = tmp_path / "h2ok_bad-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: h2ok-bad\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[h2ok.extensions]\nbad = bad_extension:extension\n")
        monkeypatch.syspath_prepend(str(tmp_path))

    sys.modules.pop("bad_extension", None)
    heavy = {n: m for n, m in sys.modules.items() if n == "scipy" or n.startswith("scipy.")}
    for name in heavy:
        del sys.modules[name]
    yield run
    sys.modules.pop("bad_extension", None)
    sys.modules.update(heavy)


@pytest.mark.parametrize("kind", BAD)
def test_a_server_boots_beside(kind: str, install: Any) -> None:
    bad = BAD[kind]
    install(bad.source, head=bad.head)
    with local_runtime() as runtime:
        client = Client.of(runtime)
        assert client.get("/3/Cloud")["cloud_healthy"], "the routes of the others answer"
        assert "gbm" in client.get("/3/ModelBuilders")["model_builders"]
        assert not runtime.report("ready")
        raw = _upload(client)
        assert client.post("/3/ParseSetup", source_frames=[raw])["parse_type"] == "CSV", "the other parsers read"
        report = client.get("/3/Capabilities/Extensions")
        found = next(e for e in report["extensions"] if e["name"] == "bad")
        _hook_on_ready(runtime, found)
        report = client.get("/3/Capabilities/Extensions")
        found = next(e for e in report["extensions"] if e["name"] == "bad")
        text = " ".join([
            found["reason"] or "", *found["warnings"], *report["route_clashes"], *map(str, report["failed_routes"].items()),
        ])  # fmt: skip
        assert (found["state"], found["distribution"], found["version"]) == (bad.state, "h2ok-bad", "1.0"), text
        for word in bad.words:
            assert word in text
        others = {e["name"]: e["state"] for e in report["extensions"] if e["name"] != "bad"}
        assert {others[n] for n in ("rest", "models", "algos", "parsers", "rapids", "persist_http")} == {"active"}


def _upload(client: Client) -> str:
    answer = client.request(
        "POST", "/3/PostFile?destination_frame=raw", data=b"a,b\n1,2\n3,4\n", content_type="application/octet-stream"
    )
    return str(answer.json["destination_frame"])


def _hook_on_ready(runtime: Any, found: dict[str, Any]) -> None:
    """Run the hook as serving does; local runtimes open no port."""
    if found["state"] == "active" and runtime.registry.core_names():
        from h2ok.capabilities.boot import Composition

        Composition._each(_Served(runtime), "on_ready", runtime=runtime, url="")  # type: ignore[arg-type]


class _Served:
    """What Composition._each needs."""

    def __init__(self, runtime: Any) -> None:
        from h2ok.capabilities.boot import Composition

        self.runtime, self.registry = runtime, runtime.registry
        self._failed = Composition._failed.__get__(self)


def test_a_broken_algorithm_is_refused_with_its_reason(install: Any) -> None:
    install("extension = Extension('bad', (Algo('worse', 'bad_extension:Nowhere'),), requires=('models',))")
    with local_runtime() as runtime:
        answer = Client.of(runtime).request("POST", "/3/ModelBuilders/worse", data=b"training_frame=x")
        assert answer.status == 500
        assert "extension 'bad' (h2ok-bad 1.0)" in answer.json["msg"]
        assert "--no-ext" in answer.json["msg"]


_OPTIONS = """
class Core:
    @hookimpl
    def {hook}(self):
        {body}
extension = Extension('bad', (CoreExtension('Bad', 'bad_extension:Core'),))
"""


@pytest.mark.parametrize("hook", ["add_arguments", "validate_arguments"])
def test_failing_hooks_of_the_command_line_leave_the_start_alone(hook: str, install: Any) -> None:
    import argparse

    from h2ok.capabilities.commands.start import Start

    install(_OPTIONS.format(hook=hook, body="raise KeyError('ntrees')"))
    start = Start()
    start.prepare(["start"])
    start.configure(argparse.ArgumentParser())
    start._validate(argparse.Namespace())
    bad = next(x for x in start.registry.loaded if x.name == "bad")
    assert bad.state == "failed"
    assert f"failed in {hook}: KeyError: 'ntrees'" in bad.reason


def test_a_failing_end_leaves_the_others_their_end(install: Any) -> None:
    from h2ok.capabilities.boot import Composition

    install(_OPTIONS.format(hook="on_stop", body="raise RuntimeError('the flux is negative')"))
    with local_runtime() as runtime:
        Composition._each(_Served(runtime), "on_stop", runtime=runtime)  # type: ignore[arg-type]
        bad = next(x for x in runtime.registry.loaded if x.name == "bad")
        assert bad.state == "active"
        assert any("failed in on_stop: the flux is negative" in w for w in bad.warnings)


def test_a_failing_authenticator_lets_nobody_in_and_says_which_one_it_is(install: Any) -> None:
    install(_OPTIONS.format(hook="authenticate", body="raise RuntimeError('the flux is negative')"))
    with local_runtime() as runtime:
        answer = Client.of(runtime).request("GET", "/3/Cloud")
        assert answer.status == 500
        assert "the flux is negative" in answer.json["msg"]
        assert "extension 'bad' (h2ok-bad 1.0)" in answer.json["msg"]
        assert "--no-ext" in answer.json["msg"]


def test_a_failing_handler_and_a_failing_primitive_are_told_with_their_extension(install: Any) -> None:
    install(
        """
        from h2ok.capabilities.contracts.primitive import Primitive

        def broken(*_):
            return {}["flux"]

        ROUTES = [Route("GET", "/3/Broken", broken, summary="Fails.")]
        PRIMITIVES = [Primitive("broken", broken, 1, ("x",), "Fails.")]
        provides = (Routes("Bad", "bad_extension:ROUTES"), Primitives("bad_extension:PRIMITIVES", ("broken",)))
        extension = Extension("bad", provides, requires=("rapids",))
        """
    )
    with local_runtime() as runtime:
        client = Client.of(runtime)
        for told in (client.get("/3/Broken", expect=500), client.post("/99/Rapids", ast="(broken 1)", expect=500)):
            assert "in extension 'bad' (h2ok-bad 1.0) (KeyError: 'flux')" in told["msg"]


def test_an_extension_wanted_by_name_that_fails_ends_the_start(install: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from h2ok.capabilities.cli import main

    install(_OPTIONS.format(hook="add_arguments", body="raise KeyError('ntrees')"))
    assert main(["start", "--ext", "bad"]) == 1
    assert "wanted by --ext" in capsys.readouterr().err


def test_options_an_extension_refuses_end_the_start_with_its_text(install: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from h2ok.capabilities.cli import main

    install(_OPTIONS.format(hook="validate_arguments", body="raise ValueError('--warp must be below 10')"))
    assert main(["start"]) == 1
    assert "--warp must be below 10" in capsys.readouterr().err


def test_ext_list_shows_reasons_and_warnings(install: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from h2ok.capabilities.cli import main

    install("import a_library_nobody_has", head=False)
    assert main(["ext", "list"]) == 0
    assert "bad is failed: ModuleNotFoundError" in capsys.readouterr().out


def test_an_extension_that_is_given_replaces_an_installed_one() -> None:
    from h2ok.ext.demo.extension import extension

    found = [x for x in Registry.discover(extra=[extension]).loaded if x.name == "demo"]
    assert [x.distribution for x in found] == ["(given)"]

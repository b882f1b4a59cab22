"""Discovery, states, isolation and order of extensions."""

from __future__ import annotations

import sys
from typing import Any

import importlib_metadata
import pytest
from h2ok.capabilities import Extension, Registry
from h2ok.capabilities.contracts.extension import (
    Algo,
    Command,
    CoreExtension,
    Parser,
    Persist,
    Primitives,
    Routes,
    Service,
    UnavailableError,
)
from h2ok.capabilities.hookspecs import HookSpecs, hookimpl
from h2ok.capabilities.registry import ExtensionError, Loaded, resolve, toggles_from
from h2ok.capabilities.report import extension_report


class Quiet:
    """A core extension that implements every hook and notes its calls."""

    calls: list[str] = []

    @hookimpl
    def init(self) -> None:
        self.calls.append("init")

    @hookimpl
    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--quiet-thing")

    @hookimpl
    def validate_arguments(self, args: Any) -> None:
        self.calls.append("validate_arguments")

    @hookimpl
    def on_node_started(self, runtime: Any) -> None:
        self.calls.append("on_node_started")

    @hookimpl
    def authenticate(self, runtime: Any, request: Any) -> str | None:
        return "somebody"

    @hookimpl
    def on_ready(self, url: str) -> None:
        self.calls.append("on_ready")

    @hookimpl
    def on_stop(self, runtime: Any) -> None:
        self.calls.append("on_stop")

    @hookimpl
    def build_info(self) -> dict[str, Any]:
        return {"quiet": 1}


class Misspelt:
    @hookimpl
    def on_raedy(self) -> None:
        """No such hook."""


class WrongArgument:
    @hookimpl
    def on_ready(self, nosuch: str) -> None:
        """No such argument."""


class FailsInInit:
    @hookimpl
    def init(self) -> None:
        raise OSError("no such device")


class FailsWhenStarted:
    @hookimpl
    def on_node_started(self, runtime: Any) -> None:
        raise RuntimeError("cannot")


def _core(name: str, cls: type, **kwargs: Any) -> Extension:
    return Extension(name, provides=(CoreExtension(name.upper(), cls),), **kwargs)  # type: ignore[arg-type]


def _of(*extensions: Extension, toggles: dict[str, bool] | None = None) -> Registry:
    return Registry.discover(only=(), extra=extensions, toggles=toggles)


def _states(registry: Registry) -> dict[str, str]:
    return {x.name: x.state for x in registry.loaded}


def test_every_installed_extension_is_active_and_import_of_declarations_is_light() -> None:
    registry = Registry.discover()
    assert "rest" in _states(registry)
    assert {x.reason for x in registry.loaded if x.state != "active"} == set()


def test_order_is_priority_then_name_whatever_the_order_of_installation() -> None:
    a, b, c = Extension("a", priority=50), Extension("b", priority=50), Extension("c", priority=1)
    assert [e.name for e in _of(b, a, c).active()] == [e.name for e in _of(c, a, b).active()] == ["c", "a", "b"]


@pytest.mark.parametrize("cls", [Misspelt, WrongArgument, FailsInInit])
def test_a_broken_core_extension_fails_alone(cls: type) -> None:
    registry = _of(_core("bad", cls), _core("good", Quiet))
    assert _states(registry) == {"bad": "failed", "good": "active"}
    bad = next(x for x in registry.loaded if x.name == "bad")
    assert "BAD" in bad.reason
    assert bad.traceback
    assert registry.core_names() == ["GOOD"]


def test_misspelt_hook_lists_the_hooks() -> None:
    reason = _of(_core("bad", Misspelt)).loaded[0].reason
    assert "on_raedy" in reason
    assert "on_ready" in reason


def test_api_range_is_checked() -> None:
    registry = _of(Extension("old", api="<1.0"), Extension("strange", api="abc"), Extension("good", api=">=1.0,<2"))
    assert _states(registry) == {"old": "blocked", "strange": "failed", "good": "active"}
    assert "API <1.0" in registry.loaded[1].reason


def test_requirements_block_transitively() -> None:
    registry = _of(
        Extension("a", requires=("b",)),
        Extension("b", requires=("core:GPU",)),
        Extension("c", requires=("core:D",)),
        _core("d", Quiet),
    )
    assert _states(registry) == {"a": "blocked", "b": "blocked", "c": "active", "d": "active"}
    assert "core:GPU" in next(x for x in registry.loaded if x.name == "b").reason


def test_duplicate_names_are_refused_naming_both_distributions() -> None:
    registry = Registry([
        Loaded("x", Extension("x"), "dist-one", "1.0", "active"),
        Loaded("x", Extension("x"), "dist-two", "2.0", "active"),
    ])  # fmt: skip
    registry.settle()
    assert [x.state for x in registry.loaded] == ["blocked", "blocked"]
    assert "dist-one 1.0" in registry.loaded[0].reason
    assert "dist-two 2.0" in registry.loaded[0].reason


def test_required_extension_that_is_missing_names_the_pip_command() -> None:
    with pytest.raises(ExtensionError, match=r'pip install "\.\[xgboost\]"'):
        Registry.discover(only=(), require=["xgboost"])


class Unavailable:
    @hookimpl
    def init(self) -> None:
        raise UnavailableError("libmagic is not installed. Install it: apt install libmagic")


def test_core_extension_that_cannot_work_here_is_disabled() -> None:
    core = CoreExtension("Magic", Unavailable)  # type: ignore[arg-type]
    registry = _of(Extension("magic", (core, Algo("wand", "nowhere:Wand")), requires=("core:Magic",)))
    assert _states(registry) == {"magic": "disabled"}
    assert "apt install libmagic" in registry.loaded[0].reason
    assert "apt install libmagic" in registry.why_no_algo("wand")
    with pytest.raises(ExtensionError, match="apt install libmagic"):
        registry.require("magic")


def test_required_extension_that_is_blocked_says_why() -> None:
    with pytest.raises(ExtensionError, match="needs nothere"):
        Registry.discover(only=(), extra=[Extension("x", requires=("nothere",))], require=["x"])


def test_excluded_by_option_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("H2OK_DISABLE_EXT", "rapids, ")
    states = _states(Registry.discover(exclude=["algos"]))
    assert (states["algos"], states["rapids"], states["rest"]) == ("disabled", "disabled", "active")


def test_h2os_toggles_switch_extensions_and_core_extensions() -> None:
    toggles = toggles_from({"sys.ai.h2o.ext.core.toggle.GOOD": "false", "ext.rest.toggle.Algos": "0", "other": "x"})
    assert toggles == {"good": False, "algos": False}
    assert _states(Registry.discover(toggles=toggles))["algos"] == "disabled"
    assert _of(_core("e", Quiet), toggles={"e": False}).core_names() == []


def test_broken_entry_point_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    points = importlib_metadata.EntryPoints([
        importlib_metadata.EntryPoint("gone", "no.such.module:extension", "h2ok.extensions"),
        importlib_metadata.EntryPoint("other", "os:sep", "h2ok.extensions"),
    ])  # fmt: skip
    monkeypatch.setattr(importlib_metadata, "entry_points", lambda group: points)
    registry = Registry.discover()
    assert _states(registry) == {"gone": "failed", "other": "failed", "hosts": "active"}
    by_name = {x.name: x for x in registry.loaded}
    assert "ModuleNotFoundError" in by_name["gone"].reason
    assert "an Extension was expected" in by_name["other"].reason


def test_lookups() -> None:
    registry = _of(
        Extension(
            "all",
            provides=(
                Algo("gbm", "m:C"),
                Parser("CSV", "m:C", 2),
                Parser("ARFF", "m:C", 1),
                Persist("s3", "m:C", ("s3", "s3a")),
                Primitives("m:P", ("+", "-")),
                Routes("R", "m:R"),
                Routes("Needs", "m:R", ("core:NOPE",)),
                Command("hello", "m:C"),
                Service("thing", "collections:OrderedDict"),
            ),
        )
    )
    assert list(registry.algos()) == ["gbm"]
    assert [p.name for p in registry.parsers()] == ["ARFF", "CSV"]
    assert registry.persist_for("s3a") is registry.persist_for("s3")
    assert registry.persist_for("gs") is None
    assert registry.primitives_for("-") is not None
    assert [r.name for r in registry.routes()] == ["R"]
    assert [c.name for c in registry.commands()] == ["hello"]
    assert registry.service_class("thing").__name__ == "OrderedDict"
    with pytest.raises(LookupError, match="nothing"):
        registry.service_class("nothing")


def test_set_hash_depends_on_names_and_versions_of_active_extensions_only() -> None:
    def registry(version: str, state: str = "active") -> Registry:
        return Registry([Loaded("x", Extension("x"), "d", version, state), Loaded("y", Extension("y"), "d", "1", "active")])  # type: ignore[arg-type]

    assert registry("1").set_hash() == registry("1").set_hash() != registry("2").set_hash()
    assert registry("1", "disabled").set_hash() == registry("2", "failed").set_hash()


def test_report_is_plain_json() -> None:
    import json

    report = json.loads(json.dumps(extension_report(Registry.discover())))
    by_name = {e["name"]: e for e in report["extensions"]}
    assert by_name["rest"]["state"] == "active"
    assert {"kind": "routes", "name": "Core V3"} in by_name["rest"]["provides"]


def test_every_hook_has_an_implementation_in_these_tests() -> None:
    hooks = {n for n in dir(HookSpecs) if not n.startswith("_")}
    assert hooks == {n for n in dir(Quiet) if not n.startswith("_") and n != "calls"}


def test_life_cycle_runs_the_hooks_in_order() -> None:
    from h2ok.capabilities.boot import Composition
    from h2ok.kernel import Node, NodeConfig

    Quiet.calls.clear()
    node = Node(NodeConfig(nthreads=1))
    node.start()
    composition = Composition(node, _of(_core("bad", FailsWhenStarted), _core("good", Quiet)))
    composition.start()
    assert composition.serve() == ""
    composition.close()
    composition.close()
    assert Quiet.calls == ["init", "on_node_started", "on_ready", "on_stop"]
    assert composition.runtime.hooks.authenticate(runtime=composition.runtime, request=None) == "somebody"
    assert composition.runtime.hooks.build_info() == [{"quiet": 1}]


def test_resolve() -> None:
    assert resolve("os.path:join").__name__ == "join"
    assert resolve(resolve) is resolve
    assert resolve("sys") is sys

"""Checking: does an extension keep its contracts? What ``h2ok ext check`` says about a package, installed or a folder."""

from __future__ import annotations

import inspect
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from h2ok.capabilities.contracts.extension import (
    KINDS,
    Algo,
    Codec,
    CoreExtension,
    Extension,
    ModelingSteps,
    Primitives,
    Routes,
    Service,
)
from h2ok.capabilities.declaration import declaration_faults, fits_api, item_name
from h2ok.capabilities.loading import SLOW_MS, Loaded, load_entry_point
from h2ok.capabilities.registry import GROUP, Registry, resolve
from h2ok.capabilities.trial import try_algorithm
from h2ok.kernel import IllegalArgumentError

__all__ = ["Finding", "check_extension", "find_extension"]

Level = Literal["error", "warning", "ok"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check."""

    level: Level
    text: str


def find_extension(what: str) -> list[Loaded]:
    """The extensions behind a name, or those that the project in a folder declares (it need not be installed).

    Raises
    ------
    IllegalArgumentError
        There is no such extension or project.
    """
    path = Path(what)
    if (path / "pyproject.toml").is_file():
        return [_load_from(path.resolve(), name, value) for name, value in _entry_points(path).items()]
    registry = Registry.discover()
    found = [x for x in registry.loaded if x.name == what]
    if not found and path.is_dir():
        raise IllegalArgumentError(f"'{what}' holds no pyproject.toml. Give the folder of a project, or the name of an extension.")
    if not found:
        known = ", ".join(x.name for x in registry.loaded)
        raise IllegalArgumentError(f"Extension '{what}' is not installed, and there is no such folder. Installed: {known}.")
    return found


def _entry_points(path: Path) -> dict[str, str]:
    project = tomllib.loads((path / "pyproject.toml").read_text()).get("project", {})
    found: dict[str, str] = project.get("entry-points", {}).get(GROUP, {})
    if not found:
        raise IllegalArgumentError(
            f"'{path / 'pyproject.toml'}' declares no extension. "
            f'Add [project.entry-points."{GROUP}"] with NAME = "module:extension".'
        )
    return found


@dataclass(frozen=True, slots=True)
class _Project:
    name: str
    version: str


class _ProjectEntryPoint:
    """An entry point of a project that is not installed."""

    def __init__(self, path: Path, name: str, value: str) -> None:
        project = tomllib.loads((path / "pyproject.toml").read_text())["project"]
        self.name, self.value = name, value
        self.dist = _Project(project.get("name", "?"), project.get("version", "?"))

    def load(self) -> Any:
        return resolve(self.value)


def _load_from(path: Path, name: str, value: str) -> Loaded:
    for folder in (path / "src", path):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    return load_entry_point(_ProjectEntryPoint(path, name, value), set(), {})


def check_extension(x: Loaded, path: Path | None = None) -> Iterator[Finding]:
    """Everything that can be found out without knowing what the extension is for. Errors mean that users would meet them."""
    if x.extension is None:
        yield Finding("error", x.reason)
        return
    yield from (Finding("warning", w) for w in x.warnings)
    faults = declaration_faults(x.extension)
    yield from (Finding("error", f) for f in faults)
    if faults:
        return
    yield from _api(x.extension)
    if not x.extension.help:
        yield Finding("warning", "help is empty; say in a sentence what the extension brings.")
    yield from _import_cost(x.extension, path)
    broken = False
    for item in x.extension.provides:
        for finding in _item(item):
            broken |= finding.level == "error"
            yield finding
    if not broken:
        yield from _boot(x.extension)


def _api(extension: Extension) -> Iterator[Finding]:
    try:
        if not fits_api(extension.api):
            yield Finding("error", f"api='{extension.api}' does not take in the API of this h2ok.")
    except ValueError as e:
        yield Finding("error", str(e))


def _import_cost(extension: Extension, path: Path | None) -> Iterator[Finding]:
    """Import the module of the declaration in a process of its own, as every boot does."""
    module = next((m for m, v in list(sys.modules.items()) if getattr(v, "extension", None) is extension), None)
    if module is None:
        return
    folders = [str(path / "src"), str(path)] if path else []
    code = (
        f"import sys, time; sys.path[:0] = {folders!r}; import h2ok.capabilities.contracts.extension; before = set(sys.modules); "
        f"t = time.perf_counter(); import {module}; print(1000 * (time.perf_counter() - t)); "
        "print(*sorted({m.partition('.')[0] for m in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our code
    if done.returncode:
        yield Finding("error", f"import {module} fails in a fresh process: {done.stderr.strip().rsplit(chr(10), 1)[-1]}")
        return
    took, _, names = done.stdout.partition("\n")
    own = module.partition(".")[0]
    more = [n for n in names.split() if n not in {own, "h2ok", "numpy"} and n not in sys.stdlib_module_names]
    if float(took) > SLOW_MS:
        yield Finding("warning", f"import {module} takes {float(took):.0f} ms of every boot; less than {SLOW_MS:.0f} was expected.")
    if more:
        yield Finding("warning", f"import {module} imports {', '.join(more)}; import libraries where they are used.")


def _item(item: Any) -> Iterator[Finding]:
    kind = KINDS[type(item)]
    what = f"{kind.word} '{item_name(item)}'"
    try:
        found = resolve(item.target)
    except Exception as e:
        yield Finding("error", f"{what}: {item.target} cannot be imported: {type(e).__name__}: {e}")
        return
    fault = _fault(item, found)
    yield Finding("error", f"{what}: {fault}") if fault else Finding("ok", f"{what}: {item.target} keeps {kind.contract}")


def _fault(item: Any, found: Any) -> str:
    """What is wrong with what a target leads to."""
    if isinstance(item, Algo):
        return _algorithm_fault(item, found)
    if isinstance(item, Routes | Primitives | ModelingSteps):
        return _list_fault(item, found)
    if isinstance(item, CoreExtension):
        marked = [n for n in dir(found) if not n.startswith("_") and hasattr(getattr(found, n), "h2ok_impl")]
        return "" if marked else "it implements no hook; mark methods with @hookimpl of h2ok.capabilities.hookspecs."
    if isinstance(item, Service):
        return "" if callable(found) else "it is no class."
    contract = resolve(KINDS[type(item)].contract)
    if not inspect.isclass(found):
        return f"it is a {type(found).__name__}, a class was expected."
    if getattr(contract, "_is_protocol", False):
        missing = [n for n in ("configure", "run") if not hasattr(found, n)]
        return f"it lacks {', '.join(missing)}." if missing else ""
    if not issubclass(found, contract):
        return f"class {found.__name__} does not inherit {KINDS[type(item)].contract}."
    abstract = sorted(getattr(found, "__abstractmethods__", ()))
    if abstract:
        return f"class {found.__name__} leaves {', '.join(abstract)} out."
    from h2ok.kernel.wire import registered_name

    if isinstance(item, Codec) and registered_name(found) is None and not hasattr(found, "__wire_name__"):
        return f"class {found.__name__} is no wire type; decorate it with @wire_type('distribution.name')."
    return ""


def _list_fault(item: Any, found: Any) -> str:
    from h2ok.capabilities.contracts.primitive import Primitive
    from h2ok.capabilities.contracts.routes import Route
    from h2ok.capabilities.contracts.steps import ModelingStep

    wanted = {Routes: Route, Primitives: Primitive, ModelingSteps: ModelingStep}[type(item)]
    entries = found() if isinstance(item, Routes) and callable(found) else found
    try:
        wrong = [e for e in entries if not isinstance(e, wanted)]
    except TypeError:
        return f"it is a {type(found).__name__}, a list of {wanted.__name__} was expected."
    if wrong:
        return f"it holds {wrong[0]!r}, a {wanted.__name__} was expected."
    if isinstance(item, Primitives):
        defined, declared = {e.name for e in entries}, set(item.names)
        if defined != declared:
            return f"names={sorted(declared)} and what is defined, {sorted(defined)}, differ."
    for e in entries if isinstance(item, Routes) else ():
        for part in (e.handler, e.input, e.output):
            try:
                resolve(part)
            except Exception as error:
                return f"{e.method} {e.path}: {part} cannot be imported: {error}"
    return ""


def _algorithm_fault(item: Algo, found: Any) -> str:
    """Checked by shape: the model framework is another distribution, above this one."""
    if not inspect.isclass(found):
        return f"it is a {type(found).__name__}, a class was expected."
    if getattr(found, "algo", "") != item.name:
        return f"it is declared as '{item.name}', its class says algo = '{getattr(found, 'algo', '')}'. Both must be equal."
    missing = [
        n
        for n in (("fit", "predict", "Parameters") if hasattr(found, "as_builder") else ("build", "parameters"))
        if not hasattr(found, n)
    ]
    abstract = sorted(getattr(found, "__abstractmethods__", ()))
    if missing or abstract:
        return f"class {found.__name__} leaves {', '.join([*missing, *abstract])} out."
    try:
        builder: Any = found.as_builder() if hasattr(found, "as_builder") else found
        fields = builder.parameters.api_fields.values()
    except Exception as e:
        return f"its parameters cannot be read: {type(e).__name__}: {e}"
    silent = [f.name for f in fields if not f.help]
    return f"parameters without help: {', '.join(silent)}." if silent else ""


def _boot(extension: Extension) -> Iterator[Finding]:
    """Boot a node with everything installed and this extension."""
    from h2ok.capabilities.testing.client import Client
    from h2ok.capabilities.testing.local import local_runtime

    with local_runtime(extra=[extension]) as runtime:
        found = next(x for x in runtime.registry.loaded if x.name == extension.name)
        if found.state != "active":
            yield Finding("error", f"beside what is installed here it is {found.state}: {found.reason}")
            return
        yield from (Finding("warning", w) for w in found.warnings)
        if not runtime.has_service("rest.app"):
            yield Finding("warning", "no extension serves REST here, so routes were not tried.")
            return
        report = Client.of(runtime).get("/3/Capabilities/Extensions")
        groups = {p.name for p in extension.provides if isinstance(p, Routes)}
        yield from (Finding("error", c) for c in report["route_clashes"] if any(f"of '{g}'" in c for g in groups))
        yield from (Finding("error", f"routes '{g}': {why}") for g, why in report["failed_routes"].items() if g in groups)
        for algo in (p.name for p in extension.provides if isinstance(p, Algo)):
            for level, text in try_algorithm(runtime, Client.of(runtime), algo):
                yield Finding(level, f"algorithm '{algo}': {text}")
    yield Finding("ok", "a node boots with it, serves, and ends")

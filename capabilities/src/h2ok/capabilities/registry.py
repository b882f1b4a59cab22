"""Registry: finds extensions through entry points and answers who provides what."""

from __future__ import annotations

import hashlib
import importlib
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import importlib_metadata
import pluggy
from h2ok.capabilities.contracts.extension import (
    API_VERSION,
    KINDS,
    Algo,
    Command,
    CoreExtension,
    Extension,
    Parser,
    Persist,
    Primitives,
    Routes,
    Service,
    UnavailableError,
)
from h2ok.capabilities.declaration import claims, declaration_faults, fits_api, item_name
from h2ok.capabilities.hookspecs import HookSpecs
from h2ok.capabilities.loading import Loaded, State, load_entry_point
from h2ok.kernel import H2OKError, __version__

__all__ = ["GROUP", "ExtensionError", "Loaded", "Registry", "State", "resolve", "toggles_from"]

#: The one entry-point group.
GROUP = "h2ok.extensions"

P = TypeVar("P")
#: Names of H2O's properties that switch an extension, without the ``sys.ai.h2o.`` in front.
_TOGGLES = ("ext.core.toggle.", "ext.rest.toggle.", "ext.auth.toggle.")


class ExtensionError(H2OKError, ImportError):
    """An extension that was asked for by name cannot be used."""


def resolve(target: Any) -> Any:
    """The object behind ``"module:attribute"``; anything that is no text is returned as it is."""
    if not isinstance(target, str):
        return target
    module, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in attribute.split(".") if attribute else ():
        found = getattr(found, part)
    return found


def toggles_from(properties: Mapping[str, str]) -> dict[str, bool]:
    """Switches by lower-case name from H2O's properties such as ``sys.ai.h2o.ext.core.toggle.XGBoost=false``."""
    out: dict[str, bool] = {}
    for key, value in properties.items():
        short = key.removeprefix("sys.ai.h2o.")
        for prefix in _TOGGLES:
            if short.startswith(prefix):
                out[short[len(prefix) :].lower()] = value.strip().lower() in ("true", "1", "yes")
    return out


class Registry:
    """The extensions of one node. ``discover`` never raises for a broken package; it reports it."""

    def __init__(self, loaded: Iterable[Loaded] = ()) -> None:
        self.loaded: list[Loaded] = list(loaded)
        self.plugins = pluggy.PluginManager("h2ok")
        self.plugins.add_hookspecs(HookSpecs)
        self.load_ms = 0.0

    @classmethod
    def discover(
        cls,
        exclude: Iterable[str] = (),
        require: Iterable[str] = (),
        only: Iterable[str] | None = None,
        toggles: Mapping[str, bool] | None = None,
        extra: Iterable[Extension] = (),
    ) -> Registry:
        """Load every entry point of the group, each in its own try.

        Parameters
        ----------
        exclude : names kept out (``--no-ext``, and the environment's H2OK_DISABLE_EXT).
        require : names that must be active (``--ext``).
        only : when given, no others are loaded (tests).
        toggles : switches by lower-case name of an extension or core extension (H2O's toggle properties).
        extra : extensions without an entry point (tests); one that is installed too is replaced.

        Raises
        ------
        ExtensionError
            A required extension is missing or not usable; the text says how to install it.
        """
        started = time.perf_counter()
        registry = cls()
        skip = {*exclude, *filter(None, (n.strip() for n in os.environ.get("H2OK_DISABLE_EXT", "").split(",")))}
        wanted = None if only is None else set(only)
        switches = dict(toggles or {})
        for ep in importlib_metadata.entry_points(group=GROUP):
            if wanted is not None and ep.name not in wanted:
                continue
            registry.loaded.append(load_entry_point(ep, skip, switches))
        if wanted is None or "hosts" in wanted:
            registry.loaded.append(_own(skip, switches))
        given = [Loaded(e.name, e, "(given)", "", "active") for e in extra]
        names = {x.name for x in given}
        registry.loaded = [x for x in registry.loaded if x.name not in names] + given
        registry.settle(switches)
        registry.load_ms = (time.perf_counter() - started) * 1000
        for name in require:
            registry.require(name)
        return registry

    def settle(self, toggles: Mapping[str, bool] | None = None) -> None:
        """Order the extensions, refuse duplicates and unknown API versions, start core extensions, block what lacks its needs."""
        self.loaded.sort(key=lambda x: x.order)
        self._refuse_duplicates()
        for x in self.loaded:
            if x.state == "active" and x.extension is not None:
                faults = declaration_faults(x.extension)
                if faults:
                    x.fail(" ".join(faults))
                else:
                    _check_api(x, x.extension)
        self._refuse_claimed()
        self._start_core(toggles or {})
        self._block_unmet()

    def _refuse_duplicates(self) -> None:
        seen: dict[str, Loaded] = {}
        for x in self.loaded:
            if x.state != "active":
                continue
            first = seen.setdefault(x.name, x)
            if first is not x:
                text = (
                    f"The name '{x.name}' is taken twice: by distribution {first.distribution} {first.version} and by "
                    f"{x.distribution} {x.version}. Uninstall one of them."
                )
                for y in (first, x):
                    y.state, y.reason = "blocked", text

    def _refuse_claimed(self) -> None:
        """Block an extension that provides a name which an earlier one has: no part of it would do what its users expect."""
        owners: dict[tuple[str, str], Loaded] = {}
        for x in self.loaded:
            if x.state != "active" or x.extension is None:
                continue
            mine = list(claims(x.extension))
            taken = next((c for c in mine if owners.get(c, x) is not x or mine.count(c) > 1), None)
            if taken is None:
                owners.update(dict.fromkeys(mine, x))
                continue
            first = owners.get(taken, x)
            whose = "by itself, twice" if first is x else f"by extension {first.origin} already"
            x.state = "blocked"
            what = f"provides the {taken[0]} '{taken[1]}', which is provided {whose}"
            x.reason = f"{what}. Rename it, or keep one of them out with --no-ext."

    def _start_core(self, toggles: Mapping[str, bool]) -> None:
        for x in self.loaded:
            if x.state != "active" or x.extension is None:
                continue
            started = time.perf_counter()
            names = []
            for core in x.extension.provides:
                if not isinstance(core, CoreExtension) or not toggles.get(core.name.lower(), True):
                    continue
                try:
                    self._register(core)
                    names.append(core.name)
                except UnavailableError as e:
                    x.state, x.reason = "disabled", str(e)
                    break
                except (Exception, SystemExit) as e:
                    x.fail(f"Core extension '{core.name}' cannot be used: {_said(e)}", e)
                    break
            x.core = tuple(names)
            x.load_ms += (time.perf_counter() - started) * 1000

    def _register(self, core: CoreExtension) -> None:
        plugin = resolve(core.target)()
        try:
            self.plugins.register(plugin, name=core.name)
            # PERF: checked one by one, so that a misspelt hook disables its own extension only.
            unknown = [
                n for n in dir(plugin) if not n.startswith("_") and hasattr(getattr(plugin, n), "h2ok_impl") and not _is_hook(n)
            ]
            if unknown:
                hooks = ", ".join(n for n in dir(HookSpecs) if _is_hook(n))
                raise pluggy.PluginValidationError(plugin, f"'{unknown[0]}' is no hook of h2ok. Hooks: {hooks}.")
            init = getattr(plugin, "init", None)
            if init is not None:
                init()
        except Exception:
            if self.plugins.is_registered(plugin):
                self.plugins.unregister(plugin)
            raise

    def _block_unmet(self) -> None:
        changed = True
        while changed:
            changed = False
            names = {x.name for x in self.loaded if x.state == "active"}
            cores = {c for x in self.loaded if x.state == "active" for c in x.core}
            for x in self.loaded:
                if x.state != "active" or x.extension is None:
                    continue
                unmet = [r for r in x.extension.requires if not _is_met(r, names, cores)]
                if unmet:
                    x.state, changed = "blocked", True
                    x.reason = " ".join(self._why_unmet(r) for r in unmet)
                    self._unregister(x)

    def owner(self, core: str) -> Loaded | None:
        """The extension that a registered core extension belongs to."""
        return next((x for x in self.loaded if core in x.core), None)

    def fail_core(self, core: str, hook: str, error: BaseException) -> str:
        """Take out the extension whose core extension failed in a hook, and those that need it; what happened, in words."""
        x = self.owner(core)
        text = f"Core extension '{core}' failed in {hook}: {_said(error)}"
        if x is not None:
            x.fail(text, error)
            self._unregister(x)
            self._block_unmet()
        return text

    def info(self, x: Loaded) -> dict[str, Any]:
        """What the core extensions of an extension say about themselves (``build_info``)."""
        out: dict[str, Any] = {}
        for core in x.core:
            ask = getattr(self.plugins.get_plugin(core), "build_info", None)
            try:
                out.update((ask() if ask is not None else None) or {})
            except Exception as e:
                x.warn(f"Core extension '{core}' failed in build_info: {_said(e)}")
        return out

    def load(self, item: Any) -> Any:
        """What an item's ``target`` leads to, imported on first use.

        Raises
        ------
        ExtensionError
            It cannot be imported; the text names the extension, the target and the reason.
        """
        try:
            return resolve(item.target)
        except Exception as e:
            x = next((x for x in self.loaded if x.extension is not None and item in x.extension.provides), None)
            kind = KINDS[type(item)].word
            text = f"The {kind} '{item_name(item)}' of extension {x.origin if x else '?'} cannot be used: {item.target}: {_said(e)}"
            if x is not None:
                x.warn(text)
            raise ExtensionError(f"{text} Update the package, or keep it out with --no-ext.", extension=x.name if x else "") from e

    def _why_unmet(self, need: str) -> str:
        name = need.removeprefix("core:")
        for x in self.loaded:
            cores = () if x.extension is None else tuple(p.name for p in x.extension.provides if isinstance(p, CoreExtension))
            if x.name == name or (need.startswith("core:") and name in cores):
                why = x.reason or "its core extension is switched off"
                return f"needs {need}, which is not active: extension {x.origin} is {x.state}: {why}"
        how = (
            f"Install it: pip install h2ok-{name.lower()}"
            if not need.startswith("core:")
            else "No installed extension provides it."
        )
        return f"needs {need}, which is not active. {how}"

    def _unregister(self, x: Loaded) -> None:
        for core in x.core:
            plugin = self.plugins.get_plugin(core)
            if plugin is not None:
                self.plugins.unregister(plugin)

    def require(self, name: str) -> Loaded:
        """The active extension ``name``.

        Raises
        ------
        ExtensionError
            It is not installed, or not active; the text says why and what to do.
        """
        found = [x for x in self.loaded if x.name == name]
        if not found:
            installed = ", ".join(x.name for x in self.loaded) or "none"
            raise ExtensionError(
                f"Extension '{name}' is not installed. Install it: pip install h2ok[{name}] or pip install h2ok-{name}. "
                f"Installed: {installed}.",
                extension=name,
            )
        x = next((x for x in found if x.state == "active"), found[0])
        if x.state != "active":
            raise ExtensionError(f"Extension '{name}' ({x.distribution} {x.version}) is {x.state}: {x.reason}", extension=name)
        return x

    def active(self) -> list[Extension]:
        """Active extensions in order of (priority, name)."""
        return [x.extension for x in self.loaded if x.state == "active" and x.extension is not None]

    def provided(self, kind: type[P]) -> list[P]:
        """Everything of one kind that active extensions provide, in their order."""
        return [p for e in self.active() for p in e.provides if isinstance(p, kind)]

    def core_names(self) -> list[str]:
        """Core extensions that are on."""
        return [c for x in self.loaded if x.state == "active" for c in x.core]

    def algos(self) -> dict[str, Algo]:
        """Algorithms by name."""
        return {a.name: a for a in self.provided(Algo)}

    def why_no_algo(self, name: str) -> str:
        """Why no algorithm ``name`` is active and what to do about it; empty when nobody here knows the name."""
        for x in self.loaded:
            declared = x.extension is not None and any(isinstance(p, Algo) and p.name == name for p in x.extension.provides)
            if x.state != "active" and (declared or x.name == name):
                return f"Extension '{x.name}' ({x.distribution} {x.version}) is {x.state}: {x.reason}"
        return f"It is not installed: pip install h2ok[{name}]" if name in _extras() else ""

    def parsers(self) -> list[Parser]:
        """Parsers, first asked first."""
        return sorted(self.provided(Parser), key=lambda p: (p.priority, p.name))

    def persist_for(self, scheme: str) -> Persist | None:
        """The storage backend of a URI scheme."""
        return next((p for p in self.provided(Persist) if scheme in p.schemes), None)

    def primitives_for(self, name: str) -> Primitives | None:
        """The primitives module that holds ``name``."""
        return next((p for p in self.provided(Primitives) if name in p.names), None)

    def routes(self) -> list[Routes]:
        """All groups of routes whose needs are met."""
        names = {x.name for x in self.loaded if x.state == "active"}
        cores = set(self.core_names())
        return [r for r in self.provided(Routes) if all(_is_met(n, names, cores) for n in r.requires)]

    def commands(self) -> list[Command]:
        """Sub-commands of ``h2ok``."""
        return self.provided(Command)

    def named(self, kind: type[P], name: str) -> Any:
        """What the item of a kind and name leads to.

        Raises
        ------
        ExtensionError
            No active extension provides it, or it cannot be imported.
        """
        items: list[Any] = self.provided(kind)
        for item in items:
            if item.name == name:
                return self.load(item)
        word = KINDS[kind].word  # type: ignore[index]
        known = ", ".join(i.name for i in items) or "none"
        raise ExtensionError(
            f"There is no {word} '{name}'. Known: {known}. Install the package that brings it; see `h2ok ext list`."
        )

    def has_service(self, name: str) -> bool:
        """Whether some active extension provides the service."""
        return any(s.name == name for s in self.provided(Service))

    def service_class(self, name: str) -> type[Any]:
        """The class of a named service.

        Raises
        ------
        LookupError
            No active extension provides it.
        """
        for s in self.provided(Service):
            if s.name == name:
                cls: type[Any] = self.load(s)
                return cls
        raise LookupError(f"No active extension provides the service '{name}'. See `h2ok ext list`.")

    def versions(self) -> list[str]:
        """``name==version`` of the active extensions, sorted: what all nodes of a cloud must agree on."""
        return sorted(f"{x.name}=={x.version}" for x in self.loaded if x.state == "active")

    def set_hash(self) -> str:
        """A short hash of ``versions``."""
        return hashlib.blake2b("\n".join(self.versions()).encode(), digest_size=8).hexdigest()


class _OwnEntryPoint:
    """The extension of this distribution, which needs no installation to be found."""

    name, value = "hosts", "h2ok.capabilities.hosts:extension"

    class dist:  # noqa: N801 - stands for the attribute of an entry point
        name, version = "h2ok-capabilities", __version__

    @staticmethod
    def load() -> Any:
        return resolve(_OwnEntryPoint.value)


def _own(skip: set[str], toggles: Mapping[str, bool]) -> Loaded:
    return load_entry_point(_OwnEntryPoint, skip, toggles)


def _extras() -> list[str]:
    """Names of the optional parts of h2ok."""
    try:
        return importlib_metadata.metadata("h2ok").get_all("Provides-Extra") or []
    except importlib_metadata.PackageNotFoundError:
        return []


def _check_api(x: Loaded, extension: Extension) -> None:
    try:
        fits = fits_api(extension.api)
    except ValueError as e:
        x.fail(str(e))
        return
    if not fits:
        x.state = "blocked"
        x.reason = (
            f"was written for API {extension.api}, this is API {API_VERSION}. Install a version of {x.distribution} for this API: "
            f"pip install --upgrade {x.distribution}"
        )


def _said(error: BaseException) -> str:
    """An error in a line, with its class where the text alone does not tell enough."""
    text = str(error).strip()
    out = (
        text
        if isinstance(error, H2OKError | pluggy.PluginValidationError) and text
        else f"{type(error).__name__}: {text}".rstrip(": ")
    )
    return out if out.endswith((".", "!", "?")) else out + "."


def _is_met(need: str, extensions: set[str], cores: set[str]) -> bool:
    return need[5:] in cores if need.startswith("core:") else need in extensions


def _is_hook(name: str) -> bool:
    return not name.startswith("_") and callable(getattr(HookSpecs, name, None))

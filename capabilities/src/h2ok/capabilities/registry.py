"""Registry: finds extensions through entry points, starts them, and keeps apart what fails."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import importlib_metadata
import pluggy
from h2ok.capabilities.catalog import Catalog, ExtensionError, is_met, resolve, said
from h2ok.capabilities.contracts.extension import (
    API_VERSION,
    CoreExtension,
    Extension,
    UnavailableError,
)
from h2ok.capabilities.declaration import claims, declaration_faults, fits_api
from h2ok.capabilities.hookspecs import HookSpecs
from h2ok.capabilities.installing import how_to_get
from h2ok.capabilities.loading import Loaded, State, load_entry_point
from h2ok.kernel import __version__

__all__ = ["GROUP", "ExtensionError", "Loaded", "Registry", "State", "resolve", "toggles_from"]

#: The one entry-point group.
GROUP = "h2ok.extensions"

P = TypeVar("P")
#: Names of H2O's properties that switch an extension, without the ``sys.ai.h2o.`` in front.
_TOGGLES = ("ext.core.toggle.", "ext.rest.toggle.", "ext.auth.toggle.")


def toggles_from(properties: Mapping[str, str]) -> dict[str, bool]:
    """Switches by lower-case name from H2O's properties such as ``sys.ai.h2o.ext.core.toggle.XGBoost=false``."""
    out: dict[str, bool] = {}
    for key, value in properties.items():
        short = key.removeprefix("sys.ai.h2o.")
        for prefix in _TOGGLES:
            if short.startswith(prefix):
                out[short[len(prefix) :].lower()] = value.strip().lower() in ("true", "1", "yes")
    return out


class Registry(Catalog):
    """The extensions of one node, and how they come about. ``discover`` never raises for a broken package; it reports it."""

    def __init__(self, loaded: Iterable[Loaded] = ()) -> None:
        super().__init__(loaded)
        self.plugins.add_hookspecs(HookSpecs)

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
                    x.fail(f"Core extension '{core.name}' cannot be used: {said(e)}", e)
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
                unmet = [r for r in x.extension.requires if not is_met(r, names, cores)]
                if unmet:
                    x.state, changed = "blocked", True
                    x.reason = " ".join(self._why_unmet(r) for r in unmet)
                    self._unregister(x)

    def fail_core(self, core: str, hook: str, error: BaseException) -> str:
        """Take out the extension whose core extension failed in a hook, and those that need it; what happened, in words."""
        x = self.owner(core)
        text = f"Core extension '{core}' failed in {hook}: {said(error)}"
        if x is not None:
            x.fail(text, error)
            self._unregister(x)
            self._block_unmet()
        return text

    def _why_unmet(self, need: str) -> str:
        name = need.removeprefix("core:")
        for x in self.loaded:
            cores = () if x.extension is None else tuple(p.name for p in x.extension.provides if isinstance(p, CoreExtension))
            if x.name == name or (need.startswith("core:") and name in cores):
                why = x.reason or "its core extension is switched off"
                return f"needs {need}, which is not active: extension {x.origin} is {x.state}: {why}"
        installed = [x.name for x in self.loaded]
        how = "No installed extension provides it." if need.startswith("core:") else how_to_get(name, installed)
        return f"needs {need}, which is not active. {how}"

    def _unregister(self, x: Loaded) -> None:
        for core in x.core:
            plugin = self.plugins.get_plugin(core)
            if plugin is not None:
                self.plugins.unregister(plugin)


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


def _is_hook(name: str) -> bool:
    return not name.startswith("_") and callable(getattr(HookSpecs, name, None))

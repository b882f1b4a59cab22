"""Loading: one entry point at a time, each on its own, so that a broken package is reported and never ends a boot."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from h2ok.capabilities.contracts.extension import Extension
from h2ok.capabilities.declaration import declaration_faults

__all__ = ["Loaded", "State", "load_entry_point"]

State = Literal["active", "disabled", "blocked", "failed"]

#: Milliseconds after which the import of a declaration is worth a word.
SLOW_MS = 200.0
#: Libraries that take long to import; a declaration must not.
_HEAVY = ("numba", "pyarrow", "pandas", "scipy", "sklearn", "xgboost", "torch", "tensorflow", "boto3", "polars", "matplotlib")


@dataclass(slots=True)
class Loaded:
    """An extension as found: its state, and why when it is not active. ``load_ms``: import and registration."""

    name: str
    extension: Extension | None
    distribution: str
    version: str
    state: State
    reason: str = ""
    traceback: str = ""
    load_ms: float = 0.0
    #: Names of core extensions of this extension that are switched on.
    core: tuple[str, ...] = ()
    #: What is not right although the extension works.
    warnings: list[str] = field(default_factory=list)

    @property
    def order(self) -> tuple[int, str]:
        return (self.extension.priority if self.extension else 100, self.name)

    @property
    def origin(self) -> str:
        """Extension with distribution and version, for messages."""
        return f"'{self.name}' ({self.distribution} {self.version})".replace(" )", ")")

    def fail(self, reason: str, error: BaseException | None = None) -> None:
        """Mark as failed."""
        self.state, self.reason = "failed", reason
        if error is not None:
            self.traceback = "".join(traceback.format_exception(error))

    def warn(self, text: str) -> None:
        """Note something once."""
        if text not in self.warnings:
            self.warnings.append(text)


def load_entry_point(ep: Any, skip: set[str], toggles: Mapping[str, bool]) -> Loaded:
    """The extension behind an entry point; never raises."""
    dist = ep.dist.name if ep.dist else "?"
    version = ep.dist.version if ep.dist else "?"
    if ep.name in skip:
        return Loaded(ep.name, None, dist, version, "disabled", "excluded by --no-ext or H2OK_DISABLE_EXT")
    if not toggles.get(ep.name.lower(), True):
        return Loaded(ep.name, None, dist, version, "disabled", "switched off by its toggle property")
    out = Loaded(ep.name, None, dist, version, "active")
    before = {m for m in _HEAVY if m in sys.modules}
    started = time.perf_counter()
    try:
        out.extension = _checked(ep.load(), ep.name, ep.value)
    except (Exception, SystemExit) as e:  # one broken package must not stop the boot, not even one that exits
        out.fail(f"{type(e).__name__}: {e}".rstrip(": ") + _advice(e, ep.value, dist), e)
    out.load_ms = (time.perf_counter() - started) * 1000
    heavy = sorted(m for m in _HEAVY if m in sys.modules and m not in before)
    if heavy:
        out.warn(f"Importing '{ep.value}' imports {', '.join(heavy)}. Import heavy libraries where they are used.")
    if out.load_ms > SLOW_MS:
        out.warn(f"Importing '{ep.value}' took {out.load_ms:.0f} ms of the boot; less than {SLOW_MS:.0f} was expected.")
    return out


def _checked(extension: Any, name: str, value: str) -> Extension:
    if not isinstance(extension, Extension):
        raise TypeError(
            f"Entry point '{value}' is a {type(extension).__name__}, an Extension was expected. "
            "Make it extension = Extension(name, provides=(...))."
        )
    faults = declaration_faults(extension)
    if faults:
        raise TypeError(" ".join(faults))
    if extension.name != name:
        raise ValueError(
            f"The entry point is called '{name}', its extension '{extension.name}'. Give both one name; --ext and --no-ext take it."
        )
    return extension


def _advice(error: BaseException, value: str, dist: str) -> str:
    """What to do about an import that failed."""
    text = "" if str(error).endswith((".", "!", "?")) else "."
    if isinstance(error, ModuleNotFoundError) and error.name:
        if error.name == value.partition(":")[0].partition(".")[0]:
            return f"{text} The entry point names a module that {dist} does not install; check its packages."
        return f"{text} Install '{error.name}', or import it where it is used. Or keep the extension out with --no-ext."
    if isinstance(error, TypeError | ValueError):
        return text
    return f"{text} Its module failed on import; `h2ok ext info` shows where. Update {dist}, or keep it out with --no-ext."

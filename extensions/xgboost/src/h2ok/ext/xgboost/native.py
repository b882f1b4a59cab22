"""Whether the native library can be used here, found out without importing it."""

from __future__ import annotations

import importlib.util
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from h2ok.capabilities.contracts.extension import UnavailableError
from h2ok.capabilities.hookspecs import hookimpl
from h2ok.capabilities.installing import pip_install

__all__ = ["INSTALL", "XGBoostCore", "library_version"]

#: What to type when the library is missing.
INSTALL = pip_install("xgboost")


class XGBoostCore:
    """On when the library is installed; off with the reason otherwise."""

    @hookimpl
    def init(self) -> None:
        """Looks for the library only: importing it takes seconds, which a boot does not spend.

        Raises
        ------
        UnavailableError
            The library is not installed.
        """
        if importlib.util.find_spec("xgboost") is None:
            raise UnavailableError(f"The library xgboost is not installed on this node. Install it: {INSTALL}")

    @hookimpl
    def build_info(self) -> dict[str, Any]:
        """Version of the library."""
        return {"xgboost": library_version()}


def library_version() -> str:
    """Version of the installed distribution, empty when its name is not one of the known ones."""
    for name in ("xgboost-cpu", "xgboost"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""

"""Report: the extensions of a registry in words and numbers, for ``h2ok ext`` and /3/Capabilities/Extensions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.extension import API_VERSION, KINDS
from h2ok.capabilities.declaration import item_name
from h2ok.capabilities.settings import H2OK_VERSION

if TYPE_CHECKING:
    from h2ok.capabilities.catalog import Catalog
    from h2ok.capabilities.loading import Loaded

__all__ = ["extension_report", "loaded_json", "provided_names"]


def extension_report(registry: Catalog) -> dict[str, Any]:
    """All extensions with state, reason, versions and what they provide."""
    return {
        "h2ok_version": H2OK_VERSION,
        "api_version": API_VERSION,
        "set_hash": registry.set_hash(),
        "load_ms": round(registry.load_ms, 3),
        "extensions": [loaded_json(x, registry.info(x)) for x in registry.loaded],
    }


def loaded_json(x: Loaded, info: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One extension; ``info``: what its core extensions say about themselves."""
    return {
        "name": x.name,
        "state": x.state,
        "reason": x.reason or None,
        "distribution": x.distribution,
        "version": x.version,
        "api": x.extension.api if x.extension else None,
        "requires": list(x.extension.requires) if x.extension else [],
        "priority": x.extension.priority if x.extension else None,
        "help": x.extension.help if x.extension else "",
        "kinds": sorted({KINDS[type(p)].word for p in x.extension.provides}) if x.extension else [],
        "provides": provided_names(x),
        "info": dict(info or {}),
        "warnings": list(x.warnings),
        "load_ms": round(x.load_ms, 3),
    }


def provided_names(x: Loaded) -> list[dict[str, str]]:
    """Kind and name of everything an extension provides."""
    return [] if x.extension is None else [{"kind": KINDS[type(p)].word, "name": item_name(p)} for p in x.extension.provides]

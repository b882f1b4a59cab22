"""Finding the builder of an algorithm among the extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2ok.capabilities.contracts.errors import ApiError
from h2ok.ext.models.builder import ModelBuilder

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime

__all__ = ["builder_class", "why_missing"]


def why_missing(runtime: Runtime, algo: str) -> str:
    """The end of a sentence that says an algorithm is not there: the reason when one is known."""
    reason = runtime.registry.why_no_algo(algo)
    return f": {reason}." if reason else "."


def builder_class(runtime: Runtime, algo: str) -> type[ModelBuilder]:
    """The builder of an algorithm.

    Raises
    ------
    ApiError
        No active extension provides it (500, as H2O answers).
    """
    known = runtime.registry.algos()
    if algo not in known:
        raise ApiError(
            f"Algorithm '{algo}' is not available{why_missing(runtime, algo)} Installed: {', '.join(sorted(known)) or 'none'}. "
            "See `h2ok ext list`.",
            exception_type="java.lang.IllegalStateException",
            algo=algo,
        )
    target = runtime.registry.load(known[algo])
    builder: type[ModelBuilder] = target.as_builder() if hasattr(target, "as_builder") else target
    return builder

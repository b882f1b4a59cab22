"""Which algorithms the active extensions bring, and why one is not among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from h2ok.capabilities.contracts.errors import ApiError

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime

__all__ = ["load_builder", "why_missing"]


def why_missing(runtime: Runtime, algo: str) -> str:
    """The end of a sentence that says an algorithm is not there: the reason when one is known."""
    reason = runtime.registry.why_no_algo(algo)
    return f": {reason.rstrip('.')}." if reason else "."


def load_builder(runtime: Runtime, algo: str) -> Any:
    """The class that builds models of an algorithm; ``builders.builder_class`` is the same with its type.

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
    return target.as_builder() if hasattr(target, "as_builder") else target

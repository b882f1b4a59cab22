"""Finding the builder of an algorithm among the extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2ok.ext.models.available import load_builder
from h2ok.ext.models.builder import ModelBuilder

if TYPE_CHECKING:
    from h2ok.capabilities import Runtime

__all__ = ["builder_class"]


def builder_class(runtime: Runtime, algo: str) -> type[ModelBuilder]:
    """The builder of an algorithm; see ``available.load_builder``."""
    builder: type[ModelBuilder] = load_builder(runtime, algo)
    return builder

"""Schemas of routes that only one algorithm has."""

from __future__ import annotations

from h2ok.capabilities.contracts.schema import Schema, api

__all__ = ["MakeGLMModelV3"]


class MakeGLMModelV3(Schema):
    """A model to take after, and coefficients."""

    schema_type = "Iced"
    model: str | None = api("Key<Model>", direction="INPUT", help="Model to take everything but the coefficients from.")
    dest: str | None = api("Key<Model>", direction="INPUT", help="Id of the new model.")
    names: list[str] | None = api("string[]", direction="INPUT", help="Names of the coefficients.")
    beta: list[float] | None = api("double[]", direction="INPUT", help="Values of the coefficients.")
    threshold: float = api("float", 0.5, direction="INPUT", help="Score from which the second class is predicted.")

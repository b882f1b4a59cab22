"""Routes of assemblies and their schema; what they do is imported on use."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.routes import Route
from h2ok.capabilities.contracts.schema import Schema, api

__all__ = ["ROUTES", "AssemblyV99"]


class AssemblyV99(Schema):
    """An assembly: the request to fit one and the answer."""

    schema_version = 99

    steps: list[str] = api("string[]", direction="INPUT", help="Steps: name__class__expression__inplace__names.")
    frame: Any = api("Key<Frame>", direction="INPUT", schema="FrameKeyV3", help="Frame to transform.")
    file_name: str = api("string", direction="INPUT", help="Name of the file to make.")
    assembly_id: str = api("string", direction="INPUT", help="Key of an assembly.")
    result: Any = api("Key<Frame>", direction="OUTPUT", schema="FrameKeyV3", help="The transformed frame.")
    assembly: Any = api("Key<Assembly>", direction="OUTPUT", schema="AssemblyKeyV3", help="Key of the assembly.")
    _exclude_fields: str = api("string", "", direction="INPUT", help="Fields to leave out of the answer.")


ROUTES = [
    Route(
        "POST",
        "/99/Assembly",
        "h2ok.ext.rapids.assembly:fit",
        input=AssemblyV99,
        output=AssemblyV99,
        summary="Fit an assembly.",
        api_name="fitAssembly",
    ),
    Route(
        "GET",
        "/99/Assembly.java/{assembly_id}/{file_name}",
        "h2ok.ext.rapids.assembly:java",
        input=AssemblyV99,
        output=AssemblyV99,
        summary="Java code of an assembly (not built).",
        api_name="toJava",
    ),
    Route(
        "GET",
        "/99/Assembly.fetch_mojo_pipeline/{assembly_id}/{file_name}",
        "h2ok.ext.rapids.assembly:mojo",
        input=AssemblyV99,
        output=AssemblyV99,
        summary="MOJO pipeline of an assembly (not built).",
        api_name="fetchMojoPipeline",
    ),
]

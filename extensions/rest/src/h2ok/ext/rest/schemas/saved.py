"""Schemas of saved frames."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.schema import RequestSchema, api

__all__ = ["FrameLoadV3", "FrameSaveV3"]


class FrameSaveV3(RequestSchema):
    """Request to save a frame, and the answer."""

    frame_id: Any = api("Key<Frame>", direction="INPUT", schema="FrameKeyV3", json=False, help="Key of the frame.")
    dir: str = api("string", direction="INPUT", help="Folder of the file; the file is named by the frame.")
    force: bool = api("boolean", True, direction="INPUT", help="Whether to replace an existing file.")
    job: Any = api("Job", direction="OUTPUT", schema="JobV3", help="The job that saves.")


class FrameLoadV3(RequestSchema):
    """Request to load a saved frame, and the answer."""

    frame_id: Any = api("Key<Frame>", direction="INPUT", schema="FrameKeyV3", json=False, help="Key of the frame.")
    dir: str = api("string", direction="INPUT", help="Folder of the file; the file is named by the frame.")
    force: bool = api("boolean", True, direction="INPUT", help="Whether to replace an existing frame.")
    job: Any = api("Job", direction="OUTPUT", schema="JobV3", help="The job that loads.")

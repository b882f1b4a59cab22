"""Schemas of values inside other answers; written by the contracts, listed here for the metadata."""

from __future__ import annotations

from typing import Any

from h2ok.capabilities.contracts.schema import Schema, api

__all__ = ["ColumnSpecsBase", "FrameKeyV3", "JobKeyV3", "KeyV3", "ModelKeyV3", "TwoDimTableV3"]


class KeyV3(Schema):
    """A key with its kind and URL."""

    schema_type = "Key<Keyed>"
    name: str = api("string", help="The key.")
    type: str = api("string", help="Kind of object.")
    URL: str = api("string", help="Where to get it.")


class FrameKeyV3(KeyV3):
    """Key of a frame."""

    schema_type = "Key<Frame>"


class ModelKeyV3(KeyV3):
    """Key of a model."""

    schema_type = "Key<Model>"


class JobKeyV3(KeyV3):
    """Key of a job."""

    schema_type = "Key<Job>"


class TwoDimTableV3(Schema):
    """A titled table."""

    schema_type = "TwoDimTable"
    name: str = api("string", direction="OUTPUT", help="Title.")
    description: str = api("string", direction="OUTPUT", help="Subtitle.")
    columns: list[Any] = api("Iced[]", direction="OUTPUT", schema="ColumnSpecsBase", help="Heads of the columns.")
    rowcount: int = api("int", 0, direction="OUTPUT", help="Number of rows.")
    data: list[Any] = api("Polymorphic[][]", direction="OUTPUT", help="Cells by column.")


class ColumnSpecsBase(Schema):
    """Head of a table column."""

    schema_version = -1
    name: str = api("string", direction="OUTPUT", help="Name.")
    type: str = api("string", direction="OUTPUT", help="Type of the cells.")
    format: str = api("string", direction="OUTPUT", help="printf format of the cells.")
    description: str = api("string", direction="OUTPUT", help="What it does.")
